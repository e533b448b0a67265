/* Statuses and their details. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "internal.h"

static const char *const code_names[] = {
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

const char *profilecontext_code_name(profilecontext_code code)
{
    size_t at = (size_t)code;
    return at < sizeof code_names / sizeof *code_names ? code_names[at] : "UNKNOWN";
}

void profilecontext_status_clear(profilecontext_status *status)
{
    for (size_t i = 0; i < status->violation_count; i++) {
        free(status->violations[i].field);
        free(status->violations[i].description);
    }
    free(status->violations);
    free(status->message);
    free(status->reason);
    free(status->domain);
    free(status->request_id);
    *status = (profilecontext_status)PROFILECONTEXT_STATUS_INIT;
}

profilecontext_code pcc_status_set(profilecontext_status *status, profilecontext_code code,
                                   const char *format, ...)
{
    if (status == NULL) {
        return code;
    }
    va_list arguments;
    va_start(arguments, format);
    char *message = NULL;
    if (vasprintf(&message, format, arguments) < 0) {
        message = NULL;
    }
    va_end(arguments);
    profilecontext_status_clear(status);
    status->code = code;
    status->message = message;
    return code;
}

static void replace(char **place, const char *text)
{
    if (text != NULL && *text != '\0') {
        free(*place);
        *place = strdup(text);
    }
}

void pcc_status_set_reason(profilecontext_status *status, const char *reason)
{
    if (status != NULL) {
        replace(&status->reason, reason);
        replace(&status->domain, "profilecontext.client");
    }
}

static void read_error_info(profilecontext_status *status, const ProtobufCMessage *message)
{
    const Google__Rpc__ErrorInfo *info = (const Google__Rpc__ErrorInfo *)message;
    replace(&status->reason, info->reason);
    replace(&status->domain, info->domain);
}

static void read_bad_request(profilecontext_status *status, const ProtobufCMessage *message)
{
    const Google__Rpc__BadRequest *bad = (const Google__Rpc__BadRequest *)message;
    size_t count = status->violation_count + bad->n_field_violations;
    profilecontext_violation *violations =
        realloc(status->violations, (count == 0 ? 1 : count) * sizeof *violations);
    if (violations == NULL) {
        return;
    }
    status->violations = violations;
    for (size_t i = 0; i < bad->n_field_violations; i++) {
        profilecontext_violation violation = {
            .field = strdup(bad->field_violations[i]->field),
            .description = strdup(bad->field_violations[i]->description),
        };
        if (violation.field == NULL || violation.description == NULL) {
            free(violation.field);
            free(violation.description);
            return;
        }
        violations[status->violation_count++] = violation;
    }
}

static void read_retry_info(profilecontext_status *status, const ProtobufCMessage *message)
{
    const Google__Protobuf__Duration *delay =
        ((const Google__Rpc__RetryInfo *)message)->retry_delay;
    if (delay != NULL && delay->seconds >= 0 && delay->seconds < INT32_MAX && delay->nanos >= 0) {
        /* Rounded up, so that nobody comes back too early. */
        status->retry_after_ms = delay->seconds * 1000 + ((int64_t)delay->nanos + 999999) / 1000000;
    }
}

static void read_request_info(profilecontext_status *status, const ProtobufCMessage *message)
{
    replace(&status->request_id, ((const Google__Rpc__RequestInfo *)message)->request_id);
}

static void read_detail(profilecontext_status *status, const Google__Protobuf__Any *any)
{
    static const struct {
        const ProtobufCMessageDescriptor *descriptor;
        void (*read)(profilecontext_status *status, const ProtobufCMessage *message);
    } kinds[] = {
        {&google__rpc__error_info__descriptor, read_error_info},
        {&google__rpc__bad_request__descriptor, read_bad_request},
        {&google__rpc__retry_info__descriptor, read_retry_info},
        {&google__rpc__request_info__descriptor, read_request_info},
    };
    const char *slash = strrchr(any->type_url, '/');
    const char *name = slash == NULL ? any->type_url : slash + 1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].descriptor->name, name) == 0) {
            ProtobufCMessage *message =
                pcc_unpack(kinds[i].descriptor, any->value.data, any->value.len);
            if (message != NULL) {
                kinds[i].read(status, message);
                protobuf_c_message_free_unpacked(message, NULL);
            }
            return;
        }
    }
}

void pcc_status_read_details(profilecontext_status *status, const uint8_t *data, size_t size)
{
    ProtobufCMessage *message = pcc_unpack(&google__rpc__status__descriptor, data, size);
    if (message == NULL) {
        return;
    }
    const Google__Rpc__Status *details = (const Google__Rpc__Status *)message;
    for (size_t i = 0; i < details->n_details; i++) {
        read_detail(status, details->details[i]);
    }
    protobuf_c_message_free_unpacked(message, NULL);
}
