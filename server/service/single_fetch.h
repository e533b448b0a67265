/* A unary call that is answered from one fetch. */
#ifndef PC_SERVICE_SINGLE_FETCH_H
#define PC_SERVICE_SINGLE_FETCH_H

#include "context/fetching.h"
#include "service/service.h"

/* Embedded in an operation in the call's arena. */
typedef struct {
    pc_call *call;
    pc_fetching *fetching; /* owned */
    /* Answers the call. Takes `status`; `body` is borrowed, NULL on failure. Once, on a worker. */
    void (*answer)(void *self, pc_status status, pc_slice *body);
    void *self;
} pc_single_fetch;

/* Starts. The call is answered by `answer` in every case; when the start fails, within it. The
 * fetch is cancelled when the caller goes. Nothing of `single` may be used before. */
void pc_single_fetch_start(pc_single_fetch *single, const pc_service *service,
                           const pc_fetch_request *request);

#endif
