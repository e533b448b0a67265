/* Cancelling calls from another thread: a flag, and the list of the calls in progress. */
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"

struct profilecontext_cancellation {
    pthread_mutex_t lock; /* guards all below */
    bool cancelled;
    pcc_cancellable *calls;
};

profilecontext_cancellation *profilecontext_cancellation_new(void)
{
    profilecontext_cancellation *cancellation = calloc(1, sizeof *cancellation);
    if (cancellation != NULL) {
        pthread_mutex_init(&cancellation->lock, NULL);
    }
    return cancellation;
}

void profilecontext_cancellation_free(profilecontext_cancellation *cancellation)
{
    if (cancellation != NULL) {
        pthread_mutex_destroy(&cancellation->lock);
        free(cancellation);
    }
}

void profilecontext_cancel(profilecontext_cancellation *cancellation)
{
    pthread_mutex_lock(&cancellation->lock);
    cancellation->cancelled = true;
    for (pcc_cancellable *entry = cancellation->calls; entry != NULL; entry = entry->next) {
        grpc_call_cancel(entry->call, NULL);
    }
    pthread_mutex_unlock(&cancellation->lock);
}

void pcc_cancellation_add(profilecontext_cancellation *cancellation, pcc_cancellable *entry)
{
    if (cancellation == NULL) {
        return;
    }
    pthread_mutex_lock(&cancellation->lock);
    entry->next = cancellation->calls;
    cancellation->calls = entry;
    if (cancellation->cancelled) {
        grpc_call_cancel(entry->call, NULL);
    }
    pthread_mutex_unlock(&cancellation->lock);
}

void pcc_cancellation_remove(profilecontext_cancellation *cancellation, pcc_cancellable *entry)
{
    if (cancellation == NULL) {
        return;
    }
    pthread_mutex_lock(&cancellation->lock);
    pcc_cancellable **place = &cancellation->calls;
    while (*place != entry) {
        place = &(*place)->next;
    }
    *place = entry->next;
    pthread_mutex_unlock(&cancellation->lock);
}
