/* Messages as canonical proto3 JSON. */
#include "testing.h"

#include <math.h>
#include <string.h>

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "profilecontext/client.h"

static void check_json(const ProtobufCMessage *message, const char *expected)
{
    char *text = NULL;
    assert_true(profilecontext_message_to_json(message, false, &text));
    assert_string_equal(text, expected);
    free(text);
}

static void times_are_canonical(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        int32_t nanos;
        const char *expected;
    } cases[] = {
        {0, 0, "\"1970-01-01T00:00:00Z\""},
        {1762084800, 500000000, "\"2025-11-02T12:00:00.500Z\""},
        {1762084800, 1000, "\"2025-11-02T12:00:00.000001Z\""},
        {1762084800, 1, "\"2025-11-02T12:00:00.000000001Z\""},
        {-62135596800, 0, "\"0001-01-01T00:00:00Z\""},
        {253402300799, 0, "\"9999-12-31T23:59:59Z\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        time.seconds = cases[i].seconds;
        time.nanos = cases[i].nanos;
        check_json(&time.base, cases[i].expected);
    }
}

static void time_out_of_range_cannot_be_written(void **state)
{
    (void)state;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    time.seconds = 253402300800;
    char *text = NULL;
    assert_false(profilecontext_message_to_json(&time.base, false, &text));
    assert_null(text);
}

static void durations_keep_their_sign(void **state)
{
    (void)state;
    Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;
    check_json(&duration.base, "\"0s\"");
    duration.nanos = -500000000;
    check_json(&duration.base, "\"-0.500s\"");
    duration.seconds = -3;
    check_json(&duration.base, "\"-3.500s\"");
}

static void masks_are_joined_in_camel_case(void **state)
{
    (void)state;
    char first[] = "profile.home_address";
    char second[] = "events";
    char *paths[] = {first, second};
    Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    check_json(&mask.base, "\"\"");
    mask.n_paths = 2;
    mask.paths = paths;
    check_json(&mask.base, "\"profile.homeAddress,events\"");
}

static void optional_fields_are_kept_and_defaults_left_out(void **state)
{
    (void)state;
    Profilecontext__V1__Measure measure = PROFILECONTEXT__V1__MEASURE__INIT;
    check_json(&measure.base, "{}");
    measure._value_case = PROFILECONTEXT__V1__MEASURE___VALUE_VALUE;
    measure.value = 0;
    check_json(&measure.base, "{\"value\":0}");
    Profilecontext__V1__Date date = PROFILECONTEXT__V1__DATE__INIT;
    date.year = 1985;
    check_json(&date.base, "{\"year\":1985}");
}

static void names_are_those_of_the_model(void **state)
{
    (void)state;
    char id[] = "a";
    Profilecontext__V1__ProductListItem item = PROFILECONTEXT__V1__PRODUCT_LIST_ITEM__INIT;
    item._record_id_case = PROFILECONTEXT__V1__PRODUCT_LIST_ITEM___RECORD_ID_RECORD_ID;
    item.record_id = id;
    item._sku_case = PROFILECONTEXT__V1__PRODUCT_LIST_ITEM___SKU_SKU;
    item.sku = id;
    item._quantity_case = PROFILECONTEXT__V1__PRODUCT_LIST_ITEM___QUANTITY_QUANTITY;
    item.quantity = INT64_MAX;
    check_json(&item.base, "{\"_id\":\"a\",\"SKU\":\"a\",\"quantity\":\"9223372036854775807\"}");
}

static void enums_are_names_or_unknown_numbers(void **state)
{
    (void)state;
    Profilecontext__V1__ConsentChoice choice = PROFILECONTEXT__V1__CONSENT_CHOICE__INIT;
    choice.val = PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_NO;
    check_json(&choice.base, "{\"val\":\"CONSENT_VALUE_NO\"}");
    choice.val = (Profilecontext__V1__ConsentValue)77;
    check_json(&choice.base, "{\"val\":77}");
}

static void structs_are_plain_json(void **state)
{
    (void)state;
    char key[] = "k\"ey";
    Google__Protobuf__Value null = GOOGLE__PROTOBUF__VALUE__INIT;
    null.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
    Google__Protobuf__Value number = GOOGLE__PROTOBUF__VALUE__INIT;
    number.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
    number.number_value = 0.1;
    Google__Protobuf__Value *items[] = {&null, &number};
    Google__Protobuf__ListValue list = GOOGLE__PROTOBUF__LIST_VALUE__INIT;
    list.n_values = 2;
    list.values = items;
    Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
    value.list_value = &list;
    Google__Protobuf__Struct__FieldsEntry entry = GOOGLE__PROTOBUF__STRUCT__FIELDS_ENTRY__INIT;
    entry.key = key;
    entry.value = &value;
    Google__Protobuf__Struct__FieldsEntry *entries[] = {&entry};
    Google__Protobuf__Struct object = GOOGLE__PROTOBUF__STRUCT__INIT;
    object.n_fields = 1;
    object.fields = entries;
    check_json(&object.base, "{\"k\\\"ey\":[null,0.1]}");

    Profilecontext__V1__Extensions__ExactNumbersEntry exact =
        PROFILECONTEXT__V1__EXTENSIONS__EXACT_NUMBERS_ENTRY__INIT;
    char pointer[] = "/a";
    char digits[] = "12345678901234567890";
    exact.key = pointer;
    exact.value = digits;
    Profilecontext__V1__Extensions__ExactNumbersEntry *numbers[] = {&exact};
    Profilecontext__V1__Extensions extensions = PROFILECONTEXT__V1__EXTENSIONS__INIT;
    extensions.fields = &object;
    extensions.n_exact_numbers = 1;
    extensions.exact_numbers = numbers;
    check_json(&extensions.base, "{\"fields\":{\"k\\\"ey\":[null,0.1]},"
                                 "\"exactNumbers\":{\"/a\":\"12345678901234567890\"}}");
}

static void strings_are_escaped_and_made_utf8(void **state)
{
    (void)state;
    char text[] = "\"\\\n\x01\x7f é \xff \xed\xa0\x80 😀";
    Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    value.string_value = text;
    check_json(&value.base, "\"\\\"\\\\\\n\\u0001\\u007f é \xef\xbf\xbd "
                            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd 😀\"");
}

static void pretty_output_has_a_member_per_line(void **state)
{
    (void)state;
    Profilecontext__V1__Date date = PROFILECONTEXT__V1__DATE__INIT;
    date.year = 1985;
    date.month = 12;
    Profilecontext__V1__Person person = PROFILECONTEXT__V1__PERSON__INIT;
    person.birth_date = &date;
    char *text = NULL;
    assert_true(profilecontext_message_to_json(&person.base, true, &text));
    assert_string_equal(text,
                        "{\n  \"birthDate\": {\n    \"year\": 1985,\n    \"month\": 12\n  }\n}");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_canonical),
        cmocka_unit_test(time_out_of_range_cannot_be_written),
        cmocka_unit_test(durations_keep_their_sign),
        cmocka_unit_test(masks_are_joined_in_camel_case),
        cmocka_unit_test(optional_fields_are_kept_and_defaults_left_out),
        cmocka_unit_test(names_are_those_of_the_model),
        cmocka_unit_test(enums_are_names_or_unknown_numbers),
        cmocka_unit_test(structs_are_plain_json),
        cmocka_unit_test(strings_are_escaped_and_made_utf8),
        cmocka_unit_test(pretty_output_has_a_member_per_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
