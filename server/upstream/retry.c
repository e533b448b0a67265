#include "upstream/retry.h"

#include <string.h>

enum {
    WAIT_FIRST_MS = 50,
    WAIT_MOST_MS = 1000,
    CREDIT = 100, /* of one retry */
    CREDIT_MOST = 10 * CREDIT,
};

/* What a gateway says of the moment; 500 is said of the request as often as not. */
static bool is_of_the_moment(int http_status)
{
    return http_status == 502 || http_status == 503 || http_status == 504;
}

pc_retry_reason pc_retry_reason_of(pc_entity_kind kind, const pc_status *status, int http_status)
{
    static const struct {
        const char *text;
        pc_retry_reason reason;
    } rows[] = {
        {"UPSTREAM_UNREACHABLE", PC_RETRY_UNREACHABLE},
        {"UPSTREAM_CONNECTION_LOST", PC_RETRY_CONNECTION_LOST},
        {"UPSTREAM_TIMEOUT", PC_RETRY_TIMED_OUT},
        {"UPSTREAM_UNAVAILABLE", PC_RETRY_UNAVAILABLE},
        {"UPSTREAM_THROTTLED", PC_RETRY_THROTTLED},
    };
    pc_retry_reason reason = PC_RETRY_NOT;
    const char *text = pc_status_reason(status);
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        if (strcmp(text, rows[i].text) == 0) {
            reason = rows[i].reason;
        }
    }
    bool is_worth = kind != PC_ENTITY_DELETE &&
                    (reason != PC_RETRY_UNAVAILABLE || is_of_the_moment(http_status)) &&
                    (reason != PC_RETRY_THROTTLED || pc_status_retry_after_ms(status) > 0);
    return is_worth ? reason : PC_RETRY_NOT;
}

int64_t pc_retry_wait_ms(unsigned tries, int64_t hint_ms, uint64_t dice)
{
    int64_t bound = tries > 8 ? WAIT_MOST_MS : (int64_t)WAIT_FIRST_MS << tries;
    bound = bound < WAIT_MOST_MS ? bound : WAIT_MOST_MS;
    return hint_ms + (int64_t)(dice % (uint64_t)(bound + 1));
}

/* xorshift64* (Vigna, 2016): to spread retries, not to keep secrets. */
uint64_t pc_retry_dice(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * 0x2545f4914f6cdd1du) >> 16;
}

void pc_retry_earn(pc_retry_allowance *allowance)
{
    allowance->credit += allowance->percent;
    if (allowance->credit > CREDIT_MOST) {
        allowance->credit = CREDIT_MOST;
    }
}

bool pc_retry_spend(pc_retry_allowance *allowance)
{
    if (allowance->credit < CREDIT) {
        return false;
    }
    allowance->credit -= CREDIT;
    return true;
}
