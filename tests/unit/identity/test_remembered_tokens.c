/* How long a verified token is known, and that memory stays bounded. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "identity/remembered_tokens.h"

static pc_jwt_caller caller_of(const char *name, int64_t until_s)
{
    pc_jwt_caller caller = {.until_s = until_s};
    (void)snprintf(caller.name, sizeof caller.name, "%s", name);
    return caller;
}

static void put(pc_remembered_tokens *tokens, const char *token, uint64_t generation,
                int64_t until_s)
{
    const pc_jwt_caller caller = caller_of(token, until_s);
    pc_remembered_tokens_put(tokens, pc_remembered_tokens_hash(tokens, token, strlen(token)),
                             generation, &caller);
}

static bool knows(pc_remembered_tokens *tokens, const char *token, uint64_t generation,
                  int64_t now_s)
{
    pc_jwt_caller caller;
    bool found =
        pc_remembered_tokens_get(tokens, pc_remembered_tokens_hash(tokens, token, strlen(token)),
                                 generation, now_s, &caller);
    if (found) {
        assert_string_equal(caller.name, token);
    }
    return found;
}

static void test_remembered_tokens__are_known_until_they_end_or_keys_change(void **state)
{
    (void)state;
    pc_remembered_tokens *tokens;
    check_ok(pc_remembered_tokens_new(&tokens, 100));
    assert_false(knows(tokens, "a", 1, 0));
    put(tokens, "a", 1, 100);
    assert_true(knows(tokens, "a", 1, 99));
    assert_false(knows(tokens, "a", 1, 100));
    assert_false(knows(tokens, "a", 2, 99));
    assert_false(knows(tokens, "A", 1, 99));
    put(tokens, "a", 2, 200);
    assert_true(knows(tokens, "a", 2, 199));
    pc_remembered_tokens_free(tokens);
}

static void test_remembered_tokens__the_first_to_end_makes_room(void **state)
{
    (void)state;
    enum { ROOM = 4 };
    pc_remembered_tokens *tokens;
    check_ok(pc_remembered_tokens_new(&tokens, ROOM));
    static const char *const names[ROOM + 1] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i <= ROOM; i++) {
        put(tokens, names[i], 1, 100 + i);
    }
    assert_false(knows(tokens, "a", 1, 0));
    for (int i = 1; i <= ROOM; i++) {
        assert_true(knows(tokens, names[i], 1, 0));
    }
    /* Those of keys of before go first, however long they would last. */
    put(tokens, "new", 2, 50);
    put(tokens, "newer", 2, 60);
    assert_true(knows(tokens, "new", 2, 0));
    assert_true(knows(tokens, "newer", 2, 0));
    pc_remembered_tokens_free(tokens);
}

static void test_remembered_tokens__without_room_none_is_known(void **state)
{
    (void)state;
    pc_remembered_tokens *tokens;
    check_ok(pc_remembered_tokens_new(&tokens, 0));
    put(tokens, "a", 1, 100);
    assert_false(knows(tokens, "a", 1, 0));
    pc_remembered_tokens_free(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembered_tokens__are_known_until_they_end_or_keys_change),
        cmocka_unit_test(test_remembered_tokens__the_first_to_end_makes_room),
        cmocka_unit_test(test_remembered_tokens__without_room_none_is_known),
    };
    return cmocka_run_group_tests_name("remembered_tokens", tests, NULL, NULL);
}
