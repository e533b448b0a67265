/* profilectl audit verify: whether an audit trail is what the server wrote. Works on files, and
 * needs no server, as audit show does (audit_show.h). */
#include "command_audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit_files.h"
#include "audit_show.h"

typedef struct {
    const char *const *files;
    size_t file_count;
    bool json;
    bool has_anchor;
    pc_audit_place anchor;
} verification;

/* ---- the command line ------------------------------------------------------------------------ */

/* SEQ:HASH, as the log tells it. */
static bool parse_anchor(pc_audit_place *out, const char *text)
{
    char *end = NULL;
    errno = 0;
    out->sequence = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && errno == 0 && *end == ':' &&
           pc_audit_hash_read(out->hash, end + 1, strlen(end + 1));
}

/* Says what is wrong; false for the caller to return. */
static bool misuse(const char *what, const char *argument)
{
    fprintf(stderr, "profilectl: %s%s. See profilectl audit --help.\n", what, argument);
    return false;
}

/* Options come first, so that the files stand together. */
static bool parse(verification *out, int argc, const char *const *argv)
{
    int at = 0;
    if (argc == 0 || strcmp(argv[at++], "verify") != 0) {
        return misuse("audit needs to know what to do: verify FILE... or show FILE...", "");
    }
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        const char *option = argv[at];
        if (strcmp(option, "--json") == 0) {
            out->json = true;
        } else if (strcmp(option, "--anchor") == 0 && at + 1 < argc) {
            out->has_anchor = parse_anchor(&out->anchor, argv[++at]);
            if (!out->has_anchor) {
                return misuse("--anchor takes SEQ:HASH, as the log tells it, not ", argv[at]);
            }
        } else if (strcmp(option, "--") == 0) {
            at++;
            break;
        } else {
            return misuse("audit verify has no option ", option);
        }
    }
    out->files = argv + at;
    out->file_count = (size_t)(argc - at);
    return out->file_count > 0 || misuse("audit verify needs the files, oldest first", "");
}

/* ---- the report ------------------------------------------------------------------------------ */

static const char *const fault_names[] = {
    [PC_AUDIT_WHOLE] = "WHOLE",         [PC_AUDIT_NO_LINE] = "NO_LINE",
    [PC_AUDIT_CHANGED] = "CHANGED",     [PC_AUDIT_MISSING] = "MISSING",
    [PC_AUDIT_TORN] = "TORN",           [PC_AUDIT_OUT_OF_ORDER] = "OUT_OF_ORDER",
    [PC_AUDIT_NOT_TIED] = "NOT_TIED",   [PC_AUDIT_NO_OPEN] = "NO_OPEN",
    [PC_AUDIT_NO_ANCHOR] = "NO_ANCHOR",
};

static void print_json(const verification *v, const pc_audit_report *r)
{
    char hex[PC_AUDIT_HEX_BYTES];
    pc_audit_hex(hex, r->last.hash);
    printf("{\"result\":\"%s\",\"faults\":%zu", fault_names[r->fault], r->fault_count);
    if (r->fault != PC_AUDIT_WHOLE) {
        printf(",\"fileIndex\":%zu,\"line\":%" PRIu64 ",\"seq\":%" PRIu64
               ",\"expectedSeq\":%" PRIu64,
               r->fault_file, r->fault_line, r->fault_sequence, r->fault_expected);
    }
    printf(",\"files\":%zu,\"lines\":%" PRIu64 ",\"accesses\":%" PRIu64 ",\"refused\":%" PRIu64
           ",\"handshakes\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"leftOut\":%" PRIu64
           ",\"tornBytes\":%" PRIu64 ",\"firstSeq\":%" PRIu64 ",\"lastSeq\":%" PRIu64
           ",\"lastHash\":\"%s\"}\n",
           v->file_count, r->lines, r->events[PC_AUDIT_ACCESS], r->events[PC_AUDIT_REFUSED],
           r->events[PC_AUDIT_HANDSHAKE], r->dropped, r->left_out, r->torn_bytes, r->first.sequence,
           r->last.sequence, hex);
}

static void print_text(const verification *v, const pc_audit_report *r)
{
    char hex[PC_AUDIT_HEX_BYTES];
    pc_audit_hex(hex, r->last.hash);
    if (r->fault != PC_AUDIT_WHOLE) {
        printf("%s, line %" PRIu64 ": %s", v->files[r->fault_file], r->fault_line,
               pc_audit_fault_text(r->fault));
        if (r->fault_sequence > 0) {
            printf(" (it has number %" PRIu64 "; %" PRIu64 " was due)", r->fault_sequence,
                   r->fault_expected);
        }
        printf(".\n");
        if (r->fault_count > 1) {
            printf("%zu faults in all.\n", r->fault_count);
        }
    }
    printf("%" PRIu64 " lines, %" PRIu64 " to %" PRIu64 ": %" PRIu64 " accesses, %" PRIu64
           " calls and %" PRIu64 " handshakes refused; %" PRIu64 " dropped, %" PRIu64
           " left out and %" PRIu64 " bytes torn, and told.\n",
           r->lines, r->first.sequence, r->last.sequence, r->events[PC_AUDIT_ACCESS],
           r->events[PC_AUDIT_REFUSED], r->events[PC_AUDIT_HANDSHAKE], r->dropped, r->left_out,
           r->torn_bytes);
    printf("%s at %" PRIu64 ":%s\n", r->fault == PC_AUDIT_WHOLE ? "Whole, and ends" : "Ends",
           r->last.sequence, hex);
}

exit_code command_audit(int argc, const char *const *argv, display *out)
{
    if (argc > 0 && strcmp(argv[0], "show") == 0) {
        return audit_show(argc - 1, argv + 1, out);
    }
    verification v = {.file_count = 0};
    if (!parse(&v, argc, argv)) {
        return EXIT_CODE_MISUSE;
    }
    const audit_files files = {
        .paths = v.files,
        .count = v.file_count,
        .anchor = v.has_anchor ? &v.anchor : NULL,
    };
    pc_audit_report report;
    exit_code code = audit_files_read(&report, &files);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (v.json) {
        print_json(&v, &report);
    } else {
        print_text(&v, &report);
    }
    return report.fault == PC_AUDIT_WHOLE  ? EXIT_CODE_OK
           : report.fault == PC_AUDIT_TORN ? EXIT_CODE_TORN
                                           : EXIT_CODE_BROKEN;
}
