/* profilectl audit, the command that works on files. */
#ifndef PROFILECTL_COMMAND_AUDIT_H
#define PROFILECTL_COMMAND_AUDIT_H

#include "failure.h"

/* The arguments are those after `audit`. */
exit_code command_audit(int argc, const char *const *argv);

#endif
