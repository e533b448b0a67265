/* Whose entry is whose: each rule where no other can help, and what stays open. */
#include <string.h>

#include "check.h"
#include "context/batch_match.h"

static pc_arena arena;

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
    return 0;
}

enum { MATCHES_MAX = 8 };

static const pc_person_ref grace = {"Email", "grace@example.org", NULL};
static const pc_person_ref joan = {"CRMID", "C-2", NULL};
static const pc_person_ref nobody = {"Email", "nobody@example.org", NULL};

/* The places of the persons' entries in an answer. */
static void match(int matches[MATCHES_MAX], const char *answer, const pc_person_ref *persons,
                  size_t count, const pc_known_xid *known, size_t known_count)
{
    pc_batch_entries entries;
    check_ok(pc_batch_entries_read(&entries, &arena, (const uint8_t *)answer, strlen(answer)));
    check_ok(pc_batch_match(matches, &arena, persons, count, &entries, known, known_count));
}

#define PLACEHOLDER "\"sources\":[\"\"],\"entity\":{},\"lastModifiedAt\":\"1970-01-01T00:00:00Z\""
#define FILLED "\"sources\":[\"1\"],\"entity\":{\"testProfile\":true}"
#define REQUESTED(code, id)                                                                        \
    "\"requestedIdentity\":{\"entityId\":\"" id "\",\"entityIdNS\":{\"code\":\"" code "\"}},"
#define LISTS(email)                                                                               \
    "\"sources\":[\"1\"],\"entity\":{\"identityMap\":{\"Email\":[{\"id\":\"" email "\"}]}}"
#define ENTRY(key, body) "\"" key "\":{" body "}"
#define TWO(one, other) "{" one "," other "}"
#define THREE(one, other, third) "{" one "," other "," third "}"

static void an_entry_names_what_was_requested(void **state)
{
    /* Nothing else tells them apart, and the order is not that of the question. */
    static const char answer[] =
        THREE(ENTRY("k1", REQUESTED("crmid", "C-2") FILLED),
              ENTRY("k2", REQUESTED("EMAIL", "grace@example.org") PLACEHOLDER),
              ENTRY("k3", "\"requestedIdentity\":{\"entityId\":\"k9\"}," FILLED));
    const pc_person_ref persons[] = {grace, joan, {.xid = "k9"}};
    int matches[MATCHES_MAX];
    (void)state;
    match(matches, answer, persons, 3, NULL, 0);
    assert_int_equal(matches[0], 1);
    assert_int_equal(matches[1], 0);
    assert_int_equal(matches[2], 2);
}

static void a_key_is_the_xid_that_was_asked_for(void **state)
{
    static const char answer[] = TWO(ENTRY("X-2", FILLED), ENTRY("X-1", PLACEHOLDER));
    const pc_person_ref persons[] = {{.xid = "X-1"}, {.xid = "x-2"}, {.xid = "X-2"}};
    int matches[MATCHES_MAX];
    (void)state;
    match(matches, answer, persons, 3, NULL, 0);
    assert_int_equal(matches[0], 1);
    assert_int_equal(matches[1], PC_NO_ENTRY); /* compared byte by byte */
    assert_int_equal(matches[2], 0);
}

static void an_entity_lists_an_identity_that_was_asked_for(void **state)
{
    static const char answer[] = "{\"k1\":{\"sources\":[\"1\"],\"entity\":{\"identities\":[{\"id\":"
                                 "\"C-2\",\"namespace\":{\"code\":"
                                 "\"CrmId\"}}]}},\"k2\":{\"sources\":[\"1\"],\"entity\":{"
                                 "\"identityMap\":{\"email\":[{\"id\":"
                                 "\"other@example.org\"},{\"id\":\"grace@example.org\"}]}}}}";
    const pc_person_ref persons[] = {grace, joan, {"Email", "Grace@example.org", NULL}, grace};
    int matches[MATCHES_MAX];
    (void)state;
    match(matches, answer, persons, 4, NULL, 0);
    assert_int_equal(matches[0], 1);
    assert_int_equal(matches[1], 0);
    assert_int_equal(matches[2], PC_NO_ENTRY);
    assert_int_equal(matches[3], 1); /* named twice */
}

static void a_key_is_the_xid_that_the_identity_service_gave(void **state)
{
    static const char answer[] = "[{\"xid\":\"X-2\",\"error\":{\"statusCode\":\"500\"}},"
                                 "{\"xid\":\"X-1\",\"error\":{\"statusCode\":404}}]";
    const pc_person_ref persons[] = {grace, joan};
    const pc_known_xid known[] = {{0, "X-1"}, {1, "X-2"}};
    int matches[MATCHES_MAX];
    (void)state;
    match(matches, answer, persons, 2, NULL, 0);
    assert_int_equal(matches[0], PC_NO_ENTRY);
    match(matches, answer, persons, 2, known, 2);
    assert_int_equal(matches[0], 1);
    assert_int_equal(matches[1], 0);
}

static void placeholders_left_over_are_unknown_persons_when_the_counts_agree(void **state)
{
#define GRACE ENTRY("g", LISTS("grace@example.org"))
    static const struct {
        const char *answer;
        int nobody;
        int joan;
    } cases[] = {
        {THREE(GRACE, ENTRY("k1", PLACEHOLDER), ENTRY("k2", PLACEHOLDER)), PC_UNKNOWN_PERSON,
         PC_UNKNOWN_PERSON},
        {TWO(GRACE, ENTRY("k1", PLACEHOLDER)), PC_NO_ENTRY, PC_NO_ENTRY},
        {THREE(GRACE, ENTRY("k1", PLACEHOLDER), ENTRY("k2", FILLED)), PC_NO_ENTRY, PC_NO_ENTRY},
        {"{" GRACE "}", PC_NO_ENTRY, PC_NO_ENTRY},
        {"{}", PC_NO_ENTRY, PC_NO_ENTRY},
    };
#undef GRACE
    const pc_person_ref persons[] = {nobody, grace, joan};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int matches[MATCHES_MAX];
        match(matches, cases[i].answer, persons, 3, NULL, 0);
        assert_int_equal(matches[0], cases[i].nobody);
        assert_int_equal(matches[2], cases[i].joan);
    }
}

static void what_was_requested_counts_before_what_is_listed(void **state)
{
    /* A shared identity: the other entity lists it. */
    static const char answer[] = TWO(ENTRY("k1", LISTS("grace@example.org")),
                                     ENTRY("k2", REQUESTED("Email", "grace@example.org") FILLED));
    int matches[MATCHES_MAX];
    (void)state;
    match(matches, answer, &grace, 1, NULL, 0);
    assert_int_equal(matches[0], 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_names_what_was_requested),
        TEST(a_key_is_the_xid_that_was_asked_for),
        TEST(an_entity_lists_an_identity_that_was_asked_for),
        TEST(a_key_is_the_xid_that_the_identity_service_gave),
        TEST(placeholders_left_over_are_unknown_persons_when_the_counts_agree),
        TEST(what_was_requested_counts_before_what_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
