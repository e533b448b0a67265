/* Client of the ProfileContext service: blocking, typed calls over gRPC.
 *
 * Requests and responses are the structs that protobuf-c generates from the service's .proto files.
 * The caller fills a request in, calls, and frees the response:
 *
 *     Profilecontext__V1__Identity who = PROFILECONTEXT__V1__IDENTITY__INIT;
 *     Profilecontext__V1__GetContextRequest request =
 *         PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__INIT;
 *     Profilecontext__V1__GetContextResponse *response = NULL;
 *     profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
 *     if (profilecontext_get_context(&response, client, &request, NULL, &status) == 0) ...
 *     profilecontext_response_free(response);
 *     profilecontext_status_clear(&status);
 *
 * Threads: a client and a cancellation may be used by any number of threads at once. All else
 * belongs to one thread at a time. A process that forks makes its clients after the fork.
 *
 * Strings are UTF-8 and end with a zero byte. */
#ifndef PROFILECONTEXT_CLIENT_H
#define PROFILECONTEXT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <profilecontext/v1/profile_context.pb-c.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PROFILECONTEXT_API __attribute__((visibility("default")))
#else
#define PROFILECONTEXT_API
#endif

/* What became of a call: the codes of gRPC. */
typedef enum {
    PROFILECONTEXT_OK = 0,
    PROFILECONTEXT_CANCELLED = 1,
    PROFILECONTEXT_UNKNOWN = 2,
    PROFILECONTEXT_INVALID_ARGUMENT = 3,
    PROFILECONTEXT_DEADLINE_EXCEEDED = 4,
    PROFILECONTEXT_NOT_FOUND = 5,
    PROFILECONTEXT_ALREADY_EXISTS = 6,
    PROFILECONTEXT_PERMISSION_DENIED = 7,
    PROFILECONTEXT_RESOURCE_EXHAUSTED = 8,
    PROFILECONTEXT_FAILED_PRECONDITION = 9,
    PROFILECONTEXT_ABORTED = 10,
    PROFILECONTEXT_OUT_OF_RANGE = 11,
    PROFILECONTEXT_UNIMPLEMENTED = 12,
    PROFILECONTEXT_INTERNAL = 13,
    PROFILECONTEXT_UNAVAILABLE = 14,
    PROFILECONTEXT_DATA_LOSS = 15,
    PROFILECONTEXT_UNAUTHENTICATED = 16
} profilecontext_code;

/* A field of the request that is wrong. */
typedef struct {
    char *field; /* its path, such as "identity.namespace" */
    char *description;
} profilecontext_violation;

/* What became of a call, with what the server said about it. Owns all it points to. */
typedef struct {
    profilecontext_code code;
    char *message;    /* for a person; NULL for OK */
    char *reason;     /* UPPER_SNAKE_CASE, for a program; NULL when the server gave none */
    char *domain;     /* whose reason it is; NULL when the server gave none */
    char *request_id; /* NULL when the server gave none */
    profilecontext_violation *violations;
    size_t violation_count;
    int64_t retry_after_ms; /* when to try again, in milliseconds from now; -1: not said */
} profilecontext_status;

#define PROFILECONTEXT_STATUS_INIT                                                                 \
    {                                                                                              \
        PROFILECONTEXT_OK, NULL, NULL, NULL, NULL, NULL, 0, -1                                     \
    }

/* Frees what a status owns and leaves it as PROFILECONTEXT_STATUS_INIT. */
PROFILECONTEXT_API void profilecontext_status_clear(profilecontext_status *status);

/* The name of a code, such as "NOT_FOUND"; "UNKNOWN" for one that is not in the list. */
PROFILECONTEXT_API const char *profilecontext_code_name(profilecontext_code code);

/* How to reach the server. All zero but `target` gives a connection without TLS. */
typedef struct {
    const char *target; /* host:port, [address]:port, unix:path or a gRPC target URI */
    bool tls;
    const char *ca_file;   /* PEM; NULL: the system's authorities */
    const char *cert_file; /* PEM chain of the client for mutual TLS, with key_file; else NULL */
    const char *key_file;
    const char *server_name;    /* checked instead of the host in `target`; NULL: the host */
    size_t max_message_bytes;   /* of a response; 0: 64 MiB */
    const char *user_agent;     /* put before the library's own; NULL: nothing */
    const char *service_config; /* gRPC's, as JSON: retries, health checks; NULL: what the resolver
                                   of `target` gives. One that is no such JSON fails every call */
} profilecontext_options;

typedef struct profilecontext_client profilecontext_client;

/* Makes a client. The strings are copied and the files read before it returns; it connects at the
 * first call and again whenever the connection was lost. Returns OK, INVALID_ARGUMENT for options
 * that cannot be or files that cannot be read, or RESOURCE_EXHAUSTED without memory. `*out` is NULL
 * unless OK. `status` is cleared first and may be NULL. */
PROFILECONTEXT_API profilecontext_code
profilecontext_client_new(profilecontext_client **out, const profilecontext_options *options,
                          profilecontext_status *status);

/* Frees a client; NULL is ignored. No call may be in progress. */
PROFILECONTEXT_API void profilecontext_client_free(profilecontext_client *client);

/* Cancels calls from another thread. It stays cancelled: calls that begin later fail at once. */
typedef struct profilecontext_cancellation profilecontext_cancellation;

/* Returns NULL without memory. */
PROFILECONTEXT_API profilecontext_cancellation *profilecontext_cancellation_new(void);

/* Ends every call that was given this cancellation; they return CANCELLED. */
PROFILECONTEXT_API void profilecontext_cancel(profilecontext_cancellation *cancellation);

/* Frees a cancellation; NULL is ignored. No call that was given it may be in progress. */
PROFILECONTEXT_API void profilecontext_cancellation_free(profilecontext_cancellation *cancellation);

/* A pair of request metadata: a lower-case key, and a value of printable ASCII. */
typedef struct {
    const char *key;
    const char *value;
} profilecontext_metadata;

/* What an answer cost, as the server tells at its end; -1 where it did not. */
typedef struct {
    int64_t upstream_calls; /* requests to the upstream, as they are billed */
    int64_t upstream_bytes; /* size of their answers */
    double server_ms;       /* milliseconds between request and answer in the server; 0: below 1 */
} profilecontext_cost;

/* How to make a call. All zero gives the defaults. The call borrows all of it. */
typedef struct {
    int64_t deadline_ms;    /* from now; 0: 10 seconds, for a stream none; below 0: none */
    bool wait_for_ready;    /* while no server can be reached, wait instead of failing at once */
    const char *request_id; /* sent as x-request-id, for the logs; NULL: the server makes one */
    const profilecontext_metadata *metadata; /* sent as well */
    size_t metadata_count;
    profilecontext_cancellation *cancellation; /* NULL: cannot be cancelled */
    profilecontext_cost *cost;                 /* written when the call ends; NULL: not wanted */
} profilecontext_call_options;

/* The calls. Each blocks until the answer, the deadline or the cancellation. `*out` is the response
 * when OK, to be freed with profilecontext_response_free, and NULL otherwise. `options` and
 * `status` may be NULL; `status` must be initialised, and is cleared first. The return value is the
 * code of the status.
 *
 * Apart from the server's errors: INVALID_ARGUMENT for metadata that cannot be sent, INTERNAL for a
 * response that cannot be read, RESOURCE_EXHAUSTED for one that is too large or without memory. */
PROFILECONTEXT_API profilecontext_code profilecontext_get_context(
    Profilecontext__V1__GetContextResponse **out, profilecontext_client *client,
    const Profilecontext__V1__GetContextRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_get_profile(
    Profilecontext__V1__GetProfileResponse **out, profilecontext_client *client,
    const Profilecontext__V1__GetProfileRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_list_events(
    Profilecontext__V1__ListEventsResponse **out, profilecontext_client *client,
    const Profilecontext__V1__ListEventsRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_list_segment_memberships(
    Profilecontext__V1__ListSegmentMembershipsResponse **out, profilecontext_client *client,
    const Profilecontext__V1__ListSegmentMembershipsRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_batch_get_profiles(
    Profilecontext__V1__BatchGetProfilesResponse **out, profilecontext_client *client,
    const Profilecontext__V1__BatchGetProfilesRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_prefetch_contexts(
    Profilecontext__V1__PrefetchContextsResponse **out, profilecontext_client *client,
    const Profilecontext__V1__PrefetchContextsRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_get_identities(
    Profilecontext__V1__GetIdentitiesResponse **out, profilecontext_client *client,
    const Profilecontext__V1__GetIdentitiesRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_get_entity(
    Profilecontext__V1__GetEntityResponse **out, profilecontext_client *client,
    const Profilecontext__V1__GetEntityRequest *request, const profilecontext_call_options *options,
    profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_delete_profile(
    Profilecontext__V1__DeleteProfileResponse **out, profilecontext_client *client,
    const Profilecontext__V1__DeleteProfileRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

/* Frees a response of any of the calls, also one of a stream; NULL is ignored. */
PROFILECONTEXT_API void profilecontext_response_free(void *response);

/* Answers that go on. The stream is opened, messages are pulled from it until there is none, and it
 * is freed:
 *
 *     profilecontext_stream *stream;
 *     Profilecontext__V1__StreamEventsResponse *page = NULL;
 *     if (profilecontext_stream_events(&stream, client, &request, NULL, &status) == 0) {
 *         while (profilecontext_stream_events_next(&page, stream, &status) == 0 && page != NULL) {
 *             ...
 *             profilecontext_response_free(page);
 *         }
 *         profilecontext_stream_free(stream);
 *     }
 *
 * The server sends no more than a reader that pulls takes. Cancellation and cost in `options` must
 * stay until the stream is freed. A stream belongs to one thread at a time. */
typedef struct profilecontext_stream profilecontext_stream;

/* Open a stream. Returns what went wrong on this side; what the server says comes with the
 * messages.
 * `*out` is NULL unless OK. */
PROFILECONTEXT_API profilecontext_code profilecontext_stream_events(
    profilecontext_stream **out, profilecontext_client *client,
    const Profilecontext__V1__StreamEventsRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_batch_get_contexts(
    profilecontext_stream **out, profilecontext_client *client,
    const Profilecontext__V1__BatchGetContextsRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status);

/* Waits for the next message of a stream of that kind. OK with a message in `*out`, to be freed
 * with profilecontext_response_free; OK with NULL after the last one; else what went wrong, then
 * and at every later call. */
PROFILECONTEXT_API profilecontext_code
profilecontext_stream_events_next(Profilecontext__V1__StreamEventsResponse **out,
                                  profilecontext_stream *stream, profilecontext_status *status);

PROFILECONTEXT_API profilecontext_code profilecontext_batch_get_contexts_next(
    Profilecontext__V1__BatchGetContextsResponse **out, profilecontext_stream *stream,
    profilecontext_status *status);

/* Ends a stream, cancelling what is left of it, and frees it; NULL is ignored. */
PROFILECONTEXT_API void profilecontext_stream_free(profilecontext_stream *stream);

/* What a server says of its health. */
typedef enum {
    PROFILECONTEXT_HEALTH_UNKNOWN = 0,
    PROFILECONTEXT_HEALTH_SERVING = 1,
    PROFILECONTEXT_HEALTH_NOT_SERVING = 2
} profilecontext_health;

/* Asks for the health of a service by its full name; NULL or "" asks for that of the whole server.
 * NOT_FOUND when the server does not know the service. */
PROFILECONTEXT_API profilecontext_code profilecontext_check_health(
    profilecontext_health *out, profilecontext_client *client, const char *service,
    const profilecontext_call_options *options, profilecontext_status *status);

/* Writes a message of this service, or a well-known type, as canonical proto3 JSON. Fields with the
 * default value are left out unless they are `optional` and set. Bytes that are no UTF-8 become
 * U+FFFD. `pretty` puts each member on a line of its own. `*out` is to be freed with free().
 * Returns false, with `*out` NULL, without memory or for a message nested deeper than 200 levels.
 */
PROFILECONTEXT_API bool profilecontext_message_to_json(const ProtobufCMessage *message, bool pretty,
                                                       char **out);

/* The version of the library, such as "0.1.0". */
PROFILECONTEXT_API const char *profilecontext_version(void);

#ifdef __cplusplus
}
#endif

#endif
