/* Structured logs: one line an event, a constant name and typed fields; JSON, or text for a
 * terminal.
 *
 * Personal data: there is no field for it. Texts are constants, configuration, or values that were
 * checked against a closed alphabet; an identity becomes a keyed hash (pc_log_identity).
 * Threads: any thread writes; one writer thread puts lines out, so that a slow reader of the log
 * never holds up a call. When it cannot keep up lines are dropped, and their number is logged. */
#ifndef PC_TELEMETRY_LOG_H
#define PC_TELEMETRY_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

typedef struct pc_log pc_log;

/* The numbers are the places of log.level's choices. */
typedef enum {
    PC_LOG_ERROR, /* someone must act now */
    PC_LOG_WARN,  /* someone should look at it */
    PC_LOG_INFO,
    PC_LOG_DEBUG
} pc_log_level;

typedef enum { PC_FIELD_TEXT, PC_FIELD_INT, PC_FIELD_MS, PC_FIELD_FLAG } pc_log_field_type;

typedef struct {
    const char *name;
    pc_log_field_type type;
    const char *text;
    int64_t number;
    char hash[17]; /* of an identity */
} pc_log_field;

typedef struct {
    pc_log_level level; /* lines above it are left out */
    bool json;
    int fd;               /* where lines go; stays the caller's */
    const void *hash_key; /* of identities' hashes; copied */
    size_t hash_key_size;
} pc_log_options;

/* Owned: pc_log_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_log_new(pc_log **out, const pc_log_options *options);

/* Puts out what is left, then frees. NULL is allowed. */
void pc_log_free(pc_log *log);

bool pc_log_enabled(const pc_log *log, pc_log_level level);

/* Writes one line. `event` is a constant such as "rpc.ended". Borrowed for the call. */
void pc_log_write(pc_log *log, pc_log_level level, const char *event, const pc_log_field *fields,
                  size_t count);

/* Waits until what has been written is put out, or until then: for one who ends the process. */
void pc_log_flush(pc_log *log, int64_t until_ns);

/* PC_LOG(log, PC_LOG_INFO, "server.ready", pc_log_text("address", address)); fields are only made
 * when the level is on. At least one field. */
#define PC_LOG(log, level, event, ...)                                                             \
    do {                                                                                           \
        if (pc_log_enabled(log, level)) {                                                          \
            const pc_log_field pc_log_fields_[] = {__VA_ARGS__};                                   \
            pc_log_write(log, level, event, pc_log_fields_, PC_COUNT_OF(pc_log_fields_));          \
        }                                                                                          \
    } while (0)

/* A text from a closed set, the configuration, or checked input. Borrowed for the write. */
static inline pc_log_field pc_log_text(const char *name, const char *text)
{
    return (pc_log_field){.name = name, .type = PC_FIELD_TEXT, .text = text};
}

static inline pc_log_field pc_log_int(const char *name, int64_t number)
{
    return (pc_log_field){.name = name, .type = PC_FIELD_INT, .number = number};
}

/* A duration, shown in milliseconds with three decimals. */
static inline pc_log_field pc_log_duration(const char *name, int64_t ns)
{
    return (pc_log_field){.name = name, .type = PC_FIELD_MS, .number = ns};
}

static inline pc_log_field pc_log_flag(const char *name, bool flag)
{
    return (pc_log_field){.name = name, .type = PC_FIELD_FLAG, .number = flag};
}

/* 16 hexadecimal digits of HMAC-SHA256 over namespace (lower case) and id: the same person gives
 * the same digits as long as the key stays, and no one without the key can go back. */
pc_log_field pc_log_identity(const pc_log *log, const char *name, const char *namespace_code,
                             const char *id);

#endif
