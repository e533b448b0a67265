/* Amounts of money that add up exactly: units and billionths, as in google.type.Money.
 * Threads: pure. */
#ifndef PC_MAPPING_MONEY_H
#define PC_MAPPING_MONEY_H

#include <stdbool.h>
#include <stdint.h>

/* `nanos` has the sign of `units`, and at most nine digits. */
typedef struct {
    int64_t units;
    int32_t nanos;
} pc_money;

/* The decimal that the source must have had for this double: the shortest that reads back as it, up
 * to nine digits after the point. False when it is not finite or too large. */
bool pc_money_of(double amount, pc_money *out);

/* Adds `amount` to `*sum`. False, and `*sum` as before, when the result is too large. */
bool pc_money_add(pc_money *sum, pc_money amount);

#endif
