/* The policy file: any bytes. */
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    pc_policy *policy;
    pc_config_errors errors = {0};
    if (pc_policy_compile(&policy, &errors, "fuzz", bytes, size, NULL)) {
        (void)pc_policy_grant(policy, "a");
    }
    pc_policy_unref(policy);
    pc_config_errors_deinit(&errors);
    return 0;
}
