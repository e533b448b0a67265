/* The merge policies that anything is remembered under, so that a person can be forgotten under all
 * of them. An organisation has few: five in a sandbox. Callers may name any, so that the list has
 * to bear names that somebody made up: one caller brings only so many. Threads: any. */
#ifndef PC_CONTEXT_POLICIES_H
#define PC_CONTEXT_POLICIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PC_POLICIES_MAX = 64, PC_POLICIES_OF_CALLER_MAX = 16, PC_POLICY_BYTES_MAX = 64 };

/* Visible only so that it can be embedded. */
typedef struct {
    pthread_mutex_t lock; /* guards all that follows; what is in the list stays as it is */
    size_t count;
    uint64_t callers[PC_POLICIES_MAX]; /* who brought it */
    char texts[PC_POLICIES_MAX][PC_POLICY_BYTES_MAX + 1];
} pc_policies;

/* `usual` is in the list from the start: the one that calls have which name none. */
void pc_policies_init(pc_policies *policies, const char *usual);
void pc_policies_deinit(pc_policies *policies);

/* Whether the policy is in the list, by now: false when the list is full, or the caller has brought
 * as many as it may. */
bool pc_policies_add(pc_policies *policies, const char *policy, uint64_t caller);

/* The policy at a place, NULL past the end. Borrowed until deinit. */
const char *pc_policies_at(pc_policies *policies, size_t place);

#endif
