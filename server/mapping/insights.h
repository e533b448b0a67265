/* Insights: values at configured paths of a profile's JSON, found in one pass over the text for all
 * rules together, and written as profilecontext.v1.Insight.
 * Threads: a compiled set never changes; any thread may use it. */
#ifndef PC_MAPPING_INSIGHTS_H
#define PC_MAPPING_INSIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/json_reader.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/status.h"

/* How the value is read. A value that cannot be read so is left out. */
typedef enum {
    PC_INSIGHT_NUMBER, /* also from a string that spells a number */
    PC_INSIGHT_TEXT,   /* also a number's digits, and true or false */
    PC_INSIGHT_FLAG,   /* also "true" and "false" */
    PC_INSIGHT_TIME,   /* a time with a zone, or a date: midnight UTC */
    PC_INSIGHT_LIST    /* an array's strings and numbers; a single one is a list of one */
} pc_insight_type;

/* One configured insight. Borrowed for pc_insight_set_new only. */
typedef struct {
    const char *name; /* unique */
    const char *path; /* JSON property names joined by dots; a backslash takes the next
                         character as it is, for names with dots or backslashes */
    pc_insight_type type;
    int kind;                 /* InsightKind's number */
    const char *unit;         /* NULL or "": none */
    int direction;            /* InsightDirection's number */
    int propensity;           /* Propensity's number */
    bool has_bounds;          /* for the band of a number */
    double low_below;         /* below it: LOW */
    double high_above;        /* above it: HIGH; between the two, both included: MEDIUM */
    const char *factors_path; /* NULL or "": none. An array of {code, value, importance} */
} pc_insight_rule;

typedef struct pc_insight_set pc_insight_set;

/* Takes the next name of a rule's path off into `name`, which has room for it. False at the end,
 * and when it is malformed: a name is empty, or there is a backslash at the end. */
bool pc_insight_path_next(const char **path, char *name, size_t *size);

/* Compiles `count` rules. Owned: pc_insight_set_free. Errors: INVALID_ARGUMENT INVALID_REQUEST with
 * a violation for each rule whose name or path is empty or malformed; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_insight_set_new(pc_insight_set **out, const pc_insight_rule *rules,
                                          size_t count);

/* NULL is allowed. */
void pc_insight_set_free(pc_insight_set *set);

/* The upstream's `fields` paths that the rules need, joined by commas; "" when there are no rules.
 * Borrowed from the set. NULL when a property's name cannot stand in such a list: then everything
 * must be fetched. */
const char *pc_insight_set_fields(const pc_insight_set *set);

/* What the rules of a set ask for, found while somebody else reads the document. Places are where
 * the reader is along the rules' paths. Visible so that it can stand on the stack. Borrows from the
 * document. */
enum { PC_INSIGHTS_FEW = 64, PC_INSIGHT_ROOT = 0, PC_INSIGHT_NOWHERE = -1 };

typedef struct {
    const pc_insight_set *set; /* borrowed */
    pc_json_range *found;      /* two for each rule; size 0: not found */
    pc_json_range few[2 * PC_INSIGHTS_FEW];
} pc_insight_search;

/* False when out of memory. Call pc_insight_search_deinit in any case. */
PC_NODISCARD bool pc_insight_search_init(pc_insight_search *search, const pc_insight_set *set);
void pc_insight_search_deinit(pc_insight_search *search);

/* Forgets what was found: another document begins. */
void pc_insight_search_restart(pc_insight_search *search);

/* The place of a member of the object at `parent`, PC_INSIGHT_NOWHERE when no path leads there.
 * What an earlier member of the same name had is forgotten. */
int pc_insight_search_enter(pc_insight_search *search, int parent, const pc_json_text *key);

/* Looks at the value at a place; it begins and ends with the value's own bytes, which are known to
 * be well-formed. For an object whose members are all entered there is nothing to do. */
void pc_insight_search_value(pc_insight_search *search, int place, const pc_json_range *value);

/* Whether anything was found. */
bool pc_insight_search_is_empty(const pc_insight_search *search);

/* Appends a field `field_number` of message Insight for each rule whose value was found, in the
 * order of the rules. What does not fit fails `out`. */
void pc_insight_search_put(pc_buffer *out, const pc_insight_search *search, uint32_t field_number);

/* Appends one field `field_number` of message Insight for each rule whose value is in the JSON
 * object `json` (a profile's entity), in the order of the rules. Of equal keys the last counts.
 * Errors: INTERNAL UPSTREAM_BODY_UNREADABLE; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_map_insights(pc_buffer *out, const pc_insight_set *set,
                                       const uint8_t *json, size_t size, uint32_t field_number);

#endif
