/* The timer holds the call while it is set. */
#include "service/stream_life.h"

static void on_time_is_up(pc_timer *timer)
{
    pc_stream_life *life = PC_CONTAINER_OF(timer, pc_stream_life, timer);
    pc_stream_break(life->call);
    pc_call_unref(life->call);
}

void pc_stream_life_begin(pc_stream_life *life, pc_call *call, pc_timers *timers, int64_t break_ns)
{
    *life = (pc_stream_life){.call = pc_call_ref(call), .timers = timers};
    life->timer.fire = on_time_is_up;
    pc_status status = pc_timers_set(timers, &life->timer, break_ns);
    if (!pc_status_ok(&status)) {
        pc_status_clear(&status);
        pc_call_unref(call);
    }
}

void pc_stream_life_end(pc_stream_life *life)
{
    if (pc_timers_cancel(life->timers, &life->timer)) {
        pc_call_unref(life->call);
    }
}
