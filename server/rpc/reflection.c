/* Look-ups in the descriptors that were compiled in. The two versions of the service differ only in
 * the name of their package, so one set of messages serves both. */
#include "rpc/reflection.h"

#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "rpc/descriptors.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest request_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_message;

static const size_t not_found = SIZE_MAX;

static size_t find_file(const char *name)
{
    for (size_t i = 0; i < pc_descriptor_file_count; i++) {
        if (strcmp(pc_descriptor_files[i].name, name) == 0) {
            return i;
        }
    }
    return not_found;
}

static size_t find_symbol(const char *name)
{
    size_t low = 0;
    size_t high = pc_descriptor_symbol_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, pc_descriptor_symbols[middle].name);
        if (order == 0) {
            return pc_descriptor_symbols[middle].file;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return not_found;
}

static size_t find_extension(const char *extendee, int32_t number)
{
    for (size_t i = 0; i < pc_descriptor_extension_count; i++) {
        if (pc_descriptor_extensions[i].number == number &&
            strcmp(pc_descriptor_extensions[i].extendee, extendee) == 0) {
            return pc_descriptor_extensions[i].file;
        }
    }
    return not_found;
}

/* Generated structs want mutable memory and never write to what they send. */
static void *borrowed(const void *constant)
{
    return (void *)(uintptr_t)constant;
}

/* A file comes before what it imports; imports of imports follow. */
static void add_file(bool *listed, ProtobufCBinaryData *out, size_t *count, size_t file)
{
    if (listed[file]) {
        return;
    }
    listed[file] = true;
    const pc_descriptor_file *f = &pc_descriptor_files[file];
    out[(*count)++] = (ProtobufCBinaryData){.len = f->size, .data = borrowed(f->bytes)};
    for (size_t i = 0; i < f->dependency_count; i++) {
        add_file(listed, out, count, f->dependencies[i]);
    }
}

static void answer_error(pc_call *call, response_message *response, pc_code code, const char *text)
{
    Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    error.error_code = (int32_t)code;
    error.error_message = borrowed(text);
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response->error_response = &error;
    pc_stream_send_message(call, &response->base, NULL, NULL);
}

static void answer_file(pc_call *call, response_message *response, size_t file)
{
    if (file == not_found) {
        answer_error(call, response, PC_CODE_NOT_FOUND, "no such file or symbol");
        return;
    }
    pc_arena *arena = pc_call_arena(call);
    bool *listed = pc_arena_calloc(arena, pc_descriptor_file_count, sizeof *listed);
    ProtobufCBinaryData *files = pc_arena_calloc(arena, pc_descriptor_file_count, sizeof *files);
    if (listed == NULL || files == NULL) {
        answer_error(call, response, PC_CODE_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    Grpc__Reflection__V1__FileDescriptorResponse found =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    add_file(listed, files, &found.n_file_descriptor_proto, file);
    found.file_descriptor_proto = files;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    response->file_descriptor_response = &found;
    pc_stream_send_message(call, &response->base, NULL, NULL);
}

static void answer_services(pc_call *call, response_message *response,
                            const pc_reflection *reflection)
{
    pc_arena *arena = pc_call_arena(call);
    Grpc__Reflection__V1__ServiceResponse *services =
        pc_arena_calloc(arena, reflection->count, sizeof *services);
    Grpc__Reflection__V1__ServiceResponse **list =
        pc_arena_calloc(arena, reflection->count, sizeof(Grpc__Reflection__V1__ServiceResponse *));
    if (services == NULL || list == NULL) {
        answer_error(call, response, PC_CODE_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    for (size_t i = 0; i < reflection->count; i++) {
        grpc__reflection__v1__service_response__init(&services[i]);
        services[i].name = borrowed(reflection->services[i]);
        list[i] = &services[i];
    }
    Grpc__Reflection__V1__ListServiceResponse all =
        GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    all.service = list;
    all.n_service = reflection->count;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response->list_services_response = &all;
    pc_stream_send_message(call, &response->base, NULL, NULL);
}

static void answer_extension_numbers(pc_call *call, response_message *response, const char *type)
{
    pc_arena *arena = pc_call_arena(call);
    int32_t *numbers = pc_arena_calloc(arena, pc_descriptor_extension_count, sizeof *numbers);
    Grpc__Reflection__V1__ExtensionNumberResponse found =
        GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;
    for (size_t i = 0; numbers != NULL && i < pc_descriptor_extension_count; i++) {
        if (strcmp(pc_descriptor_extensions[i].extendee, type) == 0) {
            numbers[found.n_extension_number++] = pc_descriptor_extensions[i].number;
        }
    }
    if (found.n_extension_number == 0 && find_symbol(type) == not_found) {
        answer_error(call, response, PC_CODE_NOT_FOUND, "no such type");
        return;
    }
    found.base_type_name = borrowed(type);
    found.extension_number = numbers;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
    response->all_extension_numbers_response = &found;
    pc_stream_send_message(call, &response->base, NULL, NULL);
}

static void answer(pc_call *call, const void *request_bytes, void *service)
{
    const request_message *request = request_bytes;
    response_message response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    response.valid_host = request->host;
    response.original_request = borrowed(request);
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        answer_file(call, &response, find_file(request->file_by_filename));
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        answer_file(call, &response, find_symbol(request->file_containing_symbol));
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        answer_file(call, &response,
                    find_extension(request->file_containing_extension->containing_type,
                                   request->file_containing_extension->extension_number));
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        answer_extension_numbers(call, &response, request->all_extension_numbers_of_type);
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_services(call, &response, service);
        return;
    default:
        answer_error(call, &response, PC_CODE_INVALID_ARGUMENT, "the request asks for nothing");
        return;
    }
}

void pc_reflection_methods(const pc_reflection *reflection, pc_method *rows)
{
    static const char *const paths[PC_REFLECTION_METHODS] = {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    };
    for (size_t i = 0; i < PC_REFLECTION_METHODS; i++) {
        rows[i] =
            (pc_method){.path = paths[i],
                        .kind = PC_RPC_TURNS,
                        .request = &grpc__reflection__v1__server_reflection_request__descriptor,
                        .handle = answer,
                        .service = borrowed(reflection)};
    }
}
