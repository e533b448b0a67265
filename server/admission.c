/* A line for each part. */
#include "admission.h"

pc_status pc_admission_admit(const pc_admission *admission, pc_call *call, size_t method)
{
    pc_status status = PC_OK;
    if (admission->identity != NULL) {
        status = pc_identity_admit(admission->identity, call, method);
    }
    if (pc_status_ok(&status)) {
        status = pc_access_rules_look_up(admission->rules, call);
    }
    if (pc_status_ok(&status)) {
        status = pc_door_admit(admission->door, call, method);
    }
    if (pc_status_ok(&status)) {
        status = pc_access_rules_admit(admission->rules, call, method);
    }
    return status;
}
