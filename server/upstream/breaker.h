/* Whether an upstream in trouble is left alone. While the breaker is closed calls pass and their
 * ends are counted. When of the calls of a rolling window too large a share has failed it opens: no
 * call passes for a while. Then it is half-open: a few calls pass as probes, and as many successes
 * close it, while one failure opens it again.
 *
 * Threads: one, but for pc_breaker_refuses and pc_breaker_read, which any may call. The time is
 * passed in, as pc_clock_now_ns. */
#ifndef PC_UPSTREAM_BREAKER_H
#define PC_UPSTREAM_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    PC_BREAKER_CLOSED = 0,
    PC_BREAKER_OPEN = 1,
    PC_BREAKER_HALF_OPEN = 2,
} pc_breaker_state;

enum { PC_BREAKER_STATE_COUNT = 3, PC_BREAKER_SLICES = 10 };

typedef struct {
    unsigned failure_percent; /* of the window's calls: opens; 0: never */
    unsigned calls_min;       /* in the window, or it says nothing */
    int64_t window_ms;
    int64_t open_ms; /* then probes may pass */
    unsigned probes; /* at once, and successes that close; 1 or more */
} pc_breaker_options;

/* Embedded; pc_breaker_init. */
typedef struct pc_breaker {
    pc_breaker_options options;
    /* Called on its thread after each change of state; NULL: nobody asks. */
    void (*changed)(struct pc_breaker *breaker, pc_breaker_state from, pc_breaker_state to);
    void *self; /* for it */

    /* Used by the breaker: */
    atomic_int state;
    atomic_int_least64_t retry_at_ns; /* while open */
    atomic_uint probing;              /* probes under way */
    unsigned probes_succeeded;
    uint64_t round; /* rises with each opening: who passed before it is not heard any more */
    int64_t slice;  /* number of the latest, by time */
    uint32_t calls[PC_BREAKER_SLICES];
    uint32_t failures[PC_BREAKER_SLICES];
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t changes[PC_BREAKER_STATE_COUNT]; /* to this state */
} pc_breaker;

/* One call that has passed. */
typedef struct {
    bool is_inside;
    bool is_probe;
    uint64_t round;
} pc_breaker_pass;

typedef enum {
    PC_BREAKER_SUCCESS,
    PC_BREAKER_FAILURE,
    PC_BREAKER_SAYS_NOTHING /* it was not made, or given up too early to tell */
} pc_breaker_outcome;

void pc_breaker_init(pc_breaker *breaker, const pc_breaker_options *options);

/* Lets a call pass: true, and pc_breaker_leave has to come once. */
bool pc_breaker_enter(pc_breaker *breaker, pc_breaker_pass *pass, int64_t now_ns);

/* Harmless for a pass that is not inside. */
void pc_breaker_leave(pc_breaker *breaker, pc_breaker_pass *pass, pc_breaker_outcome outcome,
                      int64_t now_ns);

/* Whether a call that came now would not pass, which is then counted as refused; `*retry_ms` is
 * when one may. Any thread. */
bool pc_breaker_refuses(pc_breaker *breaker, int64_t now_ns, int64_t *retry_ms);

/* For one who judges by other means than the window: puts it into a state. */
void pc_breaker_move(pc_breaker *breaker, pc_breaker_state state, int64_t retry_at_ns);

pc_breaker_state pc_breaker_state_of(const pc_breaker *breaker); /* any thread */

/* Calls in the window, and how many of them have failed. */
void pc_breaker_window(const pc_breaker *breaker, unsigned *calls_out, unsigned *failures_out);

typedef struct {
    pc_breaker_state state;
    uint64_t refused;
    uint64_t changes[PC_BREAKER_STATE_COUNT]; /* to each state, since the start */
} pc_breaker_figures;

void pc_breaker_read(const pc_breaker *breaker, pc_breaker_figures *out);

const char *pc_breaker_state_name(pc_breaker_state state); /* "closed", "open", "half_open" */

#endif
