/* The merge policies that anything is remembered under, so that a person can be forgotten under all
 * of them. An organisation has few. Threads: any. */
#ifndef PC_CONTEXT_POLICIES_H
#define PC_CONTEXT_POLICIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { PC_POLICIES_MAX = 64, PC_POLICY_BYTES_MAX = 64 };

/* Visible only so that it can be embedded. */
typedef struct {
    pthread_mutex_t lock; /* guards all that follows; what is in the list stays as it is */
    size_t count;
    char texts[PC_POLICIES_MAX][PC_POLICY_BYTES_MAX + 1];
} pc_policies;

void pc_policies_init(pc_policies *policies);
void pc_policies_deinit(pc_policies *policies);

/* Whether the policy is in the list, by now: false when the list is full. */
bool pc_policies_add(pc_policies *policies, const char *policy);

/* The policy at a place, NULL past the end. Borrowed until deinit. */
const char *pc_policies_at(pc_policies *policies, size_t place);

#endif
