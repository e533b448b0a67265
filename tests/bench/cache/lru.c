#include "lru.h"

#include <stdlib.h>

/* As in our cache, so that both fetch ahead for the same persons. */
enum { POPULARITY_MAX = 3, POPULAR = 2 };

typedef struct {
    uint32_t newer; /* in the list; 0 is its head */
    uint32_t older;
    size_t bytes; /* 0: not remembered */
    size_t part_bytes[PC_PART_COUNT];
    int64_t fetched_ns[PC_PART_COUNT]; /* 0: not of this part */
    int popularity;
} node;

/* Node 0 is the head of a ring; person n has node n + 1. */
struct lru {
    size_t bytes_max;
    size_t overhead;
    size_t bytes;
    node nodes[];
};

lru *lru_new(uint32_t count, size_t bytes_max, size_t overhead)
{
    lru *cache = calloc(1, sizeof *cache + (count + 1) * sizeof(node));
    if (cache != NULL) {
        cache->bytes_max = bytes_max;
        cache->overhead = overhead;
    }
    return cache;
}

void lru_free(lru *cache)
{
    free(cache);
}

static void unlink_node(lru *cache, const node *n)
{
    cache->nodes[n->newer].older = n->older;
    cache->nodes[n->older].newer = n->newer;
}

static void link_newest(lru *cache, uint32_t at)
{
    node *head = &cache->nodes[0];
    cache->nodes[at].newer = 0;
    cache->nodes[at].older = head->older;
    cache->nodes[head->older].newer = at;
    head->older = at;
}

bool lru_get(lru *cache, uint32_t person, pc_part_kind kind, pc_cached *out)
{
    node *n = &cache->nodes[person + 1];
    if (n->fetched_ns[kind] == 0) {
        return false;
    }
    *out = (pc_cached){.fetched_ns = n->fetched_ns[kind], .popular = n->popularity >= POPULAR};
    n->popularity += n->popularity < POPULARITY_MAX;
    unlink_node(cache, n);
    link_newest(cache, person + 1);
    return true;
}

void lru_put(lru *cache, uint32_t person, pc_part_kind kind, size_t size, int64_t now_ns)
{
    node *n = &cache->nodes[person + 1];
    if (n->bytes == 0) {
        n->bytes = cache->overhead;
        cache->bytes += n->bytes;
    } else {
        unlink_node(cache, n);
    }
    link_newest(cache, person + 1);
    const size_t taken = pc_slice_memory(size);
    cache->bytes += taken - n->part_bytes[kind];
    n->bytes += taken - n->part_bytes[kind];
    n->part_bytes[kind] = taken;
    n->fetched_ns[kind] = now_ns;
    while (cache->bytes > cache->bytes_max) {
        node *oldest = &cache->nodes[cache->nodes[0].newer];
        unlink_node(cache, oldest);
        cache->bytes -= oldest->bytes;
        *oldest = (node){0};
    }
}
