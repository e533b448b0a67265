/* Moments and spans of time. */
#include "times.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool times_parse_span(int64_t *out_ms, const char *text)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
    if (!isdigit((unsigned char)*text)) {
        return false;
    }
    size_t digits = strspn(text, "0123456789.");
    char *end = NULL;
    double number = strtod(text, &end);
    if (end != text + digits) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) == 0) {
            double ms = number * units[i].ms;
            if (ms > 3.15576e14) { /* ten thousand years */
                return false;
            }
            *out_ms = llround(ms);
            return true;
        }
    }
    /* Nothing needs a unit to be nothing. */
    *out_ms = 0;
    return *end == '\0' && number == 0;
}

/* Reads exactly `count` digits and moves on. */
static bool read_digits(int *out, const char **text, int count)
{
    *out = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (!isdigit((unsigned char)**text)) {
            return false;
        }
        *out = *out * 10 + (**text - '0');
    }
    return true;
}

static bool read_character(const char **text, const char *any_of)
{
    if (**text == '\0' || strchr(any_of, **text) == NULL) {
        return false;
    }
    (*text)++;
    return true;
}

/* Reads Z or a difference from UTC, in seconds. */
static bool read_zone(int *out, const char **text)
{
    *out = 0;
    if (read_character(text, "Zz")) {
        return true;
    }
    int sign = **text == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!read_character(text, "+-") || !read_digits(&hours, text, 2) ||
        !read_character(text, ":") || !read_digits(&minutes, text, 2)) {
        return false;
    }
    *out = sign * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

/* Reads hours, minutes, seconds and a fraction in milliseconds. */
static bool read_clock(struct tm *out, int *ms, const char **text)
{
    if (!read_digits(&out->tm_hour, text, 2) || !read_character(text, ":") ||
        !read_digits(&out->tm_min, text, 2) || !read_character(text, ":") ||
        !read_digits(&out->tm_sec, text, 2) || out->tm_hour > 23 || out->tm_min > 59 ||
        out->tm_sec > 60) {
        return false;
    }
    if (read_character(text, ".")) {
        if (!isdigit((unsigned char)**text)) {
            return false;
        }
        for (int place = 100; isdigit((unsigned char)**text); place /= 10, (*text)++) {
            *ms += (**text - '0') * place;
        }
    }
    return true;
}

bool times_parse_moment(int64_t *out_ms, const char *text, int64_t now_ms)
{
    int64_t span = 0;
    if (times_parse_span(&span, text)) {
        *out_ms = now_ms - span;
        return true;
    }
    struct tm parts = {0};
    int zone = 0;
    int ms = 0;
    if (!read_digits(&parts.tm_year, &text, 4) || !read_character(&text, "-") ||
        !read_digits(&parts.tm_mon, &text, 2) || !read_character(&text, "-") ||
        !read_digits(&parts.tm_mday, &text, 2)) {
        return false;
    }
    if (*text != '\0' && (!read_character(&text, "Tt ") || !read_clock(&parts, &ms, &text) ||
                          !read_zone(&zone, &text) || *text != '\0')) {
        return false;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    /* timegm would turn 31 June into 1 July. */
    struct tm day = {.tm_year = parts.tm_year, .tm_mon = parts.tm_mon, .tm_mday = parts.tm_mday};
    int64_t midnight = (int64_t)timegm(&day);
    if (day.tm_mon != parts.tm_mon || day.tm_mday != parts.tm_mday) {
        return false;
    }
    int64_t seconds = midnight + parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec - zone;
    *out_ms = seconds * 1000 + ms;
    return true;
}

/* The parts of a moment in UTC; all zero but the day for one that no calendar has. */
static struct tm parts_of(int64_t seconds)
{
    time_t moment = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&moment, &parts) == NULL) {
        parts = (struct tm){.tm_mday = 1};
    }
    return parts;
}

void times_format_date(char out[TIMES_TEXT_SIZE], int64_t seconds)
{
    struct tm parts = parts_of(seconds);
    strftime(out, TIMES_TEXT_SIZE, "%Y-%m-%d", &parts);
}

void times_format_minute(char out[TIMES_TEXT_SIZE], int64_t seconds)
{
    struct tm parts = parts_of(seconds);
    strftime(out, TIMES_TEXT_SIZE, "%Y-%m-%d %H:%M", &parts);
}

void times_format_exact(char out[TIMES_TEXT_SIZE], int64_t ms)
{
    struct tm parts = parts_of(ms / 1000);
    size_t size = strftime(out, TIMES_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out + size, TIMES_TEXT_SIZE - size, ".%03dZ", (int)(ms % 1000));
}

void times_format_span(char out[TIMES_TEXT_SIZE], int64_t ms)
{
    static const struct {
        int64_t below_ms;
        int64_t unit_ms;
        const char *name;
    } steps[] = {{1000, 1, "ms"},
                 {120 * 1000, 1000, "s"},
                 {120 * 60 * 1000, 60 * 1000, "min"},
                 {INT64_C(48) * 3600 * 1000, 3600 * 1000, "h"},
                 {INT64_MAX, 24 * 3600 * 1000, "d"}};
    size_t at = 0;
    while (ms >= steps[at].below_ms && at + 1 < sizeof steps / sizeof *steps) {
        at++;
    }
    snprintf(out, TIMES_TEXT_SIZE, "%" PRId64 " %s", ms / steps[at].unit_ms, steps[at].name);
}

int64_t times_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
