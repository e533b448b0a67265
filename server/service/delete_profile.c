/* DeleteProfile: only where the configuration grants it, and every request is told to the audit. */
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/access.h"
#include "service/request.h"
#include "service/single_fetch.h"

typedef Profilecontext__V1__DeleteProfileRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_single_fetch fetch;
    const pc_service *service;
    pc_person person;
    const char *caller;
} operation;

static void tell(const operation *op, const pc_status *status)
{
    const pc_deletion deletion = {
        .person = &op->person,
        .caller = op->caller,
        .request_id = pc_call_request_id(op->fetch.call),
        .code = status->code,
        .reason = pc_status_reason(status),
    };
    op->service->on_deletion(op->service->self, &deletion);
}

static void answer(void *self, pc_status status, pc_slice *body)
{
    operation *op = self;
    (void)body;
    tell(op, &status);
    /* Also after a failure: the upstream may have deleted the person and only not been heard. */
    pc_gatherer_forget(op->service->gatherer, &op->person);
    if (!pc_status_ok(&status)) {
        pc_call_fail(op->fetch.call, status);
        return;
    }
    static const Profilecontext__V1__DeleteProfileResponse taken =
        PROFILECONTEXT__V1__DELETE_PROFILE_RESPONSE__INIT;
    pc_call_answer_message(op->fetch.call, &taken.base);
}

void pc_delete_profile(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    const request_message *message = request;
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->service = service;
    op->caller = pc_call_caller(call);
    op->fetch = (pc_single_fetch){.call = call, .answer = answer, .self = op};
    pc_access access;
    pc_status status = pc_access_begin(&access, call, service, PC_RIGHT_DELETE_PROFILE);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    bool by_xid = message->person_case == PROFILECONTEXT__V1__DELETE_PROFILE_REQUEST__PERSON_XID;
    bool by_identity =
        message->person_case == PROFILECONTEXT__V1__DELETE_PROFILE_REQUEST__PERSON_IDENTITY;
    const pc_read_fields fields = {.identity = by_identity ? message->identity : NULL,
                                   .xid = by_xid ? message->xid : NULL,
                                   .sandbox = message->sandbox,
                                   .merge_policy_id = message->merge_policy_id};
    pc_request_person(&op->person, &status, service, &fields);
    if (message->sandbox[0] == '\0') {
        pc_status_add_violation(&status, "sandbox", "must be given: nothing is deleted by default");
    }
    if (pc_status_ok(&status) && access.grant != NULL) {
        pc_access_where(&access, &status, &op->person, NULL);
        pc_access_person(&access, &status, &op->person);
        if (!pc_status_ok(&status)) {
            tell(op, &status);
        }
    }
    if (pc_status_ok(&status) && access.grant == NULL && !service->may_delete) {
        status = pc_status_new(PC_CODE_PERMISSION_DENIED, "DELETE_NOT_GRANTED",
                               "this server does not delete profiles; its operator can grant it "
                               "(access.delete_profiles)");
        tell(op, &status);
    }
    pc_fetch_request fetch = {.kind = PC_FETCH_DELETE, .person = op->person};
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
