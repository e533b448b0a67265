/* EmptyCall, UnaryCall and the three streams. UnimplementedCall is left out, as the contract has
 * it; so are CacheableUnaryCall and HalfDuplexCall, which no case uses. */
#include "test_service.h"

#include <string.h>

#include "grpc/testing/empty.pb-c.h"
#include "grpc/testing/messages.pb-c.h"
#include "util/clock.h"
#include "was_compressed.h"

static const char echo_header[] = "x-grpc-test-echo-initial";
static const char echo_trailer[] = "x-grpc-test-echo-trailing-bin";

/* The answers that one request of a stream asks for, one after the other. */
typedef struct {
    pc_call *call;
    pc_timers *timers;
    const Grpc__Testing__StreamingOutputCallRequest *request;
    size_t next;
    void (*done)(pc_call *call); /* when they have all been sent */
    pc_timer timer;
} sequence;

/* Steps, in order:                                        thread */
static void on_turn(sequence *answers);          /* rpc: the next answer may be made */
static void on_interval_over(pc_timer *timer);   /* timer: it may be sent            */
static void on_answer_sent(void *self, bool ok); /* rpc: it has left                 */

static void echo_metadata(pc_call *call)
{
    const char *header = pc_call_header(call, echo_header);
    const char *trailer = pc_call_header(call, echo_trailer);
    bool added = header == NULL || pc_call_add_header(call, echo_header, header, strlen(header));
    added &= trailer == NULL || pc_call_add_trailer(call, echo_trailer, trailer, strlen(trailer));
    (void)added; /* What is not there fails the client's case. */
}

static pc_status check_compression(const pc_call *call, const Grpc__Testing__BoolValue *expected)
{
    return expected == NULL || (expected->value != 0) == was_compressed(call)
               ? PC_OK
               : pc_status_new(PC_CODE_INVALID_ARGUMENT, "COMPRESSION_UNEXPECTED",
                               "the request is %scompressed", expected->value ? "not " : "");
}

static pc_status asked_status(const Grpc__Testing__EchoStatus *status)
{
    return status == NULL || status->code == PC_CODE_OK
               ? PC_OK
               : pc_status_new((pc_code)status->code, "ASKED_FOR", "%s", status->message);
}

/* Zeros of the call's arena; NULL when there are too many. */
static Grpc__Testing__Payload *make_payload(pc_call *call, int32_t size)
{
    Grpc__Testing__Payload *payload = pc_arena_alloc(pc_call_arena(call), sizeof *payload);
    uint8_t *body = size < 0 ? NULL : pc_arena_calloc(pc_call_arena(call), 1, (size_t)size);
    if (payload == NULL || body == NULL) {
        return NULL;
    }
    grpc__testing__payload__init(payload);
    payload->body = (ProtobufCBinaryData){.data = body, .len = (size_t)size};
    return payload;
}

static pc_status no_payload(void)
{
    return pc_status_new(PC_CODE_INVALID_ARGUMENT, "SIZE_INVALID",
                         "the size of the answer is negative or too large");
}

static void compress_as_asked(pc_call *call, const Grpc__Testing__BoolValue *asked)
{
    if (asked != NULL) {
        pc_call_compress(call, asked->value != 0);
    }
}

static void empty_call(pc_call *call, const void *request, void *service)
{
    (void)request;
    (void)service;
    const Grpc__Testing__Empty response = GRPC__TESTING__EMPTY__INIT;
    pc_call_answer_message(call, &response.base);
}

static void unary_call(pc_call *call, const void *request, void *service)
{
    (void)service;
    const Grpc__Testing__SimpleRequest *asked = request;
    echo_metadata(call);
    pc_status status = check_compression(call, asked->expect_compressed);
    if (pc_status_ok(&status)) {
        status = asked_status(asked->response_status);
    }
    Grpc__Testing__SimpleResponse response = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    if (pc_status_ok(&status)) {
        response.payload = make_payload(call, asked->response_size);
        status = response.payload == NULL ? no_payload() : PC_OK;
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    compress_as_asked(call, asked->response_compressed);
    pc_call_answer_message(call, &response.base);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void send_answer(sequence *answers)
{
    const Grpc__Testing__ResponseParameters *wanted =
        answers->request->response_parameters[answers->next++];
    Grpc__Testing__StreamingOutputCallResponse response =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    response.payload = make_payload(answers->call, wanted->size);
    if (response.payload == NULL) {
        pc_call_fail(answers->call, no_payload());
        return;
    }
    compress_as_asked(answers->call, wanted->compressed);
    pc_stream_send_message(answers->call, &response.base, on_answer_sent, answers);
}

static void on_turn(sequence *answers)
{
    const Grpc__Testing__StreamingOutputCallRequest *request = answers->request;
    if (answers->next < request->n_response_parameters) {
        int32_t interval_us = request->response_parameters[answers->next]->interval_us;
        if (interval_us <= 0) {
            send_answer(answers);
            return;
        }
        answers->timer.fire = on_interval_over;
        pc_status set = pc_timers_set(answers->timers, &answers->timer,
                                      pc_clock_now_ns() + (int64_t)interval_us * 1000);
        if (!pc_status_ok(&set)) {
            pc_call_fail(answers->call, set);
        }
        return;
    }
    pc_status status = asked_status(request->response_status);
    if (pc_status_ok(&status)) {
        answers->done(answers->call);
    } else {
        pc_call_fail(answers->call, status);
    }
}

static void on_interval_over(pc_timer *timer)
{
    send_answer(PC_CONTAINER_OF(timer, sequence, timer));
}

static void on_answer_sent(void *self, bool ok)
{
    sequence *answers = self;
    if (ok) {
        on_turn(answers);
    } else {
        pc_stream_finish(answers->call);
    }
}

/* Answers a request, and its call's metadata where it is the first. */
static void begin_answers(pc_call *call, const void *request, void *service,
                          void (*done)(pc_call *call))
{
    sequence *answers = pc_call_state(call);
    if (answers == NULL) {
        answers = pc_arena_calloc(pc_call_arena(call), 1, sizeof *answers);
        if (answers == NULL) {
            pc_call_fail(call, pc_status_out_of_memory());
            return;
        }
        *answers = (sequence){.call = call, .timers = service, .done = done};
        pc_call_set_state(call, answers);
        echo_metadata(call);
    }
    answers->request = request;
    answers->next = 0;
    on_turn(answers);
}

static void streaming_output_call(pc_call *call, const void *request, void *service)
{
    begin_answers(call, request, service, pc_stream_finish);
}

static void full_duplex_call(pc_call *call, const void *request, void *service)
{
    begin_answers(call, request, service, pc_stream_next);
}

static void streaming_input_call(pc_call *call, const void *request, void *service)
{
    (void)service;
    const Grpc__Testing__StreamingInputCallRequest *part = request;
    Grpc__Testing__StreamingInputCallResponse *sum = pc_call_state(call);
    if (sum == NULL) {
        sum = pc_arena_alloc(pc_call_arena(call), sizeof *sum);
        if (sum == NULL) {
            pc_call_fail(call, pc_status_out_of_memory());
            return;
        }
        grpc__testing__streaming_input_call_response__init(sum);
        pc_call_set_state(call, sum);
    }
    if (part == NULL) {
        pc_call_answer_message(call, &sum->base);
        return;
    }
    pc_status status = check_compression(call, part->expect_compressed);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    sum->aggregated_payload_size += part->payload == NULL ? 0 : (int32_t)part->payload->body.len;
    pc_stream_next(call);
}

void test_service_methods(pc_timers *timers, pc_method *rows)
{
    const pc_method all[TEST_SERVICE_METHODS] = {
        {.path = "/grpc.testing.TestService/EmptyCall",
         .kind = PC_RPC_UNARY,
         .request = &grpc__testing__empty__descriptor,
         .handle = empty_call},
        {.path = "/grpc.testing.TestService/UnaryCall",
         .kind = PC_RPC_UNARY,
         .request = &grpc__testing__simple_request__descriptor,
         .handle = unary_call},
        {.path = "/grpc.testing.TestService/StreamingOutputCall",
         .kind = PC_RPC_SERVER_STREAM,
         .request = &grpc__testing__streaming_output_call_request__descriptor,
         .handle = streaming_output_call,
         .service = timers},
        {.path = "/grpc.testing.TestService/StreamingInputCall",
         .kind = PC_RPC_CLIENT_STREAM,
         .request = &grpc__testing__streaming_input_call_request__descriptor,
         .handle = streaming_input_call},
        {.path = "/grpc.testing.TestService/FullDuplexCall",
         .kind = PC_RPC_TURNS,
         .request = &grpc__testing__streaming_output_call_request__descriptor,
         .handle = full_duplex_call,
         .service = timers},
    };
    memcpy(rows, all, sizeof all);
}
