/* Turns a FileDescriptorSet from protoc into what the C build needs beside it:
 *
 *   proto_tool c-descriptors IN.pb OUT.pb   a descriptor set that protoc-gen-c accepts: proto3
 *                                           `optional` fields become members of the one-field oneof
 *                                           that protoc has made for them (the same on the wire),
 *                                           and the mapping annotations are left out
 *   proto_tool mapping IN.pb OUT.c OUT.h    tables of fields, JSON names and enum strings of the
 *                                           package profilecontext.v1, for server/mapping
 *   proto_tool reflection IN.pb OUT.c       every file's descriptor and an index of symbols, for
 * the reflection service */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor_set.h"

static const char own_package[] = "profilecontext.v1";
static const char annotations_file[] = "profilecontext/v1/annotations.proto";

/* ---- c-descriptors ------------------------------------------------------------------------- */

static void drop_unknown(ProtobufCMessage *options)
{
    if (options != NULL) {
        options->n_unknown_fields = 0;
    }
}

static void plain_enum(enum_type *e)
{
    for (size_t i = 0; i < e->n_value; i++) {
        drop_unknown((ProtobufCMessage *)e->value[i]->options);
    }
}

static void plain_message(message_type *message)
{
    for (size_t i = 0; i < message->n_field; i++) {
        message->field[i]->has_proto3_optional = 0;
        drop_unknown((ProtobufCMessage *)message->field[i]->options);
    }
    for (size_t i = 0; i < message->n_nested_type; i++) {
        plain_message(message->nested_type[i]);
    }
    for (size_t i = 0; i < message->n_enum_type; i++) {
        plain_enum(message->enum_type[i]);
    }
}

static void plain_file(file_type *file)
{
    size_t kept = 0;
    for (size_t i = 0; i < file->n_dependency; i++) {
        if (strcmp(file->dependency[i], annotations_file) != 0) {
            file->dependency[kept++] = file->dependency[i];
        }
    }
    file->n_dependency = kept;
    for (size_t i = 0; i < file->n_message_type; i++) {
        plain_message(file->message_type[i]);
    }
    for (size_t i = 0; i < file->n_enum_type; i++) {
        plain_enum(file->enum_type[i]);
    }
}

static void write_c_descriptors(file_set *set, const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->n_file; i++) {
        if (strcmp(set->file[i]->name, annotations_file) != 0) {
            plain_file(set->file[i]);
            set->file[kept++] = set->file[i];
        }
    }
    set->n_file = kept;
    size_t size = google__protobuf__file_descriptor_set__get_packed_size(set);
    uint8_t *bytes = allocate(size);
    google__protobuf__file_descriptor_set__pack(set, bytes);
    FILE *out = open_output(path);
    fwrite(bytes, 1, size, out);
    close_output(out, path);
}

/* ---- mapping ------------------------------------------------------------------------------- */

/* The same function as json_name_hash() in server/mapping/tables.c. Its result hangs on the byte
 * order, so the tool runs on the kind of machine that the server runs on. */
static unsigned json_name_hash(const char *name, size_t length)
{
    uint64_t first = 0;
    uint64_t last = 0;
    if (length >= sizeof first) {
        memcpy(&first, name, sizeof first);
        memcpy(&last, name + length - sizeof last, sizeof last);
    } else {
        memcpy(&first, name, length);
    }
    uint64_t hash = (first ^ (length << 56)) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 29) ^ last) * 0xbf58476d1ce4e5b9u;
    return (unsigned)(hash >> 40);
}

static const char *table_type(const field_type *field)
{
    static const char *const names[] = {
        [GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE] = "PC_FIELD_DOUBLE",
        [GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64] = "PC_FIELD_INT64",
        [GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32] = "PC_FIELD_INT32",
        [GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL] = "PC_FIELD_BOOL",
        [GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING] = "PC_FIELD_STRING",
        [GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM] = "PC_FIELD_ENUM",
    };
    if (field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE) {
        if (strcmp(field->type_name, ".google.protobuf.Timestamp") == 0) {
            return "PC_FIELD_TIMESTAMP";
        }
        if (strcmp(field->type_name, ".profilecontext.v1.Date") == 0) {
            return "PC_FIELD_DATE";
        }
        if (strcmp(field->type_name, ".profilecontext.v1.Extensions") == 0) {
            return "PC_FIELD_EXTENSIONS";
        }
        return in_own_package(field->type_name) ? "PC_FIELD_MESSAGE" : "PC_FIELD_OPAQUE";
    }
    const char *name =
        (size_t)field->type < sizeof names / sizeof names[0] ? names[field->type] : NULL;
    if (name == NULL) {
        die("field %s has a type that the mapping does not know", field->name);
    }
    return name;
}

static void write_enum_table(FILE *out, const enum_type *e)
{
    bool any = false;
    for (size_t i = 0; i < e->n_value; i++) {
        any = any || text_option((ProtobufCMessage *)e->value[i]->options, OPTION_JSON_TEXT);
    }
    fprintf(out, "static const pc_enum_value values_%s[] = {\n", e->name);
    size_t count = 0;
    for (size_t i = 0; i < e->n_value; i++) {
        const char *text = text_option((ProtobufCMessage *)e->value[i]->options, OPTION_JSON_TEXT);
        if (text != NULL) {
            fprintf(out, "    {\"%s\", %zu, %d},\n", text, strlen(text), e->value[i]->number);
            count++;
        }
    }
    fprintf(out, "%s};\n", any ? "" : "    {\"\", 0, 0},\n");
    fprintf(out, "static const pc_enum_table enum_%s = {\"%s\", values_%s, %zu};\n\n", e->name,
            e->name, e->name, count);
}

static void write_fields(FILE *out, const message_type *message)
{
    fprintf(out, "static const pc_field_table fields_%s[] = {\n", message->name);
    for (size_t i = 0; i < message->n_field; i++) {
        const field_type *f = message->field[i];
        const ProtobufCMessage *options = (const ProtobufCMessage *)f->options;
        unsigned source = number_option(options, OPTION_FIELD_SOURCE);
        const char *type = table_type(f);
        fprintf(out,
                "    {.name = \"%s\", .json_name = \"%s\", .json_length = %zu, .number = %d, "
                ".type = %s, .repeated = %d, .source = %s, .map_depth = %u, ",
                f->name, f->json_name, strlen(f->json_name), f->number, type,
                f->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED,
                source == SOURCE_PROPERTY  ? "PC_SOURCE_PROPERTY"
                : source == SOURCE_MAP_KEY ? "PC_SOURCE_MAP_KEY"
                                           : "PC_SOURCE_COMPUTED",
                number_option(options, OPTION_MAP_DEPTH));
        if (strcmp(type, "PC_FIELD_MESSAGE") == 0) {
            fprintf(out, ".message = &pc_table_%s", last_part(f->type_name));
        } else if (strcmp(type, "PC_FIELD_ENUM") == 0) {
            fprintf(out, ".enumeration = &enum_%s", last_part(f->type_name));
        }
        fprintf(out, "},\n");
    }
    fprintf(out, "%s};\n", message->n_field == 0 ? "    {.name = NULL},\n" : "");
}

/* An open-addressed index from JSON name to field: 0 is empty, else 1 + the field's place. Only
 * fields that are properties stand in it. */
static void write_index(FILE *out, const message_type *message, unsigned *mask_out)
{
    unsigned size = 2;
    while (size < message->n_field * 2) {
        size *= 2;
    }
    unsigned *slots = allocate(size * sizeof *slots);
    for (size_t i = 0; i < message->n_field; i++) {
        const field_type *f = message->field[i];
        if (number_option((const ProtobufCMessage *)f->options, OPTION_FIELD_SOURCE) != 0 ||
            strcmp(table_type(f), "PC_FIELD_EXTENSIONS") == 0) {
            continue;
        }
        unsigned at = json_name_hash(f->json_name, strlen(f->json_name)) & (size - 1);
        while (slots[at] != 0) {
            at = (at + 1) & (size - 1);
        }
        slots[at] = (unsigned)i + 1;
    }
    fprintf(out, "static const uint8_t index_%s[] = {", message->name);
    for (unsigned i = 0; i < size; i++) {
        fprintf(out, "%s%u", i == 0 ? "" : ", ", slots[i]);
    }
    fprintf(out, "};\n");
    *mask_out = size - 1;
}

static void write_message_table(FILE *out, const message_type *message)
{
    if (message->n_field > 250) {
        die("%s has too many fields for a one-byte index", message->name);
    }
    write_fields(out, message);
    unsigned mask;
    write_index(out, message, &mask);
    int extensions = 0;
    unsigned keys[4] = {0};
    unsigned key_count = 0;
    for (size_t i = 0; i < message->n_field; i++) {
        const field_type *f = message->field[i];
        if (strcmp(table_type(f), "PC_FIELD_EXTENSIONS") == 0) {
            extensions = f->number;
        }
        if (number_option((const ProtobufCMessage *)f->options, OPTION_FIELD_SOURCE) == 1) {
            if (key_count == 4) {
                die("%s has too many map keys", message->name);
            }
            keys[key_count++] = (unsigned)f->number;
        }
    }
    fprintf(out,
            "const pc_message_table pc_table_%s = {.name = \"%s\", .fields = fields_%s, "
            ".field_count = %zu, .index = index_%s, .index_mask = %u, "
            ".extensions_number = %d, .key_numbers = {%u, %u, %u, %u}};\n\n",
            message->name, message->name, message->name, message->n_field, message->name, mask,
            extensions, keys[0], keys[1], keys[2], keys[3]);
}

static void write_mapping(const file_set *set, const char *c_path, const char *h_path)
{
    FILE *h = open_output(h_path);
    FILE *c = open_output(c_path);
    fputs("/* Generated by proto_tool from the .proto files. */\n#ifndef "
          "PC_MAPPING_TABLES_GENERATED_H\n"
          "#define PC_MAPPING_TABLES_GENERATED_H\n\n#include \"mapping/tables.h\"\n\n",
          h);
    fputs("/* Generated by proto_tool from the .proto files. */\n"
          "#include \"mapping_tables.h\"\n\n",
          c);
    for (size_t i = 0; i < set->n_file; i++) {
        const file_type *file = set->file[i];
        if (strcmp(file->package, own_package) != 0) {
            continue;
        }
        for (size_t j = 0; j < file->n_message_type; j++) {
            fprintf(h, "extern const pc_message_table pc_table_%s;\n", file->message_type[j]->name);
        }
        for (size_t j = 0; j < file->n_enum_type; j++) {
            if (strcmp(file->name, annotations_file) != 0) {
                write_enum_table(c, file->enum_type[j]);
            }
        }
    }
    for (size_t i = 0; i < set->n_file; i++) {
        const file_type *file = set->file[i];
        for (size_t j = 0; strcmp(file->package, own_package) == 0 && j < file->n_message_type;
             j++) {
            write_message_table(c, file->message_type[j]);
        }
    }
    fputs("\n#endif\n", h);
    close_output(h, h_path);
    close_output(c, c_path);
}

/* ---- reflection ---------------------------------------------------------------------------- */

typedef struct {
    char *name;
    size_t file;
} symbol;

static symbol *symbols;
static size_t symbol_count;

static void add_symbol(size_t file, const char *scope, const char *name, char **full_out)
{
    symbols = realloc(symbols, (symbol_count + 1) * sizeof *symbols);
    char *full = allocate(strlen(scope) + strlen(name) + 2);
    sprintf(full, "%s%s%s", scope, scope[0] == '\0' ? "" : ".", name);
    if (symbols == NULL) {
        die("out of memory");
    }
    symbols[symbol_count++] = (symbol){full, file};
    if (full_out != NULL) {
        *full_out = full;
    }
}

static void add_enum_symbols(size_t file, const char *scope, const enum_type *e)
{
    add_symbol(file, scope, e->name, NULL);
    for (size_t i = 0; i < e->n_value; i++) {
        add_symbol(file, scope, e->value[i]->name, NULL);
    }
}

static void add_message_symbols(size_t file, const char *scope, const message_type *message)
{
    char *full;
    add_symbol(file, scope, message->name, &full);
    for (size_t i = 0; i < message->n_field; i++) {
        add_symbol(file, full, message->field[i]->name, NULL);
    }
    for (size_t i = 0; i < message->n_extension; i++) {
        add_symbol(file, full, message->extension[i]->name, NULL);
    }
    for (size_t i = 0; i < message->n_enum_type; i++) {
        add_enum_symbols(file, full, message->enum_type[i]);
    }
    for (size_t i = 0; i < message->n_nested_type; i++) {
        add_message_symbols(file, full, message->nested_type[i]);
    }
}

static void add_file_symbols(size_t index, const file_type *file)
{
    for (size_t i = 0; i < file->n_message_type; i++) {
        add_message_symbols(index, file->package, file->message_type[i]);
    }
    for (size_t i = 0; i < file->n_enum_type; i++) {
        add_enum_symbols(index, file->package, file->enum_type[i]);
    }
    for (size_t i = 0; i < file->n_extension; i++) {
        add_symbol(index, file->package, file->extension[i]->name, NULL);
    }
    for (size_t i = 0; i < file->n_service; i++) {
        char *full;
        add_symbol(index, file->package, file->service[i]->name, &full);
        for (size_t j = 0; j < file->service[i]->n_method; j++) {
            add_symbol(index, full, file->service[i]->method[j]->name, NULL);
        }
    }
}

static int compare_symbols(const void *a, const void *b)
{
    return strcmp(((const symbol *)a)->name, ((const symbol *)b)->name);
}

static void write_bytes(FILE *out, size_t index, const uint8_t *bytes, size_t size)
{
    fprintf(out, "static const uint8_t file_%zu[] = {", index);
    for (size_t i = 0; i < size; i++) {
        fprintf(out, "%s%u,", i % 24 == 0 ? "\n    " : "", bytes[i]);
    }
    fprintf(out, "\n};\n");
}

static size_t file_index(const file_set *set, const char *name)
{
    for (size_t i = 0; i < set->n_file; i++) {
        if (strcmp(set->file[i]->name, name) == 0) {
            return i;
        }
    }
    die("%s is not in the set", name);
}

static void write_extensions(FILE *out, const file_set *set)
{
    fputs("const pc_descriptor_extension pc_descriptor_extensions[] = {\n", out);
    size_t count = 0;
    for (size_t i = 0; i < set->n_file; i++) {
        for (size_t j = 0; j < set->file[i]->n_extension; j++, count++) {
            const field_type *f = set->file[i]->extension[j];
            fprintf(out, "    {\"%s\", %d, %zu},\n", f->extendee + 1, f->number, i);
        }
    }
    fprintf(out, "    {NULL, 0, 0},\n};\nconst size_t pc_descriptor_extension_count = %zu;\n",
            count);
}

static void write_reflection(file_set *set, const char *path)
{
    FILE *out = open_output(path);
    fputs("/* Generated by proto_tool from the .proto files. */\n"
          "#include \"rpc/descriptors.h\"\n\n",
          out);
    for (size_t i = 0; i < set->n_file; i++) {
        file_type *file = set->file[i];
        size_t size = google__protobuf__file_descriptor_proto__get_packed_size(file);
        uint8_t *bytes = allocate(size);
        google__protobuf__file_descriptor_proto__pack(file, bytes);
        write_bytes(out, i, bytes, size);
        fprintf(out, "static const size_t dependencies_%zu[] = {", i);
        for (size_t j = 0; j < file->n_dependency; j++) {
            fprintf(out, "%zu, ", file_index(set, file->dependency[j]));
        }
        fprintf(out, "0};\n");
        add_file_symbols(i, file);
    }
    fputs("\nconst pc_descriptor_file pc_descriptor_files[] = {\n", out);
    for (size_t i = 0; i < set->n_file; i++) {
        fprintf(out, "    {\"%s\", file_%zu, sizeof file_%zu, dependencies_%zu, %zu},\n",
                set->file[i]->name, i, i, i, set->file[i]->n_dependency);
    }
    fprintf(out, "};\nconst size_t pc_descriptor_file_count = %zu;\n\n", set->n_file);
    qsort(symbols, symbol_count, sizeof *symbols, compare_symbols);
    fputs("const pc_descriptor_symbol pc_descriptor_symbols[] = {\n", out);
    for (size_t i = 0; i < symbol_count; i++) {
        fprintf(out, "    {\"%s\", %zu},\n", symbols[i].name, symbols[i].file);
    }
    fprintf(out, "};\nconst size_t pc_descriptor_symbol_count = %zu;\n\n", symbol_count);
    write_extensions(out, set);
    close_output(out, path);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "c-descriptors") == 0) {
        write_c_descriptors(read_set(argv[2]), argv[3]);
    } else if (argc == 5 && strcmp(argv[1], "mapping") == 0) {
        write_mapping(read_set(argv[2]), argv[3], argv[4]);
    } else if (argc == 4 && strcmp(argv[1], "reflection") == 0) {
        write_reflection(read_set(argv[2]), argv[3]);
    } else {
        die("usage: proto_tool c-descriptors|mapping|reflection IN.pb OUT...");
    }
    return 0;
}
