/* profilectl batch: the contexts or profiles of many persons, chunk by chunk. What fails for a
 * passing reason is asked again; what was written is not asked again by a later run. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch_input.h"
#include "batch_output.h"
#include "interruption.h"
#include "progress.h"
#include "session.h"

enum {
    CHUNK_DEFAULT = 1000,
    CONTEXTS_MAX = 10000,
    PROFILES_MAX = 1000,
    FIRST_WAIT_MS = 1000,
    LONGEST_WAIT_MS = 30000
};

/* A person of the chunk that is being asked. */
typedef struct {
    batch_person who;
    bool answered;
} item;

typedef struct {
    session *in;
    request_parts *parts;
    batch_input *input;
    batch_output *output;
    progress progress;
    item *items;
    size_t count;
    size_t room;
    /* Of the attempt that is going on: the persons asked, and which item each is. */
    Profilecontext__V1__PersonRef *refs;
    Profilecontext__V1__PersonRef **ref_list;
    Profilecontext__V1__Identity *identities;
    size_t *asked;
    size_t asked_count;
    int64_t wait_ms; /* before the next attempt */
    bool last_attempt;
    char problem[BATCH_PROBLEM_SIZE];
    bool misuse; /* the problem is in the input */
    uint64_t done;
    uint64_t failed; /* of them, other than not found */
    uint64_t not_found;
    uint64_t skipped; /* answered by an earlier run */
    uint64_t bad;
} batch;

static bool is_passing(int32_t code)
{
    return code == PROFILECONTEXT_UNAVAILABLE || code == PROFILECONTEXT_DEADLINE_EXCEEDED ||
           code == PROFILECONTEXT_RESOURCE_EXHAUSTED || code == PROFILECONTEXT_ABORTED;
}

static void show_progress(batch *b)
{
    int64_t read = 0;
    int64_t size = 0;
    batch_input_place(b->input, &read, &size);
    double share = -1;
    size_t open = 0;
    for (size_t i = 0; i < b->count; i++) {
        open += !b->items[i].answered;
    }
    uint64_t seen = b->done + b->skipped + b->bad + open;
    if (size > 0 && seen > b->skipped) {
        /* Of what is left of the file, as much as what was read, by persons. */
        double all = (double)seen * (double)size / (double)(read > 0 ? read : 1);
        share = (double)b->done / (all - (double)b->skipped);
    }
    progress_show(&b->progress, b->done, b->failed, share);
}

/* ---- the next chunk -------------------------------------------------------------------------- */

/* Fills the chunk. False at a bad line, unless those are passed over, or where reading fails. */
static bool fill(batch *b)
{
    while (b->count < b->room) {
        batch_person who;
        switch (batch_input_next(b->input, &who, b->problem)) {
        case BATCH_INPUT_END:
            return true;
        case BATCH_INPUT_FAILED:
            return false;
        case BATCH_INPUT_BAD:
            b->bad++;
            if (!b->in->options->skip_bad) {
                b->misuse = true;
                return false;
            }
            break;
        case BATCH_INPUT_PERSON:
            if (batch_output_has(b->output, &who)) {
                b->skipped++;
                batch_person_free(&who);
            } else {
                b->items[b->count++] = (item){.who = who};
            }
            break;
        }
    }
    return true;
}

static void drop(batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        batch_person_free(&b->items[i].who);
    }
    b->count = 0;
}

/* Lists the persons that have no answer yet. */
static void list_open(batch *b)
{
    b->asked_count = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (b->items[i].answered) {
            continue;
        }
        size_t at = b->asked_count++;
        request_person_ref(&b->refs[at], &b->identities[at], &b->items[i].who.who);
        b->ref_list[at] = &b->refs[at];
        b->asked[at] = i;
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

static bool cannot_write(batch *b)
{
    if (batch_output_flush(b->output, b->problem)) {
        (void)snprintf(b->problem, sizeof b->problem, "an answer cannot be written: out of memory");
    }
    return false;
}

static void take_delay(batch *b, const Google__Protobuf__Duration *delay)
{
    if (delay != NULL && delay->seconds >= 0 && delay->seconds < 3600) {
        int64_t ms = delay->seconds * 1000 + delay->nanos / 1000000;
        b->wait_ms = ms > b->wait_ms ? ms : b->wait_ms;
    }
}

/* Takes what was said about one person. False where it cannot be written. */
static bool take_error(batch *b, item *of, const Profilecontext__V1__EntryError *error)
{
    if (is_passing(error->code) && !b->last_attempt) {
        take_delay(b, error->retry_delay);
        return true;
    }
    of->answered = true;
    b->done++;
    b->not_found += error->code == PROFILECONTEXT_NOT_FOUND;
    b->failed += error->code != PROFILECONTEXT_NOT_FOUND;
    return batch_output_error(b->output, &of->who, error) || cannot_write(b);
}

static item *asked_item(batch *b, size_t at)
{
    return at < b->asked_count && !b->items[b->asked[at]].answered ? &b->items[b->asked[at]] : NULL;
}

static bool take_context(batch *b, const Profilecontext__V1__BatchGetContextsResponse *answer)
{
    item *of = answer->index < 0 ? NULL : asked_item(b, (size_t)answer->index);
    if (of == NULL) {
        return true; /* nothing that was asked */
    }
    if (answer->result_case == PROFILECONTEXT__V1__BATCH_GET_CONTEXTS_RESPONSE__RESULT_ERROR) {
        return take_error(b, of, answer->error);
    }
    if (answer->result_case != PROFILECONTEXT__V1__BATCH_GET_CONTEXTS_RESPONSE__RESULT_CONTEXT) {
        return true;
    }
    of->answered = true;
    b->done++;
    return batch_output_context(b->output, &of->who, answer->context) || cannot_write(b);
}

static bool take_profile(batch *b, size_t at, const Profilecontext__V1__ProfileEntry *entry)
{
    item *of = asked_item(b, at);
    if (of != NULL && entry->result_case == PROFILECONTEXT__V1__PROFILE_ENTRY__RESULT_ERROR) {
        return take_error(b, of, entry->error);
    }
    if (of == NULL || entry->result_case != PROFILECONTEXT__V1__PROFILE_ENTRY__RESULT_PROFILE) {
        return true;
    }
    of->answered = true;
    b->done++;
    return batch_output_profile(b->output, &of->who, entry->profile) || cannot_write(b);
}

/* ---- attempts ------------------------------------------------------------------------------ */

/* Asks once. `status` is what became of the call; false where writing failed. */
static bool ask_contexts(batch *b, profilecontext_status *status)
{
    Profilecontext__V1__BatchGetContextsRequest request;
    request_batch_contexts(&request, b->parts, b->in->options);
    request.persons = b->ref_list;
    request.n_persons = b->asked_count;
    profilecontext_stream *stream = NULL;
    if (profilecontext_batch_get_contexts(&stream, b->in->client, &request, &b->in->call, status) !=
        PROFILECONTEXT_OK) {
        return true;
    }
    bool good = true;
    Profilecontext__V1__BatchGetContextsResponse *answer = NULL;
    while (good &&
           profilecontext_batch_get_contexts_next(&answer, stream, status) == PROFILECONTEXT_OK &&
           answer != NULL) {
        good = take_context(b, answer);
        profilecontext_response_free(answer);
        show_progress(b);
    }
    profilecontext_stream_free(stream);
    return good;
}

static bool ask_profiles(batch *b, profilecontext_status *status)
{
    Profilecontext__V1__BatchGetProfilesRequest request;
    request_batch_profiles(&request, b->parts, b->in->options);
    request.persons = b->ref_list;
    request.n_persons = b->asked_count;
    Profilecontext__V1__BatchGetProfilesResponse *response = NULL;
    if (profilecontext_batch_get_profiles(&response, b->in->client, &request, &b->in->call,
                                          status) != PROFILECONTEXT_OK) {
        return true;
    }
    bool good = true;
    for (size_t i = 0; good && i < response->n_profiles; i++) {
        good = take_profile(b, i, response->profiles[i]);
    }
    profilecontext_response_free(response);
    show_progress(b);
    return good;
}

static size_t count_open(const batch *b)
{
    size_t open = 0;
    for (size_t i = 0; i < b->count; i++) {
        open += !b->items[i].answered;
    }
    return open;
}

/* Asks until every person of the chunk is answered. */
static exit_code ask(batch *b)
{
    const options *how = b->in->options;
    int64_t step = FIRST_WAIT_MS;
    for (int32_t attempt = 0; count_open(b) > 0; attempt++) {
        b->last_attempt = attempt >= how->retries;
        b->wait_ms = 0;
        list_open(b);
        profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
        bool good = how->profiles ? ask_profiles(b, &status) : ask_contexts(b, &status);
        session_add_cost(b->in);
        good = good && batch_output_flush(b->output, b->problem);
        if (!good) {
            profilecontext_status_clear(&status);
            return session_problem(b->in, EXIT_CODE_OTHER, "%s", b->problem);
        }
        if (interruption_happened()) {
            profilecontext_status_clear(&status);
            return EXIT_CODE_OTHER;
        }
        if (status.code != PROFILECONTEXT_OK && (!is_passing(status.code) || b->last_attempt)) {
            progress_end(&b->progress);
            return session_fail(b->in, &status);
        }
        if (status.code == PROFILECONTEXT_OK && count_open(b) > 0 && b->last_attempt) {
            return session_problem(b->in, EXIT_CODE_OTHER,
                                   "the server has left %zu persons without an answer",
                                   count_open(b));
        }
        if (count_open(b) > 0) {
            int64_t wait = status.retry_after_ms > b->wait_ms ? status.retry_after_ms : b->wait_ms;
            interruption_sleep(wait > step ? wait : step);
            step = step * 2 < LONGEST_WAIT_MS ? step * 2 : LONGEST_WAIT_MS;
        }
        profilecontext_status_clear(&status);
    }
    return EXIT_CODE_OK;
}

static exit_code run(batch *b)
{
    for (bool more = true; more;) {
        bool readable = fill(b);
        more = readable && b->count == b->room;
        exit_code code = b->count == 0 ? EXIT_CODE_OK : ask(b);
        drop(b);
        if (code != EXIT_CODE_OK) {
            return code;
        }
        if (!readable) {
            progress_end(&b->progress);
            return b->misuse ? session_problem(b->in, EXIT_CODE_MISUSE,
                                               "%s; --skip-bad passes over such lines", b->problem)
                             : session_problem(b->in, EXIT_CODE_OTHER, "%s", b->problem);
        }
    }
    return b->failed > 0 ? EXIT_CODE_OTHER : EXIT_CODE_OK;
}

/* Says on standard error what became of all. */
static void report(batch *b)
{
    display *err = &b->in->err;
    progress_end(&b->progress);
    display_addf(err, STYLE_PLAIN, "%llu answered", (unsigned long long)b->done);
    const struct {
        uint64_t count;
        const char *what;
    } notes[] = {
        {b->not_found, "not found"},
        {b->failed, "failed"},
        {b->skipped, "answered before"},
        {b->bad, b->bad == 1 ? "bad line" : "bad lines"},
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (notes[i].count > 0) {
            display_addf(err, STYLE_PLAIN, ", %llu %s", (unsigned long long)notes[i].count,
                         notes[i].what);
        }
    }
    if (interruption_happened()) {
        display_add(err, STYLE_PLAIN, "; interrupted");
    }
    display_end(err);
}

static bool make_room(batch *b)
{
    const options *how = b->in->options;
    size_t most = how->profiles ? PROFILES_MAX : CONTEXTS_MAX;
    size_t wanted = how->chunk_size == 0 ? CHUNK_DEFAULT : (size_t)how->chunk_size;
    b->room = wanted < most ? wanted : most;
    b->items = calloc(b->room, sizeof *b->items);
    b->refs = calloc(b->room, sizeof *b->refs);
    b->ref_list = calloc(b->room, sizeof *b->ref_list);
    b->identities = calloc(b->room, sizeof *b->identities);
    b->asked = calloc(b->room, sizeof *b->asked);
    return b->items != NULL && b->refs != NULL && b->ref_list != NULL && b->identities != NULL &&
           b->asked != NULL;
}

static void free_room(batch *b)
{
    free(b->items);
    free(b->refs);
    free(b->ref_list);
    free(b->identities);
    free(b->asked);
}

exit_code command_batch(session *in, request_parts *parts)
{
    batch b = {.in = in, .parts = parts};
    profilecontext_cancellation *cancellation = profilecontext_cancellation_new();
    exit_code code = EXIT_CODE_MISUSE;
    if (cancellation == NULL || !make_room(&b) || !interruption_watch(cancellation)) {
        code = session_problem(in, EXIT_CODE_OTHER, "out of memory");
    } else if ((b.input = batch_input_open(in->options, b.problem)) == NULL ||
               (b.output = batch_output_open(in->options, b.problem)) == NULL) {
        code = session_problem(in, EXIT_CODE_MISUSE, "%s", b.problem);
    } else {
        in->call.cancellation = cancellation;
        progress_start(&b.progress, in->err.out, isatty(STDERR_FILENO) != 0);
        code = run(&b);
        report(&b);
    }
    if (b.output != NULL) {
        batch_output_close(b.output);
    }
    batch_input_close(b.input);
    free_room(&b);
    /* The cancellation stays: the thread that waits for a signal has it until the process ends. */
    return code;
}
