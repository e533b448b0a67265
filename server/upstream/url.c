/* Percent-encoding and the joining of URL parts. */
#include "upstream/url.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ctype.h follows the locale; RFC 3986 does not. */
static bool is_letter_or_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_unreserved(char c)
{
    return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void pc_url_encode(pc_buffer *out, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *next = bytes;
    for (size_t i = 0; i < size; i++) {
        if (is_unreserved((char)next[i])) {
            pc_buffer_append_byte(out, next[i]);
        } else {
            const char triplet[3] = {'%', digits[next[i] >> 4], digits[next[i] & 15]};
            pc_buffer_append(out, triplet, sizeof triplet);
        }
    }
}

pc_url pc_url_begin(pc_buffer *out, const char *base, const char *path)
{
    size_t base_size = strlen(base);
    while (base_size > 0 && base[base_size - 1] == '/') {
        base_size--;
    }
    pc_buffer_append(out, base, base_size);
    pc_buffer_append_byte(out, '/');
    pc_buffer_append_text(out, path + strspn(path, "/"));
    return (pc_url){.out = out, .separator = '?'};
}

pc_url pc_url_begin_form(pc_buffer *out)
{
    return (pc_url){.out = out};
}

void pc_url_add(pc_url *url, const char *name, const void *value, size_t value_size)
{
    if (url->separator != 0) {
        pc_buffer_append_byte(url->out, (uint8_t)url->separator);
    }
    url->separator = '&';
    pc_buffer_append_text(url->out, name);
    pc_buffer_append_byte(url->out, '=');
    pc_url_encode(url->out, value, value_size);
}

void pc_url_add_text(pc_url *url, const char *name, const char *value)
{
    pc_url_add(url, name, value, strlen(value));
}

void pc_url_add_integer(pc_url *url, const char *name, int64_t value)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%" PRId64, value);
    pc_url_add(url, name, text, (size_t)length);
}

/* Exactly four decimal numbers, so that "127.evil.example" is no loopback address. */
static bool is_loopback_ipv4(const char *host, size_t size)
{
    if (size < 4 || memcmp(host, "127.", 4) != 0) {
        return false;
    }
    unsigned parts = 0;
    size_t i = 0;
    while (i < size) {
        unsigned value = 0;
        size_t digits = 0;
        for (; i < size && is_digit(host[i]) && digits < 4; i++, digits++) {
            value = value * 10 + (unsigned)(host[i] - '0');
        }
        if (digits == 0 || value > 255) {
            return false;
        }
        parts++;
        if (i < size && (host[i] != '.' || ++i == size)) {
            return false;
        }
    }
    return parts == 4;
}

static bool is_loopback(const char *host, size_t size)
{
    return (size == 9 && strncasecmp(host, "localhost", 9) == 0) ||
           (size == 5 && memcmp(host, "[::1]", 5) == 0) || is_loopback_ipv4(host, size);
}

static bool is_host(const char *host, size_t size)
{
    if (size == 0 || size > 255) {
        return false;
    }
    bool is_ipv6 = host[0] == '[';
    if (is_ipv6 && (size < 4 || host[size - 1] != ']')) {
        return false;
    }
    for (size_t i = is_ipv6; i < size - is_ipv6; i++) {
        bool fits = is_ipv6 ? is_letter_or_digit(host[i]) || host[i] == ':' || host[i] == '.'
                            : is_letter_or_digit(host[i]) || host[i] == '-' || host[i] == '.';
        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool is_port(const char *port, size_t size)
{
    unsigned value = 0;
    for (size_t i = 0; i < size; i++) {
        if (i == 5 || !is_digit(port[i])) {
            return false;
        }
        value = value * 10 + (unsigned)(port[i] - '0');
    }
    return size > 0 && value > 0 && value <= 65535;
}

pc_url_base_verdict pc_url_base_check(const char *base)
{
    bool plain = strncasecmp(base, "http://", 7) == 0;
    if (!plain && strncasecmp(base, "https://", 8) != 0) {
        return PC_URL_BASE_MALFORMED;
    }
    const char *host = base + (plain ? 7 : 8);
    size_t authority_size = strcspn(host, "/");
    size_t host_size = host[0] == '[' ? strcspn(host, "]/") + (host[strcspn(host, "]/")] == ']')
                                      : strcspn(host, ":/");
    if (!is_host(host, host_size)) {
        return PC_URL_BASE_MALFORMED;
    }
    if (host_size < authority_size &&
        (host[host_size] != ':' ||
         !is_port(host + host_size + 1, authority_size - host_size - 1))) {
        return PC_URL_BASE_MALFORMED;
    }
    for (const char *path = host + authority_size; *path != '\0'; path++) {
        if (!is_unreserved(*path) && *path != '/') {
            return PC_URL_BASE_MALFORMED;
        }
    }
    return plain && !is_loopback(host, host_size) ? PC_URL_BASE_PLAIN : PC_URL_BASE_OK;
}
