/* The help texts. */
#ifndef PROFILECTL_HELP_H
#define PROFILECTL_HELP_H

#include "options.h"

/* The help of a command, or of the program for COMMAND_NONE. */
const char *help_text(command which);

#endif
