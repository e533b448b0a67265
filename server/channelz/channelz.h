/* grpc.channelz.v1: which connections there are, and what goes over them. It shows the addresses of
 * callers, and so is only served where the operator wants it.
 * Contract: github.com/grpc/proposal, A14-channelz.md.
 * Threads: any. */
#ifndef PC_CHANNELZ_CHANNELZ_H
#define PC_CHANNELZ_CHANNELZ_H

#include "rpc/call.h"

enum { PC_CHANNELZ_METHODS = 7 };

/* The rows for the method table; `rows` has room for PC_CHANNELZ_METHODS. */
void pc_channelz_methods(pc_method *rows);

#endif
