/* Many small open-addressing tables, each with a lock, so that even a table's growth is short. */
#include "context/cache/index.h"

#include <pthread.h>
#include <stdlib.h>

enum { TABLES = 1024, TABLE_SHIFT = 54, LEAST_CAPACITY = 16 };

/* 96 bits of the key, the last 32 of which choose the place; the table says ten more. */
typedef struct {
    uint32_t tag[3];
    pc_cache_ref ref;
} entry;

typedef struct {
    pthread_mutex_t lock;
    entry *entries;
    uint32_t capacity;
    uint32_t used; /* places that are not empty, dead ones included */
} table;

struct pc_cache_index {
    pc_cache_is_live is_live;
    void *self;
    atomic_size_t capacity; /* of all tables */
    table tables[TABLES];
};

pc_status pc_cache_index_new(pc_cache_index **out, pc_cache_is_live is_live, void *self)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    (*out)->is_live = is_live;
    (*out)->self = self;
    for (size_t i = 0; i < TABLES; i++) {
        pthread_mutex_init(&(*out)->tables[i].lock, NULL);
    }
    return PC_OK;
}

void pc_cache_index_free(pc_cache_index *index)
{
    for (size_t i = 0; index != NULL && i < TABLES; i++) {
        free(index->tables[i].entries);
        pthread_mutex_destroy(&index->tables[i].lock);
    }
    free(index);
}

static table *table_of(pc_cache_index *index, const pc_cache_key *key)
{
    return &index->tables[key->high >> TABLE_SHIFT];
}

static entry make_entry(const pc_cache_key *key, pc_cache_ref ref)
{
    return (entry){{(uint32_t)key->low, (uint32_t)(key->low >> 32), (uint32_t)key->high}, ref};
}

static bool same_key(const entry *e, const entry *other)
{
    return e->tag[0] == other->tag[0] && e->tag[1] == other->tag[1] && e->tag[2] == other->tag[2];
}

static uint32_t first_place(const table *t, const entry *e)
{
    return (uint32_t)((uint64_t)e->tag[2] * t->capacity >> 32);
}

static uint32_t next_place(const table *t, uint32_t at)
{
    return at + 1 == t->capacity ? 0 : at + 1;
}

/* The entry of the same key, or NULL; `*free_out` becomes the place where it would be put. There is
 * always an empty place. Under the lock. */
static entry *find(const table *t, const entry *wanted, entry **free_out)
{
    *free_out = NULL;
    if (t->capacity == 0) {
        return NULL;
    }
    uint32_t at = first_place(t, wanted);
    while (t->entries[at].ref.id != 0) {
        if (same_key(&t->entries[at], wanted)) {
            return &t->entries[at];
        }
        at = next_place(t, at);
    }
    *free_out = &t->entries[at];
    return NULL;
}

pc_cache_ref pc_cache_index_find(pc_cache_index *index, const pc_cache_key *key)
{
    const entry wanted = make_entry(key, (pc_cache_ref){0});
    entry *place;
    table *t = table_of(index, key);
    pthread_mutex_lock(&t->lock);
    const entry *e = find(t, &wanted, &place);
    pc_cache_ref ref = e == NULL ? (pc_cache_ref){0} : e->ref;
    pthread_mutex_unlock(&t->lock);
    return ref;
}

/* ---- binding, under the lock ----------------------------------------------------------------- */

static size_t count_live(const pc_cache_index *index, const table *t)
{
    size_t live = 0;
    for (uint32_t at = 0; at < t->capacity; at++) {
        live += t->entries[at].ref.id != 0 && index->is_live(index->self, t->entries[at].ref);
    }
    return live;
}

/* Makes room by leaving the dead behind, in a table that is then three quarters full at most. */
static bool rebuild(pc_cache_index *index, table *t)
{
    size_t capacity = (count_live(index, t) + 1) * 4 / 3 + LEAST_CAPACITY;
    entry *entries = capacity > UINT32_MAX ? NULL : calloc(capacity, sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    const table old = *t;
    t->entries = entries;
    t->capacity = (uint32_t)capacity;
    t->used = 0;
    for (uint32_t at = 0; at < old.capacity; at++) {
        const entry *e = &old.entries[at];
        entry *place;
        if (e->ref.id != 0 && index->is_live(index->self, e->ref) && find(t, e, &place) == NULL) {
            *place = *e;
            t->used++;
        }
    }
    free(old.entries);
    atomic_fetch_add_explicit(&index->capacity, capacity - old.capacity, memory_order_relaxed);
    return true;
}

pc_cache_ref pc_cache_index_bind(pc_cache_index *index, const pc_cache_key *key, pc_cache_ref ref,
                                 bool keep)
{
    const entry fresh = make_entry(key, ref);
    entry *place;
    table *t = table_of(index, key);
    pthread_mutex_lock(&t->lock);
    entry *e = find(t, &fresh, &place);
    bool fit = index->is_live(index->self, ref);
    if (e == NULL && fit && t->used >= t->capacity - t->capacity / 8) {
        /* An eighth stays empty, so that searches end soon. */
        place = NULL;
        if (rebuild(index, t)) {
            (void)find(t, &fresh, &place);
        }
    }
    if (e == NULL && fit && place != NULL) {
        *place = fresh;
        t->used++;
        e = place;
    } else if (e != NULL && fit &&
               (!keep || (ref.own && !e->ref.own) || !index->is_live(index->self, e->ref))) {
        e->ref = ref;
    }
    pc_cache_ref bound = e == NULL ? (pc_cache_ref){0} : e->ref;
    pthread_mutex_unlock(&t->lock);
    return bound;
}

size_t pc_cache_index_bytes(const pc_cache_index *index)
{
    return sizeof *index +
           atomic_load_explicit(&index->capacity, memory_order_relaxed) * sizeof(entry);
}
