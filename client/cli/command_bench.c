/* profilectl bench: loads a server and measures its answers, on one thread. In a closed loop a call
 * starts when one has ended; in an open loop calls start by a schedule, however slow the answers
 * are, and latency counts from the moment at which they were due. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench_choice.h"
#include "bench_engine.h"
#include "bench_plan.h"
#include "bench_requests.h"
#include "bench_result.h"
#include "interruption.h"
#include "progress.h"
#include "session.h"

/* Between looks at the keyboard, the window and the terminal, where nothing else happens. */
#define TICK_NS INT64_C(100000000)
#define SHOW_NS INT64_C(500000000)
#define MS_NS INT64_C(1000000)

typedef struct {
    session *in;
    bench_load load;
    bench_requests *requests;
    bench_choice choice;
    bench_engine *engine;
    bench_plan plan;
    bench_result result;
    progress progress;
    FILE *histogram; /* NULL: not wanted */
    int64_t shown_ns;
    uint64_t answers; /* OK ones that count */
    int64_t spun_ns;
    int64_t last_end_ns; /* of a call that counts */
    /* The time that is measured. */
    bool window_open;
    bool window_closed;
    double cpu_before_s;
    int64_t spun_before_ns;
} bench;

static double cpu_seconds(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* ---- the time that is measured --------------------------------------------------------------- */

static void open_window(bench *b)
{
    b->window_open = true;
    b->cpu_before_s = cpu_seconds();
    b->spun_before_ns = b->spun_ns;
}

static void close_window(bench *b, int64_t end_ns)
{
    if (!b->window_open || b->window_closed) {
        return;
    }
    b->window_closed = true;
    b->result.seconds = (double)(end_ns - bench_plan_window_begin(&b->plan)) / 1e9;
    b->result.client_cpu_s = cpu_seconds() - b->cpu_before_s;
    b->result.client_spin_s = (double)(b->spun_ns - b->spun_before_ns) / 1e9;
}

/* Opens and closes the window when it is time, and heeds Ctrl-C. */
static void watch(bench *b, int64_t now_ns)
{
    if (!b->window_open && now_ns >= bench_plan_window_begin(&b->plan)) {
        open_window(b);
    }
    if (!b->window_closed && now_ns >= bench_plan_window_end(&b->plan)) {
        close_window(b, bench_plan_window_end(&b->plan));
    }
    if (interruption_happened() && !b->result.interrupted) {
        b->result.interrupted = true;
        close_window(b, now_ns);
        bench_plan_stop(&b->plan);
        bench_engine_cancel(b->engine);
    }
    if (b->progress.shown && now_ns - b->shown_ns >= SHOW_NS) {
        b->shown_ns = now_ns;
        char text[BENCH_PROGRESS_SIZE];
        int64_t since = b->window_open ? bench_plan_window_begin(&b->plan) : b->plan.begin_ns;
        bench_result_progress(text, &b->result, !b->window_open, (double)(now_ns - since) / 1e9);
        progress_line(&b->progress, text);
    }
}

/* ---- starts ---------------------------------------------------------------------------------- */

static void start(bench *b, bench_call *call, int64_t due_ns)
{
    size_t chosen = bench_choice_next(&b->choice);
    bench_bytes request = chosen == BENCH_CHOICE_MISS ? bench_requests_new_person(b->requests)
                                                      : bench_requests_at(b->requests, chosen);
    call->due_ns = due_ns;
    call->new_person = chosen == BENCH_CHOICE_MISS;
    call->counts = bench_plan_take(&b->plan, due_ns);
    b->result.requests += call->counts;
    bench_engine_start(b->engine, call, request.data, request.size);
}

/* Starts all that is due at a moment. Returns when the next start is due. */
static int64_t start_due(bench *b, int64_t now_ns)
{
    bool closed = b->load.rate == 0;
    int64_t now = now_ns;
    for (;;) {
        int64_t due = bench_plan_due(&b->plan, now);
        if (due == BENCH_PLAN_NEVER || (!closed && due > now_ns)) {
            return due;
        }
        bench_call *call = bench_engine_take(b->engine);
        if (call != NULL) {
            start(b, call, due);
            if (!closed && call->counts) {
                histogram_add(b->result.lag, now - due);
            }
            now = bench_engine_now();
        } else if (closed) {
            return now;
        } else {
            b->result.dropped += bench_plan_take(&b->plan, due);
        }
    }
}

/* ---- ends ------------------------------------------------------------------------------------ */

/* Reads one answer of the sample. */
static void look_into(bench *b, bench_call *call)
{
    if (b->load.check == BENCH_CHECK_NONE || b->answers++ % b->load.sample != 0) {
        return;
    }
    const uint8_t *data = NULL;
    size_t size = 0;
    bench_engine_response(call, &data, &size);
    b->result.looked_into++;
    b->result.malformed += !bench_sections_count(b->result.sections, b->load.method, data, size);
}

static void take_end(bench *b, bench_call *call, int64_t now_ns)
{
    bench_result *result = &b->result;
    bool ok = call->code == PROFILECONTEXT_OK;
    if (now_ns >= bench_plan_window_begin(&b->plan) && !b->window_closed) {
        result->answered++;
        result->answered_ok += ok;
    }
    if (!call->counts) {
        return;
    }
    if (result->interrupted && call->code == PROFILECONTEXT_CANCELLED) {
        result->unfinished++;
        return;
    }
    b->last_end_ns = now_ns;
    if (!ok && result->codes[call->code] == 0) {
        bench_engine_message(call, result->messages[call->code], BENCH_MESSAGE_SIZE);
    }
    result->codes[call->code]++;
    result->bytes += call->bytes;
    result->upstream_calls += (uint64_t)call->upstream_calls;
    histogram_add(result->latency, now_ns - call->due_ns);
    histogram_add(call->new_person ? result->misses : result->hits, now_ns - call->due_ns);
    if (ok) {
        histogram_add(result->latency_ok, now_ns - call->due_ns);
        look_into(b, call);
    }
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Where all has ended before: the last start of a schedule has its share of the time too. */
static int64_t end_of_window(const bench *b)
{
    int64_t end = bench_plan_window_end(&b->plan);
    if (end == BENCH_PLAN_NEVER) {
        end = b->last_end_ns;
    }
    if (end == b->last_end_ns && b->load.rate > 0) {
        double spread_ns = (double)b->plan.requests * 1e9 / b->load.rate;
        int64_t scheduled = bench_plan_window_begin(&b->plan) + (int64_t)spread_ns;
        end = scheduled > end ? scheduled : end;
    }
    return end;
}

static void run(bench *b)
{
    bool closed = b->load.rate == 0;
    int64_t now = bench_engine_now();
    bench_plan_begin(&b->plan, now);
    for (;;) {
        watch(b, now);
        int64_t due = start_due(b, now);
        if (due == BENCH_PLAN_NEVER && bench_engine_in_flight(b->engine) == 0) {
            break;
        }
        int64_t tick = now + TICK_NS;
        bench_call *call = !closed && due < tick
                               ? bench_engine_wait_exactly(b->engine, due, &b->spun_ns)
                               : bench_engine_wait(b->engine, tick);
        now = bench_engine_now();
        if (call != NULL) {
            take_end(b, call, now);
            bench_engine_give_back(b->engine, call);
            now = bench_engine_now(); /* the next call does not wait for what was done with this */
        }
    }
    close_window(b, end_of_window(b));
    progress_end(&b->progress);
}

static exit_code report(bench *b)
{
    session *in = b->in;
    const bench_result *result = &b->result;
    if (in->options->json) {
        bench_result_print_json(in->out.out, result, &b->load);
    } else {
        bench_result_print(&in->out, result, &b->load);
    }
    if (b->histogram != NULL) {
        histogram_write(result->latency, b->histogram);
        bool bad = ferror(b->histogram) != 0;
        bad = fclose(b->histogram) != 0 || bad;
        b->histogram = NULL;
        if (bad) {
            return session_problem(in, EXIT_CODE_OTHER, "cannot write %s",
                                   in->options->histogram_file);
        }
    }
    uint64_t failures = bench_result_failures(result);
    if (failures > 0 && failures == histogram_count(result->latency)) {
        size_t most = 1;
        for (size_t i = 1; i < BENCH_CODES; i++) {
            most = result->codes[i] > result->codes[most] ? i : most;
        }
        return failure_exit_code((profilecontext_code)most);
    }
    bool good = failures == 0 && result->dropped == 0 && result->malformed == 0;
    return good && !result->interrupted ? EXIT_CODE_OK : EXIT_CODE_OTHER;
}

/* Says why there is no connection. A plain call is told more than the engine; where it goes well
 * all the same, `status` has to do. */
static exit_code tell_unreachable(session *in, profilecontext_status *status)
{
    profilecontext_status more = PROFILECONTEXT_STATUS_INIT;
    profilecontext_health health = PROFILECONTEXT_HEALTH_UNKNOWN;
    if (profilecontext_check_health(&health, in->client, NULL, &in->call, &more) ==
        PROFILECONTEXT_UNAVAILABLE) {
        profilecontext_status_clear(status);
        return session_fail(in, &more);
    }
    profilecontext_status_clear(&more);
    return session_fail(in, status);
}

static exit_code connect_all(bench *b)
{
    session *in = b->in;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    bench_engine_options how = {.path = bench_method_path(b->load.method),
                                .connections = b->load.connections,
                                .in_flight = b->load.in_flight,
                                .deadline_ms = in->options->deadline_ms,
                                .authorization = in->authorization};
    int64_t until = bench_engine_now() + in->options->deadline_ms * MS_NS;
    if (bench_engine_new(&b->engine, in->server, &how, &status) != PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    return bench_engine_connect(b->engine, until, &status) == PROFILECONTEXT_OK
               ? EXIT_CODE_OK
               : tell_unreachable(in, &status);
}

/* Makes all that needs no server. */
static exit_code prepare(bench *b, request_parts *parts)
{
    const options *from = b->in->options;
    char problem[BATCH_PROBLEM_SIZE];
    switch (bench_requests_new(&b->requests, from, parts, problem)) {
    case BENCH_REQUESTS_MADE:
        break;
    case BENCH_REQUESTS_MISUSE:
        return session_problem(b->in, EXIT_CODE_MISUSE, "%s", problem);
    case BENCH_REQUESTS_FAILED:
        return session_problem(b->in, EXIT_CODE_OTHER, "%s", problem);
    }
    b->load.persons = bench_requests_count(b->requests);
    if (!bench_choice_init(&b->choice, b->load.persons, from->zipf, from->miss_percent,
                           (uint64_t)from->seed) ||
        !bench_result_init(&b->result)) {
        return session_problem(b->in, EXIT_CODE_OTHER, "out of memory");
    }
    if (from->histogram_file != NULL) {
        b->histogram = fopen(from->histogram_file, "we");
        if (b->histogram == NULL) {
            return session_problem(b->in, EXIT_CODE_MISUSE, "cannot write %s: %s",
                                   from->histogram_file, strerror(errno));
        }
    }
    return EXIT_CODE_OK;
}

exit_code command_bench(session *in, request_parts *parts)
{
    const options *from = in->options;
    bench b = {.in = in,
               .load = {.method = from->method,
                        .rate = from->rate,
                        .connections = (uint64_t)from->connections,
                        .in_flight = (uint64_t)from->in_flight,
                        .miss_percent = from->miss_percent,
                        .check = from->check,
                        .sample = from->check == BENCH_CHECK_ALL ? 1 : (uint64_t)from->sample},
               .plan = {.rate = from->rate,
                        .warmup_ns = from->warmup_ms * MS_NS,
                        .duration_ns = from->duration_ms * MS_NS,
                        .requests = (uint64_t)from->requests}};
    exit_code code = prepare(&b, parts);
    if (code == EXIT_CODE_OK) {
        code = connect_all(&b);
    }
    if (code == EXIT_CODE_OK) {
        (void)interruption_watch(NULL); /* the run looks itself whether there was a signal */
        progress_start(&b.progress, in->err.out, isatty(STDERR_FILENO) != 0);
        run(&b);
        code = report(&b);
    }
    if (b.histogram != NULL) {
        (void)fclose(b.histogram);
    }
    bench_engine_free(b.engine);
    bench_result_deinit(&b.result);
    bench_choice_deinit(&b.choice);
    bench_requests_free(b.requests);
    return code;
}
