/* profilectl audit show: the lines of an audit trail that are asked for. */
#ifndef PROFILECTL_AUDIT_SHOW_H
#define PROFILECTL_AUDIT_SHOW_H

#include "display.h"
#include "failure.h"

/* The arguments are those after `show`. Wants `out` to be the standard output. */
exit_code audit_show(int argc, const char *const *argv, display *out);

#endif
