/* Sets of a few places each, with a lock for each set, which is held for a look. */
#include "util/quotas.h"

#include <pthread.h>
#include <stdlib.h>

enum { SETS = 1024, PLACES = 8 };

static const double second_ns = 1e9;

typedef struct {
    uint64_t caller; /* 0: free */
    double calls;    /* left at `at_ns` */
    int64_t at_ns;
} bucket;

typedef struct {
    pthread_mutex_t lock; /* guards: places */
    bucket places[PLACES];
} set;

struct pc_quotas {
    set sets[SETS];
};

pc_status pc_quotas_new(pc_quotas **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < SETS; i++) {
        pthread_mutex_init(&(*out)->sets[i].lock, NULL);
    }
    return PC_OK;
}

void pc_quotas_free(pc_quotas *quotas)
{
    if (quotas == NULL) {
        return;
    }
    for (size_t i = 0; i < SETS; i++) {
        pthread_mutex_destroy(&quotas->sets[i].lock);
    }
    free(quotas);
}

static set *set_of(pc_quotas *quotas, uint64_t caller)
{
    return &quotas->sets[(caller * 0x9e3779b97f4a7c15) >> 54];
}

/* The caller's bucket, new ones full. */
static bucket *bucket_of(set *in, uint64_t caller, const pc_quota *quota, int64_t now_ns)
{
    bucket *oldest = &in->places[0];
    for (size_t i = 0; i < PLACES; i++) {
        bucket *place = &in->places[i];
        if (place->caller == caller) {
            return place;
        }
        if (oldest->caller != 0 && (place->caller == 0 || place->at_ns < oldest->at_ns)) {
            oldest = place;
        }
    }
    *oldest = (bucket){.caller = caller, .calls = quota->burst, .at_ns = now_ns};
    return oldest;
}

int64_t pc_quotas_take(pc_quotas *quotas, uint64_t caller, const pc_quota *quota, int64_t now_ns)
{
    if (quota->rate <= 0) {
        return 0;
    }
    set *in = set_of(quotas, caller);
    pthread_mutex_lock(&in->lock);
    bucket *own = bucket_of(in, caller, quota, now_ns);
    if (now_ns > own->at_ns) {
        own->calls += (double)(now_ns - own->at_ns) / second_ns * quota->rate;
        own->at_ns = now_ns;
    }
    double most = quota->burst < 1 ? 1 : quota->burst;
    if (own->calls > most) {
        own->calls = most;
    }
    int64_t wait_ns = 0;
    if (own->calls >= 1) {
        own->calls--;
    } else {
        wait_ns = (int64_t)((1 - own->calls) / quota->rate * second_ns) + 1;
    }
    pthread_mutex_unlock(&in->lock);
    return wait_ns;
}

void pc_quotas_give_back(pc_quotas *quotas, uint64_t caller)
{
    set *in = set_of(quotas, caller);
    pthread_mutex_lock(&in->lock);
    for (size_t i = 0; i < PLACES; i++) {
        /* What is more than the burst goes when next one is taken. */
        in->places[i].calls += in->places[i].caller == caller ? 1 : 0;
    }
    pthread_mutex_unlock(&in->lock);
}
