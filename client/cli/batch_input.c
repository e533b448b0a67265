/* The persons of a batch. */
#include "batch_input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { COLUMNS_MAX = 256, NO_COLUMN = -1 };

struct batch_input {
    FILE *file;
    bool csv;
    const char *namespace_code; /* NULL: each line names it */
    const char *id_column;
    size_t line; /* that was read last */
    int64_t size;
    /* Of a table: where the columns are. */
    int namespace_at;
    int id_at;
    int xid_at;
    /* The fields of a record, one after the other, each with its zero byte. */
    char record[BATCH_LINE_MAX];
    size_t fields[COLUMNS_MAX];
    size_t field_count;
    size_t record_line;
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t of_suffix = strlen(suffix);
    return length >= of_suffix && strcasecmp(name + length - of_suffix, suffix) == 0;
}

/* Reads the next character and counts lines; a return before a line end is left out. */
static int next_character(batch_input *input)
{
    int c = getc(input->file);
    if (c == '\r') {
        int after = getc(input->file);
        if (after == '\n') {
            c = after;
        } else if (after != EOF) {
            (void)ungetc(after, input->file);
        }
    }
    input->line += c == '\n';
    return c;
}

static void skip_line(batch_input *input)
{
    for (int c = next_character(input); c != '\n' && c != EOF;) {
        c = next_character(input);
    }
}

static batch_input_result bad(const batch_input *input, char problem[BATCH_PROBLEM_SIZE],
                              const char *what)
{
    (void)snprintf(problem, BATCH_PROBLEM_SIZE, "line %zu: %s", input->record_line, what);
    return BATCH_INPUT_BAD;
}

/* Reads a line of a list, or a record of a table, into fields. A record that is too long is passed
 * over. */
static batch_input_result read_record(batch_input *input, char problem[BATCH_PROBLEM_SIZE])
{
    size_t size = 0;
    bool quoted = false;
    bool any = false;
    input->record_line = input->line + 1;
    input->field_count = 1;
    input->fields[0] = 0;
    for (;;) {
        int c = next_character(input);
        if (c == EOF && ferror(input->file) != 0) {
            (void)snprintf(problem, BATCH_PROBLEM_SIZE, "line %zu: %s", input->record_line,
                           strerror(errno));
            return BATCH_INPUT_FAILED;
        }
        if (c == EOF && !any) {
            return BATCH_INPUT_END;
        }
        any = true;
        if (c == EOF || (c == '\n' && !quoted)) {
            input->record[size] = '\0';
            return quoted ? bad(input, problem, "a quotation mark is not closed")
                          : BATCH_INPUT_PERSON;
        }
        if (size + 2 >= BATCH_LINE_MAX || c == '\0') {
            if (c != '\n') {
                skip_line(input);
            }
            return bad(input, problem,
                       c == '\0' ? "it has a zero byte" : "it is longer than 4,000 bytes");
        }
        if (input->csv && c == '"') {
            int after = quoted ? getc(input->file) : EOF;
            if (quoted && after == '"') {
                input->record[size++] = '"';
            } else {
                if (quoted && after != EOF) {
                    (void)ungetc(after, input->file);
                }
                quoted = !quoted;
            }
        } else if (input->csv && c == ',' && !quoted) {
            input->record[size++] = '\0';
            if (input->field_count == COLUMNS_MAX) {
                skip_line(input);
                return bad(input, problem, "it has more than 256 columns");
            }
            input->fields[input->field_count++] = size;
        } else {
            input->record[size++] = (char)c;
        }
    }
}

/* The text without the blanks around it. */
static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t", text[size - 1]) != NULL) {
        text[--size] = '\0';
    }
    return text;
}

static char *field(batch_input *input, int at)
{
    static char empty[] = "";
    return at == NO_COLUMN || (size_t)at >= input->field_count
               ? empty
               : trimmed(input->record + input->fields[at]);
}

/* A table that a spreadsheet has saved may begin with a mark of its encoding. */
static void skip_mark(batch_input *input)
{
    static const char mark[] = "\xef\xbb\xbf";
    for (size_t i = 0; i < 3; i++) {
        int c = getc(input->file);
        if (c != (unsigned char)mark[i]) {
            (void)ungetc(c, input->file);
            return;
        }
    }
}

static bool find_columns(batch_input *input, char problem[BATCH_PROBLEM_SIZE])
{
    input->namespace_at = NO_COLUMN;
    input->id_at = NO_COLUMN;
    input->xid_at = NO_COLUMN;
    batch_input_result result = read_record(input, problem);
    if (result == BATCH_INPUT_END) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "the table is empty");
    }
    if (result != BATCH_INPUT_PERSON) {
        return false;
    }
    const char *id = input->id_column == NULL ? "id" : input->id_column;
    for (size_t i = 0; i < input->field_count; i++) {
        const char *name = field(input, (int)i);
        if (strcasecmp(name, id) == 0) {
            input->id_at = (int)i;
        } else if (strcasecmp(name, "namespace") == 0) {
            input->namespace_at = (int)i;
        } else if (strcasecmp(name, "xid") == 0) {
            input->xid_at = (int)i;
        }
    }
    bool named = input->namespace_code != NULL || input->namespace_at != NO_COLUMN;
    if (input->xid_at == NO_COLUMN && (input->id_at == NO_COLUMN || !named)) {
        (void)snprintf(
            problem, BATCH_PROBLEM_SIZE,
            "the table needs the columns namespace and %s, or xid; --namespace gives one "
            "namespace to all, --id-column names the column of the id",
            id);
        return false;
    }
    return true;
}

batch_input *batch_input_open(const options *from, char problem[BATCH_PROBLEM_SIZE])
{
    batch_input *input = calloc(1, sizeof *input);
    if (input == NULL) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "out of memory");
        return NULL;
    }
    const char *name = from->input_file;
    input->namespace_code = from->namespace_code;
    input->id_column = from->id_column;
    input->csv = from->input == BATCH_INPUT_CSV ||
                 (from->input == BATCH_INPUT_AUTO && name != NULL && has_suffix(name, ".csv"));
    input->file = name == NULL ? stdin : fopen(name, "rbe");
    struct stat about;
    if (input->file == NULL || fstat(fileno(input->file), &about) != 0 || S_ISDIR(about.st_mode)) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "cannot read %s: %s",
                       name == NULL ? "the standard input" : name,
                       input->file == NULL ? strerror(errno) : "it is a folder");
        batch_input_close(input);
        return NULL;
    }
    input->size = S_ISREG(about.st_mode) ? about.st_size : 0;
    skip_mark(input);
    if (input->csv && !find_columns(input, problem)) {
        batch_input_close(input);
        return NULL;
    }
    return input;
}

/* Makes a person of a namespace and an id, or of both in one text. */
static batch_input_result make_person(const batch_input *input, batch_person *out,
                                      const char *namespace_code, const char *id,
                                      char problem[BATCH_PROBLEM_SIZE])
{
    bool joined = namespace_code == NULL;
    size_t size = strlen(id) + (joined ? 0 : strlen(namespace_code) + 1) + 1;
    out->line = input->record_line;
    out->text = malloc(size);
    if (out->text == NULL) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "out of memory");
        return BATCH_INPUT_FAILED;
    }
    (void)snprintf(out->text, size, "%s%s%s", joined ? "" : namespace_code, joined ? "" : ":", id);
    const char *wrong = person_parse(&out->who, out->text);
    if (wrong != NULL) {
        batch_person_free(out);
        return bad(input, problem, wrong);
    }
    return BATCH_INPUT_PERSON;
}

batch_input_result batch_input_next(batch_input *input, batch_person *out,
                                    char problem[BATCH_PROBLEM_SIZE])
{
    *out = (batch_person){0};
    for (;;) {
        batch_input_result result = read_record(input, problem);
        if (result != BATCH_INPUT_PERSON) {
            return result;
        }
        const char *id = field(input, input->csv ? input->id_at : 0);
        const char *xid = input->csv ? field(input, input->xid_at) : "";
        if (input->field_count == 1 && *field(input, 0) == '\0') {
            continue;
        }
        if (!input->csv && *id == '#') {
            continue;
        }
        if (*xid != '\0') {
            return make_person(input, out, "xid", xid, problem);
        }
        const char *namespace_code = input->namespace_code;
        if (input->csv && input->namespace_at != NO_COLUMN &&
            *field(input, input->namespace_at) != '\0') {
            namespace_code = field(input, input->namespace_at);
        }
        if (input->csv && namespace_code == NULL) {
            return bad(input, problem, "the namespace is missing");
        }
        return make_person(input, out, namespace_code, id, problem);
    }
}

void batch_person_free(batch_person *who)
{
    free(who->text);
    who->text = NULL;
}

void batch_input_place(batch_input *input, int64_t *read, int64_t *size)
{
    int64_t at = input->size > 0 ? (int64_t)ftello(input->file) : 0;
    *read = at < 0 ? 0 : at;
    *size = input->size;
}

void batch_input_close(batch_input *input)
{
    if (input != NULL && input->file != NULL && input->file != stdin) {
        (void)fclose(input->file);
    }
    free(input);
}
