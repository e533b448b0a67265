/* Persons on the command line. */
#include "options_persons.h"

#include <stdio.h>

bool options_persons_check(const options *of, char problem[OPTIONS_PROBLEM_SIZE])
{
    for (size_t i = 0; i < of->persons.count; i++) {
        person who;
        const char *why = person_parse(&who, of->persons.items[i]);
        if (why != NULL) {
            (void)snprintf(problem, OPTIONS_PROBLEM_SIZE, "'%s' names nobody: %s",
                           of->persons.items[i], why);
            return false;
        }
    }
    if (of->id_file == NULL && (of->namespace_code != NULL || of->id_column != NULL ||
                                of->input != BATCH_INPUT_AUTO || of->skip_bad)) {
        (void)snprintf(problem, OPTIONS_PROBLEM_SIZE,
                       "--input, --namespace, --id-column and --skip-bad are about --ids");
        return false;
    }
    return true;
}
