/* Counting, see stats.h. */
#include "stats.h"

#include "clock.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECENT_MAX = 100, TEXT_MAX = 2000, STATUS_MAX = 600 };

static const char *const names[SBX_OP_COUNT] = {
    "token",       "profile",  "profileBatch",  "events",   "eventsBatch",   "account",
    "opportunity", "delete",   "audiences",     "audience", "audiencesBulk", "mergePolicies",
    "namespaces",  "identity", "identityGraph", "unknown",
};

struct count {
    int64_t requests;
    int64_t items;
    int64_t statuses[STATUS_MAX]; /* by status, 0 for unanswered */
};

struct recent {
    enum sbx_operation operation;
    char *method;
    char *path;
    char *query;
    unsigned status;
    const char *fault;
    int64_t at_ms;
    int64_t took_ms;
};

struct sbx_stats {
    pthread_mutex_t lock; /* guards everything below */
    int64_t since_ms;
    int64_t in_flight;
    int64_t most_in_flight;
    struct count counts[SBX_OP_COUNT];
    struct recent recent[RECENT_MAX];
    size_t recent_next;
    size_t recent_count;
};

sbx_stats *sbx_stats_new(void)
{
    sbx_stats *stats = sbx_alloc(sizeof(*stats));
    pthread_mutex_init(&stats->lock, NULL);
    stats->since_ms = sbx_clock_now();
    return stats;
}

static void forget(struct recent *recent)
{
    free(recent->method);
    free(recent->path);
    free(recent->query);
    *recent = (struct recent){0};
}

void sbx_stats_free(sbx_stats *stats)
{
    if (stats == NULL) {
        return;
    }
    for (size_t i = 0; i < RECENT_MAX; i++) {
        forget(&stats->recent[i]);
    }
    pthread_mutex_destroy(&stats->lock);
    free(stats);
}

const char *sbx_operation_name(enum sbx_operation operation)
{
    return operation < SBX_OP_COUNT ? names[operation] : "admin";
}

void sbx_stats_begin(sbx_stats *stats, enum sbx_operation operation, size_t items)
{
    if (operation >= SBX_OP_COUNT) {
        return;
    }
    pthread_mutex_lock(&stats->lock);
    stats->counts[operation].requests++;
    stats->counts[operation].items += (int64_t)items;
    stats->in_flight++;
    if (stats->in_flight > stats->most_in_flight) {
        stats->most_in_flight = stats->in_flight;
    }
    pthread_mutex_unlock(&stats->lock);
}

/* Bounded and plain ASCII, so that a hostile request can always be reported. */
static char *clip(const char *text)
{
    char *copy = sbx_copy_n(text, strnlen(text, TEXT_MAX));
    for (char *at = copy; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e) {
            *at = '?';
        }
    }
    return copy;
}

void sbx_stats_end(sbx_stats *stats, const struct sbx_stats_entry *entry)
{
    if (entry->operation >= SBX_OP_COUNT) {
        return;
    }
    struct recent fresh = {
        .operation = entry->operation,
        .method = clip(entry->method),
        .path = clip(entry->path),
        .query = clip(entry->query),
        .status = entry->status,
        .fault = entry->fault,
        .at_ms = entry->at_ms,
        .took_ms = entry->took_ms,
    };
    pthread_mutex_lock(&stats->lock);
    stats->in_flight--;
    struct count *count = &stats->counts[entry->operation];
    count->statuses[entry->status < STATUS_MAX ? entry->status : 0]++;
    struct recent *slot = &stats->recent[stats->recent_next];
    struct recent old = *slot;
    *slot = fresh;
    stats->recent_next = (stats->recent_next + 1) % RECENT_MAX;
    stats->recent_count += stats->recent_count < RECENT_MAX ? 1 : 0;
    pthread_mutex_unlock(&stats->lock);
    forget(&old);
}

void sbx_stats_reset(sbx_stats *stats)
{
    pthread_mutex_lock(&stats->lock);
    memset(stats->counts, 0, sizeof(stats->counts));
    for (size_t i = 0; i < RECENT_MAX; i++) {
        forget(&stats->recent[i]);
    }
    stats->recent_next = 0;
    stats->recent_count = 0;
    stats->most_in_flight = stats->in_flight;
    stats->since_ms = sbx_clock_now();
    pthread_mutex_unlock(&stats->lock);
}

static json_t *describe_count(const struct count *count)
{
    json_t *statuses = json_object();
    for (int status = 0; status < STATUS_MAX; status++) {
        if (count->statuses[status] > 0) {
            char key[8];
            snprintf(key, sizeof(key), "%d", status);
            json_object_set_new(statuses, key, json_integer(count->statuses[status]));
        }
    }
    return json_pack("{s:I, s:I, s:o}", "requests", (json_int_t)count->requests, "items",
                     (json_int_t)count->items, "statuses", statuses);
}

static json_t *describe_recent(const struct recent *recent)
{
    char at[SBX_TIME_SIZE];
    sbx_time_format(at, recent->at_ms, SBX_TIME_MILLIS);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:I}", "method", recent->method, "path",
                     recent->path, "query", recent->query, "operation", names[recent->operation],
                     "status", (int)recent->status, "fault", recent->fault, "at", at, "tookMs",
                     (json_int_t)recent->took_ms);
}

json_t *sbx_stats_get(sbx_stats *stats)
{
    pthread_mutex_lock(&stats->lock);
    char since[SBX_TIME_SIZE];
    sbx_time_format(since, stats->since_ms, SBX_TIME_MILLIS);
    json_t *operations = json_object();
    int64_t total = 0;
    for (size_t i = 0; i < SBX_OP_COUNT; i++) {
        total += stats->counts[i].requests;
        json_object_set_new(operations, names[i], describe_count(&stats->counts[i]));
    }
    json_t *recent = json_array();
    for (size_t i = 0; i < stats->recent_count; i++) {
        size_t slot = (stats->recent_next + RECENT_MAX - stats->recent_count + i) % RECENT_MAX;
        json_t *described = describe_recent(&stats->recent[slot]);
        if (described != NULL) {
            json_array_append_new(recent, described);
        }
    }
    json_t *out =
        json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "since", since, "requests", (json_int_t)total,
                  "inFlight", (json_int_t)stats->in_flight, "mostInFlight",
                  (json_int_t)stats->most_in_flight, "operations", operations, "recent", recent);
    pthread_mutex_unlock(&stats->lock);
    return out;
}
