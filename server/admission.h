/* Which calls may go on to their handlers. Each is asked in this order: who calls (identity), how
 * critical may that be (access rules), is there room (door: quotas, overload), may they (access
 * rules).
 * Threads: any. */
#ifndef PC_ADMISSION_H
#define PC_ADMISSION_H

#include "access_rules.h"
#include "door/door.h"
#include "identity/identity.h"

/* The parts that decide. Borrowed. */
typedef struct {
    pc_identity *identity; /* NULL: nobody need be named */
    pc_door *door;
    pc_access_rules *rules; /* NULL: all is allowed */
} pc_admission;

/* For the hook `admit` of pc_rpc_options. Every refusal, of whichever part, leaves from here. */
PC_NODISCARD pc_status pc_admission_admit(const pc_admission *admission, pc_call *call,
                                          size_t method);

#endif
