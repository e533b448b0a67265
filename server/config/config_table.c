/* The keys. Adding one is a field in config.h and a row here. */
#include <stdio.h>
#include <string.h>

#include "config/config_internal.h"

#define AT(field) offsetof(pc_config, field)

static const char *const identity_modes[] = {
    "auto",      "none", "certificate", "token", "certificate_and_token", "certificate_or_token",
    "forwarded", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL};

enum { KIB = 1024, MIB = 1024 * 1024 };

#define SECONDS(n) ((n)*INT64_C(1000))
#define DAYS(n) ((n)*INT64_C(86400000))

const config_key config_keys[] = {
    {"listen.address", KEY_TEXT, AT(listen.address), "127.0.0.1:50051", 0, 0, NULL, "HOST:PORT",
     "where to listen: host:port (port 0: a free one), unix:/path, or fd:3 for a socket that "
     "systemd "
     "passes"},
    {"listen.ready_file", KEY_TEXT, AT(listen.ready_file), "", 0, 0, NULL, "FILE",
     "write the address to this file once calls are served"},
    {"listen.tls_certificate_file", KEY_FILE, AT(listen.tls_certificate_file), "", 0, 0, NULL,
     "FILE", "certificate chain in PEM form; without it there is no TLS"},
    {"listen.tls_key_file", KEY_FILE, AT(listen.tls_key_file), "", 0, 0, NULL, "FILE",
     "private key of the certificate"},
    {"listen.tls_client_ca_file", KEY_FILE, AT(listen.tls_client_ca_file), "", 0, 0, NULL, "FILE",
     "callers need a certificate of this authority (mutual TLS)"},
    {"listen.rpc_threads", KEY_NUMBER, AT(listen.rpc_threads), "0", 0, 256, NULL, "N",
     "threads that serve calls; 0: one for each core"},
    {"listen.max_request_bytes", KEY_BYTES, AT(listen.max_request_bytes), "4MiB", KIB, 64 * MIB,
     NULL, "BYTES", "larger request messages are refused"},
    {"listen.max_response_bytes", KEY_BYTES, AT(listen.max_response_bytes), "64MiB", KIB,
     INT64_C(1024) * MIB, NULL, "BYTES", "larger answers are not sent"},
    {"listen.max_connections", KEY_NUMBER, AT(listen.max_connections), "10000", 1, 1000000, NULL,
     "N", "connections at once, where there are file descriptors for them; more are closed"},
    {"listen.max_connections_per_peer", KEY_NUMBER, AT(listen.max_connections_per_peer), "1000", 0,
     1000000, NULL, "N", "connections at once from one address, or one /64 of IPv6; 0: no bound"},
    {"listen.max_concurrent_streams", KEY_NUMBER, AT(listen.max_concurrent_streams), "1000", 1,
     100000, NULL, "N", "calls in progress for each connection"},
    {"listen.max_resets", KEY_NUMBER, AT(listen.max_resets), "1000", 0, 1000000, NULL, "N",
     "calls that one connection may give up at once, and in a second, before it is closed; 0: no "
     "bound"},
    {"listen.max_unread_bytes", KEY_BYTES, AT(listen.max_unread_bytes), "128MiB", 0,
     INT64_C(1024) * 1024 * MIB, NULL, "BYTES",
     "of answers that callers do not read, in all; when there are more, connections that hold much "
     "get no more, and those that hold most are closed; 0: no bound"},
    {"listen.max_connection_unread_bytes", KEY_BYTES, AT(listen.max_connection_unread_bytes),
     "64MiB", 0, INT64_C(1024) * 1024 * MIB, NULL, "BYTES",
     "the same of one connection, which may always have one answer, and small ones up to twice as "
     "much; more for a front that calls of many callers share; 0: no bound"},
    {"listen.max_unread_time", KEY_DURATION, AT(listen.max_unread_time), "60s", 0, DAYS(1), NULL,
     "TIME",
     "give an answer up that is not read whole in this time and a second more for each MiB of it; "
     "0: never"},
    {"listen.keepalive_time", KEY_DURATION, AT(listen.keepalive_time), "60s", SECONDS(1), DAYS(1),
     NULL, "TIME", "ping a silent connection after this time"},
    {"listen.keepalive_timeout", KEY_DURATION, AT(listen.keepalive_timeout), "20s", 100,
     SECONDS(600), NULL, "TIME", "close it when the ping is not answered in this time"},
    {"listen.max_connection_age", KEY_DURATION, AT(listen.max_connection_age), "0s", 0, DAYS(30),
     NULL, "TIME", "ask connections of this age to come again; 0: never"},
    {"listen.max_connection_age_grace", KEY_DURATION, AT(listen.max_connection_age_grace), "30s", 0,
     DAYS(1), NULL, "TIME",
     "and close them this much later; also all that are open when an authority is gone from "
     "listen.tls_client_ca_file"},
    {"listen.max_connection_idle", KEY_DURATION, AT(listen.max_connection_idle), "0s", 0, DAYS(30),
     NULL, "TIME", "close connections without calls after this time; 0: never"},
    {"listen.compression_min_bytes", KEY_BYTES, AT(listen.compression_min_bytes), "0", 0,
     INT64_C(1024) * MIB, NULL, "BYTES",
     "compress answers of this size for callers that accept it; 0: none"},
    {"listen.reflection", KEY_BOOL, AT(listen.reflection), "true", 0, 0, NULL, NULL,
     "serve grpc.reflection"},
    {"listen.channelz", KEY_BOOL, AT(listen.channelz), "false", 0, 0, NULL, NULL,
     "serve grpc.channelz, which shows all connections and their addresses to every caller"},
    {"listen.drain_timeout", KEY_DURATION, AT(listen.drain_timeout), "20s", 0, SECONDS(3600), NULL,
     "TIME", "on SIGTERM, wait this long for calls in progress"},

    {"identity.mode", KEY_CHOICE, AT(identity.mode), "auto", 0, 0, identity_modes, "MODE",
     "how callers must say who they are: none, certificate, token (a JWT), certificate_and_token "
     "(the token names the caller), certificate_or_token, forwarded (through a proxy only), or "
     "auto: certificate where listen.tls_client_ca_file is given, else none"},
    {"identity.open_health", KEY_BOOL, AT(identity.open_health), "true", 0, 0, NULL, NULL,
     "answer grpc.health.v1.Health Check and Watch for calls that name nobody, as load balancers "
     "make them; a connection still needs its certificate where callers must have one"},
    {"identity.issuer", KEY_TEXT, AT(identity.issuer), "", 0, 0, NULL, "TEXT",
     "the issuer of tokens, as their iss says (required with tokens)"},
    {"identity.audience", KEY_TEXT, AT(identity.audience), "", 0, 0, NULL, "LIST",
     "what their aud must name, one of these (required with tokens)"},
    {"identity.jwks_file", KEY_FILE, AT(identity.jwks_file), "", 0, 0, NULL, "FILE",
     "JWK Set with the keys that they are verified with, for RS256 and ES256; read again when it "
     "changes"},
    {"identity.jwks_url", KEY_URL, AT(identity.jwks_url), "", 0, 0, NULL, "URL",
     "the same from the web: https://, or http:// with a loopback host"},
    {"identity.jwks_ca_file", KEY_FILE, AT(identity.jwks_ca_file), "", 0, 0, NULL, "FILE",
     "authorities to trust for that URL instead of the system's"},
    {"identity.jwks_refresh", KEY_DURATION, AT(identity.jwks_refresh), "10m", SECONDS(1), DAYS(1),
     NULL, "TIME", "fetch the keys of the URL again after this time"},
    {"identity.jwks_ask_gap", KEY_DURATION, AT(identity.jwks_ask_gap), "10s", 100, SECONDS(3600),
     NULL, "TIME", "load the keys again when a token has an unknown one, but at most this often"},
    {"identity.clock_skew", KEY_DURATION, AT(identity.clock_skew), "30s", 0, SECONDS(600), NULL,
     "TIME", "how far the issuer's clock may differ"},
    {"identity.caller_claim", KEY_TEXT, AT(identity.caller_claim), "sub", 0, 0, NULL, "CLAIM",
     "the claim of a token that names the caller: a text of printable ASCII without spaces"},
    {"identity.caller_prefix", KEY_TEXT, AT(identity.caller_prefix), "", 0, 0, NULL, "TEXT",
     "put before that name, such as jwt:, so that it cannot be a certificate's"},
    {"identity.remembered_tokens", KEY_NUMBER, AT(identity.remembered_tokens), "4096", 0, 1000000,
     NULL, "N",
     "tokens that are not verified again until they expire or keys change; 250 bytes "
     "each"},
    {"identity.refused_token_rate", KEY_NUMBER, AT(identity.refused_token_rate), "20", 0, 1000000,
     NULL, "N",
     "tokens from one address, or of one certificate, that are verified in vain in a second, ten "
     "times as many at once, and 100 times as many of all addresses that had no good one of late; "
     "beyond that only tokens are taken that were accepted before; 0: no bound"},
    {"identity.allow_plain_tokens", KEY_BOOL, AT(identity.allow_plain_tokens), "false", 0, 0, NULL,
     NULL,
     "allow tokens without TLS on an address other than loopback; they then travel in the "
     "clear"},
    {"identity.forwarded_header", KEY_TEXT, AT(identity.forwarded_header), "", 0, 0, NULL, "NAME",
     "header in which a proxy says who calls, such as x-caller; from anyone else it is refused"},
    {"identity.proxies", KEY_TEXT, AT(identity.proxies), "", 0, 0, NULL, "LIST",
     "who may say so: names of callers as their certificates give them (the first SPIFFE URI, else "
     "DNS name, else common name)"},
    {"identity.trust_unix_socket", KEY_BOOL, AT(identity.trust_unix_socket), "false", 0, 0, NULL,
     NULL,
     "who can connect to the UNIX socket may say so; its permissions say who can, and must not let "
     "everyone"},

    {"reload.interval", KEY_DURATION, AT(reload.interval), "5s", 0, DAYS(1), NULL, "TIME",
     "look this often whether certificates, keys, secrets or rules have changed; 0: on SIGHUP "
     "only"},

    {"door.caller_rate", KEY_NUMBER, AT(door.caller_rate), "0", 0, 10000000, NULL, "N",
     "calls a second that one caller may make; 0: no bound"},
    {"door.caller_burst", KEY_NUMBER, AT(door.caller_burst), "100", 1, 10000000, NULL, "N",
     "calls that it may make at once after a pause"},
    {"door.max_delay", KEY_DURATION, AT(door.max_delay), "50ms", 0, SECONDS(60), NULL, "TIME",
     "when what arrives waits longer than this for a thread, prefetches are turned away; batches "
     "at 4 times as much, and at 16 times agents' calls and half of those for routing, and at any "
     "time calls that would be answered after their deadline; 0: never"},
    {"door.probe_interval", KEY_DURATION, AT(door.probe_interval), "5s", 0, SECONDS(3600), NULL,
     "TIME",
     "connect to the own port this often; when nothing comes back, health says so, and then the "
     "process ends with status 3; 0: never"},

    {"operator.address", KEY_TEXT, AT(operator.address), "", 0, 0, NULL, "HOST:PORT",
     "serve a status page, /metrics, /healthz and /readyz here over plain HTTP, such as on "
     "127.0.0.1:9464; without it they are not served"},
    {"operator.slow_call", KEY_DURATION, AT(operator.slow_call), "1s", 1, SECONDS(600), NULL,
     "TIME", "calls that take this long are listed on the status page as slow"},

    {"defaults.deadline", KEY_DURATION, AT(defaults.deadline), "5s", 1, SECONDS(600), NULL, "TIME",
     "of calls that come without one"},
    {"defaults.max_deadline", KEY_DURATION, AT(defaults.max_deadline), "60s", 1, SECONDS(600), NULL,
     "TIME", "longer deadlines are shortened to this"},
    {"defaults.stream_deadline", KEY_DURATION, AT(defaults.stream_deadline), "30m", SECONDS(1),
     DAYS(1), NULL, "TIME", "streams without a deadline, and with a longer one, end after this"},
    {"defaults.answer_margin", KEY_DURATION, AT(defaults.answer_margin), "10ms", 0, SECONDS(10),
     NULL, "TIME", "answer with what there is this long before the deadline"},
    {"defaults.event_limit", KEY_NUMBER, AT(defaults.event_limit), "50", 1, 10000, NULL, "N",
     "events of a context or page, where the request does not say"},
    {"defaults.event_limit_max", KEY_NUMBER, AT(defaults.event_limit_max), "1000", 1, 10000, NULL,
     "N", "and at most"},
    {"defaults.event_window", KEY_DURATION, AT(defaults.event_window), "365d", 0, DAYS(36500), NULL,
     "TIME", "how far back a context's events go; 0: without end"},

    {"upstream.base_url", KEY_URL, AT(upstream.base_url), "https://platform.adobe.io", 0, 0, NULL,
     "URL", "the Platform gateway, without /data/core/ups"},
    {"upstream.ims_url", KEY_URL, AT(upstream.ims_url), "https://ims-na1.adobelogin.com", 0, 0,
     NULL, "URL", "where access tokens come from"},
    {"upstream.identity_url", KEY_URL, AT(upstream.identity_url), "", 0, 0, NULL, "URL",
     "the identity service's gateway, such as https://platform-nld2.adobe.io; without it linked "
     "identities come from profiles"},
    {"upstream.client_id", KEY_TEXT, AT(upstream.client_id), "", 0, 0, NULL, "ID",
     "client id of the OAuth server-to-server credential (required)"},
    {"upstream.client_secret", KEY_SECRET, AT(upstream.client_secret), "", 0, 0, NULL, NULL,
     "its secret (required)"},
    {"upstream.client_secret_file", KEY_FILE, AT(upstream.client_secret_file), "", 0, 0, NULL,
     "FILE", "file with the secret"},
    {"upstream.scopes", KEY_TEXT, AT(upstream.scopes),
     "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session", 0, 0,
     NULL, "LIST", "scopes of the token, as the developer console shows them"},
    {"upstream.org_id", KEY_TEXT, AT(upstream.org_id), "", 0, 0, NULL, "ID",
     "organisation id, XXXX@AdobeOrg (required)"},
    {"upstream.sandbox", KEY_TEXT, AT(upstream.sandbox), "prod", 0, 0, NULL, "NAME",
     "sandbox of requests that name none"},
    {"upstream.merge_policy", KEY_TEXT, AT(upstream.merge_policy), "", 0, 0, NULL, "ID",
     "merge policy of requests that name none (required: what the upstream does without one is "
     "not settled)"},
    {"upstream.connect_timeout", KEY_DURATION, AT(upstream.connect_timeout), "3s", 10, SECONDS(60),
     NULL, "TIME", "for connecting, TLS included"},
    {"upstream.timeout", KEY_DURATION, AT(upstream.timeout), "10s", 10, SECONDS(600), NULL, "TIME",
     "for one fetch, where the caller's deadline is later"},
    {"upstream.attempt_timeout", KEY_DURATION, AT(upstream.attempt_timeout), "5s", 0, SECONDS(600),
     NULL, "TIME",
     "give up a request from which nothing more has arrived for this long, and send it again where "
     "that is allowed; 0: only the limit above"},
    {"upstream.retry_percent", KEY_NUMBER, AT(upstream.retry_percent), "10", 0, 100, NULL, "N",
     "requests sent again after a failure of the moment, of all calls, at most; each is billed; 0: "
     "none"},
    {"upstream.token_timeout", KEY_DURATION, AT(upstream.token_timeout), "10s", 10, SECONDS(60),
     NULL, "TIME", "for one token request"},
    {"upstream.body_bytes_max", KEY_BYTES, AT(upstream.body_bytes_max), "64MiB", KIB,
     INT64_C(1024) * MIB, NULL, "BYTES", "larger answers, unpacked, are refused"},
    {"upstream.max_connections", KEY_NUMBER, AT(upstream.max_connections), "64", 1, 10000, NULL,
     "N", "connections to the upstream"},
    {"upstream.http2_connections", KEY_NUMBER, AT(upstream.http2_connections), "8", 1, 10000, NULL,
     "N", "the same where it speaks HTTP/2, of which one connection carries a hundred requests"},
    {"upstream.dns_ttl", KEY_DURATION, AT(upstream.dns_ttl), "60s", 0, DAYS(1), NULL, "TIME",
     "how long addresses of the upstream's hosts are believed; whole seconds"},
    {"upstream.connection_age", KEY_DURATION, AT(upstream.connection_age), "10m", 0, DAYS(1), NULL,
     "TIME",
     "connections are left for new ones at about this age, so that a change of addresses is "
     "followed; whole seconds; 0: never"},
    {"upstream.max_in_flight", KEY_NUMBER, AT(upstream.max_in_flight), "1024", 1, 100000, NULL, "N",
     "fetches at once, those that wait for the budget included; more are refused"},
    {"upstream.hedge_after", KEY_DURATION, AT(upstream.hedge_after), "0s", 0, SECONDS(600), NULL,
     "TIME",
     "send a read of one person or record that has had no answer for this long a second time, if "
     "the budget has calls to spare; both are billed; 0: never"},
    {"upstream.hedge_percent", KEY_NUMBER, AT(upstream.hedge_percent), "5", 1, 100, NULL, "N",
     "of the reads that may be sent a second time, at most"},
    {"upstream.join_window", KEY_DURATION, AT(upstream.join_window), "0s", 0, SECONDS(1), NULL,
     "TIME",
     "fetches of whole profiles that come within this time become one request, unless they are for "
     "routing; 0: each has its own"},
    {"upstream.join_most", KEY_NUMBER, AT(upstream.join_most), "50", 2, 1000, NULL, "N",
     "profiles in such a request; it goes at once when there are as many"},
    {"upstream.ca_file", KEY_FILE, AT(upstream.ca_file), "", 0, 0, NULL, "FILE",
     "authorities to trust instead of the system's"},
    {"upstream.allow_plain_http", KEY_BOOL, AT(upstream.allow_plain_http), "false", 0, 0, NULL,
     NULL, "allow http:// to hosts other than loopback; tokens then travel in the clear"},

    {"upstream.quote_property_texts", KEY_BOOL, AT(upstream.quote_property_texts), "true", 0, 0,
     NULL, NULL,
     "put texts in conditions on events in quotation marks; whether the upstream wants that is "
     "not published"},

    {"budget.rate", KEY_NUMBER, AT(budget.rate), "0", 0, 1000000, NULL, "N",
     "upstream calls a second at most; 0: no bound by rate"},
    {"budget.burst", KEY_NUMBER, AT(budget.burst), "100", 1, 1000000, NULL, "N",
     "calls at once after a pause; half of it is kept from prefetching, a quarter from batches"},
    {"budget.caller_share_percent", KEY_NUMBER, AT(budget.caller_share_percent), "100", 1, 100,
     NULL, "N", "of the rate, for one caller; 100: no bound of its own"},
    {"budget.max_concurrent", KEY_NUMBER, AT(budget.max_concurrent), "512", 1, 100000, NULL, "N",
     "calls under way at once, while the upstream bears it"},
    {"budget.min_concurrent", KEY_NUMBER, AT(budget.min_concurrent), "4", 1, 100000, NULL, "N",
     "and at least, when it throttles or is slow"},
    {"budget.slow", KEY_DURATION, AT(budget.slow), "0s", 0, SECONDS(600), NULL, "TIME",
     "an answer that takes longer is a sign that the upstream is overloaded; 0: never"},

    {"breaker.failure_percent", KEY_NUMBER, AT(breaker.failure_percent), "50", 0, 100, NULL, "N",
     "of the latest calls to a host of the upstream; when as many have failed it is left alone for "
     "a while, and callers get what is remembered or an error at once; 0: never"},
    {"breaker.min_calls", KEY_NUMBER, AT(breaker.min_calls), "20", 1, 1000000, NULL, "N",
     "fewer calls within the window say nothing"},
    {"breaker.window", KEY_DURATION, AT(breaker.window), "10s", 100, SECONDS(3600), NULL, "TIME",
     "how far back the latest calls go"},
    {"breaker.open", KEY_DURATION, AT(breaker.open), "5s", 10, SECONDS(3600), NULL, "TIME",
     "how long the host is left alone before it is tried again"},
    {"breaker.probes", KEY_NUMBER, AT(breaker.probes), "3", 1, 1000, NULL, "N",
     "calls that try it then, at once; as many have to go well"},

    {"cache.max_bytes", KEY_BYTES, AT(cache.max_bytes), "256MiB", 0, INT64_C(1024) * 1024 * MIB,
     NULL, "BYTES", "memory for what is remembered of profiles and events; 0 remembers nothing"},
    {"cache.events", KEY_NUMBER, AT(cache.events), "100", 1, 1000, NULL, "N",
     "a person's newest events that are remembered; contexts with more are always fetched"},
    {"cache.profile_fresh", KEY_DURATION, AT(cache.profile_fresh), "5m", 0, DAYS(30), NULL, "TIME",
     "how long attributes of a person count as fresh"},
    {"cache.events_fresh", KEY_DURATION, AT(cache.events_fresh), "1m", 0, DAYS(30), NULL, "TIME",
     "the same of events"},
    {"cache.segments_fresh", KEY_DURATION, AT(cache.segments_fresh), "5m", 0, DAYS(30), NULL,
     "TIME", "the same of segment memberships"},
    {"cache.identities_fresh", KEY_DURATION, AT(cache.identities_fresh), "1h", 0, DAYS(30), NULL,
     "TIME", "the same of linked identities"},
    {"cache.insights_fresh", KEY_DURATION, AT(cache.insights_fresh), "15m", 0, DAYS(30), NULL,
     "TIME", "the same of insights"},
    {"cache.revalidate", KEY_DURATION, AT(cache.revalidate), "1m", 0, DAYS(30), NULL, "TIME",
     "how much longer data is given at once, as stale, while it is fetched anew"},
    {"cache.stale_if_error", KEY_DURATION, AT(cache.stale_if_error), "24h", 0, DAYS(30), NULL,
     "TIME", "the age to which data is given, as stale, when the upstream fails or is late"},
    {"cache.missing_fresh", KEY_DURATION, AT(cache.missing_fresh), "30s", 0, DAYS(30), NULL, "TIME",
     "how long it is remembered that the upstream knows nothing of a person"},
    {"cache.refresh_ahead_percent", KEY_NUMBER, AT(cache.refresh_ahead_percent), "80", 1, 100, NULL,
     "N", "of its time as fresh, from which on popular data is fetched anew; 100: never"},
    {"cache.link_identities", KEY_BOOL, AT(cache.link_identities), "true", 0, 0, NULL, NULL,
     "find a remembered person by every identity that the profile lists; switch off where merge "
     "policies do not stitch identities"},

    {"batch.parallel", KEY_NUMBER, AT(batch.parallel), "16", 1, 1024, NULL, "N",
     "upstream requests of one batch at once"},
    {"batch.chunk_size", KEY_NUMBER, AT(batch.chunk_size), "100", 1, 1000, NULL, "N",
     "profiles in one upstream request; halved where the upstream refuses it"},

    {"prefetch.max_waiting", KEY_NUMBER, AT(prefetch.max_waiting), "256", 0, 100000, NULL, "N",
     "fetches ahead of calls at once, those that wait for the budget included, and half of "
     "upstream.max_in_flight at most; more are skipped"},

    {"access.delete_profiles", KEY_BOOL, AT(access.delete_profiles), "false", 0, 0, NULL, NULL,
     "allow DeleteProfile, for every caller; not used where there is a policy"},
    {"access.policy_file", KEY_FILE, AT(access.policy_file), "", 0, 0, NULL, "FILE",
     "who may see what (the server's policy README): what it does not grant is denied; without it "
     "every caller may see all. See also profilectl policy"},

    {"summary.lifetime_value", KEY_TEXT, AT(summary.lifetime_value), "lifetime_value", 0, 0, NULL,
     "NAME", "the insight that is a customer's lifetime value"},
    {"summary.campaign_contacts", KEY_NUMBER, AT(summary.campaign_contacts), "10", 0, 1000, NULL,
     "N", "campaign contacts in a summary"},
    {"summary.case_id_path", KEY_TEXT, AT(summary.case_id_path), "", 0, 0, NULL, "PATH",
     "where events have the id of a service case, such as _tenant.case.id; without it no cases "
     "are found"},
    {"summary.case_status_path", KEY_TEXT, AT(summary.case_status_path), "", 0, 0, NULL, "PATH",
     "where they have its status"},
    {"summary.case_subject_path", KEY_TEXT, AT(summary.case_subject_path), "", 0, 0, NULL, "PATH",
     "where they have its subject; default: customerFeedback.subject"},
    {"summary.case_closed", KEY_TEXT, AT(summary.case_closed),
     "closed,solved,resolved,done,completed,cancelled", 0, 0, NULL, "LIST",
     "statuses of cases that are not open"},

    {"audiences.name_ttl", KEY_DURATION, AT(audiences.name_ttl), "1h", 0, DAYS(30), NULL, "TIME",
     "how long names of audiences are remembered"},
    {"audiences.missing_ttl", KEY_DURATION, AT(audiences.missing_ttl), "5m", 0, DAYS(30), NULL,
     "TIME", "how long it is remembered that there is none"},
    {"audiences.name_wait", KEY_DURATION, AT(audiences.name_wait), "1s", 0, SECONDS(60), NULL,
     "TIME", "an answer waits at most this long for names"},
    {"audiences.names_max", KEY_NUMBER, AT(audiences.names_max), "20000", 0, 10000000, NULL, "N",
     "names remembered at most"},

    {"page_token.key", KEY_SECRET, AT(page_token.key), "", 0, 0, NULL, NULL,
     "key that seals page tokens, 16 characters or more; servers that share it understand each "
     "other's tokens. Without one a key is made at start"},
    {"page_token.key_file", KEY_FILE, AT(page_token.key_file), "", 0, 0, NULL, "FILE",
     "file with the key"},

    {"log.level", KEY_CHOICE, AT(log.level), "info", 0, 0, log_levels, "LEVEL",
     "error, warn, info or debug"},
    {"log.format", KEY_CHOICE, AT(log.format), "auto", 0, 0, log_formats, "FORMAT",
     "json, text, or auto: text on a terminal"},
    {"log.identity_key", KEY_SECRET, AT(log.identity_key), "", 0, 0, NULL, NULL,
     "key of the hashes that stand for identities in logs. Without one a key is made at start"},
    {"log.identity_key_file", KEY_FILE, AT(log.identity_key_file), "", 0, 0, NULL, "FILE",
     "file with the key"},

    {"tracing.endpoint", KEY_URL, AT(tracing.endpoint), "", 0, 0, NULL, "URL",
     "send traces here by OTLP over HTTP, such as to http://127.0.0.1:4318; without it nothing is "
     "recorded, and a caller's traceparent only passed on"},
    {"tracing.sample_percent", KEY_NUMBER, AT(tracing.sample_percent), "1", 0, 100, NULL, "N",
     "of the calls that come without a traceparent; one that has it says itself"},
    {"tracing.service_name", KEY_TEXT, AT(tracing.service_name), "profile-context", 0, 0, NULL,
     "NAME", "the name of this service in traces"},
    {"tracing.ca_file", KEY_FILE, AT(tracing.ca_file), "", 0, 0, NULL, "FILE",
     "authorities to trust for the collector instead of the system's"},

    {"audit.file", KEY_TEXT, AT(audit.file), "", 0, 0, NULL, "FILE",
     "keep the audit trail here: a line for each access to a person; without it there is none"},
    {"audit.sync", KEY_DURATION, AT(audit.sync), "1s", 0, SECONDS(3600), NULL, "TIME",
     "have the disk keep what was written at least so often; 0: when the system likes"},
    {"audit.rotate_bytes", KEY_BYTES, AT(audit.rotate_bytes), "256MiB", 0,
     INT64_C(1024) * 1024 * MIB, NULL, "BYTES",
     "begin a new file when it is so large; 0: only when it was moved away, on SIGHUP"},
    {"audit.refused_rate", KEY_NUMBER, AT(audit.refused_rate), "100", 0, 1000000, NULL, "N",
     "lines a second about refused calls of those nobody knows and refused TLS handshakes, a tenth "
     "of it about one address; ten times as many at once; the rest is counted; 0: no bound"},

    {"hardening.wipe_memory", KEY_BOOL, AT(hardening.wipe_memory), "false", 0, 0, NULL, NULL,
     "wipe memory when it is given back, so that persons' data does not linger; takes time"},

    {"sandbox.enabled", KEY_BOOL, AT(sandbox.enabled), "false", 0, 0, NULL, NULL,
     "start an entity-sandbox and use it as the upstream (short: --sandbox)"},
    {"sandbox.program", KEY_TEXT, AT(sandbox.program), "entity-sandbox", 0, 0, NULL, "PROGRAM",
     "the program to start"},
    {"sandbox.database", KEY_TEXT, AT(sandbox.database), "", 0, 0, NULL, "FILE",
     "its database; default: in memory"},
    {"sandbox.load", KEY_FILE, AT(sandbox.load), "", 0, 0, NULL, "FILE",
     "records to load into it, beside the demonstration customers"},
    {"sandbox.generate", KEY_NUMBER, AT(sandbox.generate), "0", 0, 100000000, NULL, "N",
     "synthetic customers to make in it"},
    {"sandbox.seed", KEY_NUMBER, AT(sandbox.seed), "1", 0, INT64_MAX, NULL, "N",
     "seed that they are made from"},
    {"sandbox.delay", KEY_TEXT, AT(sandbox.delay), "", 0, 0, NULL, "MS",
     "its delay, such as 500+-100"},
};

const size_t config_key_count = PC_COUNT_OF(config_keys);

size_t config_key_find(const char *name)
{
    size_t i = 0;
    while (i < config_key_count && strcmp(config_keys[i].name, name) != 0) {
        i++;
    }
    return i;
}

void config_key_flag(char *out, size_t size, const config_key *key)
{
    (void)snprintf(out, size, "%s", key->name);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == '.' || *c == '_' ? '-' : *c;
    }
}

void config_key_variable(char *out, size_t size, const config_key *key)
{
    (void)snprintf(out, size, "PROFILE_CONTEXT_%s", key->name);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == '.' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    }
}

void pc_config_print_help(FILE *out)
{
    fputs(
        "Usage: profile-contextd [--config FILE] [--KEY VALUE]...\n"
        "\n"
        "Serves customer context from Adobe Experience Platform's Real-Time Customer Profile over\n"
        "gRPC.\n"
        "\n"
        "Try it without an Adobe account, against an entity sandbox of its own:\n"
        "  profile-contextd --sandbox\n"
        "With one:\n"
        "  profile-contextd --config /etc/profile-context/profile-contextd.yaml\n"
        "\n"
        "  --config FILE    read this YAML file\n"
        "  --check-config   check flags, environment and file, and the files they name, and exit\n"
        "  --check-upstream walk through what Adobe's side needs, say what is right and what to "
        "do,\n"
        "                   and exit: 0, or 1 when something is wrong. With --check-person=NS:ID "
        "it\n"
        "                   looks a person up, which is billed; with --json it prints JSON\n"
        "  --print-config   print the configuration in effect, without secrets, and exit\n"
        "  --allow-core-dumps\n"
        "                   do not keep memory, which has secrets and personal data, out of cores\n"
        "                   and debuggers\n"
        "  --sandbox        short for --sandbox-enabled\n"
        "  --version        print the version and those of the libraries, and exit\n"
        "  --help           print this, and exit\n"
        "\n"
        "Every key `group.name` of the file is a flag --group-name and an environment variable\n"
        "PROFILE_CONTEXT_GROUP_NAME; flags win over variables, variables over the file. Secrets\n"
        "come from a *_file key or a variable only. Times: 250ms, 2s, 5m, 1h, 30d. Sizes: 64KiB,\n"
        "4MiB. Insights are configured in the file only; see example.yaml.\n",
        out);
    char group[32] = "";
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        size_t length = strcspn(key->name, ".");
        if (strncmp(group, key->name, length) != 0 || group[length] != '\0') {
            (void)snprintf(group, sizeof group, "%.*s", (int)length, key->name);
            fprintf(out, "\n%s:\n", group);
        }
        char name[96];
        if (key->type == KEY_SECRET) {
            config_key_variable(name, sizeof name, key);
            fprintf(out, "  %s (environment only)\n", name);
        } else {
            config_key_flag(name, sizeof name, key);
            fprintf(out, "  --%s%s%s\n", name, key->placeholder == NULL ? "" : " ",
                    key->placeholder == NULL ? "" : key->placeholder);
        }
        fprintf(out, "      %s", key->help);
        if (key->default_value[0] != '\0') {
            fprintf(out, " [%s]", key->default_value);
        }
        fputc('\n', out);
    }
    fputs("\nExit status: 0 after SIGTERM or SIGINT, 2 for a wrong flag or configuration, 1 when "
          "the\n"
          "start fails otherwise.\n",
          out);
}
