/* How a file of an audit trail ends: where its chain stands. */
#ifndef PC_AUDIT_TAIL_H
#define PC_AUDIT_TAIL_H

#include "audit/chain.h"

typedef struct {
    pc_audit_place place;    /* of the last whole line */
    uint64_t torn_bytes;     /* behind it */
    bool lacks_end;          /* the line is whole, but for its line end */
    uint64_t first_sequence; /* of the file */
} pc_audit_tail;

/* False when the file cannot be read or has no line at its begin and near its end. */
bool pc_audit_tail_read(pc_audit_tail *out, int fd);

#endif
