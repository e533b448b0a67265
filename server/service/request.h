/* What every read has in common: the person, where to look, the mask and the deadline; checked,
 * with defaults filled in. */
#ifndef PC_SERVICE_REQUEST_H
#define PC_SERVICE_REQUEST_H

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "profilecontext/v1/batch.pb-c.h"
#include "profilecontext/v1/identity.pb-c.h"
#include "service/service.h"

enum { PC_READ_MASK_PATHS_MAX = 100 };

/* The common fields of a request message, borrowed from it. */
typedef struct {
    const Profilecontext__V1__Identity *identity; /* NULL when not chosen */
    const char *xid;                              /* NULL when not chosen */
    const char *sandbox;
    const char *merge_policy_id;
    const Google__Protobuf__FieldMask *read_mask;    /* may be NULL */
    const Google__Protobuf__Duration *max_staleness; /* may be NULL */
    const char *person; /* name of the request's choice, for violations; NULL: person */
} pc_read_fields;

/* Takes the common fields out of a request message of any RPC; PREFIX names the message's oneof. */
#define PC_READ_FIELDS(message, PREFIX)                                                            \
    ((pc_read_fields){                                                                             \
        .identity =                                                                                \
            (message)->person_case == PREFIX##__PERSON_IDENTITY ? (message)->identity : NULL,      \
        .xid = (message)->person_case == PREFIX##__PERSON_XID ? (message)->xid : NULL,             \
        .sandbox = (message)->sandbox,                                                             \
        .merge_policy_id = (message)->merge_policy_id,                                             \
        .max_staleness = (message)->max_staleness,                                                 \
    })

/* Checks the fields and fills in defaults. Violations are added to `*status`. `out` borrows from
 * the request and the service. */
void pc_request_person(pc_person *out, pc_status *status, const pc_service *service,
                       const pc_read_fields *fields);

/* Takes max_staleness, which pc_request_person checks, into the plan. */
void pc_request_staleness(pc_gather_plan *plan, const pc_read_fields *fields);

/* Checks the persons of a batch, 1 to `most`, into `*out`, an array in the arena; the sandbox and
 * the merge policy are those of `common`. Violations are added, of at most 20 persons. */
void pc_request_persons(pc_person_ref **out, pc_person *common, pc_status *status, pc_arena *arena,
                        const pc_service *service, const pc_read_fields *fields,
                        Profilecontext__V1__PersonRef *const *persons, size_t count, size_t most);

/* Compiles `read_mask` against `table`; NULL or empty is the whole. Violations are added. */
void pc_request_mask(const pc_mask **out, pc_status *status, pc_arena *arena,
                     const Google__Protobuf__FieldMask *mask, const pc_message_table *table);

/* Milliseconds since 1970 of a request's time; a violation of `field` when it is out of range. */
int64_t pc_request_time_ms(pc_status *status, const char *field,
                           const Google__Protobuf__Timestamp *time);

/* `given` between 0 and `most`; 0 means `usual`, more than `most` means `most`; negative is a
 * violation of `field`. */
int pc_request_limit(pc_status *status, const char *field, int32_t given, int usual, int most);

/* When the answer must be made. Also takes what the call says of its criticality. Errors:
 * DEADLINE_EXCEEDED when that has passed; INVALID_ARGUMENT for a criticality that there is not. */
PC_NODISCARD pc_status pc_request_close_ns(int64_t *out, const pc_service *service, pc_call *call);

/* When the last message of a stream must be made, and when the stream is broken off although its
 * caller still has time or reads too slowly. Errors as above. */
PC_NODISCARD pc_status pc_request_stream_close_ns(int64_t *close_out, int64_t *break_out,
                                                  const pc_service *service, pc_call *call);

#endif
