/* What went wrong: exit codes, and what is said on standard error. */
#ifndef PROFILECTL_FAILURE_H
#define PROFILECTL_FAILURE_H

#include "display.h"
#include "profilecontext/client.h"

typedef enum {
    EXIT_CODE_OK = 0,
    EXIT_CODE_OTHER = 1,
    EXIT_CODE_MISUSE = 2,
    EXIT_CODE_NOT_FOUND = 3,
    EXIT_CODE_DENIED = 4,
    EXIT_CODE_UNAVAILABLE = 5,
    EXIT_CODE_BROKEN = 6, /* of audit verify */
    EXIT_CODE_TORN = 7    /* likewise */
} exit_code;

/* The exit code for what became of a call. */
exit_code failure_exit_code(profilecontext_code code);

/* Writes the status in a line with what to do, then violations and the request id, indented.
 * `server` is where the call went. */
void failure_print(display *to, const profilecontext_status *status, const char *server);

#endif
