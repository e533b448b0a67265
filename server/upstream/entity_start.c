/* Fetches started, raised, cancelled and given back, on any thread; what becomes of them is in
 * entity.c. */
#include "upstream/entity_op.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

/* False when the client has its fill. */
static bool enter(pc_entity_client *client)
{
    uint_fast64_t in_flight = atomic_load(&client->in_flight);
    while (in_flight < client->max_in_flight) {
        if (atomic_compare_exchange_weak(&client->in_flight, &in_flight, in_flight + 1)) {
            return true;
        }
    }
    return false;
}

static pc_status new_op(pc_entity_op **out, pc_entity_client *client, const pc_entity_query *query)
{
    *out = NULL;
    pc_entity_op *op = calloc(1, sizeof *op);
    if (op == NULL) {
        return pc_status_out_of_memory();
    }
    atomic_init(&op->references, 1);
    atomic_init(&op->cancel_asked, false);
    atomic_init(&op->raise_to, (int)query->criticality);
    op->loop = pc_loop_ref(pc_transfer_loop(client->transfer));
    op->begin.run = pc_entity_on_begun;
    op->cancel.run = pc_entity_on_cancel_asked;
    op->raise.run = pc_entity_on_raise_asked;
    op->task.ticket.criticality = query->criticality;
    op->task.ticket.caller = query->caller;
    op->task.client = client;
    op->task.kind = query->kind;
    op->task.trace = query->trace;
    const pc_entity_bases bases = {client->base_url, client->identity_url};
    pc_status status = pc_entity_request_build(&op->task.request, &bases, query);
    if (pc_status_ok(&status)) {
        op->task.sandbox =
            strdup(query->sandbox == NULL ? client->sandbox_default : query->sandbox);
        op->task.request_id = query->request_id == NULL ? NULL : strdup(query->request_id);
        if (op->task.sandbox == NULL ||
            (query->request_id != NULL && op->task.request_id == NULL)) {
            status = pc_status_out_of_memory();
        }
    }
    if (!pc_status_ok(&status)) {
        pc_entity_op_unref(op);
        return status;
    }
    *out = op;
    return PC_OK;
}

pc_status pc_entity_fetch(pc_entity_client *client, const pc_entity_query *query,
                          pc_entity_done done, void *self, pc_entity_op **op_out)
{
    if (op_out != NULL) {
        *op_out = NULL;
    }
    if (atomic_load(&client->is_closing)) {
        return pc_entity_cancelled();
    }
    int64_t now_ns = pc_clock_now_ns();
    if (query->deadline_ns <= now_ns) {
        return pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT",
                             "No time was left to ask the upstream.");
    }
    int64_t retry_ms;
    if (pc_breaker_refuses(pc_entity_breaker_of(client, query->kind), now_ns, &retry_ms)) {
        return pc_entity_breaker_open(retry_ms);
    }
    pc_entity_op *op = NULL;
    pc_status status = new_op(&op, client, query);
    if (!pc_status_ok(&status) || op == NULL) {
        return status;
    }
    int64_t limit_ns = pc_clock_after_ms(now_ns, client->timeout_ms);
    op->task.deadline_ns = query->deadline_ns < limit_ns ? query->deadline_ns : limit_ns;
    op->task.ticket.deadline_ns =
        query->patience_ns > 0 && query->patience_ns < op->task.deadline_ns ? query->patience_ns
                                                                            : op->task.deadline_ns;
    op->started_ns = now_ns;
    op->done = done;
    op->self = self;
    if (!enter(client)) {
        atomic_fetch_add(&client->refused[op->task.kind], 1);
        status = pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_TOO_MANY_IN_FLIGHT",
                               "Too many upstream fetches are under way.");
        goto refused;
    }
    if (op_out != NULL) {
        atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
        *op_out = op;
    }
    if (pc_loop_post(op->loop, &op->begin)) {
        return PC_OK;
    }
    atomic_fetch_sub(&client->in_flight, 1);
    if (op_out != NULL) {
        pc_entity_op_unref(*op_out);
        *op_out = NULL;
    }
    status = pc_entity_cancelled();
refused:
    pc_entity_op_unref(op);
    return status;
}

void pc_entity_cancel(pc_entity_op *op)
{
    /* The job can be posted once only, so only the first to ask posts it. */
    if (op == NULL || atomic_exchange(&op->cancel_asked, true)) {
        return;
    }
    atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
    if (!pc_loop_post(op->loop, &op->cancel)) {
        pc_entity_op_unref(op);
    }
}

void pc_entity_raise(pc_entity_op *op, pc_criticality criticality)
{
    /* The most critical of those that asked counts, not the latest. */
    int to = atomic_load(&op->raise_to);
    while ((int)criticality < to &&
           !atomic_compare_exchange_weak(&op->raise_to, &to, (int)criticality)) {
    }
    if (atomic_exchange(&op->raise_asked, true)) {
        return;
    }
    atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
    if (!pc_loop_post(op->loop, &op->raise)) {
        pc_entity_op_unref(op);
    }
}

void pc_entity_op_unref(pc_entity_op *op)
{
    if (op == NULL || atomic_fetch_sub_explicit(&op->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pc_entity_request_deinit(&op->task.request);
    pc_entity_forget_failure(op);
    free(op->task.sandbox);
    free(op->task.request_id);
    pc_loop_unref(op->loop);
    free(op);
}
