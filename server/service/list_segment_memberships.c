/* ListSegmentMemberships: a page of the segments a person is or was in. The upstream sends them all
 * with the profile, so a page is cut here: its token holds the last key that was shown. */
#include <string.h>

#include "context/section_bytes.h"
#include "mapping/segments.h"
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/access.h"
#include "service/answer.h"

/* Field numbers of ListSegmentMembershipsResponse. */
enum { RESPONSE_SEGMENT_MEMBERSHIPS = 1, RESPONSE_NEXT_PAGE_TOKEN = 2, RESPONSE_INFO = 3 };

enum { PAGE_SIZE_USUAL = 1000, PAGE_SIZE_MAX = 4000 };

typedef Profilecontext__V1__ListSegmentMembershipsRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    const pc_service *service;
    pc_gather_plan plan;
    pc_access access;
    pc_query_hash query;
    int page_size;
    const pc_mask *mask;
    const char *after; /* key of the last membership shown: namespace, NUL, segment id; or NULL */
    size_t after_size;
} operation;

static void on_gathered(void *self, pc_gathered *gathered);
static void on_released(void *self);

static pc_status plan_page(operation *op, const request_message *message)
{
    const pc_person *person = &op->plan.person;
    const char *texts[] = {"ListSegmentMemberships",
                           pc_call_caller(op->call),
                           person->namespace_code,
                           person->id,
                           person->xid,
                           person->sandbox,
                           person->merge_policy};
    pc_status status = pc_query_hash_of(&op->query, texts, PC_COUNT_OF(texts));
    if (pc_status_ok(&status) && message->page_token[0] != '\0') {
        status = pc_page_token_open(&op->after, &op->after_size, pc_call_arena(op->call),
                                    op->service->page_token_key, &op->query, message->page_token);
    }
    return status;
}

void pc_list_segment_memberships(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    const request_message *message = request;
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->call = call;
    op->service = service;
    pc_gather_plan *plan = &op->plan;
    pc_status status =
        pc_access_begin(&op->access, call, service, PC_RIGHT_LIST_SEGMENT_MEMBERSHIPS);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_read_fields fields =
        PC_READ_FIELDS(message, PROFILECONTEXT__V1__LIST_SEGMENT_MEMBERSHIPS_REQUEST);
    pc_request_person(&plan->person, &status, service, &fields);
    pc_request_staleness(plan, &fields);
    pc_request_mask(&op->mask, &status, pc_call_arena(call), message->read_mask,
                    &pc_table_SegmentMembership);
    pc_access_where(&op->access, &status, &plan->person, plan);
    pc_access_person(&op->access, &status, &plan->person);
    op->mask =
        pc_access_only_mask(&op->access, &status, pc_call_arena(call), PC_VIEW_SEGMENTS, op->mask);
    pc_access_ask_consents(&op->access, plan);
    op->page_size =
        pc_request_limit(&status, "page_size", message->page_size, PAGE_SIZE_USUAL, PAGE_SIZE_MAX);
    if (pc_status_ok(&status)) {
        status = plan_page(op, message);
    }
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&plan->close_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    plan->sections = PC_SECTION_BIT(PC_SECTION_SEGMENTS);
    plan->numbers[PC_SECTION_SEGMENTS] = PC_PROFILE_SEGMENT_MEMBERSHIP;
    plan->profile_fields = plan->with_profile ? "segmentMembership,consents" : "segmentMembership";
    pc_call_ref(call);
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    pc_gather_for_call(call, service, plan, &callbacks);
}

/* Compares a membership's key with the one that the page comes after; the list is sorted so. */
static int compare_key(const pc_segment *segment, const char *after, size_t after_size)
{
    size_t namespace_size = strlen(after);
    const char *id = after + namespace_size + 1;
    size_t id_size = after_size > namespace_size ? after_size - namespace_size - 1 : 0;
    size_t common =
        segment->name_space_size < namespace_size ? segment->name_space_size : namespace_size;
    int order = memcmp(segment->name_space, after, common);
    if (order == 0 && segment->name_space_size != namespace_size) {
        order = segment->name_space_size < namespace_size ? -1 : 1;
    }
    if (order != 0) {
        return order;
    }
    common = segment->segment_id_size < id_size ? segment->segment_id_size : id_size;
    order = memcmp(segment->segment_id, id, common);
    if (order == 0 && segment->segment_id_size != id_size) {
        order = segment->segment_id_size < id_size ? -1 : 1;
    }
    return order;
}

static pc_status put_next_page(pc_buffer *out, const operation *op, const pc_segment *last)
{
    pc_arena *arena = pc_call_arena(op->call);
    size_t size = last->name_space_size + 1 + last->segment_id_size;
    char *key = pc_arena_alloc(arena, size);
    if (key == NULL) {
        return pc_status_out_of_memory();
    }
    memcpy(key, last->name_space, last->name_space_size);
    key[last->name_space_size] = '\0';
    memcpy(key + last->name_space_size + 1, last->segment_id, last->segment_id_size);
    const char *token;
    pc_status status =
        pc_page_token_seal(&token, arena, op->service->page_token_key, &op->query, key, size);
    if (pc_status_ok(&status)) {
        pc_wire_put_text(out, RESPONSE_NEXT_PAGE_TOKEN, token);
    }
    return status;
}

/* One membership as it is shown. It is cut here: what is left out or changed may be what pages go
 * by. */
static pc_status put_segment(pc_buffer *out, const operation *op, uint32_t refusals,
                             const pc_segment *segment)
{
    pc_buffer masked;
    pc_buffer_init(&masked, op->service->gatherer->body_bytes_max);
    pc_status status = pc_mask_filter(&masked, segment->wire, segment->wire_size, op->mask);
    pc_slice *slice = pc_status_ok(&status) ? pc_buffer_take_slice(&masked) : NULL;
    pc_buffer_deinit(&masked);
    slice = pc_access_show_data(&op->access, PC_VIEW_SEGMENTS, refusals, slice, false);
    if (slice == NULL) {
        return pc_status_ok(&status) ? pc_status_out_of_memory() : status;
    }
    pc_wire_put_bytes(out, RESPONSE_SEGMENT_MEMBERSHIPS, pc_slice_bytes(slice),
                      pc_slice_size(slice));
    pc_slice_unref(slice);
    return PC_OK;
}

/* The same where nothing but the mask leaves anything out. */
static pc_status put_masked(pc_buffer *out, const operation *op, const pc_segment *segment)
{
    size_t mark = pc_wire_begin(out, RESPONSE_SEGMENT_MEMBERSHIPS);
    pc_status status = pc_mask_filter(out, segment->wire, segment->wire_size, op->mask);
    pc_wire_end(out, mark);
    return status;
}

static pc_status put_page(pc_buffer *out, const operation *op, uint32_t refusals,
                          const pc_slice *segments)
{
    bool plain = op->access.grant == NULL;
    pc_segment_iterator iterator;
    pc_segment segment;
    pc_segment last = {0};
    int shown = 0;
    pc_segment_iterator_init(&iterator, pc_slice_bytes(segments), pc_slice_size(segments),
                             PC_PROFILE_SEGMENT_MEMBERSHIP);
    while (pc_segment_iterator_next(&iterator, &segment)) {
        if (op->after != NULL && compare_key(&segment, op->after, op->after_size) <= 0) {
            continue;
        }
        if (shown > 0 && shown == op->page_size) {
            return put_next_page(out, op, &last);
        }
        pc_status status =
            plain ? put_masked(out, op, &segment) : put_segment(out, op, refusals, &segment);
        if (!pc_status_ok(&status)) {
            return status;
        }
        last = segment;
        shown++;
    }
    return PC_OK;
}

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    uint32_t refusals = pc_access_refusals_of(&op->access, &op->plan, gathered);
    pc_section_result *result = &gathered->sections[PC_SECTION_SEGMENTS];
    pc_access_judge(&op->access, PC_VIEW_SEGMENTS, refusals, gathered, result);
    pc_note_gathered(op->call, gathered);
    if (!pc_section_has_data(result)) {
        pc_call_fail(op->call, pc_take_failure(gathered, PC_SECTION_SEGMENTS));
        return;
    }
    pc_buffer out;
    pc_buffer_init(&out, op->service->gatherer->body_bytes_max);
    pc_put_section_info(&out, RESPONSE_INFO, PC_SECTION_SEGMENTS, result, gathered->now.wall_ms);
    pc_status status = put_page(&out, op, refusals, result->data);
    pc_slice *answer = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    if (pc_status_ok(&status) && answer == NULL) {
        status = pc_status_out_of_memory();
    }
    if (!pc_status_ok(&status)) {
        pc_slice_unref(answer);
        pc_call_fail(op->call, status);
        return;
    }
    pc_call_answer(op->call, &answer, 1);
}

static void on_released(void *self)
{
    pc_call_unref(((operation *)self)->call);
}
