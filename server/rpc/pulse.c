/* Core lets nobody put an event of their own into a completion queue, but it tells there when a
 * channel's state has not changed until some moment. So: a channel that never connects, and a
 * moment that has passed. */
#include "rpc/pulse.h"

#include <grpc/grpc_security.h>
#include <stdlib.h>

#include "rpc/call_internal.h"
#include "util/handover.h"

struct pc_rpc_pulse {
    pc_tag tag;
    grpc_channel *channel;
    grpc_completion_queue *queue;
    void (*beat)(void *self);
    void *self;
};

static void on_event(pc_tag *tag, bool ok)
{
    (void)ok; /* False is the usual: the state has not changed. */
    pc_rpc_pulse *pulse = PC_CONTAINER_OF(tag, pc_rpc_pulse, tag);
    pulse->beat(pulse->self);
}

pc_status pc_rpc_pulse_new(pc_rpc_pulse **out, pc_rpc_server *server, void (*beat)(void *self),
                           void *self)
{
    *out = NULL;
    pc_rpc_pulse *pulse = calloc(1, sizeof *pulse);
    if (pulse == NULL) {
        return pc_status_out_of_memory();
    }
    *pulse = (pc_rpc_pulse){
        .tag = {on_event}, .queue = pc_rpc_server_queue(server), .beat = beat, .self = self};
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    pulse->channel = grpc_channel_create("unix:/nowhere", credentials, NULL);
    grpc_channel_credentials_release(credentials);
    *out = pulse;
    return PC_OK;
}

void pc_rpc_pulse_feel(pc_rpc_pulse *pulse)
{
    PC_GIVES_OVER(&pulse->tag);
    grpc_channel_watch_connectivity_state(pulse->channel, GRPC_CHANNEL_IDLE,
                                          gpr_time_0(GPR_CLOCK_MONOTONIC), pulse->queue,
                                          &pulse->tag);
}

void pc_rpc_pulse_free(pc_rpc_pulse *pulse)
{
    if (pulse != NULL) {
        grpc_channel_destroy(pulse->channel);
        free(pulse);
    }
}
