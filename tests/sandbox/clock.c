/* Points in time and their notations, see clock.h. */
#include "clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sbx_clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t sbx_clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void sbx_time_format(char out[SBX_TIME_SIZE], int64_t ms, enum sbx_time_form form)
{
    time_t seconds = (time_t)(ms / 1000);
    int millis = (int)(ms % 1000);
    if (millis < 0) {
        millis += 1000;
        seconds -= 1;
    }
    struct tm parts;
    char head[24] = "1970-01-01T00:00:00";
    if (gmtime_r(&seconds, &parts) != NULL) {
        strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &parts);
    }
    switch (form) {
    case SBX_TIME_SECONDS:
        snprintf(out, SBX_TIME_SIZE, "%sZ", head);
        break;
    case SBX_TIME_MILLIS:
        snprintf(out, SBX_TIME_SIZE, "%s.%03dZ", head, millis);
        break;
    case SBX_TIME_OFFSET:
        snprintf(out, SBX_TIME_SIZE, "%s+00:00", head);
        break;
    case SBX_TIME_BASIC:
        snprintf(out, SBX_TIME_SIZE, "%s+0000", head);
        break;
    case SBX_TIME_SPACE:
        head[10] = ' ';
        snprintf(out, SBX_TIME_SIZE, "%s.0", head);
        break;
    case SBX_TIME_DATE:
        snprintf(out, SBX_TIME_SIZE, "%.10s", head);
        break;
    }
}

static int64_t unit_ms(char unit)
{
    switch (unit) {
    case 'w':
        return INT64_C(7) * 86400000;
    case 'd':
        return 86400000;
    case 'h':
        return 3600000;
    case 'm':
        return 60000;
    case 's':
        return 1000;
    default:
        return 0;
    }
}

static bool parse_relative(int64_t *out, const char *text, int64_t now_ms)
{
    int sign = text[0] == '-' ? -1 : 1;
    const char *at = text + 1;
    int64_t offset = 0;
    if (*at == '\0') {
        return false;
    }
    while (*at != '\0') {
        int64_t count = 0;
        int digits = 0;
        while (isdigit((unsigned char)*at) && digits < 7) {
            count = count * 10 + (*at - '0');
            at++;
            digits++;
        }
        int64_t unit = unit_ms(*at);
        if (digits == 0 || unit == 0) {
            return false;
        }
        offset += count * unit;
        at++;
    }
    *out = now_ms + sign * offset;
    return true;
}

static bool parse_zone(int *minutes, const char *text)
{
    if (strcmp(text, "Z") == 0 || text[0] == '\0') {
        *minutes = 0;
        return true;
    }
    int hour;
    int minute;
    int used = 0;
    if ((text[0] != '+' && text[0] != '-') ||
        (sscanf(text + 1, "%2d:%2d%n", &hour, &minute, &used) != 2 &&
         sscanf(text + 1, "%2d%2d%n", &hour, &minute, &used) != 2) ||
        text[1 + used] != '\0' || hour < 0 || minute < 0 || hour > 14 || minute > 59) {
        return false;
    }
    *minutes = (text[0] == '-' ? -1 : 1) * (hour * 60 + minute);
    return true;
}

bool sbx_time_parse(int64_t *out, const char *text, int64_t now_ms)
{
    if (text[0] == '+' || text[0] == '-') {
        return parse_relative(out, text, now_ms);
    }
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &parts);
    if (rest == NULL) {
        return false;
    }
    int millis = 0;
    int zone = 0;
    if (*rest != '\0') {
        if (*rest != 'T' && *rest != ' ') {
            return false;
        }
        rest = strptime(rest + 1, "%H:%M:%S", &parts);
        if (rest == NULL) {
            return false;
        }
        if (*rest == '.') {
            int scale = 100;
            for (rest++; isdigit((unsigned char)*rest); rest++) {
                millis += (*rest - '0') * scale;
                scale /= 10;
            }
        }
        if (!parse_zone(&zone, rest)) {
            return false;
        }
    }
    *out = ((int64_t)timegm(&parts) - (int64_t)zone * 60) * 1000 + millis;
    return true;
}
