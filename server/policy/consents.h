/* Whether a person's consents let data be used for a purpose.
 * Threads: pure. */
#ifndef PC_POLICY_CONSENTS_H
#define PC_POLICY_CONSENTS_H

#include "policy/policy.h"

/* Whether the consent of a rule is given in a profile's wire bytes: it has one of the values, is
 * not overruled by `consents.marketing.any` being `n`, and the identity that is asked by
 * (`namespace_code` NULL: none) has no consent of its own that says otherwise. What is not known is
 * not given. */
bool pc_consent_is_given(const pc_consent_rule *rule, const uint8_t *profile, size_t size,
                         const char *namespace_code, const char *id);

#endif
