/* The help texts. Each teaches its command by examples. */
#include "help.h"

static const char program_help[] =
    "profilectl shows what the platform knows about a customer.\n"
    "\n"
    "Usage: profilectl COMMAND [WHO] [OPTIONS]\n"
    "\n"
    "  profilectl context email:ada.byron@example.com   everything, on one screen\n"
    "  profilectl events phone:+15550100 --since 30d\n"
    "  profilectl profile crmid:CRM-1001 --json\n"
    "  profilectl batch customers.csv --output answers.ndjson\n"
    "\n"
    "Commands:\n"
    "  context     who it is, value, propensities, events, audiences, consents\n"
    "  profile     attributes and consents\n"
    "  events      what happened, a page or all pages\n"
    "  segments    the audiences the person is or was in\n"
    "  identities  who else the person is\n"
    "  batch       the contexts or profiles of many persons, from a list\n"
    "  entity      a record that is no person: an account, an opportunity\n"
    "  delete      asks the platform to delete a profile\n"
    "  health      whether the server serves\n"
    "  prefetch    has persons ready in the server before anyone asks\n"
    "  audit       shows and verifies the files of a server's audit trail\n"
    "  bench       loads a server and measures its answers\n"
    "  policy      tells what a policy file lets a caller do, and which line says so\n"
    "  check       whether Adobe's side is set up right, and what to do if not\n"
    "  init        writes a server's configuration, by asking\n"
    "\n"
    "WHO is NAMESPACE:ID. The names email, phone, ecid and crmid are understood in\n"
    "any case; xid:VALUE names a person by the platform's opaque id. Examples name\n"
    "made-up customers of the entity sandbox.\n"
    "\n"
    "Options of every command, before or after it:\n"
    "  --server HOST:PORT     default $PROFILECTL_SERVER or 127.0.0.1:50051\n"
    "  --tls                  encrypt; --ca, --cert and --key ask for it too\n"
    "  --ca FILE              authorities to trust instead of the system's\n"
    "  --cert FILE --key FILE the client's certificate and key\n"
    "  --server-name NAME     the name the server's certificate has\n"
    "  --token-file FILE      send the bearer token in FILE, over TLS or locally\n"
    "  --deadline TIME        wait this long, such as 500ms or 2s; default 5s, and\n"
    "                         none for batch and --follow-pages\n"
    "  --request-id ID        an id to find the call by in the server's logs\n"
    "  --json                 the response as JSON, for programs\n"
    "  --cost                 say on standard error what the answer cost upstream\n"
    "  --color WHEN           auto, always or never; NO_COLOR is honoured\n"
    "  --help, --version\n"
    "\n"
    "Options of commands about a person:\n"
    "  --sandbox NAME         the platform's sandbox\n"
    "  --merge-policy ID      the platform's merge policy\n"
    "  --max-staleness TIME   how old the data may be; 0 asks for fresh data\n"
    "  --purpose WORD         what it is for, where the server's policy asks\n"
    "\n"
    "Exit codes: 0 fine; 2 wrong arguments; 3 not found; 4 denied; 5 unavailable,\n"
    "too late or over a limit: try again; 1 anything else.\n"
    "\n"
    "More with profilectl COMMAND --help, and in profilectl(1).\n";

static const char context_help[] =
    "profilectl context WHO shows a customer on one screen: at a glance value,\n"
    "propensities, purchases, open cases and how the person may be contacted; then\n"
    "attributes, events, audiences, consents, identities, and how fresh each is.\n"
    "\n"
    "  profilectl context email:ada.byron@example.com\n"
    "  profilectl context phone:+15550100 --max-staleness 0      fresh data only\n"
    "  profilectl context crmid:CRM-1001 --mask profile.person,insights\n"
    "  profilectl context xid:B8xlz5qguI9INYE61RUoBNCC --json | jq .context.insights\n"
    "\n"
    "  --mask PATHS   only these parts, separated by commas: profile, events,\n"
    "                 segment_memberships, identities, insights, summary, or\n"
    "                 fields below\n"
    "  --since TIME   events since then: 2025-11-02, 2025-11-02T08:00:00Z or 30d\n"
    "  --event-limit N\n"
    "                 at most N events\n"
    "\n"
    "A part that is late or refused says so and does not spoil the others. Dates\n"
    "are UTC. The other options are in profilectl --help.\n";

static const char profile_help[] =
    "profilectl profile WHO shows the attributes and consents of a customer.\n"
    "\n"
    "  profilectl profile email:ada.byron@example.com\n"
    "  profilectl profile crmid:CRM-1001 --mask person.name,mobile_phone\n"
    "  profilectl profile ecid:10000000000000000000000000000000000001 --json\n"
    "\n"
    "  --mask PATHS   only these fields, separated by commas\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char events_help[] =
    "profilectl events WHO lists what happened, newest first: a page, or all pages.\n"
    "\n"
    "  profilectl events email:ada.byron@example.com\n"
    "  profilectl events crmid:CRM-1001 --since 30d --follow-pages\n"
    "  profilectl events crmid:CRM-1001 --event-type commerce.purchases \\\n"
    "      --filter 'commerce.order.priceTotal>=100'\n"
    "  profilectl events crmid:CRM-1001 --since 2025-11-01 --until 2025-12-01 \\\n"
    "      --oldest-first\n"
    "  profilectl events crmid:CRM-1001 --mask event_type,commerce.order --json\n"
    "\n"
    "  --since TIME       at or after: 2025-11-02, 2025-11-02T08:00:00Z, or 30d\n"
    "                     for 30 days ago\n"
    "  --until TIME       before\n"
    "  --event-type TYPE  only of this type; may be given more than once\n"
    "  --filter TEXT      only where a property compares so: an XDM path, one of\n"
    "                     = != < <= > >=, and a number, true, false, a date or a\n"
    "                     text ('2025 is a text); more than one must all hold\n"
    "  --oldest-first     oldest first\n"
    "  --page-size N      at most N events in a page\n"
    "  --page-token TEXT  the page after the one that ended with this token\n"
    "  --follow-pages     all pages, as they come; with --json a line for each event\n"
    "  --mask PATHS       only these fields of an event, separated by commas\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char segments_help[] =
    "profilectl segments WHO lists the audiences a customer is or was in.\n"
    "\n"
    "  profilectl segments email:ada.byron@example.com\n"
    "  profilectl segments crmid:CRM-1001 --json |\n"
    "      jq -r '.segmentMemberships[] | select(.active) | .displayName'\n"
    "\n"
    "  --page-size N      at most N audiences in a page\n"
    "  --page-token TEXT  the page after the one that ended with this token\n"
    "  --all              all pages; with --json a response for each page\n"
    "  --mask PATHS       only these fields of each: segment_id, display_name, ...\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char identities_help[] =
    "profilectl identities WHO shows who else a customer is: from the platform's\n"
    "identity graph, or else the profile's own identity map.\n"
    "\n"
    "  profilectl identities email:ada.byron@example.com\n"
    "  profilectl identities ecid:10000000000000000000000000000000000001 --json |\n"
    "      jq -r '.identities[] | select(.namespace == \"CRMID\") | .id'\n"
    "\n"
    "  --mask PATHS   only these fields of each: namespace, id, ...\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char entity_help[] =
    "profilectl entity SCHEMA WHICH shows a record that is no person.\n"
    "\n"
    "  profilectl entity account b2b_account:2334262\n"
    "  profilectl entity opportunity b2b_opportunity:0065e000001 --json\n"
    "  profilectl entity _xdm.context.account b2b_account:2334263\n"
    "\n"
    "SCHEMA is an XDM class; account and opportunity stand for\n"
    "_xdm.context.account and _xdm.context.opportunity. WHICH is NAMESPACE:ID or\n"
    "xid:VALUE.\n"
    "\n"
    "  --mask PATHS   only these fields: record_id, account_key, body, ...\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char delete_help[] =
    "profilectl delete WHO asks the platform to delete a profile, for good. The\n"
    "server must have been configured to let you.\n"
    "\n"
    "  profilectl delete email:ada.byron@example.com --sandbox prod\n"
    "\n"
    "  --sandbox NAME   required: where to delete\n"
    "  --yes            do not ask first\n"
    "\n"
    "The platform takes the request and deletes later. The other options are in\n"
    "profilectl --help.\n";

static const char batch_help[] =
    "profilectl batch [FILE] asks for many persons and writes an answer for each, as\n"
    "it comes. Without FILE, or for -, the list is read from standard input.\n"
    "\n"
    "  profilectl batch customers.txt > answers.ndjson\n"
    "  profilectl batch customers.csv --output answers.ndjson\n"
    "  profilectl batch customers.csv --output answers.ndjson --resume\n"
    "  cut -f2 crm.tsv | profilectl batch --namespace crmid --format csv\n"
    "  profilectl batch customers.txt --mask summary,profile.person --format csv\n"
    "\n"
    "The list has a NAMESPACE:ID or xid:VALUE on each line; empty lines and lines\n"
    "that begin with # are left out. A table (CSV) has the columns namespace and id,\n"
    "or xid, named in its first line.\n"
    "\n"
    "  --namespace NS     all persons have this namespace; the list has only ids\n"
    "  --input FORMAT     lines or csv; default: csv for files named *.csv\n"
    "  --id-column NAME   the column of the ids in a table; default id\n"
    "  --profiles         attributes only, which costs fewer upstream calls\n"
    "  --mask PATHS       only these parts, as of context or profile\n"
    "  --since TIME       events since then\n"
    "  --event-limit N    at most N events of each\n"
    "  --output FILE      write there, not to standard output; FILE must not exist\n"
    "  --resume           go on with FILE: what it answers is not asked again\n"
    "  --format FORMAT    ndjson (default), with all that is known; or csv, with the\n"
    "                     facts of the summary\n"
    "  --skip-bad         pass over lines that name nobody, and count them\n"
    "  --retries N        ask so often again what fails for a passing reason;\n"
    "                     default 3\n"
    "  --chunk-size N     persons in a call; default 1000\n"
    "\n"
    "Every answer begins with the line it answers, and the person: {\"line\":1,\n"
    "\"who\":\"email:ada.byron@example.com\",\"context\":{...}}, or \"profile\" or \"error\".\n"
    "Answers come in any order. On a terminal a line shows how far it is. Ends with\n"
    "1 when a person has an error other than not found. After Ctrl-C, or a failure,\n"
    "--resume goes on.\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char prefetch_help[] =
    "profilectl prefetch [WHO...] has persons ready in the server before anyone asks.\n"
    "\n"
    "  profilectl prefetch phone:+15550100\n"
    "  profilectl prefetch crmid:CRM-1001 crmid:CRM-1003 --mask profile,summary\n"
    "  profilectl prefetch --ids due-calls.csv --max-staleness 10m\n"
    "\n"
    "  WHO...             up to 16 persons\n"
    "  --ids FILE         a list or a table, as profilectl batch --help tells; - is\n"
    "                     standard input. --input, --namespace, --id-column and\n"
    "                     --skip-bad are as there\n"
    "  --mask PATHS       what calls will ask for, as of context; default all\n"
    "  --max-staleness TIME\n"
    "                     younger data is left as it is; 0 fetches all anew\n"
    "\n"
    "The answer comes at once: who is ready, who is being fetched, and who is skipped\n"
    "because the server fetches as many as it may. It does so after all other calls.\n"
    "With --json a response for each 1000 persons. Ends with 5 when someone was\n"
    "skipped, and with 1 when the server remembers nothing.\n"
    "\n"
    "The other options are in profilectl --help.\n";

static const char bench_help[] =
    "profilectl bench [WHO...] loads a server with calls and measures its answers.\n"
    "\n"
    "  profilectl bench email:ada.byron@example.com --duration 30s\n"
    "  profilectl bench --ids customers.csv --rate 5000 --connections 16\n"
    "  profilectl bench --id-template 'crmid:C%07d' --id-count 100000 --zipf 1 \\\n"
    "      --miss-percent 5 --miss-template 'email:new-%d@example.com' --json\n"
    "  profilectl bench --ids list.txt --method profile --mask person \\\n"
    "      --requests 1000000 --in-flight 256 --histogram latency.hgrm\n"
    "\n"
    "Whom to ask for, one after the other:\n"
    "  WHO...              up to 16 persons\n"
    "  --ids FILE          a list or a table, as profilectl batch --help tells; - is\n"
    "                      standard input. --input, --namespace, --id-column and\n"
    "                      --skip-bad are as there\n"
    "  --id-template TEXT --id-count N\n"
    "                      N numbered persons: %d is the number, %07d with zeros\n"
    "                      before it; from 1 on, or --id-from N\n"
    "  --zipf S            at random, the k-th as often as 1/k^S; 0 is all alike\n"
    "  --seed N            of what is random; default 1\n"
    "  --miss-percent P --miss-template TEXT\n"
    "                      P of 100 requests are for somebody new, numbered from 1\n"
    "                      on, or --miss-from N: give another N to the next run;\n"
    "                      their latencies are told apart too\n"
    "\n"
    "What to ask:\n"
    "  --method METHOD     context (default), profile, events or segments; with\n"
    "                      --mask, --max-staleness, --event-limit, --page-size,\n"
    "                      --since and --deadline as there. Nothing is tried twice\n"
    "\n"
    "How much:\n"
    "  --in-flight N       closed loop: N calls at once; default 64\n"
    "  --rate R            open loop: R starts a second, whether answers come or not.\n"
    "                      Latency counts from when a start was due, so that no wait\n"
    "                      is hidden. What would make more than --in-flight calls,\n"
    "                      default 10000, is not started, and counted as such\n"
    "  --connections N     default 8\n"
    "  --duration TIME     default 10s; or --requests N\n"
    "  --warmup TIME       before, not counted; default 2s, with --requests none\n"
    "\n"
    "What is told:\n"
    "  --check WHICH       read the statuses of sections in a sample of the answers\n"
    "                      (default), in all or none. All else is told of every call\n"
    "  --sample N          the sample is one answer of N; default 16\n"
    "  --histogram FILE    write the percentiles, in the form of HdrHistogram\n"
    "  --json              one object\n"
    "\n"
    "One thread does all, in 10 to 30 us a request. Look at \"Client\", and with --rate\n"
    "at \"started late\": where that is much, the client is what is slow. To start in\n"
    "time --rate takes all of a CPU. Ctrl-C ends it and tells what there is. Ends\n"
    "with 1 when a call failed, other than with not found, or was not started; when\n"
    "all failed, as the most common failure would.\n"
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

static const char policy_help[] =
    "profilectl policy looks at a policy file of the server (access.policy_file), with\n"
    "the server's own code and without one: what may a caller do, and which line of the\n"
    "file says so?\n"
    "\n"
    "  profilectl policy check policy.yaml\n"
    "  profilectl policy test --policy policy.yaml --rpc GetContext \\\n"
    "      --caller spiffe://example.com/crm\n"
    "  profilectl policy test policy.yaml --rpc GetProfile \\\n"
    "      --caller spiffe://example.com/crm --purpose sales \\\n"
    "      --fields person.name,mobile_phone --json\n"
    "\n"
    "  --policy FILE      the file; or after the command\n"
    "  --config FILE      the server's configuration, whose insights and merge policy\n"
    "                     are looked at too\n"
    "  --caller NAME      as the server names it; without it, a caller that has no name\n"
    "  --rpc NAME         GetContext, ListEvents ...; Health, Reflection, Channelz\n"
    "  --purpose WORD     what the metadata x-purpose would say\n"
    "  --fields PATHS     what read_mask would say, separated by commas\n"
    "  --namespace CODE   of the identity that is asked by; xid for an XID\n"
    "  --sandbox NAME, --merge-policy ID, --max-staleness TIME\n"
    "                     as the request would say\n"
    "  --criticality WORD what the metadata x-criticality would say\n"
    "\n"
    "What is not given is not decided about, but for the purpose. Ends with 0 when the\n"
    "call is allowed and what --fields names is shown, with 1 when it is denied or\n"
    "shown in part, and with 2 when the question or the file is wrong; check ends with\n"
    "1 when the file is.\n";

static const char audit_help[] =
    "profilectl audit verify FILE... says whether an audit trail is what the server\n"
    "wrote; profilectl audit show FILE... shows its lines. They read the files,\n"
    "oldest first, and ask no server.\n"
    "\n"
    "  profilectl audit show --since 1h --event refused audit\n"
    "  profilectl audit show --person email:ada@example.com \\\n"
    "      --key-file /etc/profile-context/identity-key audit    who saw what of her\n"
    "  profilectl audit verify /var/log/profile-context/audit.*[0-9] \\\n"
    "      /var/log/profile-context/audit\n"
    "  profilectl audit verify --anchor SEQ:HASH audit   what the log told is there\n"
    "\n"
    "Of verify:\n"
    "  --json             one object\n"
    "  --anchor SEQ:HASH  a place of the trail, from the event audit.anchor or\n"
    "                     audit.ready of the server's log\n"
    "\n"
    "Of show, which with none of them shows all that concerns callers:\n"
    "  --caller NAME      lines of this caller\n"
    "  --person WHO       lines about this person, such as email:ada@example.com;\n"
    "  --key-file FILE    with it the key of the server's log.identity_key_file\n"
    "  --identity HASH    lines about the person of this hash, as another line has it\n"
    "  --event NAME       only access, refused, handshake, left_out, dropped, anchor,\n"
    "                     open, resumed or cut\n"
    "  --since, --until MOMENT\n"
    "                     2026-11-25, 2026-11-25T14:05:00Z, or 2h for two hours ago\n"
    "  --json             the lines as they stand, one object each\n"
    "\n"
    "Options come before the files. Lines that a crash cut off or that were dropped\n"
    "are no fault where the trail tells of them. Ends with 0 when the trail is whole;\n"
    "6 when a line was changed, is missing or does not belong; 7 when it only ends\n"
    "within a line, as it does after a crash until the server starts again; 1 when a\n"
    "file cannot be read. show verifies too, and ends with 0, 6 or 1.\n";

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
    case COMMAND_IDENTITIES:
        return identities_help;
    case COMMAND_ENTITY:
        return entity_help;
    case COMMAND_DELETE:
        return delete_help;
    case COMMAND_BATCH:
        return batch_help;
    case COMMAND_PREFETCH:
        return prefetch_help;
    case COMMAND_HEALTH:
        return health_help;
    case COMMAND_BENCH:
        return bench_help;
    case COMMAND_POLICY:
        return policy_help;
    case COMMAND_AUDIT:
        return audit_help;
    case COMMAND_NONE:
        break;
    }
    return program_help;
}
