/* Responses as an agent reads them: groups under headings, a fact per line. Every view writes whole
 * lines and borrows what it shows. */
#ifndef PROFILECTL_VIEW_H
#define PROFILECTL_VIEW_H

#include "display.h"
#include "profilecontext/client.h"

enum { VIEW_LABEL_COLUMNS = 24, VIEW_INDENT = 2, VIEW_NUMBER_SIZE = 64 };

/* Starts a group. */
void view_heading(display *to, const char *title);

/* Starts the line of a fact: its name, and room up to the value. */
void view_label(display *to, const char *name);

/* Writes a line of faint words, such as what is missing and why. */
void view_note(display *to, const char *text);

/* Writes a number with commas between thousands, such as 1,234.50. */
void view_number(char out[VIEW_NUMBER_SIZE], double value, int decimals);

/* What a section is called, and why it has no data (NULL when it has). */
const char *view_section_name(Profilecontext__V1__Section section);
const char *view_section_problem(const Profilecontext__V1__SectionInfo *info);

/* A line: status, age and origin of a section. */
void view_section(display *to, const Profilecontext__V1__SectionInfo *info);

/* The groups. */
void view_who(display *to, const Profilecontext__V1__Profile *profile, int64_t now_ms);
void view_addresses(display *to, const Profilecontext__V1__Profile *profile);
void view_consents(display *to, const Profilecontext__V1__Consents *consents);
void view_identities(display *to, Profilecontext__V1__LinkedIdentity *const *identities,
                     size_t count);
void view_summary(display *to, const Profilecontext__V1__ContextSummary *summary);
void view_value(display *to, Profilecontext__V1__Insight *const *insights, size_t count);
void view_propensities(display *to, Profilecontext__V1__Insight *const *insights, size_t count);
void view_purchases(display *to, Profilecontext__V1__ExperienceEvent *const *events, size_t count);
void view_campaigns(display *to, Profilecontext__V1__ExperienceEvent *const *events, size_t count);
void view_other_events(display *to, Profilecontext__V1__ExperienceEvent *const *events,
                       size_t count);
void view_audiences(display *to, Profilecontext__V1__SegmentMembership *const *memberships,
                    size_t count);

/* The line of an event, with its moment and what is known of it. */
void view_event(display *to, const Profilecontext__V1__ExperienceEvent *event);

/* All of a context. `now_ms` is for ages, in milliseconds since 1970. */
void view_context(display *to, const Profilecontext__V1__Context *context, int64_t now_ms);

#endif
