/* The help texts. Each teaches its command by examples. */
#include "help.h"

static const char program_help[] =
    "profilectl shows what the platform knows about a customer.\n"
    "\n"
    "Usage: profilectl COMMAND WHO [OPTIONS]\n"
    "\n"
    "  profilectl context email:ada@example.com    everything, on one screen\n"
    "  profilectl events phone:+441234567 --since 30d\n"
    "  profilectl profile crmid:4711 --json\n"
    "\n"
    "Commands:\n"
    "  context    who it is, value, propensities, events, audiences, consents\n"
    "  profile    attributes and consents\n"
    "  events     what happened, page by page\n"
    "  segments   the audiences the person is or was in\n"
    "  health     whether the server serves\n"
    "\n"
    "WHO is NAMESPACE:ID. The names email, phone, ecid and crmid are understood in\n"
    "any case; xid:VALUE names a person by the platform's opaque id.\n"
    "\n"
    "Options of every command, before or after it:\n"
    "  --server HOST:PORT     default $PROFILECTL_SERVER or 127.0.0.1:50051\n"
    "  --tls                  encrypt; --ca, --cert and --key ask for it too\n"
    "  --ca FILE              authorities to trust instead of the system's\n"
    "  --cert FILE --key FILE the client's certificate and key\n"
    "  --server-name NAME     the name the server's certificate has\n"
    "  --deadline TIME        wait this long, such as 500ms or 2s; default 5s\n"
    "  --request-id ID        an id to find the call by in the server's logs\n"
    "  --json                 the response as JSON, for programs\n"
    "  --color WHEN           auto, always or never; NO_COLOR is honoured\n"
    "  --help, --version\n"
    "\n"
    "Options of commands about a person:\n"
    "  --sandbox NAME         the platform's sandbox\n"
    "  --merge-policy ID      the platform's merge policy\n"
    "  --max-staleness TIME   how old the data may be; 0 asks for fresh data\n"
    "\n"
    "Exit codes: 0 fine; 2 wrong arguments; 3 not found; 4 denied; 5 unavailable,\n"
    "too late or over a limit: try again; 1 anything else.\n"
    "\n"
    "More with profilectl COMMAND --help, and in profilectl(1).\n";

static const char context_help[] =
    "profilectl context WHO shows a customer on one screen: who it is, value,\n"
    "propensities, purchases, campaign contacts, audiences, consents, identities,\n"
    "and how fresh each part is.\n"
    "\n"
    "  profilectl context email:ada@example.com\n"
    "  profilectl context phone:+441234567 --max-staleness 0      fresh data only\n"
    "  profilectl context crmid:4711 --mask profile.person,insights\n"
    "  profilectl context xid:BVrqzwVvZxzRkaHzAAAAAAAA --json | jq .context.insights\n"
    "\n"
    "  --mask PATHS   only these parts, separated by commas: profile, events,\n"
    "                 segment_memberships, identities, insights, or fields below\n"
    "  --since TIME   events since then: 2025-11-02, 2025-11-02T08:00:00Z or 30d\n"
    "\n"
    "A part that is late or refused says so and does not spoil the others. Dates\n"
    "are UTC. The other options are in profilectl --help.\n";

static const char profile_help[] =
    "profilectl profile WHO shows the attributes and consents of a customer.\n"
    "\n"
    "  profilectl profile email:ada@example.com\n"
    "  profilectl profile crmid:4711 --mask person.name,mobile_phone\n"
    "  profilectl profile ecid:87654321 --sandbox dev --json\n"
    "\n"
    "  --mask PATHS   only these fields, separated by commas\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char events_help[] =
    "profilectl events WHO lists what happened, newest first, a page at a time.\n"
    "\n"
    "  profilectl events email:ada@example.com\n"
    "  profilectl events crmid:4711 --since 30d --all\n"
    "  profilectl events crmid:4711 --since 2025-11-01 --until 2025-12-01 \\\n"
    "      --oldest-first\n"
    "  profilectl events crmid:4711 --mask event_type,commerce.order --json\n"
    "\n"
    "  --since TIME       at or after: 2025-11-02, 2025-11-02T08:00:00Z, or 30d\n"
    "                     for 30 days ago\n"
    "  --until TIME       before\n"
    "  --oldest-first     oldest first\n"
    "  --page-size N      at most N events in a page\n"
    "  --page-token TEXT  the page after the one that ended with this token\n"
    "  --all              all pages; with --json a response for each page\n"
    "  --mask PATHS       only these fields of an event, separated by commas\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char segments_help[] =
    "profilectl segments WHO lists the audiences a customer is or was in.\n"
    "\n"
    "  profilectl segments email:ada@example.com\n"
    "  profilectl segments crmid:4711 --json |\n"
    "      jq -r '.segmentMemberships[] | select(.active) | .displayName'\n"
    "\n"
    "  --page-size N      at most N audiences in a page\n"
    "  --page-token TEXT  the page after the one that ended with this token\n"
    "  --all              all pages; with --json a response for each page\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char health_help[] =
    "profilectl health [SERVICE] asks the server whether it serves.\n"
    "\n"
    "  profilectl health\n"
    "  profilectl health profilecontext.v1.ProfileContext --deadline 500ms\n"
    "  profilectl health --server profile.example.com:443 --tls || echo down\n"
    "\n"
    "Ends with 0 when it serves and 5 when it does not. The other options are in\n"
    "profilectl --help.\n";

const char *help_text(command which)
{
    switch (which) {
    case COMMAND_CONTEXT:
        return context_help;
    case COMMAND_PROFILE:
        return profile_help;
    case COMMAND_EVENTS:
        return events_help;
    case COMMAND_SEGMENTS:
        return segments_help;
    case COMMAND_HEALTH:
        return health_help;
    case COMMAND_NONE:
        break;
    }
    return program_help;
}
