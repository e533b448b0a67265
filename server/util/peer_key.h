/* A number that stands for where a peer is, for those who count what comes from there. */
#ifndef PC_UTIL_PEER_KEY_H
#define PC_UTIL_PEER_KEY_H

#include <stdint.h>

/* Of an address without port as gRPC core names it: "ipv4:10.1.2.3", "ipv6:%5B2001:db8::1%5D",
 * "unix". Of IPv6 the first 64 bits count, since who has them has all the rest. Never 0 or 1. */
uint64_t pc_peer_key(const char *peer);

#endif
