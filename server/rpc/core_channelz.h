/* What gRPC core knows of its own servers, channels and sockets: the objects of grpc.channelz.v1 in
 * the JSON of protocol buffers.
 * Threads: any. */
#ifndef PC_RPC_CORE_CHANNELZ_H
#define PC_RPC_CORE_CHANNELZ_H

#include "util/slice.h"
#include "util/status.h"

typedef enum {
    PC_CHANNELZ_TOP_CHANNELS,   /* `id`: from which on */
    PC_CHANNELZ_SERVERS,        /* likewise */
    PC_CHANNELZ_SERVER,         /* by its id, like all that follow */
    PC_CHANNELZ_SERVER_SOCKETS, /* `start` and `most`: which of them */
    PC_CHANNELZ_CHANNEL,
    PC_CHANNELZ_SUBCHANNEL,
    PC_CHANNELZ_SOCKET
} pc_channelz_question;

/* The answer's JSON. Owned: pc_slice_unref. Errors: NOT_FOUND CHANNELZ_NOT_FOUND;
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_core_channelz(pc_slice **out, pc_channelz_question question, int64_t id,
                                        int64_t start, int64_t most);

#endif
