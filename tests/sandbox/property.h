/* The `property` parameter of event lookups: path, comparison, value. */
#ifndef SBX_PROPERTY_H
#define SBX_PROPERTY_H

#include "text.h"

#include <jansson.h>

enum { SBX_PROPERTY_MAX = 3 };

enum sbx_comparison { SBX_EQ, SBX_NE, SBX_LT, SBX_LE, SBX_GT, SBX_GE };

struct sbx_property {
    char *path;
    enum sbx_comparison comparison;
    char *value; /* without the quotes */
    bool quoted;
};

/* Reads e.g. `web.webPageDetails.isHomePage=false` or `timestamp>="2026-01-31"`. */
bool sbx_property_parse(struct sbx_property *out, const char *text, struct sbx_error *error);
void sbx_property_deinit(struct sbx_property *property);

/* Whether any value at the path compares true. `!=` also holds when there is no value. */
bool sbx_property_matches(const struct sbx_property *property, const json_t *entity);

#endif
