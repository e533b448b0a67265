/* The table of the header, row by row. */
#include "context/cache/freshness.h"

/* A summary is made of the profile, its insights and the events. */
static const unsigned summary_parts = PC_SECTION_BIT(PC_SECTION_PROFILE) |
                                      PC_SECTION_BIT(PC_SECTION_INSIGHTS) |
                                      PC_SECTION_BIT(PC_SECTION_EVENTS);

/* The strictest of the wanted sections. */
static int64_t fresh_for(const pc_freshness_rules *rules, unsigned sections)
{
    int64_t least = INT64_MAX;
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        bool wanted = s != PC_SECTION_SUMMARY && (sections & PC_SECTION_BIT(s)) != 0;
        if (wanted && rules->fresh_ms[s] < least) {
            least = rules->fresh_ms[s];
        }
    }
    return least;
}

/* 0 asks for data that is fetched for this very call, however young the old one is. */
static bool is_too_old(int64_t age_ms, int64_t most_ms)
{
    return most_ms == 0 || age_ms > most_ms;
}

pc_freshness_verdict pc_freshness_judge(const pc_freshness_rules *rules,
                                        const pc_freshness_question *question)
{
    int64_t age = question->age_ms;
    bool bounded = question->staleness_ms != PC_STALENESS_UNSET;
    if ((bounded && is_too_old(age, question->staleness_ms)) ||
        (question->is_bounded && is_too_old(age, question->bound_ms))) {
        return (pc_freshness_verdict){.fetch = true};
    }
    bool unknown = question->missing && !question->is_hidden;
    int64_t fresh = unknown ? rules->missing_ms : fresh_for(rules, question->sections);
    if (age <= fresh) {
        bool ahead = question->popular && !unknown && rules->ahead_percent < 100 &&
                     age > fresh / 100 * rules->ahead_percent;
        return (pc_freshness_verdict){.give = true, .fetch = ahead};
    }
    if (unknown) {
        /* That someone was unknown once is no answer when it cannot be looked up now. */
        return (pc_freshness_verdict){.fetch = true};
    }
    if (bounded || age - fresh <= rules->revalidate_ms) {
        return (pc_freshness_verdict){.give = true, .fetch = true};
    }
    return (pc_freshness_verdict){.give_if_bad = age <= rules->if_error_ms, .fetch = true};
}

bool pc_freshness_is_warm(const pc_freshness_rules *rules, const pc_freshness_question *question)
{
    pc_freshness_question plain = *question;
    plain.popular = false; /* what is popular is fetched anew while it is fresh still */
    const pc_freshness_verdict verdict = pc_freshness_judge(rules, &plain);
    return verdict.give && (!verdict.fetch || plain.staleness_ms != PC_STALENESS_UNSET);
}

bool pc_freshness_is_stale(const pc_freshness_rules *rules, pc_section section, int64_t age_ms)
{
    unsigned parts = section == PC_SECTION_SUMMARY ? summary_parts : PC_SECTION_BIT(section);
    return age_ms > fresh_for(rules, parts);
}

int64_t pc_freshness_useful_ms(const pc_freshness_rules *rules)
{
    int64_t most = rules->if_error_ms;
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        int64_t kept = rules->fresh_ms[s] + rules->revalidate_ms;
        most = kept > most ? kept : most;
    }
    return most;
}
