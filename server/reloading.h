/* What this server reloads while it runs, and how that is told: in the log, and in metrics. */
#ifndef PC_RELOADING_H
#define PC_RELOADING_H

#include "config/config.h"
#include "reload/reload.h"
#include "rpc/server.h"
#include "telemetry/log.h"
#include "upstream/entity.h"
#include "util/buffer.h"

/* The file with the secret that access tokens are asked for with. */
typedef struct {
    const char *path;
    pc_entity_client *upstream;
} pc_reloading_secret;

/* A reloader with an interval of the configuration's, that logs what it does. `log` is borrowed
 * for its life. */
PC_NODISCARD pc_status pc_reloading_new(pc_reload **out, const pc_config *config, pc_log *log);

/* Watches the certificate, key and authorities of the listener, if it has any. */
PC_NODISCARD pc_status pc_reloading_add_tls(pc_reload *reload, const pc_config *config,
                                            pc_rpc_server *server);

/* Watches the file of the client secret, if the secret came from one. `*secret` is filled, and
 * borrowed by `reload`. */
PC_NODISCARD pc_status pc_reloading_add_secret(pc_reload *reload, const pc_config *config,
                                               pc_reloading_secret *secret);

/* Writes the metrics of reloading and of certificates. */
void pc_reloading_write_metrics(const pc_reload *reload, const pc_rpc_server *server,
                                pc_buffer *out);

#endif
