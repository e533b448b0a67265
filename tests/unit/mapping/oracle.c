#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static bool same_tree(const value *v, const json_t *oracle)
{
    switch (json_typeof(oracle)) {
    case JSON_OBJECT: {
        if (v->kind != PC_JSON_OBJECT || v->count != json_object_size(oracle)) {
            return false;
        }
        for (size_t i = 0; i < v->count; i++) {
            const json_t *item = json_object_get(oracle, v->members[i].key);
            if (item == NULL || !same_tree(v->members[i].item, item)) {
                return false;
            }
        }
        return true;
    }
    case JSON_ARRAY:
        if (v->kind != PC_JSON_ARRAY || v->count != json_array_size(oracle)) {
            return false;
        }
        for (size_t i = 0; i < v->count; i++) {
            if (!same_tree(v->members[i].item, json_array_get(oracle, i))) {
                return false;
            }
        }
        return true;
    case JSON_STRING:
        return v->kind == PC_JSON_STRING && v->size == json_string_length(oracle) &&
               memcmp(v->text, json_string_value(oracle), v->size) == 0;
    case JSON_INTEGER:
        return v->kind == PC_JSON_NUMBER && atoll(v->text) == json_integer_value(oracle);
    case JSON_REAL:
        return v->kind == PC_JSON_NUMBER && strtod(v->text, NULL) == json_real_value(oracle);
    case JSON_TRUE:
        return v->kind == PC_JSON_TRUE;
    case JSON_FALSE:
        return v->kind == PC_JSON_FALSE;
    case JSON_NULL:
        return v->kind == PC_JSON_NULL;
    }
    return false;
}

bool oracle_reads(const void *json, size_t size)
{
    json_t *oracle = json_loadb(json, size, JSON_ALLOW_NUL, NULL);
    json_decref(oracle);
    return oracle != NULL;
}

oracle_verdict oracle_compare(const value *read, const void *json, size_t size)
{
    json_t *oracle = json_loadb(json, size, JSON_ALLOW_NUL, NULL);
    if (oracle == NULL) {
        return ORACLE_REFUSES;
    }
    bool same = read != NULL && same_tree(read, oracle);
    json_decref(oracle);
    return same ? ORACLE_AGREES : ORACLE_DIFFERS;
}
