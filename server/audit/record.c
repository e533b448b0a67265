/* The order of the fields is that of README.md. */
#include "audit/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

enum {
    NAME_BYTES_MAX = 256, /* of callers and namespaces */
    WORD_BYTES_MAX = 64,  /* of all other texts but ids and paths */
    ID_BYTES_MAX = 1024,
    PATHS_BYTES_MAX = 2048,
    ALIGNMENT = 16
};

/* ---- packing --------------------------------------------------------------------------------- */

typedef struct {
    char *at;
    char *end;
    bool failed;
} packing;

static const char *pack_text(packing *to, const char *text, size_t most)
{
    size_t size = text == NULL ? 0 : strnlen(text, most);
    if (to->failed || (size_t)(to->end - to->at) < size + 1) {
        to->failed = true;
        return "";
    }
    char *copy = to->at;
    if (size > 0) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    to->at += size + 1;
    return copy;
}

/* A path that does not fit is left out, and "..." tells so. */
static const char *pack_paths(packing *to, const pc_audit_access *access)
{
    char paths[PATHS_BYTES_MAX];
    size_t size = 0;
    for (size_t i = 0; i < access->field_count; i++) {
        size_t more = strlen(access->fields[i]);
        bool fits = size + more + sizeof ",..." < sizeof paths;
        const char *path = fits ? access->fields[i] : "...";
        more = fits ? more : 3;
        if (size > 0) {
            paths[size++] = ',';
        }
        memcpy(paths + size, path, more);
        size += more;
        if (!fits) {
            break;
        }
    }
    paths[size] = '\0';
    return pack_text(to, paths, sizeof paths);
}

size_t pc_audit_record_pack(void *place, size_t room, const pc_audit_access *access,
                            int64_t wall_ms)
{
    pc_audit_record *record = place;
    if (room < sizeof *record) {
        return 0;
    }
    packing to = {(char *)place + sizeof *record, (char *)place + room, false};
    record->wall_ms = wall_ms;
    record->access = *access;
    pc_audit_access *packed = &record->access;
    packed->fields = NULL;
    packed->caller = pack_text(&to, access->caller, NAME_BYTES_MAX);
    packed->peer = pack_text(&to, access->peer, WORD_BYTES_MAX);
    packed->request_id = pack_text(&to, access->request_id, WORD_BYTES_MAX);
    packed->purpose = pack_text(&to, access->purpose, WORD_BYTES_MAX);
    packed->policy = pack_text(&to, access->policy, WORD_BYTES_MAX);
    if (access->namespace_code != NULL) {
        packed->namespace_code = pack_text(&to, access->namespace_code, NAME_BYTES_MAX);
        packed->id = pack_text(&to, access->id, ID_BYTES_MAX);
    }
    packed->sandbox = pack_text(&to, access->sandbox, WORD_BYTES_MAX);
    packed->merge_policy = pack_text(&to, access->merge_policy, WORD_BYTES_MAX);
    record->paths = access->field_count == 0 ? "" : pack_paths(&to, access);
    size_t size = (size_t)(to.at - (char *)place);
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    record->size = size;
    return to.failed || size > room ? 0 : size;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Any bytes as a JSON text, quotation marks included. */
static void put_text(pc_buffer *line, const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t size = strlen(text);
    pc_buffer_append_byte(line, '"');
    for (size_t i = 0; i < size;) {
        size_t length = pc_utf8_character(bytes + i, size - i);
        if (length == 0) {
            pc_buffer_append_text(line, "\\ufffd");
        } else if (bytes[i] == '"' || bytes[i] == '\\' || bytes[i] < 0x20 || bytes[i] == 0x7f) {
            char escape[8];
            (void)snprintf(escape, sizeof escape, "\\u%04x", bytes[i]);
            pc_buffer_append_text(line, escape);
        } else {
            pc_buffer_append(line, bytes + i, length);
        }
        i += length == 0 ? 1 : length;
    }
    pc_buffer_append_byte(line, '"');
}

static void put_field(pc_buffer *line, const char *name, const char *text)
{
    pc_buffer_append_text(line, ",\"");
    pc_buffer_append_text(line, name);
    pc_buffer_append_text(line, "\":");
    put_text(line, text);
}

static void put_number(pc_buffer *line, const char *name, int64_t number)
{
    char text[64];
    (void)snprintf(text, sizeof text, ",\"%s\":%" PRId64, name, number);
    pc_buffer_append_text(line, text);
}

static void put_sections(pc_buffer *line, const pc_audit_access *access)
{
    pc_buffer_append_text(line, ",\"sections\":{");
    for (size_t i = 0; i < access->section_count; i++) {
        const pc_audit_section *section = &access->sections[i];
        pc_buffer_append_text(line, i == 0 ? "\"" : ",\"");
        pc_buffer_append_text(line, section->name);
        pc_buffer_append_text(line, "\":{\"status\":\"");
        pc_buffer_append_text(line, section->status);
        pc_buffer_append_text(line, "\"");
        if (section->age_ms >= 0) {
            put_number(line, "age_ms", section->age_ms);
        }
        pc_buffer_append_text(line, "}");
    }
    pc_buffer_append_text(line, "}");
}

/* Made of field names: what else a caller asks for is not kept. */
static bool is_path(const char *bytes, size_t size)
{
    return strspn(bytes, "abcdefghijklmnopqrstuvwxyz0123456789_.*") >= size;
}

static void put_paths(pc_buffer *line, const char *paths)
{
    pc_buffer_append_text(line, ",\"fields\":[");
    for (const char *at = paths; *at != '\0';) {
        size_t size = strcspn(at, ",");
        pc_buffer_append_text(line, at == paths ? "\"" : ",\"");
        if (is_path(at, size)) {
            pc_buffer_append(line, at, size);
        } else {
            pc_buffer_append_text(line, "?");
        }
        pc_buffer_append_text(line, "\"");
        at += size + (at[size] == ',');
    }
    pc_buffer_append_text(line, "]");
}

void pc_audit_record_put(pc_buffer *line, const pc_audit_record *record, const pc_log *log)
{
    const pc_audit_access *access = &record->access;
    if (access->event == PC_AUDIT_HANDSHAKE) {
        put_field(line, "peer", access->peer);
        put_field(line, "reason", access->reason);
        return;
    }
    put_field(line, "rpc", access->rpc);
    put_field(line, "caller", access->caller);
    put_field(line, "peer", access->peer);
    put_field(line, "code", pc_code_name(access->code));
    if (access->reason[0] != '\0') {
        put_field(line, "reason", access->reason);
    }
    if (access->purpose[0] != '\0') {
        put_field(line, "purpose", access->purpose);
    }
    if (access->policy[0] != '\0') {
        put_field(line, "policy", access->policy);
    }
    if (access->namespace_code != NULL) {
        const pc_log_field identity =
            pc_log_identity(log, "identity", access->namespace_code, access->id);
        put_field(line, identity.name, identity.hash);
    }
    if (access->sandbox[0] != '\0') {
        put_field(line, "sandbox", access->sandbox);
        put_field(line, "merge_policy", access->merge_policy);
    }
    if (access->section_count > 0) {
        put_sections(line, access);
    }
    if (record->paths[0] != '\0') {
        put_paths(line, record->paths);
    }
    if (access->persons >= 0) {
        put_number(line, "persons", access->persons);
    }
    if (access->messages >= 0) {
        put_number(line, "messages", access->messages);
    }
    put_field(line, "request_id", access->request_id);
}
