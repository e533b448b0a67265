/* profilectl audit, the command that works on files. */
#ifndef PROFILECTL_COMMAND_AUDIT_H
#define PROFILECTL_COMMAND_AUDIT_H

#include "display.h"
#include "failure.h"

/* The arguments are those after `audit`. `out` is the standard output. */
exit_code command_audit(int argc, const char *const *argv, display *out);

#endif
