/* One step goes over a name and a value; what is inside a value is only gone over. */
#include "audit/fields.h"

#include <string.h>

enum { DEPTH_MAX = 8, TEXT_BYTES_MAX = 4096 };

typedef struct {
    const char *at;
    const char *end;
} reading;

static bool skip(reading *in, char wanted)
{
    bool is_there = in->at < in->end && *in->at == wanted;
    in->at += is_there;
    return is_there;
}

/* Up to the closing quotation mark, which is gone over, too. */
static bool read_text(pc_audit_value *out, reading *in)
{
    if (!skip(in, '"')) {
        return false;
    }
    *out = (pc_audit_value){.bytes = in->at, .is_text = true};
    while (in->at < in->end && *in->at != '"') {
        in->at += *in->at == '\\' && in->end - in->at > 1 ? 2 : 1;
    }
    out->size = (size_t)(in->at - out->bytes);
    return skip(in, '"');
}

/* An object or a list, with its brackets. */
static bool read_group(pc_audit_value *out, reading *in)
{
    const char *begin = in->at;
    pc_audit_value text;
    int depth = 0;
    do {
        char c = *in->at;
        if (c == '"') {
            if (!read_text(&text, in)) {
                return false;
            }
            continue;
        }
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        in->at++;
    } while (depth > 0 && depth <= DEPTH_MAX && in->at < in->end);
    *out = (pc_audit_value){.bytes = begin, .size = (size_t)(in->at - begin)};
    return depth == 0;
}

static bool read_value(pc_audit_value *out, reading *in)
{
    if (in->at == in->end) {
        return false;
    }
    if (*in->at == '"') {
        return read_text(out, in);
    }
    if (*in->at == '{' || *in->at == '[') {
        return read_group(out, in);
    }
    *out = (pc_audit_value){.bytes = in->at};
    while (in->at < in->end && strchr(",}]", *in->at) == NULL) {
        in->at++;
    }
    out->size = (size_t)(in->at - out->bytes);
    return out->size > 0;
}

bool pc_audit_next_field(pc_audit_value *name, pc_audit_value *value, const pc_audit_value *in,
                         size_t *at)
{
    reading rest = {in->bytes + *at, in->bytes + in->size};
    bool found = !in->is_text && skip(&rest, *at == 0 ? '{' : ',') && read_text(name, &rest) &&
                 skip(&rest, ':') && read_value(value, &rest);
    *at = (size_t)(rest.at - in->bytes);
    return found;
}

bool pc_audit_field_in(pc_audit_value *out, const pc_audit_value *in, const char *name)
{
    pc_audit_value found;
    for (size_t at = 0; pc_audit_next_field(&found, out, in, &at);) {
        if (found.size == strlen(name) && memcmp(found.bytes, name, found.size) == 0) {
            return true;
        }
    }
    return false;
}

bool pc_audit_field(pc_audit_value *out, const char *line, size_t size, const char *name)
{
    const pc_audit_value all = {.bytes = line, .size = size};
    return pc_audit_field_in(out, &all, name);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* Four hexadecimal digits; -1 for others. */
static long read_hex(const char *digits)
{
    long value = 0;
    for (int i = 0; i < 4; i++) {
        char c = digits[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static size_t put_character(char out[3], long code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

/* The bytes of what stands at `at`, and how many there it took. Escapes that the server does not
 * write are left as they are. */
static size_t take_character(char out[3], const char *at, size_t left, size_t *taken)
{
    long code = left >= 6 && at[0] == '\\' && at[1] == 'u' ? read_hex(at + 2) : -1;
    bool is_half = code >= 0xd800 && code < 0xe000;
    *taken = code > 0 && !is_half ? 6 : 1;
    if (*taken == 6) {
        return put_character(out, code);
    }
    out[0] = at[0];
    return 1;
}

void pc_audit_value_text(char *out, size_t size, const pc_audit_value *value)
{
    size_t used = 0;
    for (size_t at = 0; value->is_text && at < value->size;) {
        char bytes[3];
        size_t taken;
        size_t count = take_character(bytes, value->bytes + at, value->size - at, &taken);
        if (used + count >= size) {
            break;
        }
        memcpy(out + used, bytes, count);
        used += count;
        at += taken;
    }
    out[used] = '\0';
}

bool pc_audit_value_is(const pc_audit_value *value, const char *text)
{
    char plain[TEXT_BYTES_MAX];
    pc_audit_value_text(plain, sizeof plain, value);
    return value->is_text && strcmp(plain, text) == 0;
}
