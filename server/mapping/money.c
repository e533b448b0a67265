/* Through the shortest decimal text of the double, so that 0.1 is a tenth. */
#include "mapping/money.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NANOS_PER_UNIT = 1000000000, NANO_DECIMALS = 9 };

/* The digits of a text such as "-8412.35" or "1e-05" as one whole number, and how many of them
 * stand behind the point. */
static long long read_digits(const char *text, int *decimals)
{
    long long digits = 0;
    bool behind_point = false;
    *decimals = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9') {
            digits = digits * 10 + (*text - '0');
            *decimals += behind_point;
        } else if (*text != '-') {
            behind_point = true;
        }
    }
    if (*text == 'e') {
        *decimals -= (int)strtol(text + 1, NULL, 10);
    }
    return digits;
}

bool pc_money_of(double amount, pc_money *out)
{
    /* Beyond that a double has no digits after the point worth adding. */
    if (!isfinite(amount) || fabs(amount) >= 1e15) {
        return false;
    }
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, amount);
        if (strtod(text, NULL) == amount) {
            break;
        }
    }
    int decimals;
    __int128 nanos = read_digits(text, &decimals);
    for (; decimals < NANO_DECIMALS; decimals++) {
        nanos *= 10;
    }
    bool round_up = false;
    for (; decimals > NANO_DECIMALS; decimals--) {
        round_up = nanos % 10 >= 5;
        nanos /= 10;
    }
    nanos += round_up;
    nanos = amount < 0 ? -nanos : nanos;
    *out = (pc_money){.units = (int64_t)(nanos / NANOS_PER_UNIT),
                      .nanos = (int32_t)(nanos % NANOS_PER_UNIT)};
    return true;
}

bool pc_money_add(pc_money *sum, pc_money amount)
{
    int64_t units;
    if (__builtin_add_overflow(sum->units, amount.units, &units)) {
        return false;
    }
    int64_t nanos = (int64_t)sum->nanos + amount.nanos;
    /* One sign for both. */
    int64_t carry = nanos / NANOS_PER_UNIT;
    nanos -= carry * NANOS_PER_UNIT;
    if (__builtin_add_overflow(units, carry, &units)) {
        return false;
    }
    if (units > 0 && nanos < 0) {
        units--;
        nanos += NANOS_PER_UNIT;
    } else if (units < 0 && nanos > 0) {
        units++;
        nanos -= NANOS_PER_UNIT;
    }
    *sum = (pc_money){.units = units, .nanos = (int32_t)nanos};
    return true;
}
