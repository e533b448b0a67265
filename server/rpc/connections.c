/* Sets of a few places each, with a lock for each set, which is held for a look. */
#include "rpc/connections.h"

#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One call in so many is watched of a connection that gives none up. */
enum { SETS = 512, PLACES = 8, WATCHED_OF = 16 };

static const int64_t second_ns = 1000000000;

struct pc_connection {
    grpc_auth_context *context; /* owned; NULL: free */
    atomic_uint open;
    atomic_size_t owed;
    atomic_bool bad;
    uint32_t seen; /* when last a call began, in calls of the set */

    pthread_mutex_t *lock; /* the set's; guards all that is not atomic */
    double resets_left;
    int64_t reset_ns; /* the last one */
    char peer[PC_PEER_NAME_BYTES];

    bool passed_over; /* of pc_connections_cut_owing: in this look */
};

typedef struct {
    pthread_mutex_t lock; /* guards what follows */
    uint32_t calls;
    pc_connection places[PLACES];
} set;

struct pc_connections {
    pc_connections_options options;
    set sets[SETS];
};

pc_connections *pc_connections_new(const pc_connections_options *options)
{
    pc_connections *connections = calloc(1, sizeof *connections);
    if (connections == NULL) {
        return NULL;
    }
    connections->options = *options;
    for (size_t i = 0; i < SETS; i++) {
        pthread_mutex_init(&connections->sets[i].lock, NULL);
        for (size_t p = 0; p < PLACES; p++) {
            connections->sets[i].places[p].lock = &connections->sets[i].lock;
        }
    }
    return connections;
}

void pc_connections_free(pc_connections *connections)
{
    if (connections == NULL) {
        return;
    }
    for (size_t i = 0; i < SETS; i++) {
        for (size_t p = 0; p < PLACES; p++) {
            grpc_auth_context_release(connections->sets[i].places[p].context);
        }
        pthread_mutex_destroy(&connections->sets[i].lock);
    }
    free(connections);
}

static set *set_of(pc_connections *connections, const grpc_auth_context *context)
{
    /* Fibonacci hashing: addresses differ in their middle bits. */
    uint64_t hash = (uint64_t)(uintptr_t)context * 0x9e3779b97f4a7c15;
    return &connections->sets[hash >> 55];
}

/* The place of the connection, else a free one, else that of the longest silent one without calls,
 * else NULL. */
static pc_connection *find_place(set *in, const grpc_auth_context *context)
{
    pc_connection *best = NULL;
    for (size_t i = 0; i < PLACES; i++) {
        pc_connection *place = &in->places[i];
        if (place->context == context) {
            return place;
        }
        if (atomic_load_explicit(&place->open, memory_order_acquire) > 0) {
            continue;
        }
        if (best == NULL || place->context == NULL ||
            (best->context != NULL && in->calls - place->seen > in->calls - best->seen)) {
            best = place;
        }
    }
    return best;
}

/* Core knows it as long as the call goes well: of one that was given up, no more. */
static void learn_peer(pc_connection *connection, grpc_call *call)
{
    char *peer = grpc_call_get_peer(call);
    if (peer != NULL && strcmp(peer, "unknown") != 0) {
        (void)snprintf(connection->peer, sizeof connection->peer, "%s", peer);
    }
    gpr_free(peer);
}

pc_connection *pc_connections_begin(pc_connections *connections, grpc_call *call, int64_t now_ns,
                                    bool *watch)
{
    *watch = false;
    grpc_auth_context *context = grpc_call_auth_context(call);
    if (context == NULL) {
        return NULL;
    }
    grpc_auth_context *unused = context;
    set *in = set_of(connections, context);
    pthread_mutex_lock(&in->lock);
    pc_connection *found = find_place(in, context);
    if (found != NULL) {
        if (found->context != context) {
            unused = found->context;
            found->context = context;
            atomic_store_explicit(&found->bad, false, memory_order_relaxed);
            found->resets_left = connections->options.resets_max;
            found->reset_ns = now_ns - second_ns;
            found->peer[0] = '\0';
        }
        if (found->peer[0] == '\0') {
            learn_peer(found, call);
        }
        found->seen = in->calls++;
        *watch = connections->options.resets_max > 0 &&
                 (found->seen % WATCHED_OF == 0 || now_ns - found->reset_ns < second_ns);
        atomic_fetch_add_explicit(&found->open, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&in->lock);
    grpc_auth_context_release(unused);
    return found;
}

/* Called with the set locked. True for the first who finds the connection bad. */
static bool find_bad(pc_connection *connection, char peer[PC_PEER_NAME_BYTES])
{
    memcpy(peer, connection->peer, PC_PEER_NAME_BYTES);
    return !atomic_exchange_explicit(&connection->bad, true, memory_order_relaxed);
}

bool pc_connections_refuse(pc_connections *connections, pc_connection *connection, bool *is_first,
                           char peer[PC_PEER_NAME_BYTES])
{
    *is_first = false;
    if (connection == NULL) {
        return false;
    }
    if (atomic_load_explicit(&connection->open, memory_order_relaxed) >
        connections->options.open_max) {
        pthread_mutex_lock(connection->lock);
        *is_first = find_bad(connection, peer);
        pthread_mutex_unlock(connection->lock);
    }
    return atomic_load_explicit(&connection->bad, memory_order_relaxed);
}

bool pc_connections_reset(pc_connections *connections, pc_connection *connection, int64_t now_ns,
                          char peer[PC_PEER_NAME_BYTES])
{
    double most = connections->options.resets_max;
    if (connection == NULL || most == 0) {
        return false;
    }
    pthread_mutex_lock(connection->lock);
    double refill = (double)(now_ns - connection->reset_ns) / (double)second_ns * most;
    connection->reset_ns = now_ns;
    connection->resets_left += refill;
    if (connection->resets_left > most) {
        connection->resets_left = most;
    }
    bool is_first = false;
    if (connection->resets_left >= 1) {
        connection->resets_left--;
    } else {
        is_first = find_bad(connection, peer);
    }
    pthread_mutex_unlock(connection->lock);
    return is_first;
}

void pc_connection_end(pc_connection *connection)
{
    if (connection != NULL) {
        atomic_fetch_sub_explicit(&connection->open, 1, memory_order_release);
    }
}

atomic_size_t *pc_connection_owed(pc_connection *connection)
{
    return connection == NULL ? NULL : &connection->owed;
}

static pc_connection *place_at(pc_connections *connections, size_t i)
{
    return &connections->sets[i / PLACES].places[i % PLACES];
}

/* Of those that have not been ended or passed over: who owes most, or NULL, and how much; what all
 * of them owe. */
static pc_connection *find_debtor(pc_connections *connections, size_t *most, size_t *all)
{
    pc_connection *debtor = NULL;
    *most = 0;
    *all = 0;
    for (size_t i = 0; i < SETS * PLACES; i++) {
        pc_connection *place = place_at(connections, i);
        size_t owed = atomic_load_explicit(&place->owed, memory_order_relaxed);
        if (owed > 0 && !place->passed_over &&
            !atomic_load_explicit(&place->bad, memory_order_relaxed)) {
            *all += owed;
            debtor = owed > *most ? place : debtor;
            *most = owed > *most ? owed : *most;
        }
    }
    return debtor;
}

size_t pc_connections_cut_owing(pc_connections *connections, size_t most,
                                bool (*cut)(void *self, const char *peer), void *self)
{
    char peer[PC_PEER_NAME_BYTES];
    size_t ended = 0;
    size_t owed;
    size_t all;
    pc_connection *debtor;
    for (size_t i = 0; i < SETS * PLACES; i++) {
        place_at(connections, i)->passed_over = false;
    }
    while ((debtor = find_debtor(connections, &owed, &all)) != NULL && all > most) {
        pthread_mutex_lock(debtor->lock);
        memcpy(peer, debtor->peer, sizeof peer);
        /* By now it may be another connection's place. */
        if (atomic_load_explicit(&debtor->owed, memory_order_relaxed) > owed / 2 &&
            cut(self, peer)) {
            atomic_store_explicit(&debtor->bad, true, memory_order_relaxed);
            ended += owed;
        } else {
            debtor->passed_over = true;
        }
        pthread_mutex_unlock(debtor->lock);
    }
    return ended;
}
