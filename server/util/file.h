/* Reading a whole file of a bounded size, such as a certificate or a list of rules.
 * Threads: any. */
#ifndef PC_UTIL_FILE_H
#define PC_UTIL_FILE_H

#include <stddef.h>

#include "util/status.h"

/* `*out` has `*size_out` bytes and a zero behind them. Nothing of it stays elsewhere in memory, so
 * that a secret can be wiped. Owned: free(). Errors: FAILED_PRECONDITION with `reason`, a constant,
 * and the path: cannot be read, or is larger than `size_max`; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_file_read(char **out, size_t *size_out, const char *path, size_t size_max,
                                    const char *reason);

#endif
