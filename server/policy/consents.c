/* Looks values up in wire bytes; nothing is unpacked. */
#include "policy/consents.h"

#include <string.h>
#include <strings.h>

#include "mapping/wire.h"

/* Field numbers of Profile, Consents, IdentityConsents and ConsentValue. */
enum { ID_SPECIFIC = 6, IDENTITY_NAMESPACE = 1, IDENTITY_ID = 2, VALUE_NO = 2 };

/* 0 when there is none. */
static uint64_t value_at(const uint8_t *message, size_t size, const pc_wire_path *path)
{
    pc_wire_field field;
    return pc_wire_find(message, size, path, &field) && field.type == PC_WIRE_VARINT ? field.value
                                                                                     : 0;
}

static bool is_accepted(const pc_consent_rule *rule, uint64_t value)
{
    return value > 0 && value < 32 && (rule->values >> value & 1) != 0;
}

static bool text_is(const uint8_t *message, size_t size, uint32_t number, const char *text,
                    bool any_case)
{
    const pc_wire_path path = {.numbers = {number}, .depth = 1};
    pc_wire_field field;
    return pc_wire_find(message, size, &path, &field) && field.type == PC_WIRE_BYTES &&
           field.size == strlen(text) &&
           (any_case ? strncasecmp((const char *)field.bytes, text, field.size) == 0
                     : memcmp(field.bytes, text, field.size) == 0);
}

/* Whether consents of the identity itself say otherwise. */
static bool identity_refuses(const pc_consent_rule *rule, const pc_wire_field *consents,
                             const char *namespace_code, const char *id)
{
    pc_wire_reader reader;
    pc_wire_field one;
    pc_wire_reader_init(&reader, consents->bytes, consents->size);
    while (pc_wire_next(&reader, &one)) {
        if (one.number != ID_SPECIFIC || one.type != PC_WIRE_BYTES ||
            !text_is(one.bytes, one.size, IDENTITY_NAMESPACE, namespace_code, true) ||
            !text_is(one.bytes, one.size, IDENTITY_ID, id, false)) {
            continue;
        }
        uint64_t value = value_at(one.bytes, one.size, &rule->identity_path);
        if (value != 0 && !is_accepted(rule, value)) {
            return true;
        }
    }
    return reader.failed;
}

bool pc_consent_is_given(const pc_consent_rule *rule, const uint8_t *profile, size_t size,
                         const char *namespace_code, const char *id)
{
    if (!is_accepted(rule, value_at(profile, size, &rule->path))) {
        return false;
    }
    if (rule->any_path.depth > 0 && value_at(profile, size, &rule->any_path) == VALUE_NO) {
        return false;
    }
    const pc_wire_path consents_path = {.numbers = {rule->path.numbers[0]}, .depth = 1};
    pc_wire_field consents;
    return namespace_code == NULL || rule->identity_path.depth == 0 ||
           !pc_wire_find(profile, size, &consents_path, &consents) ||
           consents.type != PC_WIRE_BYTES || !identity_refuses(rule, &consents, namespace_code, id);
}
