/* The answers of a batch. Every answer is one line that begins with the line of its question, and
 * the person as it was asked for; a later run finds by both what it need not ask again. */
#include "batch_output.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "times.h"

static const char csv_head[] =
    "line,who,status,reason,first_name,last_name,lifetime_value,lifetime_value_unit,churn,"
    "churn_band,conversion,conversion_band,purchases,last_purchase,open_cases,preferred_channel,"
    "audiences\n";

/* In what form the person of a line stands in the file, as a hash. */
typedef struct {
    uint64_t *hashes; /* by line; 0: not answered */
    size_t count;
} answered;

struct batch_output {
    FILE *file;
    bool csv;
    answered answered;
};

/* FNV-1a. Never 0. */
static uint64_t hash_text(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return hash | 1;
}

/* ---- texts --------------------------------------------------------------------------------- */

static void put_json_text(FILE *to, const char *text)
{
    putc('"', to);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fprintf(to, "\\%c", c);
        } else if (c < 0x20) {
            fprintf(to, "\\u%04x", c);
        } else {
            putc(c, to);
        }
    }
    putc('"', to);
}

/* A field of a table. Line ends become blanks, so that a record is a line. A text that a
 * spreadsheet would take for a formula gets an apostrophe in front. */
static void put_csv_text(FILE *to, const char *text)
{
    putc('"', to);
    if (*text != '\0' && strchr("=+-@\t\r", *text) != NULL) {
        putc('\'', to);
    }
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putc('"', to);
        }
        putc(*text == '\n' || *text == '\r' ? ' ' : *text, to);
    }
    putc('"', to);
}

/* How the person stands in the file; to be freed. */
static char *person_in_file(const batch_output *output, const batch_person *who, size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    if (to == NULL) {
        return NULL;
    }
    if (output->csv) {
        put_csv_text(to, who->text);
    } else {
        put_json_text(to, who->text);
    }
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- what an earlier run has written ----------------------------------------------------------
 */

static bool note_answer(answered *all, size_t line, uint64_t hash)
{
    if (line >= all->count) {
        size_t count = line * 2 < 1024 ? 1024 : line * 2;
        uint64_t *hashes = realloc(all->hashes, count * sizeof *hashes);
        if (hashes == NULL) {
            return false;
        }
        memset(hashes + all->count, 0, (count - all->count) * sizeof *hashes);
        all->hashes = hashes;
        all->count = count;
    }
    all->hashes[line] = hash;
    return true;
}

/* The length of the quoted text that begins here; 0 where it has no end. */
static size_t quoted_size(const char *text, bool csv)
{
    if (*text != '"') {
        return 0;
    }
    for (size_t i = 1; text[i] != '\0'; i++) {
        if (!csv && text[i] == '\\' && text[i + 1] != '\0') {
            i++;
        } else if (csv && text[i] == '"' && text[i + 1] == '"') {
            i++;
        } else if (text[i] == '"') {
            return i + 1;
        }
    }
    return 0;
}

/* Reads the line's number and its person. */
static bool read_answer(answered *all, const char *text, bool csv)
{
    static const char json_start[] = "{\"line\":";
    static const char json_who[] = ",\"who\":";
    if (!csv && strncmp(text, json_start, sizeof json_start - 1) != 0) {
        return false;
    }
    text += csv ? 0 : sizeof json_start - 1;
    char *end = NULL;
    unsigned long line = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    const char *between = csv ? "," : json_who;
    if (line == 0 || line > SIZE_MAX / 64 || strncmp(end, between, strlen(between)) != 0) {
        return false;
    }
    const char *who = end + strlen(between);
    size_t size = quoted_size(who, csv);
    return size > 0 && note_answer(all, line, hash_text(who, size));
}

/* Reads all answers, and cuts off a last one that is not whole. */
static bool read_answers(batch_output *output, const char *name, char problem[BATCH_PROBLEM_SIZE])
{
    char *text = NULL;
    size_t room = 0;
    int64_t whole = 0;
    bool good = true;
    size_t lines = 0;
    for (ssize_t size; good && (size = getline(&text, &room, output->file)) > 0;) {
        if (text[size - 1] != '\n') {
            break;
        }
        bool head = output->csv && lines == 0;
        good =
            head ? strcmp(text, csv_head) == 0 : read_answer(&output->answered, text, output->csv);
        whole += size;
        lines++;
    }
    free(text);
    if (!good) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE,
                       "line %zu of %s is no answer of a batch in this format", lines, name);
        return false;
    }
    if (ferror(output->file) != 0 || ftruncate(fileno(output->file), whole) != 0 ||
        fseeko(output->file, whole, SEEK_SET) != 0) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "cannot go on with %s: %s", name,
                       strerror(errno));
        return false;
    }
    if (output->csv && lines == 0) {
        fputs(csv_head, output->file);
    }
    return true;
}

/* ---- opening ------------------------------------------------------------------------------- */

batch_output *batch_output_open(const options *from, char problem[BATCH_PROBLEM_SIZE])
{
    batch_output *output = calloc(1, sizeof *output);
    if (output == NULL) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "out of memory");
        return NULL;
    }
    const char *name = from->output_file;
    output->csv = from->format == BATCH_OUTPUT_CSV;
    struct stat about;
    bool exists = name != NULL && stat(name, &about) == 0;
    bool device = exists && !S_ISREG(about.st_mode);
    if (device && from->resume) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "cannot go on with %s: it is no file", name);
        batch_output_close(output);
        return NULL;
    }
    if (name == NULL) {
        output->file = stdout;
    } else {
        output->file = fopen(name, device ? "we" : exists && from->resume ? "r+e" : "w+xe");
    }
    if (output->file == NULL) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "cannot write %s: %s%s", name, strerror(errno),
                       errno == EEXIST ? "; --resume goes on with it" : "");
        batch_output_close(output);
        return NULL;
    }
    if (name != NULL && from->resume) {
        if (!read_answers(output, name, problem)) {
            batch_output_close(output);
            return NULL;
        }
    } else if (output->csv) {
        fputs(csv_head, output->file);
    }
    return output;
}

bool batch_output_has(const batch_output *output, const batch_person *who)
{
    if (who->line >= output->answered.count || output->answered.hashes[who->line] == 0) {
        return false;
    }
    size_t size = 0;
    char *text = person_in_file(output, who, &size);
    bool same = text != NULL && output->answered.hashes[who->line] == hash_text(text, size);
    free(text);
    return same;
}

/* ---- answers ------------------------------------------------------------------------------- */

static void begin_json(FILE *to, const batch_person *who, const char *name)
{
    fprintf(to, "{\"line\":%zu,\"who\":", who->line);
    put_json_text(to, who->text);
    fprintf(to, ",\"%s\":", name);
}

static bool put_json(FILE *to, const batch_person *who, const char *name,
                     const ProtobufCMessage *message)
{
    char *text = NULL;
    if (!profilecontext_message_to_json(message, false, &text)) {
        return false;
    }
    begin_json(to, who, name);
    fputs(text, to);
    fputs("}\n", to);
    free(text);
    return ferror(to) == 0;
}

static const char *band_name(Profilecontext__V1__InsightBand band)
{
    switch (band) {
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_HIGH:
        return "high";
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_MEDIUM:
        return "medium";
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_LOW:
        return "low";
    default:
        return "";
    }
}

static void begin_csv(FILE *to, const batch_person *who, const char *status, const char *reason)
{
    fprintf(to, "%zu,", who->line);
    put_csv_text(to, who->text);
    fprintf(to, ",%s,%s,", status, reason);
}

static void put_name(FILE *to, const Profilecontext__V1__Profile *profile)
{
    const Profilecontext__V1__PersonName *name =
        profile == NULL || profile->person == NULL ? NULL : profile->person->name;
    put_csv_text(to, name == NULL || name->first_name == NULL ? "" : name->first_name);
    putc(',', to);
    put_csv_text(to, name == NULL || name->last_name == NULL ? "" : name->last_name);
}

/* The fewest digits that give the number back. */
static void put_number(FILE *to, double value)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    fputs(text, to);
}

/* The name of an enum's value without the prefix, in small letters. */
static void put_channel(FILE *to, Profilecontext__V1__PreferredChannel channel)
{
    static const char prefix[] = "PREFERRED_CHANNEL_";
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
        &profilecontext__v1__preferred_channel__descriptor, (int)channel);
    if (value != NULL && strncmp(value->name, prefix, sizeof prefix - 1) == 0) {
        for (const char *at = value->name + sizeof prefix - 1; *at != '\0'; at++) {
            putc(tolower((unsigned char)*at), to);
        }
    }
}

static void put_propensity(FILE *to, const Profilecontext__V1__PropensitySummary *propensity)
{
    if (propensity == NULL) {
        fputs(",,", to);
    } else {
        putc(',', to);
        put_number(to, propensity->score);
        fprintf(to, ",%s", band_name(propensity->band));
    }
}

static void put_summary(FILE *to, const Profilecontext__V1__ContextSummary *summary)
{
    if (summary == NULL) {
        fputs(",,,,,,,,,,", to);
        return;
    }
    if (summary->lifetime_value == NULL) {
        fputs(",,", to);
    } else {
        putc(',', to);
        put_number(to, summary->lifetime_value->value);
        putc(',', to);
        put_csv_text(to, summary->lifetime_value->unit);
    }
    put_propensity(to, summary->churn);
    put_propensity(to, summary->conversion);
    const Profilecontext__V1__PurchaseSummary *purchases = summary->purchases;
    char date[TIMES_TEXT_SIZE] = "";
    if (purchases != NULL && purchases->last != NULL && purchases->last->time != NULL) {
        times_format_date(date, purchases->last->time->seconds);
    }
    putc(',', to);
    if (purchases != NULL) {
        fprintf(to, "%" PRId32, purchases->count);
    }
    fprintf(to, ",%s,", date);
    const Profilecontext__V1__ServiceSummary *service = summary->service;
    if (service != NULL && service->_open_case_count_case !=
                               PROFILECONTEXT__V1__SERVICE_SUMMARY___OPEN_CASE_COUNT__NOT_SET) {
        fprintf(to, "%" PRId32, service->open_case_count);
    }
    putc(',', to);
    if (summary->preferred_channel != NULL) {
        put_channel(to, summary->preferred_channel->channel);
    }
}

/* How many audiences the person is in. */
static size_t count_active(const Profilecontext__V1__Context *context)
{
    size_t count = 0;
    for (size_t i = 0; i < context->n_segment_memberships; i++) {
        count += context->segment_memberships[i]->active != 0;
    }
    return count;
}

bool batch_output_context(batch_output *output, const batch_person *who,
                          const Profilecontext__V1__Context *context)
{
    if (!output->csv) {
        return put_json(output->file, who, "context", &context->base);
    }
    begin_csv(output->file, who, "OK", "");
    put_name(output->file, context->profile);
    put_summary(output->file, context->summary);
    fprintf(output->file, ",%zu\n", count_active(context));
    return ferror(output->file) == 0;
}

bool batch_output_profile(batch_output *output, const batch_person *who,
                          const Profilecontext__V1__Profile *profile)
{
    if (!output->csv) {
        return put_json(output->file, who, "profile", &profile->base);
    }
    begin_csv(output->file, who, "OK", "");
    put_name(output->file, profile);
    put_summary(output->file, NULL);
    fputs(",\n", output->file);
    return ferror(output->file) == 0;
}

bool batch_output_error(batch_output *output, const batch_person *who,
                        const Profilecontext__V1__EntryError *error)
{
    const char *code = profilecontext_code_name((profilecontext_code)error->code);
    if (output->csv) {
        begin_csv(output->file, who, code, error->reason);
        put_name(output->file, NULL);
        put_summary(output->file, NULL);
        fputs(",\n", output->file);
    } else {
        begin_json(output->file, who, "error");
        fputs("{\"code\":", output->file);
        put_json_text(output->file, code);
        fputs(",\"reason\":", output->file);
        put_json_text(output->file, error->reason);
        fputs(",\"message\":", output->file);
        put_json_text(output->file, error->message);
        fputs("}}\n", output->file);
    }
    return ferror(output->file) == 0;
}

bool batch_output_flush(batch_output *output, char problem[BATCH_PROBLEM_SIZE])
{
    if (fflush(output->file) != 0 || ferror(output->file) != 0) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "cannot write the answers: %s",
                       strerror(errno));
        return false;
    }
    return true;
}

void batch_output_close(batch_output *output)
{
    if (output->file != NULL && output->file != stdout) {
        (void)fclose(output->file);
    }
    free(output->answered.hashes);
    free(output);
}
