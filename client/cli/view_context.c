/* The whole of a context, in the order in which an agent needs it. */
#include "view.h"

typedef Profilecontext__V1__SectionInfo section_info;

static const section_info *find_section(const Profilecontext__V1__Context *context,
                                        Profilecontext__V1__Section section)
{
    for (size_t i = 0; i < context->n_sections; i++) {
        if (context->sections[i]->section == section) {
            return context->sections[i];
        }
    }
    return NULL;
}

/* Starts a group of a section. False when it was not asked for, or has nothing to show; then why
 * stands under the heading. */
static bool begin(display *to, const char *title, const section_info *info, bool has_data)
{
    if (info == NULL) {
        return false;
    }
    view_heading(to, title);
    const char *problem = view_section_problem(info);
    if (problem != NULL && !has_data) {
        display_pad(to, VIEW_INDENT);
        display_add(to, STYLE_WARNING, problem);
        display_end(to);
        return false;
    }
    return true;
}

static void view_headline(display *to, const Profilecontext__V1__Context *context)
{
    if (context->identity != NULL) {
        display_addf(to, STYLE_BOLD, "%s:%s", context->identity->namespace_, context->identity->id);
    } else {
        display_addf(to, STYLE_BOLD, "xid:%s", context->xid);
    }
    display_end(to);
}

static void view_events_groups(display *to, const Profilecontext__V1__Context *context)
{
    const section_info *info = find_section(context, PROFILECONTEXT__V1__SECTION__SECTION_EVENTS);
    if (!begin(to, "Recent purchases", info, context->n_events > 0)) {
        return;
    }
    view_purchases(to, context->events, context->n_events);
    view_heading(to, "Campaign contacts");
    view_campaigns(to, context->events, context->n_events);
    view_heading(to, "Other recent events");
    view_other_events(to, context->events, context->n_events);
    if (info->truncated) {
        view_note(to, "There are more events: profilectl events lists them all.");
    }
}

void view_context(display *to, const Profilecontext__V1__Context *context, int64_t now_ms)
{
    const section_info *profile =
        find_section(context, PROFILECONTEXT__V1__SECTION__SECTION_PROFILE);
    const section_info *insights =
        find_section(context, PROFILECONTEXT__V1__SECTION__SECTION_INSIGHTS);
    view_headline(to, context);
    if (begin(to, "At a glance",
              find_section(context, PROFILECONTEXT__V1__SECTION__SECTION_SUMMARY),
              context->summary != NULL) &&
        context->summary != NULL) {
        view_summary(to, context->summary);
    }
    if (begin(to, "Who", profile, context->profile != NULL)) {
        if (context->profile != NULL) {
            view_who(to, context->profile, now_ms);
        } else {
            view_note(to, "nothing known");
        }
    }
    if (begin(to, "Value", insights, context->n_insights > 0)) {
        view_value(to, context->insights, context->n_insights);
        view_heading(to, "Propensities");
        view_propensities(to, context->insights, context->n_insights);
    }
    view_events_groups(to, context);
    if (begin(to, "Audiences",
              find_section(context, PROFILECONTEXT__V1__SECTION__SECTION_SEGMENT_MEMBERSHIPS),
              context->n_segment_memberships > 0)) {
        view_audiences(to, context->segment_memberships, context->n_segment_memberships);
    }
    if (profile != NULL && context->profile != NULL) {
        view_heading(to, "Consents");
        view_consents(to, context->profile->consents);
    }
    if (begin(to, "Identities",
              find_section(context, PROFILECONTEXT__V1__SECTION__SECTION_IDENTITIES),
              context->n_identities > 0)) {
        view_identities(to, context->identities, context->n_identities);
    }
    view_heading(to, "Data");
    for (size_t i = 0; i < context->n_sections; i++) {
        view_section(to, context->sections[i]);
    }
}
