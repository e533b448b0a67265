/* Nothing is lost: what a document was mapped to gives back the document. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generate.h"
#include "mapping_tables.h"
#include "oracle.h"
#include "round_trip.h"
#include "util/buffer.h"

static void handmade_documents_come_back(void **state)
{
    static const char *const profiles[] = {
        "{}",
        " { } ",
        "{\"person\":{}}",
        "{\"person\":null,\"homeAddress\":[],\"consents\":\"x\",\"loyalty\":5,\"organizations\":{}"
        "}",
        "{\"person\":{\"name\":{\"firstName\":null,\"lastName\":5,\"fullName\":[\"a\"],\"suffix\":{"
        "}}}}",
        "{\"person\":{\"gender\":\"other\",\"maritalStatus\":null,\"birthYear\":\"1990\"}}",
        "{\"person\":{\"gender\":\"female\",\"birthYear\":1990.0,\"birthDate\":\"1990-02-30\"}}",
        "{\"organizations\":[\"a\",\"\",\"b\"]}",
        "{\"organizations\":[\"a\",null,5,\"b\",[\"c\"]]}",
        "{\"organizations\":[]}",
        "{\"testProfile\":\"true\"}",
        "{\"testProfile\":false,\"_id\":\"\",\"timeZone\":5}",
        "{\"loyalty\":{\"points\":1e400,\"lifetimePoints\":\"1e400\",\"promisedPoints\":-0,"
        "\"pointsRedeemed\":0.1000000000000000055,\"adjustedPoints\":9007199254740993}}",
        "{\"homeAddress\":{\"dmaID\":9223372036854775808,\"msaID\":-0}}",
        "{\"homeAddress\":{\"dmaID\":\"9223372036854775807\",\"_schema\":{\"latitude\":\"1.5\"}}}",
        "{\"loyalty\":{\"joinDate\":\"2020-01-01T00:00:00+02:00\",\"tierExpiryDate\":1577836800}}",
        "{\"identityMap\":{}}",
        "{\"identityMap\":[]}",
        "{\"identityMap\":{\"Email\":[]}}",
        "{\"identityMap\":{\"Email\":[{\"id\":\"b\"},{\"id\":\"a\"}],\"\":{},\"ECID\":null}}",
        "{\"identityMap\":{\"z\":[{\"id\":1}],\"a\":[{\"id\":\"x\"},null],\"m\":{\"id\":\"y\"}}}",
        "{\"identityMap\":{\"https://data.adobe.io/entities/namespace/4\":[{\"id\":\"x\",\"n/"
        "~\":{\"a\":"
        "12345678901234567890}}]}}",
        "{\"segmentMembership\":{\"ups\":{},\"AAM\":{\"a\":{},\"b\":null},\"x\":[],\"y\":5}}",
        "{\"segmentMembership\":{\"ups\":{\"b\":{\"status\":\"gone\"},\"a\":[{\"version\":15},{}]}}"
        "}",
        "{\"segmentMembership\":{\"ups\":{\"b\":12345678901234567890,\"a\":{}}}}",
        "{\"consents\":{\"idSpecific\":{\"email\":{\"a@b\":{\"marketing\":{\"email\":{\"val\":"
        "\"y\","
        "\"subscriptions\":{\"l2\":{\"val\":\"n\",\"subscribers\":{\"z@b\":{\"time\":\"2020-01-"
        "01T00:00:00Z\"},"
        "\"a@b\":{\"source\":\"s\"}}},\"l1\":{\"topics\":[\"t\"],\"subscribers\":{}}}}}}}}}}",
        /* Names that are the contract's, not the source's. */
        "{\"extensions\":{\"fields\":1},\"segmentMembership\":{\"n\":{\"i\":{\"namespace\":\"x\","
        "\"segmentId\":\"y\",\"displayName\":\"d\",\"active\":true}}}}",
        /* The same key twice. */
        "{\"_id\":\"a\",\"_id\":\"b\"}",
        "{\"_id\":\"a\",\"_id\":null}",
        "{\"_id\":null,\"_id\":\"a\"}",
        "{\"x\":1,\"x\":12345678901234567890,\"x\":2}",
        "{\"x\":{\"y\":12345678901234567890,\"y\":{\"z\":1,\"z\":2}}}",
        "{\"\\u0061\":1,\"a\":2}",
        "{\"person\":{\"type\":\"a\"},\"person\":{\"nationality\":\"IT\"}}",
        "{\"identityMap\":{\"a\":[{\"id\":\"1\"}],\"a\":[]},\"identityMap\":{\"a\":[{\"id\":\"2\"}]"
        ",\"a\":null}}",
        "{\"segmentMembership\":{\"u\":{\"a\":{}},\"u\":{\"b\":{}}}}",
        /* Keys in other spellings of XDM are not typed, and stay. */
        "{\"xdm:person\":{\"xdm:name\":{\"xdm:firstName\":\"A\"}},\"@id\":\"i\",\"xdm:\":0,"
        "\"https://ns.adobe.com/experience/campaign/message\":{\"a.b\":1}}",
        "{\"person\":{\"xdm:name\":{\"firstName\":1},\"name \":{}},\"_experience\":[],"
        "\"b2b\":\"true\",\"testProfile\":\"TRUE\",\"directMarketingEmail\":true}",
        /* Keys that a pointer must escape, with numbers that need one. */
        "{\"a/b\":{\"~\":[{\"\":9007199254740993}]},\"~1\":9007199254740993,\"\":9007199254740993}",
        "{\"person\":{\"x\":[[[9007199254740993,1e999,-1e999,1e-999]]]}}",
        /* Text that is not quite UTF-8. */
        "{\"_id\":\"a\xff"
        "b\",\"x\":\"\\ud800\",\"y\":\"\\udc00\\ud800\",\"z\":\"\\u0000\"}",
        "{\"\xc3\":\"\xe2\x82\",\"q\":\"\x01\"}",
        "{\"\\ud83d\\ude00\":\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80x\":1}",
        /* Escaped names of typed properties. */
        "{\"\\u005fid\":\"a\",\"per\\u0073on\":{\"t\\u0079pe\":\"b\"}}",
    };
    static const char *const events[] = {
        "{\"commerce\":{\"shipping\":{\"trackingNumber\":9400100000000000000001},\"order\":{"
        "\"priceTotal\":\"12.50\",\"payments\":[{\"paymentAmount\":1},5]}}}",
        "{\"timestamp\":\"2020-01-01 00:00:00\",\"_id\":2419,\"lastModifiedTime\":\"x\"}",
        "{\"timestamp\":1660324163,\"productListItems\":[{\"SKU\":\"a\",\"quantity\":1.5},{},null]"
        "}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        assert_true(profile_returns(profiles[i], strlen(profiles[i])));
    }
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        assert_true(event_returns(events[i], strlen(events[i])));
    }
}

static void deep_values_come_back(void **state)
{
    (void)state;
    for (int depth = 12; depth <= 64; depth++) {
        char json[4096] = "{\"p\":1,\"x\":";
        for (int i = 0; i < depth; i++) {
            strcat(json, i % 3 == 0 ? "[1," : "{\"~/\":");
        }
        strcat(json, "{\"big\":12345678901234567890,\"s\":\"\x01\xff\\ud800\"}");
        for (int i = depth - 1; i >= 0; i--) {
            strcat(json, i % 3 == 0 ? ",1e400]" : "}");
        }
        strcat(json, "}");
        assert_true(profile_returns(json, strlen(json)));
    }
}

static void many_keys_and_long_texts_come_back(void **state)
{
    pc_buffer json;
    char text[64];
    (void)state;
    pc_buffer_init(&json, SIZE_MAX);
    pc_buffer_append_text(&json, "{\"segmentMembership\":{\"ups\":{");
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "%s\"id-%u\":{\"status\":\"realized\",\"v\":%u}",
                 i > 0 ? "," : "", i * 2654435761u, i);
        pc_buffer_append_text(&json, text);
    }
    pc_buffer_append_text(&json, "}},\"t\":{");
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "%s\"k%u\":%u", i > 0 ? "," : "", i % 2900, i);
        pc_buffer_append_text(&json, text);
    }
    pc_buffer_append_text(&json, "},\"_id\":\"");
    for (unsigned i = 0; i < 70000; i++) {
        pc_buffer_append_text(&json, i % 97 == 0 ? "\\n" : "x");
    }
    /* A long key in a pointer. */
    pc_buffer_append_text(&json, "\",\"");
    for (unsigned i = 0; i < 20000; i++) {
        pc_buffer_append_text(&json, i % 97 == 0 ? "~/" : "k");
    }
    pc_buffer_append_text(&json, "\":12345678901234567890}");
    assert_true(profile_returns((const char *)json.bytes, json.size));
    pc_buffer_deinit(&json);
}

static void generated_documents_come_back(void **state)
{
    const char *given = getenv("PC_TEST_SEED");
    uint64_t seed = given == NULL ? 20260819 : strtoull(given, NULL, 0);
    int plain = 0;
    int compared = 0;
    (void)state;
    for (int i = 0; i < 6000; i++) {
        uint64_t start = seed;
        pc_buffer json;
        pc_buffer_init(&json, SIZE_MAX);
        bool event = i % 2 == 1;
        unsigned wildness = (unsigned)(i / 2 % 4) * 12;
        generate_document(&json, &seed, event ? &pc_table_ExperienceEvent : &pc_table_Profile,
                          wildness);
        if (wildness == 0) {
            plain++;
            compared += oracle_reads(json.bytes, json.size);
        }
        if (!(event ? event_returns : profile_returns)((const char *)json.bytes, json.size)) {
            fail_msg("seed %" PRIu64 ", document %d: PC_TEST_SEED repeats it", start, i);
        }
        pc_buffer_deinit(&json);
    }
    /* Each of them was compared with what jansson reads, too. */
    assert_int_equal(compared, plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handmade_documents_come_back),
        cmocka_unit_test(deep_values_come_back),
        cmocka_unit_test(many_keys_and_long_texts_come_back),
        cmocka_unit_test(generated_documents_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
