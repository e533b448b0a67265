/* Names of audiences: what is known, what is known not to be, and for how long. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "context/audience_names.h"

enum { TTL_MS = 1000, MISSING_TTL_MS = 100, ENTRIES = 3 };

#define MS INT64_C(1000000)

typedef struct {
    pc_arena arena;
    pc_audience_names *names;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    pc_arena_init(&f.arena, NULL, 0, 1 << 20);
    check_ok(pc_audience_names_new(&f.names, ENTRIES, TTL_MS, MISSING_TTL_MS));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    pc_audience_names_free(f->names);
    pc_arena_deinit(&f->arena);
    return 0;
}

static void put(fixture *f, const char *sandbox, const char *id, const char *name, int64_t now_ms)
{
    const pc_segment_words words = {name, name == NULL ? NULL : "what it is"};
    pc_audience_names_put(f->names, sandbox, id, &words, now_ms * MS);
}

/* The name; "(none)" when there is known to be none, and "(unknown)". */
static const char *get(fixture *f, const char *sandbox, const char *id, int64_t now_ms)
{
    pc_segment_words words;
    switch (pc_audience_names_get(f->names, sandbox, id, now_ms * MS, &f->arena, &words)) {
    case PC_NAME_KNOWN:
        assert_string_equal(words.description, "what it is");
        return words.name;
    case PC_NAME_NONE:
        assert_null(words.name);
        return "(none)";
    default:
        return "(unknown)";
    }
}

static void a_name_is_known_until_its_time_is_up(void **state)
{
    fixture *f = *state;
    assert_string_equal(get(f, "prod", "a", 0), "(unknown)");
    put(f, "prod", "a", "Gold", 0);
    assert_string_equal(get(f, "prod", "a", TTL_MS - 1), "Gold");
    assert_string_equal(get(f, "prod", "a", TTL_MS), "(unknown)");
}

static void that_there_is_no_name_is_known_for_a_shorter_time(void **state)
{
    fixture *f = *state;
    put(f, "prod", "a", NULL, 0);
    assert_string_equal(get(f, "prod", "a", MISSING_TTL_MS - 1), "(none)");
    assert_string_equal(get(f, "prod", "a", MISSING_TTL_MS), "(unknown)");
}

static void sandboxes_have_names_of_their_own(void **state)
{
    fixture *f = *state;
    put(f, "prod", "a", "Gold", 0);
    put(f, "dev", "a", "Silver", 0);
    assert_string_equal(get(f, "prod", "a", 0), "Gold");
    assert_string_equal(get(f, "dev", "a", 0), "Silver");
    /* No more than a name each: what joins to the same text is not the same. */
    assert_string_equal(get(f, "pro", "da", 0), "(unknown)");
}

static void a_newer_name_takes_the_place_of_an_older_one(void **state)
{
    fixture *f = *state;
    put(f, "prod", "a", NULL, 0);
    put(f, "prod", "a", "Gold", 10);
    assert_string_equal(get(f, "prod", "a", 20), "Gold");
    assert_string_equal(get(f, "prod", "a", 10 + TTL_MS - 1), "Gold");
}

static void the_oldest_makes_room(void **state)
{
    fixture *f = *state;
    char id[16];
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        put(f, "prod", id, "Name", 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        assert_string_equal(get(f, "prod", id, 0), i < 100 - ENTRIES ? "(unknown)" : "Name");
    }
}

static void without_room_nothing_is_kept(void **state)
{
    fixture *f = *state;
    pc_audience_names *full = f->names;
    check_ok(pc_audience_names_new(&f->names, 0, TTL_MS, MISSING_TTL_MS));
    put(f, "prod", "a", "Gold", 0);
    assert_string_equal(get(f, "prod", "a", 0), "(unknown)");
    pc_audience_names_free(full);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_known_until_its_time_is_up),
        TEST(that_there_is_no_name_is_known_for_a_shorter_time),
        TEST(sandboxes_have_names_of_their_own),
        TEST(a_newer_name_takes_the_place_of_an_older_one),
        TEST(the_oldest_makes_room),
        TEST(without_room_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
