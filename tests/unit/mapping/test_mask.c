/* Masks: compiling, filtering, and what to ask the upstream for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/mask.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile.pb-c.h"

static pc_arena arena;

static int open_arena(void **state)
{
    (void)state;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    pc_arena_deinit(&arena);
    return 0;
}

enum { PATHS_MAX = 8 };

/* Compiles paths that are joined by spaces. */
static const pc_mask *compile(const char *joined)
{
    const char *paths[PATHS_MAX];
    size_t count = 0;
    const pc_mask *mask;
    char *copy = pc_arena_strndup(&arena, joined, strlen(joined));
    for (char *rest = NULL, *path = strtok_r(copy, " ", &rest); path != NULL;
         path = strtok_r(NULL, " ", &rest)) {
        paths[count++] = path;
    }
    pc_status status = pc_mask_compile(&mask, &arena, &pc_table_Profile, paths, count);
    assert_true(pc_status_ok(&status));
    return mask;
}

static void the_upstream_is_asked_for_what_is_needed(void **state)
{
    static const struct {
        const char *paths;
        const char *fields;
    } cases[] = {
        {"person.name.first_name", "person.name.firstName"},
        {"record_id person_id", "_id,personID"},
        {"home_address.schema.latitude loyalty.loyalty_id",
         "homeAddress._schema.latitude,loyalty.loyaltyID"},
        {"person.name.first_name person", "person"},
        {"person person.name.first_name", "person"},
        {"person.extensions person.type", "person"},
        {"consents.marketing.email", "consents.marketing.email"},
        {"segment_membership.status segment_membership.namespace", "segmentMembership"},
        {"segment_membership.display_name", "segmentMembership"},
        {"consents.id_specific.marketing.email.val", "consents.idSpecific"},
        {"loyalty.join_date", "loyalty.joinDate"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *fields;
        pc_status status = pc_mask_upstream_fields(&fields, &arena, compile(cases[i].paths));
        assert_true(pc_status_ok(&status));
        assert_string_equal(fields, cases[i].fields);
    }
    static const char *const everything[] = {"", "*", "person *", "extensions",
                                             "record_id extensions"};
    for (size_t i = 0; i < sizeof everything / sizeof everything[0]; i++) {
        const char *fields = "unset";
        pc_status status = pc_mask_upstream_fields(&fields, &arena, compile(everything[i]));
        assert_true(pc_status_ok(&status));
        assert_null(fields);
    }
}

static void bad_paths_are_named_unless_they_may_be_personal_data(void **state)
{
    static const struct {
        const char *path;
        const char *told;
    } cases[] = {
        {"nothing", "path 0 (`nothing`): there is no such field"},
        {"person.firstName", "path 0 (`person.firstName`): there is no such field below `person`"},
        {"person.name.*", "path 0 (`person.name.*`): there is no such field below `person.name`"},
        {"home_address.street12",
         "path 0 (`home_address.street12`): there is no such field below `home_address`"},
        {"ada@example.com", "path 0: there is no such field"},
        {"person.crm100", "path 0: there is no such field below `person`"},
        {"person.a b", "path 0: there is no such field below `person`"},
        {"person.\xc3\xa4", "path 0: there is no such field below `person`"},
        {"", "path 0: there is no such field"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pc_mask *mask;
        pc_status status = pc_mask_compile(&mask, &arena, &pc_table_Profile, &cases[i].path, 1);
        assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
        assert_string_equal(pc_status_violations(&status)->description, cases[i].told);
        pc_status_clear(&status);
    }
}

static void every_bad_path_is_refused(void **state)
{
    static const char *const paths[] = {"person",
                                        "person.secret\n",
                                        "nothing",
                                        "",
                                        ".",
                                        "person.",
                                        "person.birth_date.year",
                                        "loyalty.join_date.seconds",
                                        "extensions.fields",
                                        "record_id.x",
                                        "person.name.*"};
    const pc_mask *mask;
    (void)state;
    pc_status status =
        pc_mask_compile(&mask, &arena, &pc_table_Profile, paths, sizeof paths / sizeof paths[0]);
    assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
    assert_null(mask);
    size_t count = 0;
    for (const pc_violation *v = pc_status_violations(&status); v != NULL; v = v->next) {
        assert_string_equal(v->field, "read_mask");
        assert_null(strstr(v->description, "secret"));
        count++;
    }
    assert_int_equal(count, sizeof paths / sizeof paths[0] - 1);
    pc_status_clear(&status);
    char *longer = malloc(100001);
    memset(longer, 'a', 100000);
    longer[100000] = 0;
    const char *one = longer;
    status = pc_mask_compile(&mask, &arena, &pc_table_Profile, &one, 1);
    assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
    pc_status_clear(&status);
    free(longer);
}

static Profilecontext__V1__Profile *filter(const pc_mask *mask)
{
    static const char json[] = "{\"_id\":\"i\",\"person\":{\"name\":{\"firstName\":\"A\","
                               "\"lastName\":\"B\"},\"type\":\"t\","
                               "\"x\":1},\"homeAddress\":{\"city\":\"c\"},\"identityMap\":{\"e\":[{"
                               "\"id\":\"1\",\"xid\":\"x\"},"
                               "{\"xid\":\"y\"}]},\"y\":2}";
    pc_buffer wire;
    pc_buffer out;
    pc_buffer_init(&wire, SIZE_MAX);
    pc_buffer_init(&out, SIZE_MAX);
    pc_status status =
        pc_transcode(&wire, (const uint8_t *)json, sizeof json - 1, &pc_table_Profile, NULL);
    assert_true(pc_status_ok(&status));
    for (size_t size = 0; size < wire.size; size++) {
        uint8_t *exact = malloc(size == 0 ? 1 : size);
        memcpy(exact, wire.bytes, size);
        status = pc_mask_filter(&out, exact, size, mask);
        pc_status_clear(&status);
        out.size = 0;
        free(exact);
    }
    status = pc_mask_filter(&out, wire.bytes, wire.size, mask);
    assert_true(pc_status_ok(&status));
    Profilecontext__V1__Profile *p = profilecontext__v1__profile__unpack(NULL, out.size, out.bytes);
    assert_non_null(p);
    pc_buffer_deinit(&wire);
    pc_buffer_deinit(&out);
    return p;
}

static void what_is_named_is_kept_and_nothing_else(void **state)
{
    (void)state;
    Profilecontext__V1__Profile *p =
        filter(compile("person.name.first_name home_address.region identity_map.id extensions"));
    assert_int_equal(p->_record_id_case, 0);
    assert_string_equal(p->person->name->first_name, "A");
    assert_int_equal(p->person->name->_last_name_case, 0);
    assert_int_equal(p->person->_type_case, 0);
    assert_null(p->person->extensions);
    assert_null(p->home_address);
    assert_int_equal(p->n_identity_map, 2);
    assert_string_equal(p->identity_map[0]->id, "1");
    assert_int_equal(p->identity_map[0]->_xid_case, 0);
    assert_string_equal(p->identity_map[0]->namespace_, "");
    assert_non_null(p->extensions);
    profilecontext__v1__profile__free_unpacked(p, NULL);
    p = filter(compile("*"));
    assert_string_equal(p->person->name->last_name, "B");
    profilecontext__v1__profile__free_unpacked(p, NULL);
}

static void the_part_of_two_masks_is_in_both(void **state)
{
    const char *fields;
    (void)state;
    const pc_mask *both =
        pc_mask_intersect(&arena, compile("person.name record_id loyalty.points"),
                          compile("person.name.first_name person.type record_id"));
    pc_status status = pc_mask_upstream_fields(&fields, &arena, both);
    assert_true(pc_status_ok(&status));
    assert_string_equal(fields, "_id,person.name.firstName");
    both = pc_mask_intersect(&arena, compile("*"), compile("record_id"));
    status = pc_mask_upstream_fields(&fields, &arena, both);
    assert_true(pc_status_ok(&status));
    assert_string_equal(fields, "_id");
}

static void children_of_a_mask_are_masks(void **state)
{
    (void)state;
    const pc_mask *mask = compile("person.name loyalty");
    assert_null(pc_mask_child(mask, "record_id"));
    assert_true(pc_mask_is_all(pc_mask_child(mask, "loyalty")));
    const pc_mask *person = pc_mask_child(mask, "person");
    assert_ptr_equal(
        pc_mask_child_number(mask, pc_table_find_name(&pc_table_Profile, "person", 6)->number),
        person);
    assert_null(pc_mask_child_number(mask, 100000));
    assert_false(pc_mask_is_all(person));
    assert_true(pc_mask_is_all(pc_mask_child(person, "name")));
    assert_true(pc_mask_is_all(pc_mask_child(pc_mask_child(compile("*"), "person"), "name")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_upstream_is_asked_for_what_is_needed),
        cmocka_unit_test(bad_paths_are_named_unless_they_may_be_personal_data),
        cmocka_unit_test(every_bad_path_is_refused),
        cmocka_unit_test(what_is_named_is_kept_and_nothing_else),
        cmocka_unit_test(the_part_of_two_masks_is_in_both),
        cmocka_unit_test(children_of_a_mask_are_masks),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
