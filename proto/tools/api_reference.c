/* Writes the reference of the service, as Markdown, from a FileDescriptorSet that protoc made with
 * --include_source_info: every RPC, message, field and enumeration with its comment.
 *
 *   api_reference IN.pb OUT.md */
#include "descriptor_set.h"

#include <stdlib.h>
#include <string.h>

typedef Google__Protobuf__SourceCodeInfo__Location location;
typedef Google__Protobuf__ServiceDescriptorProto service_type;
typedef Google__Protobuf__MethodDescriptorProto method_type;

/* Numbers of fields in descriptor.proto, which paths to a comment are made of. */
enum {
    FILE_MESSAGES = 4,
    FILE_ENUMS = 5,
    FILE_SERVICES = 6,
    MESSAGE_FIELDS = 2,
    MESSAGE_MESSAGES = 3,
    MESSAGE_ENUMS = 4,
    ENUM_VALUES = 2,
    SERVICE_METHODS = 2,
    PATH_MAX_PARTS = 16
};

/* Where something stands in its file. */
typedef struct {
    const file_type *file;
    int32_t parts[PATH_MAX_PARTS];
    size_t count;
} place;

static place below(const place *at, int32_t field, size_t index)
{
    place inner = *at;
    if (inner.count + 2 > PATH_MAX_PARTS) {
        die("%s: nested too deeply", at->file->name);
    }
    inner.parts[inner.count++] = field;
    inner.parts[inner.count++] = (int32_t)index;
    return inner;
}

/* The comment before it, or that behind it on its line, or "". */
static const char *comment_at(const place *at)
{
    if (at->file->source_code_info == NULL) {
        die("%s: there are no comments: use --include_source_info", at->file->name);
    }
    for (size_t i = 0; i < at->file->source_code_info->n_location; i++) {
        const location *l = at->file->source_code_info->location[i];
        if (l->n_path == at->count &&
            memcmp(l->path, at->parts, at->count * sizeof(int32_t)) == 0) {
            return l->leading_comments != NULL && l->leading_comments[0] != '\0'
                       ? l->leading_comments
                   : l->trailing_comments != NULL ? l->trailing_comments
                                                  : "";
        }
    }
    return "";
}

/* Comments begin each line with the space that stood behind the slashes. */
static void put_paragraphs(FILE *out, const char *comment)
{
    while (*comment != '\0') {
        comment += *comment == ' ';
        size_t length = strcspn(comment, "\n");
        fprintf(out, "%.*s\n", (int)length, comment);
        comment += length;
        comment += *comment == '\n';
    }
}

/* In one line, for the cell of a table. */
static void put_cell(FILE *out, const char *comment)
{
    bool pending = false;
    for (; *comment != '\0'; comment++) {
        if (*comment == ' ' || *comment == '\n') {
            pending = true;
            continue;
        }
        fprintf(out, "%s%s%c", pending ? " " : "", *comment == '|' ? "\\" : "", *comment);
        pending = false;
    }
}

static const char *const scalar_names[] = {
    [1] = "double",  [2] = "float",     [3] = "int64",     [4] = "uint64",  [5] = "int32",
    [6] = "fixed64", [7] = "fixed32",   [8] = "bool",      [9] = "string",  [12] = "bytes",
    [13] = "uint32", [15] = "sfixed32", [16] = "sfixed64", [17] = "sint32", [18] = "sint64"};

static const message_type *map_entry(const message_type *message, const field_type *field)
{
    for (size_t i = 0; field->type_name != NULL && i < message->n_nested_type; i++) {
        const message_type *nested = message->nested_type[i];
        if (nested->options != NULL && nested->options->map_entry != 0 &&
            strcmp(nested->name, last_part(field->type_name)) == 0) {
            return nested;
        }
    }
    return NULL;
}

static void put_type(FILE *out, const message_type *message, const field_type *field)
{
    const message_type *entry = map_entry(message, field);
    if (entry != NULL) {
        fputs("map of ", out);
        put_type(out, message, entry->field[0]);
        fputs(" to ", out);
        put_type(out, message, entry->field[1]);
        return;
    }
    if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED) {
        fputs("repeated ", out);
    }
    if (field->type_name == NULL) {
        fputs(scalar_names[field->type], out);
    } else if (in_own_package(field->type_name)) {
        const char *name = field->type_name + strlen(".profilecontext.v1.");
        fprintf(out, "[%s](#", name);
        for (; *name != '\0'; name++) {
            if (*name != '.') {
                fputc(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name, out);
            }
        }
        fputc(')', out);
    } else {
        fputs(field->type_name + 1, out);
    }
}

static void put_enum(FILE *out, const enum_type *type, const char *prefix, const place *at)
{
    fprintf(out, "\n### %s%s\n\n", prefix, type->name);
    put_paragraphs(out, comment_at(at));
    fputs("\n| value | number | |\n|---|---|---|\n", out);
    for (size_t i = 0; i < type->n_value; i++) {
        const place value = below(at, ENUM_VALUES, i);
        fprintf(out, "| `%s` | %d | ", type->value[i]->name, (int)type->value[i]->number);
        put_cell(out, comment_at(&value));
        fputs(" |\n", out);
    }
}

static void put_message(FILE *out, const message_type *type, const char *prefix, const place *at)
{
    if (type->options != NULL && type->options->map_entry != 0) {
        return;
    }
    fprintf(out, "\n### %s%s\n\n", prefix, type->name);
    put_paragraphs(out, comment_at(at));
    if (type->n_field > 0) {
        fputs("\n| field | number | type | |\n|---|---|---|---|\n", out);
    }
    for (size_t i = 0; i < type->n_field; i++) {
        const place field = below(at, MESSAGE_FIELDS, i);
        fprintf(out, "| `%s` | %d | ", type->field[i]->name, (int)type->field[i]->number);
        put_type(out, type, type->field[i]);
        fputs(" | ", out);
        put_cell(out, comment_at(&field));
        fputs(" |\n", out);
    }
    size_t size = strlen(prefix) + strlen(type->name) + 2;
    char *inner = allocate(size);
    (void)snprintf(inner, size, "%s%s.", prefix, type->name);
    for (size_t i = 0; i < type->n_nested_type; i++) {
        const place nested = below(at, MESSAGE_MESSAGES, i);
        put_message(out, type->nested_type[i], inner, &nested);
    }
    for (size_t i = 0; i < type->n_enum_type; i++) {
        const place nested = below(at, MESSAGE_ENUMS, i);
        put_enum(out, type->enum_type[i], inner, &nested);
    }
}

static void put_service(FILE *out, const service_type *service, const place *at)
{
    fprintf(out, "\n## Service %s\n\n", service->name);
    put_paragraphs(out, comment_at(at));
    for (size_t i = 0; i < service->n_method; i++) {
        const method_type *method = service->method[i];
        const place inner = below(at, SERVICE_METHODS, i);
        fprintf(out, "\n### %s\n\n`rpc %s(%s%s) returns (%s%s)`\n\n", method->name, method->name,
                method->client_streaming != 0 ? "stream " : "", last_part(method->input_type),
                method->server_streaming != 0 ? "stream " : "", last_part(method->output_type));
        put_paragraphs(out, comment_at(&inner));
    }
}

static void put_file(FILE *out, const file_type *file)
{
    const place top = {.file = file};
    fprintf(out, "\n## %s\n", file->name);
    for (size_t i = 0; i < file->n_message_type; i++) {
        const place at = below(&top, FILE_MESSAGES, i);
        put_message(out, file->message_type[i], "", &at);
    }
    for (size_t i = 0; i < file->n_enum_type; i++) {
        const place at = below(&top, FILE_ENUMS, i);
        put_enum(out, file->enum_type[i], "", &at);
    }
}

static bool is_own(const file_type *file)
{
    return strcmp(file->package, "profilecontext.v1") == 0 &&
           strstr(file->name, "annotations.proto") == NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        die("usage: api_reference IN.pb OUT.md");
    }
    const file_set *set = read_set(argv[1]);
    FILE *out = open_output(argv[2]);
    fputs("# The API, package profilecontext.v1\n\nMade from the comments of the .proto files.\n",
          out);
    for (size_t i = 0; i < set->n_file; i++) {
        for (size_t j = 0; is_own(set->file[i]) && j < set->file[i]->n_service; j++) {
            const place top = {.file = set->file[i]};
            const place at = below(&top, FILE_SERVICES, j);
            put_service(out, set->file[i]->service[j], &at);
        }
    }
    for (size_t i = 0; i < set->n_file; i++) {
        if (is_own(set->file[i])) {
            put_file(out, set->file[i]);
        }
    }
    close_output(out, argv[2]);
    return 0;
}
