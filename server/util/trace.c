/* Ids are from a generator in each thread, which the system seeds. */
#include "util/trace.h"

#include <string.h>
#include <sys/random.h>

#include "util/clock.h"

/* ---- the header ------------------------------------------------------------------------------ */

/* The value of a lower-case hexadecimal digit, or -1: the standard allows no others. */
static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(uint8_t *out, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static char *put_hex(char *at, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

bool pc_trace_parse(pc_trace *out, const char *text, size_t size)
{
    uint8_t version;
    uint8_t flags;
    pc_trace read = {.is_known = true};
    *out = (pc_trace){.is_known = false};
    if (size < PC_TRACEPARENT_BYTES || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
        !read_hex(&version, 1, text) || !read_hex(read.trace_id, 16, text + 3) ||
        !read_hex(read.span_id, 8, text + 36) || !read_hex(&flags, 1, text + 53)) {
        return false;
    }
    bool has_right_size = version == 0
                              ? size == PC_TRACEPARENT_BYTES
                              : size == PC_TRACEPARENT_BYTES || text[PC_TRACEPARENT_BYTES] == '-';
    if (version == 0xff || !has_right_size || is_zero(read.trace_id, 16) ||
        is_zero(read.span_id, 8)) {
        return false;
    }
    read.is_sampled = (flags & 1) != 0;
    *out = read;
    return true;
}

void pc_trace_print(char out[PC_TRACEPARENT_BYTES + 1], const pc_trace *trace)
{
    const uint8_t flags = trace->is_sampled ? 1 : 0;
    const uint8_t version = 0;
    char *at = put_hex(out, &version, 1);
    *at++ = '-';
    at = put_hex(at, trace->trace_id, 16);
    *at++ = '-';
    at = put_hex(at, trace->span_id, 8);
    *at++ = '-';
    at = put_hex(at, &flags, 1);
    *at = '\0';
}

/* ---- ids ------------------------------------------------------------------------------------- */

uint64_t pc_trace_random(void)
{
    static _Thread_local uint64_t state;
    if (state == 0 && getrandom(&state, sizeof state, GRND_NONBLOCK) != (ssize_t)sizeof state) {
        state = (uint64_t)pc_clock_now_ns() ^ (uint64_t)(uintptr_t)&state;
    }
    /* SplitMix64 (Steele, Lea and Flood, 2014). */
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return z == 0 ? 1 : z;
}

/* ---- spans ----------------------------------------------------------------------------------- */

void pc_span_begin(pc_span *span, const pc_trace *parent, const char *name, pc_span_kind kind)
{
    span->trace = *parent;
    if (parent->sink == NULL) {
        return;
    }
    const uint64_t id = pc_trace_random();
    memcpy(span->parent_id, parent->span_id, sizeof span->parent_id);
    memcpy(span->trace.span_id, &id, sizeof span->trace.span_id);
    span->name = name;
    span->kind = kind;
    span->started_ns = pc_clock_now_ns();
    span->has_failed = false;
    span->reason = "";
    span->attribute_count = 0;
}

static void add(pc_span *span, pc_span_attribute attribute)
{
    if (span->trace.sink != NULL && span->attribute_count < PC_SPAN_ATTRIBUTES_MAX) {
        span->attributes[span->attribute_count++] = attribute;
    }
}

void pc_span_text(pc_span *span, const char *name, const char *text)
{
    add(span, (pc_span_attribute){name, text, 0});
}

void pc_span_int(pc_span *span, const char *name, int64_t number)
{
    add(span, (pc_span_attribute){name, NULL, number});
}

void pc_span_end(pc_span *span, const pc_status *status)
{
    const pc_span_sink *sink = span->trace.sink;
    if (sink == NULL) {
        return;
    }
    span->ended_ns = pc_clock_now_ns();
    span->has_failed = !pc_status_ok(status);
    span->reason = span->has_failed ? pc_status_reason(status) : "";
    sink->take(sink, span);
}
