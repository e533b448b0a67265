/* From a request to the operation it means. */
#ifndef SBX_ROUTER_H
#define SBX_ROUTER_H

#include "service.h"

struct sbx_route {
    enum sbx_operation operation;
    enum sbx_group group;
    bool open; /* no gateway checks */
    sbx_handler *handle;
};

/* Always gives a handler; an unknown path gets one that says so. */
struct sbx_route sbx_route_find(const struct sbx_request *request);

/* How many things the request asks about, for the statistics. */
size_t sbx_route_items(const struct sbx_request *request);

#endif
