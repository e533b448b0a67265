/* What a fetch is made of, for entity.c and entity_start.c; no others. */
#ifndef PC_UPSTREAM_ENTITY_OP_H
#define PC_UPSTREAM_ENTITY_OP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "upstream/attempt.h"
#include "upstream/entity.h"

/* An attempt that failed while the other was under way, or before the next try. */
typedef struct {
    pc_status status;
    int http_status; /* 0: no answer */
    char *reply_id;  /* owned; NULL: none */
} pc_entity_failure;

struct pc_entity_op {
    atomic_uint references;
    atomic_bool cancel_asked;
    pc_loop *loop; /* a reference of its own: cancelling may outlive the client */
    pc_job begin;
    pc_job cancel;
    pc_job raise;
    atomic_bool raise_asked;
    atomic_int raise_to;

    /* Constant after the start, but for the task's wants_new_connection: */
    pc_attempt_task task; /* its client is valid until the attempts have ended */
    int64_t started_ns;
    pc_entity_done done;
    void *self;

    /* The transfer thread only: */
    bool is_finished;
    pc_loop_timer patience; /* set while it waits for its turn */
    pc_attempt first;
    pc_attempt second; /* the hedge */
    pc_loop_timer hedge_due;
    pc_entity_failure failed;  /* OK: none has */
    unsigned requests_before;  /* sent by the tries before this one */
    unsigned retries;          /* tries that have begun after the first */
    bool is_waiting_for_retry; /* in the client's list of those */
    pc_retry_reason retry_reason;
    pc_loop_timer retry_due;
    pc_entity_op *next_waiting;
    pc_entity_op *previous_waiting;
};

/* The jobs `begin`, `cancel` and `raise`, on the transfer thread. */
void pc_entity_on_begun(pc_job *job);
void pc_entity_on_cancel_asked(pc_job *job);
void pc_entity_on_raise_asked(pc_job *job);

void pc_entity_forget_failure(pc_entity_op *op);

#endif
