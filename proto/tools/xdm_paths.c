/* Writes the table of typed paths and XDM paths, as Markdown, from a FileDescriptorSet of protoc:
 *
 *   xdm_paths IN.pb OUT.md
 *
 * A message that one field alone uses is written out where it is used; one that several fields use
 * has a section of its own. */
#include "descriptor_set.h"

#include <stdlib.h>
#include <string.h>

/* The messages that hold XDM documents. */
static const char *const roots[] = {"Profile", "ExperienceEvent"};
enum { ROOTS = sizeof roots / sizeof roots[0] };

typedef struct {
    const message_type *type;
    unsigned uses; /* fields of reachable messages that hold it */
    bool reached;
} message_node;

static message_node *nodes;
static size_t node_count;

static bool is_message(const field_type *field)
{
    return field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE;
}

static bool is_repeated(const field_type *field)
{
    return field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
}

static unsigned source_of(const field_type *field)
{
    return number_option((const ProtobufCMessage *)field->options, OPTION_FIELD_SOURCE);
}

static message_node *find_node(const char *name)
{
    for (size_t i = 0; i < node_count; i++) {
        if (strcmp(nodes[i].type->name, name) == 0) {
            return &nodes[i];
        }
    }
    return NULL;
}

/* The message that the field holds, unless it stands for a plain value or for no XDM at all. */
static message_node *held_by(const field_type *field)
{
    if (!is_message(field) || !in_own_package(field->type_name) ||
        source_of(field) == SOURCE_COMPUTED) {
        return NULL;
    }
    const char *name = last_part(field->type_name);
    return strcmp(name, "Date") == 0 || strcmp(name, "Extensions") == 0 ? NULL : find_node(name);
}

static void collect(const file_set *set)
{
    for (size_t i = 0; i < set->n_file; i++) {
        node_count += set->file[i]->n_message_type;
    }
    nodes = allocate(node_count * sizeof *nodes);
    node_count = 0;
    for (size_t i = 0; i < set->n_file; i++) {
        if (strcmp(set->file[i]->package, "profilecontext.v1") != 0) {
            continue;
        }
        for (size_t j = 0; j < set->file[i]->n_message_type; j++) {
            nodes[node_count++].type = set->file[i]->message_type[j];
        }
    }
}

static void reach(message_node *node)
{
    if (node->reached) {
        return;
    }
    node->reached = true;
    for (size_t i = 0; i < node->type->n_field; i++) {
        message_node *held = held_by(node->type->field[i]);
        if (held != NULL) {
            held->uses++;
            reach(held);
        }
    }
}

static char *join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = allocate(size);
    (void)snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

static const char *type_text(const field_type *field)
{
    switch (field->type) {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE:
        return "double";
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64:
        return "int64";
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32:
        return "int32";
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL:
        return "bool";
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING:
        return "string";
    default:
        return last_part(field->type_name);
    }
}

/* The JSON path of the items of a map: a level `{key}` for each key, named after the key's field.
 */
static char *map_path(char *path, const message_type *item, unsigned depth)
{
    unsigned level = 0;
    for (size_t i = 0; level < depth && i < item->n_field; i++) {
        if (source_of(item->field[i]) == SOURCE_MAP_KEY) {
            path = join(path, ".{", join(item->field[i]->name, "}", ""));
            level++;
        }
    }
    return path;
}

static void write_rows(FILE *out, const message_type *message, const char *typed, const char *xdm)
{
    for (size_t i = 0; i < message->n_field; i++) {
        const field_type *field = message->field[i];
        unsigned source = source_of(field);
        if (source == SOURCE_COMPUTED || strcmp(field->name, "extensions") == 0) {
            continue;
        }
        const char *dot = typed[0] == '\0' ? "" : ".";
        char *typed_path = join(typed, dot, field->name);
        if (is_repeated(field)) {
            typed_path = join(typed_path, "[]", "");
        }
        if (source == SOURCE_MAP_KEY) {
            fprintf(out, "| `%s` | `{%s}` in the path | %s |\n", typed_path, field->name,
                    type_text(field));
            continue;
        }
        char *xdm_path = join(xdm, xdm[0] == '\0' ? "" : ".", field->json_name);
        const message_node *held = held_by(field);
        unsigned depth = number_option((const ProtobufCMessage *)field->options, OPTION_MAP_DEPTH);
        if (depth > 0 && held != NULL) {
            xdm_path = map_path(xdm_path, held->type, depth);
        } else if (is_repeated(field)) {
            xdm_path = join(xdm_path, "[]", "");
        }
        if (held == NULL) {
            fprintf(out, "| `%s` | `%s` | %s |\n", typed_path, xdm_path, type_text(field));
        } else if (held->uses > 1) {
            fprintf(out, "| `%s` | `%s` | %s below |\n", typed_path, xdm_path, held->type->name);
        } else {
            write_rows(out, held->type, typed_path, xdm_path);
        }
    }
}

static void write_section(FILE *out, const message_type *message)
{
    fprintf(out, "\n## %s\n\n| Typed path | XDM path | Type |\n|---|---|---|\n", message->name);
    write_rows(out, message, "", "");
}

static int compare_nodes(const void *a, const void *b)
{
    return strcmp(((const message_node *)a)->type->name, ((const message_node *)b)->type->name);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        die("usage: xdm_paths IN.pb OUT.md");
    }
    collect(read_set(argv[1]));
    qsort(nodes, node_count, sizeof *nodes, compare_nodes);
    for (size_t i = 0; i < ROOTS; i++) {
        message_node *root = find_node(roots[i]);
        if (root == NULL) {
            die("there is no message %s", roots[i]);
        }
        reach(root);
    }
    FILE *out = open_output(argv[2]);
    fputs(
        "# Typed paths and XDM paths\n\n"
        "Made from the .proto files; `cmake --build --preset release --target xdm_paths` makes it "
        "again.\n\n"
        "`[]` stands for the items of an array, `{name}` for a key of a map. A shape that several "
        "fields\nshare has a section of its own, in the order of the alphabet. What has no typed "
        "path, or does not\nfit its type, stands in the `extensions` of the message around it.\n",
        out);
    for (size_t i = 0; i < ROOTS; i++) {
        write_section(out, find_node(roots[i])->type);
    }
    for (size_t i = 0; i < node_count; i++) {
        if (nodes[i].uses > 1) {
            write_section(out, nodes[i].type);
        }
    }
    close_output(out, argv[2]);
    return 0;
}
