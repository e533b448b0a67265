/* Page tokens: only ours, only for the same query, in one spelling only. */
#include "check.h"

#include <string.h>

#include "service/page_token.h"

typedef struct {
    pc_arena arena;
    pc_page_token_key key;
    pc_query_hash query;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    pc_arena_init(&f.arena, NULL, 0, 1 << 20);
    check_ok(pc_page_token_key_derive(&f.key, "0123456789abcdef", 16));
    const char *texts[] = {"ListEvents", "Email", NULL};
    check_ok(pc_query_hash_of(&f.query, texts, 3));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    pc_arena_deinit(&((fixture *)*state)->arena);
    return 0;
}

static void test_page_token__gives_the_cursor_back(void **state)
{
    fixture *f = *state;
    for (size_t size = 0; size < 70; size++) {
        char cursor[70];
        memset(cursor, 'c', sizeof cursor);
        const char *token;
        const char *back;
        size_t back_size;
        check_ok(pc_page_token_seal(&token, &f->arena, &f->key, &f->query, cursor, size));
        /* Eight in a row, since a few of them may be there by chance. */
        assert_null(strstr(token, "cccccccc"));
        check_ok(pc_page_token_open(&back, &back_size, &f->arena, &f->key, &f->query, token));
        assert_int_equal(back_size, size);
        assert_memory_equal(back, cursor, size);
    }
}

static void test_page_token__differs_each_time(void **state)
{
    fixture *f = *state;
    const char *one;
    const char *two;
    check_ok(pc_page_token_seal(&one, &f->arena, &f->key, &f->query, "c", 1));
    check_ok(pc_page_token_seal(&two, &f->arena, &f->key, &f->query, "c", 1));
    assert_string_not_equal(one, two);
}

static void check_refused(fixture *f, const pc_page_token_key *key, const pc_query_hash *query,
                          const char *token)
{
    const char *back;
    size_t size;
    pc_status status = pc_page_token_open(&back, &size, &f->arena, key, query, token);
    assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
    assert_string_equal(pc_status_violations(&status)->field, "page_token");
    pc_status_clear(&status);
}

static void test_page_token__refuses_every_changed_character(void **state)
{
    fixture *f = *state;
    const char *token;
    check_ok(pc_page_token_seal(&token, &f->arena, &f->key, &f->query, "cursor-1", 8));
    char changed[256];
    for (size_t i = 0; i < strlen(token); i++) {
        strcpy(changed, token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        check_refused(f, &f->key, &f->query, changed);
        strcpy(changed, token);
        changed[i] = '\0';
        check_refused(f, &f->key, &f->query, changed);
    }
    strcpy(changed, token);
    strcat(changed, "A");
    check_refused(f, &f->key, &f->query, changed);
    check_refused(f, &f->key, &f->query, "not/base64url!");
    check_refused(f, &f->key, &f->query, "A");
}

static void test_page_token__refuses_another_query_or_key(void **state)
{
    fixture *f = *state;
    const char *token;
    check_ok(pc_page_token_seal(&token, &f->arena, &f->key, &f->query, "c", 1));
    const char *texts[] = {"ListEvents", "Email", ""};
    pc_query_hash other;
    check_ok(pc_query_hash_of(&other, texts, 3));
    check_refused(f, &f->key, &other, token);
    pc_page_token_key key;
    check_ok(pc_page_token_key_random(&key));
    check_refused(f, &key, &f->query, token);
}

static void test_page_token__a_query_is_not_its_concatenation(void **state)
{
    (void)state;
    const char *one[] = {"ab", "c"};
    const char *two[] = {"a", "bc"};
    pc_query_hash a;
    pc_query_hash b;
    check_ok(pc_query_hash_of(&a, one, 2));
    check_ok(pc_query_hash_of(&b, two, 2));
    assert_memory_not_equal(a.bytes, b.bytes, sizeof a.bytes);
}

static void test_page_token__a_short_key_is_refused(void **state)
{
    (void)state;
    pc_page_token_key key;
    check_failure(pc_page_token_key_derive(&key, "short", 5), PC_CODE_INVALID_ARGUMENT,
                  "PAGE_TOKEN_KEY_TOO_SHORT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_token__gives_the_cursor_back),
        cmocka_unit_test(test_page_token__differs_each_time),
        cmocka_unit_test(test_page_token__refuses_every_changed_character),
        cmocka_unit_test(test_page_token__refuses_another_query_or_key),
        cmocka_unit_test(test_page_token__a_query_is_not_its_concatenation),
        cmocka_unit_test(test_page_token__a_short_key_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
