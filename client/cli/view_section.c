/* How fresh each section is, and why one is missing. */
#include <string.h>

#include "times.h"
#include "view.h"

enum { DENIED_TOLD = 3 };

const char *view_section_name(Profilecontext__V1__Section section)
{
    switch (section) {
    case PROFILECONTEXT__V1__SECTION__SECTION_PROFILE:
        return "Profile";
    case PROFILECONTEXT__V1__SECTION__SECTION_EVENTS:
        return "Events";
    case PROFILECONTEXT__V1__SECTION__SECTION_SEGMENT_MEMBERSHIPS:
        return "Audiences";
    case PROFILECONTEXT__V1__SECTION__SECTION_IDENTITIES:
        return "Identities";
    case PROFILECONTEXT__V1__SECTION__SECTION_INSIGHTS:
        return "Insights";
    case PROFILECONTEXT__V1__SECTION__SECTION_SUMMARY:
        return "Summary";
    default:
        return "Other";
    }
}

const char *view_section_problem(const Profilecontext__V1__SectionInfo *info)
{
    switch (info->status) {
    case PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_OK:
    case PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_STALE:
        return NULL;
    case PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_MISSING:
        return "not there: the platform does not know the person";
    case PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_DENIED:
        return strncmp(info->reason, "CONSENT_", 8) == 0
                   ? "denied: the person's consent for this purpose is not there"
                   : "denied: you may not see this";
    case PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_NOT_ENABLED:
        return "not enabled: the platform's licence does not cover it";
    case PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_LATE:
        return "late: it did not arrive in time";
    case PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_FAILED:
        return "failed: the platform could not answer";
    default:
        return "unknown status";
    }
}

static const char *origin_in_words(Profilecontext__V1__SectionOrigin origin)
{
    switch (origin) {
    case PROFILECONTEXT__V1__SECTION_ORIGIN__SECTION_ORIGIN_UPSTREAM:
        return "fetched now";
    case PROFILECONTEXT__V1__SECTION_ORIGIN__SECTION_ORIGIN_CACHE:
        return "from the cache";
    default:
        return "";
    }
}

void view_section(display *to, const Profilecontext__V1__SectionInfo *info)
{
    view_label(to, view_section_name(info->section));
    const char *problem = view_section_problem(info);
    if (problem != NULL) {
        display_add(to, STYLE_WARNING, problem);
    } else if (info->status == PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_STALE) {
        display_add(to, STYLE_WARNING, "stale");
    } else {
        display_add(to, STYLE_GOOD, "ok");
    }
    if (problem == NULL && info->age != NULL) {
        char age[TIMES_TEXT_SIZE];
        times_format_span(age, info->age->seconds * 1000 + info->age->nanos / 1000000);
        display_addf(to, STYLE_PLAIN, ", %s old", age);
    }
    const char *origin = origin_in_words(info->origin);
    if (*origin != '\0') {
        display_addf(to, STYLE_PLAIN, ", %s", origin);
    }
    if (*info->reason != '\0') {
        display_addf(to, STYLE_FAINT, " (%s)", info->reason);
    }
    if (problem == NULL && info->n_denied_paths > 0) {
        bool many = info->n_denied_paths > DENIED_TOLD;
        for (size_t i = 0; i < info->n_denied_paths && i < DENIED_TOLD; i++) {
            display_addf(to, STYLE_WARNING, "%s%s", i == 0 ? ", without " : ", ",
                         info->denied_paths[i]);
        }
        display_add(to, STYLE_WARNING,
                    many ? " and more, which you may not see" : ", which you may not see");
    }
    display_end(to);
}
