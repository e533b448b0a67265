/* The standard field groups are typed: documents with XDM's own names leave nothing to extensions,
 * and every typed field is in one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "documents.h"
#include "mapping/transcode.h"
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "round_trip.h"

/* Which fields of a message some document has. */
typedef struct {
    const pc_message_table *table;
    bool there[256];
} seen_message;

typedef struct {
    const pc_message_table *root;
    bool (*returns)(const char *json, size_t size);
    seen_message messages[512];
    size_t count;
} group_check;

static seen_message *seen(group_check *check, const pc_message_table *table)
{
    for (size_t i = 0; i < check->count; i++) {
        if (check->messages[i].table == table) {
            return &check->messages[i];
        }
    }
    assert_true(check->count < sizeof check->messages / sizeof check->messages[0]);
    check->messages[check->count].table = table;
    return &check->messages[check->count++];
}

/* Looks for extensions at any depth, and notes the fields. */
static bool all_typed(group_check *check, const pc_message_table *table, const uint8_t *wire,
                      size_t size)
{
    pc_wire_reader reader;
    pc_wire_field field;
    bool good = true;
    seen_message *message = seen(check, table);
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &field)) {
        const pc_field_table *row = pc_table_find_number(table, field.number);
        assert_non_null(row);
        message->there[row - table->fields] = true;
        if (row->type == PC_FIELD_EXTENSIONS) {
            printf("%s has extensions\n", table->name);
            good = false;
        } else if (row->type == PC_FIELD_MESSAGE) {
            good = all_typed(check, row->message, field.bytes, field.size) && good;
        }
    }
    assert_false(reader.failed);
    return good;
}

static bool check_document(void *context, const char *path, const char *json, size_t size)
{
    group_check *check = context;
    pc_buffer wire;
    pc_buffer_init(&wire, SIZE_MAX);
    pc_status status = pc_transcode(&wire, (const uint8_t *)json, size, check->root, NULL);
    bool good = pc_status_ok(&status) && all_typed(check, check->root, wire.bytes, wire.size) &&
                check->returns(json, size);
    if (!good) {
        printf("in %s\n", path);
    }
    pc_buffer_deinit(&wire);
    return good;
}

static void check_groups(const char *folder, const pc_message_table *root,
                         bool (*returns)(const char *json, size_t size))
{
    group_check *check = calloc(1, sizeof *check);
    check->root = root;
    check->returns = returns;
    assert_true(documents_each(folder, check_document, check) > 0);
    bool complete = true;
    for (size_t i = 0; i < check->count; i++) {
        const pc_message_table *table = check->messages[i].table;
        for (size_t j = 0; j < table->field_count; j++) {
            const pc_field_table *field = &table->fields[j];
            if (field->source == PC_SOURCE_PROPERTY && field->type != PC_FIELD_EXTENSIONS &&
                !check->messages[i].there[j]) {
                printf("no document in %s has %s of %s\n", folder, field->json_name, table->name);
                complete = false;
            }
        }
    }
    free(check);
    assert_true(complete);
}

static void profile_groups_leave_nothing_to_extensions(void **state)
{
    (void)state;
    check_groups(PC_TEST_DOCUMENTS "/profile", &pc_table_Profile, profile_returns);
}

static void event_groups_leave_nothing_to_extensions(void **state)
{
    (void)state;
    check_groups(PC_TEST_DOCUMENTS "/event", &pc_table_ExperienceEvent, event_returns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profile_groups_leave_nothing_to_extensions),
        cmocka_unit_test(event_groups_leave_nothing_to_extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
