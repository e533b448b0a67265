/* The answers that the upstream's documentation shows (tests/fixtures/upstream: their shapes, with
 * values of our own), from their HTTP status to typed messages. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "context/batch_match.h"
#include "mapping/identity_answers.h"
#include "mapping/insights.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "upstream/error_body.h"
#include "upstream/token_answer.h"

typedef struct {
    uint8_t *bytes;
    size_t size;
} text;

static pc_arena arena;
static text fixture; /* of the running test */

static int set_up(void **state)
{
    (void)state;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pc_arena_deinit(&arena);
    free(fixture.bytes);
    fixture = (text){0};
    return 0;
}

/* Reads a fixture, in place of the one before. */
static void load(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.json", PC_TEST_FIXTURES, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s cannot be read", path);
    }
    free(fixture.bytes);
    fixture.bytes = malloc(1 << 16);
    fixture.size = fread(fixture.bytes, 1, 1 << 16, file);
    assert_true(fixture.size > 0 && fixture.size < 1 << 16);
    fclose(file);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

typedef struct {
    const char *fixture;
    pc_entity_kind kind;
    int http_status;
    pc_code code;
    const char *reason;
    int64_t wait_ms;
} verdict;

static const verdict verdicts[] = {
    {"profile-fields", PC_ENTITY_PROFILE, 200, PC_CODE_OK, "", 0},
    {"profile-full", PC_ENTITY_PROFILE, 200, PC_CODE_OK, "", 0},
    {"customer-ai", PC_ENTITY_PROFILE, 200, PC_CODE_OK, "", 0},
    {"batch-partial", PC_ENTITY_BATCH, 200, PC_CODE_OK, "", 0},
    {"batch-requested-identity", PC_ENTITY_BATCH, 200, PC_CODE_OK, "", 0},
    {"batch-error-by-xid", PC_ENTITY_BATCH, 207, PC_CODE_OK, "", 0},
    {"batch-error-by-xid", PC_ENTITY_PROFILE, 207, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
    {"events-next", PC_ENTITY_EVENTS, 200, PC_CODE_OK, "", 0},
    {"events-last", PC_ENTITY_EVENTS, 200, PC_CODE_OK, "", 0},
    {"account", PC_ENTITY_RECORD, 200, PC_CODE_OK, "", 0},
    {"graph", PC_ENTITY_GRAPH, 200, PC_CODE_OK, "", 0},
    {"audiences-one-missing", PC_ENTITY_AUDIENCES, 207, PC_CODE_OK, "", 0},
    {"not-found-404", PC_ENTITY_PROFILE, 404, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
    {"not-found-404", PC_ENTITY_EVENTS, 404, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
    {"not-found-empty", PC_ENTITY_PROFILE, 200, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
    {"problem-404", PC_ENTITY_PROFILE, 404, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
    {"errors-by-status", PC_ENTITY_AUDIENCES, 404, PC_CODE_NOT_FOUND, "AUDIENCE_NOT_FOUND", 0},
    {"error-not-provisioned", PC_ENTITY_PROFILE, 403, PC_CODE_PERMISSION_DENIED,
     "UPSTREAM_NOT_PROVISIONED", 0},
    {"error-not-provisioned", PC_ENTITY_EVENTS, 403, PC_CODE_PERMISSION_DENIED,
     "EVENTS_NOT_ENABLED", 0},
    {"error-too-many-identities", PC_ENTITY_PROFILE, 422, PC_CODE_FAILED_PRECONDITION,
     "UPSTREAM_TOO_MANY_IDENTITIES", 0},
    {"error-identity", PC_ENTITY_PROFILE, 422, PC_CODE_FAILED_PRECONDITION,
     "UPSTREAM_UNPROCESSABLE", 0},
    {"error-429-array", PC_ENTITY_PROFILE, 429, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED",
     500},
    {"error-500", PC_ENTITY_PROFILE, 500, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
    {"gateway-400003", PC_ENTITY_PROFILE, 400, PC_CODE_INVALID_ARGUMENT,
     "UPSTREAM_REJECTED_REQUEST", 0},
    {"gateway-401013", PC_ENTITY_PROFILE, 401, PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED",
     0},
    {"gateway-403010", PC_ENTITY_EVENTS, 403, PC_CODE_PERMISSION_DENIED, "UPSTREAM_FORBIDDEN", 0},
};

enum { VERDICTS = sizeof verdicts / sizeof verdicts[0] };

static void every_answer_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERDICTS; i++) {
        const verdict *wanted = &verdicts[i];
        load(wanted->fixture);
        pc_status status =
            pc_error_body_judge(wanted->kind, wanted->http_status, fixture.bytes, fixture.size, 0);
        if (status.code != wanted->code || strcmp(pc_status_reason(&status), wanted->reason) != 0 ||
            pc_status_retry_after_ms(&status) != wanted->wait_ms) {
            fail_msg("%s: %s %s", wanted->fixture, pc_code_name(status.code),
                     pc_status_reason(&status));
        }
        pc_status_clear(&status);
    }
}

static bool has_verdict(const char *file)
{
    for (size_t i = 0; i < VERDICTS; i++) {
        size_t length = strlen(verdicts[i].fixture);
        if (strncmp(verdicts[i].fixture, file, length) == 0 &&
            strcmp(file + length, ".json") == 0) {
            return true;
        }
    }
    return strncmp(file, "token", 5) == 0;
}

static void no_fixture_is_forgotten(void **state)
{
    (void)state;
    DIR *folder = opendir(PC_TEST_FIXTURES);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.' && !has_verdict(entry->d_name)) {
            fail_msg("%s is in no test", entry->d_name);
        }
    }
    closedir(folder);
}

static void tokens_are_read_and_refusals_told(void **state)
{
    (void)state;
    pc_token_answer answer = {0};
    load("token");
    check_ok(pc_token_answer_read(&answer, 200, fixture.bytes, fixture.size, 0));
    assert_string_equal(answer.access_token, "token-made-up");
    assert_int_equal(answer.lifetime_ms, 86399000);
    free(answer.access_token);
    load("token-invalid-client");
    check_failure(pc_token_answer_read(&answer, 400, fixture.bytes, fixture.size, 0),
                  PC_CODE_UNAUTHENTICATED, "UPSTREAM_TOKEN_REFUSED");
}

/* ---- messages -------------------------------------------------------------------------------- */

static Profilecontext__V1__Profile *profile_of(const pc_profile_envelope *envelope)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX);
    check_ok(
        pc_transcode(&out, envelope->entity.bytes, envelope->entity.size, &pc_table_Profile, NULL));
    Profilecontext__V1__Profile *profile =
        profilecontext__v1__profile__unpack(NULL, out.size, out.bytes);
    pc_buffer_deinit(&out);
    assert_non_null(profile);
    return profile;
}

static void read_profile(pc_profile_envelope *envelope, const char *name)
{
    load(name);
    check_ok(pc_envelope_profile(envelope, &arena, fixture.bytes, fixture.size));
}

static void a_profile_of_some_fields(void **state)
{
    (void)state;
    pc_profile_envelope envelope;
    read_profile(&envelope, "profile-fields");
    assert_string_equal(envelope.xid, "XID-GRACE-000000000000000");
    assert_int_equal(envelope.last_modified.seconds, 1756414644);
    Profilecontext__V1__Profile *profile = profile_of(&envelope);
    assert_string_equal(profile->person->name->first_name, "Grace");
    assert_string_equal(profile->work_email->address, "grace@example.org");
    assert_true(profile->work_email->primary);
    /* The older list of identities is no part of the model, and not lost. */
    assert_non_null(profile->extensions);
    profilecontext__v1__profile__free_unpacked(profile, NULL);
}

static void a_whole_profile(void **state)
{
    (void)state;
    pc_profile_envelope envelope;
    read_profile(&envelope, "profile-full");
    assert_string_equal(envelope.merge_policy_id, "70000000-0000-4000-8000-000000000001");
    /* 22:57:24+02:00 */
    assert_int_equal(envelope.last_modified.seconds, 1756414644);
    Profilecontext__V1__Profile *profile = profile_of(&envelope);
    assert_string_equal(profile->record_id, "crm-1001");
    assert_int_equal(profile->person->birth_date->year, 1990);
    assert_string_equal(profile->home_address->country_code, "IT");
    assert_int_equal(profile->n_identity_map, 3);
    /* In the order of their ids. */
    assert_int_equal(profile->n_segment_membership, 3);
    const Profilecontext__V1__SegmentMembership *third = profile->segment_membership[1];
    assert_string_equal(third->namespace_, "ups");
    assert_int_equal(third->status, PROFILECONTEXT__V1__SEGMENT_STATUS__SEGMENT_STATUS_EXISTING);
    assert_int_equal(third->last_qualification_time->nanos, 609626000);
    assert_string_equal(third->version, "3");
    /* +0000 without a colon is read as well. */
    assert_int_equal(profile->segment_membership[0]->last_qualification_time->seconds, 1751337710);
    const Profilecontext__V1__MarketingConsents *marketing = profile->consents->marketing;
    assert_int_equal(marketing->email->val, PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_YES);
    assert_string_equal(marketing->push->reason, "Too Frequent");
    profilecontext__v1__profile__free_unpacked(profile, NULL);
}

static void a_score_by_its_path(void **state)
{
    (void)state;
    static const pc_insight_rule rules[] = {
        {.name = "churn",
         .path = "_tenant.customerAI.churn30d.score",
         .type = PC_INSIGHT_NUMBER,
         .factors_path = "_tenant.customerAI.churn30d.influentialFactors"},
        {.name = "percentile",
         .path = "_tenant.customerAI.churn30d.percentile",
         .type = PC_INSIGHT_NUMBER},
    };
    pc_profile_envelope envelope;
    pc_insight_set *set;
    pc_buffer out;
    read_profile(&envelope, "customer-ai");
    check_ok(pc_insight_set_new(&set, rules, 2));
    pc_buffer_init(&out, SIZE_MAX);
    check_ok(pc_map_insights(&out, set, envelope.entity.bytes, envelope.entity.size, 6));
    Profilecontext__V1__Context *context =
        profilecontext__v1__context__unpack(NULL, out.size, out.bytes);
    assert_int_equal(context->n_insights, 2);
    assert_true(context->insights[0]->number == 81);
    assert_int_equal(context->insights[0]->n_factors, 1);
    assert_string_equal(context->insights[0]->factors[0]->importance, "high");
    assert_true(context->insights[1]->number == 93);
    profilecontext__v1__context__free_unpacked(context, NULL);
    pc_buffer_deinit(&out);
    pc_insight_set_free(set);
}

static void pages_of_events(void **state)
{
    (void)state;
    static const struct {
        const char *fixture;
        const char *cursor;
        int64_t seconds;
    } pages[] = {
        {"events-next", "e0000000-0000-4000-8000-000000000002", 1756260476},
        {"events-last", "", 1756260477},
    };
    for (size_t i = 0; i < 2; i++) {
        pc_buffer out;
        pc_event_summary summary;
        load(pages[i].fixture);
        pc_buffer_init(&out, SIZE_MAX);
        check_ok(pc_map_events(&out, &summary, &arena, fixture.bytes, fixture.size, 5, NULL));
        assert_int_equal(summary.count, 1);
        assert_string_equal(summary.next_cursor, pages[i].cursor);
        assert_int_equal(summary.newest_last_modified.seconds, 1755758942);
        Profilecontext__V1__Context *context =
            profilecontext__v1__context__unpack(NULL, out.size, out.bytes);
        assert_int_equal(context->n_events, 1);
        const Profilecontext__V1__ExperienceEvent *event = context->events[0];
        assert_string_equal(event->event_type, "web.webpagedetails.pageViews");
        /* The envelope has it, in milliseconds. */
        assert_int_equal(event->timestamp->seconds, pages[i].seconds);
        assert_string_equal(event->web->web_page_details->name, "Home");
        profilecontext__v1__context__free_unpacked(context, NULL);
        pc_buffer_deinit(&out);
    }
}

static void an_account(void **state)
{
    (void)state;
    pc_profile_envelope envelope;
    read_profile(&envelope, "account");
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX);
    check_ok(
        pc_transcode(&out, envelope.entity.bytes, envelope.entity.size, &pc_table_Entity, NULL));
    Profilecontext__V1__Entity *entity =
        profilecontext__v1__entity__unpack(NULL, out.size, out.bytes);
    assert_string_equal(entity->record_id, "id1");
    assert_string_equal(entity->account_key->source_id, "800100");
    assert_false(entity->is_deleted);
    assert_int_equal(entity->n_identity_map, 2);
    profilecontext__v1__entity__free_unpacked(entity, NULL);
    pc_buffer_deinit(&out);
}

static void names_of_audiences(void **state)
{
    (void)state;
    pc_audience_iterator iterator;
    pc_audience audience;
    bool found;
    load("audiences-one-missing");
    pc_audience_iterator_init(&iterator, &arena, fixture.bytes, fixture.size);
    check_ok(pc_audience_iterator_next(&iterator, &audience, &found));
    assert_true(found);
    assert_string_equal(audience.name, "Gold members");
    check_ok(pc_audience_iterator_next(&iterator, &audience, &found));
    assert_true(found);
    assert_string_equal(audience.id, "missing-audience");
    assert_null(audience.name);
    check_ok(pc_audience_iterator_next(&iterator, &audience, &found));
    assert_false(found);
}

static void a_graph(void **state)
{
    (void)state;
    pc_graph_member *members;
    size_t count;
    load("graph");
    check_ok(pc_graph_read(&members, &count, &arena, fixture.bytes, fixture.size));
    assert_int_equal(count, 2);
    assert_string_equal(members[1].namespace_code, "ECID");
    assert_string_equal(members[1].id, "20000000000000000000000000000000000007");
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Matches an answer with persons. */
static void match(int *matches, pc_batch_entries *entries, const pc_person_ref *persons,
                  size_t count)
{
    check_ok(pc_batch_entries_read(entries, &arena, fixture.bytes, fixture.size));
    check_ok(pc_batch_match(matches, &arena, persons, count, entries, NULL, 0));
}

static void a_batch_in_part_unknown(void **state)
{
    (void)state;
    const pc_person_ref persons[] = {
        {"Email", "nobody@example.org", NULL},
        {"email", "grace@example.org", NULL},
        {NULL, NULL, "XID-THREE-000000000000000"},
    };
    pc_batch_entries entries;
    int matches[3];
    load("batch-partial");
    match(matches, &entries, persons, 3);
    assert_int_equal(entries.count, 3);
    assert_true(entries.entries[1].placeholder);
    assert_int_equal(matches[0], PC_UNKNOWN_PERSON);
    assert_int_equal(matches[1], 0);
    assert_int_equal(matches[2], 2);
}

static void a_batch_that_names_what_was_asked(void **state)
{
    (void)state;
    const pc_person_ref persons[] = {{"ecid", "20000000000000000000000000000000000007", NULL}};
    pc_batch_entries entries;
    int matches[1];
    load("batch-requested-identity");
    match(matches, &entries, persons, 1);
    assert_int_equal(matches[0], 0);
}

static void an_error_of_one_person(void **state)
{
    (void)state;
    const pc_person_ref persons[] = {{NULL, NULL, "XID-JOAN-0000000000000"}};
    pc_batch_entries entries;
    int matches[1];
    load("batch-error-by-xid");
    match(matches, &entries, persons, 1);
    assert_int_equal(matches[0], 0);
    assert_true(entries.entries[0].failed);
    assert_int_equal(entries.entries[0].error_status, 500);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_answer_has_its_verdict),
        TEST(no_fixture_is_forgotten),
        TEST(tokens_are_read_and_refusals_told),
        TEST(a_profile_of_some_fields),
        TEST(a_whole_profile),
        TEST(a_score_by_its_path),
        TEST(pages_of_events),
        TEST(an_account),
        TEST(names_of_audiences),
        TEST(a_graph),
        TEST(a_batch_in_part_unknown),
        TEST(a_batch_that_names_what_was_asked),
        TEST(an_error_of_one_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
