/* Lines are formed on the caller's thread into fixed slots of a ring; the writer thread takes them
 * in order. A full ring drops the line, never waits. */
#include "telemetry/log.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "telemetry/identity_hash.h"
#include "util/clock.h"
#include "util/thread.h"
#include "util/utf8.h"

enum { LINE_BYTES = 1024, SLOTS = 4096 };

typedef struct {
    size_t size;
    char text[LINE_BYTES];
} line;

struct pc_log {
    pc_log_options options;
    uint8_t key[PC_IDENTITY_KEY_BYTES_MAX];
    size_t key_size;
    pthread_mutex_t lock; /* guards: first, count, dropped, writing, stopping, the slots' content */
    pthread_cond_t changed;
    pthread_cond_t written; /* by the monotonic clock */
    size_t first;
    size_t count;
    uint64_t dropped;
    bool writing; /* a line is out of the slots, and not yet put out */
    bool stopping;
    pthread_t thread;
    line slots[SLOTS];
};

/* ---- forming a line -------------------------------------------------------------------------- */

/* Leaves room at the end for closing the line. */
static void put(line *l, const char *text, size_t size)
{
    size_t room = LINE_BYTES - 8 - l->size;
    size = size < room ? size : room;
    memcpy(l->text + l->size, text, size);
    l->size += size;
}

static void put_text(line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Any bytes as a JSON string's inside. */
static void put_escaped(line *l, const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        size_t length = pc_utf8_character(bytes + i, size - i);
        char escape[8];
        if (length == 0) {
            put_text(l, "\xef\xbf\xbd"); /* U+FFFD */
            i++;
        } else if (bytes[i] == '"' || bytes[i] == '\\' || bytes[i] < 0x20 || bytes[i] == 0x7f) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", bytes[i]);
            put_text(l, escape);
            i++;
        } else {
            /* A character is never cut in two. */
            if (length <= LINE_BYTES - 8 - l->size) {
                put(l, text + i, length);
            }
            i += length;
        }
    }
}

static void put_time(line *l)
{
    int64_t now_ms = pc_clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char text[64];
    (void)gmtime_r(&seconds, &utc);
    size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + length, sizeof text - length, ".%03dZ", (int)(now_ms % 1000));
    put_text(l, text);
}

static void put_value(line *l, const pc_log_field *field, const char *quote)
{
    char number[48];
    switch (field->type) {
    case PC_FIELD_TEXT:
        put_text(l, quote);
        put_escaped(l, field->text != NULL ? field->text : field->hash);
        put_text(l, quote);
        return;
    case PC_FIELD_FLAG:
        put_text(l, field->number != 0 ? "true" : "false");
        return;
    case PC_FIELD_INT:
        (void)snprintf(number, sizeof number, "%" PRId64, field->number);
        break;
    case PC_FIELD_MS:
        (void)snprintf(number, sizeof number, "%" PRId64 ".%03d", field->number / 1000000,
                       (int)(field->number / 1000 % 1000));
        break;
    }
    put_text(l, number);
}

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static void form_json(line *l, pc_log_level level, const char *event, const pc_log_field *fields,
                      size_t count)
{
    put_text(l, "{\"time\":\"");
    put_time(l);
    put_text(l, "\",\"level\":\"");
    put_text(l, level_names[level]);
    put_text(l, "\",\"event\":\"");
    put_escaped(l, event);
    put_text(l, "\"");
    for (size_t i = 0; i < count; i++) {
        /* A field that does not fit whole is left out, so that the line stays JSON. */
        line before = {.size = l->size};
        put_text(l, ",\"");
        put_escaped(l, fields[i].name);
        put_text(l, "\":");
        put_value(l, &fields[i], "\"");
        if (l->size >= LINE_BYTES - 8) {
            l->size = before.size;
            break;
        }
    }
    l->text[l->size++] = '}';
}

static void form_text(line *l, pc_log_level level, const char *event, const pc_log_field *fields,
                      size_t count)
{
    char head[96];
    put_time(l);
    (void)snprintf(head, sizeof head, " %-5s %-20s", level_names[level], event);
    put_text(l, head);
    for (size_t i = 0; i < count; i++) {
        put_text(l, " ");
        put_text(l, fields[i].name);
        put_text(l, "=");
        put_value(l, &fields[i], "");
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

bool pc_log_enabled(const pc_log *log, pc_log_level level)
{
    return log != NULL && level <= log->options.level;
}

static void form(const pc_log *log, line *l, pc_log_level level, const char *event,
                 const pc_log_field *fields, size_t count)
{
    l->size = 0;
    if (log->options.json) {
        form_json(l, level, event, fields, count);
    } else {
        form_text(l, level, event, fields, count);
    }
    l->text[l->size++] = '\n';
}

void pc_log_write(pc_log *log, pc_log_level level, const char *event, const pc_log_field *fields,
                  size_t count)
{
    if (!pc_log_enabled(log, level)) {
        return;
    }
    line formed;
    form(log, &formed, level, event, fields, count);
    pthread_mutex_lock(&log->lock);
    if (log->count == SLOTS) {
        log->dropped++;
    } else {
        line *slot = &log->slots[(log->first + log->count++) % SLOTS];
        slot->size = formed.size;
        memcpy(slot->text, formed.text, formed.size);
        pthread_cond_signal(&log->changed);
    }
    pthread_mutex_unlock(&log->lock);
}

void pc_log_flush(pc_log *log, int64_t until_ns)
{
    const struct timespec until = {.tv_sec = until_ns / 1000000000,
                                   .tv_nsec = until_ns % 1000000000};
    int failed = 0;
    pthread_mutex_lock(&log->lock);
    while ((log->count > 0 || log->writing) && failed == 0) {
        failed = pthread_cond_timedwait(&log->written, &log->lock, &until);
    }
    pthread_mutex_unlock(&log->lock);
}

static void put_out(const pc_log *log, const line *l)
{
    size_t done = 0;
    while (done < l->size) {
        ssize_t n = write(log->options.fd, l->text + done, l->size - done);
        if (n < 0 && errno != EINTR) {
            return; /* The log's reader has gone; there is no one to tell. */
        }
        done += n > 0 ? (size_t)n : 0;
    }
}

static void *write_lines(void *argument)
{
    pc_log *log = argument;
    pthread_mutex_lock(&log->lock);
    for (;;) {
        while (log->count == 0 && !log->stopping) {
            pthread_cond_wait(&log->changed, &log->lock);
        }
        if (log->count == 0) {
            break;
        }
        line next;
        const line *slot = &log->slots[log->first];
        next.size = slot->size;
        memcpy(next.text, slot->text, slot->size);
        log->first = (log->first + 1) % SLOTS;
        log->count--;
        uint64_t dropped = log->dropped;
        log->dropped = 0;
        log->writing = true;
        pthread_mutex_unlock(&log->lock);
        put_out(log, &next);
        if (dropped > 0) {
            const pc_log_field field = pc_log_int("lines", (int64_t)dropped);
            form(log, &next, PC_LOG_WARN, "log.dropped", &field, 1);
            put_out(log, &next);
        }
        pthread_mutex_lock(&log->lock);
        log->writing = false;
        pthread_cond_broadcast(&log->written);
    }
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_log_new(pc_log **out, const pc_log_options *options)
{
    *out = NULL;
    pc_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return pc_status_out_of_memory();
    }
    log->options = *options;
    log->options.hash_key = NULL;
    log->key_size =
        options->hash_key_size < sizeof log->key ? options->hash_key_size : sizeof log->key;
    memcpy(log->key, options->hash_key, log->key_size);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->changed, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&log->written, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!pc_thread_start(&log->thread, "log", write_lines, log)) {
        pthread_cond_destroy(&log->changed);
        pthread_cond_destroy(&log->written);
        pthread_mutex_destroy(&log->lock);
        free(log);
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                             "cannot start the log's thread");
    }
    *out = log;
    return PC_OK;
}

void pc_log_free(pc_log *log)
{
    if (log == NULL) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    pthread_cond_signal(&log->changed);
    pthread_mutex_unlock(&log->lock);
    pthread_join(log->thread, NULL);
    pthread_cond_destroy(&log->changed);
    pthread_cond_destroy(&log->written);
    pthread_mutex_destroy(&log->lock);
    OPENSSL_cleanse(log->key, sizeof log->key);
    free(log);
}

/* ---- identities ------------------------------------------------------------------------------ */

pc_log_field pc_log_identity(const pc_log *log, const char *name, const char *namespace_code,
                             const char *id)
{
    pc_log_field field = {.name = name, .type = PC_FIELD_TEXT};
    pc_identity_hash(field.hash, log->key, log->key_size, namespace_code, id);
    return field;
}
