/* Paging through events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
#include "load.h"
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 25 };

/* Event i happened at second i/2 of a day, so that every moment has two. */
static sbx_store *loaded(struct sbx_found_identity *identity)
{
    sbx_store *store;
    struct sbx_error error;
    struct sbx_text text = {0};
    size_t count;
    for (int i = 0; i < EVENTS; i++) {
        sbx_text_printf(&text,
                        "{\"type\":\"event\",\"dataset\":\"d\",\"id\":\"e%02d\",\"timestamp\":"
                        "\"2026-01-01T00:00:%02dZ\",\"identities\":[{\"ns\":\"n\",\"id\":\"1\"}],"
                        "\"entity\":{\"number\":%d}}\n",
                        i, i / 2, i);
    }
    assert_true(sbx_store_open(&store, NULL, &error));
    assert_true(sbx_load_text(store, "test", text.data, text.length, &count, &error));
    sbx_text_deinit(&text);
    assert_true(sbx_store_find(store, "n", "1", identity));
    return store;
}

/* Follows the cursor to the end and writes the ids of the events in the order met. */
static void walk(struct sbx_page_query query, struct sbx_text *ids, int *pages)
{
    struct sbx_found_identity identity;
    sbx_store *store = loaded(&identity);
    char *cursor = NULL;
    *pages = 0;
    query.identity = &identity;
    query.graph = true;
    while (cursor == NULL || cursor[0] != '\0') {
        struct sbx_page page;
        query.start = cursor;
        assert_true(sbx_page_read(&page, store, &query));
        size_t index;
        json_t *child;
        json_array_foreach(page.children, index, child)
        {
            sbx_text_printf(ids, "%s ", sbx_json_text(child, "entityId"));
        }
        assert_true(json_array_size(page.children) <= query.limit);
        free(cursor);
        cursor = sbx_copy(page.next);
        sbx_page_deinit(&page);
        assert_true(++*pages < 100);
    }
    free(cursor);
    sbx_found_identity_deinit(&identity);
    sbx_store_free(store);
}

static struct sbx_page_query everything(size_t limit)
{
    return (struct sbx_page_query){.start_ms = INT64_MIN, .end_ms = INT64_MAX, .limit = limit};
}

static void given_any_limit_every_event_is_met_once(void **state)
{
    (void)state;
    for (size_t limit = 1; limit <= EVENTS + 1; limit++) {
        for (int descending = 0; descending <= 1; descending++) {
            struct sbx_page_query query = everything(limit);
            query.descending = descending != 0;
            struct sbx_text ids = {0};
            struct sbx_text wanted = {0};
            int pages;
            walk(query, &ids, &pages);
            for (int i = 0; i < EVENTS; i++) {
                sbx_text_printf(&wanted, "e%02d ", descending ? EVENTS - 1 - i : i);
            }
            assert_string_equal(ids.data, wanted.data);
            assert_int_equal(pages, (EVENTS + (int)limit - 1) / (int)limit);
            sbx_text_deinit(&ids);
            sbx_text_deinit(&wanted);
        }
    }
}

static void given_a_range_the_start_counts_and_the_end_does_not(void **state)
{
    (void)state;
    struct sbx_page_query query = everything(10);
    query.start_ms = 1767225602000; /* second 2 */
    query.end_ms = 1767225604000;   /* second 4 */
    struct sbx_text ids = {0};
    int pages;
    walk(query, &ids, &pages);
    assert_string_equal(ids.data, "e04 e05 e06 e07 ");
    assert_int_equal(pages, 1);
    sbx_text_deinit(&ids);
}

static void given_a_filter_pages_are_filled_across_gaps(void **state)
{
    (void)state;
    struct sbx_property property;
    struct sbx_error error;
    assert_true(sbx_property_parse(&property, "number>=20", &error));
    struct sbx_page_query query = everything(2);
    query.properties = &property;
    query.property_count = 1;
    struct sbx_text ids = {0};
    int pages;
    walk(query, &ids, &pages);
    assert_string_equal(ids.data, "e20 e21 e22 e23 e24 ");
    assert_int_equal(pages, 3);
    sbx_text_deinit(&ids);
    sbx_property_deinit(&property);
}

static void given_a_foreign_cursor_it_is_refused(void **state)
{
    (void)state;
    struct sbx_found_identity identity;
    sbx_store *store = loaded(&identity);
    struct sbx_page_query query = everything(2);
    struct sbx_page page;
    query.identity = &identity;
    query.start = "no-such-event";
    assert_false(sbx_page_read(&page, store, &query));
    sbx_found_identity_deinit(&identity);
    sbx_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_any_limit_every_event_is_met_once),
        cmocka_unit_test(given_a_range_the_start_counts_and_the_end_does_not),
        cmocka_unit_test(given_a_filter_pages_are_filled_across_gaps),
        cmocka_unit_test(given_a_foreign_cursor_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
