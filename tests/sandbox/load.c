/* Loading, see load.h. */
#include "load.h"

#include "clock.h"
#include "json.h"
#include "stop.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_MAX_BYTES = 16 * 1024 * 1024, IDENTITIES_MAX = 256 };

static bool read_identities(struct sbx_identity *out, size_t *count, const json_t *line,
                            struct sbx_error *error)
{
    const json_t *list = json_object_get(line, "identities");
    if (!json_is_array(list) || json_array_size(list) == 0) {
        return sbx_fail(error, "\"identities\" is missing or empty");
    }
    if (json_array_size(list) > IDENTITIES_MAX) {
        return sbx_fail(error, "more than %d identities", IDENTITIES_MAX);
    }
    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++) {
        const json_t *item = json_array_get(list, i);
        out[i] = (struct sbx_identity){
            .ns = sbx_json_text(item, "ns"),
            .id = sbx_json_text(item, "id"),
            .state = sbx_json_text(item, "authenticatedState"),
            .primary = json_is_true(json_object_get(item, "primary")),
        };
        if (out[i].ns == NULL || out[i].id == NULL ||
            strlen(out[i].id) != json_string_length(json_object_get(item, "id"))) {
            return sbx_fail(error, "identity %zu needs the strings \"ns\" and \"id\"", i + 1);
        }
    }
    return true;
}

static bool read_record(struct sbx_record *record, struct sbx_identity *identities, json_t *line,
                        int64_t now_ms, struct sbx_error *error)
{
    const char *timestamp = sbx_json_text(line, "timestamp");
    record->identities = identities;
    record->dataset = sbx_json_text(line, "dataset");
    record->batch = sbx_json_text(line, "batch");
    if (!read_identities(identities, &record->identity_count, line, error)) {
        return false;
    }
    if (record->dataset == NULL) {
        return sbx_fail(error, "\"dataset\" is missing");
    }
    if (timestamp == NULL || !sbx_time_parse(&record->timestamp_ms, timestamp, now_ms)) {
        return sbx_fail(error, "\"timestamp\" is neither a date-time nor a time such as \"-3d4h\"");
    }
    if (!json_is_object(json_object_get(line, "entity"))) {
        return sbx_fail(error, "\"entity\" is not an object");
    }
    return sbx_json_resolve_times(json_object_get(line, "entity"), now_ms, error);
}

static bool load_fragment(sbx_store *store, json_t *line, enum sbx_schema schema, int64_t now_ms,
                          struct sbx_error *error)
{
    struct sbx_identity identities[IDENTITIES_MAX];
    struct sbx_record record = {.schema = schema};
    if (!read_record(&record, identities, line, now_ms, error)) {
        return false;
    }
    struct sbx_text entity = {0};
    sbx_json_print(&entity, json_object_get(line, "entity"));
    record.entity = entity.data;
    record.entity_length = entity.length;
    bool done = sbx_store_add_fragment(store, &record, error);
    sbx_text_deinit(&entity);
    return done;
}

/* An event without an id gets one from its own text, so that loading it twice is loading it once.
 */
static void id_from_text(char out[37], const char *text, size_t length)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, length, hash);
    unsigned long long high = 0;
    unsigned long long low = 0;
    for (int i = 0; i < 8; i++) {
        high = high << 8 | hash[i];
        low = low << 8 | hash[i + 8];
    }
    sbx_uuid_make(out, high, low);
}

static bool load_event(sbx_store *store, json_t *line, const char *text, size_t length,
                       int64_t now_ms, struct sbx_error *error)
{
    struct sbx_identity identities[IDENTITIES_MAX];
    struct sbx_record record = {0};
    if (!read_record(&record, identities, line, now_ms, error)) {
        return false;
    }
    char made[37];
    json_t *body = json_object_get(line, "entity");
    record.event_id = sbx_json_text(line, "id");
    if (record.event_id == NULL) {
        record.event_id = sbx_json_text(body, "_id");
    }
    if (record.event_id == NULL) {
        id_from_text(made, text, length);
        record.event_id = made;
    }
    if (json_object_get(body, "_id") == NULL) {
        json_object_set_new(body, "_id", json_string(record.event_id));
    }
    if (json_object_get(body, "timestamp") == NULL) {
        char stamp[SBX_TIME_SIZE];
        sbx_time_format(stamp, record.timestamp_ms, SBX_TIME_MILLIS);
        json_object_set_new(body, "timestamp", json_string(stamp));
    }
    struct sbx_text entity = {0};
    sbx_json_print(&entity, body);
    record.entity = entity.data;
    record.entity_length = entity.length;
    bool done = sbx_store_add_event(store, &record, error);
    sbx_text_deinit(&entity);
    return done;
}

static bool load_link(sbx_store *store, const json_t *line, struct sbx_error *error)
{
    struct sbx_identity identities[IDENTITIES_MAX];
    size_t count;
    return read_identities(identities, &count, line, error) &&
           sbx_store_link(store, identities, count, error);
}

static bool load_document(sbx_store *store, json_t *line, const char *name, const char *key,
                          enum sbx_document kind, int64_t now_ms, struct sbx_error *error)
{
    json_t *body = json_object_get(line, name);
    const char *id = sbx_json_text(body, key);
    if (id == NULL) {
        return sbx_fail(error, "\"%s\" is not an object with the string \"%s\"", name, key);
    }
    if (!sbx_json_resolve_times(body, now_ms, error)) {
        return false;
    }
    struct sbx_text text = {0};
    sbx_json_print(&text, body);
    bool done = sbx_store_put_document(store, kind, id, text.data, error);
    sbx_text_deinit(&text);
    return done;
}

static bool load_line(sbx_store *store, const char *text, size_t length, int64_t now_ms,
                      struct sbx_error *error)
{
    json_t *line = sbx_json_parse(text, length, error);
    if (line == NULL) {
        return false;
    }
    const char *type = sbx_json_text(line, "type");
    bool done;
    if (type == NULL) {
        done = sbx_fail(error, "\"type\" is missing");
    } else if (strcmp(type, "profile") == 0) {
        done = load_fragment(store, line, SBX_PROFILE, now_ms, error);
    } else if (strcmp(type, "event") == 0) {
        done = load_event(store, line, text, length, now_ms, error);
    } else if (strcmp(type, "link") == 0) {
        done = load_link(store, line, error);
    } else if (strcmp(type, "account") == 0) {
        done = load_fragment(store, line, SBX_ACCOUNT, now_ms, error);
    } else if (strcmp(type, "opportunity") == 0) {
        done = load_fragment(store, line, SBX_OPPORTUNITY, now_ms, error);
    } else if (strcmp(type, "audience") == 0) {
        done = load_document(store, line, "audience", "id", SBX_AUDIENCE, now_ms, error);
    } else if (strcmp(type, "mergePolicy") == 0) {
        done = load_document(store, line, "mergePolicy", "id", SBX_MERGE_POLICY, now_ms, error);
    } else if (strcmp(type, "namespace") == 0) {
        done = load_document(store, line, "namespace", "code", SBX_NAMESPACE, now_ms, error);
    } else {
        done = sbx_fail(error, "there is no type \"%.60s\"", type);
    }
    json_decref(line);
    return done;
}

static bool blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr(" \t\r", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    return true;
}

static bool load_lines(sbx_store *store, const char *name, const char *text, size_t length,
                       size_t *records, struct sbx_error *error)
{
    int64_t now_ms = sbx_clock_now();
    size_t number = 0;
    *records = 0;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t size = end != NULL ? (size_t)(end - text) - at : length - at;
        number++;
        struct sbx_error problem;
        if (size > LINE_MAX_BYTES) {
            return sbx_fail(error, "%s:%zu: the line is longer than 16 MiB", name, number);
        }
        if (number % 256 == 0 && sbx_stop_requested()) {
            return sbx_fail(error, "stopped while loading %s", name);
        }
        if (!blank(text + at, size)) {
            if (!load_line(store, text + at, size, now_ms, &problem)) {
                return sbx_fail(error, "%s:%zu: %.300s", name, number, problem.text);
            }
            (*records)++;
        }
        at += size + 1;
    }
    return true;
}

bool sbx_load_text(sbx_store *store, const char *name, const char *text, size_t length,
                   size_t *records, struct sbx_error *error)
{
    if (!sbx_store_begin(store, error)) {
        return false;
    }
    if (load_lines(store, name, text, length, records, error)) {
        return sbx_store_commit(store, error);
    }
    sbx_store_rollback(store);
    return false;
}

bool sbx_load_file(sbx_store *store, const char *path, size_t *records, struct sbx_error *error)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        bool failed = sbx_fail(error, "cannot read %s: %s", path, strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return failed;
    }
    if (S_ISDIR(info.st_mode)) {
        fclose(file);
        return sbx_fail(error, "cannot read %s: it is a directory", path);
    }
    struct sbx_text text = {0};
    char chunk[65536];
    size_t got;
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        sbx_text_add(&text, chunk, got);
    }
    bool done = ferror(file) == 0 || sbx_fail(error, "cannot read %s", path);
    fclose(file);
    done = done && sbx_load_text(store, path, text.data, text.length, records, error);
    sbx_text_deinit(&text);
    return done;
}
