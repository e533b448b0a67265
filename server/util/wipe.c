/* A frame as large as what is to be wiped lies where the frames of others were. */
#include "util/wipe.h"

#include <stdint.h>
#include <string.h>

enum { STACK_BYTES = 64 * 1024 };

__attribute__((noinline)) void pc_wipe_stack(void)
{
    uint8_t left_over[STACK_BYTES];
    explicit_bzero(left_over, sizeof left_over);
}
