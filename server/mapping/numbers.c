/* Most numbers take the short way: at most 15 digits and a small power of ten are computed with one
 * exact multiplication or division (Clinger 1990). The rest goes through strtod. */
#include "mapping/numbers.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/json_reader.h"

/* A decimal is decided by its first 767 significant digits and whether any follow. */
enum { DIGITS_KEPT = 780, MANTISSA_DIGITS = 19, EXPONENT_MAX = 100000000 };

typedef struct {
    bool negative;
    uint64_t mantissa; /* of at most MANTISSA_DIGITS digits, else meaningless */
    size_t digits;     /* from the first to the last that is not 0; 0 for zero */
    int64_t exponent;  /* the value is (the digits) * 10^exponent */
} decimal;

static decimal parse(const uint8_t *text, size_t size)
{
    decimal d = {.negative = size > 0 && text[0] == '-'};
    size_t at = d.negative;
    int64_t fraction = 0; /* digits behind the point */
    size_t zeros = 0;     /* seen since the last other digit */
    bool behind_point = false;
    for (; at < size && text[at] != 'e' && text[at] != 'E'; at++) {
        if (text[at] == '.') {
            behind_point = true;
            continue;
        }
        fraction += behind_point;
        if (text[at] == '0') {
            zeros += d.digits > 0;
            continue;
        }
        d.digits += zeros + 1;
        if (d.digits <= MANTISSA_DIGITS) {
            for (; zeros > 0; zeros--) {
                d.mantissa *= 10;
            }
            d.mantissa = d.mantissa * 10 + (uint64_t)(text[at] - '0');
        }
        zeros = 0;
    }
    int64_t exponent = 0;
    if (at < size) {
        at++;
        bool negative = at < size && text[at] == '-';
        at += at < size && (text[at] == '-' || text[at] == '+');
        for (; at < size; at++) {
            if (exponent < EXPONENT_MAX) {
                exponent = exponent * 10 + (text[at] - '0');
            }
        }
        exponent = negative ? -exponent : exponent;
    }
    d.exponent = exponent - fraction + (int64_t)zeros;
    return d;
}

/* Writes the significant digits and the exponent as an integer with an exponent, which reads the
 * same in every locale, and has strtod round it. */
static double slow_double(const uint8_t *text, size_t size, const decimal *d)
{
    char digits[DIGITS_KEPT + 32];
    size_t count = 0;
    size_t seen = 0; /* significant digits passed */
    for (size_t i = d->negative; i < size && text[i] != 'e' && text[i] != 'E' && seen < d->digits;
         i++) {
        if (text[i] == '.' || (seen == 0 && text[i] == '0')) {
            continue;
        }
        seen++;
        if (count < DIGITS_KEPT) {
            digits[count++] = (char)text[i];
        }
    }
    int64_t exponent = d->exponent + (int64_t)(seen - count);
    if (seen > count) {
        /* What was cut off ends in a digit that is not 0: one sticky digit stands for it. */
        digits[count++] = '1';
        exponent--;
    }
    snprintf(digits + count, sizeof digits - count, "e%lld", (long long)exponent);
    double value = strtod(digits, NULL);
    return d->negative ? -value : value;
}

/* Whether `value` rounded to `count` digits is written with these digits and this exponent. */
static bool rounds_to(double value, int count, const decimal *d)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", count - 1, fabs(value));
    const char *e = strchr(text, 'e');
    uint64_t mantissa = 0;
    for (const char *c = text; c < e; c++) {
        if (*c >= '0' && *c <= '9') {
            mantissa = mantissa * 10 + (uint64_t)(*c - '0');
        }
    }
    return mantissa == d->mantissa && atoll(e + 1) - (count - 1) == d->exponent;
}

/* Whether `value` rounded to `count` digits reads back as `value`. */
static bool returns_from(double value, int count)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    return strtod(text, NULL) == value;
}

bool pc_number_valid(const uint8_t *text, size_t size)
{
    if (size == 0 || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) {
        return false;
    }
    pc_json_reader reader;
    pc_json_range range;
    pc_json_reader_init(&reader, text, size, 1);
    return pc_json_read_number(&reader, &range) && range.size == size;
}

pc_reading pc_number_double(const uint8_t *text, size_t size, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    decimal d = parse(text, size);
    if (d.digits == 0) {
        *out = d.negative ? -0.0 : 0.0;
        return PC_READING_EXACT;
    }
    if (d.digits <= DBL_DIG && d.exponent >= -22 && d.exponent <= 22) {
        double value = (double)d.mantissa;
        value = d.exponent < 0 ? value / powers[-d.exponent] : value * powers[d.exponent];
        *out = d.negative ? -value : value;
        return PC_READING_EXACT;
    }
    double value = slow_double(text, size, &d);
    *out = value;
    if (isinf(value)) {
        *out = d.negative ? -DBL_MAX : DBL_MAX;
        return PC_READING_NONE;
    }
    if (d.digits > DBL_DECIMAL_DIG || value == 0) {
        return PC_READING_LENIENT;
    }
    /* The source is the shortest form when it is what `value` rounds to at its own length, and one
     * digit less would not do. Where 15 digits always survive, there is nothing to ask. */
    if (d.digits <= DBL_DIG && fabs(value) > 1e-290) {
        return PC_READING_EXACT;
    }
    int digits = (int)d.digits;
    bool shortest =
        rounds_to(value, digits, &d) && (digits == 1 || !returns_from(value, digits - 1));
    return shortest ? PC_READING_EXACT : PC_READING_LENIENT;
}

pc_reading pc_number_integer(const uint8_t *text, size_t size, int64_t min, int64_t max,
                             int64_t *out)
{
    decimal d = parse(text, size);
    if (d.digits == 0) {
        *out = 0;
        return d.negative ? PC_READING_LENIENT : PC_READING_EXACT;
    }
    if (d.exponent < 0 || d.exponent > MANTISSA_DIGITS || d.digits > MANTISSA_DIGITS) {
        return PC_READING_NONE;
    }
    uint64_t value = d.mantissa;
    for (int64_t i = 0; i < d.exponent; i++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value)) {
            return PC_READING_NONE;
        }
    }
    if (d.negative) {
        if (min >= 0 || value > (uint64_t) - (min + 1) + 1) {
            return PC_READING_NONE;
        }
        *out = (int64_t)(0 - value);
    } else {
        if (value > (uint64_t)max) {
            return PC_READING_NONE;
        }
        *out = (int64_t)value;
    }
    return PC_READING_EXACT;
}
