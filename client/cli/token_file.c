/* A token is as good as a password, and is treated so. */
#include "token_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char scheme[] = "Bearer ";

enum { TOKEN_BYTES_MAX = 8 * 1024, SCHEME_BYTES = sizeof scheme - 1 };

char *token_file_read(const char *path, const char **problem)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(SCHEME_BYTES + TOKEN_BYTES_MAX + 2);
    if (file == NULL || text == NULL) {
        *problem = file == NULL ? strerror(errno) : "out of memory";
        if (file != NULL) {
            fclose(file);
        }
        free(text);
        return NULL;
    }
    /* Without a buffer, as that would stay behind in freed memory. */
    setvbuf(file, NULL, _IONBF, 0);
    memcpy(text, scheme, SCHEME_BYTES);
    char *token = text + SCHEME_BYTES;
    size_t size = fread(token, 1, TOKEN_BYTES_MAX + 1, file);
    fclose(file);
    while (size > 0 && (token[size - 1] == '\n' || token[size - 1] == '\r')) {
        size--;
    }
    token[size] = '\0';
    bool fits = size > 0 && size <= TOKEN_BYTES_MAX;
    for (size_t i = 0; i < size; i++) {
        fits = fits && token[i] > 0x20 && token[i] < 0x7f;
    }
    if (!fits) {
        *problem = "it must hold one token of at most 8 KiB, and nothing else";
        token_file_free(text);
        return NULL;
    }
    return text;
}

void token_file_free(char *authorization)
{
    if (authorization != NULL) {
        explicit_bzero(authorization, strlen(authorization));
        free(authorization);
    }
}

bool token_file_stays_here(const char *server)
{
    static const char *const here[] = {
        "127.", "localhost:", "[::1]:", "unix:", "unix-abstract:", "ipv4:127.", "ipv6:[::1]:"};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        if (strncmp(server, here[i], strlen(here[i])) == 0) {
            return true;
        }
    }
    return false;
}
