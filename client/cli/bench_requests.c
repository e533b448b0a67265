/* The requests of a load. */
#include "bench_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_template.h"

struct bench_requests {
    options how; /* of the command line, with the person whose request is packed */
    request_parts *parts;
    uint8_t *bytes; /* of all requests, one after the other */
    size_t size;
    size_t room;
    size_t *ends; /* of each request in the bytes */
    size_t count;
    size_t ends_room;
    bench_template miss;
    int64_t next_miss;
    uint8_t *miss_bytes;
    size_t miss_room;
};

static const struct {
    const char *name;
    const char *path;
} methods[] = {
    [BENCH_CONTEXT] = {"context", "/profilecontext.v1.ProfileContext/GetContext"},
    [BENCH_PROFILE] = {"profile", "/profilecontext.v1.ProfileContext/GetProfile"},
    [BENCH_EVENTS] = {"events", "/profilecontext.v1.ProfileContext/ListEvents"},
    [BENCH_SEGMENTS] = {"segments", "/profilecontext.v1.ProfileContext/ListSegmentMemberships"},
};

const char *bench_method_path(bench_method of)
{
    return methods[of].path;
}

const char *bench_method_name(bench_method of)
{
    return methods[of].name;
}

/* Makes room for at least `wanted` bytes. */
static bool reserve(void **place, size_t *room, size_t wanted)
{
    if (wanted <= *room) {
        return true;
    }
    size_t more = wanted + wanted / 2;
    void *grown = realloc(*place, more);
    if (grown == NULL) {
        return false;
    }
    *place = grown;
    *room = more;
    return true;
}

/* Packs the request for a person at `offset` of a block that grows. Returns the size, which is
 * never 0, or 0 without memory. */
static size_t pack(bench_requests *of, const person *who, uint8_t **block, size_t *room,
                   size_t offset)
{
    union {
        Profilecontext__V1__GetContextRequest context;
        Profilecontext__V1__GetProfileRequest profile;
        Profilecontext__V1__ListEventsRequest events;
        Profilecontext__V1__ListSegmentMembershipsRequest segments;
    } request;
    const ProtobufCMessage *message = NULL;
    of->how.person = *who;
    of->parts->identity.namespace_ = request_text(who->namespace_code);
    of->parts->identity.id = request_text(who->id);
    switch (of->how.method) {
    case BENCH_CONTEXT:
        request_context(&request.context, of->parts, &of->how);
        message = &request.context.base;
        break;
    case BENCH_PROFILE:
        request_profile(&request.profile, of->parts, &of->how);
        message = &request.profile.base;
        break;
    case BENCH_EVENTS:
        request_events(&request.events, of->parts, &of->how);
        message = &request.events.base;
        break;
    case BENCH_SEGMENTS:
        request_segments(&request.segments, of->parts, &of->how);
        message = &request.segments.base;
        break;
    }
    size_t size = protobuf_c_message_get_packed_size(message);
    void *place = *block;
    if (!reserve(&place, room, offset + size)) {
        return 0;
    }
    *block = place;
    protobuf_c_message_pack(message, *block + offset);
    return size;
}

static bool add(bench_requests *of, const person *who)
{
    void *ends = of->ends;
    if (!reserve(&ends, &of->ends_room, (of->count + 1) * sizeof *of->ends)) {
        return false;
    }
    of->ends = ends;
    size_t size = pack(of, who, &of->bytes, &of->room, of->size);
    of->size += size;
    of->ends[of->count] = of->size;
    of->count += size > 0;
    return size > 0;
}

static bool out_of_memory(char problem[BATCH_PROBLEM_SIZE])
{
    (void)snprintf(problem, BATCH_PROBLEM_SIZE, "out of memory");
    return false;
}

/* The options were checked, so that arguments and templates can be read. */
static bool add_arguments(bench_requests *of, char problem[BATCH_PROBLEM_SIZE])
{
    for (size_t i = 0; i < of->how.persons.count; i++) {
        person who;
        (void)person_parse(&who, of->how.persons.items[i]);
        if (!add(of, &who)) {
            return out_of_memory(problem);
        }
    }
    return true;
}

static bench_requests_result add_list(bench_requests *of, char problem[BATCH_PROBLEM_SIZE])
{
    if (of->how.id_file == NULL) {
        return BENCH_REQUESTS_MADE;
    }
    of->how.input_file = strcmp(of->how.id_file, "-") == 0 ? NULL : of->how.id_file;
    batch_input *input = batch_input_open(&of->how, problem);
    if (input == NULL) {
        return BENCH_REQUESTS_MISUSE;
    }
    bench_requests_result result = BENCH_REQUESTS_MADE;
    for (bool more = true; more && result == BENCH_REQUESTS_MADE;) {
        batch_person who;
        switch (batch_input_next(input, &who, problem)) {
        case BATCH_INPUT_END:
            more = false;
            break;
        case BATCH_INPUT_BAD:
            result = of->how.skip_bad ? BENCH_REQUESTS_MADE : BENCH_REQUESTS_MISUSE;
            break;
        case BATCH_INPUT_FAILED:
            result = BENCH_REQUESTS_FAILED;
            break;
        case BATCH_INPUT_PERSON:
            if (!add(of, &who.who)) {
                (void)out_of_memory(problem);
                result = BENCH_REQUESTS_FAILED;
            }
            batch_person_free(&who);
            break;
        }
    }
    batch_input_close(input);
    return result;
}

static bool add_numbers(bench_requests *of, char problem[BATCH_PROBLEM_SIZE])
{
    bench_template numbered;
    if (of->how.id_template == NULL) {
        return true;
    }
    (void)bench_template_parse(&numbered, of->how.id_template);
    for (int64_t i = 0; i < of->how.id_count; i++) {
        char text[BENCH_TEMPLATE_TEXT_SIZE];
        person who;
        bench_template_write(text, &numbered, of->how.id_from + i);
        (void)person_parse(&who, text);
        if (!add(of, &who)) {
            return out_of_memory(problem);
        }
    }
    return true;
}

bench_requests_result bench_requests_new(bench_requests **out, const options *from,
                                         request_parts *parts, char problem[BATCH_PROBLEM_SIZE])
{
    *out = NULL;
    bench_requests *of = calloc(1, sizeof *of);
    if (of == NULL) {
        (void)out_of_memory(problem);
        return BENCH_REQUESTS_FAILED;
    }
    of->how = *from;
    of->parts = parts;
    of->next_miss = from->miss_from;
    if (from->miss_template != NULL) {
        (void)bench_template_parse(&of->miss, from->miss_template);
    }
    bench_requests_result result = BENCH_REQUESTS_FAILED;
    if (add_arguments(of, problem)) {
        result = add_list(of, problem);
    }
    if (result == BENCH_REQUESTS_MADE && !add_numbers(of, problem)) {
        result = BENCH_REQUESTS_FAILED;
    }
    if (result == BENCH_REQUESTS_MADE && of->count == 0 && from->miss_percent < 100) {
        (void)snprintf(problem, BATCH_PROBLEM_SIZE, "the list names nobody");
        result = BENCH_REQUESTS_MISUSE;
    }
    if (result != BENCH_REQUESTS_MADE) {
        bench_requests_free(of);
        return result;
    }
    *out = of;
    return result;
}

void bench_requests_free(bench_requests *of)
{
    if (of != NULL) {
        free(of->bytes);
        free(of->ends);
        free(of->miss_bytes);
        free(of);
    }
}

size_t bench_requests_count(const bench_requests *of)
{
    return of->count;
}

bench_bytes bench_requests_at(const bench_requests *of, size_t index)
{
    size_t start = index == 0 ? 0 : of->ends[index - 1];
    return (bench_bytes){of->bytes + start, of->ends[index] - start};
}

bench_bytes bench_requests_new_person(bench_requests *of)
{
    char text[BENCH_TEMPLATE_TEXT_SIZE];
    person who;
    bench_template_write(text, &of->miss, of->next_miss++);
    (void)person_parse(&who, text);
    size_t size = pack(of, &who, &of->miss_bytes, &of->miss_room, 0);
    return (bench_bytes){size == 0 ? NULL : of->miss_bytes, size};
}
