/* A function for each step, in the order in which one needs another. */
#include "check/check.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check/find.h"
#include "check/http.h"
#include "upstream/entity_request.h"
#include "upstream/token_answer.h"
#include "upstream/url.h"
#include "util/attributes.h"
#include "util/clock.h"

enum {
    URL_BYTES_MAX = 8192,
    TOKEN_BYTES_MAX = 17 * 1024,
    POLICIES_MAX = 100,
    NAMESPACES_MAX = 1000,
    AUDIENCES_MAX = 3,
    NAME_BYTES_MAX = 128,
    LOOKUPS = 3,
    SKEW_WARNING_MS = 5000,
    SKEW_FAILED_MS = 60000,
    SLOW_MS = 1000
};

/* What the steps share. */
typedef struct {
    const pc_config *config;
    pc_check_http *http;
    const char *namespace_code; /* NULL: no person */
    const char *id;
    char authorization[TOKEN_BYTES_MAX]; /* "": there is none */
    pc_slice *policies;                  /* the list's body; NULL: it cannot be read */
    pc_slice *profile;                   /* the answer's body; NULL likewise */
    int64_t skew_ms;
    bool has_skew;
    pc_check_result *at; /* the present step's */
} work;

/* ---- verdicts -------------------------------------------------------------------------------- */

static void conclude(work *w, pc_check_verdict verdict, const char *remedy, const char *format, ...)
    PC_PRINTF(4, 5);

static void conclude(work *w, pc_check_verdict verdict, const char *remedy, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(w->at->detail, sizeof w->at->detail, format, arguments);
    va_end(arguments);
    w->at->verdict = verdict;
    w->at->remedy = remedy;
}

static void skip(work *w, const char *why)
{
    conclude(w, PC_CHECK_SKIPPED, NULL, "%s", why);
}

static const char *remedy_of_transfer(const pc_status *status)
{
    const char *reason = pc_status_reason(status);
    if (strcmp(reason, "UPSTREAM_TLS_FAILED") == 0) {
        return "Something between here and Adobe answers with another certificate: if that is a "
               "proxy of yours, name its authority in upstream.ca_file.";
    }
    if (strcmp(reason, "UPSTREAM_UNREACHABLE") == 0) {
        return "Check the URL's name, DNS, and that the firewall lets this host out to port 443; "
               "proxies of the environment are not used.";
    }
    return "The network between here and Adobe is slow or breaks connections: try again, then "
           "look into it.";
}

/* What an answer of the gateway that is no success asks for. */
static const char *remedy_of_answer(int http_status)
{
    switch (http_status) {
    case 400:
        return "Check upstream.org_id (XXXX@AdobeOrg) and upstream.sandbox: the upstream finds the "
               "request wrong.";
    case 401:
        return "The token is not accepted: check that upstream.scopes are those that the developer "
               "console shows for this credential.";
    case 403:
        return "The credential may not do this here. Check upstream.sandbox and upstream.org_id; "
               "then, in the developer console, that the project has the Experience Platform API, "
               "and in Permissions that the credential has a role with View Profiles in this "
               "sandbox.";
    case 404:
        return "Check upstream.base_url: it is the gateway, without /data/core/ups.";
    case 429:
        return "The upstream throttles this organisation: try again later.";
    default:
        return "The upstream itself has failed: see status.adobe.com, and try again.";
    }
}

/* False when there is no answer; the step has failed then. */
static bool has_answer(work *w, const pc_check_answer *answer)
{
    w->at->took_ms = answer->took_ms;
    if (answer->has_skew) {
        w->has_skew = true;
        w->skew_ms = answer->skew_ms;
    }
    if (pc_status_ok(&answer->status)) {
        return true;
    }
    conclude(w, PC_CHECK_FAILED, remedy_of_transfer(&answer->status), "%s",
             pc_status_message(&answer->status));
    return false;
}

static pc_json_range body_of(const pc_slice *body)
{
    return (pc_json_range){pc_slice_bytes(body), pc_slice_size(body)};
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void ask_platform(work *w, pc_check_answer *out, const char *url, const char *body)
{
    const pc_config *c = w->config;
    const pc_transfer_header headers[] = {
        {"Authorization", w->authorization},     {"x-api-key", c->upstream.client_id},
        {"x-gw-ims-org-id", c->upstream.org_id}, {"x-sandbox-name", c->upstream.sandbox},
        {"Accept", "application/json"},          {"Content-Type", "application/json"},
    };
    pc_check_http_ask(out, w->http, url, headers, PC_COUNT_OF(headers) - (body == NULL ? 1 : 0),
                      body);
}

/* Owned: free(). NULL on lack of memory. */
static char *make_url(const char *base, const char *path)
{
    pc_buffer url;
    pc_buffer_init(&url, URL_BYTES_MAX);
    (void)pc_url_begin(&url, base, path);
    char *text = pc_buffer_take_text(&url);
    pc_buffer_deinit(&url);
    return text;
}

static void ask_path(work *w, pc_check_answer *out, const char *base, const char *path)
{
    char *url = make_url(base, path);
    if (url == NULL) {
        *out = (pc_check_answer){.status = pc_status_out_of_memory()};
        return;
    }
    ask_platform(w, out, url, NULL);
    free(url);
}

/* A request as the server would send it. */
static void ask_entity(work *w, pc_check_answer *out, const pc_entity_query *query)
{
    const pc_entity_bases bases = {w->config->upstream.base_url, NULL};
    pc_entity_request request;
    pc_status status = pc_entity_request_build(&request, &bases, query);
    if (!pc_status_ok(&status)) {
        *out = (pc_check_answer){.status = status};
        return;
    }
    ask_platform(w, out, request.url, request.body);
    pc_entity_request_deinit(&request);
}

static pc_entity_query query_of(const work *w, pc_entity_kind kind)
{
    return (pc_entity_query){
        .kind = kind,
        .namespace_code = w->namespace_code,
        .namespace_size = w->namespace_code == NULL ? 0 : strlen(w->namespace_code),
        .id = w->id,
        .id_size = w->id == NULL ? 0 : strlen(w->id),
        .merge_policy = w->config->upstream.merge_policy,
        .deadline_ns = PC_NEVER_NS,
        .limit = 1,
    };
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void connect_to(work *w, const char *base)
{
    pc_check_answer answer;
    char *url = make_url(base, "");
    if (url == NULL) {
        skip(w, "out of memory");
        return;
    }
    pc_check_http_ask(&answer, w->http, url, NULL, 0, NULL);
    if (has_answer(w, &answer)) {
        conclude(w, PC_CHECK_OK, NULL, "%s answers",
                 strncmp(base, "https:", 6) == 0 ? "trusted by TLS, it" : "without TLS, it");
    }
    pc_check_answer_deinit(&answer);
    free(url);
}

static void connect_platform(work *w)
{
    connect_to(w, w->config->upstream.base_url);
}

static void connect_ims(work *w)
{
    connect_to(w, w->config->upstream.ims_url);
}

/* Owned: wiped and freed. */
static char *token_form(const pc_config *c)
{
    pc_buffer form;
    pc_buffer_init(&form, 64 * 1024);
    (void)pc_buffer_reserve(&form, 64 * 1024 - 1);
    pc_url body = pc_url_begin_form(&form);
    pc_url_add_text(&body, "grant_type", "client_credentials");
    pc_url_add_text(&body, "client_id", c->upstream.client_id);
    pc_url_add_text(&body, "client_secret", c->upstream.client_secret);
    pc_url_add_text(&body, "scope", c->upstream.scopes);
    char *text = pc_buffer_take_text(&form);
    pc_buffer_deinit(&form);
    return text;
}

static void take_token(work *w, const pc_check_answer *answer)
{
    pc_token_answer token;
    pc_status status = pc_token_answer_read(
        &token, answer->http_status, pc_slice_bytes(answer->body), pc_slice_size(answer->body), 0);
    if (!pc_status_ok(&status)) {
        conclude(w, PC_CHECK_FAILED,
                 status.code == PC_CODE_UNAUTHENTICATED
                     ? "Compare upstream.client_id, the secret and upstream.scopes with what the "
                       "developer console shows for the OAuth server-to-server credential; a "
                       "secret may have expired."
                     : "IMS itself has failed, or upstream.ims_url is not IMS: see "
                       "status.adobe.com, and try again.",
                 "HTTP %d: %s", answer->http_status, pc_status_message(&status));
        pc_status_clear(&status);
        return;
    }
    int written =
        snprintf(w->authorization, sizeof w->authorization, "Bearer %s", token.access_token);
    OPENSSL_cleanse(token.access_token, strlen(token.access_token));
    free(token.access_token);
    if (written >= (int)sizeof w->authorization) {
        w->authorization[0] = '\0';
        conclude(w, PC_CHECK_FAILED, "Report this: no such token is known.",
                 "the token has more than 16 KiB");
        return;
    }
    conclude(w, PC_CHECK_OK, NULL, "good for %lld minutes", (long long)token.lifetime_ms / 60000);
}

static void token(work *w)
{
    static const pc_transfer_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    char *url = make_url(w->config->upstream.ims_url, "ims/token/v3");
    char *form = token_form(w->config);
    if (url == NULL || form == NULL) {
        skip(w, "out of memory");
    } else {
        pc_check_answer answer;
        pc_check_http_ask(&answer, w->http, url, headers, PC_COUNT_OF(headers), form);
        if (has_answer(w, &answer)) {
            take_token(w, &answer);
        }
        pc_check_answer_deinit(&answer);
    }
    if (form != NULL) {
        OPENSSL_cleanse(form, strlen(form));
    }
    free(form);
    free(url);
}

static void gateway(work *w)
{
    pc_check_answer answer;
    if (w->authorization[0] == '\0') {
        skip(w, "needs a token");
        return;
    }
    ask_path(w, &answer, w->config->upstream.base_url,
             "data/core/ups/config/mergePolicies?limit=100");
    if (has_answer(w, &answer)) {
        if (answer.http_status == 200) {
            w->policies = pc_slice_ref(answer.body);
            conclude(w, PC_CHECK_OK, NULL, "organisation, API key and sandbox '%s' are accepted",
                     w->config->upstream.sandbox);
        } else {
            conclude(w, PC_CHECK_FAILED, remedy_of_answer(answer.http_status), "HTTP %d",
                     answer.http_status);
        }
    }
    pc_check_answer_deinit(&answer);
}

static void judge_policy(work *w, const pc_json_range *policy)
{
    pc_json_range value;
    char name[NAME_BYTES_MAX] = "";
    char merge[NAME_BYTES_MAX] = "?";
    if (pc_find(&value, policy, "name")) {
        pc_find_text(name, sizeof name, &value);
    }
    if (pc_find(&value, policy, "attributeMerge.type")) {
        pc_find_text(merge, sizeof merge, &value);
    }
    bool stitches = pc_find(&value, policy, "identityGraph.type") && pc_find_is(&value, "pdg");
    bool links = w->config->cache.link_identities;
    conclude(
        w, !stitches && links ? PC_CHECK_WARNING : PC_CHECK_OK,
        !stitches && links ? "This policy keeps identities apart: set cache.link_identities to "
                             "false, or choose one that stitches them."
                           : NULL,
        "'%s', attributes by %s, identities %s", name, merge, stitches ? "stitched" : "kept apart");
}

static void merge_policy(work *w)
{
    static pc_json_range policies[POLICIES_MAX];
    pc_json_range list;
    if (w->policies == NULL) {
        skip(w, "needs the list of merge policies");
        return;
    }
    pc_json_range body = body_of(w->policies);
    size_t count =
        pc_find(&list, &body, "children") ? pc_find_items(policies, POLICIES_MAX, &list) : 0;
    for (size_t i = 0; i < count && i < POLICIES_MAX; i++) {
        pc_json_range id;
        if (pc_find(&id, &policies[i], "id") && pc_find_is(&id, w->config->upstream.merge_policy)) {
            judge_policy(w, &policies[i]);
            return;
        }
    }
    conclude(w, PC_CHECK_FAILED,
             "Set upstream.merge_policy to the id of one that Profiles > Merge policies shows for "
             "this sandbox.",
             "none of the %zu merge policies of this sandbox has the configured id", count);
}

static bool lists_namespace(const pc_json_range *namespaces, size_t count, const char *code)
{
    for (size_t i = 0; i < count && i < NAMESPACES_MAX; i++) {
        pc_json_range value;
        char text[NAME_BYTES_MAX];
        if (pc_find(&value, &namespaces[i], "code")) {
            pc_find_text(text, sizeof text, &value);
            if (strcasecmp(text, code) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void namespaces(work *w)
{
    static pc_json_range items[NAMESPACES_MAX];
    const pc_config *c = w->config;
    pc_check_answer answer;
    if (w->authorization[0] == '\0') {
        skip(w, "needs a token");
        return;
    }
    ask_path(w, &answer,
             c->upstream.identity_url[0] == '\0' ? c->upstream.base_url : c->upstream.identity_url,
             "data/core/idnamespace/identities");
    if (has_answer(w, &answer)) {
        pc_json_range body = body_of(answer.body);
        size_t count = answer.http_status == 200 ? pc_find_items(items, NAMESPACES_MAX, &body) : 0;
        if (answer.http_status != 200) {
            conclude(w, PC_CHECK_WARNING,
                     "Look-ups do not need the list. If you want it checked, set "
                     "upstream.identity_url to your region's gateway and let the credential view "
                     "identity namespaces.",
                     "HTTP %d: the list cannot be read", answer.http_status);
        } else if (w->namespace_code != NULL && !lists_namespace(items, count, w->namespace_code)) {
            conclude(w, PC_CHECK_FAILED,
                     "Name the person by a namespace's code, as Identities > Namespaces shows it.",
                     "there are %zu namespaces, but none named '%.64s'", count, w->namespace_code);
        } else {
            conclude(w, PC_CHECK_OK, NULL, "%zu namespaces", count);
        }
    }
    pc_check_answer_deinit(&answer);
}

static bool may_look_up(work *w)
{
    if (w->authorization[0] == '\0') {
        skip(w, "needs a token");
    } else if (w->id == NULL) {
        skip(w, "needs a person who is known: name one as NAMESPACE:ID");
    }
    return w->authorization[0] != '\0' && w->id != NULL;
}

static void lookup(work *w)
{
    pc_check_answer answer;
    if (!may_look_up(w)) {
        return;
    }
    const pc_entity_query query = query_of(w, PC_ENTITY_PROFILE);
    ask_entity(w, &answer, &query);
    if (has_answer(w, &answer)) {
        if (answer.http_status == 200) {
            w->profile = pc_slice_ref(answer.body);
            conclude(w, PC_CHECK_OK, NULL, "found, in %zu bytes", pc_slice_size(answer.body));
        } else if (answer.http_status == 404) {
            conclude(w, PC_CHECK_FAILED,
                     "Name a person who is known: Profiles > Browse finds one by the same "
                     "namespace and id. Then compare sandbox and merge policy.",
                     "the person is not known");
        } else {
            conclude(w, PC_CHECK_FAILED, remedy_of_answer(answer.http_status), "HTTP %d",
                     answer.http_status);
        }
    }
    pc_check_answer_deinit(&answer);
}

static void events(work *w)
{
    pc_check_answer answer;
    if (!may_look_up(w)) {
        return;
    }
    const pc_entity_query query = query_of(w, PC_ENTITY_EVENTS);
    ask_entity(w, &answer, &query);
    if (has_answer(w, &answer)) {
        if (answer.http_status == 200 || answer.http_status == 404) {
            conclude(w, PC_CHECK_OK, NULL, "%s",
                     answer.http_status == 200 ? "events can be read"
                                               : "events can be read; this person has none");
        } else if (answer.http_status == 403) {
            conclude(w, PC_CHECK_WARNING,
                     "Look-up of events is licensed apart: ask Adobe for it, or live without; "
                     "callers get the section as not enabled.",
                     "HTTP 403: events may not be read");
        } else {
            conclude(w, PC_CHECK_FAILED, remedy_of_answer(answer.http_status), "HTTP %d",
                     answer.http_status);
        }
    }
    pc_check_answer_deinit(&answer);
}

/* The XID is the only key of the answer; what it stands for is the entity. */
static bool find_entity(const work *w, pc_json_range *out)
{
    pc_json_reader reader;
    pc_json_text key;
    pc_json_range value;
    if (w->profile == NULL) {
        return false;
    }
    pc_json_reader_init(&reader, pc_slice_bytes(w->profile), pc_slice_size(w->profile), 0);
    return pc_json_enter_object(&reader) && pc_json_next_member(&reader, &key) &&
           pc_json_skip(&reader, &value) && pc_find(out, &value, "entity");
}

/* Ids of audiences that the person is in; of those with plain ids. */
static size_t audience_ids(const work *w, char out[AUDIENCES_MAX][NAME_BYTES_MAX])
{
    pc_json_range entity;
    pc_json_range memberships;
    pc_json_text ids[AUDIENCES_MAX];
    size_t count = 0;
    if (find_entity(w, &entity) && pc_find(&memberships, &entity, "segmentMembership.ups")) {
        size_t found = pc_find_names(ids, AUDIENCES_MAX, &memberships);
        for (size_t i = 0; i < found && i < AUDIENCES_MAX; i++) {
            if (ids[i].plain && ids[i].size < NAME_BYTES_MAX) {
                memcpy(out[count], ids[i].bytes, ids[i].size);
                out[count++][ids[i].size] = '\0';
            }
        }
    }
    return count;
}

static void audiences(work *w)
{
    char ids[AUDIENCES_MAX][NAME_BYTES_MAX];
    pc_check_answer answer;
    if (w->authorization[0] == '\0') {
        skip(w, "needs a token");
        return;
    }
    size_t count = audience_ids(w, ids);
    if (count > 0) {
        const char *const pointers[AUDIENCES_MAX] = {ids[0], ids[1], ids[2]};
        pc_entity_query query = {.kind = PC_ENTITY_AUDIENCES,
                                 .audience_ids = pointers,
                                 .audience_count = count,
                                 .deadline_ns = PC_NEVER_NS};
        ask_entity(w, &answer, &query);
    } else {
        ask_path(w, &answer, w->config->upstream.base_url, "data/core/ups/audiences?limit=1");
    }
    if (has_answer(w, &answer)) {
        bool good = answer.http_status == 200 || answer.http_status == 207;
        conclude(w, good ? PC_CHECK_OK : PC_CHECK_WARNING,
                 good ? NULL
                      : "Callers get ids instead of names: give the credential's role View "
                        "Segments in this sandbox.",
                 "%s",
                 good ? count > 0 ? "names of the person's audiences can be read"
                                  : "audiences can be read"
                      : "names of audiences cannot be read");
    }
    pc_check_answer_deinit(&answer);
}

static void insights(work *w)
{
    const pc_config *c = w->config;
    pc_json_range entity;
    pc_json_range value;
    size_t found = 0;
    const char *missing = NULL;
    if (c->insight_count == 0) {
        skip(w, "no insights are configured");
        return;
    }
    if (!find_entity(w, &entity)) {
        skip(w, "needs the person's profile");
        return;
    }
    for (size_t i = 0; i < c->insight_count; i++) {
        if (pc_find(&value, &entity, c->insights[i].path)) {
            found++;
        } else if (missing == NULL) {
            missing = c->insights[i].name;
        }
    }
    if (missing == NULL) {
        conclude(w, PC_CHECK_OK, NULL, "all %zu are in this profile", found);
    } else {
        conclude(w, PC_CHECK_WARNING,
                 "Not every person has every score. Where none has it, compare its path with the "
                 "schema: the tenant's prefix begins with an underscore.",
                 "%zu of %zu are in this profile; '%.64s' is the first that is not", found,
                 c->insight_count, missing);
    }
}

static void clock_skew(work *w)
{
    if (!w->has_skew) {
        skip(w, "no answer told the time");
        return;
    }
    int64_t ms = w->skew_ms < 0 ? -w->skew_ms : w->skew_ms;
    conclude(w,
             ms > SKEW_FAILED_MS    ? PC_CHECK_FAILED
             : ms > SKEW_WARNING_MS ? PC_CHECK_WARNING
                                    : PC_CHECK_OK,
             ms > SKEW_WARNING_MS
                 ? "Let this host's clock follow a time server: certificates, ages "
                   "and traces depend on it."
                 : NULL,
             "this clock is within %.1f s of Adobe's", (double)ms / 1e3);
}

static int compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static void latency(work *w)
{
    double took[LOOKUPS];
    if (!may_look_up(w)) {
        return;
    }
    for (int i = 0; i < LOOKUPS; i++) {
        const pc_entity_query query = query_of(w, PC_ENTITY_PROFILE);
        pc_check_answer answer;
        ask_entity(w, &answer, &query);
        bool good = has_answer(w, &answer);
        took[i] = answer.took_ms;
        pc_check_answer_deinit(&answer);
        if (!good) {
            return;
        }
    }
    qsort(took, LOOKUPS, sizeof took[0], compare);
    w->at->took_ms = took[LOOKUPS / 2];
    bool slow = took[LOOKUPS / 2] > SLOW_MS;
    conclude(w, slow ? PC_CHECK_WARNING : PC_CHECK_OK,
             slow ? "Expect callers with short deadlines to be served from memory only: prefetch, "
                    "or run the server in the sandbox's region."
                  : NULL,
             "look-ups took %.0f to %.0f ms on a warm connection", took[0], took[LOOKUPS - 1]);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct {
    const char *step;
    const char *title;
    void (*run)(work *w);
} steps[PC_CHECK_STEPS] = {
    {"connect_platform", "Reach the Platform gateway", connect_platform},
    {"connect_ims", "Reach IMS", connect_ims},
    {"token", "Access token and scopes", token},
    {"gateway", "Organisation, key and sandbox", gateway},
    {"merge_policy", "Merge policy", merge_policy},
    {"namespaces", "Identity namespaces", namespaces},
    {"lookup", "Look-up of a person", lookup},
    {"events", "Events", events},
    {"audiences", "Names of audiences", audiences},
    {"insights", "Insights", insights},
    {"clock", "Clock", clock_skew},
    {"latency", "Latency", latency},
};

/* Splits NAMESPACE:ID in `copy`. */
static pc_status take_person(work *w, char *copy)
{
    char *colon = copy == NULL ? NULL : strchr(copy, ':');
    if (copy == NULL) {
        return PC_OK;
    }
    if (colon == NULL || colon == copy || colon[1] == '\0') {
        return pc_status_new(PC_CODE_INVALID_ARGUMENT, "PERSON_INVALID",
                             "--check-person must be NAMESPACE:ID, such as Email:ada@example.com");
    }
    *colon = '\0';
    w->namespace_code = copy;
    w->id = colon + 1;
    return PC_OK;
}

pc_status pc_check_run(pc_check_result results[PC_CHECK_STEPS], const pc_config *config,
                       const char *person)
{
    const char *ca_file = config->upstream.ca_file[0] == '\0' ? NULL : config->upstream.ca_file;
    work *w = calloc(1, sizeof *w);
    char *copy = person == NULL ? NULL : strdup(person);
    if (w == NULL || (person != NULL && copy == NULL)) {
        free(w);
        free(copy);
        return pc_status_out_of_memory();
    }
    w->config = config;
    pc_status status = take_person(w, copy);
    if (pc_status_ok(&status)) {
        status = pc_check_http_new(&w->http, ca_file, config->upstream.timeout);
    }
    for (size_t i = 0; i < PC_CHECK_STEPS && pc_status_ok(&status); i++) {
        results[i] = (pc_check_result){.step = steps[i].step, .title = steps[i].title};
        w->at = &results[i];
        steps[i].run(w);
    }
    pc_check_http_free(w->http);
    pc_slice_unref(w->policies);
    pc_slice_unref(w->profile);
    OPENSSL_cleanse(w->authorization, sizeof w->authorization);
    free(w);
    free(copy);
    return status;
}
