/* Consents per channel, in words. */
#include "view.h"

static const char *in_words(Profilecontext__V1__ConsentValue value, display_style *style)
{
    *style = STYLE_WARNING;
    switch (value) {
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_YES:
        *style = STYLE_GOOD;
        return "yes";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_DEFAULT_YES:
        *style = STYLE_GOOD;
        return "yes, by default";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_NO:
        *style = STYLE_BAD;
        return "no";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_DEFAULT_NO:
        *style = STYLE_BAD;
        return "no, by default";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_PENDING:
        return "asked, not answered";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_UNKNOWN:
        return "not known";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_LEGITIMATE_INTEREST:
        return "legitimate interest";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_CONTRACT:
        return "needed for a contract";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_LEGAL_OBLIGATION:
        return "needed by law";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_VITAL_INTEREST:
        return "needed to protect a life";
    case PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_PUBLIC_INTEREST:
        return "needed in the public interest";
    default:
        return "not said";
    }
}

static const char *channel_in_words(Profilecontext__V1__PreferredChannel channel)
{
    static const char *const names[] = {
        "",         "email",        "push",   "in the app", "text message",
        "WhatsApp", "phone",        "letter", "in the car", "smart home",
        "device",   "social media", "other",  "no channel", "not known"};
    size_t at = (size_t)channel;
    return at < sizeof names / sizeof *names ? names[at] : "";
}

static void view_choice(display *to, const char *label, Profilecontext__V1__ConsentValue value,
                        const char *reason, bool overruled)
{
    display_style style = STYLE_PLAIN;
    const char *words = in_words(value, &style);
    view_label(to, label);
    display_add(to, overruled ? STYLE_FAINT : style, words);
    if (overruled) {
        display_add(to, STYLE_BAD, ", but refused everything");
    }
    if (reason != NULL && *reason != '\0') {
        display_addf(to, STYLE_FAINT, " (%s)", reason);
    }
    display_end(to);
}

static size_t view_marketing(display *to, const Profilecontext__V1__MarketingConsents *marketing)
{
    const struct {
        const char *label;
        const Profilecontext__V1__ChannelConsent *consent;
    } channels[] = {
        {"Any marketing", marketing->any},
        {"Email", marketing->email},
        {"Commercial email", marketing->commercial_email},
        {"Phone call", marketing->call},
        {"Text message", marketing->sms},
        {"WhatsApp", marketing->whats_app},
        {"Push", marketing->push},
        {"Letter", marketing->postal_mail},
        {"Fax", marketing->fax},
    };
    /* A no to everything overrides every channel; a yes does not. */
    bool refused = marketing->any != NULL &&
                   marketing->any->val == PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_NO;
    size_t shown = 0;
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        const Profilecontext__V1__ChannelConsent *consent = channels[i].consent;
        if (consent != NULL) {
            bool overruled = refused && consent != marketing->any &&
                             consent->val != PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_NO;
            view_choice(to, channels[i].label, consent->val, consent->reason, overruled);
            shown++;
        }
    }
    const char *preferred = channel_in_words(marketing->preferred);
    if (*preferred != '\0') {
        view_label(to, "Likes best");
        display_add(to, STYLE_PLAIN, preferred);
        display_end(to);
        shown++;
    }
    return shown;
}

void view_consents(display *to, const Profilecontext__V1__Consents *consents)
{
    size_t shown = 0;
    if (consents != NULL) {
        if (consents->marketing != NULL) {
            shown += view_marketing(to, consents->marketing);
        }
        const Profilecontext__V1__ConsentChoice *content =
            consents->personalize == NULL ? NULL : consents->personalize->content;
        const struct {
            const char *label;
            const Profilecontext__V1__ConsentChoice *choice;
        } choices[] = {{"Personalise content", content},
                       {"Collect data", consents->collect},
                       {"Share data", consents->share}};
        for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
            if (choices[i].choice != NULL) {
                view_choice(to, choices[i].label, choices[i].choice->val, NULL, false);
                shown++;
            }
        }
        if (consents->n_id_specific > 0) {
            view_note(to, "Single identities have consents of their own; see --json.");
        }
    }
    if (shown == 0) {
        view_note(to, "none on record, which is not consent");
    }
}
