/* profilectl policy: looks at a policy file of the server, without one. */
#ifndef PROFILECTL_COMMAND_POLICY_H
#define PROFILECTL_COMMAND_POLICY_H

#include "display.h"
#include "failure.h"
#include "options.h"

/* EXIT_CODE_OK: allowed, or the file is right; EXIT_CODE_OTHER: denied, or the file is wrong;
 * EXIT_CODE_MISUSE. */
exit_code command_policy(const options *chosen, display *out, display *err);

#endif
