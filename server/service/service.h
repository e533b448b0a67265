/* The ProfileContext service: what its RPCs share, and its rows for the method table.
 * Threads: any. */
#ifndef PC_SERVICE_SERVICE_H
#define PC_SERVICE_SERVICE_H

#include "context/gather.h"
#include "context/part_ages.h"
#include "context/section_counts.h"
#include "policy/holder.h"
#include "rpc/call.h"
#include "service/page_token.h"

enum { PC_SERVICE_METHODS = 11 };

/* One request to delete a profile, for the audit line. Borrowed for the callback. */
typedef struct {
    const pc_person *person;
    const char *caller; /* see pc_call_caller */
    const char *request_id;
    pc_code code;
    const char *reason;
} pc_deletion;

/* One person of a batch; see service/seen.h. */
typedef struct pc_person_seen pc_person_seen;

/* Borrowed by the service; everything in it lives longer than the server. */
typedef struct pc_service {
    const pc_gatherer *gatherer;
    pc_section_counts *section_counts; /* of answers; NULL: they are not counted */
    pc_distribution *part_ages;        /* likewise */
    const pc_page_token_key *page_token_key;
    const char *sandbox;         /* where a request names none */
    const char *merge_policy;    /* where a request names none */
    int64_t default_deadline_ms; /* of calls without one */
    int64_t max_deadline_ms;     /* longer ones are shortened to it */
    int64_t stream_deadline_ms;  /* the same two for streams */
    int64_t answer_margin_ms;    /* how long before the deadline an incomplete answer is sent */
    int event_limit;             /* events of a context or page where a request names no number */
    int event_limit_max;
    int64_t event_window_ms;    /* a context's events go back this far; 0: as far as there are */
    int batch_parallel;         /* upstream requests of one batch at once */
    int batch_chunk;            /* persons in one of them */
    bool has_identity_service;  /* whether there is an identity service */
    bool quote_texts;           /* whether texts in conditions for the upstream are quoted */
    bool may_delete;            /* where there is no policy */
    pc_policy_holder *policies; /* NULL: there is no policy, and all may be seen */
    uint8_t value_key[PC_VALUE_KEY_BYTES]; /* of values that are shown hashed */
    /* Called once for each request to delete, also a denied one. Must not block. */
    void (*on_deletion)(void *self, const pc_deletion *deletion);
    /* Called for each person of a batch, for the audit trail; NULL: there is none, and nothing is
     * kept for it with other calls either. Any thread. Must not block. */
    void (*on_person)(void *self, pc_call *call, const pc_person_seen *seen);
    void *self;
} pc_service;

/* The rows for the method table; `rows` has room for PC_SERVICE_METHODS. */
void pc_service_methods(const pc_service *service, pc_method *rows);

/* The handlers, a file each. `request` is the message that the method's row names. */
void pc_get_context(pc_call *call, const void *request, void *service);
void pc_get_profile(pc_call *call, const void *request, void *service);
void pc_list_events(pc_call *call, const void *request, void *service);
void pc_list_segment_memberships(pc_call *call, const void *request, void *service);
void pc_batch_get_contexts(pc_call *call, const void *request, void *service);
void pc_batch_get_profiles(pc_call *call, const void *request, void *service);
void pc_prefetch_contexts(pc_call *call, const void *request, void *service);
void pc_stream_events(pc_call *call, const void *request, void *service);
void pc_get_identities(pc_call *call, const void *request, void *service);
void pc_get_entity(pc_call *call, const void *request, void *service);
void pc_delete_profile(pc_call *call, const void *request, void *service);

#endif
