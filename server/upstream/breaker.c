/* The window is a ring of slices of time; old ones are emptied as the time goes on. */
#include "upstream/breaker.h"

#include <string.h>

#include "util/clock.h"

/* Advice to those who meet probes under way: their end is near, but nobody knows how near. */
enum { PROBING_RETRY_MS = 1000 };

void pc_breaker_init(pc_breaker *breaker, const pc_breaker_options *options)
{
    *breaker = (pc_breaker){.options = *options};
}

/* --- the window --- */

static void empty_window(pc_breaker *breaker)
{
    memset(breaker->calls, 0, sizeof breaker->calls);
    memset(breaker->failures, 0, sizeof breaker->failures);
}

static unsigned slice_at(pc_breaker *breaker, int64_t now_ns)
{
    int64_t slice_ns = breaker->options.window_ms * 1000000 / PC_BREAKER_SLICES;
    int64_t now = now_ns / (slice_ns < 1 ? 1 : slice_ns);
    if (now - breaker->slice >= PC_BREAKER_SLICES) {
        empty_window(breaker);
        breaker->slice = now;
    }
    while (breaker->slice < now) {
        unsigned next = (unsigned)(++breaker->slice % PC_BREAKER_SLICES);
        breaker->calls[next] = 0;
        breaker->failures[next] = 0;
    }
    return (unsigned)(breaker->slice % PC_BREAKER_SLICES);
}

void pc_breaker_window(const pc_breaker *breaker, unsigned *calls_out, unsigned *failures_out)
{
    *calls_out = 0;
    *failures_out = 0;
    for (int i = 0; i < PC_BREAKER_SLICES; i++) {
        *calls_out += breaker->calls[i];
        *failures_out += breaker->failures[i];
    }
}

static bool is_too_much(const pc_breaker *breaker)
{
    unsigned calls;
    unsigned failures;
    pc_breaker_window(breaker, &calls, &failures);
    return breaker->options.failure_percent > 0 && calls >= breaker->options.calls_min &&
           (uint64_t)failures * 100 >= (uint64_t)calls * breaker->options.failure_percent;
}

/* --- the states --- */

void pc_breaker_move(pc_breaker *breaker, pc_breaker_state state, int64_t retry_at_ns)
{
    pc_breaker_state from = pc_breaker_state_of(breaker);
    atomic_store(&breaker->retry_at_ns, retry_at_ns);
    if (state == from) {
        return;
    }
    atomic_store(&breaker->probing, 0);
    breaker->probes_succeeded = 0;
    breaker->round += state == PC_BREAKER_OPEN;
    atomic_store(&breaker->state, (int)state);
    atomic_fetch_add(&breaker->changes[state], 1);
    if (breaker->changed != NULL) {
        breaker->changed(breaker, from, state);
    }
    empty_window(breaker);
}

static void open(pc_breaker *breaker, int64_t now_ns)
{
    pc_breaker_move(breaker, PC_BREAKER_OPEN, pc_clock_after_ms(now_ns, breaker->options.open_ms));
}

bool pc_breaker_enter(pc_breaker *breaker, pc_breaker_pass *pass, int64_t now_ns)
{
    *pass = (pc_breaker_pass){.is_inside = true, .round = breaker->round};
    if (pc_breaker_state_of(breaker) == PC_BREAKER_OPEN &&
        now_ns >= atomic_load(&breaker->retry_at_ns)) {
        pc_breaker_move(breaker, PC_BREAKER_HALF_OPEN, 0);
    }
    switch (pc_breaker_state_of(breaker)) {
    case PC_BREAKER_CLOSED:
        return true;
    case PC_BREAKER_HALF_OPEN:
        if (atomic_load(&breaker->probing) < breaker->options.probes) {
            atomic_fetch_add(&breaker->probing, 1);
            pass->is_probe = true;
            return true;
        }
        break;
    case PC_BREAKER_OPEN:
        break;
    }
    pass->is_inside = false;
    atomic_fetch_add(&breaker->refused, 1);
    return false;
}

static void count(pc_breaker *breaker, bool failed, int64_t now_ns)
{
    unsigned slice = slice_at(breaker, now_ns);
    breaker->calls[slice]++;
    breaker->failures[slice] += failed;
    if (failed && is_too_much(breaker)) {
        open(breaker, now_ns);
    }
}

static void judge_probe(pc_breaker *breaker, pc_breaker_outcome outcome, int64_t now_ns)
{
    atomic_fetch_sub(&breaker->probing, 1);
    if (outcome == PC_BREAKER_FAILURE) {
        open(breaker, now_ns);
    } else if (outcome == PC_BREAKER_SUCCESS &&
               ++breaker->probes_succeeded >= breaker->options.probes) {
        pc_breaker_move(breaker, PC_BREAKER_CLOSED, 0);
    }
}

void pc_breaker_leave(pc_breaker *breaker, pc_breaker_pass *pass, pc_breaker_outcome outcome,
                      int64_t now_ns)
{
    bool is_heard = pass->is_inside && pass->round == breaker->round;
    pass->is_inside = false;
    if (!is_heard) {
        return;
    }
    if (pc_breaker_state_of(breaker) == PC_BREAKER_HALF_OPEN) {
        judge_probe(breaker, outcome, now_ns);
    } else if (outcome != PC_BREAKER_SAYS_NOTHING) {
        count(breaker, outcome == PC_BREAKER_FAILURE, now_ns);
    }
}

/* --- any thread --- */

pc_breaker_state pc_breaker_state_of(const pc_breaker *breaker)
{
    return (pc_breaker_state)atomic_load(&breaker->state);
}

bool pc_breaker_refuses(pc_breaker *breaker, int64_t now_ns, int64_t *retry_ms)
{
    pc_breaker_state state = pc_breaker_state_of(breaker);
    int64_t left_ns = atomic_load(&breaker->retry_at_ns) - now_ns;
    if (state == PC_BREAKER_OPEN && left_ns > 0) {
        *retry_ms = left_ns / 1000000 + 1;
    } else if (state == PC_BREAKER_HALF_OPEN &&
               atomic_load(&breaker->probing) >= breaker->options.probes) {
        *retry_ms = PROBING_RETRY_MS;
    } else {
        return false;
    }
    atomic_fetch_add(&breaker->refused, 1);
    return true;
}

void pc_breaker_read(const pc_breaker *breaker, pc_breaker_figures *out)
{
    out->state = pc_breaker_state_of(breaker);
    out->refused = atomic_load(&breaker->refused);
    for (int i = 0; i < PC_BREAKER_STATE_COUNT; i++) {
        out->changes[i] = atomic_load(&breaker->changes[i]);
    }
}

const char *pc_breaker_state_name(pc_breaker_state state)
{
    static const char *const names[PC_BREAKER_STATE_COUNT] = {
        [PC_BREAKER_CLOSED] = "closed",
        [PC_BREAKER_OPEN] = "open",
        [PC_BREAKER_HALF_OPEN] = "half_open",
    };
    return names[state];
}
