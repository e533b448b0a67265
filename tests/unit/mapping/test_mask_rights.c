/* Masks set against each other: what is left, what is missing, and what can be searched by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/mask.h"
#include "mapping/transcode.h"
#include "mapping/wire.h"
#include "mapping_tables.h"

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

/* Compiles paths that are joined by spaces; "" is all. */
static const pc_mask *compile(const char *joined)
{
    const char *paths[8];
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

/* What `asked` has and `kept` has not, joined by spaces. */
static const char *missing(const pc_mask *asked, const pc_mask *kept, const char *prefix,
                           size_t size_max)
{
    static char text[16384];
    pc_buffer out;
    pc_wire_reader reader;
    pc_wire_field field;
    size_t size = 0;
    pc_buffer_init(&out, sizeof text);
    pc_mask_put_missing(&out, 9, prefix, asked, kept, size_max);
    pc_wire_reader_init(&reader, out.bytes, out.size);
    text[0] = '\0';
    while (pc_wire_next(&reader, &field)) {
        assert_int_equal(field.number, 9);
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s", size == 0 ? "" : " ",
                                 (int)field.size, (const char *)field.bytes);
    }
    pc_buffer_deinit(&out);
    return text;
}

static void what_is_taken_off_is_missing(void **state)
{
    static const struct {
        const char *mask;
        const char *denied;
        const char *missing; /* of all */
    } cases[] = {
        {"", "person.name.first_name", "p.person.name.first_name"},
        {"", "person person.name", "p.person"},
        {"", "extensions home_address.extensions", "p.home_address.extensions p.extensions"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pc_mask *left;
        const pc_mask *mask = compile(cases[i].mask);
        assert_true(pc_mask_without(&left, &arena, mask, compile(cases[i].denied)));
        assert_string_equal(missing(compile(""), left, "p", SIZE_MAX), cases[i].missing);
        /* And it is what both leave of each other. */
        assert_false(pc_mask_is_empty(left));
        const pc_mask *both = pc_mask_intersect(&arena, left, compile(cases[i].denied));
        assert_true(pc_mask_is_empty(both));
    }
}

static void nothing_is_left_of_what_is_denied_in_parts(void **state)
{
    (void)state;
    const pc_mask *left;
    assert_true(
        pc_mask_without(&left, &arena, compile("person.name.first_name"), compile("person.name")));
    assert_null(left);
    assert_true(pc_mask_without(&left, &arena, compile("person.name.first_name"), compile("")));
    assert_null(left);
    assert_true(
        pc_mask_without(&left, &arena, compile("person.name.first_name"), compile("loyalty")));
    assert_string_equal(missing(compile("person.name.first_name"), left, "", SIZE_MAX), "");
}

static void a_field_is_narrowed_or_left_out(void **state)
{
    (void)state;
    const pc_mask *all = compile("");
    const pc_field_table *person = pc_table_find_name(&pc_table_Profile, "person", 6);
    const pc_mask *names = pc_mask_child(compile("person.name"), "person");
    const pc_mask *narrowed = pc_mask_narrow(&arena, all, person->number, names);
    assert_string_equal(
        missing(compile("person.name person.gender loyalty"), narrowed, "", SIZE_MAX),
        "person.gender");
    narrowed = pc_mask_narrow(&arena, all, person->number, NULL);
    assert_string_equal(missing(all, narrowed, "", SIZE_MAX), "person");
    const pc_mask *loyalty = compile("loyalty");
    assert_ptr_equal(pc_mask_narrow(&arena, loyalty, person->number, NULL), loyalty);
}

static void what_is_missing_is_told_in_the_asked_paths(void **state)
{
    (void)state;
    const pc_mask *kept = compile("person.name");
    assert_string_equal(missing(compile("person loyalty.tier"), kept, "profile", 48), "profile");
    assert_string_equal(missing(compile("loyalty.tier"), kept, "profile", SIZE_MAX),
                        "profile.loyalty.tier");
    assert_string_equal(missing(compile("person.name.last_name"), kept, "", SIZE_MAX), "");
    assert_string_equal(missing(compile(""), NULL, "profile", SIZE_MAX), "profile");
    assert_string_equal(missing(compile(""), NULL, "", SIZE_MAX), "*");
}

static void a_path_of_xdm_has_to_be_kept_in_all_its_meanings(void **state)
{
    (void)state;
    const pc_mask *mask = compile("person.name home_address.city home_address.extensions "
                                  "segment_membership.status");
    assert_true(pc_mask_keeps_json_path(compile(""), "anything.at.all"));
    assert_true(pc_mask_keeps_json_path(mask, "person.name.firstName"));
    assert_true(pc_mask_keeps_json_path(mask, "homeAddress.city"));
    assert_true(pc_mask_keeps_json_path(mask, "homeAddress._tenant.x"));
    assert_false(pc_mask_keeps_json_path(mask, "homeAddress.street1"));
    assert_false(pc_mask_keeps_json_path(mask, "person"));
    assert_false(pc_mask_keeps_json_path(mask, "person.birthDate"));
    assert_false(pc_mask_keeps_json_path(mask, "_tenant.x"));
    /* What follows is a key, not a field. */
    assert_false(pc_mask_keeps_json_path(mask, "segmentMembership.ups.x.status"));
}

/* What the mask shows of a profile, as bytes that can be searched. */
static pc_buffer show(const char *json, const pc_mask *mask)
{
    pc_buffer whole;
    pc_buffer shown;
    pc_buffer_init(&whole, 1 << 16);
    pc_buffer_init(&shown, 1 << 16);
    pc_status status =
        pc_transcode(&whole, (const uint8_t *)json, strlen(json), &pc_table_Profile, NULL);
    assert_true(pc_status_ok(&status));
    status = pc_mask_filter(&shown, whole.bytes, whole.size, mask);
    assert_true(pc_status_ok(&status));
    pc_buffer_deinit(&whole);
    return shown;
}

static bool holds(const pc_buffer *bytes, const char *text)
{
    return bytes->size > 0 && memmem(bytes->bytes, bytes->size, text, strlen(text)) != NULL;
}

static void a_value_that_did_not_fit_shows_only_where_its_field_is_kept_as_it_is(void **state)
{
    (void)state;
    const char json[] = "{\"person\":{\"birthDate\":\"1980-05-01T00:00:00Z\",\"other\":\"theirs\"},"
                        "\"mobilePhone\":{\"number\":15551234567,\"_more\":\"kept\"},"
                        "\"homeAddress\":\"a street\",\"_tenant\":{\"tier\":\"gold\"}}";
    const pc_mask *all = compile("");
    const pc_mask *clear;
    assert_true(pc_mask_without(
        &clear, &arena, all, compile("person.birth_date mobile_phone.number home_address.city")));
    pc_buffer shown = show(json, all);
    assert_true(holds(&shown, "1980-05-01T00:00:00Z"));
    assert_true(holds(&shown, "a street"));
    pc_buffer_deinit(&shown);
    /* Shown with the number, as where that is masked. */
    const pc_mask *mask;
    assert_true(
        pc_mask_without(&mask, &arena, all, compile("person.birth_date home_address.city")));
    shown = show(json, pc_mask_intersect(&arena, all, pc_mask_keep_untyped(&arena, mask, clear)));
    assert_false(holds(&shown, "1980"));
    assert_false(holds(&shown, "a street"));
    assert_true(holds(&shown, "theirs"));
    assert_true(holds(&shown, "kept"));
    assert_true(holds(&shown, "gold"));
    assert_true(holds(&shown, "15551234567")); /* the field itself */
    pc_buffer_deinit(&shown);
    /* Who asks for nothing but what is left gets no more. */
    shown = show(json, pc_mask_intersect(&arena, compile("extensions mobile_phone.extensions"),
                                         pc_mask_keep_untyped(&arena, mask, clear)));
    assert_false(holds(&shown, "5551234"));
    assert_false(holds(&shown, "a street"));
    assert_true(holds(&shown, "kept"));
    assert_true(holds(&shown, "gold"));
    pc_buffer_deinit(&shown);
    /* Nothing but what has no field, where nothing is clear. */
    shown = show(json, pc_mask_keep_untyped(&arena, all, NULL));
    assert_false(holds(&shown, "a street"));
    assert_true(holds(&shown, "gold"));
    pc_buffer_deinit(&shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_off_is_missing),
        cmocka_unit_test(nothing_is_left_of_what_is_denied_in_parts),
        cmocka_unit_test(a_field_is_narrowed_or_left_out),
        cmocka_unit_test(what_is_missing_is_told_in_the_asked_paths),
        cmocka_unit_test(a_path_of_xdm_has_to_be_kept_in_all_its_meanings),
        cmocka_unit_test(a_value_that_did_not_fit_shows_only_where_its_field_is_kept_as_it_is),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
