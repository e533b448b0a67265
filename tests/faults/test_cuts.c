/* Every answer of tests/fixtures/upstream, cut at every byte, through everything that reads
 * answers: what is not whole is never taken for an answer. Each cut stands in memory of just its
 * size, so that a sanitizer sees who reads on. */
#include "check.h"

#include <dirent.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/part.h"
#include "mapping/envelope.h"
#include "mapping/identity_answers.h"
#include "upstream/error_body.h"
#include "upstream/token_answer.h"
#include "util/arena.h"
#include "util/attributes.h"

enum { FIXTURES_MIN = 20, FIXTURES_MAX = 100, BYTES_MAX = 1 << 20 };

typedef struct {
    char name[256];
    uint8_t *bytes;
    size_t size; /* up to and with the last bracket: what follows may be missing */
} fixture;

static fixture fixtures[FIXTURES_MAX];
static size_t fixture_count;
static pc_part_rules rules;
static pc_arena arena;

static void read_fixture(const char *name)
{
    fixture *f = &fixtures[fixture_count++];
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", PC_TEST_FIXTURES, name);
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    f->bytes = malloc(BYTES_MAX);
    assert_non_null(f->bytes);
    f->size = fread(f->bytes, 1, BYTES_MAX, file);
    (void)fclose(file);
    while (f->size > 0 && f->bytes[f->size - 1] != '}' && f->bytes[f->size - 1] != ']') {
        f->size--;
    }
}

static int set_up(void **state)
{
    (void)state;
    static pc_insight_set *insights;
    static pc_summary_rules *summary;
    static pc_audience_names *names;
    static const pc_insight_rule insight_rules[] = {
        {.name = "a", .path = "_tenant.score", .type = PC_INSIGHT_NUMBER}};
    static const pc_summary_options options = {.case_id_path = "_tenant.case.id"};
    check_ok(pc_insight_set_new(&insights, insight_rules, PC_COUNT_OF(insight_rules)));
    check_ok(pc_summary_rules_new(&summary, &options));
    check_ok(pc_audience_names_new(&names, 100, 3600000, 3600000));
    rules = (pc_part_rules){
        .insights = insights, .summary = summary, .names = names, .body_bytes_max = 1 << 24};
    DIR *folder = opendir(PC_TEST_FIXTURES);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".json") != NULL && fixture_count < FIXTURES_MAX) {
            read_fixture(entry->d_name);
        }
    }
    (void)closedir(folder);
    assert_in_range(fixture_count, FIXTURES_MIN, FIXTURES_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pc_insight_set_free((pc_insight_set *)(uintptr_t)rules.insights);
    pc_summary_rules_free((pc_summary_rules *)(uintptr_t)rules.summary);
    pc_audience_names_free(rules.names);
    for (size_t i = 0; i < fixture_count; i++) {
        free(fixtures[i].bytes);
    }
    return 0;
}

/* ---- what reads answers ---- */

typedef pc_status (*reader)(const uint8_t *bytes, size_t size);

static pc_status make_part(const uint8_t *bytes, size_t size, bool of_events)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    pc_slice *body = pc_slice_take(copy, size);
    pc_slice *part = NULL;
    pc_status status = of_events ? pc_events_part_make(&part, &rules, PC_PART_EVENTS_NUMBER, body)
                                 : pc_profile_part_make(&part, &rules, "prod", body);
    pc_slice_unref(part);
    pc_slice_unref(body);
    return status;
}

static pc_status read_profile(const uint8_t *bytes, size_t size)
{
    return make_part(bytes, size, false);
}

static pc_status read_events(const uint8_t *bytes, size_t size)
{
    return make_part(bytes, size, true);
}

static pc_status read_batch(const uint8_t *bytes, size_t size)
{
    pc_profile_iterator iterator;
    pc_profile_envelope entry;
    bool found = true;
    pc_status status = PC_OK;
    pc_profile_iterator_init(&iterator, &arena, bytes, size);
    while (found && pc_status_ok(&status)) {
        status = pc_profile_iterator_next(&iterator, &entry, &found);
    }
    return status;
}

static pc_status read_audiences(const uint8_t *bytes, size_t size)
{
    pc_audience_iterator iterator;
    pc_audience audience;
    bool found = true;
    pc_status status = PC_OK;
    pc_audience_iterator_init(&iterator, &arena, bytes, size);
    while (found && pc_status_ok(&status)) {
        status = pc_audience_iterator_next(&iterator, &audience, &found);
    }
    return status;
}

static pc_status read_graph(const uint8_t *bytes, size_t size)
{
    pc_graph_member *members;
    size_t count;
    return pc_graph_read(&members, &count, &arena, bytes, size);
}

static pc_status read_xid(const uint8_t *bytes, size_t size)
{
    const char *xid;
    return pc_xid_read(&xid, &arena, bytes, size);
}

static pc_status read_token(const uint8_t *bytes, size_t size)
{
    pc_token_answer answer;
    pc_status status = pc_token_answer_read(&answer, 200, bytes, size, 0);
    if (answer.access_token != NULL) {
        OPENSSL_cleanse(answer.access_token, strlen(answer.access_token));
        free(answer.access_token);
    }
    return status;
}

/* ---- the cuts ---- */

static pc_status read_cut(reader read, const fixture *f, size_t size)
{
    uint8_t *cut = malloc(size == 0 ? 1 : size);
    assert_non_null(cut);
    memcpy(cut, f->bytes, size);
    pc_arena_init(&arena, NULL, 0, 1 << 24);
    pc_status status = read(cut, size);
    pc_arena_deinit(&arena);
    free(cut);
    return status;
}

/* `expected` whole ones are answers for this reader, and none of their cuts is. */
static void check_reader(reader read, size_t expected)
{
    size_t whole = 0;
    size_t cuts = 0;
    for (size_t i = 0; i < fixture_count; i++) {
        const fixture *f = &fixtures[i];
        pc_status status = read_cut(read, f, f->size);
        bool is_answer = pc_status_ok(&status);
        pc_status_clear(&status);
        whole += is_answer;
        for (size_t size = 0; size < f->size; size++, cuts++) {
            status = read_cut(read, f, size);
            if (pc_status_ok(&status)) {
                fail_msg("%s cut at %zu of %zu is taken for an answer", f->name, size, f->size);
            }
            pc_status_clear(&status);
        }
    }
    print_message("%zu cuts, %zu whole answers\n", cuts, whole);
    assert_true(whole >= expected);
}

static void a_cut_profile_is_no_profile(void **state)
{
    (void)state;
    check_reader(read_profile, 3);
}

static void a_cut_page_of_events_is_no_page(void **state)
{
    (void)state;
    check_reader(read_events, 2);
}

static void a_cut_batch_is_no_batch(void **state)
{
    (void)state;
    check_reader(read_batch, 4);
}

static void cut_audiences_are_no_audiences(void **state)
{
    (void)state;
    check_reader(read_audiences, 1);
}

static void a_cut_graph_is_no_graph(void **state)
{
    (void)state;
    check_reader(read_graph, 1);
}

static void a_cut_xid_is_no_xid(void **state)
{
    (void)state;
    check_reader(read_xid, 0);
}

static void a_cut_token_is_no_token(void **state)
{
    (void)state;
    check_reader(read_token, 1);
}

/* However little is left of its body, an error stays one, of the code that its status has. */
static void a_cut_error_is_the_error_of_its_status(void **state)
{
    (void)state;
    static const int statuses[] = {400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < fixture_count; i++) {
        for (size_t s = 0; s < PC_COUNT_OF(statuses); s++) {
            for (size_t size = 0; size <= fixtures[i].size; size++) {
                uint8_t *cut = malloc(size == 0 ? 1 : size);
                assert_non_null(cut);
                memcpy(cut, fixtures[i].bytes, size);
                pc_status status =
                    pc_error_body_judge(PC_ENTITY_PROFILE, statuses[s], cut, size, 0);
                assert_int_not_equal(status.code, PC_CODE_OK);
                assert_true(statuses[s] < 500 || status.code == PC_CODE_UNAVAILABLE ||
                            strncmp(fixtures[i].name, "gateway", 7) == 0);
                pc_status_clear(&status);
                free(cut);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_profile_is_no_profile),
        cmocka_unit_test(a_cut_page_of_events_is_no_page),
        cmocka_unit_test(a_cut_batch_is_no_batch),
        cmocka_unit_test(cut_audiences_are_no_audiences),
        cmocka_unit_test(a_cut_graph_is_no_graph),
        cmocka_unit_test(a_cut_xid_is_no_xid),
        cmocka_unit_test(a_cut_token_is_no_token),
        cmocka_unit_test(a_cut_error_is_the_error_of_its_status),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
