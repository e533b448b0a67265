/* A list that only grows. */
#include "context/policies.h"

#include <string.h>

void pc_policies_init(pc_policies *policies)
{
    pthread_mutex_init(&policies->lock, NULL);
    policies->count = 0;
}

void pc_policies_deinit(pc_policies *policies)
{
    pthread_mutex_destroy(&policies->lock);
}

bool pc_policies_add(pc_policies *policies, const char *policy)
{
    size_t size = strlen(policy) + 1;
    bool known = false;
    pthread_mutex_lock(&policies->lock);
    for (size_t i = 0; i < policies->count && !known; i++) {
        known = strcmp(policies->texts[i], policy) == 0;
    }
    if (!known && policies->count < PC_POLICIES_MAX && size <= sizeof policies->texts[0]) {
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
