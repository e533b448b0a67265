/* The commands for who sets a server up: they need no server. `check` has the server's program look
 * whether Adobe's side is right; `init` writes a configuration by asking. */
#ifndef PROFILECTL_SETUP_H
#define PROFILECTL_SETUP_H

#include <stdbool.h>

#include "failure.h"

/* Whether the command line begins with one of these commands. */
bool setup_is_meant(int argc, char *const *argv);

exit_code setup_run(int argc, char *const *argv);

/* Each of them; `argv` begins with the command's name. */
exit_code command_check(int argc, char *const *argv);
exit_code command_init(int argc, char *const *argv);

#endif
