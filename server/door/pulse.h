/* Feels the server's pulse: a connection of its own, on which 20 times a second something is sent
 * that core answers as soon as it reads it (SETTINGS; PING would count as a misuse). Core reads
 * when its threads have done what they have, so the time until the answer is how long calls wait
 * that arrive now. Also, every few seconds, a connection through the listening port says nothing,
 * ends its side, and is to be closed for it: so both accepting and the RPC threads are known to
 * live. Threads: one of its own; callbacks come on it. */
#ifndef PC_DOOR_PULSE_H
#define PC_DOOR_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/status.h"

typedef struct pc_pulse pc_pulse;

enum { PC_PULSE_INTERVAL_MS = 50 };

typedef struct {
    const char *address;       /* that is listened on, with the port that was found */
    int64_t probe_interval_ms; /* through the listening port; 0: never */
    int64_t probe_timeout_ms;
    /* A new connection to core, in plain HTTP/2; -1: none can be had. */
    int (*connect)(void *self);
    /* The latest delay; so long as no answer comes, how long it has been waited for. 0 when there
     * is no connection to feel it by. */
    void (*on_delay)(void *self, int64_t delay_ns, bool answered);
    /* PC_PULSE_INTERVAL_MS have passed, whatever was felt. */
    void (*on_beat)(void *self);
    /* A probe has begun, with this end of its connection. */
    void (*on_probing)(void *self, int connection);
    /* A probe has come back, or `failures` in a row have not. */
    void (*on_probe)(void *self, int failures);
    void *self;
} pc_pulse_options;

/* Owned: pc_pulse_free. Texts are copied. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_pulse_new(pc_pulse **out, const pc_pulse_options *options);

/* Ends its connection and its thread. NULL is allowed. */
void pc_pulse_free(pc_pulse *pulse);

#endif
