/* The shapes of answers, see shapes.h. */
#include "shapes.h"

#include "json.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const struct sbx_shapes sbx_shapes_usual = {.batch_refusal = 400};

static const struct flag {
    const char *name;
    size_t offset;
} flags[] = {
    {"batchOmitsUnknown", offsetof(struct sbx_shapes, batch_omits_unknown)},
    {"batchErrorsMixed", offsetof(struct sbx_shapes, batch_errors_mixed)},
    {"batchKeysAreOther", offsetof(struct sbx_shapes, batch_keys_are_other)},
    {"requestedIdentity", offsetof(struct sbx_shapes, requested_identity)},
    {"notFoundAsEmpty", offsetof(struct sbx_shapes, not_found_as_empty)},
    {"notFoundAsPlaceholder", offsetof(struct sbx_shapes, not_found_as_placeholder)},
    {"eventsNotFoundAs404", offsetof(struct sbx_shapes, events_not_found_as_404)},
    {"eventsNotFoundAsPage", offsetof(struct sbx_shapes, events_not_found_as_page)},
    {"eventsNotFoundAsEmpty", offsetof(struct sbx_shapes, events_not_found_as_empty)},
    {"eventsInACircle", offsetof(struct sbx_shapes, events_in_a_circle)},
    {"eventsLinkOnly", offsetof(struct sbx_shapes, events_link_only)},
    {"noDefaultMergePolicy", offsetof(struct sbx_shapes, no_default_merge_policy)},
    {"graphMembersWithXid", offsetof(struct sbx_shapes, graph_members_with_xid)},
};

static const struct number {
    const char *name;
    size_t offset;
    double least;
    double most;
    bool whole;
} numbers[] = {
    {"entryErrorRate", offsetof(struct sbx_shapes, entry_error_rate), 0, 1, false},
    {"batchMax", offsetof(struct sbx_shapes, batch_max), 0, 100000, true},
    {"batchRefusal", offsetof(struct sbx_shapes, batch_refusal), 400, 413, true},
};

enum {
    FLAG_COUNT = sizeof(flags) / sizeof(flags[0]),
    NUMBER_COUNT = sizeof(numbers) / sizeof(numbers[0])
};

static const bool *flag_of(const struct sbx_shapes *shapes, size_t i)
{
    return (const bool *)(const void *)((const char *)shapes + flags[i].offset);
}

static const double *number_of(const struct sbx_shapes *shapes, size_t i)
{
    return (const double *)(const void *)((const char *)shapes + numbers[i].offset);
}

json_t *sbx_shapes_describe(const struct sbx_shapes *shapes)
{
    json_t *out = json_object();
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        json_object_set_new(out, flags[i].name, json_boolean(*flag_of(shapes, i)));
    }
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        double value = *number_of(shapes, i);
        json_object_set_new(out, numbers[i].name,
                            value == floor(value) ? json_integer((json_int_t)value)
                                                  : json_real(value));
    }
    return out;
}

static bool set_number(struct sbx_shapes *shapes, size_t i, const json_t *value,
                       struct sbx_error *error)
{
    const struct number *number = &numbers[i];
    double wanted = 0;
    if (!sbx_json_number(&wanted, value) || !(wanted >= number->least && wanted <= number->most) ||
        (number->whole && wanted != floor(wanted))) {
        return sbx_fail(error, "\"%s\" is a %snumber from %g to %g", number->name,
                        number->whole ? "whole " : "", number->least, number->most);
    }
    if (number->offset == offsetof(struct sbx_shapes, batch_refusal) && wanted != 400 &&
        wanted != 413) {
        return sbx_fail(error, "\"batchRefusal\" is 400 or 413");
    }
    *(double *)(void *)((char *)shapes + number->offset) = wanted;
    return true;
}

static bool set_one(struct sbx_shapes *shapes, const char *name, const json_t *value,
                    struct sbx_error *error)
{
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            return set_number(shapes, i, value, error);
        }
    }
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (strcmp(name, flags[i].name) == 0) {
            *(bool *)(void *)((char *)shapes + flags[i].offset) = json_is_true(value);
            return json_is_boolean(value) || sbx_fail(error, "\"%s\" is true or false", name);
        }
    }
    return sbx_fail(error, "there is no shape setting \"%.80s\"", name);
}

bool sbx_shapes_change(struct sbx_shapes *shapes, json_t *wanted, struct sbx_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(wanted, name, value)
    {
        if (!set_one(shapes, name, value, error)) {
            return false;
        }
    }
    return true;
}
