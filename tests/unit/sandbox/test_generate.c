/* Synthetic data: sizes, order, and that paging does not read what it skips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "generate.h"
#include "json.h"
#include "page.h"
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS = 20000 };

static sbx_store *generated(int64_t count)
{
    sbx_store *store;
    struct sbx_error error;
    assert_true(sbx_store_open(&store, NULL, &error));
    assert_true(sbx_generate_events(store, count, 7, &error));
    return store;
}

static struct sbx_page_query everything(const struct sbx_found_identity *identity, size_t limit)
{
    return (struct sbx_page_query){.identity = identity,
                                   .graph = true,
                                   .start_ms = INT64_MIN,
                                   .end_ms = INT64_MAX,
                                   .limit = limit};
}

static void given_generated_events_they_are_real_in_size_and_in_order(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"CRMID", "C-EVENTS"},
                                           {"Email", "events@example.net"},
                                           {"Phone", "+15550000000"},
                                           {"ECID", "20000000000000000000000000000000000000"}};
    sbx_store *store = generated(500);
    struct sbx_store_totals totals;
    sbx_store_count(store, &totals);
    assert_int_equal(totals.persons, 1);
    assert_int_equal(totals.events, 500);
    for (size_t i = 0; i < 4; i++) {
        struct sbx_found_identity identity = {0};
        assert_true(sbx_store_find(store, names[i][0], names[i][1], &identity));
        struct sbx_page_query query = everything(&identity, 1000);
        struct sbx_page page;
        assert_true(sbx_page_read(&page, store, &query));
        assert_int_equal(json_array_size(page.children), 500);
        size_t index;
        json_t *child;
        json_array_foreach(page.children, index, child)
        {
            struct sbx_text text = {0};
            json_t *entity = json_object_get(child, "entity");
            json_t *tenant = json_object_get(entity, "_exampletenant");
            sbx_json_print(&text, entity);
            assert_in_range(text.length, 300, 700);
            assert_int_equal(json_integer_value(json_object_get(tenant, "sequence")), index + 1);
            sbx_text_deinit(&text);
        }
        sbx_page_deinit(&page);
        sbx_found_identity_deinit(&identity);
    }
    sbx_store_free(store);
}

static void given_them_twice_they_are_there_once(void **state)
{
    (void)state;
    sbx_store *store = generated(10);
    struct sbx_error error;
    struct sbx_store_totals totals;
    assert_true(sbx_generate_events(store, 10, 7, &error));
    sbx_store_count(store, &totals);
    assert_int_equal(totals.events, 10);
    assert_false(sbx_generate_events(store, 11, 7, &error));
    assert_non_null(strstr(error.text, "--generate-events 10 --seed 7"));
    sbx_store_free(store);
}

/* What SQLite did for a page, in steps of its machine. */
static int steps_of_page(sbx_store *store, const struct sbx_page_query *query, char **next)
{
    static const enum sbx_statement used[] = {SBX_SQL_EVENTS_UP, SBX_SQL_EVENTS_DOWN,
                                              SBX_SQL_FIND_EVENT};
    struct sbx_page page;
    int steps = 0;
    assert_true(sbx_page_read(&page, store, query));
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        steps += sqlite3_stmt_status(store->statements[used[i]], SQLITE_STMTSTATUS_VM_STEP, 1);
    }
    *next = sbx_copy(page.next);
    sbx_page_deinit(&page);
    return steps;
}

static void given_many_events_every_page_costs_the_same(void **state)
{
    (void)state;
    sbx_store *store = generated(EVENTS);
    struct sbx_found_identity identity = {0};
    assert_true(sbx_store_find(store, "CRMID", "C-EVENTS", &identity));
    for (int descending = 0; descending <= 1; descending++) {
        struct sbx_page_query query = everything(&identity, 1000);
        query.descending = descending != 0;
        char *next;
        int first = steps_of_page(store, &query, &next);
        int pages = 1;
        while (next[0] != '\0') {
            char *cursor = next;
            query.start = cursor;
            int steps = steps_of_page(store, &query, &next);
            assert_in_range(steps, 1, first + first / 10);
            free(cursor);
            pages++;
        }
        free(next);
        assert_int_equal(pages, EVENTS / 1000);
    }
    sbx_found_identity_deinit(&identity);
    sbx_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_generated_events_they_are_real_in_size_and_in_order),
        cmocka_unit_test(given_them_twice_they_are_there_once),
        cmocka_unit_test(given_many_events_every_page_costs_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
