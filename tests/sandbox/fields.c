/* Selection by dot paths, see fields.h. */
#include "fields.h"

#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static json_t *select_value(json_t *value, const char *const *paths, size_t count);

/* What remains of path below key: "" when path names key itself, NULL when it does not apply. */
static const char *rest_below(const char *path, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(path, key, length) != 0) {
        return NULL;
    }
    if (path[length] == '\0') {
        return path + length;
    }
    return path[length] == '.' ? path + length + 1 : NULL;
}

static json_t *select_object(json_t *object, const char *const *paths, size_t count)
{
    json_t *out = json_object();
    const char **below = sbx_alloc(count * sizeof(*below));
    const char *key;
    json_t *member;
    json_object_foreach(object, key, member)
    {
        size_t below_count = 0;
        bool whole = false;
        for (size_t i = 0; i < count && !whole; i++) {
            const char *rest = rest_below(paths[i], key);
            if (rest != NULL) {
                whole = rest[0] == '\0';
                below[below_count++] = rest;
            }
        }
        if (whole) {
            json_object_set(out, key, member);
        } else if (below_count > 0) {
            json_t *part = select_value(member, below, below_count);
            if (part != NULL) {
                json_object_set_new(out, key, part);
            }
        }
    }
    free(below);
    if (json_object_size(out) == 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static json_t *select_array(json_t *array, const char *const *paths, size_t count)
{
    json_t *out = json_array();
    size_t index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        json_t *part = select_value(item, paths, count);
        if (part != NULL) {
            json_array_append_new(out, part);
        }
    }
    if (json_array_size(out) == 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static json_t *select_value(json_t *value, const char *const *paths, size_t count)
{
    if (json_is_object(value)) {
        return select_object(value, paths, count);
    }
    return json_is_array(value) ? select_array(value, paths, count) : NULL;
}

json_t *sbx_fields_select(json_t *entity, const char *const *paths, size_t count)
{
    if (count == 0) {
        return json_incref(entity);
    }
    json_t *out = select_value(entity, paths, count);
    return out != NULL ? out : json_object();
}
