/* A YAML document with places: every mistake is told with its line and column, all at once. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_internal.h"
#include "policy/policy_internal.h"

enum { ERRORS_MAX = 100, DEPTH_MAX = 8, LINE_BYTES = 1024, ITEMS_MAX = 10000 };

static void add_error(policy_reading *r, const yaml_mark_t *mark, const char *text)
{
    char line[LINE_BYTES];
    (void)snprintf(line, sizeof line, "%s:%zu:%zu: %s", r->name, mark->line + 1, mark->column + 1,
                   text);
    if (r->errors->count >= ERRORS_MAX) {
        return;
    }
    for (size_t i = 0; i < r->errors->count; i++) {
        if (strcmp(r->errors->lines[i], line) == 0) {
            return; /* Of a role that several callers have. */
        }
    }
    config_error(r->errors, "%s", line);
}

void policy_error(policy_reading *r, const yaml_node_t *at, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_error(r, &at->start_mark, text);
}

static bool begins(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
}

static bool ends(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;
}

static void tell_damage(policy_reading *r, const yaml_parser_t *parser)
{
    char text[LINE_BYTES];
    (void)snprintf(text, sizeof text, "not YAML: %s",
                   parser->problem == NULL ? "out of memory" : parser->problem);
    add_error(r, &parser->problem_mark, text);
}

/* Looks at the text before it becomes a tree: no aliases, so that every node stands where it is,
 * and nothing deep. */
static bool check_text(policy_reading *r, const unsigned char *text, size_t size)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        r->out_of_memory = true;
        return false;
    }
    yaml_parser_set_input_string(&parser, text, size);
    int depth = 0;
    int documents = 0;
    bool good = true;
    for (bool more = true; more;) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            tell_damage(r, &parser);
            good = false;
            break;
        }
        depth += begins(&event) - ends(&event);
        documents += event.type == YAML_DOCUMENT_START_EVENT;
        const char *fault = event.type == YAML_ALIAS_EVENT ? "aliases are not supported"
                            : depth > DEPTH_MAX            ? "nested too deeply"
                            : documents > 1                ? "must be one document"
                                                           : NULL;
        if (fault != NULL) {
            add_error(r, &event.start_mark, fault);
            good = false;
        }
        more = good && event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return good;
}

bool policy_read_document(policy_reading *r, const unsigned char *text, size_t size)
{
    yaml_parser_t parser;
    if (!check_text(r, text, size)) {
        return false;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        r->out_of_memory = true;
        return false;
    }
    yaml_parser_set_input_string(&parser, text, size);
    bool good = yaml_parser_load(&parser, &r->document) != 0;
    if (!good) {
        tell_damage(r, &parser);
    }
    yaml_parser_delete(&parser);
    return good;
}

const char *policy_scalar(policy_reading *r, const yaml_node_t *node, const char *what)
{
    if (node->type != YAML_SCALAR_NODE ||
        strlen((const char *)node->data.scalar.value) != node->data.scalar.length) {
        policy_error(r, node, "%s must be a single value", what);
        return NULL;
    }
    return (const char *)node->data.scalar.value;
}

static size_t find(const char *const *names, size_t count, const char *name)
{
    size_t place = 0;
    while (place < count && strcmp(names[place], name) != 0) {
        place++;
    }
    return place;
}

bool policy_read_map(policy_reading *r, yaml_node_t *node, const char *what,
                     const char *const *keys, size_t count, policy_entry *entries)
{
    memset(entries, 0, count * sizeof *entries);
    if (node->type != YAML_MAPPING_NODE) {
        policy_error(r, node, "%s must be a group of keys", what);
        return false;
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
        const char *name = policy_scalar(r, key, "a key");
        if (name == NULL) {
            continue;
        }
        size_t place = find(keys, count, name);
        if (place == count) {
            const char *near = config_nearest(name, keys, count);
            policy_error(r, key, "%s has no key %s%s%s", what, name,
                         near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        } else if (entries[place].key != NULL) {
            policy_error(r, key, "%s stands twice", name);
        } else {
            entries[place] = (policy_entry){key, yaml_document_get_node(&r->document, pair->value)};
        }
    }
    return true;
}

int policy_read_choice(policy_reading *r, const yaml_node_t *node, const char *what,
                       const char *const *choices, size_t count)
{
    const char *text = policy_scalar(r, node, what);
    if (text == NULL) {
        return -1;
    }
    size_t place = find(choices, count, text);
    if (place == count) {
        const char *near = config_nearest(text, choices, count);
        policy_error(r, node, "%s: there is no %s%s%s", what, text,
                     near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
        return -1;
    }
    return (int)place;
}

static int compare_items(const void *a, const void *b)
{
    const policy_item *left = *(const policy_item *const *)a;
    const policy_item *right = *(const policy_item *const *)b;
    int order = strcmp(left->text, right->text);
    return order != 0 ? order : (left > right) - (left < right);
}

static void tell_doubles(policy_reading *r, const policy_item *items, size_t count)
{
    const policy_item **sorted = calloc(count + 1, sizeof *sorted);
    if (sorted == NULL) {
        r->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &items[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_items);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0) {
            policy_error(r, sorted[i]->node, "%s stands twice", sorted[i]->text);
        }
    }
    free(sorted);
}

const policy_item *policy_read_list(policy_reading *r, size_t *count, const policy_entry *entry)
{
    static const policy_item none[1] = {{"", NULL}};
    const char *what = (const char *)entry->key->data.scalar.value;
    yaml_node_t *node = entry->value;
    *count = 0;
    size_t most = node->type != YAML_SEQUENCE_NODE
                      ? 1
                      : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (node->type == YAML_MAPPING_NODE || most > ITEMS_MAX) {
        policy_error(r, node, "%s must be a list", what);
        return none;
    }
    policy_item *items = pc_arena_calloc(r->arena, most + 1, sizeof *items);
    if (items == NULL) {
        r->out_of_memory = true;
        return none;
    }
    for (size_t i = 0; i < most; i++) {
        const yaml_node_t *item =
            node->type == YAML_SCALAR_NODE
                ? node
                : yaml_document_get_node(&r->document, node->data.sequence.items.start[i]);
        const char *text = policy_scalar(r, item, what);
        char *copy = text == NULL ? NULL : pc_arena_strndup(r->arena, text, strlen(text));
        if (copy != NULL) {
            items[(*count)++] = (policy_item){copy, item};
        } else if (text != NULL) {
            r->out_of_memory = true;
        }
    }
    tell_doubles(r, items, *count);
    return items;
}
