/* profilectl prefetch: has persons ready in the server before anyone asks for them. */
#include <stdlib.h>
#include <string.h>

#include "batch_input.h"
#include "session.h"

enum { CHUNK = 1000, WHO_COLUMNS = 48 }; /* the most that a call takes */

/* The persons of one call, and what became of all. */
typedef struct {
    session *in;
    request_parts *parts;
    batch_input *input; /* NULL: there is no list */
    batch_person persons[CHUNK];
    Profilecontext__V1__PersonRef refs[CHUNK];
    Profilecontext__V1__PersonRef *ref_list[CHUNK];
    Profilecontext__V1__Identity identities[CHUNK];
    size_t count;
    size_t warm;
    size_t started;
    size_t skipped;
    size_t without_cache; /* of those skipped */
    size_t bad;           /* lines */
} prefetching;

/* ---- answers ------------------------------------------------------------------------------- */

static void show(prefetching *p, const person *who, const Profilecontext__V1__PrefetchEntry *entry)
{
    char name[DISPLAY_LINE_BYTES];
    display *out = &p->in->out;
    (void)snprintf(name, sizeof name, "%s:%s", who->by_xid ? "xid" : who->namespace_code, who->id);
    display_cell(out, STYLE_PLAIN, name, WHO_COLUMNS);
    switch (entry->state) {
    case PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_WARM:
        display_add(out, STYLE_GOOD, " ready");
        break;
    case PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_STARTED:
        display_add(out, STYLE_PLAIN, " being fetched");
        break;
    default:
        display_addf(out, STYLE_WARNING, " skipped: %s", entry->reason);
        break;
    }
    display_end(out);
}

static void count(prefetching *p, const Profilecontext__V1__PrefetchEntry *entry)
{
    if (entry->state == PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_WARM) {
        p->warm++;
    } else if (entry->state == PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_STARTED) {
        p->started++;
    } else {
        p->skipped++;
        p->without_cache += strcmp(entry->reason, "NO_CACHE") == 0;
    }
}

/* Asks for the persons that there are, and has room for others then. */
static exit_code ask(prefetching *p)
{
    if (p->count == 0) {
        return EXIT_CODE_OK;
    }
    Profilecontext__V1__PrefetchContextsRequest request;
    Profilecontext__V1__PrefetchContextsResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    request_prefetch(&request, p->parts, p->in->options);
    request.persons = p->ref_list;
    request.n_persons = p->count;
    exit_code code = EXIT_CODE_OK;
    if (profilecontext_prefetch_contexts(&response, p->in->client, &request, &p->in->call,
                                         &status) != PROFILECONTEXT_OK) {
        code = session_fail(p->in, &status);
    } else if (response->n_entries != p->count) {
        code = session_problem(p->in, EXIT_CODE_OTHER,
                               "the server has answered for %zu persons of %zu",
                               response->n_entries, p->count);
    } else if (p->in->options->json) {
        code = session_print_json(p->in, &response->base);
    }
    session_add_cost(p->in);
    for (size_t i = 0; i < p->count; i++) {
        if (code == EXIT_CODE_OK) {
            count(p, response->entries[i]);
        }
        if (code == EXIT_CODE_OK && !p->in->options->json) {
            show(p, &p->persons[i].who, response->entries[i]);
        }
        batch_person_free(&p->persons[i]);
    }
    p->count = 0;
    profilecontext_response_free(response);
    return code;
}

/* ---- persons --------------------------------------------------------------------------------- */

/* Takes the person. */
static exit_code add(prefetching *p, const batch_person *who)
{
    size_t at = p->count++;
    p->persons[at] = *who;
    p->ref_list[at] = &p->refs[at];
    request_person_ref(&p->refs[at], &p->identities[at], &p->persons[at].who);
    return p->count == CHUNK ? ask(p) : EXIT_CODE_OK;
}

static exit_code add_list(prefetching *p)
{
    char problem[BATCH_PROBLEM_SIZE];
    exit_code code = EXIT_CODE_OK;
    for (bool more = p->input != NULL; more && code == EXIT_CODE_OK;) {
        batch_person who;
        switch (batch_input_next(p->input, &who, problem)) {
        case BATCH_INPUT_END:
            more = false;
            break;
        case BATCH_INPUT_BAD:
            p->bad++;
            code = p->in->options->skip_bad
                       ? EXIT_CODE_OK
                       : session_problem(p->in, EXIT_CODE_MISUSE,
                                         "%s; --skip-bad passes over such lines", problem);
            break;
        case BATCH_INPUT_FAILED:
            code = session_problem(p->in, EXIT_CODE_OTHER, "%s", problem);
            break;
        case BATCH_INPUT_PERSON:
            code = add(p, &who);
            break;
        }
    }
    return code;
}

static exit_code open_list(prefetching *p)
{
    char problem[BATCH_PROBLEM_SIZE];
    options how = *p->in->options;
    if (how.id_file == NULL) {
        return EXIT_CODE_OK;
    }
    how.input_file = strcmp(how.id_file, "-") == 0 ? NULL : how.id_file;
    p->input = batch_input_open(&how, problem);
    return p->input == NULL ? session_problem(p->in, EXIT_CODE_MISUSE, "%s", problem)
                            : EXIT_CODE_OK;
}

/* Persons before a bad line are asked for as well. */
static exit_code ask_all(prefetching *p)
{
    const options *how = p->in->options;
    for (size_t i = 0; i < how->persons.count; i++) {
        batch_person who = {.text = NULL};
        /* The options were checked. */
        (void)person_parse(&who.who, how->persons.items[i]);
        (void)add(p, &who);
    }
    exit_code code = add_list(p);
    exit_code last = code == EXIT_CODE_OK || code == EXIT_CODE_MISUSE ? ask(p) : EXIT_CODE_OK;
    return code == EXIT_CODE_OK ? last : code;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Says on standard error what became of all. */
static void report(prefetching *p)
{
    display *err = &p->in->err;
    display_addf(err, STYLE_PLAIN, "%zu ready, %zu being fetched, %zu skipped", p->warm, p->started,
                 p->skipped);
    if (p->bad > 0) {
        display_addf(err, STYLE_PLAIN, ", %zu bad line%s", p->bad, p->bad == 1 ? "" : "s");
    }
    if (p->without_cache > 0) {
        display_add(err, STYLE_PLAIN, ". The server remembers nothing; see its cache.max_bytes.");
    } else if (p->skipped > 0) {
        display_add(err, STYLE_PLAIN, ". The server fetches as many as it may; try again.");
    }
    display_end(err);
}

exit_code command_prefetch(session *in, request_parts *parts)
{
    prefetching *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return session_problem(in, EXIT_CODE_OTHER, "out of memory");
    }
    p->in = in;
    p->parts = parts;
    exit_code code = open_list(p);
    if (code == EXIT_CODE_OK) {
        code = ask_all(p);
    }
    for (size_t i = 0; i < p->count; i++) {
        batch_person_free(&p->persons[i]);
    }
    batch_input_close(p->input);
    if (p->warm + p->started + p->skipped > 0) {
        report(p);
    }
    if (code == EXIT_CODE_OK && p->skipped > 0) {
        code = p->without_cache > 0 ? EXIT_CODE_OTHER : EXIT_CODE_UNAVAILABLE;
    }
    free(p);
    return code;
}
