#include "generate.h"

#include <stdio.h>
#include <string.h>

#include "util/attributes.h"

enum { ODD_PERCENT = 20 };

typedef struct {
    pc_buffer *out;
    uint64_t *seed;
    unsigned wildness;
} generator;

/* xorshift64* */
static uint64_t next(generator *g)
{
    uint64_t x = *g->seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *g->seed = x;
    return x * 0x2545f4914f6cdd1du;
}

static size_t below(generator *g, size_t limit)
{
    return (size_t)(next(g) >> 16) % limit;
}

static bool chance(generator *g, unsigned percent)
{
    return below(g, 100) < percent;
}

static void put(generator *g, const char *text)
{
    pc_buffer_append_text(g->out, text);
}

static void pick(generator *g, const char *const *choices, size_t count)
{
    put(g, choices[below(g, count)]);
}

#define PICK(g, choices) pick(g, choices, PC_COUNT_OF(choices))

static void put_space(generator *g)
{
    static const char *const spaces[] = {"", "", "", "", " ", "\n\t", "\r\n  "};
    PICK(g, spaces);
}

/* One of the plain choices, or in wild documents at times one that not every reader of JSON takes.
 */
#define PICK_OR_ODD(g, plain, odd)                                                                 \
    do {                                                                                           \
        if ((g)->wildness > 0 && chance(g, ODD_PERCENT)) {                                         \
            PICK(g, odd);                                                                          \
        } else {                                                                                   \
            PICK(g, plain);                                                                        \
        }                                                                                          \
    } while (0)

static void put_key(generator *g)
{
    static const char *const odd[] = {"\"\\u0000x\"", "\"\\ud800\"", "\"\xff\""};
    static const char *const keys[] = {
        "\"\"",
        "\"a\"",
        "\"b\"",
        "\"_tenant\"",
        "\"a.b\"",
        "\"a/b\"",
        "\"~\"",
        "\"~1/~0\"",
        "\"https://ns.adobe.com/xdm/channels/email\"",
        "\"ada@example.com\"",
        "\" space \"",
        "\"\\u0061\"",
        "\"\xc3\xa9\"",
        "\"xdm:name\"",
        "\"xdm:\"",
        "\"@id\"",
        "\"\\ud83d\\ude00\"",
        "\"extensions\"",
        "\"namespace\"",
        "\"status\"",
        "\"ups\"",
        "\"Email\"",
        "\"direct-mail\"",
        "\"0\"",
        "\"\\\"q\"",
        "\"a key that is long enough to need more than one byte for its length on the wire, which "
        "begins at one hundred and twenty-eight bytes of it\""};
    PICK_OR_ODD(g, keys, odd);
}

static void put_string(generator *g)
{
    static const char *const odd[] = {"\"\\ud800\"", "\"\\udc00x\"", "\"\xff\xfe\"", "\"\xc3\"",
                                      "\"tab\there\""};
    static const char *const strings[] = {"\"\"",
                                          "\"x\"",
                                          "\"Ada\"",
                                          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                          "\"\\u00e9\\u20ac\\ud83d\\ude00\"",
                                          "\"\xe2\x82\xac \xf0\x9f\x98\x80\"",
                                          "\"\\u0000\"",
                                          "\"true\"",
                                          "\"false\"",
                                          "\"15\"",
                                          "\"1.5e3\"",
                                          "\"-0\"",
                                          "\"1e400\"",
                                          "\" 15\"",
                                          "\"realized\"",
                                          "\"y\"",
                                          "\"2020-01-01\"",
                                          "\"2020-01-01T00:00:00Z\""};
    PICK_OR_ODD(g, strings, odd);
}

static void put_number(generator *g)
{
    static const char *const odd[] = {"9223372036854775808",
                                      "-9223372036854775809",
                                      "9400100000000000000000",
                                      "9400100000000000000001",
                                      "12345678901234567890",
                                      "1e400",
                                      "-1e400",
                                      "1.7976931348623159e308",
                                      "100000000000000000000000",
                                      "1e99999999999999999999",
                                      "1e-99999999999999999999"};
    static const char *const numbers[] = {
        "0",
        "-0",
        "1",
        "-1",
        "3.0",
        "3e0",
        "1.5",
        "0.1",
        "1E2",
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "1e-400",
        "5e-324",
        "4e-324",
        "1.7976931348623157e308",
        "2.2250738585072014e-308",
        "0.30000000000000004",
        "0.3000000000000000444",
        "123456789012345678",
        "0.000001",
        "1e22",
        "1e23",
        "-0.0",
        "0e5",
        "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803"};
    if (chance(g, 50)) {
        PICK_OR_ODD(g, numbers, odd);
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "%s%llu.%llue%d", chance(g, 50) ? "-" : "",
             (unsigned long long)(next(g) >> below(g, 64)) / 2,
             (unsigned long long)(next(g) >> below(g, 64)), (int)below(g, 40) - 20);
    put(g, text);
}

static void put_any(generator *g, int depth);

static void put_any_object(generator *g, int depth)
{
    size_t count = below(g, 4);
    put(g, "{");
    for (size_t i = 0; i < count; i++) {
        put(g, i > 0 ? "," : "");
        put_space(g);
        put_key(g);
        put_space(g);
        put(g, ":");
        put_any(g, depth - 1);
    }
    put(g, "}");
}

static void put_any(generator *g, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    put_space(g);
    switch (below(g, depth > 0 ? 6 : 3)) {
    case 0:
        put_string(g);
        break;
    case 1:
        put_number(g);
        break;
    case 2:
        PICK(g, words);
        break;
    case 3:
    case 4:
        put_any_object(g, depth);
        break;
    default: {
        size_t count = below(g, 4);
        put(g, "[");
        for (size_t i = 0; i < count; i++) {
            put(g, i > 0 ? "," : "");
            put_any(g, depth - 1);
        }
        put(g, "]");
    }
    }
    put_space(g);
}

/* Nested far beyond what a Struct keeps. */
static void put_tower(generator *g)
{
    size_t height = 10 + below(g, 50);
    bool arrays = chance(g, 50);
    for (size_t i = 0; i < height; i++) {
        put(g, arrays ? "[" : "{\"t/\":");
    }
    put_any(g, 2);
    for (size_t i = 0; i < height; i++) {
        put(g, arrays ? "]" : "}");
    }
}

static void put_time(generator *g)
{
    static const char *const times[] = {"2020-02-29T23:59:59Z",
                                        "2020-02-29T23:59:59+00:00",
                                        "2020-02-29T23:59:59+0000",
                                        "2020-02-29T23:59:59.1Z",
                                        "2020-02-29T23:59:59.123456789Z",
                                        "2020-02-29T23:59:59.120Z",
                                        "2020-02-29T23:59:59.1234567891Z",
                                        "2020-02-29T23:59:59-07:00",
                                        "2020-02-29T23:59:59+0530",
                                        "2020-02-29 23:59:59Z",
                                        "2020-02-2923:59:59+00:00",
                                        "2020-02-29T23:59:59",
                                        "2020-02-29",
                                        "2020-02-30T00:00:00Z",
                                        "2020-02-29T23:59:60Z",
                                        "2020-02-29T24:00:00Z",
                                        "2020-02-29T23:59Z",
                                        "0001-01-01T00:00:00Z",
                                        "0001-01-01T00:00:00+01:00",
                                        "9999-12-31T23:59:59.999999999Z",
                                        "9999-12-31T23:59:59-01:00",
                                        "1969-12-31T23:59:59.5Z",
                                        "2020-02-29t23:59:59z",
                                        "",
                                        "2020-02-29T23:59:59.Z",
                                        "2020-02-29T23:59:59-00:00",
                                        "2019-02-29T00:00:00Z"};
    put(g, "\"");
    PICK(g, times);
    put(g, "\"");
}

static void put_object(generator *g, const pc_message_table *table, int depth);

static void put_typed(generator *g, const pc_field_table *field, int depth)
{
    static const char *const dates[] = {"\"2020-02-29\"", "\"1900-02-29\"", "\"0001-01-01\"",
                                        "\"9999-12-31\"", "\"2020-2-9\"",   "\"20200229\"",
                                        "\"2020-13-01\"", "\"2020-00-10\""};
    static const char *const flags[] = {"true", "false", "\"true\"", "\"false\"", "0", "1"};
    switch (field->type) {
    case PC_FIELD_BOOL:
        PICK(g, flags);
        break;
    case PC_FIELD_INT32:
    case PC_FIELD_INT64:
    case PC_FIELD_DOUBLE:
        put_number(g);
        break;
    case PC_FIELD_ENUM:
        put(g, "\"");
        put(g, chance(g, 80) ? field->enumeration->values[below(g, field->enumeration->count)].text
                             : "nobody knows");
        put(g, "\"");
        break;
    case PC_FIELD_MESSAGE:
        put_object(g, field->message, depth - 1);
        break;
    case PC_FIELD_TIMESTAMP:
        put_time(g);
        break;
    case PC_FIELD_DATE:
        PICK(g, dates);
        break;
    default:
        put_string(g);
    }
}

static void put_good_or_odd(generator *g, const pc_field_table *field, int depth)
{
    if (chance(g, g->wildness)) {
        put_any(g, 2);
    } else {
        put_typed(g, field, depth);
    }
}

static void put_list(generator *g, const pc_field_table *field, int depth)
{
    size_t count = below(g, 4);
    put(g, "[");
    for (size_t i = 0; i < count; i++) {
        put(g, i > 0 ? "," : "");
        put_space(g);
        put_good_or_odd(g, field, depth);
    }
    put(g, "]");
}

static void put_map(generator *g, const pc_field_table *field, unsigned levels, int depth)
{
    if (levels == 0) {
        if (chance(g, 50)) {
            put_good_or_odd(g, field, depth);
        } else {
            put_list(g, field, depth);
        }
        return;
    }
    size_t count = below(g, 6);
    put(g, "{");
    for (size_t i = 0; i < count; i++) {
        put(g, i > 0 ? "," : "");
        put_key(g);
        put(g, ":");
        if (chance(g, g->wildness)) {
            put_any(g, 2);
        } else {
            put_map(g, field, levels - 1, depth);
        }
    }
    put(g, "}");
}

static void put_object(generator *g, const pc_message_table *table, int depth)
{
    bool first = true;
    put_space(g);
    put(g, "{");
    for (size_t i = 0; i < table->field_count && depth > 0; i++) {
        const pc_field_table *field = &table->fields[i];
        if (field->type == PC_FIELD_EXTENSIONS || !chance(g, 30)) {
            continue;
        }
        /* Now and then the same property again. */
        do {
            put(g, first ? "" : ",");
            first = false;
            put_space(g);
            put(g, "\"");
            put(g, field->json_name);
            put(g, "\":");
            put_space(g);
            if (chance(g, g->wildness)) {
                put_any(g, 3);
            } else if (field->map_depth > 0) {
                put_map(g, field, field->map_depth, depth);
            } else if (field->repeated) {
                put_list(g, field, depth);
            } else {
                put_typed(g, field, depth);
            }
        } while (chance(g, g->wildness / 4));
    }
    for (size_t i = below(g, 3); i > 0; i--) {
        put(g, first ? "" : ",");
        first = false;
        put_key(g);
        put(g, ":");
        if (chance(g, 10)) {
            put_tower(g);
        } else {
            put_any(g, 4);
        }
    }
    put(g, "}");
    put_space(g);
}

void generate_document(pc_buffer *out, uint64_t *seed, const pc_message_table *table,
                       unsigned wildness)
{
    generator g = {.out = out, .seed = seed, .wildness = wildness};
    if (*seed == 0) {
        *seed = 1;
    }
    put_object(&g, table, 6);
}
