/* The audit trail: who saw what of whom, and who was refused. Whoever ends a call leaves a record
 * and goes on; one thread makes lines of them and writes (file.h). When it cannot keep up, or the
 * disk is full, records wait, and at last are dropped: a line of the trail, the log and a metric
 * tell how many. No call ever waits.
 *
 * Personal data: identities become the keyed hashes of the log; nothing else of a person is told.
 * Threads: any. */
#ifndef PC_AUDIT_TRAIL_H
#define PC_AUDIT_TRAIL_H

#include "audit/chain.h"
#include "telemetry/log.h"

typedef struct pc_audit_trail pc_audit_trail;

enum { PC_AUDIT_SECTIONS_MAX = 8 };

/* A part of an answer. Texts are constants. */
typedef struct {
    const char *name;
    const char *status;
    int64_t age_ms; /* -1: it has none */
} pc_audit_section;

/* Texts are copied, and cut when they are longer than they may be; NULL is "". */
typedef struct {
    pc_audit_event event; /* ACCESS, REFUSED or HANDSHAKE, which only has its reason and the peer */
    const char *rpc;      /* constant */
    pc_code code;
    const char *reason; /* constant */
    const char *caller;
    const char *peer;
    const char *request_id;
    const char *purpose;
    const char *policy;         /* version of the rules that let it pass */
    const char *namespace_code; /* of the person; NULL: nobody in particular */
    const char *id;
    const char *sandbox;
    const char *merge_policy;
    const char *const *fields; /* paths of the mask that was asked with */
    size_t field_count;
    pc_audit_section sections[PC_AUDIT_SECTIONS_MAX];
    size_t section_count;
    int64_t persons;  /* of a batch as a whole; -1: it is none */
    int64_t messages; /* of a stream as a whole; -1: it is none */
    /* A number for where it comes from when who caused it can do so as often as it likes and is
     * called to account by nobody: such lines are bounded. 0: it is no such line. */
    uint64_t source;
} pc_audit_access;

#define PC_AUDIT_ACCESS_INIT                                                                       \
    ((pc_audit_access){.event = PC_AUDIT_ACCESS, .persons = -1, .messages = -1})

typedef struct {
    const char *file;
    int64_t sync_ms;       /* how often the disk must have kept all; -1: whenever it likes */
    uint64_t rotate_bytes; /* a file of this size is rotated; 0: none is */
    /* Lines with a source that are kept in a second, once ten times as many were kept at once. Of
     * one source a tenth of each. Those left out are counted. 0: no bound. */
    double sourced_rate;
    pc_log *log; /* borrowed: alarms go there, and its hashes stand for identities */
} pc_audit_options;

/* Owned: pc_audit_trail_free. Errors: as of pc_audit_file_open, and RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_audit_trail_new(pc_audit_trail **out, const pc_audit_options *options);

/* Writes what is left, ends the file with an anchor, and frees. NULL is allowed. */
void pc_audit_trail_free(pc_audit_trail *trail);

/* Leaves a record. Never blocks. */
void pc_audit_trail_put(pc_audit_trail *trail, const pc_audit_access *access);

/* Goes on in a new file, soon, when the old one was moved away. */
void pc_audit_trail_reopen(pc_audit_trail *trail);

typedef struct {
    uint64_t lines;    /* written */
    uint64_t dropped;  /* records that were not kept */
    uint64_t left_out; /* records with a source that were too many */
    uint64_t failures; /* writes, syncs and rotations that went wrong */
    bool failing;      /* nothing can be written now */
    uint64_t waiting_bytes;
} pc_audit_figures;

pc_audit_figures pc_audit_trail_count(pc_audit_trail *trail);

#endif
