/* Verifies an audit trail: file by file, oldest first, in pieces of any size, with the memory of
 * one line. What it reads may be anything. Threads: one at a time for each verifier. */
#ifndef PC_AUDIT_VERIFY_H
#define PC_AUDIT_VERIFY_H

#include "audit/chain.h"

typedef enum {
    PC_AUDIT_WHOLE,
    PC_AUDIT_NO_LINE,      /* bytes that are no line, and no cut tells of them */
    PC_AUDIT_CHANGED,      /* a line is not what was written after the one before it */
    PC_AUDIT_MISSING,      /* lines are missing before this one */
    PC_AUDIT_OUT_OF_ORDER, /* a line comes again or too late */
    PC_AUDIT_NOT_TIED,     /* the file does not go on from the one before it */
    PC_AUDIT_NO_OPEN,      /* the file does not begin with the line that begins a file */
    PC_AUDIT_NO_ANCHOR,    /* the place that was asked for is not in the trail */
    PC_AUDIT_TORN          /* the trail ends within a line, as after a crash or while it grows */
} pc_audit_fault;

typedef struct {
    pc_audit_fault fault; /* the first; TORN only when there is no other */
    size_t fault_count;
    size_t fault_file;       /* place of its file */
    uint64_t fault_line;     /* in the file, from 1 on */
    uint64_t fault_sequence; /* of the line; 0: it has none */
    uint64_t fault_expected; /* the sequence number that was due */
    uint64_t lines;
    uint64_t events[PC_AUDIT_EVENT_COUNT];
    uint64_t dropped;    /* lines that the trail says were dropped */
    uint64_t left_out;   /* the same of those that were too many */
    uint64_t torn_bytes; /* that it says were cut */
    pc_audit_place first;
    pc_audit_place last;
} pc_audit_report;

typedef struct pc_audit_verifier pc_audit_verifier;

/* `anchor` is a place that the trail must have, or NULL. Owned: pc_audit_verifier_free. Errors:
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_audit_verifier_new(pc_audit_verifier **out, const pc_audit_place *anchor);
void pc_audit_verifier_free(pc_audit_verifier *verifier);

/* Begins the next file. */
void pc_audit_verifier_file(pc_audit_verifier *verifier);
void pc_audit_verifier_feed(pc_audit_verifier *verifier, const void *bytes, size_t size);

/* What was found, once all files were fed. */
void pc_audit_verifier_end(pc_audit_verifier *verifier, pc_audit_report *out);

/* One sentence without its full stop. */
const char *pc_audit_fault_text(pc_audit_fault fault);

#endif
