/* PrefetchContexts: sees to it that persons are remembered before anyone asks for them. Nothing is
 * waited for, so all of it happens on the RPC thread. */
#include "mapping/wire.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/answer.h"
#include "service/context_plan.h"
#include "service/seen.h"

/* Field numbers of PrefetchContextsResponse and PrefetchEntry. */
enum { RESPONSE_ENTRIES = 1, ENTRY_STATE = 1, ENTRY_REASON = 2 };

enum { PERSONS_MAX = 1000, ENTRY_BYTES_MAX = 64 };

typedef Profilecontext__V1__PrefetchContextsRequest request_message;

static const struct {
    Profilecontext__V1__PrefetchState state;
    const char *reason;
    const char *audited;
} words[] = {
    [PC_PREFETCH_WARM] = {PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_WARM, "", "WARM"},
    [PC_PREFETCH_STARTED] = {PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_STARTED, "",
                             "STARTED"},
    [PC_PREFETCH_FULL] = {PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_SKIPPED,
                          "TOO_MANY_PREFETCHES", "TOO_MANY_PREFETCHES"},
    [PC_PREFETCH_NO_CACHE] = {PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_SKIPPED,
                              "NO_CACHE", "NO_CACHE"},
};

static void put_entry(pc_buffer *out, Profilecontext__V1__PrefetchState state, const char *reason)
{
    size_t mark = pc_wire_begin(out, RESPONSE_ENTRIES);
    pc_wire_put_int(out, ENTRY_STATE, state);
    if (reason[0] != '\0') {
        pc_wire_put_text(out, ENTRY_REASON, reason);
    }
    pc_wire_end(out, mark);
}

static void prefetch_one(pc_buffer *out, pc_call *call, const pc_service *service,
                         const pc_access *access, const pc_gather_plan *plan,
                         const pc_person_ref *ref)
{
    pc_status status = pc_access_one(access, ref);
    if (!pc_status_ok(&status)) {
        const char *reason = pc_status_reason(&status);
        put_entry(out, PROFILECONTEXT__V1__PREFETCH_STATE__PREFETCH_STATE_SKIPPED, reason);
        pc_tell_person(call, service, &plan->person, NULL, status.code, reason);
        pc_status_clear(&status);
        return;
    }
    pc_prefetch_state state = pc_gather_prefetch(service->gatherer, plan);
    put_entry(out, words[state].state, words[state].reason);
    pc_tell_person(call, service, &plan->person, NULL, PC_CODE_OK, words[state].audited);
}

/* The plan of one person, and all of them. */
static pc_status plan_prefetch(pc_gather_plan *plan, pc_access *access, pc_person_ref **persons,
                               pc_call *call, const pc_service *service,
                               const request_message *message)
{
    pc_status status = pc_access_begin(access, call, service, PC_RIGHT_PREFETCH_CONTEXTS);
    if (!pc_status_ok(&status)) {
        return status;
    }
    const pc_read_fields fields = {.sandbox = message->sandbox,
                                   .merge_policy_id = message->merge_policy_id,
                                   .max_staleness = message->max_staleness};
    const pc_context_fields context = {.read_mask = message->read_mask};
    pc_request_persons(persons, &plan->person, &status, pc_call_arena(call), service, &fields,
                       message->persons, message->n_persons, PERSONS_MAX);
    pc_request_staleness(plan, &fields);
    pc_access_where(access, &status, &plan->person, plan);
    if (pc_status_ok(&status)) {
        pc_access_persons(access, &status, *persons, message->n_persons);
    }
    pc_plan_context(plan, access, &status, pc_call_arena(call), service, &context);
    plan->request_id = pc_call_request_id(call);
    plan->trace = *pc_call_trace(call);
    plan->caller = pc_call_caller_key(call);
    return status;
}

void pc_prefetch_contexts(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    const request_message *message = request;
    pc_gather_plan plan = {.sections = 0};
    pc_access access;
    pc_person_ref *persons;
    pc_status status = plan_prefetch(&plan, &access, &persons, call, service, message);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_keep_batch(call, service);
    pc_buffer out;
    pc_buffer_init(&out, message->n_persons * ENTRY_BYTES_MAX);
    for (size_t i = 0; i < message->n_persons; i++) {
        plan.person.namespace_code = persons[i].namespace_code;
        plan.person.id = persons[i].id;
        plan.person.xid = persons[i].xid;
        prefetch_one(&out, call, service, &access, &plan, &persons[i]);
    }
    pc_slice *answer = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    if (answer == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
    } else {
        pc_call_answer(call, &answer, 1);
    }
}
