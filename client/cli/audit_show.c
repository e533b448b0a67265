/* Each line is looked at by itself, as it is read; beside it the verifier reads all of them, so
 * that nobody trusts what somebody has changed. */
#include "audit_show.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "audit/chain.h"
#include "audit/fields.h"
#include "audit_files.h"
#include "config/config.h"
#include "person.h"
#include "telemetry/identity_hash.h"
#include "times.h"

enum { TEXT_BYTES = 512, HASH_DIGITS = PC_IDENTITY_HASH_BYTES - 1 };

/* What is asked for. */
typedef struct {
    const char *caller;                    /* NULL: any */
    const char *event;                     /* NULL: those about callers */
    char identity[PC_IDENTITY_HASH_BYTES]; /* "": any */
    bool has_since;
    bool has_until;
    int64_t since_ms;
    int64_t until_ms;
    bool json;
    const char *const *files;
    size_t file_count;
} question;

typedef struct {
    const question *asked;
    display *out;
    uint64_t lines;
    uint64_t shown;
    size_t
        size; /* of the line that is being read; more than there is room for: it is none of ours */
    char line[PC_AUDIT_LINE_BYTES_MAX];
} showing;

/* ---- the command line ------------------------------------------------------------------------ */

static bool misuse(const char *what, const char *argument)
{
    fprintf(stderr, "profilectl: %s%s. See profilectl audit --help.\n", what, argument);
    return false;
}

static bool read_key(question *out, const char *person_text, const char *key_file)
{
    person who;
    char *key = NULL;
    const char *wrong = person_parse(&who, person_text);
    if (wrong != NULL) {
        return misuse("--person: ", wrong);
    }
    pc_status status = pc_config_read_secret(&key, key_file);
    if (!pc_status_ok(&status)) {
        fprintf(stderr, "profilectl: --key-file: %s\n", pc_status_message(&status));
        pc_status_clear(&status);
        return false;
    }
    pc_identity_hash(out->identity, key, strlen(key), who.by_xid ? "xid" : who.namespace_code,
                     who.id);
    OPENSSL_cleanse(key, strlen(key));
    free(key);
    return true;
}

static bool is_hash(const char *text)
{
    return strlen(text) == HASH_DIGITS && strspn(text, "0123456789abcdef") == HASH_DIGITS;
}

static bool is_event(const char *text)
{
    bool found = false;
    for (int event = 0; event < PC_AUDIT_EVENT_COUNT; event++) {
        found = found || strcmp(text, pc_audit_event_name((pc_audit_event)event)) == 0;
    }
    return found;
}

/* Takes an option with its value. */
static bool take(question *out, const char *option, const char *value, const char **person_text,
                 const char **key_file)
{
    int64_t now = times_now_ms();
    if (strcmp(option, "--caller") == 0) {
        out->caller = value;
    } else if (strcmp(option, "--person") == 0) {
        *person_text = value;
    } else if (strcmp(option, "--key-file") == 0) {
        *key_file = value;
    } else if (strcmp(option, "--identity") == 0) {
        (void)snprintf(out->identity, sizeof out->identity, "%s", value);
        return is_hash(value) ||
               misuse("--identity takes 16 digits, as the trail has them, not ", value);
    } else if (strcmp(option, "--event") == 0) {
        out->event = value;
        return is_event(value) || misuse("--event takes access, refused, handshake or another of "
                                         "the trail, not ",
                                         value);
    } else if (strcmp(option, "--since") == 0) {
        out->has_since = times_parse_moment(&out->since_ms, value, now);
        return out->has_since || misuse("--since takes a moment or a time, not ", value);
    } else if (strcmp(option, "--until") == 0) {
        out->has_until = times_parse_moment(&out->until_ms, value, now);
        return out->has_until || misuse("--until takes a moment or a time, not ", value);
    } else {
        return misuse("audit show has no option ", option);
    }
    return true;
}

/* Options come first, so that the files stand together. */
static bool parse(question *out, int argc, const char *const *argv)
{
    const char *person_text = NULL;
    const char *key_file = NULL;
    int at = 0;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (strcmp(argv[at], "--json") == 0) {
            out->json = true;
        } else if (at + 1 == argc) {
            return misuse("a value is missing after ", argv[at]);
        } else if (!take(out, argv[at], argv[at + 1], &person_text, &key_file)) {
            return false;
        } else {
            at++;
        }
    }
    out->files = argv + at;
    out->file_count = (size_t)(argc - at);
    if (out->file_count == 0) {
        return misuse("audit show needs the files, oldest first", "");
    }
    if ((person_text == NULL) != (key_file == NULL)) {
        return misuse("--person and --key-file go together: the trail has hashes under that key",
                      "");
    }
    return person_text == NULL || read_key(out, person_text, key_file);
}

/* ---- which lines ----------------------------------------------------------------------------- */

static bool has(const pc_audit_value *line, const char *name, const char *wanted)
{
    pc_audit_value value;
    return pc_audit_field_in(&value, line, name) && pc_audit_value_is(&value, wanted);
}

static void get(char out[TEXT_BYTES], const pc_audit_value *line, const char *name)
{
    pc_audit_value value;
    if (!pc_audit_field_in(&value, line, name)) {
        value = (pc_audit_value){.size = 0};
    }
    pc_audit_value_text(out, TEXT_BYTES, &value);
}

static bool is_in_time(const question *asked, const pc_audit_value *line)
{
    char text[TEXT_BYTES];
    int64_t ms;
    get(text, line, "time");
    return (!asked->has_since && !asked->has_until) ||
           (times_parse_moment(&ms, text, 0) && (!asked->has_since || ms >= asked->since_ms) &&
            (!asked->has_until || ms < asked->until_ms));
}

/* What the trail says of itself is left out unless it is asked for; but lines that are missing are
 * not hidden. */
static bool has_event(const question *asked, const pc_audit_value *line)
{
    static const char *const usual[] = {
        [PC_AUDIT_DROPPED] = "dropped",   [PC_AUDIT_ACCESS] = "access",
        [PC_AUDIT_REFUSED] = "refused",   [PC_AUDIT_HANDSHAKE] = "handshake",
        [PC_AUDIT_LEFT_OUT] = "left_out",
    };
    if (asked->event != NULL) {
        return has(line, "event", asked->event);
    }
    bool found = false;
    for (size_t i = 0; i < PC_COUNT_OF(usual); i++) {
        found = found || (usual[i] != NULL && has(line, "event", usual[i]));
    }
    return found;
}

static bool is_asked_for(const question *asked, const pc_audit_value *line)
{
    return (asked->caller == NULL || has(line, "caller", asked->caller)) &&
           (asked->identity[0] == '\0' || has(line, "identity", asked->identity)) &&
           has_event(asked, line) && is_in_time(asked, line);
}

/* ---- the table ------------------------------------------------------------------------------- */

enum { TIME_COLUMNS = 20, WHO_COLUMNS = 19, WHAT_COLUMNS = 17, END_COLUMNS = 22, ID_COLUMNS = 17 };

static void put_sections(display *out, const pc_audit_value *line)
{
    pc_audit_value sections;
    pc_audit_value name;
    pc_audit_value one;
    if (!pc_audit_field_in(&sections, line, "sections")) {
        return;
    }
    for (size_t at = 0; pc_audit_next_field(&name, &one, &sections, &at);) {
        char text[TEXT_BYTES];
        char status[TEXT_BYTES];
        pc_audit_value_text(text, sizeof text, &name);
        get(status, &one, "status");
        display_addf(out, STYLE_PLAIN, " %s", text);
        if (strcmp(status, "OK") != 0) {
            display_addf(out, STYLE_WARNING, " %s", status);
        }
    }
}

static void put_number(display *out, const pc_audit_value *line, const char *name)
{
    pc_audit_value value;
    if (pc_audit_field_in(&value, line, name) && !value.is_text) {
        display_addf(out, STYLE_PLAIN, " %.*s %s", (int)value.size, value.bytes, name);
    }
}

static void put_purpose(display *out, const pc_audit_value *line)
{
    char purpose[TEXT_BYTES];
    get(purpose, line, "purpose");
    if (purpose[0] != '\0') {
        display_addf(out, STYLE_FAINT, " for %s", purpose);
    }
}

static void put_row(display *out, const pc_audit_value *line)
{
    char time[TEXT_BYTES];
    char who[TEXT_BYTES];
    char what[TEXT_BYTES];
    char end[TEXT_BYTES];
    char identity[TEXT_BYTES];
    get(time, line, "time");
    if (strlen(time) > TIME_COLUMNS - 1) {
        time[TIME_COLUMNS - 1] = '\0'; /* seconds are enough to look at */
    }
    time[strcspn(time, "T")] = ' ';
    get(who, line, "caller");
    if (who[0] == '\0') {
        get(who, line, "peer");
    }
    get(what, line, "rpc");
    if (what[0] == '\0') {
        get(what, line, "event");
    }
    get(end, line, "reason");
    if (end[0] == '\0') {
        get(end, line, "code");
    }
    get(identity, line, "identity");
    display_cell(out, STYLE_FAINT, time, TIME_COLUMNS);
    display_cell(out, STYLE_PLAIN, who, WHO_COLUMNS);
    display_cell(out, STYLE_PLAIN, what, WHAT_COLUMNS);
    display_cell(out, strcmp(end, "OK") == 0 ? STYLE_GOOD : STYLE_BAD, end, END_COLUMNS);
    display_cell(out, STYLE_PLAIN, identity, ID_COLUMNS);
    put_sections(out, line);
    put_number(out, line, "persons");
    put_number(out, line, "messages");
    put_number(out, line, "lines");
    put_purpose(out, line);
    display_end(out);
}

static void put_head(display *out)
{
    display_cell(out, STYLE_BOLD, "TIME (UTC)", TIME_COLUMNS);
    display_cell(out, STYLE_BOLD, "CALLER", WHO_COLUMNS);
    display_cell(out, STYLE_BOLD, "CALL", WHAT_COLUMNS);
    display_cell(out, STYLE_BOLD, "ENDED", END_COLUMNS);
    display_cell(out, STYLE_BOLD, "IDENTITY", ID_COLUMNS);
    display_add(out, STYLE_BOLD, " SEEN");
    display_end(out);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What has not a line's form, such as the beginning of one that a killed server was writing, is
 * none, and no JSON for who reads on. */
static void take_line(showing *s)
{
    const pc_audit_value line = {.bytes = s->line, .size = s->size};
    pc_audit_line read;
    if (!pc_audit_line_read(&read, s->line, s->size)) {
        return;
    }
    s->lines++;
    if (!is_asked_for(s->asked, &line)) {
        return;
    }
    s->shown++;
    if (s->asked->json) {
        (void)fwrite(s->line, 1, s->size, stdout);
        (void)putchar('\n');
        return;
    }
    if (s->shown == 1) {
        put_head(s->out);
    }
    put_row(s->out, &line);
}

static void take_bytes(void *self, const char *bytes, size_t size)
{
    showing *s = self;
    if (size == 0) {
        s->size = 0; /* Half a line before belongs to another file. */
    }
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            if (s->size <= sizeof s->line) {
                take_line(s);
            }
            s->size = 0;
        } else {
            if (s->size < sizeof s->line) {
                s->line[s->size] = bytes[i];
            }
            s->size += s->size <= sizeof s->line;
        }
    }
}

static exit_code tell_end(const showing *s, const pc_audit_report *report)
{
    if (!s->asked->json) {
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " lines.\n", s->shown, s->lines);
    }
    /* While the server writes the end may be within a line. */
    if (report->fault == PC_AUDIT_WHOLE || report->fault == PC_AUDIT_TORN) {
        return EXIT_CODE_OK;
    }
    fprintf(stderr,
            "profilectl: the trail is not what was written: %s, line %" PRIu64
            ": %s. See profilectl audit verify.\n",
            s->asked->files[report->fault_file], report->fault_line,
            pc_audit_fault_text(report->fault));
    return EXIT_CODE_BROKEN;
}

exit_code audit_show(int argc, const char *const *argv, display *out)
{
    question asked = {.file_count = 0};
    if (!parse(&asked, argc, argv)) {
        return EXIT_CODE_MISUSE;
    }
    static showing s;
    s = (showing){.asked = &asked, .out = out};
    const audit_files files = {asked.files, asked.file_count, NULL, take_bytes, &s};
    pc_audit_report report;
    exit_code code = audit_files_read(&report, &files);
    return code == EXIT_CODE_OK ? tell_end(&s, &report) : code;
}
