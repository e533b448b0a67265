/* Leaves the records of calls in the audit trail: puts together what the call came with and what
 * the service kept of it. Threads: any. Nothing blocks. */
#ifndef PC_ACCESS_AUDIT_H
#define PC_ACCESS_AUDIT_H

#include "audit/trail.h"
#include "config/config.h"
#include "rpc/server.h"
#include "service/seen.h"

/* Borrowed, and alive as long as there are calls. */
typedef struct {
    pc_audit_trail *trail;
    const pc_service *service; /* for the defaults of requests */
} pc_access_audit;

/* A call has ended: one on persons, one that was refused, or one of an unknown method. Others are
 * left out. */
void pc_access_audit_call(const pc_access_audit *audit, const pc_call_summary *summary);

/* A connection was not let in. */
void pc_access_audit_handshake(const pc_access_audit *audit, const pc_refused_handshake *refused);

/* One person of a batch. */
void pc_access_audit_person(const pc_access_audit *audit, pc_call *call,
                            const pc_person_seen *access);

/* What the configuration asks for. Errors: as of pc_audit_trail_new. */
PC_NODISCARD pc_status pc_access_audit_open(pc_audit_trail **out, const pc_config *config,
                                            pc_log *log);

#endif
