/* Packs the details with the generated messages; failures are rare, so plain malloc is fine. */
#include "rpc/status_details.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

enum { DETAILS_MAX = 4, VIOLATIONS_MAX = 20 };

/* Generated structs want mutable strings and never write to them. */
static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

typedef struct {
    Google__Protobuf__Any any[DETAILS_MAX];
    Google__Protobuf__Any *list[DETAILS_MAX];
    size_t count;
} detail_list;

static void add(detail_list *details, const char *type, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(size == 0 ? 1 : size);
    if (bytes == NULL) {
        return;
    }
    protobuf_c_message_pack(message, bytes);
    Google__Protobuf__Any *any = &details->any[details->count];
    google__protobuf__any__init(any);
    any->type_url = text(type);
    any->value.data = bytes;
    any->value.len = size;
    details->list[details->count++] = any;
}

static void add_error_info(detail_list *details, const pc_status *status)
{
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    info.reason = text(pc_status_reason(status));
    info.domain = text("profilecontext");
    add(details, "type.googleapis.com/google.rpc.ErrorInfo", &info.base);
}

static void add_bad_request(detail_list *details, const pc_status *status)
{
    Google__Rpc__BadRequest__FieldViolation violations[VIOLATIONS_MAX];
    Google__Rpc__BadRequest__FieldViolation *list[VIOLATIONS_MAX];
    size_t count = 0;
    for (const pc_violation *v = pc_status_violations(status); v != NULL && count < VIOLATIONS_MAX;
         v = v->next, count++) {
        google__rpc__bad_request__field_violation__init(&violations[count]);
        violations[count].field = text(v->field);
        violations[count].description = text(v->description);
        list[count] = &violations[count];
    }
    if (count > 0) {
        Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
        bad.field_violations = list;
        bad.n_field_violations = count;
        add(details, "type.googleapis.com/google.rpc.BadRequest", &bad.base);
    }
}

static void add_retry_info(detail_list *details, const pc_status *status)
{
    int64_t wait_ms = pc_status_retry_after_ms(status);
    if (wait_ms > 0) {
        Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
        delay.seconds = wait_ms / 1000;
        delay.nanos = (int32_t)(wait_ms % 1000) * 1000000;
        Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
        info.retry_delay = &delay;
        add(details, "type.googleapis.com/google.rpc.RetryInfo", &info.base);
    }
}

pc_slice *pc_status_details(const pc_status *status, const char *request_id)
{
    detail_list details = {.count = 0};
    add_error_info(&details, status);
    add_bad_request(&details, status);
    add_retry_info(&details, status);
    if (request_id != NULL) {
        Google__Rpc__RequestInfo info = GOOGLE__RPC__REQUEST_INFO__INIT;
        info.request_id = text(request_id);
        add(&details, "type.googleapis.com/google.rpc.RequestInfo", &info.base);
    }
    Google__Rpc__Status whole = GOOGLE__RPC__STATUS__INIT;
    whole.code = (int32_t)status->code;
    whole.message = text(pc_status_message(status));
    whole.details = details.list;
    whole.n_details = details.count;
    pc_slice *slice = pc_slice_new(google__rpc__status__get_packed_size(&whole));
    if (slice != NULL) {
        google__rpc__status__pack(&whole, pc_slice_writable(slice));
    }
    for (size_t i = 0; i < details.count; i++) {
        free(details.any[i].value.data);
    }
    return slice;
}
