/* Bytes that are no line are counted and held against what comes next: a cut that tells of just so
 * many makes them right. After a fault the chain is taken up again where the line says it is, so
 * that one changed line is one fault. */
#include "audit/verify.h"

#include <stdlib.h>
#include <string.h>

struct pc_audit_verifier {
    pc_audit_hasher *hasher;
    pc_audit_report report;
    pc_audit_place anchor;
    bool wants_anchor;
    bool has_anchor;
    bool begun;       /* a line was seen: the chain has a beginning */
    bool opened;      /* a line of the present file was seen */
    size_t file;      /* place of the present one, plus 1 */
    uint64_t line;    /* number of the line that is being read */
    uint64_t torn;    /* bytes since the last line that are none, their line ends included */
    uint64_t torn_at; /* number of their first line */
    size_t torn_file;
    bool overlong;
    size_t size;
    char text[PC_AUDIT_LINE_BYTES_MAX];
};

const char *pc_audit_fault_text(pc_audit_fault fault)
{
    static const char *const texts[] = {
        [PC_AUDIT_WHOLE] = "the trail is whole",
        [PC_AUDIT_NO_LINE] = "this is no line of a trail, and no cut tells of it",
        [PC_AUDIT_CHANGED] = "this line is not what was written here",
        [PC_AUDIT_MISSING] = "lines are missing before this one",
        [PC_AUDIT_OUT_OF_ORDER] = "this line comes again, or at the wrong place",
        [PC_AUDIT_NOT_TIED] = "this file does not go on from the one before it",
        [PC_AUDIT_NO_OPEN] = "this file does not begin as a file of a trail does",
        [PC_AUDIT_NO_ANCHOR] = "the trail has no such anchor",
        [PC_AUDIT_TORN] = "the trail ends within a line",
    };
    return texts[fault];
}

pc_status pc_audit_verifier_new(pc_audit_verifier **out, const pc_audit_place *anchor)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    pc_status status = pc_audit_hasher_new(&(*out)->hasher);
    if (!pc_status_ok(&status)) {
        free(*out);
        *out = NULL;
        return status;
    }
    if (anchor != NULL) {
        (*out)->wants_anchor = true;
        (*out)->anchor = *anchor;
    }
    return PC_OK;
}

void pc_audit_verifier_free(pc_audit_verifier *verifier)
{
    if (verifier != NULL) {
        pc_audit_hasher_free(verifier->hasher);
        free(verifier);
    }
}

static void find_fault(pc_audit_verifier *v, pc_audit_fault fault, size_t file, uint64_t line,
                       uint64_t sequence)
{
    pc_audit_report *r = &v->report;
    if (r->fault_count++ == 0) {
        r->fault = fault;
        r->fault_file = file - 1;
        r->fault_line = line;
        r->fault_sequence = sequence;
        r->fault_expected = r->last.sequence + 1;
    }
}

/* The bytes before this line that are none are right when the line says how many were cut. A line
 * end was put behind them. */
static void settle_torn(pc_audit_verifier *v, const pc_audit_line *line)
{
    bool told = line != NULL && v->torn > 0 &&
                ((line->event == PC_AUDIT_CUT && line->count + 1 == v->torn) ||
                 (line->event == PC_AUDIT_OPEN && line->count == v->torn));
    bool tells = line != NULL && line->count > 0 &&
                 (line->event == PC_AUDIT_CUT || line->event == PC_AUDIT_OPEN);
    if (told) {
        v->report.torn_bytes += line->count;
    } else if (v->torn > 0) {
        find_fault(v, PC_AUDIT_NO_LINE, v->torn_file, v->torn_at, 0);
    } else if (tells && v->begun) {
        find_fault(v, PC_AUDIT_MISSING, v->file, v->line, line->sequence);
    }
    v->torn = 0;
}

/* Checks a line that has the form of one against the chain. */
static void check_line(pc_audit_verifier *v, const pc_audit_line *line)
{
    pc_audit_report *r = &v->report;
    uint8_t hash[PC_AUDIT_HASH_BYTES];
    bool open = line->event == PC_AUDIT_OPEN;
    const uint8_t *former = open ? line->former : r->last.hash;
    bool ties = pc_audit_hash(v->hasher, hash, former, v->text, line->body_size) &&
                memcmp(hash, line->hash, sizeof hash) == 0;
    bool follows = !open || memcmp(line->former, r->last.hash, sizeof hash) == 0;
    if (!v->opened && !open) {
        find_fault(v, PC_AUDIT_NO_OPEN, v->file, v->line, line->sequence);
    } else if (v->begun && line->sequence > r->last.sequence + 1) {
        find_fault(v, PC_AUDIT_MISSING, v->file, v->line, line->sequence);
    } else if (v->begun && line->sequence <= r->last.sequence) {
        find_fault(v, open ? PC_AUDIT_NOT_TIED : PC_AUDIT_OUT_OF_ORDER, v->file, v->line,
                   line->sequence);
    } else if (v->opened && open) {
        find_fault(v, PC_AUDIT_OUT_OF_ORDER, v->file, v->line, line->sequence);
    } else if (!ties) {
        find_fault(v, PC_AUDIT_CHANGED, v->file, v->line, line->sequence);
    } else if (v->begun && !follows) {
        find_fault(v, PC_AUDIT_NOT_TIED, v->file, v->line, line->sequence);
    }
}

static void take_line(pc_audit_verifier *v)
{
    pc_audit_report *r = &v->report;
    pc_audit_line line;
    if (v->overlong || !pc_audit_line_read(&line, v->text, v->size)) {
        if (v->torn == 0) {
            v->torn_at = v->line;
            v->torn_file = v->file;
        }
        v->torn += v->size + 1;
        return;
    }
    settle_torn(v, &line);
    check_line(v, &line);
    r->lines++;
    r->events[line.event]++;
    r->dropped += line.event == PC_AUDIT_DROPPED ? line.count : 0;
    r->left_out += line.event == PC_AUDIT_LEFT_OUT ? line.count : 0;
    r->last.sequence = line.sequence;
    memcpy(r->last.hash, line.hash, sizeof line.hash);
    if (!v->begun) {
        r->first = r->last;
    }
    v->begun = true;
    v->opened = true;
    if (v->wants_anchor && line.sequence == v->anchor.sequence &&
        memcmp(line.hash, v->anchor.hash, sizeof line.hash) == 0) {
        v->has_anchor = true;
    }
}

/* What a file ends with that no line end follows. The next file may tell of it. */
static void end_file(pc_audit_verifier *v)
{
    if (v->size > 0) {
        if (v->torn == 0) {
            v->torn_at = v->line;
            v->torn_file = v->file;
        }
        v->torn += v->size;
    }
    v->size = 0;
    v->overlong = false;
}

void pc_audit_verifier_file(pc_audit_verifier *v)
{
    pc_audit_line line;
    if (!v->overlong && pc_audit_line_read(&line, v->text, v->size)) {
        /* It lacks nothing but its line end. */
        take_line(v);
        v->size = 0;
    }
    end_file(v);
    v->file++;
    v->line = 1;
    v->opened = false;
}

void pc_audit_verifier_feed(pc_audit_verifier *v, const void *bytes, size_t size)
{
    const char *at = bytes;
    const char *end = at + size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t more = (size_t)((line_end == NULL ? end : line_end) - at);
        if (!v->overlong && more <= sizeof v->text - v->size) {
            memcpy(v->text + v->size, at, more);
        } else {
            v->overlong = true;
        }
        v->size += more;
        at += more;
        if (line_end != NULL) {
            take_line(v);
            v->line++;
            v->size = 0;
            v->overlong = false;
            at++;
        }
    }
}

void pc_audit_verifier_end(pc_audit_verifier *v, pc_audit_report *out)
{
    bool unfinished = v->size > 0;
    if (unfinished && v->torn == 0) {
        if (v->report.fault_count == 0) {
            find_fault(v, PC_AUDIT_TORN, v->file, v->line, 0);
        }
    } else {
        end_file(v);
        settle_torn(v, NULL);
    }
    if (v->wants_anchor && !v->has_anchor) {
        /* Before what is torn: it says more. */
        v->report.fault_count -= v->report.fault == PC_AUDIT_TORN ? 1 : 0;
        find_fault(v, PC_AUDIT_NO_ANCHOR, v->file == 0 ? 1 : v->file, v->line, 0);
    }
    *out = v->report;
}
