/* Core's ABI counts releases: 29 is 1.51, 32 is 1.55, 34 is 1.57, 36 is 1.59. Fixes that were also
 * added to older releases are only certain in the first that began with them. */
#include "rpc/core_weaknesses.h"

#include <stdlib.h>

static const struct {
    const char *name;
    long fixed; /* ABI */
} weaknesses[] = {
    {"CVE-2023-32732 (binary metadata that is not base64 ends connections)", 32},
    {"CVE-2023-33953 (HPACK without bound)", 34},
    {"CVE-2023-4785 (a lack of descriptors ends accepting)", 34},
    {"CVE-2023-44487 (rapid reset)", 36},
};

size_t pc_core_weaknesses(const char *names[PC_CORE_WEAKNESSES_MAX], const char *abi_version)
{
    size_t count = 0;
    long version = strtol(abi_version, NULL, 10);
    for (size_t i = 0; i < sizeof weaknesses / sizeof weaknesses[0]; i++) {
        if (version < weaknesses[i].fixed) {
            names[count++] = weaknesses[i].name;
        }
    }
    return count;
}
