/* The requests of a load, as a server reads them, and what is read of its answers. */
#include "testing.h"

#include <string.h>
#include <unistd.h>

#include "bench_requests.h"
#include "bench_sections.h"
#include "options_bench.h"

static options usual(bench_method method)
{
    options how = {.method = method,
                   .sandbox = "dev",
                   .merge_policy = "",
                   .max_staleness_ms = 1500,
                   .since_ms = -1,
                   .until_ms = -1,
                   .mask = "a,b"};
    options_bench_defaults(&how);
    return how;
}

static bench_requests *make(const options *how, request_parts *parts)
{
    char problem[BATCH_PROBLEM_SIZE] = "";
    bench_requests *made = NULL;
    assert_true(request_parts_init(parts, how));
    assert_int_equal(bench_requests_new(&made, how, parts, problem), BENCH_REQUESTS_MADE);
    assert_string_equal(problem, "");
    return made;
}

static void check_identity(const Profilecontext__V1__Identity *identity, const char *namespace_code,
                           const char *id)
{
    assert_non_null(identity);
    assert_string_equal(identity->namespace_, namespace_code);
    assert_string_equal(identity->id, id);
}

static void check_context(bench_bytes bytes, const char *namespace_code, const char *id)
{
    Profilecontext__V1__GetContextRequest *request =
        profilecontext__v1__get_context_request__unpack(NULL, bytes.size, bytes.data);
    assert_non_null(request);
    if (*namespace_code == '\0') {
        assert_int_equal(request->person_case, PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__PERSON_XID);
        assert_string_equal(request->xid, id);
    } else {
        check_identity(request->identity, namespace_code, id);
    }
    assert_string_equal(request->sandbox, "dev");
    assert_int_equal(request->read_mask->n_paths, 2);
    assert_int_equal(request->max_staleness->seconds, 1);
    assert_int_equal(request->event_limit, 7);
    profilecontext__v1__get_context_request__free_unpacked(request, NULL);
}

static void every_person_has_a_request_in_the_order_of_the_options(void **state)
{
    (void)state;
    char path[] = "/tmp/test_bench_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "# list\nphone:+44\n\nxid:BV\n", 24), 24);
    assert_int_equal(close(descriptor), 0);
    options how = usual(BENCH_CONTEXT);
    how.event_limit = 7;
    how.persons = (option_list){.items = {"email:ada@example.com"}, .count = 1};
    how.id_file = path;
    how.id_template = "crmid:C%03d";
    how.id_count = 2;
    how.id_from = 99;
    request_parts parts;
    bench_requests *made = make(&how, &parts);
    static const char *const expected[][2] = {{"Email", "ada@example.com"},
                                              {"Phone", "+44"},
                                              {"", "BV"},
                                              {"CRMID", "C099"},
                                              {"CRMID", "C100"}};
    assert_int_equal(bench_requests_count(made), 5);
    for (size_t i = 0; i < 5; i++) {
        check_context(bench_requests_at(made, i), expected[i][0], expected[i][1]);
    }
    bench_requests_free(made);
    request_parts_deinit(&parts);
    unlink(path);
}

static void somebody_new_comes_each_time(void **state)
{
    (void)state;
    options how = usual(BENCH_CONTEXT);
    how.event_limit = 7;
    how.persons = (option_list){.items = {"email:ada@example.com"}, .count = 1};
    how.miss_template = "email:new-%d@example.com";
    how.miss_percent = 1;
    how.miss_from = 9;
    request_parts parts;
    bench_requests *made = make(&how, &parts);
    check_context(bench_requests_new_person(made), "Email", "new-9@example.com");
    check_context(bench_requests_new_person(made), "Email", "new-10@example.com");
    check_context(bench_requests_at(made, 0), "Email", "ada@example.com");
    bench_requests_free(made);
    request_parts_deinit(&parts);
}

static void each_method_has_its_request(void **state)
{
    (void)state;
    request_parts parts;
    options how = usual(BENCH_PROFILE);
    how.persons = (option_list){.items = {"a:b"}, .count = 1};

    bench_requests *made = make(&how, &parts);
    bench_bytes bytes = bench_requests_at(made, 0);
    Profilecontext__V1__GetProfileRequest *profile =
        profilecontext__v1__get_profile_request__unpack(NULL, bytes.size, bytes.data);
    check_identity(profile->identity, "a", "b");
    profilecontext__v1__get_profile_request__free_unpacked(profile, NULL);
    bench_requests_free(made);
    request_parts_deinit(&parts);

    how.method = BENCH_EVENTS;
    how.page_size = 20;
    made = make(&how, &parts);
    bytes = bench_requests_at(made, 0);
    Profilecontext__V1__ListEventsRequest *events =
        profilecontext__v1__list_events_request__unpack(NULL, bytes.size, bytes.data);
    check_identity(events->identity, "a", "b");
    assert_int_equal(events->page_size, 20);
    assert_string_equal(events->order_by, "timestamp desc");
    profilecontext__v1__list_events_request__free_unpacked(events, NULL);
    bench_requests_free(made);
    request_parts_deinit(&parts);

    how.method = BENCH_SEGMENTS;
    made = make(&how, &parts);
    bytes = bench_requests_at(made, 0);
    Profilecontext__V1__ListSegmentMembershipsRequest *segments =
        profilecontext__v1__list_segment_memberships_request__unpack(NULL, bytes.size, bytes.data);
    check_identity(segments->identity, "a", "b");
    assert_int_equal(segments->page_size, 20);
    profilecontext__v1__list_segment_memberships_request__free_unpacked(segments, NULL);
    bench_requests_free(made);
    request_parts_deinit(&parts);
}

static void check_list(const char *text, bool skip_bad, bench_requests_result expected,
                       const char *words)
{
    char path[] = "/tmp/test_bench_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    assert_int_equal(close(descriptor), 0);
    options how = usual(BENCH_PROFILE);
    how.id_file = path;
    how.skip_bad = skip_bad;
    request_parts parts;
    bench_requests *made = NULL;
    char problem[BATCH_PROBLEM_SIZE] = "";
    assert_true(request_parts_init(&parts, &how));
    assert_int_equal(bench_requests_new(&made, &how, &parts, problem), expected);
    assert_non_null(strstr(problem, words));
    assert_int_equal(made == NULL, expected != BENCH_REQUESTS_MADE);
    bench_requests_free(made);
    request_parts_deinit(&parts);
    unlink(path);
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    check_list("a:b\nnobody\na:c\n", false, BENCH_REQUESTS_MISUSE, "line 2: ");
    check_list("a:b\nnobody\na:c\n", true, BENCH_REQUESTS_MADE, "");
    check_list("# empty\n", false, BENCH_REQUESTS_MISUSE, "names nobody");
    options how = usual(BENCH_PROFILE);
    how.id_file = "/nowhere/list";
    request_parts parts;
    bench_requests *made = NULL;
    char problem[BATCH_PROBLEM_SIZE] = "";
    assert_true(request_parts_init(&parts, &how));
    assert_int_equal(bench_requests_new(&made, &how, &parts, problem), BENCH_REQUESTS_MISUSE);
    assert_non_null(strstr(problem, "cannot read /nowhere/list"));
    request_parts_deinit(&parts);
}

/* ---- answers --------------------------------------------------------------------------------- */

static size_t pack(uint8_t *out, const ProtobufCMessage *message)
{
    return protobuf_c_message_pack(message, out);
}

static void statuses_of_all_sections_of_a_context_are_counted(void **state)
{
    (void)state;
    static const int statuses[] = {1, 1, 6, 2, 1, 77};
    Profilecontext__V1__SectionInfo infos[6];
    Profilecontext__V1__SectionInfo *list[6];
    char reason[] = "UPSTREAM_TIMEOUT";
    for (int i = 0; i < 6; i++) {
        profilecontext__v1__section_info__init(&infos[i]);
        infos[i].section = (Profilecontext__V1__Section)(i + 1);
        infos[i].status = (Profilecontext__V1__SectionStatus)statuses[i];
        infos[i].reason = reason;
        list[i] = &infos[i];
    }
    char xid[] = "BV";
    Profilecontext__V1__Context context;
    profilecontext__v1__context__init(&context);
    context.xid = xid;
    context.sections = list;
    context.n_sections = 6;
    Profilecontext__V1__GetContextResponse response =
        PROFILECONTEXT__V1__GET_CONTEXT_RESPONSE__INIT;
    response.context = &context;
    uint8_t bytes[512];
    size_t size = pack(bytes, &response.base);
    uint64_t counts[BENCH_SECTION_STATUSES] = {0};
    assert_true(bench_sections_count(counts, BENCH_CONTEXT, bytes, size));
    assert_true(bench_sections_count(counts, BENCH_CONTEXT, bytes, size));
    static const uint64_t expected[BENCH_SECTION_STATUSES] = {0, 6, 2, 0, 0, 0, 2, 0, 2};
    assert_memory_equal(counts, expected, sizeof expected);
    /* Cut anywhere inside, it is no answer, and nothing of it is counted. */
    for (size_t cut = 1; cut < size; cut++) {
        assert_false(bench_sections_count(counts, BENCH_CONTEXT, bytes, cut));
    }
    assert_memory_equal(counts, expected, sizeof expected);
}

static void other_methods_have_one_section(void **state)
{
    (void)state;
    Profilecontext__V1__SectionInfo info;
    profilecontext__v1__section_info__init(&info);
    info.status = PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_STALE;
    Profilecontext__V1__GetProfileResponse profile;
    profilecontext__v1__get_profile_response__init(&profile);
    profile.info = &info;
    Profilecontext__V1__ListEventsResponse events;
    profilecontext__v1__list_events_response__init(&events);
    events.info = &info;
    Profilecontext__V1__ListSegmentMembershipsResponse segments;
    profilecontext__v1__list_segment_memberships_response__init(&segments);
    segments.info = &info;
    const struct {
        bench_method method;
        const ProtobufCMessage *response;
    } cases[] = {{BENCH_PROFILE, &profile.base},
                 {BENCH_EVENTS, &events.base},
                 {BENCH_SEGMENTS, &segments.base}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[64];
        uint64_t counts[BENCH_SECTION_STATUSES] = {0};
        size_t size = pack(bytes, cases[i].response);
        assert_true(bench_sections_count(counts, cases[i].method, bytes, size));
        assert_int_equal(counts[2], 1);
        /* An empty answer is one, without a section. */
        assert_true(bench_sections_count(counts, cases[i].method, bytes, 0));
        assert_int_equal(counts[2], 1);
    }
}

static void statuses_have_the_names_of_the_contract(void **state)
{
    (void)state;
    static const char *const names[BENCH_SECTION_STATUSES] = {
        "UNSPECIFIED", "OK",   "STALE",  "MISSING", "DENIED",
        "NOT_ENABLED", "LATE", "FAILED", "OTHER"};
    for (size_t i = 0; i < BENCH_SECTION_STATUSES; i++) {
        assert_string_equal(bench_section_status_name(i), names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_person_has_a_request_in_the_order_of_the_options),
        cmocka_unit_test(somebody_new_comes_each_time),
        cmocka_unit_test(each_method_has_its_request),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(statuses_of_all_sections_of_a_context_are_counted),
        cmocka_unit_test(other_methods_have_one_section),
        cmocka_unit_test(statuses_have_the_names_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
