/* A ring, looked through from the newest on; forgetting is rare. */
#include "context/cache/forgotten.h"

void pc_forgotten_init(pc_forgotten *forgotten)
{
    atomic_init(&forgotten->latest_ns, 0);
    pthread_mutex_init(&forgotten->lock, NULL);
    forgotten->count = 0;
}

void pc_forgotten_deinit(pc_forgotten *forgotten)
{
    pthread_mutex_destroy(&forgotten->lock);
}

void pc_forgotten_add(pc_forgotten *forgotten, const pc_cache_key *key, int64_t now_ns)
{
    pthread_mutex_lock(&forgotten->lock);
    size_t place = forgotten->count++ % PC_FORGOTTEN_KEYS;
    int64_t latest_ns = atomic_load_explicit(&forgotten->latest_ns, memory_order_relaxed);
    /* Of two threads the later may have looked at the clock first. */
    now_ns = now_ns < latest_ns ? latest_ns : now_ns;
    forgotten->keys[place].key = *key;
    forgotten->keys[place].at_ns = now_ns;
    atomic_store_explicit(&forgotten->latest_ns, now_ns, memory_order_release);
    pthread_mutex_unlock(&forgotten->lock);
}

static bool is_among(const pc_cache_key *key, const pc_cache_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].high == key->high && keys[i].low == key->low) {
            return true;
        }
    }
    return false;
}

bool pc_forgotten_since(pc_forgotten *forgotten, const pc_cache_key *keys, size_t count,
                        int64_t then_ns)
{
    if (atomic_load_explicit(&forgotten->latest_ns, memory_order_acquire) < then_ns) {
        return false;
    }
    pthread_mutex_lock(&forgotten->lock);
    bool found = false;
    size_t back = 0; /* that so many of the newest were looked at */
    for (; !found && back < forgotten->count && back < PC_FORGOTTEN_KEYS; back++) {
        size_t place = (forgotten->count - 1 - back) % PC_FORGOTTEN_KEYS;
        if (forgotten->keys[place].at_ns < then_ns) {
            break;
        }
        found = is_among(&forgotten->keys[place].key, keys, count);
    }
    /* All that are kept are from later: there may have been more. */
    found = found || (back == PC_FORGOTTEN_KEYS && forgotten->count > PC_FORGOTTEN_KEYS);
    pthread_mutex_unlock(&forgotten->lock);
    return found;
}
