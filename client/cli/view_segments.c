/* Audiences, which the service calls segments. */
#include "times.h"
#include "view.h"

typedef Profilecontext__V1__SegmentMembership membership;

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
    display_pad(to, VIEW_INDENT);
    if (has_name(it)) {
        display_add(to, active ? STYLE_PLAIN : STYLE_FAINT, it->display_name);
    } else {
        display_addf(to, active ? STYLE_PLAIN : STYLE_FAINT, "%s:%s", it->namespace_,
                     it->segment_id);
    }
    char date[TIMES_TEXT_SIZE];
    if (it->last_qualification_time != NULL) {
        times_format_date(date, it->last_qualification_time->seconds);
        display_addf(to, STYLE_FAINT, "  %s %s", active ? "since" : "last in", date);
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
        view_note(to, "no longer in:");
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_active(memberships[i])) {
            view_membership(to, memberships[i], false);
        }
    }
}
