/* Taking a TCP port to listen on, and saying clearly why that cannot be. */
#ifndef PC_UTIL_LISTENER_H
#define PC_UTIL_LISTENER_H

#include "util/status.h"

/* Listens on "host:port" (port 0: a free one), such as "127.0.0.1:9464" or "[::1]:9464". `flag` is
 * what the operator sets the address with, for the messages. `*out` is a socket that does not
 * block, owned by the caller, or -1. Looks names up, so only for the start. Errors, all
 * FAILED_PRECONDITION: ADDRESS_IN_USE, ADDRESS_FORBIDDEN, ADDRESS_INVALID. */
PC_NODISCARD pc_status pc_listener_open(int *out, const char *address, const char *flag);

/* The port that was found for port 0. */
int pc_listener_port(int listener);

#endif
