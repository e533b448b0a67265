/* One HTTP request after the other, each waited for: for checks, where nobody else waits.
 * Threads: one at a time. */
#ifndef PC_CHECK_HTTP_H
#define PC_CHECK_HTTP_H

#include "upstream/transfer.h"

typedef struct pc_check_http pc_check_http;

/* Owned: pc_check_http_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_check_http_new(pc_check_http **out, const char *ca_file,
                                         int64_t timeout_ms);

/* NULL is allowed. */
void pc_check_http_free(pc_check_http *http);

/* Of one request; pc_check_answer_deinit in any case. */
typedef struct {
    pc_status status; /* of the transfer: OK whatever the answer says */
    int http_status;
    pc_slice *body;
    double took_ms;
    int64_t skew_ms; /* of the other side's clock, to about a second */
    bool has_skew;
} pc_check_answer;

void pc_check_http_ask(pc_check_answer *out, pc_check_http *http, const char *url,
                       const pc_transfer_header *headers, size_t header_count, const char *body);
void pc_check_answer_deinit(pc_check_answer *answer);

#endif
