/* Counts the calls that were refused for what the policy does not grant, by reason.
 * Threads: any. Counting takes no lock and no memory. */
#ifndef PC_POLICY_DENIALS_H
#define PC_POLICY_DENIALS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { PC_DENIAL_REASONS = 12 };

/* All zero is none. */
typedef struct {
    _Atomic uint64_t counts[PC_DENIAL_REASONS];
} pc_denials;

/* A call has ended with PERMISSION_DENIED for this reason; those that are not the policy's are not
 * counted. */
void pc_denials_note(pc_denials *denials, const char *reason);

/* The reasons, numbered from 0; NULL beyond the last. */
const char *pc_denials_reason(size_t number);

uint64_t pc_denials_read(const pc_denials *denials, size_t number);

#endif
