/* The lesser of two different pulses counts. One that is still waited for has been felt for as long
 * as that: what a full server admits meanwhile keeps it from turning all away until it is idle. */
#include "door/lasting.h"

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void pc_lasting_observe(pc_lasting *lasting, int64_t delay_ns, bool answered)
{
    bool is_long = !answered && delay_ns > PC_LASTING_UNANSWERED_MS * INT64_C(1000000);
    int64_t felt_ns = is_long ? delay_ns : lesser(delay_ns, lasting->answered_ns);
    if (answered) {
        lasting->answered_ns = delay_ns;
    }
    atomic_store_explicit(&lasting->lasting_ns, felt_ns, memory_order_relaxed);
}
