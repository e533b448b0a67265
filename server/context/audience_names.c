/* A chained hash table; a list in order of arrival says who makes room. */
#include "context/audience_names.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/short_bytes.h"

enum { BUCKETS = 4096 };

typedef struct entry {
    struct entry *next_in_bucket;
    struct entry *newer;
    int64_t expires_ns;
    const char *id;         /* behind the sandbox, in texts */
    pc_segment_words words; /* behind it; a name of NULL: there is none */
    char texts[];           /* sandbox, id, name, description */
} entry;

struct pc_audience_names {
    pthread_mutex_t lock; /* guards: buckets, oldest, newest, count */
    entry *buckets[BUCKETS];
    entry *oldest;
    entry *newest;
    size_t count;
    size_t entries_max;
    int64_t ttl_ms;
    int64_t missing_ttl_ms;
};

/* Eight bytes at a time, as this is done for each segment of a profile. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t size = left < sizeof hash ? left : sizeof hash;
        hash = (hash ^ pc_short_bytes(text, size)) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
        text += size;
        left -= size;
    }
    return hash * 0x9e3779b97f4a7c15u;
}

static size_t bucket_of(const char *sandbox, const char *id)
{
    return (hash_text(hash_text(0, sandbox), id) >> 32) % BUCKETS;
}

static entry **find(pc_audience_names *names, const char *sandbox, const char *id)
{
    entry **link = &names->buckets[bucket_of(sandbox, id)];
    while (*link != NULL &&
           (strcmp((*link)->texts, sandbox) != 0 || strcmp((*link)->id, id) != 0)) {
        link = &(*link)->next_in_bucket;
    }
    return link;
}

pc_status pc_audience_names_new(pc_audience_names **out, size_t entries_max, int64_t ttl_ms,
                                int64_t missing_ttl_ms)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_mutex_init(&(*out)->lock, NULL);
    (*out)->entries_max = entries_max;
    (*out)->ttl_ms = ttl_ms;
    (*out)->missing_ttl_ms = missing_ttl_ms;
    return PC_OK;
}

void pc_audience_names_free(pc_audience_names *names)
{
    if (names == NULL) {
        return;
    }
    for (entry *e = names->oldest; e != NULL;) {
        entry *newer = e->newer;
        free(e);
        e = newer;
    }
    pthread_mutex_destroy(&names->lock);
    free(names);
}

static const char *copy(pc_arena *arena, const char *text)
{
    return text == NULL ? NULL : pc_arena_strndup(arena, text, strlen(text));
}

pc_name_verdict pc_audience_names_get(pc_audience_names *names, const char *sandbox, const char *id,
                                      int64_t now_ns, pc_arena *arena, pc_segment_words *out)
{
    *out = (pc_segment_words){NULL, NULL};
    pc_name_verdict verdict = PC_NAME_UNKNOWN;
    pthread_mutex_lock(&names->lock);
    const entry *e = *find(names, sandbox, id);
    if (e != NULL && e->expires_ns > now_ns) {
        if (e->words.name == NULL) {
            verdict = PC_NAME_NONE;
        } else {
            out->name = copy(arena, e->words.name);
            out->description = copy(arena, e->words.description);
            verdict = out->name == NULL ? PC_NAME_NONE : PC_NAME_KNOWN;
        }
    }
    pthread_mutex_unlock(&names->lock);
    return verdict;
}

/* Under the lock. */
static void drop_oldest(pc_audience_names *names)
{
    entry *e = names->oldest;
    names->oldest = e->newer;
    if (names->oldest == NULL) {
        names->newest = NULL;
    }
    entry **link = &names->buckets[bucket_of(e->texts, e->id)];
    while (*link != e) {
        link = &(*link)->next_in_bucket;
    }
    *link = e->next_in_bucket;
    names->count--;
    free(e);
}

static size_t bytes_of(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

/* Appends a text at `*at`; NULL stays NULL. */
static const char *put_text(char **at, const char *text)
{
    size_t size = bytes_of(text);
    char *start = *at;
    if (size == 0) {
        return NULL;
    }
    memcpy(start, text, size);
    *at += size;
    return start;
}

static entry *make_entry(const char *sandbox, const char *id, const pc_segment_words *words)
{
    entry *e = malloc(sizeof *e + bytes_of(sandbox) + bytes_of(id) + bytes_of(words->name) +
                      bytes_of(words->description));
    if (e == NULL) {
        return NULL;
    }
    *e = (entry){.id = NULL};
    char *at = e->texts;
    (void)put_text(&at, sandbox);
    e->id = put_text(&at, id);
    e->words.name = put_text(&at, words->name);
    e->words.description = put_text(&at, words->description);
    return e;
}

void pc_audience_names_put(pc_audience_names *names, const char *sandbox, const char *id,
                           const pc_segment_words *words, int64_t now_ns)
{
    entry *fresh = make_entry(sandbox, id, words);
    if (fresh == NULL || names->entries_max == 0) {
        free(fresh);
        return;
    }
    fresh->expires_ns =
        pc_clock_after_ms(now_ns, words->name == NULL ? names->missing_ttl_ms : names->ttl_ms);
    pthread_mutex_lock(&names->lock);
    while (names->count >= names->entries_max) {
        drop_oldest(names);
    }
    /* In front of its bucket, so that it hides an older entry of the same id until that one is
     * dropped in its turn. */
    entry **bucket = &names->buckets[bucket_of(sandbox, id)];
    fresh->next_in_bucket = *bucket;
    *bucket = fresh;
    if (names->newest == NULL) {
        names->oldest = fresh;
    } else {
        names->newest->newer = fresh;
    }
    names->newest = fresh;
    names->count++;
    pthread_mutex_unlock(&names->lock);
}
