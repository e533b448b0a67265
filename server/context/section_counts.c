/* Counters in stripes: see util/stripes.h. */
#include "context/section_counts.h"

#include <stdlib.h>

#include "util/stripes.h"

/* In the order that puts the sections of one answer, which mostly fare alike, side by side. */
typedef struct {
    _Alignas(PC_STRIPE_ALIGNMENT)
        pc_counter counters[PC_SECTION_STATUS_COUNT][PC_ORIGIN_COUNT][PC_SECTION_COUNT];
} stripe;

struct pc_section_counts {
    stripe *stripes;
};

pc_status pc_section_counts_new(pc_section_counts **out)
{
    *out = calloc(1, sizeof **out);
    stripe *stripes = pc_stripes_new(sizeof *stripes);
    if (*out == NULL || stripes == NULL) {
        free(*out);
        free(stripes);
        *out = NULL;
        return pc_status_out_of_memory();
    }
    (*out)->stripes = stripes;
    return PC_OK;
}

void pc_section_counts_free(pc_section_counts *counts)
{
    if (counts != NULL) {
        free(counts->stripes);
        free(counts);
    }
}

void pc_section_counts_add(pc_section_counts *counts, pc_section first,
                           const pc_section_result *results, size_t count)
{
    if (counts == NULL) {
        return;
    }
    unsigned mine = pc_stripe();
    stripe *s = &counts->stripes[mine];
    for (size_t i = 0; i < count; i++) {
        if (results[i].status != PC_SECTION_UNDECIDED) {
            pc_counter_add(&s->counters[results[i].status][results[i].origin][first + i], mine, 1);
        }
    }
}

uint64_t pc_section_counts_read(const pc_section_counts *counts, pc_section section,
                                pc_section_origin origin, pc_section_status status)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PC_STRIPES; i++) {
        sum += pc_counter_read(&counts->stripes[i].counters[status][origin][section]);
    }
    return sum;
}
