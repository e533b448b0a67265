/* Taking a TCP port to listen on, and saying clearly why that cannot be. */
#ifndef PC_UTIL_LISTENER_H
#define PC_UTIL_LISTENER_H

#include <stddef.h>

#include "util/status.h"

/* Listens on "host:port" (port 0: a free one), such as "127.0.0.1:9464" or "[::1]:9464", or on
 * "fd:3": the TCP socket that this process was started with as that descriptor, as systemd passes
 * them (LISTEN_FDS); it is taken over. `flag` is what the operator sets the address with, for the
 * messages. `*out` is a socket that does not block, owned by the caller, or -1. Looks names up, so
 * only for the start. Errors, all FAILED_PRECONDITION: ADDRESS_IN_USE, ADDRESS_FORBIDDEN,
 * ADDRESS_INVALID. */
PC_NODISCARD pc_status pc_listener_open(int *out, const char *address, const char *flag);

/* The port that was found for port 0. */
int pc_listener_port(int listener);

/* Writes the address with the port that was found, "127.0.0.1:50051", for an address that
 * pc_listener_open took. */
void pc_listener_print(char *out, size_t size, const char *address, int port);

#endif
