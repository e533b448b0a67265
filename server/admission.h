/* Which calls may go on to their handlers: each is asked, in one place, who calls, and then passes
 * the door (quotas, overload). What a call must pass besides comes after it. Threads:
 * pc_admission_admit any; the others one (main). */
#ifndef PC_ADMISSION_H
#define PC_ADMISSION_H

#include "callers.h"
#include "config/config.h"
#include "door/door.h"
#include "reload/reload.h"
#include "rpc/call.h"
#include "telemetry/log.h"
#include "util/buffer.h"

typedef struct pc_admission pc_admission;

/* Makes what decides of calls to these methods, and has `reload` watch the files that it decides
 * by. `config`, `log` and `door` are borrowed for its life. Owned: pc_admission_free. Errors: what
 * is wrong with a file; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_admission_new(pc_admission **out, const pc_config *config, pc_log *log,
                                        const pc_method *methods, size_t method_count,
                                        pc_reload *reload, pc_door *door);

/* The `admit` of pc_rpc_options, with the admission as `self`. */
pc_status pc_admission_admit(pc_admission *admission, pc_call *call, size_t method);

void pc_admission_write_metrics(const pc_admission *admission, pc_buffer *out);

/* Ends what is loading for it, so that the reloader can be freed. NULL is allowed. */
void pc_admission_stop(pc_admission *admission);

/* After the reloader and the server. NULL is allowed. */
void pc_admission_free(pc_admission *admission);

#endif
