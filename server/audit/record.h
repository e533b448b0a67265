/* Records of the trail: packed side by side until their turn comes, then made into lines. */
#ifndef PC_AUDIT_RECORD_H
#define PC_AUDIT_RECORD_H

#include "audit/trail.h"
#include "util/buffer.h"

/* A packed record at the begin of `size` bytes; its texts follow. */
typedef struct {
    size_t size;
    int64_t wall_ms;
    pc_audit_access access; /* texts point behind it; `fields` is not used */
    const char *paths;      /* the fields, separated by commas */
} pc_audit_record;

/* Packs into at most `room` bytes at `place`, which is aligned for anything; the bytes taken, a
 * multiple of that alignment, or 0 when they do not suffice. */
size_t pc_audit_record_pack(void *place, size_t room, const pc_audit_access *access,
                            int64_t wall_ms);

/* Appends the fields of the record's line. */
void pc_audit_record_put(pc_buffer *line, const pc_audit_record *record, const pc_log *log);

#endif
