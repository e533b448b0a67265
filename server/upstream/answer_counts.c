/* Plain atomics: one thread counts. */
#include "upstream/answer_counts.h"

#include "util/clock.h"

/* From an answer of a cache close by to the longest that a fetch may take. */
static const int64_t bounds_ns[] = {5000000,    10000000,   20000000,   50000000,   100000000,
                                    200000000,  300000000,  500000000,  750000000,  1000000000,
                                    1500000000, 2000000000, 3000000000, 5000000000, 10000000000};

pc_status pc_answer_counts_init(pc_answer_counts *counts)
{
    return pc_distribution_new(&counts->took, bounds_ns, PC_COUNT_OF(bounds_ns),
                               PC_ANSWER_OPERATIONS);
}

void pc_answer_counts_deinit(pc_answer_counts *counts)
{
    pc_distribution_free(counts->took);
}

static pc_answer_kind kind_of(pc_code code, int http_status)
{
    if (http_status == 0) {
        return code == PC_CODE_CANCELLED ? PC_ANSWER_CANCELLED : PC_ANSWER_NONE;
    }
    switch (http_status) {
    case 401:
        return PC_ANSWER_UNAUTHENTICATED;
    case 404:
        return PC_ANSWER_NOT_FOUND;
    case 429:
        return PC_ANSWER_THROTTLED;
    default:
        return http_status >= 500                         ? PC_ANSWER_FAILED
               : http_status >= 200 && http_status <= 299 ? PC_ANSWER_OK
                                                          : PC_ANSWER_REFUSED;
    }
}

void pc_answer_counts_add(pc_answer_counts *counts, size_t operation, pc_code code, int http_status,
                          int64_t took_ns)
{
    pc_answer_kind kind = kind_of(code, http_status);
    atomic_fetch_add(&counts->counts[operation][kind], 1);
    if (kind == PC_ANSWER_CANCELLED) {
        return;
    }
    pc_distribution_add(counts->took, operation, took_ns);
    if (kind == PC_ANSWER_FAILED || kind == PC_ANSWER_NONE) {
        atomic_fetch_add(&counts->failures_in_row, 1);
    } else {
        atomic_store(&counts->failures_in_row, 0);
        atomic_store(&counts->last_good_ns, pc_clock_now_ns());
    }
}
