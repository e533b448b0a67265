/* Errors are rare and small, so each is one allocation; only the out-of-memory error is shared. */
#include "util/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES_MAX = 512 };

struct pc_error {
    const char *reason;
    int64_t retry_after_ms;
    pc_violation *violations;
    pc_status cause;
    char message[MESSAGE_BYTES_MAX];
};

/* Never written to: every function that changes an error leaves this one alone. */
static pc_error out_of_memory = {
    .reason = "OUT_OF_MEMORY",
    .message = "The server is out of memory; try again later.",
};

pc_status pc_status_out_of_memory(void)
{
    return (pc_status){.code = PC_CODE_RESOURCE_EXHAUSTED, .error = &out_of_memory};
}

pc_status pc_status_new(pc_code code, const char *reason, const char *format, ...)
{
    pc_error *error = calloc(1, sizeof *error);
    if (error == NULL) {
        return pc_status_out_of_memory();
    }
    error->reason = reason;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return (pc_status){.code = code, .error = error};
}

static bool is_own(const pc_status *status)
{
    return status->error != NULL && status->error != &out_of_memory;
}

pc_status pc_status_with_cause(pc_status status, pc_status cause)
{
    if (!is_own(&status)) {
        pc_status_clear(&cause);
        return status;
    }
    pc_status_clear(&status.error->cause);
    status.error->cause = cause;
    return status;
}

pc_status pc_status_with_retry(pc_status status, int64_t retry_after_ms)
{
    if (is_own(&status)) {
        status.error->retry_after_ms = retry_after_ms;
    }
    return status;
}

void pc_status_add_violation(pc_status *status, const char *field, const char *description)
{
    if (pc_status_ok(status)) {
        *status = pc_status_new(PC_CODE_INVALID_ARGUMENT, "INVALID_REQUEST", "%s: %s", field,
                                description);
    }
    if (!is_own(status)) {
        return;
    }
    size_t field_bytes = strlen(field) + 1;
    size_t description_bytes = strlen(description) + 1;
    pc_violation *violation = malloc(sizeof *violation + field_bytes + description_bytes);
    if (violation == NULL) {
        return;
    }
    char *texts = (char *)(violation + 1);
    memcpy(texts, field, field_bytes);
    memcpy(texts + field_bytes, description, description_bytes);
    violation->field = texts;
    violation->description = texts + field_bytes;
    violation->next = NULL;
    pc_violation **end = &status->error->violations;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = violation;
}

pc_status pc_status_copy(const pc_status *status)
{
    if (!is_own(status)) {
        return *status;
    }
    pc_status copy =
        pc_status_new(status->code, status->error->reason, "%s", status->error->message);
    copy = pc_status_with_retry(copy, status->error->retry_after_ms);
    for (const pc_violation *v = status->error->violations; v != NULL; v = v->next) {
        pc_status_add_violation(&copy, v->field, v->description);
    }
    return pc_status_with_cause(copy, pc_status_copy(&status->error->cause));
}

void pc_status_clear(pc_status *status)
{
    pc_error *error = is_own(status) ? status->error : NULL;
    *status = PC_OK;
    while (error != NULL) {
        pc_status cause = error->cause;
        for (pc_violation *v = error->violations; v != NULL;) {
            pc_violation *next = v->next;
            free(v);
            v = next;
        }
        free(error);
        error = is_own(&cause) ? cause.error : NULL;
    }
}

const char *pc_status_reason(const pc_status *status)
{
    return status->error == NULL ? "" : status->error->reason;
}

const char *pc_status_message(const pc_status *status)
{
    return status->error == NULL ? "" : status->error->message;
}

int64_t pc_status_retry_after_ms(const pc_status *status)
{
    return status->error == NULL ? 0 : status->error->retry_after_ms;
}

const pc_violation *pc_status_violations(const pc_status *status)
{
    return status->error == NULL ? NULL : status->error->violations;
}

const pc_status *pc_status_cause(const pc_status *status)
{
    if (status->error == NULL || pc_status_ok(&status->error->cause)) {
        return NULL;
    }
    return &status->error->cause;
}

const char *pc_code_name(pc_code code)
{
    static const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };
    return (size_t)code < PC_COUNT_OF(names) ? names[code] : "UNKNOWN";
}
