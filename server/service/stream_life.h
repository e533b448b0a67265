/* The life of a streaming answer: it is broken off when its time is up, also while a reader that
 * does not read holds back a send. */
#ifndef PC_SERVICE_STREAM_LIFE_H
#define PC_SERVICE_STREAM_LIFE_H

#include "rpc/call.h"
#include "util/timers.h"

/* Embedded in an operation in the call's arena. */
typedef struct {
    pc_call *call;
    pc_timers *timers;
    pc_timer timer;
} pc_stream_life;

/* Has the stream broken off at `break_ns`. Without memory for a timer the caller's own deadline
 * still ends the call. */
void pc_stream_life_begin(pc_stream_life *life, pc_call *call, pc_timers *timers, int64_t break_ns);

/* The stream has been ended. Once for each begin. */
void pc_stream_life_end(pc_stream_life *life);

#endif
