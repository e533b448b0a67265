/* The call is held until the fetch has called back. */
#include "service/single_fetch.h"

static void on_fetched(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    pc_single_fetch *single = self;
    pc_call *call = single->call;
    pc_call_count_upstream(call, attempts, pc_slice_size(body));
    single->answer(single->self, status, body);
    pc_call_unref(call);
}

static void on_caller_gone(void *self)
{
    pc_fetching_cancel(self);
}

static void on_call_ended(void *self)
{
    pc_fetching_release(self);
}

void pc_single_fetch_start(pc_single_fetch *single, const pc_service *service,
                           const pc_fetch_request *request)
{
    pc_call *call = single->call;
    pc_call_ref(call); /* the fetch's */
    pc_call_ref(call);
    pc_status status = pc_fetching_start(&single->fetching, service->gatherer->source,
                                         service->gatherer->workers, request, on_fetched, single);
    if (!pc_status_ok(&status)) {
        single->answer(single->self, status, NULL);
        pc_call_unref(call);
    } else {
        pc_call_at_end(call, on_call_ended, single->fetching);
        pc_call_on_cancel(call, on_caller_gone, single->fetching);
    }
    pc_call_unref(call);
}
