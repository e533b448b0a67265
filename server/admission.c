/* Each part that decides has a line in decide(), in the order in which they are asked. */
#include "admission.h"

#include <stdlib.h>

struct pc_admission {
    pc_callers *callers;
    pc_identity *identity; /* NULL: nobody need be named */
    pc_door *door;
};

static pc_status decide(pc_admission *admission, pc_call *call, size_t method)
{
    pc_status status =
        admission->identity == NULL ? PC_OK : pc_identity_admit(admission->identity, call, method);
    return pc_status_ok(&status) ? pc_door_admit(admission->door, call, method) : status;
}

/* Every refusal, of whichever part, leaves from here. */
pc_status pc_admission_admit(pc_admission *admission, pc_call *call, size_t method)
{
    return decide(admission, call, method);
}

pc_status pc_admission_new(pc_admission **out, const pc_config *config, pc_log *log,
                           const pc_method *methods, size_t method_count, pc_reload *reload,
                           pc_door *door)
{
    *out = NULL;
    pc_admission *admission = calloc(1, sizeof *admission);
    if (admission == NULL) {
        return pc_status_out_of_memory();
    }
    admission->door = door;
    pc_status status =
        pc_callers_new(&admission->callers, config, log, methods, method_count, reload);
    if (!pc_status_ok(&status)) {
        pc_admission_free(admission);
        return status;
    }
    admission->identity = pc_callers_identity(admission->callers);
    *out = admission;
    return PC_OK;
}

void pc_admission_write_metrics(const pc_admission *admission, pc_buffer *out)
{
    pc_callers_write_metrics(admission->callers, out);
}

void pc_admission_stop(pc_admission *admission)
{
    if (admission != NULL) {
        pc_callers_stop(admission->callers);
    }
}

void pc_admission_free(pc_admission *admission)
{
    if (admission == NULL) {
        return;
    }
    pc_callers_free(admission->callers);
    free(admission);
}
