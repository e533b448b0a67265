/* The account, and the roll of calls that is looked through for those that wait too long. */
#include "rpc/unread.h"

#include <pthread.h>
#include <stdlib.h>

#include "rpc/call_internal.h"

enum {
    GIVEN_UP_AT_ONCE = 64,
    /* A connection with no more than this is not turned away for what others owe. */
    SPARED_BYTES = 4 * PC_UNREAD_STEP,
    PATIENCE_IN_NEED_NS = 1000000000,
    ROLL_INTERVAL_NS = 500000000
};

struct pc_unread {
    pc_unread_options options;
    atomic_size_t bytes;
    atomic_uint_least64_t refused;
    atomic_uint_least64_t given_up;

    pthread_mutex_t lock; /* guards: calls, and the links of each */
    pc_call *calls;
    /* Of who looks: */
    int64_t looked_ns; /* when the roll was gone through last */
    bool was_too_much;
};

pc_unread *pc_unread_new(const pc_unread_options *options)
{
    pc_unread *unread = calloc(1, sizeof *unread);
    if (unread != NULL) {
        unread->options = *options;
        pthread_mutex_init(&unread->lock, NULL);
    }
    return unread;
}

void pc_unread_free(pc_unread *unread)
{
    if (unread != NULL) {
        pthread_mutex_destroy(&unread->lock);
        free(unread);
    }
}

void pc_unread_enrol(pc_unread *unread, pc_call *call)
{
    pthread_mutex_lock(&unread->lock);
    call->unread.next = unread->calls;
    if (unread->calls != NULL) {
        unread->calls->unread.previous = call;
    }
    unread->calls = call;
    pthread_mutex_unlock(&unread->lock);
}

void pc_unread_strike_off(pc_unread *unread, pc_call *call)
{
    pc_unread_part *part = &call->unread;
    pthread_mutex_lock(&unread->lock);
    if (part->previous == NULL) {
        unread->calls = part->next;
    } else {
        part->previous->unread.next = part->next;
    }
    if (part->next != NULL) {
        part->next->unread.previous = part->previous;
    }
    pthread_mutex_unlock(&unread->lock);
}

/* ---- the account ----------------------------------------------------------------------------- */

static size_t of_all(const pc_unread *unread)
{
    return atomic_load_explicit(&unread->bytes, memory_order_relaxed);
}

static size_t owed_by(const pc_call *call)
{
    const atomic_size_t *owed = pc_connection_owed(call->connection);
    return owed == NULL ? 0 : atomic_load_explicit(owed, memory_order_relaxed);
}

pc_unread_verdict pc_unread_judge(pc_unread *unread, const pc_call *call, size_t bytes)
{
    const pc_unread_options *options = &unread->options;
    size_t owed = owed_by(call);
    size_t all = of_all(unread);
    pc_unread_verdict verdict = PC_UNREAD_FITS;
    if (options->connection_bytes_max > 0 && owed > 0 &&
        owed + bytes > options->connection_bytes_max) {
        verdict = PC_UNREAD_OF_CONNECTION;
    } else if (options->bytes_max > 0 && all + bytes > options->bytes_max &&
               (owed > SPARED_BYTES || (call->connection == NULL && all > options->bytes_max))) {
        verdict = PC_UNREAD_OF_ALL;
    }
    if (verdict != PC_UNREAD_FITS) {
        atomic_fetch_add_explicit(&unread->refused, 1, memory_order_relaxed);
    }
    return verdict;
}

pc_status pc_unread_status(pc_unread_verdict verdict)
{
    return verdict == PC_UNREAD_OF_CONNECTION
               ? pc_status_new(
                     PC_CODE_RESOURCE_EXHAUSTED, "CONNECTION_UNREAD",
                     "too much waits on this connection that has been answered and is not "
                     "read: read it before asking for more")
               : pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "ANSWERS_UNREAD",
                               "too much waits that callers do not read, some of it on this "
                               "connection: read it before asking for more");
}

/* Whole steps are known to all. The sum of what each thread finds is right whatever their order. */
static size_t steps(size_t bytes)
{
    return bytes / PC_UNREAD_STEP * PC_UNREAD_STEP;
}

void pc_unread_give(pc_unread *unread, pc_call *call, size_t bytes)
{
    pc_unread_part *part = &call->unread;
    part->bytes = bytes + PC_UNREAD_CALL_BYTES;
    size_t added = part->bytes;
    atomic_size_t *owed = pc_connection_owed(call->connection);
    if (owed != NULL) {
        size_t before = atomic_fetch_add_explicit(owed, part->bytes, memory_order_relaxed);
        added = steps(before + part->bytes) - steps(before);
    }
    if (added > 0) {
        atomic_fetch_add_explicit(&unread->bytes, added, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&part->turns, 1, memory_order_release);
}

void pc_unread_taken(pc_unread *unread, pc_call *call)
{
    pc_unread_part *part = &call->unread;
    size_t bytes = part->bytes;
    if (bytes == 0) {
        return;
    }
    size_t removed = bytes;
    part->bytes = 0;
    atomic_fetch_add_explicit(&part->turns, 1, memory_order_release);
    atomic_size_t *owed = pc_connection_owed(call->connection);
    if (owed != NULL) {
        size_t before = atomic_fetch_sub_explicit(owed, bytes, memory_order_relaxed);
        removed = steps(before) - steps(before - bytes);
    }
    if (removed > 0) {
        atomic_fetch_sub_explicit(&unread->bytes, removed, memory_order_relaxed);
    }
}

void pc_unread_count(const pc_unread *unread, pc_unread_figures *out)
{
    *out = (pc_unread_figures){
        .bytes = of_all(unread),
        .refused = atomic_load_explicit(&unread->refused, memory_order_relaxed),
        .given_up = atomic_load_explicit(&unread->given_up, memory_order_relaxed),
    };
}

/* ---- what is given up ------------------------------------------------------------------------ */

/* Keeps a call that may be ending or not have begun: false when it is not alive. */
static bool try_ref(pc_call *call)
{
    int references = atomic_load_explicit(&call->references, memory_order_relaxed);
    while (references > 0) {
        if (atomic_compare_exchange_weak_explicit(&call->references, &references, references + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* Whether the same answer has waited since `before_ns`. Called with the lock held. */
static bool has_waited(pc_call *call, int64_t now_ns, int64_t before_ns)
{
    pc_unread_part *part = &call->unread;
    unsigned turns = atomic_load_explicit(&part->turns, memory_order_acquire);
    if (turns != part->turns_seen) {
        part->turns_seen = turns;
        part->seen_ns = now_ns;
    }
    return turns % 2 == 1 && part->seen_ns <= before_ns;
}

/* Finds calls whose answer has waited since then, and keeps them; how many there are. */
static size_t find_waiting(pc_unread *unread, pc_call **found, int64_t now_ns, int64_t before_ns)
{
    size_t count = 0;
    pthread_mutex_lock(&unread->lock);
    for (pc_call *call = unread->calls; call != NULL && count < GIVEN_UP_AT_ONCE;
         call = call->unread.next) {
        if (has_waited(call, now_ns, before_ns) && try_ref(call)) {
            found[count++] = call;
        }
    }
    pthread_mutex_unlock(&unread->lock);
    return count;
}

static void give_up(pc_unread *unread, int64_t now_ns, int64_t before_ns)
{
    pc_call *found[GIVEN_UP_AT_ONCE];
    size_t count;
    do {
        count = find_waiting(unread, found, now_ns, before_ns);
        for (size_t i = 0; i < count; i++) {
            /* Now that it is kept it cannot become another call any more; before it could. */
            unsigned turns = atomic_load_explicit(&found[i]->unread.turns, memory_order_acquire);
            if (turns == found[i]->unread.turns_seen) {
                atomic_fetch_add_explicit(&unread->given_up, 1, memory_order_relaxed);
                pc_stream_break(found[i]);
            }
            found[i]->unread.seen_ns = now_ns; /* not again in this look */
            pc_call_unref(found[i]);
        }
    } while (count == GIVEN_UP_AT_ONCE);
}

void pc_unread_look(pc_unread *unread, pc_connections *connections, int64_t now_ns,
                    bool (*cut)(void *self, const char *peer), void *self)
{
    const pc_unread_options *options = &unread->options;
    int64_t patience_ns = options->time_max_ns > 0 ? options->time_max_ns : INT64_MAX;
    bool too_much = options->bytes_max > 0 && of_all(unread) > options->bytes_max;
    /* Not at once: refusals count too, for the moment that they take. */
    bool stays_too_much = too_much && unread->was_too_much;
    unread->was_too_much = too_much;
    if (stays_too_much) {
        pc_connections_cut_owing(connections, options->bytes_max - options->bytes_max / 8, cut,
                                 self);
        patience_ns = patience_ns < PATIENCE_IN_NEED_NS ? patience_ns : PATIENCE_IN_NEED_NS;
    }
    if (now_ns - unread->looked_ns >= ROLL_INTERVAL_NS) {
        unread->looked_ns = now_ns;
        give_up(unread, now_ns, now_ns - patience_ns);
    }
}
