/* GetEntity: an account, an opportunity, or an entity of any other class: its typed head, and the
 * whole document. */
#include <string.h>
#include <strings.h>

#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/access.h"
#include "service/answer.h"
#include "service/single_fetch.h"
#include "util/clock.h"

/* Field numbers of GetEntityResponse. */
enum { RESPONSE_ENTITY = 1, RESPONSE_INFO = 2, RESPONSE_XID = 3 };

enum { SCHEMA_BYTES_MAX = 128, ENVELOPE_ARENA_BYTES_MAX = 1024 * 1024 };

typedef Profilecontext__V1__GetEntityRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_single_fetch fetch;
    const pc_service *service;
    const pc_mask *mask;
    pc_access access;
} operation;

static bool is_schema(const char *schema)
{
    size_t length = strlen(schema);
    for (const char *c = schema; *c != '\0'; c++) {
        bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr("_.-", *c) != NULL;
        if (!good) {
            return false;
        }
    }
    return length > 0 && length <= SCHEMA_BYTES_MAX;
}

/* Also in other spellings, and their unions: what is granted of them is granted elsewhere. */
static bool is_of_persons(const char *schema)
{
    static const char profile[] = "_xdm.context.profile";
    static const char event[] = "_xdm.context.experienceevent";
    return strncasecmp(schema, profile, sizeof profile - 1) == 0 ||
           strncasecmp(schema, event, sizeof event - 1) == 0;
}

static void check_schema(pc_status *status, const char *schema)
{
    if (!is_schema(schema)) {
        pc_status_add_violation(status, "schema",
                                "must be an XDM class of 1 to 128 letters, digits or characters of "
                                "_.-, such as _xdm.context.account");
    } else if (is_of_persons(schema)) {
        pc_status_add_violation(status, "schema",
                                "profiles and events have RPCs of their own: GetProfile and "
                                "ListEvents");
    }
}

/* The head by the table, without what has no typed field; then all of it as the body. */
static pc_status map_entity(pc_buffer *out, const pc_json_range *json)
{
    pc_message_table head = pc_table_Entity;
    head.extensions_number = 0;
    static const uint8_t no_index[2] = {0};
    static const pc_field_table no_fields[1] = {{.name = NULL}};
    const pc_message_table body = {.name = "Entity",
                                   .fields = no_fields,
                                   .index = no_index,
                                   .index_mask = 1,
                                   .extensions_number = pc_table_Entity.extensions_number};
    pc_status status = pc_transcode(out, json->bytes, json->size, &head, NULL);
    return pc_status_ok(&status) ? pc_transcode(out, json->bytes, json->size, &body, NULL) : status;
}

static pc_status put_entity(pc_buffer *out, const operation *op, const pc_buffer *whole)
{
    pc_buffer masked;
    pc_buffer_init(&masked, op->service->gatherer->body_bytes_max);
    pc_status status = pc_mask_filter(&masked, whole->bytes, whole->size, op->mask);
    pc_slice *entity = pc_status_ok(&status) ? pc_buffer_take_slice(&masked) : NULL;
    pc_buffer_deinit(&masked);
    entity = pc_access_show_data(&op->access, PC_VIEW_ENTITY, 0, entity, false);
    if (entity == NULL) {
        return pc_status_ok(&status) ? pc_status_out_of_memory() : status;
    }
    pc_wire_put_bytes(out, RESPONSE_ENTITY, pc_slice_bytes(entity), pc_slice_size(entity));
    pc_slice_unref(entity);
    return PC_OK;
}

static pc_status make_answer(pc_buffer *out, const operation *op, const pc_slice *body)
{
    pc_arena arena;
    pc_profile_envelope envelope;
    pc_buffer whole;
    pc_arena_init(&arena, NULL, 0, ENVELOPE_ARENA_BYTES_MAX);
    pc_buffer_init(&whole, op->service->gatherer->body_bytes_max);
    pc_status status =
        pc_envelope_profile(&envelope, &arena, pc_slice_bytes(body), pc_slice_size(body));
    if (status.code == PC_CODE_NOT_FOUND) {
        pc_status_clear(&status);
        status =
            pc_status_new(PC_CODE_NOT_FOUND, "ENTITY_NOT_FOUND", "the upstream has no such entity");
    }
    if (pc_status_ok(&status) && envelope.entity.size > 0) {
        status = map_entity(&whole, &envelope.entity);
    }
    if (pc_status_ok(&status)) {
        pc_section_result info = {.status = PC_SECTION_OK,
                                  .origin = PC_ORIGIN_UPSTREAM,
                                  .fetched_wall_ms = pc_clock_wall_ms(),
                                  .last_modified = envelope.last_modified,
                                  .reason = ""};
        pc_access_tell(&op->access, PC_VIEW_ENTITY, 0, &info);
        pc_put_section_info(out, RESPONSE_INFO, PC_SECTION_NONE, &info, pc_clock_wall_ms());
        if (envelope.xid[0] != '\0' && pc_access_shows_xid(&op->access)) {
            pc_wire_put_text(out, RESPONSE_XID, envelope.xid);
        }
        status = put_entity(out, op, &whole);
    }
    pc_buffer_deinit(&whole);
    pc_arena_deinit(&arena);
    return status;
}

static void answer(void *self, pc_status status, pc_slice *body)
{
    operation *op = self;
    pc_buffer out;
    pc_buffer_init(&out, op->service->gatherer->body_bytes_max);
    if (pc_status_ok(&status)) {
        status = make_answer(&out, op, body);
    }
    pc_slice *made = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_buffer_deinit(&out);
    if (made == NULL) {
        pc_call_fail(op->fetch.call, pc_status_ok(&status) ? pc_status_out_of_memory() : status);
        return;
    }
    pc_call_answer(op->fetch.call, &made, 1);
}

void pc_get_entity(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    const request_message *message = request;
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->service = service;
    op->fetch = (pc_single_fetch){.call = call, .answer = answer, .self = op};
    pc_fetch_request fetch = {.kind = PC_FETCH_RECORD, .schema = message->schema};
    pc_status status = pc_access_begin(&op->access, call, service, PC_RIGHT_GET_ENTITY);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    bool by_xid = message->entity_case == PROFILECONTEXT__V1__GET_ENTITY_REQUEST__ENTITY_XID;
    bool by_identity =
        message->entity_case == PROFILECONTEXT__V1__GET_ENTITY_REQUEST__ENTITY_IDENTITY;
    const pc_read_fields fields = {.identity = by_identity ? message->identity : NULL,
                                   .xid = by_xid ? message->xid : NULL,
                                   .sandbox = message->sandbox,
                                   .merge_policy_id = message->merge_policy_id,
                                   .max_staleness = message->max_staleness,
                                   .person = "entity"};
    check_schema(&status, message->schema);
    pc_request_person(&fetch.person, &status, service, &fields);
    /* The default merge policy is one of profiles; each class has its own in the upstream. */
    if (message->merge_policy_id[0] == '\0') {
        fetch.person.merge_policy = NULL;
    }
    pc_gather_plan fresh = {.has_max_staleness = false};
    pc_request_staleness(&fresh, &fields);
    pc_access_where(&op->access, &status, &fetch.person, &fresh);
    pc_access_person(&op->access, &status, &fetch.person);
    pc_request_mask(&op->mask, &status, pc_call_arena(call), message->read_mask, &pc_table_Entity);
    op->mask =
        pc_access_only_mask(&op->access, &status, pc_call_arena(call), PC_VIEW_ENTITY, op->mask);
    if (pc_status_ok(&status)) {
        status = pc_mask_upstream_fields(&fetch.fields, pc_call_arena(call), op->mask);
    }
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&fetch.deadline_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    fetch.request_id = pc_call_request_id(call);
    fetch.trace = *pc_call_trace(call);
    fetch.caller = pc_call_caller_key(call);
    fetch.criticality = pc_call_criticality(call);
    pc_single_fetch_start(&op->fetch, service, &fetch);
}
