/* Insights are values read out of the profile, so one that reads a typed field is shown only where
 * that may be seen as it is. What has no typed field can be granted or denied but whole, as
 * extensions; insights are how a part of it is granted, whatever becomes of the rest. */
#include <string.h>

#include "mapping/insights.h"
#include "mapping_tables.h"
#include "policy/policy_internal.h"

/* Numbers of insight.proto's Propensity. */
enum { CHURN = 1, CONVERSION = 2 };

/* Names of fields on the way to what is hidden, joined by dots. */
typedef struct {
    char text[PC_MASK_PATH_BYTES_MAX + 1];
    size_t size;
} field_path;

static void add_name(field_path *path, const char *name)
{
    size_t size = strlen(name);
    if (path->size + size + 1 < sizeof path->text) {
        path->text[path->size++] = '.';
        memcpy(path->text + path->size, name, size + 1);
        path->size += size;
    }
}

/* Whether `clear`, a mask of the profile's or NULL for nothing, does not show all that is read at a
 * configured path; `*read` is its typed part then. `name` has room for a name of the path. */
static bool hides(field_path *read, const pc_mask *clear, const char *path, char *name)
{
    const pc_message_table *table = &pc_table_Profile;
    const pc_mask *mask = clear;
    size_t size;
    *read = (field_path){.text = "profile", .size = strlen("profile")};
    while (pc_insight_path_next(&path, name, &size)) {
        const pc_field_table *field = pc_table_find_json(table, name, size);
        if (field == NULL) {
            return false;
        }
        add_name(read, field->name);
        mask = mask == NULL ? NULL : pc_mask_child_number(mask, field->number);
        /* Behind a map come its keys, and what ends here is read whole. */
        bool last = *path == '\0' || field->map_depth > 0 || field->type != PC_FIELD_MESSAGE;
        if (mask == NULL || last) {
            return mask == NULL || !pc_mask_is_all(mask);
        }
        table = field->message;
    }
    return false;
}

static bool hides_insight(policy_reading *r, field_path *read, const pc_mask *clear,
                          const pc_config_insight *insight)
{
    size_t room = strlen(insight->path) + strlen(insight->factors_path) + 1;
    char *name = pc_arena_alloc(r->arena, room);
    if (name == NULL) {
        r->out_of_memory = true;
        return true;
    }
    return hides(read, clear, insight->path, name) ||
           (insight->factors_path[0] != '\0' && hides(read, clear, insight->factors_path, name));
}

void policy_hide_insights(policy_reading *r, pc_hidden_insights *out, const pc_mask *clear)
{
    size_t count = r->config == NULL ? 0 : r->config->insight_count;
    pc_hidden_insight *insights = pc_arena_calloc(r->arena, count + 1, sizeof *insights);
    *out = (pc_hidden_insights){.insights = insights};
    r->out_of_memory = r->out_of_memory || insights == NULL;
    for (size_t i = 0; i < count && !r->out_of_memory; i++) {
        const pc_config_insight *insight = &r->config->insights[i];
        field_path read = {.size = 0};
        if (!hides_insight(r, &read, clear, insight)) {
            continue;
        }
        const char *name = pc_arena_strndup(r->arena, insight->name, strlen(insight->name));
        const char *path = pc_arena_strndup(r->arena, read.text, read.size);
        r->out_of_memory = r->out_of_memory || name == NULL || path == NULL;
        insights[out->count++] = (pc_hidden_insight){name, path};
    }
}

static const pc_config_insight *find_insight(const policy_reading *r, const char *name)
{
    for (size_t i = 0; i < r->config->insight_count; i++) {
        if (strcmp(r->config->insights[i].name, name) == 0) {
            return &r->config->insights[i];
        }
    }
    return NULL;
}

static const pc_mask *without_part(policy_reading *r, const pc_mask *summary, const char *part)
{
    const pc_field_table *field = pc_table_find_name(&pc_table_ContextSummary, part, strlen(part));
    const pc_mask *left =
        field == NULL ? NULL : pc_mask_narrow(r->arena, summary, field->number, NULL);
    r->out_of_memory = r->out_of_memory || left == NULL;
    return left;
}

const pc_mask *policy_hide_in_summary(policy_reading *r, const pc_mask *summary,
                                      const pc_hidden_insights *hidden)
{
    for (size_t i = 0; i < hidden->count && summary != NULL; i++) {
        const pc_config_insight *insight = find_insight(r, hidden->insights[i].name);
        const char *lifetime_value = r->config->summary.lifetime_value;
        if (lifetime_value != NULL && strcmp(lifetime_value, insight->name) == 0) {
            summary = without_part(r, summary, "lifetime_value");
        }
        if (summary != NULL && insight->propensity == CHURN) {
            summary = without_part(r, summary, "churn");
        }
        if (summary != NULL && insight->propensity == CONVERSION) {
            summary = without_part(r, summary, "conversion");
        }
    }
    return summary;
}
