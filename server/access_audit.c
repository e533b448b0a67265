/* Requests of all RPCs name persons, places and fields by the same names, so they are read through
 * their descriptors. */
#include "access_audit.h"

#include <string.h>

#include "google/protobuf/field_mask.pb-c.h"
#include "profilecontext/v1/identity.pb-c.h"
#include "service/access.h"
#include "util/peer_key.h"

static const char own_prefix[] = "/profilecontext.v1.ProfileContext/";

enum { PURPOSE_BYTES_MAX = 32, PEER_BYTES_MAX = 64, WORD_BYTES_MAX = 64 };

/* ---- what the request says ------------------------------------------------------------------- */

/* A field of a request; NULL when the message has none of this name or it is not set. */
static const void *member(const ProtobufCMessage *request, const char *name, ProtobufCType type)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, name);
    if (field == NULL || field->type != type || field->label == PROTOBUF_C_LABEL_REPEATED) {
        return NULL;
    }
    const uint8_t *bytes = (const uint8_t *)request;
    bool chosen = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 ||
                  *(const uint32_t *)(const void *)(bytes + field->quantifier_offset) == field->id;
    return chosen ? *(void *const *)(const void *)(bytes + field->offset) : NULL;
}

/* A word that can be told: what a caller sends may be anything, and at the wrong place. */
static bool is_word(const char *text, size_t most)
{
    size_t size = strlen(text);
    return size > 0 && size <= most &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == size;
}

/* The name of a sandbox or a merge policy: one that the request names is told when the upstream has
 * answered for it, since before that it may be any word. */
static const char *place_of(const char *named, const char *usual, bool answered)
{
    if (named == NULL || named[0] == '\0' || strcmp(named, usual) == 0) {
        return usual;
    }
    return answered && is_word(named, WORD_BYTES_MAX) ? named : "(other)";
}

static void put_person(pc_audit_access *out, const char *namespace_code, const char *id,
                       const char *xid)
{
    if (xid != NULL) {
        out->namespace_code = "xid";
        out->id = xid;
    } else if (id != NULL && namespace_code != NULL) {
        out->namespace_code = namespace_code;
        out->id = id;
    }
}

/* `answered`: the upstream has, for just this place. */
static void put_request(pc_audit_access *out, const pc_service *service,
                        const ProtobufCMessage *request, bool answered)
{
    const Profilecontext__V1__Identity *identity =
        member(request, "identity", PROTOBUF_C_TYPE_MESSAGE);
    put_person(out, identity == NULL ? NULL : identity->namespace_,
               identity == NULL ? NULL : identity->id,
               member(request, "xid", PROTOBUF_C_TYPE_STRING));
    out->sandbox =
        place_of(member(request, "sandbox", PROTOBUF_C_TYPE_STRING), service->sandbox, answered);
    out->merge_policy = place_of(member(request, "merge_policy_id", PROTOBUF_C_TYPE_STRING),
                                 service->merge_policy, answered);
    const Google__Protobuf__FieldMask *mask = member(request, "read_mask", PROTOBUF_C_TYPE_MESSAGE);
    if (mask != NULL) {
        out->fields = (const char *const *)mask->paths;
        out->field_count = mask->n_paths;
    }
}

/* ---- what became of it ----------------------------------------------------------------------- */

static void put_sections(pc_audit_access *out, const pc_seen_section *sections)
{
    static const char *const names[PC_SECTION_COUNT] = {
        [PC_SECTION_PROFILE] = "profile",
        [PC_SECTION_EVENTS] = "events",
        [PC_SECTION_SEGMENTS] = "segment_memberships",
        [PC_SECTION_IDENTITIES] = "identities",
        [PC_SECTION_INSIGHTS] = "insights",
        [PC_SECTION_SUMMARY] = "summary",
    };
    static const char *const statuses[] = {
        [PC_SECTION_OK] = "OK",           [PC_SECTION_STALE] = "STALE",
        [PC_SECTION_MISSING] = "MISSING", [PC_SECTION_DENIED] = "DENIED",
        [PC_SECTION_LATE] = "LATE",       [PC_SECTION_NOT_ENABLED] = "NOT_ENABLED",
        [PC_SECTION_FAILED] = "FAILED",
    };
    for (int s = PC_SECTION_PROFILE; s < PC_SECTION_COUNT; s++) {
        if (sections[s].status != PC_SECTION_UNDECIDED) {
            out->sections[out->section_count++] =
                (pc_audit_section){names[s], statuses[sections[s].status], sections[s].age_ms};
        }
    }
}

static void put_call(pc_audit_access *out, pc_call *call)
{
    const char *taken = pc_access_purpose(call);
    const char *purpose = taken[0] == '\0' ? pc_call_header(call, "x-purpose") : taken;
    out->purpose = purpose != NULL && is_word(purpose, PURPOSE_BYTES_MAX) ? purpose : "";
    out->caller = pc_call_caller(call);
    out->policy = pc_access_policy_version(call);
    out->request_id = pc_call_request_id(call);
}

void pc_access_audit_call(const pc_access_audit *audit, const pc_call_summary *summary)
{
    pc_call *call = summary->call;
    bool ours = strncmp(summary->method, own_prefix, sizeof own_prefix - 1) == 0;
    bool unknown = summary->method[0] != '/';
    if (!ours && !unknown && !summary->refused) {
        return;
    }
    pc_audit_access access = PC_AUDIT_ACCESS_INIT;
    const ProtobufCMessage *request = pc_call_request(call);
    const pc_seen *kept = pc_call_noted(call);
    access.event = summary->refused || unknown ? PC_AUDIT_REFUSED : PC_AUDIT_ACCESS;
    access.rpc = ours ? summary->method + sizeof own_prefix - 1 : summary->method;
    access.peer = summary->peer;
    access.code = summary->code;
    access.reason = summary->reason;
    put_call(&access, call);
    if (access.event == PC_AUDIT_REFUSED && access.caller[0] == '\0') {
        access.source = pc_peer_key(summary->peer);
    }
    if (ours && request != NULL) {
        bool batch = kept != NULL && kept->persons >= 0;
        put_request(&access, audit->service, request, !batch && summary->code == PC_CODE_OK);
    }
    if (summary->code == PC_CODE_INVALID_ARGUMENT) {
        /* Its paths may be no names of fields. */
        access.field_count = 0;
    }
    if (kept != NULL) {
        access.persons = kept->persons;
        access.messages = kept->messages;
        put_sections(&access, kept->sections);
    }
    pc_audit_trail_put(audit->trail, &access);
}

void pc_access_audit_handshake(const pc_access_audit *audit, const pc_refused_handshake *refused)
{
    /* Who only looks whether the port is open, as load balancers do, has asked for nothing. */
    if (refused->end == PC_HANDSHAKE_SILENT) {
        return;
    }
    pc_audit_access access = PC_AUDIT_ACCESS_INIT;
    access.event = PC_AUDIT_HANDSHAKE;
    access.rpc = "";
    access.peer = refused->peer;
    access.reason = refused->reason;
    access.source = pc_peer_key(refused->peer);
    pc_audit_trail_put(audit->trail, &access);
}

void pc_access_audit_person(const pc_access_audit *audit, pc_call *call,
                            const pc_person_seen *person)
{
    char peer[PEER_BYTES_MAX];
    pc_audit_access access = PC_AUDIT_ACCESS_INIT;
    const ProtobufCMessage *request = pc_call_request(call);
    access.rpc = strrchr(pc_call_method(call), '/') + 1;
    pc_call_peer(peer, sizeof peer, call);
    access.peer = peer;
    access.code = person->code;
    access.reason = person->reason;
    put_call(&access, call);
    if (request != NULL) {
        put_request(&access, audit->service, request,
                    person->code == PC_CODE_OK && person->reason[0] == '\0');
    }
    put_person(&access, person->person->namespace_code, person->person->id, person->person->xid);
    put_sections(&access, person->sections);
    pc_audit_trail_put(audit->trail, &access);
}

pc_status pc_access_audit_open(pc_audit_trail **out, const pc_config *config, pc_log *log)
{
    const pc_audit_options options = {
        .file = config->audit.file,
        .sync_ms = config->audit.sync == 0 ? -1 : config->audit.sync,
        .rotate_bytes = (uint64_t)config->audit.rotate_bytes,
        .sourced_rate = (double)config->audit.refused_rate,
        .log = log,
    };
    return pc_audit_trail_new(out, &options);
}
