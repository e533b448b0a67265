/* A small scanner with one place; it reads what is there and notes each departure from the norm. */
#include "mapping/times.h"

#define FIRST_SECOND INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */

typedef struct {
    const uint8_t *text;
    size_t size;
    size_t at;
    bool odd; /* clear, but not in the normal form */
} scanner;

static bool digit_at(const scanner *s, size_t at)
{
    return at < s->size && s->text[at] >= '0' && s->text[at] <= '9';
}

static bool take(scanner *s, char wanted)
{
    if (s->at < s->size && s->text[s->at] == (uint8_t)wanted) {
        s->at++;
        return true;
    }
    return false;
}

static bool number(scanner *s, int digits, int min, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (!digit_at(s, s->at)) {
            return false;
        }
        value = value * 10 + (s->text[s->at++] - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool date(scanner *s, int *year, int *month, int *day)
{
    return number(s, 4, 1, 9999, year) && take(s, '-') && number(s, 2, 1, 12, month) &&
           take(s, '-') && number(s, 2, 1, 31, day) && *day <= days_in_month(*year, *month);
}

int64_t pc_date_days(int year, int month, int day)
{
    /* Years begin in March, so that the leap day is the last of the year. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t before_year = y * 365 + y / 4 - y / 100 + y / 400;
    int64_t before_month = (m * 153 + 2) / 5;
    return before_year + before_month + day - 1 - 719468;
}

static bool fraction(scanner *s, int32_t *nanos)
{
    *nanos = 0;
    if (!take(s, '.')) {
        return true;
    }
    int digits = 0;
    for (; digit_at(s, s->at); s->at++, digits++) {
        if (digits < 9) {
            *nanos = *nanos * 10 + (s->text[s->at] - '0');
        } else {
            s->odd = true;
        }
    }
    for (int i = digits; i < 9; i++) {
        *nanos *= 10;
    }
    return digits > 0;
}

/* Seconds east of UTC. False without a zone. */
static bool zone(scanner *s, int *offset)
{
    *offset = 0;
    if (take(s, 'Z')) {
        return true;
    }
    if (take(s, 'z')) {
        s->odd = true;
        return true;
    }
    bool west = take(s, '-');
    if (!west && !take(s, '+')) {
        return false;
    }
    int hours;
    int minutes = 0;
    if (!number(s, 2, 0, 23, &hours)) {
        return false;
    }
    if (s->at == s->size) {
        s->odd = true;
    } else {
        (void)take(s, ':');
        if (!number(s, 2, 0, 59, &minutes)) {
            return false;
        }
    }
    *offset = (hours * 60 + minutes) * 60;
    s->odd = s->odd || west || *offset != 0;
    *offset = west ? -*offset : *offset;
    return true;
}

pc_reading pc_time_read(const uint8_t *text, size_t size, int64_t *seconds, int32_t *nanos)
{
    scanner s = {.text = text, .size = size};
    int year, month, day, hour, minute, offset;
    int second = 0;
    if (!date(&s, &year, &month, &day)) {
        return PC_READING_NONE;
    }
    if (!take(&s, 'T')) {
        s.odd = true;
        (void)(take(&s, 't') || take(&s, ' '));
    }
    if (!number(&s, 2, 0, 23, &hour) || !take(&s, ':') || !number(&s, 2, 0, 59, &minute)) {
        return PC_READING_NONE;
    }
    *nanos = 0;
    if (take(&s, ':')) {
        if (!number(&s, 2, 0, 59, &second) || !fraction(&s, nanos)) {
            return PC_READING_NONE;
        }
    } else {
        s.odd = true;
    }
    if (!zone(&s, &offset) || s.at != size) {
        return PC_READING_NONE;
    }
    *seconds = pc_date_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (*seconds < FIRST_SECOND || *seconds > LAST_SECOND) {
        return PC_READING_NONE;
    }
    return s.odd ? PC_READING_LENIENT : PC_READING_EXACT;
}

bool pc_date_read(const uint8_t *text, size_t size, int *year, int *month, int *day)
{
    scanner s = {.text = text, .size = size};
    return date(&s, year, month, day) && s.at == size;
}
