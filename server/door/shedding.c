/* The step up brings full pressure in 0.7 s of delays, the step down takes it away in 1.8 s. */
#include "door/shedding.h"

enum { STEP_UP = 250, STEP_DOWN = 100, FOR_BATCHES = 4, FOR_AGENTS = 16 };

/* How high pressure may rise with this delay. */
static unsigned most(int64_t delay_ns, int64_t bound_ns)
{
    return bound_ns <= 0 || delay_ns <= bound_ns ? 0
           : delay_ns <= bound_ns * FOR_BATCHES  ? 1000
           : delay_ns <= bound_ns * FOR_AGENTS   ? 2000
                                                 : PC_PRESSURE_MAX;
}

void pc_shedding_observe(pc_shedding *shedding, int64_t delay_ns, int64_t bound_ns)
{
    unsigned pressure = atomic_load_explicit(&shedding->pressure, memory_order_relaxed);
    unsigned limit = most(delay_ns, bound_ns);
    if (pressure < limit) {
        pressure = pressure + STEP_UP > limit ? limit : pressure + STEP_UP;
    } else {
        pressure = pressure - limit < STEP_DOWN ? limit : pressure - STEP_DOWN;
    }
    atomic_store_explicit(&shedding->pressure, pressure, memory_order_relaxed);
}
