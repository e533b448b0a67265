/* Checks by rule, each with a sentence that says what would be right. */
#include "service/request.h"

#include <stdio.h>
#include <string.h>

#include "util/clock.h"

enum {
    NAMESPACE_BYTES_MAX = 128,
    ID_BYTES_MAX = 1024,
    SANDBOX_BYTES_MAX = 64,
    MERGE_POLICY_BYTES_MAX = 64,
    VIOLATIONS_MAX = 20, /* of a batch's persons; the rest would only repeat them */
    /* An upstream call that cannot be answered in time is not worth its price; core itself counts
     * deadlines in whole milliseconds. */
    LEAST_NS = 2000000
};

static const int64_t second_ns = 1000000000;

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* 1 to `most` letters, digits, or characters of `others`. */
static bool made_of(const char *text, size_t most, const char *others)
{
    size_t length = strlen(text);
    if (length == 0 || length > most) {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (!letter_or_digit(*c) && strchr(others, *c) == NULL) {
            return false;
        }
    }
    return true;
}

static bool has_control(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool lower_case(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            return false;
        }
    }
    return true;
}

/* Checks by rule; NULL when it is right, else what would be. `*field` is the part that is wrong. */
static const char *identity_fault(const Profilecontext__V1__Identity *identity, const char **field)
{
    *field = "namespace";
    if (!made_of(identity->namespace_, NAMESPACE_BYTES_MAX, "_-.:/@+~")) {
        return "must be 1 to 128 letters, digits or characters of _-.:/@+~, such as Email";
    }
    *field = "id";
    size_t length = strlen(identity->id);
    if (length == 0 || length > ID_BYTES_MAX || has_control(identity->id)) {
        return "must be 1 to 1024 bytes without control characters";
    }
    return NULL;
}

static const char *xid_fault(const char *xid)
{
    return made_of(xid, ID_BYTES_MAX, "-_=.:")
               ? NULL
               : "must be 1 to 1024 letters, digits or characters of -_=.:";
}

static void check_identity(pc_person *out, pc_status *status,
                           const Profilecontext__V1__Identity *identity)
{
    const char *part;
    const char *fault = identity_fault(identity, &part);
    if (fault != NULL) {
        pc_status_add_violation(
            status, strcmp(part, "id") == 0 ? "identity.id" : "identity.namespace", fault);
    }
    out->namespace_code = identity->namespace_;
    out->id = identity->id;
}

static void check_where(pc_person *out, pc_status *status, const pc_service *service,
                        const pc_read_fields *fields)
{
    *out = (pc_person){.sandbox = service->sandbox, .merge_policy = service->merge_policy};
    if (fields->sandbox[0] != '\0') {
        if (!made_of(fields->sandbox, SANDBOX_BYTES_MAX, "-") || !lower_case(fields->sandbox)) {
            pc_status_add_violation(status, "sandbox",
                                    "must be 1 to 64 lower-case letters, digits or hyphens");
        }
        out->sandbox = fields->sandbox;
    }
    if (fields->merge_policy_id[0] != '\0') {
        if (!made_of(fields->merge_policy_id, MERGE_POLICY_BYTES_MAX, "-")) {
            pc_status_add_violation(status, "merge_policy_id",
                                    "must be at most 64 letters, digits or hyphens");
        }
        out->merge_policy = fields->merge_policy_id;
    }
    const Google__Protobuf__Duration *staleness = fields->max_staleness;
    if (staleness != NULL && (staleness->seconds < 0 || staleness->nanos < 0 ||
                              staleness->nanos > 999999999 || staleness->seconds > 315576000000)) {
        pc_status_add_violation(status, "max_staleness", "must be a duration of 0 or more");
    }
}

void pc_request_staleness(pc_gather_plan *plan, const pc_read_fields *fields)
{
    const Google__Protobuf__Duration *staleness = fields->max_staleness;
    plan->has_max_staleness = staleness != NULL;
    if (staleness != NULL) {
        plan->max_staleness_ms = staleness->seconds * 1000 + staleness->nanos / 1000000;
    }
}

void pc_request_person(pc_person *out, pc_status *status, const pc_service *service,
                       const pc_read_fields *fields)
{
    check_where(out, status, service, fields);
    if (fields->identity != NULL) {
        check_identity(out, status, fields->identity);
    } else if (fields->xid != NULL) {
        const char *fault = xid_fault(fields->xid);
        if (fault != NULL) {
            pc_status_add_violation(status, "xid", fault);
        }
        out->xid = fields->xid;
    } else {
        pc_status_add_violation(status, fields->person == NULL ? "person" : fields->person,
                                "must be named, by identity or by xid");
    }
}

/* True when the person is right. */
static bool check_person_ref(pc_person_ref *out, pc_status *status, size_t place,
                             const Profilecontext__V1__PersonRef *person)
{
    const char *part = "";
    const char *fault = "must name the person, by identity or by xid";
    const char *prefix = "";
    if (person->person_case == PROFILECONTEXT__V1__PERSON_REF__PERSON_IDENTITY) {
        prefix = ".identity.";
        fault = identity_fault(person->identity, &part);
        *out = (pc_person_ref){person->identity->namespace_, person->identity->id, NULL};
    } else if (person->person_case == PROFILECONTEXT__V1__PERSON_REF__PERSON_XID) {
        prefix = ".xid";
        fault = xid_fault(person->xid);
        *out = (pc_person_ref){.xid = person->xid};
    }
    if (fault == NULL) {
        return true;
    }
    char field[64];
    (void)snprintf(field, sizeof field, "persons[%zu]%s%s", place, prefix, part);
    pc_status_add_violation(status, field, fault);
    return false;
}

void pc_request_persons(pc_person_ref **out, pc_person *common, pc_status *status, pc_arena *arena,
                        const pc_service *service, const pc_read_fields *fields,
                        Profilecontext__V1__PersonRef *const *persons, size_t count, size_t most)
{
    *out = NULL;
    check_where(common, status, service, fields);
    if (count == 0 || count > most) {
        char text[64];
        (void)snprintf(text, sizeof text, "must be 1 to %zu persons", most);
        pc_status_add_violation(status, "persons", text);
        return;
    }
    *out = pc_arena_calloc(arena, count, sizeof **out);
    if (*out == NULL) {
        pc_status_clear(status);
        *status = pc_status_out_of_memory();
        return;
    }
    int faults = 0;
    for (size_t i = 0; i < count && faults < VIOLATIONS_MAX; i++) {
        faults += !check_person_ref(&(*out)[i], status, i, persons[i]);
    }
}

void pc_request_mask(const pc_mask **out, pc_status *status, pc_arena *arena,
                     const Google__Protobuf__FieldMask *mask, const pc_message_table *table)
{
    *out = NULL;
    size_t count = mask == NULL ? 0 : mask->n_paths;
    if (count > PC_READ_MASK_PATHS_MAX) {
        pc_status_add_violation(status, "read_mask", "must have at most 100 paths");
        return;
    }
    pc_status compiled = pc_mask_compile(
        out, arena, table, count == 0 ? NULL : (const char *const *)mask->paths, count);
    if (pc_status_ok(status)) {
        *status = compiled;
        return;
    }
    for (const pc_violation *v = pc_status_violations(&compiled); v != NULL; v = v->next) {
        pc_status_add_violation(status, v->field, v->description);
    }
    pc_status_clear(&compiled);
}

int64_t pc_request_time_ms(pc_status *status, const char *field,
                           const Google__Protobuf__Timestamp *time)
{
    /* google.protobuf.Timestamp spans years 1 to 9999; the upstream counts from 1970. */
    if (time->seconds < 0 || time->seconds > 253402300799 || time->nanos < 0 ||
        time->nanos > 999999999) {
        pc_status_add_violation(status, field, "must be a time from 1970 to 9999");
        return 0;
    }
    return time->seconds * 1000 + time->nanos / 1000000;
}

int pc_request_limit(pc_status *status, const char *field, int32_t given, int usual, int most)
{
    if (given < 0) {
        pc_status_add_violation(status, field, "must not be negative");
        return usual;
    }
    int wanted = given == 0 ? usual : given;
    return wanted > most ? most : wanted;
}

/* The caller's deadline, or `usual` without one, and at most `most` from now. */
static pc_status deadline_of(int64_t *out, const pc_call *call, int64_t now, int64_t usual_ms,
                             int64_t most_ms)
{
    int64_t deadline = pc_call_deadline_ns(call);
    if (deadline == PC_NEVER_NS) {
        deadline = pc_clock_after_ms(now, usual_ms);
    }
    int64_t most = pc_clock_after_ms(now, most_ms);
    *out = deadline > most ? most : deadline;
    return *out - now < LEAST_NS
               ? pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "DEADLINE_PASSED",
                               "the deadline had passed, or nearly so, when the call arrived")
               : PC_OK;
}

/* How much earlier the caller's own clock may end the call than the deadline that came over the
 * wire: gRPC core writes `grpc-timeout` with two to three digits, rounded up
 * (Timeout::FromDuration). */
static int64_t rounding_ns(int64_t left_ns)
{
    return left_ns >= 100 * second_ns  ? second_ns
           : left_ns >= 10 * second_ns ? second_ns / 10
           : left_ns >= second_ns      ? second_ns / 100
                                       : 0;
}

/* Never more than a quarter of a short deadline goes to the margin. */
static int64_t before_deadline(const pc_service *service, int64_t now, int64_t deadline)
{
    int64_t margin = service->answer_margin_ms * 1000000 + rounding_ns(deadline - now);
    return deadline - (margin > (deadline - now) / 4 ? (deadline - now) / 4 : margin);
}

pc_status pc_request_close_ns(int64_t *out, const pc_service *service, pc_call *call)
{
    /* Handlers come to this at once. */
    int64_t now = pc_call_arrived_ns(call);
    pc_status status =
        deadline_of(out, call, now, service->default_deadline_ms, service->max_deadline_ms);
    if (pc_status_ok(&status)) {
        *out = before_deadline(service, now, *out);
    }
    return status;
}

pc_status pc_request_stream_close_ns(int64_t *close_out, int64_t *break_out,
                                     const pc_service *service, pc_call *call)
{
    int64_t now = pc_clock_now_ns();
    pc_status status =
        deadline_of(break_out, call, now, service->stream_deadline_ms, service->stream_deadline_ms);
    *close_out = pc_status_ok(&status) ? before_deadline(service, now, *break_out) : now;
    return status;
}
