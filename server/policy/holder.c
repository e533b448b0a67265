/* The lock is held for a few instructions: to count a reference up, or to exchange the policy. */
#include "policy/holder.h"

#include <pthread.h>
#include <stdlib.h>

struct pc_policy_holder {
    pthread_mutex_t lock; /* guards: policy */
    pc_policy *policy;    /* owned */
};

pc_policy_holder *pc_policy_holder_new(pc_policy *policy)
{
    pc_policy_holder *holder = calloc(1, sizeof *holder);
    if (holder == NULL) {
        pc_policy_unref(policy);
        return NULL;
    }
    pthread_mutex_init(&holder->lock, NULL);
    holder->policy = policy;
    return holder;
}

void pc_policy_holder_free(pc_policy_holder *holder)
{
    if (holder != NULL) {
        pc_policy_unref(holder->policy);
        pthread_mutex_destroy(&holder->lock);
        free(holder);
    }
}

pc_policy *pc_policy_holder_get(pc_policy_holder *holder)
{
    pthread_mutex_lock(&holder->lock);
    pc_policy *policy = pc_policy_ref(holder->policy);
    pthread_mutex_unlock(&holder->lock);
    return policy;
}

void pc_policy_holder_set(pc_policy_holder *holder, pc_policy *policy)
{
    pthread_mutex_lock(&holder->lock);
    pc_policy *before = holder->policy;
    holder->policy = policy;
    pthread_mutex_unlock(&holder->lock);
    pc_policy_unref(before);
}
