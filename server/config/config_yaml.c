/* The file: groups of keys, and the list of insights. libyaml reads it event by event; what comes
 * is at most three deep, so each depth is a function. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "config/config_internal.h"

enum { FILE_BYTES_MAX = 1024 * 1024, INSIGHTS_MAX = 200, WHERE_BYTES = 512 };

typedef struct {
    pc_config *config;
    const char *path;
    const bool *taken;
    bool *seen; /* a key may stand once */
    pc_config_errors *errors;
    yaml_parser_t parser;
    bool stopped; /* the text cannot be read on */
} reading;

/* The next event, to be deleted; false when there is none because the text is damaged. */
static bool next(reading *r, yaml_event_t *event)
{
    if (r->stopped) {
        return false;
    }
    if (yaml_parser_parse(&r->parser, event) == 0) {
        config_error(r->errors, "%s:%zu: not YAML: %s", r->path, r->parser.problem_mark.line + 1,
                     r->parser.problem == NULL ? "out of memory" : r->parser.problem);
        r->stopped = true;
        return false;
    }
    if (event->type == YAML_ALIAS_EVENT) {
        config_error(r->errors, "%s:%zu: aliases are not supported", r->path,
                     event->start_mark.line + 1);
        r->stopped = true;
        yaml_event_delete(event);
        return false;
    }
    return true;
}

static const char *scalar(const yaml_event_t *event)
{
    return (const char *)event->data.scalar.value;
}

/* Reads on to the end of what has begun with `event`, without using it. */
static void skip(reading *r, const yaml_event_t *event)
{
    int depth = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    while (depth > 0) {
        yaml_event_t inner;
        if (!next(r, &inner)) {
            return;
        }
        depth += inner.type == YAML_MAPPING_START_EVENT || inner.type == YAML_SEQUENCE_START_EVENT;
        depth -= inner.type == YAML_MAPPING_END_EVENT || inner.type == YAML_SEQUENCE_END_EVENT;
        yaml_event_delete(&inner);
    }
}

static void unknown_key(reading *r, size_t line, const char *name)
{
    const char *names[256];
    size_t count = 0;
    for (; count < config_key_count && count < PC_COUNT_OF(names); count++) {
        names[count] = config_keys[count].name;
    }
    const char *near = config_nearest(name, names, count);
    config_error(r->errors, "%s:%zu: %s: there is no such key%s%s", r->path, line, name,
                 near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
}

static void read_key(reading *r, const char *group, const yaml_event_t *key_event)
{
    yaml_event_t value;
    if (!next(r, &value)) {
        return;
    }
    size_t line = key_event->start_mark.line + 1;
    char name[128];
    char where[WHERE_BYTES];
    (void)snprintf(name, sizeof name, "%s.%s", group, scalar(key_event));
    (void)snprintf(where, sizeof where, "%s:%zu: %s", r->path, line, name);
    size_t key = config_key_find(name);
    if (key == config_key_count) {
        unknown_key(r, line, name);
    } else if (r->seen[key]) {
        config_error(r->errors, "%s: stands twice", where);
    } else if (config_keys[key].type == KEY_SECRET) {
        char variable[128];
        config_key_variable(variable, sizeof variable, &config_keys[key]);
        config_error(r->errors,
                     "%s: a secret does not belong in this file; name a file with %s_file, or set "
                     "%s",
                     where, name, variable);
    } else if (value.type != YAML_SCALAR_EVENT) {
        config_error(r->errors, "%s: must be a single value", where);
    } else {
        r->seen[key] = true;
        /* What a flag or variable has set stays. */
        if (!r->taken[key]) {
            (void)config_set(r->config, key, scalar(&value), "file", where, r->errors);
        }
    }
    skip(r, &value);
    yaml_event_delete(&value);
}

static void read_group(reading *r, const yaml_event_t *group, const yaml_event_t *start)
{
    if (start->type != YAML_MAPPING_START_EVENT) {
        config_error(r->errors, "%s:%zu: %s: must be a group of keys", r->path,
                     group->start_mark.line + 1, scalar(group));
        skip(r, start);
        return;
    }
    yaml_event_t event;
    while (next(r, &event)) {
        bool more = event.type == YAML_SCALAR_EVENT;
        if (more) {
            read_key(r, scalar(group), &event);
        }
        yaml_event_delete(&event);
        if (!more) {
            return;
        }
    }
}

static pc_config_insight *add_insight(reading *r)
{
    pc_config *config = r->config;
    pc_config_insight *grown =
        realloc(config->insights, (config->insight_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    config->insights = grown;
    pc_config_insight *insight = &grown[config->insight_count];
    *insight = (pc_config_insight){.name = config_copy("", 0),
                                   .path = config_copy("", 0),
                                   .unit = config_copy("", 0),
                                   .factors_path = config_copy("", 0)};
    config->insight_count++;
    if (insight->name == NULL || insight->path == NULL || insight->unit == NULL ||
        insight->factors_path == NULL) {
        return NULL;
    }
    return insight;
}

static void read_insight(reading *r, const yaml_event_t *start)
{
    size_t line = start->start_mark.line + 1;
    char where[WHERE_BYTES];
    if (start->type != YAML_MAPPING_START_EVENT || r->config->insight_count == INSIGHTS_MAX) {
        config_error(r->errors, "%s:%zu: insights: must be a list of at most %d groups of keys",
                     r->path, line, INSIGHTS_MAX);
        skip(r, start);
        return;
    }
    pc_config_insight *insight = add_insight(r);
    if (insight == NULL) {
        config_error(r->errors, "%s:%zu: out of memory", r->path, line);
        r->stopped = true;
        return;
    }
    yaml_event_t event;
    while (next(r, &event)) {
        yaml_event_t value;
        if (event.type != YAML_SCALAR_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        if (next(r, &value)) {
            (void)snprintf(where, sizeof where, "%s:%zu: insights.%s", r->path,
                           event.start_mark.line + 1, scalar(&event));
            if (value.type == YAML_SCALAR_EVENT) {
                config_set_insight(insight, scalar(&event), scalar(&value), where, r->errors);
            } else {
                config_error(r->errors, "%s: must be a single value", where);
                skip(r, &value);
            }
            yaml_event_delete(&value);
        }
        yaml_event_delete(&event);
    }
    (void)snprintf(where, sizeof where, "%s:%zu: insights", r->path, line);
    config_check_insight(r->config, r->config->insight_count - 1, where, r->errors);
}

static void read_insights(reading *r, const yaml_event_t *key, const yaml_event_t *start)
{
    if (start->type != YAML_SEQUENCE_START_EVENT) {
        config_error(r->errors, "%s:%zu: insights: must be a list", r->path,
                     key->start_mark.line + 1);
        skip(r, start);
        return;
    }
    yaml_event_t event;
    while (next(r, &event)) {
        bool more = event.type != YAML_SEQUENCE_END_EVENT;
        if (more) {
            read_insight(r, &event);
        }
        yaml_event_delete(&event);
        if (!more) {
            return;
        }
    }
}

/* The top of the document: a map of groups. */
static void read_document(reading *r, const yaml_event_t *start)
{
    if (start->type == YAML_SCALAR_EVENT && scalar(start)[0] == '\0') {
        return; /* An empty document. */
    }
    if (start->type != YAML_MAPPING_START_EVENT) {
        config_error(r->errors, "%s:%zu: must hold groups of keys", r->path,
                     start->start_mark.line + 1);
        skip(r, start);
        return;
    }
    yaml_event_t event;
    while (next(r, &event)) {
        yaml_event_t value;
        bool more = event.type != YAML_MAPPING_END_EVENT;
        if (more && event.type != YAML_SCALAR_EVENT) {
            config_error(r->errors, "%s:%zu: a key must be a word", r->path,
                         event.start_mark.line + 1);
            r->stopped = true;
        } else if (more && next(r, &value)) {
            if (strcmp(scalar(&event), "insights") == 0) {
                read_insights(r, &event, &value);
            } else {
                read_group(r, &event, &value);
            }
            yaml_event_delete(&value);
        }
        yaml_event_delete(&event);
        if (!more) {
            return;
        }
    }
}

void config_read_text(pc_config *config, const char *name, const unsigned char *text, size_t size,
                      const bool *taken, pc_config_errors *errors)
{
    reading r = {.config = config, .path = name, .taken = taken, .errors = errors};
    r.seen = calloc(config_key_count, sizeof *r.seen);
    if (r.seen == NULL || yaml_parser_initialize(&r.parser) == 0) {
        config_error(errors, "%s: out of memory", name);
        free(r.seen);
        return;
    }
    yaml_parser_set_input_string(&r.parser, text, size);
    yaml_event_t event;
    bool more = true;
    while (more && next(&r, &event)) {
        more = event.type != YAML_STREAM_END_EVENT;
        if (event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
            event.type == YAML_SCALAR_EVENT) {
            read_document(&r, &event);
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&r.parser);
    free(r.seen);
}

void config_read_file(pc_config *config, const char *path, const bool *taken,
                      pc_config_errors *errors)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (file == NULL || fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) {
        config_error(errors, "%s: cannot be read; check the path and its permissions", path);
        if (file != NULL) {
            fclose(file);
        }
        return;
    }
    unsigned char *text = malloc(FILE_BYTES_MAX + 1);
    size_t size = text == NULL ? 0 : fread(text, 1, FILE_BYTES_MAX + 1, file);
    bool broken = text == NULL || ferror(file) != 0;
    fclose(file);
    if (broken || size > FILE_BYTES_MAX) {
        config_error(errors, "%s: cannot be read, or is larger than 1 MiB", path);
    } else {
        config_read_text(config, path, text, size, taken, errors);
    }
    free(text);
}
