/* The rules' paths form a tree of property names. One walk over the document beside that tree notes
 * where each rule's value stands; then the values are read and written in the order of the rules.
 */
#include "mapping/insights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/insights_internal.h"
#include "mapping/json_reader.h"

enum { PATH_DEPTH_MAX = 64, NONE = PC_INSIGHT_NOWHERE };

/* A property in the tree. Links are places in the set's array, or NONE. */
typedef struct {
    const char *name;
    size_t name_size;
    int first_child;
    int next_sibling;
    int first_target; /* values that are wanted of this property */
} node;

/* Each rule has two: 2 * its place for the value, and one more for the factors. */
typedef struct {
    int next;
} target;

struct pc_insight_set {
    pc_arena arena; /* of all that follows */
    pc_insight_rule *rules;
    size_t count;
    node *nodes; /* the first is the document */
    size_t node_count;
    target *targets;
    const char *fields;
};

/* ---- compiling ----------------------------------------------------------------------------- */

bool pc_insight_path_next(const char **path, char *name, size_t *size)
{
    *size = 0;
    const char *at = *path;
    for (; *at != 0 && *at != '.'; at++) {
        if (*at == '\\' && *++at == 0) {
            return false;
        }
        name[(*size)++] = *at;
    }
    /* A dot must be followed by another name. */
    bool ends_in_dot = *at == '.' && at[1] == 0;
    *path = *at == '.' ? at + 1 : at;
    return *size > 0 && !ends_in_dot;
}

/* The child of this name, made when it is missing; NONE when out of memory. */
static int child_of(pc_insight_set *set, int parent, const char *name, size_t size)
{
    int *link = &set->nodes[parent].first_child;
    while (*link != NONE) {
        node *child = &set->nodes[*link];
        if (child->name_size == size && memcmp(child->name, name, size) == 0) {
            return *link;
        }
        link = &child->next_sibling;
    }
    char *copy = pc_arena_strndup(&set->arena, name, size);
    if (copy == NULL) {
        return NONE;
    }
    int place = (int)set->node_count++;
    set->nodes[place] = (node){.name = copy,
                               .name_size = size,
                               .first_child = NONE,
                               .next_sibling = NONE,
                               .first_target = NONE};
    *link = place;
    return place;
}

typedef enum { PATH_ADDED, PATH_MALFORMED, PATH_NO_MEMORY } path_result;

static path_result add_path(pc_insight_set *set, const char *path, int place)
{
    char *name = pc_arena_alloc(&set->arena, strlen(path) + 1);
    if (name == NULL) {
        return PATH_NO_MEMORY;
    }
    int at = 0;
    int depth = 0;
    do {
        size_t size;
        if (!pc_insight_path_next(&path, name, &size) || depth++ == PATH_DEPTH_MAX) {
            return PATH_MALFORMED;
        }
        at = child_of(set, at, name, size);
        if (at == NONE) {
            return PATH_NO_MEMORY;
        }
    } while (*path != 0);
    set->targets[place].next = set->nodes[at].first_target;
    set->nodes[at].first_target = place;
    return PATH_ADDED;
}

/* At most how many nodes a path makes. */
static size_t names_in(const char *path)
{
    size_t count = 1;
    for (; path != NULL && *path != 0; path++) {
        count += *path == '.';
    }
    return count;
}

static bool copy_rule(pc_insight_set *set, pc_insight_rule *to, const pc_insight_rule *from)
{
    *to = *from;
    const char *name = from->name == NULL ? "" : from->name;
    const char *path = from->path == NULL ? "" : from->path;
    const char *unit = from->unit == NULL ? "" : from->unit;
    to->name = pc_arena_strndup(&set->arena, name, strlen(name));
    to->path = pc_arena_strndup(&set->arena, path, strlen(path));
    to->unit = pc_arena_strndup(&set->arena, unit, strlen(unit));
    /* Only needed while the paths are compiled, during which the caller's is there. */
    to->factors_path =
        from->factors_path == NULL || from->factors_path[0] == 0 ? NULL : from->factors_path;
    return to->name != NULL && to->path != NULL && to->unit != NULL;
}

/* Lists the paths of the properties that are wanted, a parent in place of its children. False when
 * a name cannot stand in the list. */
static bool list_fields(const pc_insight_set *set, int place, pc_buffer *path, pc_buffer *list)
{
    const node *n = &set->nodes[place];
    size_t mark = path->size;
    bool good = true;
    if (place != 0) {
        if (strpbrk(n->name, ".,") != NULL) {
            return false;
        }
        pc_buffer_append(path, ".", mark > 0);
        pc_buffer_append(path, n->name, n->name_size);
    }
    if (n->first_target != NONE) {
        pc_buffer_append(list, ",", list->size > 0);
        pc_buffer_append(list, path->bytes, path->size);
    } else {
        for (int i = n->first_child; i != NONE && good; i = set->nodes[i].next_sibling) {
            good = list_fields(set, i, path, list);
        }
    }
    path->size = mark;
    return good;
}

/* False when out of memory. */
static bool make_fields(pc_insight_set *set)
{
    pc_buffer path;
    pc_buffer list;
    pc_buffer_init(&path, SIZE_MAX);
    pc_buffer_init(&list, SIZE_MAX);
    bool good = true;
    if (list_fields(set, 0, &path, &list)) {
        const char *text = list.size == 0 ? "" : (const char *)list.bytes;
        set->fields = pc_arena_strndup(&set->arena, text, list.size);
        good = set->fields != NULL && !path.failed && !list.failed;
    }
    pc_buffer_deinit(&path);
    pc_buffer_deinit(&list);
    return good;
}

pc_status pc_insight_set_new(pc_insight_set **out, const pc_insight_rule *rules, size_t count)
{
    *out = NULL;
    pc_insight_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return pc_status_out_of_memory();
    }
    pc_arena_init(&set->arena, NULL, 0, SIZE_MAX);
    size_t nodes_max = 1;
    for (size_t i = 0; i < count; i++) {
        nodes_max += names_in(rules[i].path) + names_in(rules[i].factors_path);
    }
    set->count = count;
    set->rules = pc_arena_calloc(&set->arena, count, sizeof *set->rules);
    set->targets = pc_arena_calloc(&set->arena, count, 2 * sizeof *set->targets);
    set->nodes = pc_arena_calloc(&set->arena, nodes_max, sizeof *set->nodes);
    bool memory = set->rules != NULL && set->targets != NULL && set->nodes != NULL;
    pc_status status = PC_OK;
    if (memory) {
        set->nodes[0] =
            (node){.name = "", .first_child = NONE, .next_sibling = NONE, .first_target = NONE};
        set->node_count = 1;
    }
    for (size_t i = 0; i < count && memory; i++) {
        pc_insight_rule *rule = &set->rules[i];
        memory = copy_rule(set, rule, &rules[i]);
        if (!memory) {
            break;
        }
        path_result value = add_path(set, rule->path, (int)(2 * i));
        path_result factors = rule->factors_path == NULL
                                  ? PATH_ADDED
                                  : add_path(set, rule->factors_path, (int)(2 * i + 1));
        memory = value != PATH_NO_MEMORY && factors != PATH_NO_MEMORY;
        if (rule->name[0] == 0 || value == PATH_MALFORMED || factors == PATH_MALFORMED) {
            char field[48];
            snprintf(field, sizeof field, "insights[%zu]", i);
            pc_status_add_violation(&status, field,
                                    rule->name[0] == 0
                                        ? "needs a name"
                                        : "needs paths of property names joined by dots");
        }
        rule->factors_path = NULL;
    }
    memory = memory && make_fields(set);
    if (!memory) {
        pc_status_clear(&status);
        status = pc_status_out_of_memory();
    }
    if (!pc_status_ok(&status)) {
        pc_insight_set_free(set);
        return status;
    }
    *out = set;
    return PC_OK;
}

void pc_insight_set_free(pc_insight_set *set)
{
    if (set != NULL) {
        pc_arena_deinit(&set->arena);
        free(set);
    }
}

const char *pc_insight_set_fields(const pc_insight_set *set)
{
    return set->fields;
}

/* ---- finding ------------------------------------------------------------------------------- */

static int find_child(const pc_insight_set *set, int parent, const pc_json_text *key)
{
    for (int i = set->nodes[parent].first_child; i != NONE; i = set->nodes[i].next_sibling) {
        const node *child = &set->nodes[i];
        bool same = key->plain ? key->size == child->name_size &&
                                     memcmp(key->bytes, child->name, key->size) == 0
                               : pc_json_text_is(key, child->name);
        if (same) {
            return i;
        }
    }
    return NONE;
}

/* Forgets what an earlier property of the same name had; the last counts. */
static void forget(pc_insight_search *s, int place)
{
    const node *n = &s->set->nodes[place];
    for (int i = n->first_target; i != NONE; i = s->set->targets[i].next) {
        s->found[i] = (pc_json_range){0};
    }
    for (int i = n->first_child; i != NONE; i = s->set->nodes[i].next_sibling) {
        forget(s, i);
    }
}

int pc_insight_search_enter(pc_insight_search *search, int parent, const pc_json_text *key)
{
    int place = find_child(search->set, parent, key);
    if (place != NONE) {
        forget(search, place);
    }
    return place;
}

/* Looks at the value that comes next. Recursive, at most as deep as the paths. */
static void find_at(pc_insight_search *s, pc_json_reader *reader, int place)
{
    const node *n = &s->set->nodes[place];
    pc_json_text key;
    pc_json_range range;
    /* No rule wants an object itself. */
    if (pc_json_peek(reader) == PC_JSON_OBJECT && n->first_child != NONE) {
        (void)pc_json_enter_object(reader);
        while (pc_json_next_member(reader, &key)) {
            int child = pc_insight_search_enter(s, place, &key);
            if (child == NONE) {
                (void)pc_json_skip(reader, NULL);
            } else {
                find_at(s, reader, child);
            }
        }
    } else if (pc_json_skip(reader, &range) && range.bytes[0] != '{') {
        for (int i = n->first_target; i != NONE; i = s->set->targets[i].next) {
            s->found[i] = range;
        }
    }
}

bool pc_insight_search_init(pc_insight_search *search, const pc_insight_set *set)
{
    search->set = set;
    search->found = set->count <= PC_INSIGHTS_FEW
                        ? search->few
                        : malloc(set->count * 2 * sizeof search->found[0]);
    if (search->found == NULL) {
        return false;
    }
    pc_insight_search_restart(search);
    return true;
}

void pc_insight_search_deinit(pc_insight_search *search)
{
    if (search->found != search->few) {
        free(search->found);
    }
}

void pc_insight_search_restart(pc_insight_search *search)
{
    memset(search->found, 0, search->set->count * 2 * sizeof search->found[0]);
}

void pc_insight_search_value(pc_insight_search *search, int place, const pc_json_range *value)
{
    pc_json_reader reader;
    pc_json_reader_init(&reader, value->bytes, value->size, PC_JSON_DEPTH_MAX);
    find_at(search, &reader, place);
}

bool pc_insight_search_is_empty(const pc_insight_search *search)
{
    for (size_t i = 0; i < 2 * search->set->count; i++) {
        if (search->found[i].size > 0) {
            return false;
        }
    }
    return true;
}

/* ---- all of a document ------------------------------------------------------------------------
 */

void pc_insight_search_put(pc_buffer *out, const pc_insight_search *search, uint32_t field_number)
{
    for (size_t i = 0; i < search->set->count; i++) {
        pc_insight_put(out, field_number, &search->set->rules[i], &search->found[2 * i]);
    }
}

pc_status pc_map_insights(pc_buffer *out, const pc_insight_set *set, const uint8_t *json,
                          size_t size, uint32_t field_number)
{
    if (set->count == 0) {
        return PC_OK;
    }
    pc_insight_search search;
    size_t start = out->size;
    pc_status status = PC_OK;
    if (pc_insight_search_init(&search, set)) {
        pc_json_reader reader;
        pc_json_reader_init(&reader, json, size, 0);
        if (pc_json_peek(&reader) == PC_JSON_OBJECT) {
            find_at(&search, &reader, PC_INSIGHT_ROOT);
        } else {
            reader.failed = true;
        }
        (void)pc_json_finish(&reader);
        status = pc_json_status(&reader);
        if (pc_status_ok(&status)) {
            pc_insight_search_put(out, &search, field_number);
        }
    } else {
        status = pc_status_out_of_memory();
    }
    if (pc_status_ok(&status) && out->failed) {
        status = pc_status_out_of_memory();
    }
    if (!pc_status_ok(&status)) {
        out->size = start;
    }
    pc_insight_search_deinit(&search);
    return status;
}
