/* The part of insights that its files share. Only for server/mapping. */
#ifndef PC_MAPPING_INSIGHTS_INTERNAL_H
#define PC_MAPPING_INSIGHTS_INTERNAL_H

#include "mapping/insights.h"

/* Appends a field `field_number` of message Insight, or nothing when the value is not there (size
 * 0) or cannot be read as the rule says. `found` is the value and its factors, which are known to
 * be well-formed. */
void pc_insight_put(pc_buffer *out, uint32_t field_number, const pc_insight_rule *rule,
                    const pc_json_range found[2]);

#endif
