/* One unary call, from a request to a response or a status. */
#include "internal.h"

enum { DEADLINE_DEFAULT_MS = 10000 };

/* Runs the call until its status is there. */
static void run(pcc_exchange *exchange, grpc_byte_buffer **response)
{
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .flags = exchange->initial_flags,
         .data.send_initial_metadata = {.count = exchange->metadata_count,
                                        .metadata = exchange->metadata}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = exchange->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &exchange->initial_metadata},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &exchange->trailing_metadata,
                                        .status = &exchange->code,
                                        .status_details = &exchange->message}},
    };
    grpc_call_error error =
        grpc_call_start_batch(exchange->call, ops, sizeof ops / sizeof *ops, exchange, NULL);
    if (error != GRPC_CALL_OK) {
        exchange->code = GRPC_STATUS_INTERNAL;
        exchange->message = grpc_slice_from_static_string(grpc_call_error_to_string(error));
        return;
    }
    /* The call's own deadline ends this wait. */
    grpc_completion_queue_pluck(exchange->queue, exchange, gpr_inf_future(GPR_CLOCK_MONOTONIC),
                                NULL);
}

profilecontext_code pcc_call(ProtobufCMessage **out, profilecontext_client *client,
                             const char *method, const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *descriptor,
                             const profilecontext_call_options *options,
                             profilecontext_status *status)
{
    *out = NULL;
    pcc_exchange exchange;
    profilecontext_code code = pcc_exchange_begin(&exchange, client, method, request,
                                                  DEADLINE_DEFAULT_MS, options, status);
    if (code != PROFILECONTEXT_OK) {
        return code;
    }
    grpc_byte_buffer *response = NULL;
    run(&exchange, &response);
    code = pcc_exchange_status(&exchange, status);
    if (code == PROFILECONTEXT_OK) {
        code = pcc_exchange_message(out, &exchange, response, descriptor, status);
    }
    grpc_byte_buffer_destroy(response);
    pcc_exchange_end(&exchange);
    return code;
}
