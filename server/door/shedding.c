/* The step up brings full pressure in 0.7 s of delays, the step down takes it away in 1.8 s. */
#include "door/shedding.h"

enum { STEP_UP = 250, STEP_DOWN = 100 };

void pc_shedding_observe(pc_shedding *shedding, int64_t delay_ns, int64_t bound_ns)
{
    unsigned pressure = atomic_load_explicit(&shedding->pressure, memory_order_relaxed);
    if (bound_ns > 0 && delay_ns > bound_ns) {
        pressure = pressure + STEP_UP > PC_PRESSURE_MAX ? PC_PRESSURE_MAX : pressure + STEP_UP;
    } else {
        pressure = pressure < STEP_DOWN ? 0 : pressure - STEP_DOWN;
    }
    atomic_store_explicit(&shedding->pressure, pressure, memory_order_relaxed);
}
