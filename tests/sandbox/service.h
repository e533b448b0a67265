/* What the handlers share. Everything in it is safe to use from any thread. */
#ifndef SBX_SERVICE_H
#define SBX_SERVICE_H

#include "answer.h"
#include "faults.h"
#include "gateway.h"
#include "request.h"
#include "stats.h"
#include "store.h"

struct sbx_service {
    sbx_store *store;
    sbx_gateway *gateway;
    sbx_faults *faults;
    sbx_stats *stats;
    size_t batch_max;
};

typedef void sbx_handler(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer);

#endif
