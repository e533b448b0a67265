#include "round_trip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inverse.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "oracle.h"
#include "profilecontext/v1/event.pb-c.h"
#include "profilecontext/v1/profile.pb-c.h"

static bool returns(const pc_message_table *table, const ProtobufCMessageDescriptor *descriptor,
                    const char *json, size_t size)
{
    pc_arena arena;
    pc_buffer wire;
    bool good = false;
    pc_arena_init(&arena, NULL, 0, SIZE_MAX);
    pc_buffer_init(&wire, SIZE_MAX);
    /* A copy on the heap, so that a sanitizer sees reads behind its end. */
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, json, size);
    uint8_t *exact = realloc(copy, size == 0 ? 1 : size);
    pc_status status = pc_transcode(&wire, exact, size, table, NULL);
    if (!pc_status_ok(&status)) {
        printf("not mapped: %s\n", pc_status_message(&status));
        pc_status_clear(&status);
    } else {
        ProtobufCMessage *message =
            protobuf_c_message_unpack(descriptor, NULL, wire.size, wire.bytes);
        const char *why = NULL;
        value *back = value_from_wire(&arena, table, wire.bytes, wire.size, &why);
        value *source = value_parse(&arena, exact, size);
        if (message == NULL) {
            printf("protobuf-c cannot unpack it\n");
        } else if (back == NULL) {
            printf("against the contract: %s\n", why);
        } else if (oracle_compare(source, exact, size) == ORACLE_DIFFERS) {
            printf("jansson reads something else\n");
        } else if (source == NULL || !value_equal(back, source)) {
            printf("came back as ");
            value_print(back);
            printf("\n");
        } else {
            good = true;
        }
        if (message != NULL) {
            protobuf_c_message_free_unpacked(message, NULL);
        }
    }
    if (!good) {
        printf("document: %.*s\n", (int)size, json);
    }
    free(exact);
    pc_buffer_deinit(&wire);
    pc_arena_deinit(&arena);
    return good;
}

bool profile_returns(const char *json, size_t size)
{
    return returns(&pc_table_Profile, &profilecontext__v1__profile__descriptor, json, size);
}

bool event_returns(const char *json, size_t size)
{
    return returns(&pc_table_ExperienceEvent, &profilecontext__v1__experience_event__descriptor,
                   json, size);
}
