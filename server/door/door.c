/* The order of the checks is that of their cost: most calls pass with three comparisons. */
#include "door/door.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "door/lasting.h"
#include "door/pulse.h"
#include "door/shedding.h"
#include "util/clock.h"
#include "util/stripes.h"

enum {
    PROBE_TIMEOUT_MS = 5000,
    FAILURES_SICK = 2, /* probes in a row, until health says so */
    FAILURES_DEAD = 4, /* and until the process is given up */
    TRIM_LOOK_PULSES = 1000 / PC_PULSE_INTERVAL_MS,
    TRIM_GROWTH_PAGES = 4096,
    LEAST_DELAY_NS = 5000000 /* that is looked at */
};

typedef struct {
    _Alignas(PC_STRIPE_ALIGNMENT) pc_counter shed[PC_CRITICALITY_COUNT];
    pc_counter over_quota;
    pc_counter dice;
} counts;

struct pc_door {
    pc_door_options options;
    pc_shedding shedding;
    pc_quotas *quotas;
    counts *counts;                /* in stripes */
    atomic_int_least64_t delay_ns; /* the latest */
    pc_lasting lasting;

    /* Of the pulse's thread: */
    pc_pulse *pulse; /* NULL: nothing is watched */
    pc_rpc_server *server;
    bool is_sick;
    int pulses;
    long pages;      /* resident, after memory was last given back */
    long pages_last; /* at the last look */
};

pc_status pc_door_new(pc_door **out, const pc_door_options *options)
{
    *out = NULL;
    pc_door *door = calloc(1, sizeof *door);
    counts *stripes = pc_stripes_new(sizeof *stripes);
    pc_quotas *quotas = NULL;
    pc_status status = pc_quotas_new(&quotas);
    if (door == NULL || stripes == NULL || !pc_status_ok(&status)) {
        pc_status_clear(&status);
        pc_quotas_free(quotas);
        free(stripes);
        free(door);
        return pc_status_out_of_memory();
    }
    door->options = *options;
    door->counts = stripes;
    door->quotas = quotas;
    *out = door;
    return PC_OK;
}

void pc_door_free(pc_door *door)
{
    if (door == NULL) {
        return;
    }
    pc_door_unwatch(door);
    pc_quotas_free(door->quotas);
    free(door->counts);
    free(door);
}

/* ---- admission ------------------------------------------------------------------------------- */

static pc_status take_criticality(pc_call *call)
{
    static const char *const names[PC_CRITICALITY_COUNT] = {"routing", "agent", "batch",
                                                            "prefetch"};
    const char *given = pc_call_header(call, "x-criticality");
    if (given == NULL) {
        return PC_OK;
    }
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        if (strcmp(given, names[c]) == 0) {
            pc_call_set_criticality(call, (pc_criticality)c);
            return PC_OK;
        }
    }
    pc_status status = PC_OK;
    pc_status_add_violation(&status, "x-criticality",
                            "the metadata must be routing, agent, batch or prefetch");
    return status;
}

static pc_status check_quota(pc_door *door, pc_call *call, unsigned stripe)
{
    pc_quota quota = door->options.caller_quota;
    if (door->options.quota_of != NULL) {
        (void)door->options.quota_of(door->options.self, pc_call_caller(call), &quota);
    }
    if (quota.rate <= 0) {
        return PC_OK;
    }
    int64_t wait_ns =
        pc_quotas_take(door->quotas, pc_call_caller_key(call), &quota, pc_call_arrived_ns(call));
    if (wait_ns == 0) {
        return PC_OK;
    }
    pc_counter_add(&door->counts[stripe].over_quota, stripe, 1);
    return pc_status_with_retry(
        pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "CALLER_RATE_EXCEEDED",
                      "this caller may make %.6g calls a second, %.6g at once", quota.rate,
                      quota.burst),
        wait_ns / 1000000 + 1);
}

/* A share of them that is even: by the golden ratio, whose multiples keep apart from each other. */
static unsigned throw_dice(pc_counter *thrown, unsigned stripe)
{
    pc_counter_add(thrown, stripe, 1);
    return (unsigned)((pc_counter_read(thrown) * 0x9e3779b97f4a7c15) >> 32) % 1000;
}

static pc_status turn_away(pc_door *door, pc_criticality criticality, unsigned stripe,
                           unsigned pressure)
{
    pc_counter_add(&door->counts[stripe].shed[criticality], stripe, 1);
    return pc_status_with_retry(
        pc_status_new(PC_CODE_UNAVAILABLE, "OVERLOADED",
                      "there is more to do than can be done; less critical calls go first"),
        100 + pressure / 4);
}

static pc_status check_pressure(pc_door *door, pc_criticality criticality, unsigned stripe)
{
    unsigned pressure = atomic_load_explicit(&door->shedding.pressure, memory_order_relaxed);
    if (pressure == 0 || !pc_shedding_refuses(&door->shedding, criticality,
                                              throw_dice(&door->counts[stripe].dice, stripe))) {
        return PC_OK;
    }
    return turn_away(door, criticality, stripe, pressure);
}

/* Whether the call would probably be answered when its caller has given up, so that the work were
 * for nothing. Core reckons a deadline from when it reads the call: what that waited in its socket,
 * which is up to the delay, is gone too; and the delay is an old one that may have grown, which is
 * only held against calls that are not the most critical. */
static bool comes_too_late(const pc_door *door, const pc_call *call)
{
    int64_t delay_ns = pc_lasting_ns(&door->lasting);
    if (delay_ns < LEAST_DELAY_NS || door->options.delay_bound_ms <= 0) {
        return false;
    }
    int64_t wanted_ns =
        pc_call_criticality(call) == PC_CRITICALITY_ROUTING ? delay_ns : 2 * delay_ns;
    return pc_call_deadline_ns(call) - pc_clock_now_ns() < wanted_ns;
}

pc_status pc_door_admit(pc_door *door, pc_call *call, size_t method)
{
    if (method >= door->options.methods) {
        return PC_OK;
    }
    pc_status status = take_criticality(call);
    unsigned stripe = pc_stripe();
    if (pc_status_ok(&status) && comes_too_late(door, call)) {
        return turn_away(door, pc_call_criticality(call), stripe, 0);
    }
    if (pc_status_ok(&status)) {
        status = check_pressure(door, pc_call_criticality(call), stripe);
    }
    return pc_status_ok(&status) ? check_quota(door, call, stripe) : status;
}

/* ---- watching -------------------------------------------------------------------------------- */

static int connect_inside(void *self)
{
    const pc_door *door = self;
    return pc_rpc_server_connect(door->server);
}

/* 0 where the system does not tell. */
static long resident_pages(void)
{
    char line[128];
    FILE *file = fopen("/proc/self/statm", "re");
    bool is_read = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    const char *second = is_read ? strchr(line, ' ') : NULL;
    return second == NULL ? 0 : strtol(second, NULL, 10);
}

/* What a burst has taken stays with the allocator, in holes between what lives. It is given back
 * when memory has grown by a quarter since the last time and grows no more: often enough, and
 * rarely enough for what only fills the cache. */
static void give_memory_back(pc_door *door)
{
    long pages = resident_pages();
    bool has_grown = pages > door->pages + door->pages / 4 + TRIM_GROWTH_PAGES;
    if (has_grown && pages <= door->pages_last) {
        (void)malloc_trim(0);
        pages = resident_pages();
        door->pages = pages;
    } else if (pages < door->pages) {
        door->pages = pages;
    }
    door->pages_last = pages;
}

static void on_delay(void *self, int64_t delay_ns, bool answered)
{
    pc_door *door = self;
    atomic_store_explicit(&door->delay_ns, delay_ns, memory_order_relaxed);
    pc_lasting_observe(&door->lasting, delay_ns, answered);
    pc_shedding_observe(&door->shedding, delay_ns, door->options.delay_bound_ms * 1000000);
}

static void on_beat(void *self)
{
    pc_door *door = self;
    pc_rpc_server_give_up_unread(door->server);
    if (++door->pulses % TRIM_LOOK_PULSES == 0) {
        give_memory_back(door);
    }
}

static void on_probing(void *self, int connection)
{
    const pc_door *door = self;
    pc_rpc_server_disregard(door->server, connection);
}

static void on_probe(void *self, int failures)
{
    pc_door *door = self;
    bool is_sick = failures >= FAILURES_SICK;
    if (is_sick != door->is_sick) {
        door->is_sick = is_sick;
        door->options.on_alive(door->options.self, !is_sick);
    }
    if (failures >= FAILURES_DEAD) {
        door->options.on_dead(door->options.self);
    }
}

pc_status pc_door_watch(pc_door *door, pc_rpc_server *server, const char *address)
{
    door->server = server;
    door->pages = resident_pages();
    const pc_pulse_options options = {
        .address = address,
        .probe_interval_ms = door->options.probe_interval_ms,
        .probe_timeout_ms = PROBE_TIMEOUT_MS,
        .connect = connect_inside,
        .on_delay = on_delay,
        .on_beat = on_beat,
        .on_probing = on_probing,
        .on_probe = on_probe,
        .self = door,
    };
    return pc_pulse_new(&door->pulse, &options);
}

void pc_door_unwatch(pc_door *door)
{
    pc_pulse_free(door->pulse);
    door->pulse = NULL;
}

void pc_door_count(const pc_door *door, pc_door_figures *out)
{
    *out = (pc_door_figures){
        .pressure = atomic_load_explicit(&door->shedding.pressure, memory_order_relaxed) / 1000.0,
        .delay_s = (double)atomic_load_explicit(&door->delay_ns, memory_order_relaxed) / 1e9,
    };
    for (size_t i = 0; i < PC_STRIPES; i++) {
        for (size_t c = 0; c < PC_CRITICALITY_COUNT; c++) {
            out->shed[c] += pc_counter_read(&door->counts[i].shed[c]);
        }
        out->over_quota += pc_counter_read(&door->counts[i].over_quota);
    }
}
