/* An allocator that fails once: programs that link failing_allocations send the allocations of what
 * is linked in through it. Tests fail the first, then the second, and so on, until nothing fails.
 * Threads: all share it. */
#ifndef PC_TESTS_FAILING_H
#define PC_TESTS_FAILING_H

#include <stdbool.h>

/* Lets `count` more allocations be, and the one after them fail. */
void failing_after(long count);

/* Whether it has failed. From here on none does. */
bool failing_end(void);

/* Threads of which `is_spared` says so are not counted: those of the test itself. */
void failing_spare(bool (*is_spared)(void));

#endif
