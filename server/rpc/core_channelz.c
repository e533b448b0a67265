/* Core's answers are texts of its own, copied once. */
#include "rpc/core_channelz.h"

#include <grpc/grpc.h>
#include <grpc/support/alloc.h>
#include <string.h>

static char *ask(pc_channelz_question question, int64_t id, int64_t start, int64_t most)
{
    switch (question) {
    case PC_CHANNELZ_TOP_CHANNELS:
        return grpc_channelz_get_top_channels((intptr_t)id);
    case PC_CHANNELZ_SERVERS:
        return grpc_channelz_get_servers((intptr_t)id);
    case PC_CHANNELZ_SERVER:
        return grpc_channelz_get_server((intptr_t)id);
    case PC_CHANNELZ_SERVER_SOCKETS:
        return grpc_channelz_get_server_sockets((intptr_t)id, (intptr_t)start, (intptr_t)most);
    case PC_CHANNELZ_CHANNEL:
        return grpc_channelz_get_channel((intptr_t)id);
    case PC_CHANNELZ_SUBCHANNEL:
        return grpc_channelz_get_subchannel((intptr_t)id);
    case PC_CHANNELZ_SOCKET:
        return grpc_channelz_get_socket((intptr_t)id);
    }
    return NULL;
}

pc_status pc_core_channelz(pc_slice **out, pc_channelz_question question, int64_t id, int64_t start,
                           int64_t most)
{
    char *json = ask(question, id, start, most);
    *out = NULL;
    if (json == NULL) {
        return pc_status_new(PC_CODE_NOT_FOUND, "CHANNELZ_NOT_FOUND",
                             "there is nothing of that kind and number");
    }
    size_t size = strlen(json);
    *out = pc_slice_new(size);
    if (*out != NULL) {
        memcpy(pc_slice_writable(*out), json, size);
    }
    gpr_free(json);
    return *out == NULL ? pc_status_out_of_memory() : PC_OK;
}
