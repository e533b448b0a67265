/* When calls of a load are started. */
#include "bench_plan.h"

void bench_plan_begin(bench_plan *plan, int64_t now_ns)
{
    plan->begin_ns = now_ns;
    plan->scheduled = 0;
    plan->counted = 0;
    plan->stopped = false;
}

int64_t bench_plan_window_begin(const bench_plan *plan)
{
    return plan->begin_ns + plan->warmup_ns;
}

int64_t bench_plan_window_end(const bench_plan *plan)
{
    return plan->duration_ns == 0 ? BENCH_PLAN_NEVER
                                  : bench_plan_window_begin(plan) + plan->duration_ns;
}

int64_t bench_plan_due(const bench_plan *plan, int64_t now_ns)
{
    int64_t due = now_ns;
    if (plan->rate > 0) {
        /* From the beginning each time, so that nothing adds up. */
        due = plan->begin_ns + (int64_t)((double)plan->scheduled * (1e9 / plan->rate));
    }
    bool enough = plan->requests > 0 && plan->counted >= plan->requests;
    return plan->stopped || enough || due >= bench_plan_window_end(plan) ? BENCH_PLAN_NEVER : due;
}

bool bench_plan_take(bench_plan *plan, int64_t due_ns)
{
    bool counts = due_ns >= bench_plan_window_begin(plan);
    plan->scheduled++;
    plan->counted += counts;
    return counts;
}

void bench_plan_stop(bench_plan *plan)
{
    plan->stopped = true;
}
