/* Two stores of records take turns: one is filled by those who end calls, the other is made into
 * lines. So the lock is held for a copy of some hundred bytes, or for the exchange. */
#include "audit/trail.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/file.h"
#include "audit/record.h"
#include "util/clock.h"
#include "util/quotas.h"
#include "util/thread.h"

enum {
    STORE_BYTES = 4 * 1024 * 1024,
    FLUSH_BYTES = 64 * 1024,   /* so much is written at once */
    GATHER_MS = 10,            /* the writer waits this long for more after the first record */
    RETRY_MS = 1000,           /* between attempts when nothing can be written */
    ALARM_MS = 60000,          /* between alarms about the same trouble */
    LEFT_OUT_MS = 10000,       /* between lines that tell what was left out */
    ALL_SOURCES = 1,           /* stands for them in the quotas */
    ANCHOR_LINES = 10000,      /* at the latest, there is an anchor after so many lines, */
    ANCHOR_MS = 60 * 60 * 1000 /* or after so long */
};

typedef struct {
    uint8_t *bytes;
    size_t size;
} store;

struct pc_audit_trail {
    pc_audit_options options;
    pthread_t thread;

    pc_quotas *quotas; /* of sources */

    pthread_mutex_t lock; /* guards what follows, up to the counts */
    pthread_cond_t changed;
    store filling;
    bool idle; /* the writer waits for the first record */
    bool stopping;
    bool reopen;
    uint64_t dropped;    /* since the writer last took notice */
    uint64_t left_out;   /* likewise */
    bool knows_left_out; /* the writer, that there is some to tell of */

    /* For pc_audit_trail_count. */
    atomic_uint_least64_t lines;
    atomic_uint_least64_t dropped_ever;
    atomic_uint_least64_t left_out_ever;
    atomic_uint_least64_t failures;
    atomic_bool failing;

    /* The writer's own. */
    pc_audit_file *file;
    store taken;
    size_t taken_at; /* records before it are lines */
    uint64_t lost;   /* dropped, and not yet told in the trail */
    uint64_t untold; /* the same of those left out */
    int64_t told_ns;
    bool dirty; /* written, and not yet kept by the disk */
    int64_t synced_ns;
    int64_t anchored_ns;
    uint64_t since_anchor; /* lines */
    int64_t alarmed_ns;
    int64_t retry_ns;
};

/* ---- whoever ends calls ---------------------------------------------------------------------- */

/* Whether a record's source, and all of them, may have another line. */
static bool is_one_too_many(pc_audit_trail *trail, const pc_audit_access *access)
{
    double rate = trail->options.sourced_rate;
    if (access->source == 0 || rate == 0) {
        return false;
    }
    const pc_quota own = {rate / 10, rate};
    const pc_quota all = {rate, 10 * rate};
    int64_t now = pc_clock_now_ns();
    return pc_quotas_take(trail->quotas, access->source, &own, now) > 0 ||
           pc_quotas_take(trail->quotas, ALL_SOURCES, &all, now) > 0;
}

static void leave_out(pc_audit_trail *trail)
{
    atomic_fetch_add_explicit(&trail->left_out_ever, 1, memory_order_relaxed);
    pthread_mutex_lock(&trail->lock);
    trail->left_out++;
    if (trail->idle && !trail->knows_left_out) {
        trail->idle = false;
        pthread_cond_signal(&trail->changed);
    }
    pthread_mutex_unlock(&trail->lock);
}

void pc_audit_trail_put(pc_audit_trail *trail, const pc_audit_access *access)
{
    if (is_one_too_many(trail, access)) {
        leave_out(trail);
        return;
    }
    int64_t now_ms = pc_clock_wall_ms();
    pthread_mutex_lock(&trail->lock);
    store *to = &trail->filling;
    size_t size =
        pc_audit_record_pack(to->bytes + to->size, STORE_BYTES - to->size, access, now_ms);
    to->size += size;
    if (size == 0) {
        trail->dropped++;
    }
    /* Woken by the first record, and when a store fills fast. */
    if (trail->idle || (to->size > STORE_BYTES / 2 && to->size - size <= STORE_BYTES / 2)) {
        trail->idle = false;
        pthread_cond_signal(&trail->changed);
    }
    pthread_mutex_unlock(&trail->lock);
    if (size == 0) {
        atomic_fetch_add_explicit(&trail->dropped_ever, 1, memory_order_relaxed);
    }
}

void pc_audit_trail_reopen(pc_audit_trail *trail)
{
    pthread_mutex_lock(&trail->lock);
    trail->reopen = true;
    trail->idle = false;
    pthread_cond_signal(&trail->changed);
    pthread_mutex_unlock(&trail->lock);
}

pc_audit_figures pc_audit_trail_count(pc_audit_trail *trail)
{
    pthread_mutex_lock(&trail->lock);
    uint64_t waiting = trail->filling.size;
    pthread_mutex_unlock(&trail->lock);
    return (pc_audit_figures){
        .lines = atomic_load_explicit(&trail->lines, memory_order_relaxed),
        .dropped = atomic_load_explicit(&trail->dropped_ever, memory_order_relaxed),
        .left_out = atomic_load_explicit(&trail->left_out_ever, memory_order_relaxed),
        .failures = atomic_load_explicit(&trail->failures, memory_order_relaxed),
        .failing = atomic_load_explicit(&trail->failing, memory_order_relaxed),
        .waiting_bytes = waiting,
    };
}

/* ---- trouble --------------------------------------------------------------------------------- */

/* Tells of a failure, at once and then from time to time. Takes `status`. */
static void alarm_about(pc_audit_trail *t, const char *event, pc_status status)
{
    int64_t now = pc_clock_now_ns();
    atomic_fetch_add_explicit(&t->failures, 1, memory_order_relaxed);
    if (t->alarmed_ns == 0 || now - t->alarmed_ns > (int64_t)ALARM_MS * 1000000) {
        t->alarmed_ns = now;
        PC_LOG(t->options.log, PC_LOG_ERROR, event,
               pc_log_text("reason", pc_status_reason(&status)),
               pc_log_text("message", pc_status_message(&status)));
    }
    pc_status_clear(&status);
}

static void set_failing(pc_audit_trail *t, bool failing)
{
    if (!failing && atomic_load_explicit(&t->failing, memory_order_relaxed)) {
        PC_LOG(t->options.log, PC_LOG_WARN, "audit.recovered",
               pc_log_int("dropped", (int64_t)t->lost));
        t->alarmed_ns = 0;
    }
    atomic_store_explicit(&t->failing, failing, memory_order_relaxed);
}

static void count_lost(pc_audit_trail *t, uint64_t lost)
{
    t->lost += lost;
    atomic_fetch_add_explicit(&t->dropped_ever, lost, memory_order_relaxed);
}

/* Writes what waits. False when it cannot be written now. */
static bool flush(pc_audit_trail *t)
{
    size_t before = pc_audit_file_waiting(t->file);
    if (before == 0) {
        return true;
    }
    pc_status status = pc_audit_file_flush(t->file);
    t->dirty = true;
    bool written = pc_status_ok(&status);
    if (!written) {
        t->retry_ns = pc_clock_after_ms(pc_clock_now_ns(), RETRY_MS);
        alarm_about(t, "audit.failing", status);
    }
    set_failing(t, !written);
    return written;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool end_line(pc_audit_trail *t)
{
    if (!pc_audit_file_end(t->file)) {
        return false;
    }
    t->since_anchor++;
    atomic_fetch_add_explicit(&t->lines, 1, memory_order_relaxed);
    return true;
}

/* Anchors are in the log too, which others keep: who writes the trail anew cannot write that. */
static void put_anchor(pc_audit_trail *t, const char *why)
{
    pc_buffer *line = pc_audit_file_begin(t->file, PC_AUDIT_ANCHOR, pc_clock_wall_ms());
    pc_buffer_append_text(line, ",\"why\":\"");
    pc_buffer_append_text(line, why);
    pc_buffer_append_text(line, "\"");
    if (end_line(t)) {
        char hex[PC_AUDIT_HEX_BYTES];
        pc_audit_place place = pc_audit_file_place(t->file);
        pc_audit_hex(hex, place.hash);
        PC_LOG(t->options.log, PC_LOG_INFO, "audit.anchor", pc_log_text("why", why),
               pc_log_int("seq", (int64_t)place.sequence), pc_log_text("hash", hex));
        t->since_anchor = 0;
        t->anchored_ns = pc_clock_now_ns();
    }
}

/* Tells of lines that there are not. False when it cannot. */
static bool put_count(pc_audit_trail *t, pc_audit_event event, uint64_t count)
{
    char text[48];
    pc_buffer *line = pc_audit_file_begin(t->file, event, pc_clock_wall_ms());
    (void)snprintf(text, sizeof text, ",\"lines\":%" PRIu64, count);
    pc_buffer_append_text(line, text);
    return end_line(t);
}

static void put_dropped(pc_audit_trail *t)
{
    if (put_count(t, PC_AUDIT_DROPPED, t->lost)) {
        PC_LOG(t->options.log, PC_LOG_ERROR, "audit.dropped",
               pc_log_int("lines", (int64_t)t->lost));
        t->lost = 0;
    }
}

static int64_t left_out_due(const pc_audit_trail *t)
{
    return t->told_ns == 0 ? 0 : pc_clock_after_ms(t->told_ns, LEFT_OUT_MS);
}

static void put_left_out_when_due(pc_audit_trail *t, bool now)
{
    if (t->untold == 0 || (!now && pc_clock_now_ns() < left_out_due(t))) {
        return;
    }
    if (put_count(t, PC_AUDIT_LEFT_OUT, t->untold)) {
        PC_LOG(t->options.log, PC_LOG_WARN, "audit.left_out",
               pc_log_int("lines", (int64_t)t->untold));
        t->untold = 0;
    }
    t->told_ns = pc_clock_now_ns(); /* or tried to: what lacks now will not be there at once */
}

/* Makes lines of the records taken, as far as they can be written. */
static void make_lines(pc_audit_trail *t)
{
    while (t->taken_at < t->taken.size) {
        pc_audit_record *record = (void *)(t->taken.bytes + t->taken_at);
        size_t size = record->size;
        pc_buffer *line = pc_audit_file_begin(t->file, record->access.event, record->wall_ms);
        pc_audit_record_put(line, record, t->options.log);
        if (!end_line(t)) {
            count_lost(t, 1);
        }
        t->taken_at += size;
        OPENSSL_cleanse(record, size);
        if (pc_audit_file_waiting(t->file) >= FLUSH_BYTES && !flush(t)) {
            return;
        }
    }
    t->taken.size = 0;
    t->taken_at = 0;
}

static void begin_file(pc_audit_trail *t, pc_status status, uint64_t lost)
{
    if (!pc_status_ok(&status)) {
        alarm_about(t, "audit.not_rotated", status);
    }
    count_lost(t, lost);
}

static void rotate_when_due(pc_audit_trail *t, bool asked)
{
    uint64_t lost = 0;
    bool due = t->options.rotate_bytes > 0 &&
               pc_audit_file_size(t->file) >= t->options.rotate_bytes &&
               !atomic_load_explicit(&t->failing, memory_order_relaxed);
    if (!asked && !due) {
        return;
    }
    if (due) {
        put_anchor(t, "rotation");
        (void)flush(t);
        begin_file(t, pc_audit_file_rotate(t->file, &lost), lost);
    } else {
        begin_file(t, pc_audit_file_reopen(t->file, &lost), lost);
    }
    (void)flush(t);
}

static void sync_when_due(pc_audit_trail *t, bool now)
{
    int64_t due = pc_clock_after_ms(t->synced_ns, t->options.sync_ms);
    if (!t->dirty || t->options.sync_ms < 0 || (!now && pc_clock_now_ns() < due)) {
        return;
    }
    if (!pc_audit_file_sync(t->file)) {
        alarm_about(t, "audit.not_synced",
                    pc_status_new(PC_CODE_UNAVAILABLE, "AUDIT_NOT_SYNCED",
                                  "the disk does not keep the audit trail"));
    }
    t->dirty = false;
    t->synced_ns = pc_clock_now_ns();
}

/* ---- the writer ------------------------------------------------------------------------------ */

/* When the writer has something to do although nobody calls; PC_NEVER_NS: never. */
static int64_t next_due(const pc_audit_trail *t)
{
    if (pc_audit_file_waiting(t->file) > 0 || t->taken.size > 0) {
        return t->retry_ns;
    }
    int64_t due = t->untold > 0 ? left_out_due(t) : PC_NEVER_NS;
    if (t->dirty && t->options.sync_ms >= 0) {
        int64_t sync = pc_clock_after_ms(t->synced_ns, t->options.sync_ms);
        due = sync < due ? sync : due;
    }
    if (t->since_anchor > 0) {
        int64_t anchor = pc_clock_after_ms(t->anchored_ns, ANCHOR_MS);
        due = anchor < due ? anchor : due;
    }
    return due;
}

/* With the lock. False when the time is up. */
static bool wait_until(pc_audit_trail *t, int64_t ns)
{
    if (ns == PC_NEVER_NS) {
        return pthread_cond_wait(&t->changed, &t->lock) == 0;
    }
    const struct timespec until = {ns / 1000000000, ns % 1000000000};
    return pthread_cond_timedwait(&t->changed, &t->lock, &until) == 0;
}

/* Waits for records, orders or the time; takes the records. With the lock. */
static void wait_for_work(pc_audit_trail *t)
{
    int64_t due = next_due(t);
    bool stuck = t->taken.size > 0;
    t->knows_left_out = t->untold > 0;
    while (!t->stopping && !t->reopen && (t->left_out == 0 || t->knows_left_out) &&
           (stuck || t->filling.size == 0)) {
        t->idle = !stuck;
        if (!wait_until(t, due)) {
            break;
        }
    }
    t->idle = false;
    int64_t gathered = pc_clock_after_ms(pc_clock_now_ns(), GATHER_MS);
    while (t->filling.size > 0 && t->filling.size <= STORE_BYTES / 2 && !t->stopping &&
           !t->reopen && wait_until(t, gathered)) {
    }
    if (!stuck) {
        store empty = t->taken;
        t->taken = t->filling;
        t->filling = empty;
    }
}

static void *write_trail(void *argument)
{
    pc_audit_trail *t = argument;
    bool stopping = false;
    while (!stopping) {
        pthread_mutex_lock(&t->lock);
        wait_for_work(t);
        stopping = t->stopping;
        bool reopen = t->reopen;
        t->reopen = false;
        t->lost += t->dropped;
        t->dropped = 0;
        t->untold += t->left_out;
        t->left_out = 0;
        pthread_mutex_unlock(&t->lock);
        rotate_when_due(t, reopen);
        if (flush(t)) {
            make_lines(t);
        }
        bool failing = atomic_load_explicit(&t->failing, memory_order_relaxed);
        if (t->lost > 0 && !failing) {
            put_dropped(t);
        }
        if (!failing) {
            put_left_out_when_due(t, false);
        }
        int64_t now = pc_clock_now_ns();
        if (!failing && t->since_anchor > 0 &&
            (t->since_anchor >= ANCHOR_LINES ||
             now >= pc_clock_after_ms(t->anchored_ns, ANCHOR_MS))) {
            put_anchor(t, "interval");
        }
        (void)flush(t);
        sync_when_due(t, stopping);
    }
    /* Calls have ended: what was put while the last lines were made is the last there is. */
    pthread_mutex_lock(&t->lock);
    if (t->taken.size == 0) {
        store empty = t->taken;
        t->taken = t->filling;
        t->filling = empty;
    }
    t->untold += t->left_out;
    pthread_mutex_unlock(&t->lock);
    make_lines(t);
    put_left_out_when_due(t, true);
    put_anchor(t, "end");
    if (!flush(t)) {
        PC_LOG(t->options.log, PC_LOG_ERROR, "audit.lost_at_end",
               pc_log_int("bytes", (int64_t)(pc_audit_file_waiting(t->file) + t->taken.size)));
    }
    sync_when_due(t, true);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void release(pc_audit_trail *t)
{
    pc_audit_file_close(t->file);
    if (t->filling.bytes != NULL && t->taken.bytes != NULL) {
        OPENSSL_cleanse(t->filling.bytes, t->filling.size);
        OPENSSL_cleanse(t->taken.bytes, t->taken.size);
    }
    pc_quotas_free(t->quotas);
    free(t->filling.bytes);
    free(t->taken.bytes);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static void make_condition(pthread_cond_t *out)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(out, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

pc_status pc_audit_trail_new(pc_audit_trail **out, const pc_audit_options *options)
{
    *out = NULL;
    pc_audit_trail *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return pc_status_out_of_memory();
    }
    t->options = *options;
    t->options.file = NULL;
    pthread_mutex_init(&t->lock, NULL);
    make_condition(&t->changed);
    t->filling.bytes = malloc(STORE_BYTES);
    t->taken.bytes = malloc(STORE_BYTES);
    pc_status status = t->filling.bytes == NULL || t->taken.bytes == NULL
                           ? pc_status_out_of_memory()
                           : pc_quotas_new(&t->quotas);
    if (pc_status_ok(&status)) {
        status = pc_audit_file_open(&t->file, options->file);
    }
    if (pc_status_ok(&status)) {
        status = pc_audit_file_flush(t->file);
    }
    t->synced_ns = t->anchored_ns = pc_clock_now_ns();
    if (pc_status_ok(&status) && !pc_thread_start(&t->thread, "audit", write_trail, t)) {
        status = pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                               "cannot start the audit trail's thread");
    }
    if (!pc_status_ok(&status)) {
        release(t);
        return status;
    }
    char hex[PC_AUDIT_HEX_BYTES];
    pc_audit_place place = pc_audit_file_place(t->file);
    pc_audit_hex(hex, place.hash);
    PC_LOG(options->log, PC_LOG_INFO, "audit.ready", pc_log_int("seq", (int64_t)place.sequence),
           pc_log_text("hash", hex));
    *out = t;
    return PC_OK;
}

void pc_audit_trail_free(pc_audit_trail *t)
{
    if (t == NULL) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    release(t);
}
