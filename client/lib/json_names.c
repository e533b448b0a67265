/* The JSON names of fields. */
#include "json_names.h"

#include <ctype.h>
#include <string.h>

#include "mapping_tables.h"

/* Every message of the service can be reached from these. */
static const pc_message_table *const roots[] = {
    &pc_table_GetContextResponse, &pc_table_GetProfileResponse,
    &pc_table_ListEventsResponse, &pc_table_ListSegmentMembershipsResponse,
    &pc_table_GetContextRequest,  &pc_table_GetProfileRequest,
    &pc_table_ListEventsRequest,  &pc_table_ListSegmentMembershipsRequest,
};

/* Looks below a message; tables never refer back to themselves. */
static const pc_message_table *find_below(const pc_message_table *table, const char *name)
{
    if (strcmp(table->name, name) == 0) {
        return table;
    }
    for (size_t i = 0; i < table->field_count; i++) {
        const pc_message_table *found =
            table->fields[i].message == NULL ? NULL : find_below(table->fields[i].message, name);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

const pc_message_table *pcc_json_table(const ProtobufCMessageDescriptor *descriptor)
{
    if (strcmp(descriptor->package_name, "profilecontext.v1") != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        const pc_message_table *found = find_below(roots[i], descriptor->short_name);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static const char *lower_camel(const char *name, char buffer[PCC_JSON_NAME_SIZE])
{
    size_t size = 0;
    bool upper = false;
    for (; *name != '\0' && size < PCC_JSON_NAME_SIZE - 1; name++) {
        if (*name == '_') {
            upper = true;
        } else {
            buffer[size++] = upper ? (char)toupper((unsigned char)*name) : *name;
            upper = false;
        }
    }
    buffer[size] = '\0';
    return buffer;
}

const char *pcc_json_name(const pc_message_table *table, const ProtobufCFieldDescriptor *field,
                          char buffer[PCC_JSON_NAME_SIZE])
{
    for (size_t i = 0; table != NULL && i < table->field_count; i++) {
        if (table->fields[i].number == field->id) {
            return table->fields[i].json_name;
        }
    }
    return lower_camel(field->name, buffer);
}
