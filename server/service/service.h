/* The ProfileContext service: what its RPCs share, and its rows for the method table.
 * Threads: any. */
#ifndef PC_SERVICE_SERVICE_H
#define PC_SERVICE_SERVICE_H

#include "context/gather.h"
#include "rpc/call.h"
#include "service/page_token.h"

enum { PC_SERVICE_METHODS = 4 };

/* Borrowed by the service; everything in it lives longer than the server. */
typedef struct {
    const pc_gatherer *gatherer;
    const pc_page_token_key *page_token_key;
    const char *sandbox;         /* where a request names none */
    const char *merge_policy;    /* where a request names none */
    int64_t default_deadline_ms; /* of calls without one */
    int64_t max_deadline_ms;     /* longer ones are shortened to it */
    int64_t answer_margin_ms;    /* how long before the deadline an incomplete answer is sent */
    int event_limit;             /* events of a context or page where a request names no number */
    int event_limit_max;
    int64_t event_window_ms; /* a context's events go back this far; 0: as far as there are */
} pc_service;

/* The rows for the method table; `rows` has room for PC_SERVICE_METHODS. */
void pc_service_methods(const pc_service *service, pc_method *rows);

/* The handlers, a file each. `request` is the message that the method's row names. */
void pc_get_context(pc_call *call, const void *request, void *service);
void pc_get_profile(pc_call *call, const void *request, void *service);
void pc_list_events(pc_call *call, const void *request, void *service);
void pc_list_segment_memberships(pc_call *call, const void *request, void *service);

#endif
