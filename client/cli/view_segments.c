/* Audiences, which the service calls segments. */
#include <stdio.h>

#include "times.h"
#include "view.h"

typedef Profilecontext__V1__SegmentMembership membership;

enum { NAME_COLUMNS = 42 };

/* Whether it holds; servers say so, and older ones leave it to the status. */
static bool is_active(const membership *it)
{
    if (it->_active_case != PROFILECONTEXT__V1__SEGMENT_MEMBERSHIP___ACTIVE__NOT_SET) {
        return it->active;
    }
    return it->status != PROFILECONTEXT__V1__SEGMENT_STATUS__SEGMENT_STATUS_EXITED;
}

static bool has_name(const membership *it)
{
    return it->_display_name_case !=
               PROFILECONTEXT__V1__SEGMENT_MEMBERSHIP___DISPLAY_NAME__NOT_SET &&
           *it->display_name != '\0';
}

static void view_membership(display *to, const membership *it, bool active)
{
    char id[DISPLAY_LINE_BYTES];
    snprintf(id, sizeof id, "%s:%s", it->namespace_, it->segment_id);
    display_pad(to, VIEW_INDENT);
    display_cell(to, active ? STYLE_PLAIN : STYLE_FAINT, has_name(it) ? it->display_name : id,
                 NAME_COLUMNS);
    char date[TIMES_TEXT_SIZE];
    if (it->last_qualification_time != NULL) {
        times_format_date(date, it->last_qualification_time->seconds);
        display_addf(to, STYLE_FAINT, " %s %s", active ? "since" : "last in", date);
    }
    if (active && it->valid_until != NULL) {
        times_format_date(date, it->valid_until->seconds);
        display_addf(to, STYLE_FAINT, ", until %s", date);
    }
    display_end(to);
}

void view_audiences(display *to, membership *const *memberships, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_active(memberships[i])) {
            view_membership(to, memberships[i], true);
        } else {
            left++;
        }
    }
    if (left == count) {
        view_note(to, "in none now");
    }
    if (left > 0) {
        view_note(to, "No longer in:");
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_active(memberships[i])) {
            view_membership(to, memberships[i], false);
        }
    }
}
