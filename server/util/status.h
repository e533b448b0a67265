/* The one error type. A status travels by value: a code in gRPC's vocabulary and, for failures, an
 * error with a reason for machines, a message for a person, and a cause.
 *
 * Threads: a status belongs to whoever holds it; it is not shared. Hand it on or clear it.
 * Personal data: messages are built from constants, numbers and field paths, never from values that
 * a caller or the upstream sent. */
#ifndef PC_UTIL_STATUS_H
#define PC_UTIL_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/attributes.h"

/* The numbers are gRPC's (github.com/grpc/grpc, doc/statuscodes.md). */
typedef enum {
    PC_CODE_OK = 0,
    PC_CODE_CANCELLED = 1,
    PC_CODE_UNKNOWN = 2,
    PC_CODE_INVALID_ARGUMENT = 3,
    PC_CODE_DEADLINE_EXCEEDED = 4,
    PC_CODE_NOT_FOUND = 5,
    PC_CODE_ALREADY_EXISTS = 6,
    PC_CODE_PERMISSION_DENIED = 7,
    PC_CODE_RESOURCE_EXHAUSTED = 8,
    PC_CODE_FAILED_PRECONDITION = 9,
    PC_CODE_ABORTED = 10,
    PC_CODE_OUT_OF_RANGE = 11,
    PC_CODE_UNIMPLEMENTED = 12,
    PC_CODE_INTERNAL = 13,
    PC_CODE_UNAVAILABLE = 14,
    PC_CODE_DATA_LOSS = 15,
    PC_CODE_UNAUTHENTICATED = 16
} pc_code;

typedef struct pc_error pc_error;

/* All zero is success. */
typedef struct {
    pc_code code;
    pc_error *error; /* owned; NULL when code is PC_CODE_OK */
} pc_status;

/* A request field that was refused, for google.rpc.BadRequest. */
typedef struct pc_violation {
    const char *field;       /* path of the field in the request, such as "identity.namespace" */
    const char *description; /* what would be right */
    struct pc_violation *next;
} pc_violation;

#define PC_OK ((pc_status){.code = PC_CODE_OK, .error = NULL})

/* Makes a failure. `reason` is a constant in UPPER_SNAKE_CASE of at most 63 characters that stays
 * valid for ever (it becomes google.rpc.ErrorInfo.reason); the message is copied, cut at 511 bytes.
 * Never fails: out of memory yields the shared out-of-memory error with code RESOURCE_EXHAUSTED. */
pc_status pc_status_new(pc_code code, const char *reason, const char *format, ...) PC_PRINTF(3, 4);

/* The error for a failed allocation; made without allocating. */
pc_status pc_status_out_of_memory(void);

/* Adds what led to the failure. Takes `cause`. Returns `status` for chaining. */
pc_status pc_status_with_cause(pc_status status, pc_status cause);

/* Says that the same call may succeed after `retry_after_ms` milliseconds. */
pc_status pc_status_with_retry(pc_status status, int64_t retry_after_ms);

/* Adds a refused field. Both texts are copied; on lack of memory the violation is left out. When
 * `*status` is OK it becomes INVALID_ARGUMENT with reason INVALID_REQUEST first. */
void pc_status_add_violation(pc_status *status, const char *field, const char *description);

/* A deep copy, for a failure that several waiters share. */
pc_status pc_status_copy(const pc_status *status);

/* Frees what the status holds and makes it PC_OK. Harmless on PC_OK. */
void pc_status_clear(pc_status *status);

static inline bool pc_status_ok(const pc_status *status)
{
    return status->code == PC_CODE_OK;
}

/* Getters borrow: what they return lives until the status is cleared or handed on. For PC_OK they
 * return "", 0 or NULL. */
const char *pc_status_reason(const pc_status *status);
const char *pc_status_message(const pc_status *status);
int64_t pc_status_retry_after_ms(const pc_status *status); /* 0: no advice */
const pc_violation *pc_status_violations(const pc_status *status);
const pc_status *pc_status_cause(const pc_status *status); /* NULL at the end of the chain */

/* "NOT_FOUND" for PC_CODE_NOT_FOUND; "UNKNOWN" for numbers that are no code. */
const char *pc_code_name(pc_code code);

#endif
