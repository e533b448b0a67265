/* A watcher is a small state: what was sent last, and whether a send is under way. Every event (a
 * change, a send that has left, a caller that has gone) ends in step(), which does the next thing.
 */
#include "rpc/health.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"

typedef Grpc__Health__V1__HealthCheckRequest request_message;
typedef Grpc__Health__V1__HealthCheckResponse response_message;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

enum {
    SERVING = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING,
    NOT_SERVING = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING,
    SERVICE_UNKNOWN = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN,
    NOTHING_SENT = -1
};

/* In the arena of its call; the list holds a reference to the call. */
typedef struct watcher {
    pc_health *health;
    pc_call *call;
    size_t service; /* place in health->services, or its count for an unknown one */
    int sent;
    bool sending;
    bool gone; /* or may be sent no more: the end says why */
    bool ended;
    struct watcher *next;
    struct watcher *next_told; /* used by tell_all */
} watcher;

struct pc_health {
    pthread_mutex_t tell_lock; /* one teller at a time; taken before `lock` */
    pthread_mutex_t lock;      /* guards: serving, stopping, watchers, and the watchers' states */
    const char *const *services;
    size_t count;
    bool *serving; /* count + 1 entries; the last is the whole server */
    bool stopping;
    watcher *watchers;
};

static size_t find_service(const pc_health *health, const char *name, bool *known)
{
    *known = true;
    if (name[0] == '\0') {
        return health->count;
    }
    for (size_t i = 0; i < health->count; i++) {
        if (strcmp(health->services[i], name) == 0) {
            return i;
        }
    }
    *known = false;
    return health->count + 1;
}

/* Under the lock. */
static serving_status current_status(const pc_health *health, size_t service)
{
    if (service > health->count) {
        return (serving_status)SERVICE_UNKNOWN;
    }
    return (serving_status)(health->serving[service] ? SERVING : NOT_SERVING);
}

/* ---- Check ----------------------------------------------------------------------------------- */

static void check(pc_call *call, const void *request, void *service)
{
    pc_health *health = service;
    bool known;
    size_t place = find_service(health, ((const request_message *)request)->service, &known);
    if (!known) {
        pc_call_fail(call, pc_status_new(PC_CODE_NOT_FOUND, "SERVICE_UNKNOWN",
                                         "this server has no service of that name"));
        return;
    }
    response_message response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    pthread_mutex_lock(&health->lock);
    response.status = current_status(health, place);
    pthread_mutex_unlock(&health->lock);
    pc_call_answer_message(call, &response.base);
}

/* ---- Watch ----------------------------------------------------------------------------------- */

static void on_sent(void *self, bool ok);

static void unlink_watcher(watcher *w)
{
    watcher **link = &w->health->watchers;
    while (*link != w) {
        link = &(*link)->next;
    }
    *link = w->next;
}

static void end(watcher *w, bool stopping)
{
    if (stopping) {
        pc_call_fail(w->call,
                     pc_status_new(PC_CODE_UNAVAILABLE, "SERVER_STOPPING", "the server stops"));
    } else {
        pc_stream_finish(w->call);
    }
    pc_call_unref(w->call);
}

static void step(watcher *w)
{
    pc_health *health = w->health;
    pthread_mutex_lock(&health->lock);
    if (w->ended || w->sending) {
        pthread_mutex_unlock(&health->lock);
        return;
    }
    serving_status status = current_status(health, w->service);
    bool gone = w->gone || pc_call_cancelled(w->call);
    if (!gone && (int)status != w->sent) {
        w->sent = (int)status;
        w->sending = true;
        pthread_mutex_unlock(&health->lock);
        response_message response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
        response.status = status;
        pc_stream_send_message(w->call, &response.base, on_sent, w);
        return;
    }
    bool stopping = health->stopping;
    if (gone || stopping) {
        w->ended = true;
        unlink_watcher(w);
        pthread_mutex_unlock(&health->lock);
        end(w, stopping);
        return;
    }
    pthread_mutex_unlock(&health->lock);
}

static void on_sent(void *self, bool ok)
{
    watcher *w = self;
    pthread_mutex_lock(&w->health->lock);
    w->sending = false;
    w->gone = !ok;
    pthread_mutex_unlock(&w->health->lock);
    step(w);
}

static void on_gone(void *self)
{
    step(self);
}

static void watch(pc_call *call, const void *request, void *service)
{
    pc_health *health = service;
    watcher *w = pc_arena_calloc(pc_call_arena(call), 1, sizeof *w);
    if (w == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    bool known;
    *w = (watcher){.health = health, .call = pc_call_ref(call), .sent = NOTHING_SENT};
    w->service = find_service(health, ((const request_message *)request)->service, &known);
    pthread_mutex_lock(&health->lock);
    w->next = health->watchers;
    health->watchers = w;
    pthread_mutex_unlock(&health->lock);
    pc_call_ref(call);
    pc_call_on_cancel(call, on_gone, w);
    step(w);
    pc_call_unref(call);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* With tell_lock held. Steps run without `lock`, since a step takes it and may answer. */
static void tell_all(pc_health *health)
{
    watcher *told = NULL;
    pthread_mutex_lock(&health->lock);
    for (watcher *w = health->watchers; w != NULL; w = w->next) {
        pc_call_ref(w->call);
        w->next_told = told;
        told = w;
    }
    pthread_mutex_unlock(&health->lock);
    while (told != NULL) {
        watcher *next = told->next_told;
        pc_call *call = told->call;
        step(told);
        pc_call_unref(call);
        told = next;
    }
}

void pc_health_set_all(pc_health *health, bool serving)
{
    pthread_mutex_lock(&health->tell_lock);
    pthread_mutex_lock(&health->lock);
    for (size_t i = 0; i <= health->count; i++) {
        health->serving[i] = serving && !health->stopping;
    }
    pthread_mutex_unlock(&health->lock);
    tell_all(health);
    pthread_mutex_unlock(&health->tell_lock);
}

void pc_health_set(pc_health *health, const char *service, bool serving)
{
    bool known;
    size_t place = find_service(health, service, &known);
    if (!known) {
        return;
    }
    pthread_mutex_lock(&health->tell_lock);
    pthread_mutex_lock(&health->lock);
    health->serving[place] = serving && !health->stopping;
    pthread_mutex_unlock(&health->lock);
    tell_all(health);
    pthread_mutex_unlock(&health->tell_lock);
}

void pc_health_stop(pc_health *health)
{
    pthread_mutex_lock(&health->lock);
    health->stopping = true;
    pthread_mutex_unlock(&health->lock);
    pc_health_set_all(health, false);
}

/* ---- making ---------------------------------------------------------------------------------- */

pc_status pc_health_new(pc_health **out, const char *const *services, size_t count)
{
    *out = NULL;
    pc_health *health = calloc(1, sizeof *health);
    bool *serving = calloc(count + 1, sizeof *serving);
    if (health == NULL || serving == NULL) {
        free(health);
        free(serving);
        return pc_status_out_of_memory();
    }
    health->services = services;
    health->count = count;
    health->serving = serving;
    pthread_mutex_init(&health->lock, NULL);
    pthread_mutex_init(&health->tell_lock, NULL);
    *out = health;
    return PC_OK;
}

void pc_health_free(pc_health *health)
{
    if (health == NULL) {
        return;
    }
    pthread_mutex_destroy(&health->lock);
    pthread_mutex_destroy(&health->tell_lock);
    free(health->serving);
    free(health);
}

void pc_health_methods(pc_health *health, pc_method *rows)
{
    rows[0] = (pc_method){.path = "/grpc.health.v1.Health/Check",
                          .kind = PC_RPC_UNARY,
                          .request = &grpc__health__v1__health_check_request__descriptor,
                          .handle = check,
                          .service = health};
    rows[1] = (pc_method){.path = "/grpc.health.v1.Health/Watch",
                          .kind = PC_RPC_SERVER_STREAM,
                          .request = &grpc__health__v1__health_check_request__descriptor,
                          .handle = watch,
                          .service = health};
}
