/* What the summary is made of. A part of it that is computed from something denied would tell of
 * it, so it is left out: a part is shown when all of its sources may be seen as they are. Whether
 * the sources' sections are granted does not matter: these say what may be asked for, fields what
 * may be known. */
#include <string.h>

#include "mapping_tables.h"
#include "policy/policy_internal.h"
#include "util/attributes.h"

enum { SOURCES_MAX = 8 };

static const struct {
    const char *part;
    const char *sources[SOURCES_MAX];
} parts[] = {
    {"lifetime_value", {"insights"}},
    {"churn", {"insights"}},
    {"conversion", {"insights"}},
    {"purchases",
     {"events.event_id", "events.timestamp", "events.event_type", "events.commerce",
      "events.product_list_items"}},
    {"campaigns",
     {"events.event_id", "events.timestamp", "events.event_type", "events.marketing",
      "events.direct_marketing", "events.channel", "events.experience"}},
    /* Cases are found by configured paths, anywhere in an event. */
    {"service", {"events"}},
    {"preferred_channel", {"profile.consents"}},
    {"contactability", {"profile.consents"}},
    {"events_considered", {"events.event_id"}},
    {"events_truncated", {"events.event_id"}},
};

static size_t source_count(const char *const *sources)
{
    size_t count = 0;
    while (count < SOURCES_MAX && sources[count] != NULL) {
        count++;
    }
    return count;
}

/* False when out of memory. */
static bool covers(bool *out, pc_arena *arena, const pc_mask *clear, const char *const *sources)
{
    const pc_mask *wanted;
    const pc_mask *left = NULL;
    pc_status status =
        pc_mask_compile(&wanted, arena, &policy_root, sources, source_count(sources));
    bool good = pc_status_ok(&status);
    pc_status_clear(&status);
    *out = false;
    if (good && clear != NULL) {
        good = pc_mask_without(&left, arena, wanted, clear);
        *out = good && left == NULL;
    }
    return good;
}

const pc_mask *policy_narrow_summary(pc_arena *arena, const pc_mask *summary, const pc_mask *clear)
{
    for (size_t i = 0; summary != NULL && i < PC_COUNT_OF(parts); i++) {
        const pc_field_table *field =
            pc_table_find_name(&pc_table_ContextSummary, parts[i].part, strlen(parts[i].part));
        bool shown;
        if (field == NULL || !covers(&shown, arena, clear, parts[i].sources)) {
            return NULL;
        }
        if (!shown) {
            summary = pc_mask_narrow(arena, summary, field->number, NULL);
        }
    }
    return summary;
}
