/* One request and its answer on their way through the server: decided, delayed, sent.
 *
 * Between suspending a connection and resuming it the exchange belongs to the delay's thread, at
 * all other times to the connection's. */
#ifndef SBX_EXCHANGE_H
#define SBX_EXCHANGE_H

#include "delay.h"
#include "router.h"
#include "service.h"

#include <microhttpd.h>

struct sbx_exchange;

/* Begins with the raw target of the request line, before anything else is known. */
struct sbx_exchange *sbx_exchange_new(struct sbx_service *service, sbx_delay *delay,
                                      const char *target);
/* libmicrohttpd's access handler, for one exchange. */
enum MHD_Result sbx_exchange_step(struct sbx_exchange *exchange, struct MHD_Connection *connection,
                                  const char *method, const char *upload, size_t *upload_size);
/* The delay's callback. */
sbx_delay_fn sbx_exchange_due;
/* The connection is done with it, for better or worse. */
void sbx_exchange_end(struct sbx_exchange *exchange, bool answered);

#endif
