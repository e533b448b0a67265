/* GetIdentities: the identity graph's answer, and where there is none the profile's own identities.
 * The graph knows most; the profile is what lookups were merged from. */
#include <pthread.h>

#include "context/fetching.h"
#include "context/section_bytes.h"
#include "mapping/identity_answers.h"
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/access.h"
#include "service/answer.h"
#include "service/seen.h"
#include "util/clock.h"

/* Field numbers of GetIdentitiesResponse, and numbers of IdentitySource. */
enum {
    RESPONSE_IDENTITIES = 1,
    RESPONSE_INFO = 2,
    RESPONSE_SOURCE = 3,
    SOURCE_GRAPH = 1,
    SOURCE_PROFILE = 2
};

enum { GRAPH_ARENA_BYTES_MAX = 16 * 1024 * 1024 };

typedef Profilecontext__V1__GetIdentitiesRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    const pc_service *service;
    const pc_mask *mask;
    pc_access access;
    pc_gather_plan plan;
    pc_fetching *fetching;   /* of the graph; owned */
    pc_gathering *gathering; /* of the profile, where the graph did not help; owned */
    pthread_mutex_t lock;    /* guards: gathering, cancelled */
    bool cancelled;
} operation;

/* Takes `items`. */
static void answer(operation *op, pc_slice *items, uint32_t refusals,
                   const pc_section_result *result, int source)
{
    items = pc_access_show_data(&op->access, PC_VIEW_IDENTITIES, refusals, items, true);
    items = pc_mask_items(items, op->mask, op->service->gatherer->body_bytes_max);
    pc_buffer head;
    pc_buffer_init(&head, PC_HEAD_BYTES_MAX);
    pc_put_section_info(&head, RESPONSE_INFO, PC_SECTION_IDENTITIES, result, pc_clock_wall_ms());
    pc_wire_put_int(&head, RESPONSE_SOURCE, source);
    pc_slice *pieces[2] = {pc_buffer_take_slice(&head), items};
    pc_buffer_deinit(&head);
    if (pieces[0] == NULL || items == NULL) {
        pc_slice_unref(pieces[0]);
        pc_slice_unref(items);
        pc_call_fail(op->call, pc_status_out_of_memory());
        return;
    }
    pc_call_answer(op->call, pieces, 2);
}

/* ---- the profile ----------------------------------------------------------------------------- */

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    pc_section_result *result = &gathered->sections[PC_SECTION_IDENTITIES];
    uint32_t refusals = pc_access_refusals_of(&op->access, &op->plan, gathered);
    pc_access_judge(&op->access, PC_VIEW_IDENTITIES, refusals, gathered, result);
    pc_note_gathered(op->call, gathered);
    if (!pc_section_has_data(result)) {
        pc_call_fail(op->call, pc_take_failure(gathered, PC_SECTION_IDENTITIES));
        return;
    }
    pc_slice *items = result->data;
    result->data = NULL;
    answer(op, items, refusals, result, SOURCE_PROFILE);
}

static void on_released(void *self)
{
    pc_call_unref(((operation *)self)->call);
}

/* Holds the call's reference that `on_released` gives back. */
static void ask_profile(operation *op)
{
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    /* The answer may be out, and the call gone, before the start returns. */
    pc_call *call = pc_call_ref(op->call);
    pthread_mutex_lock(&op->lock);
    pc_status status =
        pc_gather_start(&op->gathering, op->service->gatherer, &op->plan, &callbacks);
    if (pc_status_ok(&status) && op->cancelled) {
        pc_gather_cancel(op->gathering);
    }
    pthread_mutex_unlock(&op->lock);
    if (!pc_status_ok(&status)) {
        pc_call_fail(op->call, status);
        on_released(op);
    }
    pc_call_unref(call);
}

/* ---- the graph ------------------------------------------------------------------------------- */

static void on_graph(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    operation *op = self;
    pc_call_count_upstream(op->call, attempts, pc_slice_size(body));
    pc_arena arena;
    pc_buffer items;
    pc_graph_member *members = NULL;
    size_t count = 0;
    size_t written = 0;
    pc_arena_init(&arena, NULL, 0, GRAPH_ARENA_BYTES_MAX);
    pc_buffer_init(&items, op->service->gatherer->body_bytes_max);
    if (pc_status_ok(&status)) {
        status = pc_graph_read(&members, &count, &arena, pc_slice_bytes(body), pc_slice_size(body));
    }
    if (pc_status_ok(&status)) {
        pc_graph_put(&items, RESPONSE_IDENTITIES, members, count, &written);
    }
    pc_slice *slice = written > 0 ? pc_buffer_take_slice(&items) : NULL;
    pc_buffer_deinit(&items);
    pc_arena_deinit(&arena);
    /* Why the graph did not help is no matter where the profile does, and its answer decides. */
    pc_status_clear(&status);
    if (slice == NULL) {
        ask_profile(op);
        return;
    }
    const pc_gathered none = {.event_count = 0};
    pc_section_result result = {.status = PC_SECTION_OK,
                                .origin = PC_ORIGIN_UPSTREAM,
                                .fetched_wall_ms = pc_clock_wall_ms(),
                                .reason = ""};
    pc_access_judge(&op->access, PC_VIEW_IDENTITIES, 0, &none, &result);
    pc_section_counts_add(op->service->section_counts, PC_SECTION_IDENTITIES, &result, 1);
    pc_keep_sections(op->call, op->service, PC_SECTION_IDENTITIES, &result, 1,
                     result.fetched_wall_ms);
    answer(op, slice, 0, &result, SOURCE_GRAPH);
    on_released(op);
}

static void ask_graph(operation *op)
{
    const pc_gather_plan *plan = &op->plan;
    const pc_person_ref ref = {plan->person.namespace_code, plan->person.id, plan->person.xid};
    int64_t now = pc_clock_now_ns();
    const pc_fetch_request request = {
        .kind = PC_FETCH_GRAPH,
        .person = {.sandbox = plan->person.sandbox},
        .request_id = plan->request_id,
        .trace = plan->trace,
        .criticality = plan->criticality,
        .caller = plan->caller,
        /* Half of the time is left for the profile. */
        .deadline_ns = now + (plan->close_ns - now) / 2,
        .refs = &ref,
        .ref_count = 1,
    };
    const pc_gatherer *gatherer = op->service->gatherer;
    pc_status status = pc_fetching_start(&op->fetching, gatherer->source, gatherer->workers,
                                         &request, on_graph, op);
    if (!pc_status_ok(&status)) {
        pc_status_clear(&status);
        ask_profile(op);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_caller_gone(void *self)
{
    operation *op = self;
    pthread_mutex_lock(&op->lock);
    op->cancelled = true;
    if (op->fetching != NULL) {
        pc_fetching_cancel(op->fetching);
    }
    if (op->gathering != NULL) {
        pc_gather_cancel(op->gathering);
    }
    pthread_mutex_unlock(&op->lock);
}

static void on_call_ended(void *self)
{
    operation *op = self;
    pc_fetching_release(op->fetching);
    pc_gather_release(op->gathering);
    pthread_mutex_destroy(&op->lock);
}

void pc_get_identities(pc_call *call, const void *request, void *self)
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
    pc_status status = pc_access_begin(&op->access, call, service, PC_RIGHT_GET_IDENTITIES);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_read_fields fields = PC_READ_FIELDS(message, PROFILECONTEXT__V1__GET_IDENTITIES_REQUEST);
    pc_request_person(&plan->person, &status, service, &fields);
    pc_request_staleness(plan, &fields);
    pc_request_mask(&op->mask, &status, pc_call_arena(call), message->read_mask,
                    &pc_table_LinkedIdentity);
    pc_access_where(&op->access, &status, &plan->person, plan);
    pc_access_person(&op->access, &status, &plan->person);
    op->mask = pc_access_only_mask(&op->access, &status, pc_call_arena(call), PC_VIEW_IDENTITIES,
                                   op->mask);
    pc_access_ask_consents(&op->access, plan);
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&plan->close_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    plan->sections = PC_SECTION_BIT(PC_SECTION_IDENTITIES);
    plan->numbers[PC_SECTION_IDENTITIES] = RESPONSE_IDENTITIES;
    plan->profile_fields = plan->with_profile ? "identityMap,consents" : "identityMap";
    plan->request_id = pc_call_request_id(call);
    plan->trace = *pc_call_trace(call);
    plan->caller = pc_call_caller_key(call);
    plan->criticality = pc_call_criticality(call);
    pthread_mutex_init(&op->lock, NULL);
    pc_call_at_end(call, on_call_ended, op);
    pc_call_ref(call); /* the answer's, given back in on_released */
    pc_call_ref(call);
    /* The graph knows nothing of consents. */
    if (service->has_identity_service && !plan->with_profile) {
        ask_graph(op);
    } else {
        ask_profile(op);
    }
    pc_call_on_cancel(call, on_caller_gone, op);
    pc_call_unref(call);
}
