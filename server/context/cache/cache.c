/* Records in shards, each with its own lock, queues and share of the bytes. */
#include "context/cache/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/cache/forgotten.h"
#include "context/cache/ghosts.h"
#include "context/cache/index.h"

enum {
    SHARDS_MAX = 64, /* a power of two */
    SHARD_BITS = 6,
    SHARD_BYTES_LEAST = 4 * 1024 * 1024,
    CHUNK_RECORDS = 256,
    CHUNKS_MAX = 16384,
    RECORDS_MAX = CHUNK_RECORDS * CHUNKS_MAX,
    POPULARITY_MAX = 3,
    POPULARITY_TO_STAY = 2, /* of newcomers: more than once */
    SMALL_PERCENT = 10,
    KEYS_BOUND_MAX = 16,
    TRIES_MAX = 4
};

typedef enum { QUEUE_NONE, QUEUE_SMALL, QUEUE_MAIN } queue_name;

/* References to records are their number within the shard, from 1. */
typedef struct {
    pc_slice *parts[PC_PART_COUNT];
    int64_t fetched_ns[PC_PART_COUNT]; /* 0: nothing is known of this part */
    pc_slice *made;                    /* of the parts; NULL: nothing */
    uint64_t variant;                  /* of what was made */
    uint32_t newer;                    /* in its queue; of a free one: the next free one */
    /* Of entries of the index that name it by keys of its own: changes whenever what the record
     * held is dropped. And by keys that its profile lists: changes also with the list. */
    atomic_uint_least32_t generation;
    atomic_uint_least32_t list_generation;
    uint32_t listed;      /* the sum of the keys that its profile lists */
    uint32_t fingerprint; /* of the key that it came with, for the ghosts */
    uint8_t queue : 2;
    uint8_t keys : 6; /* bound to it, about; 0: it is empty and waits for the end of its queue */
    uint8_t popularity : 2;
    uint8_t prefetched : PC_PART_COUNT; /* bit of each part that was, and that nobody was given */
    uint8_t nothing[PC_PART_COUNT];
} record;

typedef struct {
    _Atomic(record *) records; /* CHUNK_RECORDS of them */
} chunk;

typedef struct {
    uint32_t newest;
    uint32_t oldest;
    size_t bytes;
} queue;

typedef struct {
    pthread_mutex_t lock; /* guards all that follows; generations are also read without */
    chunk *chunks;
    uint32_t records; /* ever made */
    uint32_t free;
    queue queues[3];
    pc_ghosts ghosts;
    size_t live;
    size_t evicted;
    size_t prefetched;
    size_t prefetched_given;
    size_t prefetched_wasted;
} shard;

struct pc_cache {
    pc_cache_index *index;
    pc_forgotten forgotten;
    size_t shard_count;
    size_t shard_bytes_max;
    shard shards[SHARDS_MAX];
};

/* ---- records --------------------------------------------------------------------------------- */

static shard *shard_of(pc_cache *cache, uint32_t id)
{
    return &cache->shards[(id - 1) & (SHARDS_MAX - 1)];
}

static uint32_t number_of(uint32_t id)
{
    return ((id - 1) >> SHARD_BITS) + 1;
}

static uint32_t id_of(const pc_cache *cache, const shard *s, uint32_t number)
{
    return ((number - 1) << SHARD_BITS | (uint32_t)(s - cache->shards)) + 1;
}

static record *record_at(const shard *s, uint32_t number)
{
    const chunk *c = &s->chunks[(number - 1) / CHUNK_RECORDS];
    return &atomic_load_explicit(&c->records, memory_order_acquire)[(number - 1) % CHUNK_RECORDS];
}

static uint32_t generation_of(const record *r, bool own)
{
    return atomic_load_explicit(own ? &r->generation : &r->list_generation, memory_order_acquire);
}

static bool is_live(void *self, pc_cache_ref ref)
{
    pc_cache *cache = self;
    const record *r = record_at(shard_of(cache, ref.id), number_of(ref.id));
    return generation_of(r, ref.own) == ref.generation;
}

/* A free record's number; 0 when there is no memory for one. */
static uint32_t take_record(shard *s)
{
    uint32_t number = s->free;
    if (number != 0) {
        s->free = record_at(s, number)->newer;
        return number;
    }
    if (s->records % CHUNK_RECORDS == 0) {
        record *fresh = s->records == RECORDS_MAX ? NULL : calloc(CHUNK_RECORDS, sizeof(record));
        if (fresh == NULL) {
            return 0;
        }
        atomic_store_explicit(&s->chunks[s->records / CHUNK_RECORDS].records, fresh,
                              memory_order_release);
    }
    return ++s->records;
}

static size_t charge_of(const record *r)
{
    size_t bytes = sizeof *r + (size_t)r->keys * PC_CACHE_INDEX_KEY_BYTES;
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        if (r->parts[kind] != NULL) {
            bytes += pc_slice_memory(pc_slice_size(r->parts[kind]));
        }
    }
    if (r->made != NULL) {
        bytes += pc_slice_memory(pc_slice_size(r->made));
    }
    return bytes;
}

/* To be called around each change of a queued record: with -1 before and 1 after it. */
static void count_bytes(shard *s, const record *r, int sign)
{
    s->queues[r->queue].bytes += sign > 0 ? charge_of(r) : -charge_of(r);
}

static void drop_made(record *r)
{
    pc_slice_unref(r->made);
    r->made = NULL;
}

/* ---- queues, under the lock ------------------------------------------------------------------ */

static void enqueue(shard *s, uint32_t number, queue_name name)
{
    record *r = record_at(s, number);
    queue *q = &s->queues[name];
    r->queue = (uint8_t)(name & 3);
    r->newer = 0;
    if (q->newest != 0) {
        record_at(s, q->newest)->newer = number;
    } else {
        q->oldest = number;
    }
    q->newest = number;
    count_bytes(s, r, 1);
}

/* Takes the oldest off. */
static uint32_t dequeue(shard *s, queue_name name)
{
    queue *q = &s->queues[name];
    uint32_t number = q->oldest;
    record *r = record_at(s, number);
    count_bytes(s, r, -1);
    q->oldest = r->newer;
    if (q->oldest == 0) {
        q->newest = 0;
    }
    r->queue = QUEUE_NONE;
    return number;
}

/* Takes the mark of a prefetched part off, and counts what has become of it. */
static void end_prefetched(record *r, pc_part_kind kind, size_t *outcome)
{
    unsigned mark = 1u << kind;
    if ((r->prefetched & mark) != 0) {
        r->prefetched &= (uint8_t)~mark & ((1u << PC_PART_COUNT) - 1);
        ++*outcome;
    }
}

/* Drops what a record holds. */
static void clear_record(shard *s, record *r)
{
    /* From here on every entry of the index that names it is dead. */
    atomic_fetch_add_explicit(&r->generation, 1, memory_order_release);
    atomic_fetch_add_explicit(&r->list_generation, 1, memory_order_release);
    r->listed = 0;
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        end_prefetched(r, (pc_part_kind)kind, &s->prefetched_wasted);
        pc_slice_unref(r->parts[kind]);
        r->parts[kind] = NULL;
        r->fetched_ns[kind] = 0;
        r->nothing[kind] = PC_NOTHING_NOT;
    }
    drop_made(r);
    r->keys = 0;
    r->popularity = 0;
    s->live--;
}

static void free_record(shard *s, uint32_t number)
{
    record *r = record_at(s, number);
    r->newer = s->free;
    s->free = number;
}

/* Of one that has left its queue. */
static void evict(shard *s, uint32_t number)
{
    record *r = record_at(s, number);
    if (r->keys > 0) {
        clear_record(s, r);
        s->evicted++;
    }
    free_record(s, number);
}

static void evict_small(shard *s)
{
    uint32_t number = dequeue(s, QUEUE_SMALL);
    record *r = record_at(s, number);
    if (r->popularity >= POPULARITY_TO_STAY) {
        r->popularity = 0;
        enqueue(s, number, QUEUE_MAIN);
        return;
    }
    if (r->keys > 0) {
        pc_ghosts_add(&s->ghosts, r->fingerprint, s->live);
    }
    evict(s, number);
}

static void evict_main(shard *s)
{
    uint32_t number = dequeue(s, QUEUE_MAIN);
    record *r = record_at(s, number);
    if (r->popularity > 0) {
        r->popularity--;
        enqueue(s, number, QUEUE_MAIN);
        return;
    }
    evict(s, number);
}

static size_t bytes_of(const shard *s)
{
    return s->queues[QUEUE_SMALL].bytes + s->queues[QUEUE_MAIN].bytes;
}

static void make_room(pc_cache *cache, shard *s)
{
    size_t most = cache->shard_bytes_max;
    while (bytes_of(s) > most) {
        bool small_is_large = s->queues[QUEUE_SMALL].bytes > most / 100 * SMALL_PERCENT;
        if (s->queues[QUEUE_SMALL].oldest != 0 &&
            (small_is_large || s->queues[QUEUE_MAIN].oldest == 0)) {
            evict_small(s);
        } else {
            evict_main(s);
        }
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The live record of a reference with its shard locked, or NULL and not locked. */
static record *lock_record(pc_cache *cache, pc_cache_ref ref, shard **out)
{
    if (ref.id == 0) {
        return NULL;
    }
    shard *s = shard_of(cache, ref.id);
    pthread_mutex_lock(&s->lock);
    record *r = record_at(s, number_of(ref.id));
    if (generation_of(r, ref.own) != ref.generation) {
        pthread_mutex_unlock(&s->lock);
        return NULL;
    }
    *out = s;
    return r;
}

bool pc_cache_get(pc_cache *cache, const pc_cache_key *key, pc_part_kind kind, bool counts,
                  pc_cached *out)
{
    shard *s;
    const pc_cache_ref found = pc_cache_index_find(cache->index, key);
    record *r = lock_record(cache, found, &s);
    if (r == NULL) {
        return false;
    }
    bool known = r->fetched_ns[kind] != 0;
    if (known) {
        *out = (pc_cached){.part = pc_slice_ref(r->parts[kind]),
                           .nothing = (pc_nothing)r->nothing[kind],
                           .fetched_ns = r->fetched_ns[kind],
                           .prefetched = (r->prefetched >> kind & 1) != 0,
                           .listed_ns = found.own ? 0 : r->fetched_ns[PC_PART_PROFILE],
                           .popular = r->popularity >= POPULARITY_TO_STAY};
        if (counts && r->popularity < POPULARITY_MAX) {
            r->popularity++;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return known;
}

void pc_cache_note_given(pc_cache *cache, const pc_cache_key *key, pc_part_kind kind)
{
    shard *s;
    record *r = lock_record(cache, pc_cache_index_find(cache->index, key), &s);
    if (r != NULL) {
        end_prefetched(r, kind, &s->prefetched_given);
        pthread_mutex_unlock(&s->lock);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A record that is written, with its shard locked. */
typedef struct {
    shard *shard;
    record *record;
    uint32_t id;
    unsigned own; /* bit i: keys[i] is one of its own */
} written;

static pc_cache_ref ref_to(const written *w, bool own)
{
    return (pc_cache_ref){w->id, own, generation_of(w->record, own)};
}

/* A record for a person who has none. False without memory, and when another thread was first: then
 * `*lost` is set. The key is bound before the lock is given back, so that of two parts that arrive
 * together both go to one record. */
static bool new_record(written *out, pc_cache *cache, const pc_cache_key *key, bool *lost)
{
    shard *s = &cache->shards[key->low % cache->shard_count];
    *lost = false;
    pthread_mutex_lock(&s->lock);
    uint32_t number = take_record(s);
    if (number == 0) {
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    record *r = record_at(s, number);
    *out = (written){s, r, id_of(cache, s, number), 1};
    const pc_cache_ref ref = ref_to(out, true);
    const pc_cache_ref bound = pc_cache_index_bind(cache->index, key, ref, true);
    if (bound.id != ref.id || bound.generation != ref.generation) {
        *lost = bound.id != 0;
        free_record(s, number);
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    r->fingerprint = (uint32_t)(key->low >> 32) | 1;
    r->keys = 1;
    s->live++;
    enqueue(s, number, pc_ghosts_take(&s->ghosts, r->fingerprint) ? QUEUE_MAIN : QUEUE_SMALL);
    return true;
}

/* The record that a key leads to, if it is that of the person whom all the keys name: a key that
 * the record only lists may name somebody else by now, unless one of the record's own is among
 * them. */
static bool find_record(written *out, pc_cache *cache, const pc_cache_key *keys, size_t count,
                        const pc_cache_key *key)
{
    const pc_cache_ref found = pc_cache_index_find(cache->index, key);
    shard *s;
    record *r = lock_record(cache, found, &s);
    if (r == NULL) {
        return false;
    }
    *out = (written){.shard = s, .record = r, .id = found.id};
    for (size_t i = 0; i < count; i++) {
        const pc_cache_ref other = pc_cache_index_find(cache->index, &keys[i]);
        bool own = other.own && other.id == out->id && other.generation == generation_of(r, true);
        out->own |= own ? 1u << i : 0;
    }
    if (out->own == 0) {
        pthread_mutex_unlock(&s->lock);
    }
    return out->own != 0;
}

/* The record of a person whom each of the `sure` keys names; false without memory. */
static bool record_for(written *out, pc_cache *cache, const pc_cache_key *keys, size_t count,
                       size_t sure)
{
    bool found = false;
    bool again = true;
    /* Who loses finds the winner's record, unless that has left already. */
    for (int tries = 0; !found && again && tries < TRIES_MAX; tries++) {
        for (size_t i = 0; i < sure && !found; i++) {
            found = find_record(out, cache, keys, count, &keys[i]);
        }
        found = found || new_record(out, cache, &keys[0], &again);
    }
    unsigned sure_keys = (1u << sure) - 1;
    if (found && (out->own & sure_keys) != 0) {
        out->own |= sure_keys;
    }
    return found;
}

static void set_part(shard *s, record *r, pc_part_kind kind, const pc_cached *data)
{
    end_prefetched(r, kind, &s->prefetched_wasted);
    if (data->prefetched) {
        r->prefetched |= (uint8_t)(1u << kind) & ((1u << PC_PART_COUNT) - 1);
        s->prefetched++;
    }
    pc_slice_unref(r->parts[kind]);
    r->parts[kind] = pc_slice_ref(data->part);
    drop_made(r);
    r->nothing[kind] = (uint8_t)data->nothing;
    r->fetched_ns[kind] = data->fetched_ns;
}

/* What a new profile no longer lists does not lead to it any more. */
static void set_list(record *r, const pc_cache_key *keys, size_t count)
{
    uint32_t listed = 0;
    for (size_t i = 0; i < count; i++) {
        listed += (uint32_t)keys[i].low;
    }
    if (listed != r->listed) {
        r->listed = listed;
        atomic_fetch_add_explicit(&r->list_generation, 1, memory_order_release);
    }
}

static void forget_record(pc_cache *cache, pc_cache_ref ref)
{
    shard *s;
    record *r = lock_record(cache, ref, &s);
    if (r != NULL) {
        count_bytes(s, r, -1);
        clear_record(s, r);
        count_bytes(s, r, 1);
        pthread_mutex_unlock(&s->lock);
    }
}

/* Of what is older than data that cannot be kept: it would be given although there is newer. */
static void drop_part(pc_cache *cache, const pc_cache_key *key, pc_part_kind kind,
                      int64_t fetched_ns)
{
    const pc_cached none = {.part = NULL};
    shard *s;
    record *r = lock_record(cache, pc_cache_index_find(cache->index, key), &s);
    if (r == NULL) {
        return;
    }
    if (fetched_ns >= r->fetched_ns[kind]) {
        count_bytes(s, r, -1);
        set_part(s, r, kind, &none);
        count_bytes(s, r, 1);
    }
    pthread_mutex_unlock(&s->lock);
}

void pc_cache_put(pc_cache *cache, const pc_cache_key *keys, size_t count, size_t sure,
                  pc_part_kind kind, const pc_cached *data)
{
    if (data->part != NULL &&
        pc_slice_memory(pc_slice_size(data->part)) > cache->shard_bytes_max / 2) {
        drop_part(cache, &keys[0], kind, data->fetched_ns);
        return;
    }
    count = count < KEYS_BOUND_MAX ? count : KEYS_BOUND_MAX;
    written w;
    if (pc_forgotten_since(&cache->forgotten, keys, count, data->fetched_ns) ||
        !record_for(&w, cache, keys, count, sure)) {
        return;
    }
    record *r = w.record;
    count_bytes(w.shard, r, -1);
    if (data->fetched_ns >= r->fetched_ns[kind]) {
        set_part(w.shard, r, kind, data);
        if (kind == PC_PART_PROFILE) {
            set_list(r, keys + sure, count - sure);
        }
    } else {
        count = sure;
    }
    r->keys = (uint8_t)(r->keys > count ? r->keys : count) & 63;
    const pc_cache_ref own = ref_to(&w, true);
    const pc_cache_ref listed = ref_to(&w, false);
    count_bytes(w.shard, r, 1);
    make_room(cache, w.shard);
    pthread_mutex_unlock(&w.shard->lock);
    /* The record may have left by now: then nothing is bound. */
    for (size_t i = 0; i < count; i++) {
        bool is_own = (w.own >> i & 1) != 0;
        (void)pc_cache_index_bind(cache->index, &keys[i], is_own ? own : listed, !is_own);
    }
    /* Who forgets notes it first and then looks for the record, so one of the two sees the other.
     */
    if (pc_forgotten_since(&cache->forgotten, keys, count, data->fetched_ns)) {
        forget_record(cache, own);
    }
}

void pc_cache_replace(pc_cache *cache, const pc_cache_key *key, pc_part_kind kind,
                      const pc_slice *part, pc_slice *better)
{
    shard *s;
    record *r = lock_record(cache, pc_cache_index_find(cache->index, key), &s);
    if (r == NULL) {
        return;
    }
    if (r->parts[kind] == part) {
        count_bytes(s, r, -1);
        pc_slice_unref(r->parts[kind]);
        r->parts[kind] = pc_slice_ref(better);
        drop_made(r);
        count_bytes(s, r, 1);
        make_room(cache, s);
    }
    pthread_mutex_unlock(&s->lock);
}

static bool has_parts(const record *r, pc_slice *const parts[PC_PART_COUNT])
{
    bool same = true;
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        same = same && parts[kind] == r->parts[kind];
    }
    return same;
}

pc_slice *pc_cache_get_made(pc_cache *cache, const pc_cache_key *key, uint64_t variant,
                            pc_slice *const parts[PC_PART_COUNT])
{
    shard *s;
    record *r = lock_record(cache, pc_cache_index_find(cache->index, key), &s);
    if (r == NULL) {
        return NULL;
    }
    bool good = r->made != NULL && r->variant == variant && has_parts(r, parts);
    pc_slice *made = good ? pc_slice_ref(r->made) : NULL;
    pthread_mutex_unlock(&s->lock);
    return made;
}

void pc_cache_put_made(pc_cache *cache, const pc_cache_key *key, uint64_t variant,
                       pc_slice *const parts[PC_PART_COUNT], pc_slice *made)
{
    shard *s;
    record *r = lock_record(cache, pc_cache_index_find(cache->index, key), &s);
    if (r == NULL) {
        return;
    }
    if (has_parts(r, parts)) {
        count_bytes(s, r, -1);
        drop_made(r);
        r->made = pc_slice_ref(made);
        r->variant = variant;
        count_bytes(s, r, 1);
        make_room(cache, s);
    }
    pthread_mutex_unlock(&s->lock);
}

void pc_cache_forget(pc_cache *cache, const pc_cache_key *key, int64_t now_ns)
{
    pc_forgotten_add(&cache->forgotten, key, now_ns);
    forget_record(cache, pc_cache_index_find(cache->index, key));
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_cache_new(pc_cache **out, size_t bytes_max)
{
    *out = NULL;
    pc_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        return pc_status_out_of_memory();
    }
    size_t shards = bytes_max / SHARD_BYTES_LEAST;
    cache->shard_count = shards < 1 ? 1 : shards > SHARDS_MAX ? SHARDS_MAX : shards;
    cache->shard_bytes_max = bytes_max / cache->shard_count;
    pc_forgotten_init(&cache->forgotten);
    pc_status status = pc_cache_index_new(&cache->index, is_live, cache);
    for (size_t i = 0; i < cache->shard_count; i++) {
        pthread_mutex_init(&cache->shards[i].lock, NULL);
        /* Untouched pages of it take no memory. */
        cache->shards[i].chunks = calloc(CHUNKS_MAX, sizeof *cache->shards[i].chunks);
        if (cache->shards[i].chunks == NULL && pc_status_ok(&status)) {
            status = pc_status_out_of_memory();
        }
    }
    if (!pc_status_ok(&status)) {
        pc_cache_free(cache);
        return status;
    }
    *out = cache;
    return PC_OK;
}

static void free_shard(shard *s)
{
    for (uint32_t number = 1; number <= s->records; number++) {
        record *r = record_at(s, number);
        for (int kind = 0; kind < PC_PART_COUNT; kind++) {
            pc_slice_unref(r->parts[kind]);
        }
        pc_slice_unref(r->made);
    }
    for (uint32_t first = 0; first < s->records; first += CHUNK_RECORDS) {
        free(atomic_load_explicit(&s->chunks[first / CHUNK_RECORDS].records, memory_order_relaxed));
    }
    free(s->chunks);
    pc_ghosts_deinit(&s->ghosts);
    pthread_mutex_destroy(&s->lock);
}

void pc_cache_free(pc_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < cache->shard_count; i++) {
        free_shard(&cache->shards[i]);
    }
    pc_cache_index_free(cache->index);
    pc_forgotten_deinit(&cache->forgotten);
    free(cache);
}

pc_cache_figures pc_cache_count(pc_cache *cache)
{
    pc_cache_figures figures = {0};
    for (size_t i = 0; i < cache->shard_count; i++) {
        shard *s = &cache->shards[i];
        pthread_mutex_lock(&s->lock);
        figures.records += s->live;
        figures.evicted += s->evicted;
        figures.bytes += bytes_of(s);
        figures.prefetched += s->prefetched;
        figures.prefetched_given += s->prefetched_given;
        figures.prefetched_wasted += s->prefetched_wasted;
        pthread_mutex_unlock(&s->lock);
    }
    return figures;
}
