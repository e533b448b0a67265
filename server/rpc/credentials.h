/* TLS for the listener. Files are checked with OpenSSL before core sees them, since core only says
 * that they failed, not why; and they can be loaded anew while connections come in: handshakes that
 * begin later use the new ones; connections that are open are another's concern (server.h).
 * Threads: one loads; core may ask for what was loaded on any of its own. */
#ifndef PC_RPC_CREDENTIALS_H
#define PC_RPC_CREDENTIALS_H

#include <grpc/grpc_security.h>

#include "rpc/server.h"

typedef struct pc_credentials pc_credentials;

/* Reads and checks the files of the options; without a certificate there is no TLS. Owned:
 * pc_credentials_free, when the server is gone. Errors: FAILED_PRECONDITION with reason
 * TLS_FILE_INVALID and the name of the file; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_credentials_new(pc_credentials **out, const pc_rpc_options *options);

/* What core listens with. Owned: grpc_server_credentials_release. NULL when core refuses it. */
grpc_server_credentials *pc_credentials_core(pc_credentials *credentials);

/* Reads and checks the files anew. `*distrusts` says whether an authority of callers' certificates
 * was in use that now is not. Errors: as above, and then the old ones stay in use. */
PC_NODISCARD pc_status pc_credentials_load(pc_credentials *credentials, bool *distrusts);

/* When what is in use expires. Any thread. */
pc_tls_expiry pc_credentials_expiry(const pc_credentials *credentials);

/* NULL is allowed. */
void pc_credentials_free(pc_credentials *credentials);

#endif
