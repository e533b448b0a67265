/* TLS for the listener, checked before core sees it: core only says that it failed, not why. */
#ifndef PC_RPC_CREDENTIALS_H
#define PC_RPC_CREDENTIALS_H

#include <grpc/grpc_security.h>

#include "rpc/server.h"

/* Credentials from the options: TLS when a certificate is named, else none. Owned:
 * grpc_server_credentials_release. Errors: FAILED_PRECONDITION with reason TLS_FILE_INVALID and the
 * name of the file. */
PC_NODISCARD pc_status pc_rpc_credentials(grpc_server_credentials **out,
                                          const pc_rpc_options *options);

#endif
