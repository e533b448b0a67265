/* A list that only grows. The first has no caller. */
#include "context/policies.h"

#include <string.h>

void pc_policies_init(pc_policies *policies, const char *usual)
{
    pthread_mutex_init(&policies->lock, NULL);
    size_t size = strlen(usual) + 1;
    policies->count = 0;
    if (size <= sizeof policies->texts[0]) {
        memcpy(policies->texts[policies->count++], usual, size);
    }
}

void pc_policies_deinit(pc_policies *policies)
{
    pthread_mutex_destroy(&policies->lock);
}

/* With the lock. */
static bool may_bring(const pc_policies *policies, uint64_t caller)
{
    size_t brought = 0;
    for (size_t i = 1; i < policies->count; i++) {
        brought += policies->callers[i] == caller;
    }
    return policies->count < PC_POLICIES_MAX && brought < PC_POLICIES_OF_CALLER_MAX;
}

bool pc_policies_add(pc_policies *policies, const char *policy, uint64_t caller)
{
    size_t size = strlen(policy) + 1;
    bool known = false;
    pthread_mutex_lock(&policies->lock);
    for (size_t i = 0; i < policies->count && !known; i++) {
        known = strcmp(policies->texts[i], policy) == 0;
    }
    if (!known && size <= sizeof policies->texts[0] && may_bring(policies, caller)) {
        policies->callers[policies->count] = caller;
        memcpy(policies->texts[policies->count++], policy, size);
        known = true;
    }
    pthread_mutex_unlock(&policies->lock);
    return known;
}

const char *pc_policies_at(pc_policies *policies, size_t place)
{
    pthread_mutex_lock(&policies->lock);
    const char *policy = place < policies->count ? policies->texts[place] : NULL;
    pthread_mutex_unlock(&policies->lock);
    return policy;
}
