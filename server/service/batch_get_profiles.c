/* BatchGetProfiles: the persons, each once, through the upstream's own batches. */
#include <stdlib.h>
#include <string.h>

#include "context/batch_profiles.h"
#include "context/section_bytes.h"
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/access.h"
#include "service/answer.h"
#include "service/entry_error.h"
#include "service/seen.h"
#include "util/clock.h"

/* Field numbers of BatchGetProfilesResponse and ProfileEntry. */
enum { RESPONSE_PROFILES = 1, ENTRY_PROFILE = 1, ENTRY_ERROR = 2, ENTRY_INFO = 3, ENTRY_XID = 4 };

enum { PERSONS_MAX = 1000 };

#define NOT_ALLOWED SIZE_MAX /* for a place */

typedef Profilecontext__V1__BatchGetProfilesRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    const pc_service *service;
    pc_batch_plan plan;
    pc_access access;
    const pc_person_ref *asked;
    size_t asked_count;
    pc_person_ref *persons; /* who may be asked for, each once */
    size_t *places;         /* for each of `asked`: its place in `persons`, or NOT_ALLOWED */
    pc_batch *batch;        /* owned */
} operation;

/* What became of one person, as the caller may know it. */
typedef struct {
    uint32_t refusals; /* the consents that are not given */
    pc_status failure; /* owned; OK: there is a profile, and something of it may be shown */
} verdict;

/* ---- answer ---------------------------------------------------------------------------------- */

/* Taken; whole where the access decides more than its mask says. */
static pc_slice *show(const operation *op, uint32_t refusals, pc_slice *profile)
{
    const pc_access *access = &op->access;
    if (pc_access_needs_consents(access) && !pc_access_needs_whole(access, PC_VIEW_WHOLE_PROFILE)) {
        profile = pc_mask_message(profile, access->masks[PC_VIEW_WHOLE_PROFILE],
                                  op->service->gatherer->body_bytes_max);
    }
    return pc_access_show_data(access, PC_VIEW_WHOLE_PROFILE, refusals, profile, false);
}

/* `failure` is NULL when there is a profile. */
static void put_info(pc_buffer *out, const operation *op, const pc_batch_result *result,
                     uint32_t refusals, const pc_status *failure, int64_t fetched_wall_ms)
{
    pc_section_result info = {.status = PC_SECTION_OK,
                              .origin = PC_ORIGIN_UPSTREAM,
                              .fetched_wall_ms = fetched_wall_ms,
                              .last_modified = result->last_modified,
                              .reason = ""};
    if (failure != NULL) {
        info = (pc_section_result){.status = pc_section_verdict(failure),
                                   .reason = pc_status_reason(failure)};
    }
    pc_access_tell(&op->access, PC_VIEW_WHOLE_PROFILE, refusals, &info);
    pc_section_counts_add(op->service->section_counts, PC_SECTION_PROFILE, &info, 1);
    pc_put_section_info(out, ENTRY_INFO, PC_SECTION_PROFILE, &info, pc_clock_wall_ms());
    pc_slice_unref(info.denied_later);
}

/* Beside what anybody's look-up may fail of: that a request about several cannot be processed, as
 * where there is no default merge policy; what is wrong with one of them its entry says. */
static bool says_nothing(const pc_batch_result *result)
{
    return pc_access_says_nothing(&result->failure) ||
           (result->failed_with_others &&
            strcmp(pc_status_reason(&result->failure), "UPSTREAM_UNPROCESSABLE") == 0);
}

/* Who has given no consent is told of like one whom there is not. */
static verdict judge(const operation *op, const pc_batch_result *result, const pc_person_ref *ref)
{
    const pc_access *access = &op->access;
    verdict out = {.refusals = pc_access_refusals(
                       access, result->profile == NULL ? NULL : pc_slice_bytes(result->profile),
                       pc_slice_size(result->profile), ref->namespace_code, ref->id)};
    if (pc_access_leaves(access, PC_VIEW_WHOLE_PROFILE, out.refusals)) {
        out.failure = pc_status_copy(&result->failure);
    } else {
        out.failure = pc_access_withheld(pc_access_withheld_reason(!says_nothing(result)));
        pc_call_hide_cost(op->call, PC_COST_ALL);
    }
    return out;
}

/* An array in the call's arena; NULL when out of memory. */
static verdict *judge_all(const operation *op, const pc_batch_results *results)
{
    size_t count = op->plan.person_count;
    verdict *verdicts = pc_arena_calloc(pc_call_arena(op->call), count, sizeof *verdicts);
    for (size_t i = 0; verdicts != NULL && i < count; i++) {
        verdicts[i] = judge(op, &results->results[i], &op->persons[i]);
    }
    return verdicts;
}

static void put_entry(pc_buffer *out, const operation *op, const verdict *decided,
                      const pc_batch_result *result, int64_t fetched_wall_ms)
{
    pc_slice *profile = NULL;
    const pc_status no_memory = pc_status_out_of_memory();
    const pc_status *failure = pc_status_ok(&decided->failure) ? NULL : &decided->failure;
    if (failure == NULL) {
        profile = show(op, decided->refusals, pc_slice_ref(result->profile));
        failure = profile == NULL ? &no_memory : NULL;
    }
    size_t mark = pc_wire_begin(out, RESPONSE_PROFILES);
    if (failure == NULL) {
        pc_wire_put_bytes(out, ENTRY_PROFILE, pc_slice_bytes(profile), pc_slice_size(profile));
        if (result->xid[0] != '\0' && pc_access_shows_xid(&op->access)) {
            pc_wire_put_text(out, ENTRY_XID, result->xid);
        }
    } else {
        pc_put_entry_error(out, ENTRY_ERROR, failure);
    }
    put_info(out, op, result, decided->refusals, failure, fetched_wall_ms);
    pc_wire_end(out, mark);
    pc_slice_unref(profile);
}

/* When no one could be answered, and for the same kind of reason that says nothing about a person,
 * it is the call's. */
static const pc_status *common_failure(const operation *op, const pc_batch_results *results)
{
    const pc_status *first = &results->results[0].failure;
    if (pc_status_ok(first)) {
        return NULL;
    }
    for (size_t i = 0; i < op->plan.person_count; i++) {
        const pc_batch_result *result = &results->results[i];
        const pc_status *other = &result->failure;
        bool personal = other->code == PC_CODE_NOT_FOUND ||
                        (pc_access_needs_consents(&op->access) && !says_nothing(result));
        if (personal || other->code != first->code ||
            strcmp(pc_status_reason(other), pc_status_reason(first)) != 0) {
            return NULL;
        }
    }
    return first;
}

static void tell_person(const operation *op, const pc_person_ref *ref, const pc_status *failure)
{
    const pc_person person = {.namespace_code = ref->namespace_code,
                              .id = ref->id,
                              .xid = ref->xid,
                              .sandbox = op->plan.sandbox,
                              .merge_policy = op->plan.merge_policy};
    pc_tell_person(op->call, op->service, &person, NULL, failure->code, pc_status_reason(failure));
}

static void tell_persons(const operation *op, const verdict *verdicts)
{
    if (op->service->on_person == NULL) {
        return;
    }
    pc_keep_batch(op->call, op->service);
    for (size_t i = 0; i < op->plan.person_count; i++) {
        tell_person(op, &op->persons[i], &verdicts[i].failure);
    }
    for (size_t i = 0; i < op->asked_count; i++) {
        if (op->places[i] == NOT_ALLOWED) {
            pc_status denied = pc_access_one(&op->access, &op->asked[i]);
            tell_person(op, &op->asked[i], &denied);
            pc_status_clear(&denied);
        }
    }
}

/* Of one who may not be asked for. */
static void put_denied(pc_buffer *out, const operation *op, const pc_person_ref *ref)
{
    const pc_batch_result none = {.failure = PC_OK, .xid = ""};
    verdict denied = {.failure = pc_access_one(&op->access, ref)};
    put_entry(out, op, &denied, &none, 0);
    pc_status_clear(&denied.failure);
}

static void answer(const operation *op, const verdict *verdicts, const pc_batch_results *results)
{
    pc_buffer out;
    /* The limit on answers says what is wrong; this one keeps memory bounded before that. */
    pc_buffer_init(&out, pc_call_answer_bytes_max(op->call) + PC_HEAD_BYTES_MAX);
    for (size_t i = 0; i < op->asked_count; i++) {
        size_t place = op->places[i];
        if (place == NOT_ALLOWED) {
            put_denied(&out, op, &op->asked[i]);
            continue;
        }
        put_entry(&out, op, &verdicts[place], &results->results[place], results->fetched_wall_ms);
    }
    bool too_large = out.failed;
    pc_slice *slice = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    if (slice == NULL) {
        pc_call_fail(op->call,
                     too_large ? pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE",
                                               "the answer is larger than this server sends: ask "
                                               "for fewer persons, or less with read_mask")
                               : pc_status_out_of_memory());
    } else {
        pc_call_answer(op->call, &slice, 1);
    }
}

static void on_done(void *self, const pc_batch_results *results)
{
    operation *op = self;
    verdict *verdicts = judge_all(op, results);
    pc_call_count_upstream(op->call, results->upstream_calls, results->upstream_bytes);
    const pc_status *failure = common_failure(op, results);
    if (verdicts != NULL) {
        tell_persons(op, verdicts);
    }
    if (verdicts == NULL || failure != NULL) {
        pc_call_fail(op->call,
                     failure != NULL ? pc_status_copy(failure) : pc_status_out_of_memory());
    } else {
        answer(op, verdicts, results);
    }
    for (size_t i = 0; verdicts != NULL && i < op->plan.person_count; i++) {
        pc_status_clear(&verdicts[i].failure);
    }
    pc_call_unref(op->call);
}

/* ---- plan ------------------------------------------------------------------------------------ */

typedef struct {
    const pc_person_ref *ref;
    size_t place;
} sorted_person;

static int compare_persons(const void *a, const void *b)
{
    const pc_person_ref *left = ((const sorted_person *)a)->ref;
    const pc_person_ref *right = ((const sorted_person *)b)->ref;
    if (left->xid != NULL || right->xid != NULL) {
        return left->xid == NULL ? 1 : right->xid == NULL ? -1 : strcmp(left->xid, right->xid);
    }
    int order = strcmp(left->namespace_code, right->namespace_code);
    return order != 0 ? order : strcmp(left->id, right->id);
}

static bool may_ask(const operation *op, const pc_person_ref *ref)
{
    pc_status status = pc_access_one(&op->access, ref);
    bool may = pc_status_ok(&status);
    pc_status_clear(&status);
    return may;
}

/* Who is named twice is asked for once. */
static pc_status list_once(operation *op, const pc_person_ref *asked, size_t count)
{
    pc_arena *arena = pc_call_arena(op->call);
    sorted_person *sorted = pc_arena_calloc(arena, count, sizeof *sorted);
    op->persons = pc_arena_calloc(arena, count, sizeof *op->persons);
    op->places = pc_arena_calloc(arena, count, sizeof *op->places);
    if (sorted == NULL || op->persons == NULL || op->places == NULL) {
        return pc_status_out_of_memory();
    }
    size_t allowed = 0;
    for (size_t i = 0; i < count; i++) {
        op->places[i] = NOT_ALLOWED;
        if (may_ask(op, &asked[i])) {
            sorted[allowed++] = (sorted_person){&asked[i], i};
        }
    }
    qsort(sorted, allowed, sizeof *sorted, compare_persons);
    size_t once = 0;
    for (size_t i = 0; i < allowed; i++) {
        if (i == 0 || compare_persons(&sorted[i - 1], &sorted[i]) != 0) {
            op->persons[once++] = *sorted[i].ref;
        }
        op->places[sorted[i].place] = once - 1;
    }
    op->asked = asked;
    op->asked_count = count;
    op->plan.persons = op->persons;
    op->plan.person_count = once;
    return PC_OK;
}

/* Entries are told apart by their identities, so these are always asked for. */
static pc_status plan_fields(operation *op)
{
    pc_arena *arena = pc_call_arena(op->call);
    const char *fields;
    const pc_mask *mask = op->access.masks[PC_VIEW_WHOLE_PROFILE];
    bool consents = pc_access_needs_consents(&op->access);
    pc_status status = pc_mask_upstream_fields(&fields, arena, mask);
    if (pc_status_ok(&status) && fields != NULL) {
        fields = pc_arena_printf(arena, "%s%sidentityMap%s", fields, fields[0] == '\0' ? "" : ",",
                                 consents ? ",consents" : "");
        status = fields == NULL ? pc_status_out_of_memory() : PC_OK;
    }
    op->plan.fields = fields;
    return status;
}

/* The mask is applied while mapping where it is all that decides; else when the profile is shown.
 */
static void plan_mask(operation *op, pc_status *status, const Google__Protobuf__FieldMask *paths)
{
    pc_arena *arena = pc_call_arena(op->call);
    const pc_mask *mask;
    pc_request_mask(&mask, status, arena, paths, &pc_table_Profile);
    mask = pc_access_only_mask(&op->access, status, arena, PC_VIEW_WHOLE_PROFILE, mask);
    if (mask != NULL && (pc_access_needs_consents(&op->access) ||
                         pc_access_needs_whole(&op->access, PC_VIEW_WHOLE_PROFILE))) {
        pc_request_mask(&mask, status, arena, NULL, &pc_table_Profile);
    }
    op->plan.mask = mask;
}

static pc_status plan_batch(operation *op, const request_message *message)
{
    const pc_service *service = op->service;
    pc_arena *arena = pc_call_arena(op->call);
    pc_status status = pc_access_begin(&op->access, op->call, service, PC_RIGHT_BATCH_GET_PROFILES);
    if (!pc_status_ok(&status)) {
        return status;
    }
    pc_person common;
    pc_person_ref *asked;
    const pc_read_fields fields = {.sandbox = message->sandbox,
                                   .merge_policy_id = message->merge_policy_id,
                                   .max_staleness = message->max_staleness};
    pc_request_persons(&asked, &common, &status, arena, service, &fields, message->persons,
                       message->n_persons, PERSONS_MAX);
    pc_gather_plan fresh = {.has_max_staleness = false};
    pc_request_staleness(&fresh, &fields);
    pc_access_where(&op->access, &status, &common, &fresh);
    if (pc_status_ok(&status)) {
        pc_access_persons(&op->access, &status, asked, message->n_persons);
    }
    plan_mask(op, &status, message->read_mask);
    op->plan.sandbox = common.sandbox;
    op->plan.merge_policy = common.merge_policy;
    op->plan.request_id = pc_call_request_id(op->call);
    op->plan.trace = *pc_call_trace(op->call);
    op->plan.chunk = (size_t)service->batch_chunk;
    op->plan.parallel = (size_t)service->batch_parallel;
    op->plan.has_identity_service = service->has_identity_service;
    if (pc_status_ok(&status)) {
        status = list_once(op, asked, message->n_persons);
    }
    if (pc_status_ok(&status)) {
        status = plan_fields(op);
    }
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&op->plan.close_ns, service, op->call);
    }
    op->plan.caller = pc_call_caller_key(op->call);
    op->plan.criticality = pc_call_criticality(op->call);
    return status;
}

static void on_caller_gone(void *self)
{
    pc_batch_cancel(self);
}

static void on_call_ended(void *self)
{
    pc_batch_release(self);
}

void pc_batch_get_profiles(pc_call *call, const void *request, void *self)
{
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->call = call;
    op->service = self;
    pc_status status = plan_batch(op, request);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_call_ref(call); /* the batch's, given back when it is done */
    pc_call_ref(call);
    status = pc_batch_start(&op->batch, op->service->gatherer, &op->plan, on_done, op);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        pc_call_unref(call);
    } else {
        pc_call_at_end(call, on_call_ended, op->batch);
        pc_call_on_cancel(call, on_caller_gone, op->batch);
    }
    pc_call_unref(call);
}
