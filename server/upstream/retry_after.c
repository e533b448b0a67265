/* Seconds are read here, dates by libcurl, which knows all three forms of RFC 9110. */
#include "upstream/retry_after.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 };

static int64_t limited(int64_t ms)
{
    if (ms <= 0) {
        return 0;
    }
    return ms < PC_RETRY_AFTER_MAX_MS ? ms : PC_RETRY_AFTER_MAX_MS;
}

int64_t pc_retry_after_ms(const char *text, size_t size, int64_t wall_ms)
{
    while (size > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        size--;
    }
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL) {
        size--;
    }
    if (size == 0 || size >= TEXT_BYTES_MAX) {
        return 0;
    }
    bool is_number = true;
    int64_t seconds = 0;
    for (size_t i = 0; i < size && is_number; i++) {
        is_number = text[i] >= '0' && text[i] <= '9';
        /* More seconds than the maximum need not be counted, and so cannot overflow. */
        if (is_number && seconds < PC_RETRY_AFTER_MAX_MS) {
            seconds = seconds * 10 + (text[i] - '0');
        }
    }
    if (is_number) {
        return limited(seconds * 1000);
    }
    /* libcurl would read many a text as a date; one without a weekday is not an HTTP date. */
    if (!((text[0] >= 'A' && text[0] <= 'Z') || (text[0] >= 'a' && text[0] <= 'z'))) {
        return 0;
    }
    char date[TEXT_BYTES_MAX];
    memcpy(date, text, size);
    date[size] = '\0';
    time_t moment = curl_getdate(date, NULL);
    return moment < 0 ? 0 : limited((int64_t)moment * 1000 - wall_ms);
}

int64_t pc_http_date_ms(const char *text)
{
    time_t moment = text[0] == '\0' ? -1 : curl_getdate(text, NULL);
    return moment < 0 ? 0 : (int64_t)moment * 1000;
}
