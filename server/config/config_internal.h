/* What the files of this folder share: the table's rows, values, and the collecting of errors. */
#ifndef PC_CONFIG_CONFIG_INTERNAL_H
#define PC_CONFIG_CONFIG_INTERNAL_H

#include <stddef.h>

#include "config/config.h"

typedef enum {
    KEY_TEXT,
    KEY_FILE, /* a path that must be readable when it is given */
    KEY_URL,  /* http:// or https:// with a host */
    KEY_BOOL,
    KEY_NUMBER,
    KEY_DURATION, /* 250ms, 2s, 5m, 1h, 30d */
    KEY_BYTES,    /* 512, 64KiB, 4MiB, 1GiB */
    KEY_CHOICE,
    KEY_SECRET /* from the environment, or from the file that the next row names */
} key_type;

/* One key. */
typedef struct {
    const char *name; /* "group.name" */
    key_type type;
    size_t offset;             /* in pc_config */
    const char *default_value; /* as it would be written */
    int64_t least;             /* of numbers, durations (ms) and sizes */
    int64_t most;
    const char *const *choices; /* of KEY_CHOICE, NULL-terminated; the value is the place */
    const char *placeholder;    /* in --help */
    const char *help;
} config_key;

extern const config_key config_keys[];
extern const size_t config_key_count;

/* Place of a key in the table, or config_key_count. */
size_t config_key_find(const char *name);

/* The key's flag without dashes ("listen-tls-key-file"), or its variable. `size` bounds `out`. */
void config_key_flag(char *out, size_t size, const config_key *key);
void config_key_variable(char *out, size_t size, const config_key *key);

/* The known name that is nearest to a mistyped one, or NULL when none is near. */
const char *config_nearest(const char *name, const char *const *names, size_t count);

/* Adds one line. */
void config_error(pc_config_errors *errors, const char *format, ...) PC_PRINTF(2, 3);

/* Sets a key from text. `where` ("flag --x", "file:12: a.b") begins the line of an error. */
bool config_set(pc_config *config, size_t key, const char *text, const char *source,
                const char *where, pc_config_errors *errors);

/* Sets a secret from the file that holds it. */
void config_set_secret(pc_config *config, size_t key, const char *path, pc_config_errors *errors);

/* The value of a key as it would be written, in `out`; secrets as "(hidden)". */
void config_show(char *out, size_t size, const pc_config *config, const config_key *key);

/* Reads a file of keys and insights. Keys whose entry in `taken` is set keep their value. */
void config_read_file(pc_config *config, const char *path, const bool *taken,
                      pc_config_errors *errors);

/* Reads the same from memory; `name` stands for the file in errors. */
void config_read_text(pc_config *config, const char *name, const unsigned char *text, size_t size,
                      const bool *taken, pc_config_errors *errors);

/* Sets one property of an insight. */
void config_set_insight(pc_config_insight *insight, const char *property, const char *text,
                        const char *where, pc_config_errors *errors);

/* Checks an insight that is complete. */
void config_check_insight(const pc_config *config, size_t index, const char *where,
                          pc_config_errors *errors);

/* Checks what identity.* says together with listen.*. */
void config_check_identity(const pc_config *config, pc_config_errors *errors);

/* Texts and numbers. */
bool config_parse_duration(const char *text, int64_t *out);
bool config_parse_bytes(const char *text, int64_t *out);
bool config_parse_number(const char *text, int64_t *out);
bool config_parse_bool(const char *text, bool *out);
char *config_copy(const char *text, size_t size);

#endif
