/* What a caller may be given of what is remembered: the whole freshness contract, as one pure
 * function.
 *
 *   age of the data          without max_staleness             with max_staleness M
 *   over M                   -                                 useless: fetch
 *   to fresh                 give it (OK)                      give it (OK)
 *   to fresh + revalidate    give it (STALE), fetch behind it  give it (STALE), fetch behind it
 *   to if_error              fetch; if late or failed, give    give it (STALE), fetch behind it
 *   over it                  useless: fetch                    give it (STALE), fetch behind it
 *
 * What is older than the bound of the caller's rule is useless, whatever M says or does not say;
 * with a bound of 0 all is.
 *
 * That there is nothing is given while it is younger than `missing`, and then fetched. From who is
 * not to know whether there is something it is kept by the time, too: it is treated as data is.
 *
 * Every section has its own `fresh`; a part that serves several is judged by the strictest of them.
 * Threads: pure. */
#ifndef PC_CONTEXT_CACHE_FRESHNESS_H
#define PC_CONTEXT_CACHE_FRESHNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "context/section.h"

/* Milliseconds. */
typedef struct {
    int64_t fresh_ms[PC_SECTION_COUNT]; /* how long data counts as fresh */
    int64_t revalidate_ms; /* how much longer it is given at once while it is fetched anew */
    int64_t if_error_ms;   /* the age to which it is given when the upstream fails or is late */
    int64_t missing_ms;    /* how long it is remembered that there is nothing */
    int ahead_percent;     /* of `fresh`, from which on data that is asked for often is fetched
                              anew; 100 or more: never */
} pc_freshness_rules;

enum { PC_STALENESS_UNSET = -1 };

typedef struct {
    unsigned sections;    /* PC_SECTION_BIT of each section that the part is wanted for */
    int64_t staleness_ms; /* the caller's max_staleness; PC_STALENESS_UNSET */
    bool is_bounded;      /* a rule says how old it may be at most */
    int64_t bound_ms;
    int64_t age_ms;
    bool missing;   /* the data is that there is none, */
    bool is_hidden; /* which the caller is not to know */
    bool popular;   /* asked for often */
} pc_freshness_question;

typedef struct {
    bool give;        /* at once */
    bool give_if_bad; /* where fetching fails or is late */
    bool fetch;       /* needed for the answer, or behind it when `give` */
} pc_freshness_verdict;

pc_freshness_verdict pc_freshness_judge(const pc_freshness_rules *rules,
                                        const pc_freshness_question *question);

/* Whether data need not be fetched to be ready for who asks next: it is given at once, and fresh,
 * or no older than max_staleness where there is one. */
bool pc_freshness_is_warm(const pc_freshness_rules *rules, const pc_freshness_question *question);

/* Whether data of that age is stale as this section. */
bool pc_freshness_is_stale(const pc_freshness_rules *rules, pc_section section, int64_t age_ms);

/* How long data is of any use: what the cache forgets first. */
int64_t pc_freshness_useful_ms(const pc_freshness_rules *rules);

#endif
