/* Streams: one send under way at a time, and for calls of kind PC_RPC_TURNS the next request is
 * only read when its predecessor's answer has left, for others when the handler asks for it. So a
 * slow reader holds back what is made for it. */
#include "rpc/call_internal.h"

#include <grpc/byte_buffer.h>

/* Steps, in order:                                  thread */
static void on_read(pc_tag *tag, bool ok); /* rpc: a request is here, or there are no more   */
static void on_sent(pc_tag *tag, bool ok); /* rpc: a message has left, or the caller has     */

void pc_stream_next(pc_call *call)
{
    if (call->request != NULL) {
        grpc_byte_buffer_destroy(call->request);
        call->request = NULL;
    }
    call->read_tag.run = on_read;
    pc_call_ref(call);
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &call->request;
    pthread_mutex_lock(&call->stream_lock);
    bool started = pc_call_start_batch(call, &op, 1, &call->read_tag);
    pthread_mutex_unlock(&call->stream_lock);
    if (!started) {
        on_read(&call->read_tag, false);
    }
}

static void on_read(pc_tag *tag, bool ok)
{
    pc_call *call = PC_CONTAINER_OF(tag, pc_call, read_tag);
    if (ok && call->request != NULL) {
        pc_call_dispatch(call);
    } else if (call->endpoint->row.kind == PC_RPC_CLIENT_STREAM) {
        call->endpoint->row.handle(call, NULL, call->endpoint->row.service);
    } else {
        pc_stream_finish(call);
    }
    pc_call_unref(call);
}

void pc_stream_send(pc_call *call, pc_slice **pieces, size_t piece_count,
                    void (*sent)(void *self, bool ok), void *self)
{
    size_t size = pc_pieces_size(pieces, piece_count);
    pc_unread *unread = pc_rpc_unread(call->endpoint->server);
    call->on_sent = sent;
    call->on_sent_self = self;
    call->sent_tag.run = on_sent;
    pc_call_ref(call);
    call->verdict = pc_unread_judge(unread, call, size);
    if (call->verdict != PC_UNREAD_FITS) {
        for (size_t i = 0; i < piece_count; i++) {
            pc_slice_unref(pieces[i]);
        }
        on_sent(&call->sent_tag, false);
        return;
    }
    pc_unread_give(unread, call, size);
    call->answer_bytes += size;
    call->answer = pc_byte_buffer(pieces, piece_count);
    grpc_op ops[2];
    size_t count = 0;
    pthread_mutex_lock(&call->stream_lock);
    if (!call->headers_sent) {
        pc_call_headers_op(call, &ops[count++], SIZE_MAX);
        call->headers_sent = true;
    }
    pc_call_message_op(call, &ops[count++], size);
    bool started = pc_call_start_batch(call, ops, count, &call->sent_tag);
    pthread_mutex_unlock(&call->stream_lock);
    if (!started) {
        on_sent(&call->sent_tag, false);
    }
}

void pc_stream_send_message(pc_call *call, const ProtobufCMessage *message,
                            void (*sent)(void *self, bool ok), void *self)
{
    pc_slice *slice = pc_pack(message);
    if (slice == NULL) {
        call->on_sent = sent;
        call->on_sent_self = self;
        pc_call_ref(call);
        pc_stream_break(call);
        on_sent(&call->sent_tag, false);
        return;
    }
    pc_stream_send(call, &slice, 1, sent, self);
}

static void on_sent(pc_tag *tag, bool ok)
{
    pc_call *call = PC_CONTAINER_OF(tag, pc_call, sent_tag);
    pc_unread_taken(pc_rpc_unread(call->endpoint->server), call);
    grpc_byte_buffer_destroy(call->answer);
    call->answer = NULL;
    if (call->on_sent != NULL) {
        call->on_sent(call->on_sent_self, ok);
    } else if (ok) {
        pc_stream_next(call);
    } else {
        pc_stream_finish(call);
    }
    pc_call_unref(call);
}

void pc_stream_break(pc_call *call)
{
    (void)grpc_call_cancel(call->grpc, NULL);
}
