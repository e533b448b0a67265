/* Core's JSON, as messages. */
#include "channelz/channelz.h"

#include "channelz/message_json.h"
#include "grpc/channelz/v1/channelz.pb-c.h"
#include "rpc/core_channelz.h"

enum { ANSWER_BYTES_MAX = 4 * 1024 * 1024, SOCKETS_MAX = 500 };

static void answer(pc_call *call, const ProtobufCMessageDescriptor *message,
                   pc_channelz_question question, int64_t id, int64_t start, int64_t most)
{
    pc_slice *json;
    pc_status status = pc_core_channelz(&json, question, id, start, most);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_json_reader reader;
    pc_buffer wire;
    pc_buffer_init(&wire, ANSWER_BYTES_MAX);
    pc_json_reader_init(&reader, pc_slice_bytes(json), pc_slice_size(json), 0);
    bool good = pc_message_json_put(&wire, message, &reader);
    pc_slice_unref(json);
    pc_slice *slice = good ? pc_buffer_take_slice(&wire) : NULL;
    pc_buffer_deinit(&wire);
    if (slice == NULL) {
        pc_call_fail(call, pc_status_new(PC_CODE_INTERNAL, "CHANNELZ_UNREADABLE",
                                         "what gRPC core says of itself cannot be read"));
        return;
    }
    pc_call_answer(call, &slice, 1);
}

static void top_channels(pc_call *call, const void *request, void *service)
{
    const Grpc__Channelz__V1__GetTopChannelsRequest *asked = request;
    (void)service;
    answer(call, &grpc__channelz__v1__get_top_channels_response__descriptor,
           PC_CHANNELZ_TOP_CHANNELS, asked->start_channel_id, 0, 0);
}

static void servers(pc_call *call, const void *request, void *service)
{
    const Grpc__Channelz__V1__GetServersRequest *asked = request;
    (void)service;
    answer(call, &grpc__channelz__v1__get_servers_response__descriptor, PC_CHANNELZ_SERVERS,
           asked->start_server_id, 0, 0);
}

static void server(pc_call *call, const void *request, void *service)
{
    const Grpc__Channelz__V1__GetServerRequest *asked = request;
    (void)service;
    answer(call, &grpc__channelz__v1__get_server_response__descriptor, PC_CHANNELZ_SERVER,
           asked->server_id, 0, 0);
}

static void server_sockets(pc_call *call, const void *request, void *service)
{
    const Grpc__Channelz__V1__GetServerSocketsRequest *asked = request;
    (void)service;
    int64_t most = asked->max_results <= 0 || asked->max_results > SOCKETS_MAX ? SOCKETS_MAX
                                                                               : asked->max_results;
    answer(call, &grpc__channelz__v1__get_server_sockets_response__descriptor,
           PC_CHANNELZ_SERVER_SOCKETS, asked->server_id,
           asked->start_socket_id < 0 ? 0 : asked->start_socket_id, most);
}

static void channel(pc_call *call, const void *request, void *service)
{
    const Grpc__Channelz__V1__GetChannelRequest *asked = request;
    (void)service;
    answer(call, &grpc__channelz__v1__get_channel_response__descriptor, PC_CHANNELZ_CHANNEL,
           asked->channel_id, 0, 0);
}

static void subchannel(pc_call *call, const void *request, void *service)
{
    const Grpc__Channelz__V1__GetSubchannelRequest *asked = request;
    (void)service;
    answer(call, &grpc__channelz__v1__get_subchannel_response__descriptor, PC_CHANNELZ_SUBCHANNEL,
           asked->subchannel_id, 0, 0);
}

static void socket_of(pc_call *call, const void *request, void *service)
{
    const Grpc__Channelz__V1__GetSocketRequest *asked = request;
    (void)service;
    answer(call, &grpc__channelz__v1__get_socket_response__descriptor, PC_CHANNELZ_SOCKET,
           asked->socket_id, 0, 0);
}

void pc_channelz_methods(pc_method *rows)
{
#define METHOD(NAME, request_name, handler)                                                        \
    {                                                                                              \
        .path = "/grpc.channelz.v1.Channelz/" NAME, .kind = PC_RPC_UNARY,                          \
        .request = &grpc__channelz__v1__##request_name##_request__descriptor, .handle = (handler)  \
    }
    static const pc_method methods[PC_CHANNELZ_METHODS] = {
        METHOD("GetTopChannels", get_top_channels, top_channels),
        METHOD("GetServers", get_servers, servers),
        METHOD("GetServer", get_server, server),
        METHOD("GetServerSockets", get_server_sockets, server_sockets),
        METHOD("GetChannel", get_channel, channel),
        METHOD("GetSubchannel", get_subchannel, subchannel),
        METHOD("GetSocket", get_socket, socket_of),
    };
#undef METHOD
    for (size_t i = 0; i < PC_CHANNELZ_METHODS; i++) {
        rows[i] = methods[i];
    }
}
