/* The account, and the roll of calls that is looked through for those that wait too long. */
#include "rpc/unread.h"

#include <pthread.h>
#include <stdlib.h>

#include "rpc/call_internal.h"

enum {
    LOOKED_AT_ONCE = 64, /* calls of the roll, with the lock held */
    /* A connection with no more than this is not turned away for what others owe. */
    SPARED_BYTES = 4 * PC_UNREAD_STEP,
    PATIENCE_IN_NEED_NS = 1000000000,
    PATIENCE_NS_PER_BYTE = 954, /* a second for each MiB */
    ROLL_INTERVAL_NS = 500000000
};

struct pc_unread {
    pc_unread_options options;
    atomic_size_t bytes;
    atomic_uint_least64_t refused;
    atomic_uint_least64_t given_up;

    pthread_mutex_t lock; /* guards: calls, cursor, and the links of each */
    pc_call *calls;
    pc_call *cursor; /* who is looked at next */
    /* Of who looks: */
    int64_t looked_ns; /* when the roll was gone through last */
    bool was_too_much;
    bool in_need; /* there is too much, and no connection whose end would help */
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
    if (unread->cursor == call) {
        unread->cursor = part->next;
    }
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

/* Of two calls of a connection one may take a step away before the other has added it. */
static size_t of_all(const pc_unread *unread)
{
    size_t bytes = atomic_load_explicit(&unread->bytes, memory_order_relaxed);
    return bytes > SIZE_MAX / 2 ? 0 : bytes;
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
    size_t added = bytes + PC_UNREAD_CALL_BYTES;
    size_t connection_max = options->connection_bytes_max;
    if (bytes <= PC_UNREAD_STEP) {
        connection_max *= 2;
    }
    pc_unread_verdict verdict = PC_UNREAD_FITS;
    if (connection_max > 0 && owed > 0 && owed + added > connection_max) {
        verdict = PC_UNREAD_OF_CONNECTION;
    } else if (options->bytes_max > 0 && all + added > options->bytes_max &&
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
    size_t own = bytes + PC_UNREAD_CALL_BYTES;
    size_t added = own;
    atomic_store_explicit(&part->bytes, own, memory_order_relaxed);
    atomic_size_t *owed = pc_connection_owed(call->connection);
    if (owed != NULL) {
        size_t before = atomic_fetch_add_explicit(owed, own, memory_order_relaxed);
        added = steps(before + own) - steps(before);
    }
    if (added > 0) {
        atomic_fetch_add_explicit(&unread->bytes, added, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&part->turns, 1, memory_order_release);
}

void pc_unread_taken(pc_unread *unread, pc_call *call)
{
    pc_unread_part *part = &call->unread;
    size_t bytes = atomic_load_explicit(&part->bytes, memory_order_relaxed);
    if (bytes == 0) {
        return;
    }
    size_t removed = bytes;
    atomic_store_explicit(&part->bytes, 0, memory_order_relaxed);
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

static int64_t shorter(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* For which any answer may wait. */
static int64_t least_patience_ns(const pc_unread *unread)
{
    int64_t most = unread->options.time_max_ns > 0 ? unread->options.time_max_ns : INT64_MAX;
    return unread->in_need ? shorter(most, PATIENCE_IN_NEED_NS) : most;
}

/* The same for the answer of a call that is kept. */
static int64_t patience_ns(const pc_unread *unread, const pc_call *call)
{
    bool is_spared = call->connection != NULL && owed_by(call) <= SPARED_BYTES;
    if (unread->in_need && !is_spared) {
        return least_patience_ns(unread);
    }
    size_t bytes = atomic_load_explicit(&call->unread.bytes, memory_order_relaxed);
    int64_t most = unread->options.time_max_ns;
    return most > 0 ? most + (int64_t)bytes * PATIENCE_NS_PER_BYTE : INT64_MAX;
}

/* Goes on with the roll: finds calls whose answer has waited since then, and keeps them. How many
 * there are; `*more` when this was not the roll's end. */
static size_t find_waiting(pc_unread *unread, pc_call *found[LOOKED_AT_ONCE], int64_t now_ns,
                           int64_t before_ns, bool *more)
{
    size_t count = 0;
    pthread_mutex_lock(&unread->lock);
    for (int i = 0; i < LOOKED_AT_ONCE && unread->cursor != NULL; i++) {
        pc_call *call = unread->cursor;
        unread->cursor = call->unread.next;
        if (has_waited(call, now_ns, before_ns) && try_ref(call)) {
            found[count++] = call;
        }
    }
    *more = unread->cursor != NULL;
    pthread_mutex_unlock(&unread->lock);
    return count;
}

/* The call is kept, and so cannot become another one any more; before it could. */
static void give_up_if_due(pc_unread *unread, pc_call *call, int64_t now_ns)
{
    pc_unread_part *part = &call->unread;
    if (atomic_load_explicit(&part->turns, memory_order_acquire) == part->turns_seen &&
        now_ns - part->seen_ns >= patience_ns(unread, call)) {
        part->seen_ns = now_ns; /* while it ends it is not given up again */
        atomic_fetch_add_explicit(&unread->given_up, 1, memory_order_relaxed);
        pc_stream_break(call);
    }
}

static void go_through_roll(pc_unread *unread, int64_t now_ns)
{
    pc_call *found[LOOKED_AT_ONCE];
    bool more;
    pthread_mutex_lock(&unread->lock);
    unread->cursor = unread->calls;
    pthread_mutex_unlock(&unread->lock);
    do {
        size_t count =
            find_waiting(unread, found, now_ns, now_ns - least_patience_ns(unread), &more);
        for (size_t i = 0; i < count; i++) {
            give_up_if_due(unread, found[i], now_ns);
            pc_call_unref(found[i]);
        }
    } while (more);
}

void pc_unread_look(pc_unread *unread, pc_connections *connections, int64_t now_ns,
                    bool (*cut)(void *self, const char *peer), void *self)
{
    size_t most = unread->options.bytes_max;
    size_t all = of_all(unread);
    /* Somewhat more is in good order: what is spared, and refusals for the moment that they take.
     * For their sake not at once, either. */
    bool too_much = most > 0 && all > most + most / 8;
    if (!too_much) {
        unread->in_need = false;
    } else if (unread->was_too_much) {
        size_t ended = pc_connections_cut_owing(connections, most - most / 8, cut, self);
        unread->in_need = all > most + ended;
        too_much = ended == 0; /* else it takes a moment until it is less */
    }
    unread->was_too_much = too_much;
    if (now_ns - unread->looked_ns >= ROLL_INTERVAL_NS) {
        unread->looked_ns = now_ns;
        go_through_roll(unread, now_ns);
    }
}
