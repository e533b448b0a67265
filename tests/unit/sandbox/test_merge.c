/* Merging fragments under merge policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
#include "load.h"
#include "merge.h"

#include <string.h>

static const char records[] =
    "{\"type\":\"profile\",\"dataset\":\"crm\",\"timestamp\":\"-30d\",\"identities\":"
    "[{\"ns\":\"CRMID\",\"id\":\"1\"},{\"ns\":\"Email\",\"id\":\"a@example.com\"}],"
    "\"entity\":{\"city\":\"Basel\",\"name\":{\"first\":\"Leonhard\",\"last\":\"Euler\"},"
    "\"tags\":[1,2]}}\n"
    "{\"type\":\"profile\",\"dataset\":\"web\",\"timestamp\":\"-1d\",\"identities\":"
    "[{\"ns\":\"EMAIL\",\"id\":\"a@example.com\"}],"
    "\"entity\":{\"city\":\"Berlin\",\"name\":{\"first\":\"Leo\",\"last\":null},\"tags\":[3]}}\n";

static const char by_time[] = "{\"id\":\"p\",\"identityGraph\":{\"type\":\"pdg\"},"
                              "\"attributeMerge\":{\"type\":\"timestampOrdered\"}}";
static const char unstitched[] = "{\"id\":\"p\",\"identityGraph\":{\"type\":\"none\"},"
                                 "\"attributeMerge\":{\"type\":\"timestampOrdered\"}}";
static const char crm_first[] =
    "{\"id\":\"p\",\"identityGraph\":{\"type\":\"pdg\"},\"attributeMerge\":"
    "{\"type\":\"dataSetPrecedence\",\"order\":[\"crm\",\"web\"]}}";
static const char web_only[] =
    "{\"id\":\"p\",\"identityGraph\":{\"type\":\"pdg\"},\"attributeMerge\":"
    "{\"type\":\"dataSetPrecedence\",\"order\":[\"web\"]}}";

static sbx_store *loaded(const char *text)
{
    sbx_store *store;
    struct sbx_error error;
    size_t count;
    assert_true(sbx_store_open(&store, NULL, &error));
    if (!sbx_load_text(store, "test", text, strlen(text), &count, &error)) {
        fail_msg("%s", error.text);
    }
    return store;
}

static void merge_as(struct sbx_merged *out, const char *policy_text, const char *ns,
                     const char *id)
{
    sbx_store *store = loaded(records);
    sbx_policy *policy = sbx_policy_read(policy_text);
    struct sbx_found_identity identity;
    struct sbx_person person;
    assert_non_null(policy);
    assert_true(sbx_store_find(store, ns, id, &identity));
    sbx_store_read_person(store, identity.person, SBX_PROFILE, &person);
    sbx_merge(out, &person, &identity, policy, SBX_PROFILE);
    sbx_person_deinit(&person);
    sbx_found_identity_deinit(&identity);
    sbx_policy_free(policy);
    sbx_store_free(store);
}

static const char *name(const struct sbx_merged *merged, const char *part)
{
    return sbx_json_text(json_object_get(merged->entity, "name"), part);
}

static void given_two_fragments_the_newest_wins_at_each_leaf(void **state)
{
    (void)state;
    struct sbx_merged merged;
    merge_as(&merged, by_time, "crmid", "1");
    assert_string_equal(sbx_json_text(merged.entity, "city"), "Berlin");
    assert_string_equal(name(&merged, "first"), "Leo");
    assert_int_equal(json_array_size(json_object_get(merged.entity, "tags")), 1);
    assert_int_equal(json_array_size(merged.sources), 2);
    sbx_merged_deinit(&merged);
}

static void given_a_newer_null_the_older_value_stays(void **state)
{
    (void)state;
    struct sbx_merged merged;
    merge_as(&merged, by_time, "crmid", "1");
    assert_string_equal(name(&merged, "last"), "Euler");
    sbx_merged_deinit(&merged);
}

static void given_dataset_precedence_the_first_dataset_wins(void **state)
{
    (void)state;
    struct sbx_merged merged;
    merge_as(&merged, crm_first, "crmid", "1");
    assert_string_equal(sbx_json_text(merged.entity, "city"), "Basel");
    sbx_merged_deinit(&merged);
}

static void given_dataset_precedence_unlisted_datasets_do_not_appear(void **state)
{
    (void)state;
    struct sbx_merged merged;
    merge_as(&merged, web_only, "crmid", "1");
    assert_true(merged.found);
    assert_null(name(&merged, "last"));
    assert_int_equal(json_array_size(merged.sources), 1);
    sbx_merged_deinit(&merged);
}

static void given_no_graph_only_the_identity_s_own_fragments_count(void **state)
{
    (void)state;
    struct sbx_merged merged;
    merge_as(&merged, unstitched, "crmid", "1");
    assert_string_equal(sbx_json_text(merged.entity, "city"), "Basel");
    assert_int_equal(json_array_size(merged.graph), 1);
    sbx_merged_deinit(&merged);
}

static void given_linked_identities_the_identity_map_has_them_all(void **state)
{
    (void)state;
    struct sbx_merged merged;
    merge_as(&merged, by_time, "Email", "a@example.com");
    json_t *map = json_object_get(merged.entity, "identityMap");
    assert_int_equal(json_object_size(map), 2);
    assert_non_null(json_object_get(map, "crmid"));
    assert_int_equal(json_array_size(merged.graph), 2);
    sbx_merged_deinit(&merged);
}

static void given_an_id_of_other_case_nobody_is_found(void **state)
{
    (void)state;
    sbx_store *store = loaded(records);
    struct sbx_found_identity identity;
    assert_false(sbx_store_find(store, "Email", "A@example.com", &identity));
    sbx_store_free(store);
}

static void given_a_linking_record_two_persons_become_one(void **state)
{
    (void)state;
    sbx_store *store =
        loaded("{\"type\":\"profile\",\"dataset\":\"d\",\"timestamp\":\"-1d\",\"identities\":"
               "[{\"ns\":\"a\",\"id\":\"1\"}],\"entity\":{}}\n"
               "{\"type\":\"profile\",\"dataset\":\"d\",\"timestamp\":\"-1d\",\"identities\":"
               "[{\"ns\":\"b\",\"id\":\"2\"}],\"entity\":{}}\n"
               "{\"type\":\"link\",\"identities\":[{\"ns\":\"a\",\"id\":\"1\"},"
               "{\"ns\":\"b\",\"id\":\"2\"},{\"ns\":\"c\",\"id\":\"3\"}]}\n");
    struct sbx_found_identity identity;
    assert_true(sbx_store_find(store, "c", "3", &identity));
    assert_int_equal(sbx_store_count_identities(store, identity.person), 3);
    struct sbx_person person;
    sbx_store_read_person(store, identity.person, SBX_PROFILE, &person);
    assert_int_equal(person.fragment_count, 2);
    sbx_person_deinit(&person);
    sbx_found_identity_deinit(&identity);
    sbx_store_free(store);
}

static void given_the_same_record_twice_it_is_there_once(void **state)
{
    (void)state;
    sbx_store *store = loaded(records);
    struct sbx_error error;
    size_t count;
    assert_true(sbx_load_text(store, "test", records, strlen(records), &count, &error));
    struct sbx_store_totals totals;
    sbx_store_count(store, &totals);
    assert_int_equal(totals.fragments, 2);
    assert_int_equal(totals.persons, 1);
    sbx_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_two_fragments_the_newest_wins_at_each_leaf),
        cmocka_unit_test(given_a_newer_null_the_older_value_stays),
        cmocka_unit_test(given_dataset_precedence_the_first_dataset_wins),
        cmocka_unit_test(given_dataset_precedence_unlisted_datasets_do_not_appear),
        cmocka_unit_test(given_no_graph_only_the_identity_s_own_fragments_count),
        cmocka_unit_test(given_linked_identities_the_identity_map_has_them_all),
        cmocka_unit_test(given_an_id_of_other_case_nobody_is_found),
        cmocka_unit_test(given_a_linking_record_two_persons_become_one),
        cmocka_unit_test(given_the_same_record_twice_it_is_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
