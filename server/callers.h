/* How callers are known, as the configuration says: the identity that names them, with keys that
 * are loaded anew when they change. Threads: one (main), but for what pc_reload calls. */
#ifndef PC_CALLERS_H
#define PC_CALLERS_H

#include "config/config.h"
#include "identity/identity.h"
#include "reload/reload.h"
#include "telemetry/log.h"
#include "util/buffer.h"

typedef struct pc_callers pc_callers;

/* Makes it for calls of these methods, and has `reload` watch the keys. `config` is borrowed for
 * its life. Owned: pc_callers_free. Errors: what is wrong with a file; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_callers_new(pc_callers **out, const pc_config *config, pc_log *log,
                                      const pc_method *methods, size_t method_count,
                                      pc_reload *reload);

/* NULL when nobody need be named. Borrowed until pc_callers_free. */
pc_identity *pc_callers_identity(const pc_callers *callers);

/* Whether connections without a certificate are let in where authorities for callers' certificates
 * are configured. */
bool pc_callers_certificate_optional(const pc_config *config);

/* Once it is listened on: FAILED_PRECONDITION with reason SOCKET_OPEN_TO_ALL when those who connect
 * to the UNIX socket are believed, and everyone may connect. */
PC_NODISCARD pc_status pc_callers_check_socket(const pc_config *config);

void pc_callers_write_metrics(const pc_callers *callers, pc_buffer *out);

/* Ends what is loading, so that the reloader can be freed. NULL is allowed. */
void pc_callers_stop(pc_callers *callers);

/* After the reloader and the server. NULL is allowed. */
void pc_callers_free(pc_callers *callers);

#endif
