/* The requests of a load: one for each person, packed once and kept as bytes. */
#ifndef PROFILECTL_BENCH_REQUESTS_H
#define PROFILECTL_BENCH_REQUESTS_H

#include "batch_input.h"
#include "request.h"

typedef struct bench_requests bench_requests;

typedef struct {
    const uint8_t *data; /* borrowed */
    size_t size;
} bench_bytes;

typedef enum {
    BENCH_REQUESTS_MADE,
    BENCH_REQUESTS_MISUSE, /* the list cannot be opened, or has a line that names nobody */
    BENCH_REQUESTS_FAILED  /* reading fails, or there is no memory */
} bench_requests_result;

/* Makes the requests for the persons that the options name, in the order in which they stand there:
 * arguments, list, numbers. The options and the parts, made for them, are borrowed; the parts are
 * written to. Unless they are made, `*out` is NULL and a sentence is in `problem`. Free with
 * bench_requests_free, which ignores NULL. */
bench_requests_result bench_requests_new(bench_requests **out, const options *from,
                                         request_parts *parts, char problem[BATCH_PROBLEM_SIZE]);
void bench_requests_free(bench_requests *of);

size_t bench_requests_count(const bench_requests *of);

/* The request for a person, from 0. */
bench_bytes bench_requests_at(const bench_requests *of, size_t index);

/* The request for the next person of --miss-template. It stays until the next call; NULL and 0
 * without memory. */
bench_bytes bench_requests_new_person(bench_requests *of);

/* The path of a method, and its name on the command line. */
const char *bench_method_path(bench_method of);
const char *bench_method_name(bench_method of);

#endif
