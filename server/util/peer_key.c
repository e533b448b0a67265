#include "util/peer_key.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { NETWORK_BYTES = 8 };

/* FNV-1a: addresses cannot be chosen freely enough to have many collide. */
static uint64_t hash(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t key = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++) {
        key = (key ^ at[i]) * 0x100000001b3;
    }
    return key < 2 ? 2 : key;
}

uint64_t pc_peer_key(const char *peer)
{
    static const char six[] = "ipv6:%5B";
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];
    if (strncmp(peer, six, sizeof six - 1) == 0) {
        const char *begin = peer + sizeof six - 1;
        (void)snprintf(text, sizeof text, "%.*s", (int)strcspn(begin, "%"), begin);
        if (inet_pton(AF_INET6, text, &address) == 1) {
            return hash(&address, NETWORK_BYTES);
        }
    }
    return hash(peer, strlen(peer));
}
