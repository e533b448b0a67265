/* What stands where: typed fields, extensions, limits and failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generate.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile.pb-c.h"

typedef Profilecontext__V1__Profile profile;
typedef Profilecontext__V1__Extensions extensions;

static profile *map(const char *json)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX);
    pc_status status =
        pc_transcode(&out, (const uint8_t *)json, strlen(json), &pc_table_Profile, NULL);
    assert_true(pc_status_ok(&status));
    profile *p = profilecontext__v1__profile__unpack(NULL, out.size, out.bytes);
    assert_non_null(p);
    pc_buffer_deinit(&out);
    return p;
}

static void done(profile *p)
{
    profilecontext__v1__profile__free_unpacked(p, NULL);
}

/* The names of the properties in extensions, joined by spaces. */
static const char *names(const extensions *e)
{
    static char text[512];
    text[0] = 0;
    for (size_t i = 0; e != NULL && i < e->fields->n_fields; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, e->fields->fields[i]->key);
    }
    return text;
}

static void values_of_the_right_type_are_typed_only(void **state)
{
    (void)state;
    profile *p = map("{\"_id\":\"\",\"testProfile\":false,\"person\":{\"birthYear\":1990.0,"
                     "\"gender\":\"female\",\"birthDate\":\"1990-12-10\"},\"organizations\":[\"\"],"
                     "\"loyalty\":{\"points\":0,\"joinDate\":\"2020-01-01T00:00:00.5+0000\"},"
                     "\"homeAddress\":{\"dmaID\":9223372036854775807}}");
    assert_null(p->extensions);
    assert_string_equal(p->record_id, "");
    assert_int_equal(p->_record_id_case, PROFILECONTEXT__V1__PROFILE___RECORD_ID_RECORD_ID);
    assert_int_equal(p->_test_profile_case,
                     PROFILECONTEXT__V1__PROFILE___TEST_PROFILE_TEST_PROFILE);
    assert_false(p->test_profile);
    assert_null(p->person->extensions);
    assert_int_equal(p->person->birth_year, 1990);
    assert_int_equal(p->person->gender, PROFILECONTEXT__V1__GENDER__GENDER_FEMALE);
    assert_int_equal(p->person->birth_date->day, 10);
    assert_int_equal(p->n_organizations, 1);
    assert_null(p->loyalty->extensions);
    assert_int_equal(p->loyalty->_points_case, PROFILECONTEXT__V1__LOYALTY___POINTS_POINTS);
    assert_int_equal(p->loyalty->join_date->seconds, 1577836800);
    assert_int_equal(p->loyalty->join_date->nanos, 500000000);
    assert_null(p->home_address->extensions);
    assert_true(p->home_address->dma_id == INT64_MAX);
    done(p);
}

static void lenient_values_stand_in_both(void **state)
{
    (void)state;
    profile *p = map("{\"_id\":12345678901234567890,\"testProfile\":\"true\",\"loyalty\":{"
                     "\"points\":\"15\",\"lifetimePoints\":9007199254740993,"
                     "\"joinDate\":\"2020-01-01T02:00:00+02:00\"},\"organizations\":[\"a\",7]}");
    assert_string_equal(names(p->extensions), "_id testProfile organizations");
    assert_string_equal(p->record_id, "12345678901234567890");
    assert_int_equal(p->extensions->n_exact_numbers, 1);
    assert_string_equal(p->extensions->exact_numbers[0]->key, "/_id");
    assert_string_equal(p->extensions->exact_numbers[0]->value, "12345678901234567890");
    assert_true(p->test_profile);
    assert_int_equal(p->n_organizations, 2);
    assert_string_equal(p->organizations[1], "7");
    assert_string_equal(names(p->loyalty->extensions), "points lifetimePoints joinDate");
    assert_true(p->loyalty->points == 15);
    assert_true(p->loyalty->lifetime_points == 9007199254740992.0);
    assert_int_equal(p->loyalty->join_date->seconds, 1577836800);
    done(p);
}

static void unreadable_values_stand_in_extensions_only(void **state)
{
    (void)state;
    profile *p =
        map("{\"_id\":null,\"personID\":true,\"testProfile\":1,\"person\":[],"
            "\"homeAddress\":{\"dmaID\":1.5,\"lastVerifiedDate\":\"2020-02-30\"},"
            "\"loyalty\":{\"points\":1e400,\"tierExpiryDate\":\"2020-01-01\",\"x\":{}},"
            "\"consents\":{\"marketing\":{\"preferred\":\"pigeon\"}},\"organizations\":[]}");
    assert_string_equal(names(p->extensions), "_id personID testProfile person organizations");
    assert_int_equal(p->_record_id_case, 0);
    assert_null(p->person);
    assert_string_equal(names(p->home_address->extensions), "dmaID lastVerifiedDate");
    assert_null(p->home_address->last_verified_date);
    assert_string_equal(names(p->loyalty->extensions), "points tierExpiryDate x");
    assert_int_equal(p->loyalty->_points_case, 0);
    assert_string_equal(p->loyalty->extensions->exact_numbers[0]->value, "1e400");
    assert_int_equal(p->consents->marketing->preferred, 0);
    assert_string_equal(names(p->consents->marketing->extensions), "preferred");
    done(p);
}

static void map_entries_are_sorted_whatever_their_order(void **state)
{
    (void)state;
    profile *p =
        map("{\"segmentMembership\":{\"ups\":{\"b\":{\"status\":\"exited\"},\"\":{},\"a\":{}},"
            "\"AAM\":{\"z\":{}},\"bad\":7},\"identityMap\":{\"z\":[{\"id\":\"2\"},"
            "{\"id\":\"1\"}],\"Z\":{\"id\":\"3\"}}}");
    assert_int_equal(p->n_segment_membership, 4);
    assert_string_equal(p->segment_membership[0]->namespace_, "AAM");
    assert_string_equal(p->segment_membership[1]->segment_id, "");
    assert_string_equal(p->segment_membership[2]->segment_id, "a");
    assert_string_equal(p->segment_membership[3]->segment_id, "b");
    assert_int_equal(p->segment_membership[3]->status, 3);
    assert_int_equal(p->n_identity_map, 3);
    assert_string_equal(p->identity_map[0]->id, "3");
    assert_string_equal(p->identity_map[1]->id, "2");
    assert_string_equal(p->identity_map[2]->id, "1");
    /* Only the affected key. */
    assert_string_equal(names(p->extensions), "segmentMembership");
    assert_int_equal(p->extensions->fields->fields[0]->value->struct_value->n_fields, 1);
    done(p);
}

static void the_same_map_gives_the_same_bytes(void **state)
{
    static const char one[] = "{\"identityMap\":{\"a\":[{\"id\":\"1\"}],\"b\":[{\"id\":\"2\"}]}}";
    static const char two[] = "{\"identityMap\":{\"b\":[{\"id\":\"2\"}],\"a\":[{\"id\":\"1\"}]}}";
    pc_buffer a;
    pc_buffer b;
    (void)state;
    pc_buffer_init(&a, SIZE_MAX);
    pc_buffer_init(&b, SIZE_MAX);
    pc_status status =
        pc_transcode(&a, (const uint8_t *)one, sizeof one - 1, &pc_table_Profile, NULL);
    assert_true(pc_status_ok(&status));
    status = pc_transcode(&b, (const uint8_t *)two, sizeof two - 1, &pc_table_Profile, NULL);
    assert_true(pc_status_ok(&status));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    pc_buffer_deinit(&a);
    pc_buffer_deinit(&b);
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const bad[] = {"",      "null", "[]", "\"x\"", "{}x", "{\"_id\":\"a\"} {}",
                                      "{\"a\""};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pc_buffer out;
        pc_buffer_init(&out, SIZE_MAX);
        pc_buffer_append_text(&out, "before");
        pc_status status =
            pc_transcode(&out, (const uint8_t *)bad[i], strlen(bad[i]), &pc_table_Profile, NULL);
        assert_int_equal(status.code, PC_CODE_INTERNAL);
        assert_string_equal(pc_status_reason(&status), "UPSTREAM_BODY_UNREADABLE");
        assert_int_equal(out.size, 6);
        pc_status_clear(&status);
        pc_buffer_deinit(&out);
    }
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        uint64_t moving = seed;
        pc_buffer json;
        pc_buffer_init(&json, SIZE_MAX);
        generate_document(&json, &moving, &pc_table_Loyalty, 20);
        while (json.size > 0 && json.bytes[json.size - 1] != '}') {
            json.size--;
        }
        for (size_t size = 0; size < json.size; size++) {
            uint8_t *exact = malloc(size == 0 ? 1 : size);
            memcpy(exact, json.bytes, size);
            pc_buffer out;
            pc_buffer_init(&out, SIZE_MAX);
            pc_status status = pc_transcode(&out, exact, size, &pc_table_Loyalty, NULL);
            assert_int_equal(status.code, PC_CODE_INTERNAL);
            pc_status_clear(&status);
            pc_buffer_deinit(&out);
            free(exact);
        }
        pc_buffer_deinit(&json);
    }
}

static void limits_are_kept(void **state)
{
    static const char json[] = "{\"_id\":\"abc\",\"organizations\":[\"a\",\"b\",\"c\"],"
                               "\"x\":[[[[[1]]]]],\"y\":[1,2,3]}";
    static const pc_transcode_limits tight[] = {
        {.output_bytes_max = 10}, {.depth_max = 5}, {.values_max = 9}};
    static const pc_transcode_limits enough[] = {
        {.output_bytes_max = 4096}, {.depth_max = 6}, {.values_max = 20}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        pc_buffer out;
        pc_buffer_init(&out, SIZE_MAX);
        pc_status status = pc_transcode(&out, (const uint8_t *)json, sizeof json - 1,
                                        &pc_table_Profile, &tight[i]);
        assert_int_equal(status.code, PC_CODE_RESOURCE_EXHAUSTED);
        assert_string_equal(pc_status_reason(&status), "UPSTREAM_BODY_TOO_COMPLEX");
        assert_int_equal(out.size, 0);
        pc_status_clear(&status);
        status = pc_transcode(&out, (const uint8_t *)json, sizeof json - 1, &pc_table_Profile,
                              &enough[i]);
        assert_true(pc_status_ok(&status));
        pc_buffer_deinit(&out);
    }
    /* The buffer's own maximum, at each size. */
    size_t needed = 0;
    for (size_t max = 1; needed == 0; max++) {
        pc_buffer out;
        pc_buffer_init(&out, max);
        pc_status status =
            pc_transcode(&out, (const uint8_t *)json, sizeof json - 1, &pc_table_Profile, NULL);
        if (pc_status_ok(&status)) {
            needed = max;
        } else {
            assert_string_equal(pc_status_reason(&status), "UPSTREAM_BODY_TOO_COMPLEX");
        }
        pc_status_clear(&status);
        pc_buffer_deinit(&out);
    }
}

enum { MEETING_KEYS = 300, MEETING_KEY_SIZE = 8 };

/* Keys as a hostile source would choose them: their hashes (hash_bytes in transcode.c, which can be
 * turned around for keys of eight bytes) all end in the same bits. */
static void make_meeting_keys(char keys[MEETING_KEYS][MEETING_KEY_SIZE + 1])
{
    const uint64_t factor = 0x9e3779b97f4a7c15u;
    uint64_t inverse = factor;
    for (int i = 0; i < 6; i++) {
        inverse *= 2 - factor * inverse;
    }
    size_t count = 0;
    for (uint64_t i = 0; count < MEETING_KEYS; i++) {
        uint64_t high = i * factor >> 32;
        uint64_t product = high << 32 | (high & 0xffff) | (i << 16 & 0xffff0000);
        uint64_t word = MEETING_KEY_SIZE * factor ^ product * inverse;
        memcpy(keys[count], &word, MEETING_KEY_SIZE);
        keys[count][MEETING_KEY_SIZE] = 0;
        bool plain = true;
        for (int j = 0; j < MEETING_KEY_SIZE; j++) {
            char c = keys[count][j];
            plain = plain && c > ' ' && c < 127 && c != '"' && c != '\\';
        }
        count += plain;
    }
}

/* The members of `x` when it has all the keys, and the first of them again `again` times. */
static size_t count_members(char keys[MEETING_KEYS][MEETING_KEY_SIZE + 1], int again)
{
    pc_buffer json;
    pc_buffer_init(&json, SIZE_MAX);
    pc_buffer_append_text(&json, "{\"x\":{");
    for (int i = 0; i < MEETING_KEYS + again; i++) {
        char value[24];
        snprintf(value, sizeof value, "\":%d", i);
        pc_buffer_append_text(&json, i > 0 ? ",\"" : "\"");
        pc_buffer_append_text(&json, keys[i < MEETING_KEYS ? i : 0]);
        pc_buffer_append_text(&json, value);
    }
    pc_buffer_append(&json, "}}", 3);
    profile *p = map((const char *)json.bytes);
    size_t count = p->extensions->fields->fields[0]->value->struct_value->n_fields;
    pc_buffer_deinit(&json);
    done(p);
    return count;
}

static void keys_that_were_made_to_meet_are_told_apart(void **state)
{
    static char keys[MEETING_KEYS][MEETING_KEY_SIZE + 1];
    (void)state;
    make_meeting_keys(keys);
    assert_int_equal(count_members(keys, 0), MEETING_KEYS);
    assert_int_equal(count_members(keys, 2), MEETING_KEYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_the_right_type_are_typed_only),
        cmocka_unit_test(lenient_values_stand_in_both),
        cmocka_unit_test(unreadable_values_stand_in_extensions_only),
        cmocka_unit_test(map_entries_are_sorted_whatever_their_order),
        cmocka_unit_test(the_same_map_gives_the_same_bytes),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(keys_that_were_made_to_meet_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
