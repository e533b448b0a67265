/* A number that stands for who calls and pays: a hash of its name and, in the highest seven bits,
 * the percent of the upstream's budget that it may have at most; 0: as configured for all. So a
 * share goes wherever the caller goes. */
#ifndef PC_UTIL_CALLER_KEY_H
#define PC_UTIL_CALLER_KEY_H

#include <stdint.h>

enum { PC_CALLER_SHARE_SHIFT = 57 };

/* `percent` is 0 to 100. */
static inline uint64_t pc_caller_key_with_share(uint64_t key, unsigned percent)
{
    return (key & ((UINT64_C(1) << PC_CALLER_SHARE_SHIFT) - 1)) | (uint64_t)percent
                                                                      << PC_CALLER_SHARE_SHIFT;
}

static inline unsigned pc_caller_key_share(uint64_t key)
{
    return (unsigned)(key >> PC_CALLER_SHARE_SHIFT);
}

#endif
