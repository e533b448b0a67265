/* Who a person is: name, contacts, loyalty, addresses, identities. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "times.h"
#include "view.h"

typedef Profilecontext__V1__Profile profile_t;

static bool said(const char *text)
{
    return text != NULL && *text != '\0';
}

static void add_joined(display *to, display_style style, const char *const *parts, size_t count,
                       const char *between)
{
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (said(parts[i])) {
            display_addf(to, style, "%s%s", shown++ == 0 ? "" : between, parts[i]);
        }
    }
}

static void view_name(display *to, const Profilecontext__V1__PersonName *name)
{
    view_label(to, "Name");
    if (name == NULL) {
        display_add(to, STYLE_FAINT, "not known");
    } else if (said(name->full_name)) {
        display_add(to, STYLE_BOLD, name->full_name);
    } else {
        const char *parts[] = {name->courtesy_title, name->first_name, name->middle_name,
                               name->last_name, name->suffix};
        add_joined(to, STYLE_BOLD, parts, sizeof parts / sizeof *parts, " ");
    }
    display_end(to);
}

static void view_birthday(display *to, const Profilecontext__V1__Person *person, int64_t now_ms)
{
    const Profilecontext__V1__Date *born = person->birth_date;
    if (born != NULL) {
        time_t now = (time_t)(now_ms / 1000);
        struct tm today = {0};
        gmtime_r(&now, &today);
        bool had_birthday = today.tm_mon + 1 > born->month ||
                            (today.tm_mon + 1 == born->month && today.tm_mday >= born->day);
        int age = today.tm_year + 1900 - born->year - (had_birthday ? 0 : 1);
        view_label(to, "Birthday");
        display_addf(to, STYLE_PLAIN, "%04d-%02d-%02d", (int)born->year, (int)born->month,
                     (int)born->day);
        if (age >= 0) {
            display_addf(to, STYLE_FAINT, " (%d)", age);
        }
        if (today.tm_mon + 1 == born->month && today.tm_mday == born->day) {
            display_add(to, STYLE_GOOD, ", today");
        }
        display_end(to);
    } else if (said(person->birth_day_and_month)) {
        view_label(to, "Birthday");
        display_addf(to, STYLE_PLAIN, "--%s", person->birth_day_and_month);
        display_end(to);
    } else if (person->_birth_year_case != PROFILECONTEXT__V1__PERSON___BIRTH_YEAR__NOT_SET) {
        view_label(to, "Year of birth");
        display_addf(to, STYLE_PLAIN, "%d", (int)person->birth_year);
        display_end(to);
    }
}

static void view_email(display *to, const char *label, const Profilecontext__V1__EmailAddress *mail)
{
    if (mail != NULL && said(mail->address)) {
        view_label(to, label);
        display_add(to, STYLE_PLAIN, mail->address);
        if (said(mail->status) && strcmp(mail->status, "active") != 0) {
            display_addf(to, STYLE_WARNING, " (%s)", mail->status);
        }
        display_end(to);
    }
}

static void view_phone(display *to, const char *label, const Profilecontext__V1__PhoneNumber *phone)
{
    if (phone != NULL && said(phone->number)) {
        view_label(to, label);
        display_add(to, STYLE_PLAIN, phone->number);
        if (said(phone->extension)) {
            display_addf(to, STYLE_PLAIN, " ext. %s", phone->extension);
        }
        if (said(phone->status) && strcmp(phone->status, "active") != 0) {
            display_addf(to, STYLE_WARNING, " (%s)", phone->status);
        }
        display_end(to);
    }
}

static void view_loyalty(display *to, const Profilecontext__V1__Loyalty *loyalty)
{
    char text[VIEW_NUMBER_SIZE];
    const char *parts[] = {loyalty->program, loyalty->tier, loyalty->status};
    if (said(parts[0]) || said(parts[1]) || said(parts[2]) || loyalty->join_date != NULL) {
        view_label(to, "Loyalty");
        add_joined(to, STYLE_PLAIN, parts, sizeof parts / sizeof *parts, ", ");
        if (loyalty->join_date != NULL) {
            char date[TIMES_TEXT_SIZE];
            times_format_date(date, loyalty->join_date->seconds);
            display_addf(to, STYLE_FAINT, "  joined %s", date);
        }
        display_end(to);
    }
    if (loyalty->_points_case != PROFILECONTEXT__V1__LOYALTY___POINTS__NOT_SET) {
        view_label(to, "Points");
        view_number(text, loyalty->points, 0);
        display_add(to, STYLE_PLAIN, text);
        if (loyalty->_points_to_next_tier_case !=
            PROFILECONTEXT__V1__LOYALTY___POINTS_TO_NEXT_TIER__NOT_SET) {
            view_number(text, loyalty->points_to_next_tier, 0);
            display_addf(to, STYLE_FAINT, "  %s more to %s", text,
                         said(loyalty->next_tier) ? loyalty->next_tier : "the next tier");
        }
        display_end(to);
    }
}

void view_who(display *to, const profile_t *profile, int64_t now_ms)
{
    const Profilecontext__V1__Person *person = profile->person;
    view_name(to, person == NULL ? NULL : person->name);
    if (person != NULL) {
        view_birthday(to, person, now_ms);
    }
    view_email(to, "Email", profile->personal_email);
    view_email(to, "Email at work", profile->work_email);
    view_phone(to, "Mobile", profile->mobile_phone);
    view_phone(to, "Phone at home", profile->home_phone);
    view_phone(to, "Phone at work", profile->work_phone);
    view_phone(to, "Other phone", profile->other_phone);
    if (said(profile->preferred_language) || said(profile->time_zone)) {
        const char *parts[] = {profile->preferred_language, profile->time_zone};
        view_label(to, "Language, time zone");
        add_joined(to, STYLE_PLAIN, parts, sizeof parts / sizeof *parts, ", ");
        display_end(to);
    }
    if (profile->loyalty != NULL) {
        view_loyalty(to, profile->loyalty);
    }
    if (profile->test_profile) {
        view_label(to, "Note");
        display_add(to, STYLE_WARNING, "a profile for tests, not a customer");
        display_end(to);
    }
}

static void view_address(display *to, const char *label, const Profilecontext__V1__Address *address)
{
    if (address != NULL) {
        const char *parts[] = {address->street1,
                               address->street2,
                               address->postal_code,
                               address->city,
                               said(address->state_province) ? address->state_province
                                                             : address->state,
                               said(address->country) ? address->country : address->country_code};
        view_label(to, label);
        add_joined(to, STYLE_PLAIN, parts, sizeof parts / sizeof *parts, ", ");
        display_end(to);
    }
}

void view_addresses(display *to, const profile_t *profile)
{
    view_address(to, "Home", profile->home_address);
    view_address(to, "Work", profile->work_address);
    view_address(to, "Letters", profile->mailing_address);
    view_address(to, "Bills", profile->billing_address);
    view_address(to, "Deliveries", profile->shipping_address);
    view_address(to, "Other", profile->other_address);
}

static const char *state_in_words(Profilecontext__V1__AuthenticatedState state)
{
    switch (state) {
    case PROFILECONTEXT__V1__AUTHENTICATED_STATE__AUTHENTICATED_STATE_AUTHENTICATED:
        return "logged in";
    case PROFILECONTEXT__V1__AUTHENTICATED_STATE__AUTHENTICATED_STATE_LOGGED_OUT:
        return "logged out";
    default:
        return "";
    }
}

void view_identities(display *to, Profilecontext__V1__LinkedIdentity *const *identities,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Profilecontext__V1__LinkedIdentity *it = identities[i];
        view_label(to, it->namespace_);
        if (said(it->id)) {
            display_add(to, STYLE_PLAIN, it->id);
        } else {
            display_addf(to, STYLE_PLAIN, "xid %s", said(it->xid) ? it->xid : "unknown");
        }
        const char *notes[] = {it->primary ? "main" : "", state_in_words(it->authenticated_state)};
        if (said(notes[0]) || said(notes[1])) {
            display_add(to, STYLE_FAINT, "  ");
            add_joined(to, STYLE_FAINT, notes, 2, ", ");
        }
        display_end(to);
    }
    if (count == 0) {
        view_note(to, "none");
    }
}
