/* Insights: a list of small maps, which only the file can hold. */
#include <stdlib.h>
#include <string.h>

#include "config/config_internal.h"

/* Places are the numbers of insight.proto's enums. */
static const char *const types[] = {"number", "string", "boolean", "timestamp", "list", NULL};
static const char *const kinds[] = {"",      "score", "probability", "percentile", "amount",
                                    "count", "label", "date",        "list",       NULL};
static const char *const directions[] = {"none", "high_is_good", "high_is_bad", NULL};
static const char *const propensities[] = {"none", "churn", "conversion", NULL};

static void set_choice(int *out, const char *const *choices, const char *text, const char *where,
                       pc_config_errors *errors)
{
    char all[160] = "";
    for (int i = 0; choices[i] != NULL; i++) {
        if (choices[i][0] != '\0' && strcmp(choices[i], text) == 0) {
            *out = i;
            return;
        }
        if (choices[i][0] != '\0') {
            strncat(all, all[0] == '\0' ? "" : ", ", sizeof all - strlen(all) - 1);
            strncat(all, choices[i], sizeof all - strlen(all) - 1);
        }
    }
    config_error(errors, "%s: must be one of %s", where, all);
}

static void set_text(char **out, const char *text, pc_config_errors *errors)
{
    char *copy = config_copy(text, strlen(text));
    if (copy == NULL) {
        config_error(errors, "out of memory");
        return;
    }
    free(*out);
    *out = copy;
}

static void set_bound(pc_config_insight *insight, double *out, const char *text, const char *where,
                      pc_config_errors *errors)
{
    char *end;
    *out = strtod(text, &end);
    insight->has_bounds = true;
    if (end == text || *end != '\0') {
        config_error(errors, "%s: must be a number", where);
    }
}

void config_set_insight(pc_config_insight *insight, const char *property, const char *text,
                        const char *where, pc_config_errors *errors)
{
    static const char *const names[] = {"name",       "path",        "type",       "kind",
                                        "unit",       "direction",   "propensity", "low_below",
                                        "high_above", "factors_path"};
    int type = (int)insight->type;
    if (strcmp(property, "name") == 0) {
        set_text(&insight->name, text, errors);
    } else if (strcmp(property, "path") == 0) {
        set_text(&insight->path, text, errors);
    } else if (strcmp(property, "unit") == 0) {
        set_text(&insight->unit, text, errors);
    } else if (strcmp(property, "factors_path") == 0) {
        set_text(&insight->factors_path, text, errors);
    } else if (strcmp(property, "type") == 0) {
        set_choice(&type, types, text, where, errors);
        insight->type = (pc_config_value_type)type;
    } else if (strcmp(property, "kind") == 0) {
        set_choice(&insight->kind, kinds, text, where, errors);
    } else if (strcmp(property, "direction") == 0) {
        set_choice(&insight->direction, directions, text, where, errors);
    } else if (strcmp(property, "propensity") == 0) {
        set_choice(&insight->propensity, propensities, text, where, errors);
    } else if (strcmp(property, "low_below") == 0) {
        set_bound(insight, &insight->low_below, text, where, errors);
    } else if (strcmp(property, "high_above") == 0) {
        set_bound(insight, &insight->high_above, text, where, errors);
    } else {
        const char *near = config_nearest(property, names, PC_COUNT_OF(names));
        config_error(errors, "%s: there is no such property of an insight%s%s", where,
                     near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
    }
}

void config_check_insight(const pc_config *config, size_t index, const char *where,
                          pc_config_errors *errors)
{
    const pc_config_insight *insight = &config->insights[index];
    if (insight->name[0] == '\0' || insight->path[0] == '\0') {
        config_error(errors, "%s: an insight needs a name and a path", where);
    }
    if (insight->has_bounds && insight->low_below > insight->high_above) {
        config_error(errors, "%s: low_below must not be above high_above", where);
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(config->insights[i].name, insight->name) == 0) {
            config_error(errors, "%s: there is an insight named %s already", where, insight->name);
        }
    }
}
