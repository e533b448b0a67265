/* The bearer token that calls are made with. */
#ifndef PROFILECTL_TOKEN_FILE_H
#define PROFILECTL_TOKEN_FILE_H

#include <stdbool.h>

/* "Bearer " and the token, a line of at most 8 KiB, that a file holds. Owned: token_file_free. NULL
 * with a text for the user in `*problem` where there is none. */
char *token_file_read(const char *path, const char **problem);

/* Wipes it. NULL is ignored. */
void token_file_free(char *authorization);

/* Whether what is sent without TLS to this server stays on this machine. */
bool token_file_stays_here(const char *server);

#endif
