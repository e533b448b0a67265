/* The options of bench. */
#include "options_bench.h"

#include <stdarg.h>
#include <stdio.h>

#include "bench_template.h"

enum {
    NOT_GIVEN = -1,
    IN_FLIGHT_CLOSED = 64,
    IN_FLIGHT_OPEN = 10000,
    IN_FLIGHT_MAX = 1000000,
    CONNECTIONS_DEFAULT = 8,
    CONNECTIONS_MAX = 1000,
    SAMPLE_DEFAULT = 16,
    DURATION_DEFAULT_MS = 10000,
    WARMUP_DEFAULT_MS = 2000,
    DAY_MS = 24 * 3600 * 1000
};

#define RATE_MAX 1e7
#define ZIPF_MAX 100
#define PERSONS_MAX 100000000
#define NUMBER_MAX INT64_C(99999999999999999)

void options_bench_defaults(options *out)
{
    out->id_from = 1;
    out->zipf = NOT_GIVEN;
    out->seed = 1;
    out->miss_percent = NOT_GIVEN;
    out->miss_from = 1;
    out->in_flight = NOT_GIVEN;
    out->connections = NOT_GIVEN;
    out->rate = NOT_GIVEN;
    out->duration_ms = NOT_GIVEN;
    out->requests = NOT_GIVEN;
    out->warmup_ms = NOT_GIVEN;
    out->sample = SAMPLE_DEFAULT;
}

static bool wrong(char problem[OPTIONS_PROBLEM_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what is wrong; returns false for the caller to return. */
static bool wrong(char problem[OPTIONS_PROBLEM_SIZE], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(problem, OPTIONS_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_template(const char *name, const char *text, char problem[OPTIONS_PROBLEM_SIZE])
{
    bench_template read;
    const char *why = bench_template_parse(&read, text);
    return why == NULL || wrong(problem, "--%s '%s': %s", name, text, why);
}

static bool check_persons(const options *of, char problem[OPTIONS_PROBLEM_SIZE])
{
    if ((of->id_template == NULL) != (of->id_count == 0)) {
        return wrong(problem, "--id-template and --id-count, which is above 0, belong together");
    }
    if (of->id_count > PERSONS_MAX) {
        return wrong(problem, "--id-count may be 100000000 at most");
    }
    if (of->id_template != NULL && !check_template("id-template", of->id_template, problem)) {
        return false;
    }
    if (of->persons.count == 0 && of->id_file == NULL && of->id_template == NULL &&
        of->miss_percent < 100) {
        return wrong(problem, "bench needs to know whom to ask for: NAMESPACE:ID, --ids or "
                              "--id-template with --id-count");
    }
    return true;
}

static bool check_choice(options *of, char problem[OPTIONS_PROBLEM_SIZE])
{
    if (of->zipf > ZIPF_MAX) {
        return wrong(problem, "--zipf may be 100 at most");
    }
    if (of->id_from > NUMBER_MAX || of->miss_from > NUMBER_MAX) {
        return wrong(problem, "--id-from and --miss-from have 17 digits at most");
    }
    if (of->miss_percent > 100) {
        return wrong(problem, "--miss-percent may be 100 at most");
    }
    if ((of->miss_percent == NOT_GIVEN) != (of->miss_template == NULL)) {
        return wrong(problem, "--miss-percent and --miss-template belong together");
    }
    of->miss_percent = of->miss_percent == NOT_GIVEN ? 0 : of->miss_percent;
    return of->miss_template == NULL || check_template("miss-template", of->miss_template, problem);
}

static bool check_request(const options *of, char problem[OPTIONS_PROBLEM_SIZE])
{
    if (of->page_size > 0 && of->method != BENCH_EVENTS && of->method != BENCH_SEGMENTS) {
        return wrong(problem, "--page-size goes with --method events and segments");
    }
    if (of->event_limit > 0 && of->method != BENCH_CONTEXT) {
        return wrong(problem, "--event-limit goes with --method context");
    }
    if (of->since_ms >= 0 && of->method != BENCH_CONTEXT && of->method != BENCH_EVENTS) {
        return wrong(problem, "--since goes with --method context and events");
    }
    if (of->deadline_ms > DAY_MS) {
        return wrong(problem, "--deadline may be a day at most");
    }
    return true;
}

/* Checks that nothing is 0 where that would be no load. */
static bool check_above_zero(const options *of, char problem[OPTIONS_PROBLEM_SIZE])
{
    const struct {
        const char *name;
        bool zero;
    } numbers[] = {
        {"duration", of->duration_ms == 0},
        {"requests", of->requests == 0},
        {"in-flight", of->in_flight == 0},
        {"connections", of->connections == 0},
        {"rate", of->rate == 0},
        {"sample", of->sample == 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].zero) {
            return wrong(problem, "--%s must be above 0", numbers[i].name);
        }
    }
    return true;
}

/* Checks the load, and fills in what was not given. */
static bool check_load(options *of, char problem[OPTIONS_PROBLEM_SIZE])
{
    if (of->rate > RATE_MAX) {
        return wrong(problem, "--rate may be 10000000 at most");
    }
    if (of->duration_ms != NOT_GIVEN && of->requests != NOT_GIVEN) {
        return wrong(problem, "--duration and --requests do not go together");
    }
    if (of->duration_ms > 30 * (int64_t)DAY_MS || of->warmup_ms > DAY_MS) {
        return wrong(problem, "--duration may be 30 days at most, --warmup one");
    }
    if (of->in_flight > IN_FLIGHT_MAX || of->connections > CONNECTIONS_MAX) {
        return wrong(problem, "--in-flight may be 1000000 at most, --connections 1000");
    }
    of->rate = of->rate == NOT_GIVEN ? 0 : of->rate;
    if (of->in_flight == NOT_GIVEN) {
        of->in_flight = of->rate > 0 ? IN_FLIGHT_OPEN : IN_FLIGHT_CLOSED;
    }
    if (of->connections == NOT_GIVEN) {
        of->connections = of->in_flight < CONNECTIONS_DEFAULT ? of->in_flight : CONNECTIONS_DEFAULT;
    }
    if (of->warmup_ms == NOT_GIVEN) {
        of->warmup_ms = of->requests == NOT_GIVEN ? WARMUP_DEFAULT_MS : 0;
    }
    if (of->duration_ms == NOT_GIVEN) {
        of->duration_ms = of->requests == NOT_GIVEN ? DURATION_DEFAULT_MS : 0;
    }
    of->requests = of->requests == NOT_GIVEN ? 0 : of->requests;
    return true;
}

bool options_bench_check(options *of, char problem[OPTIONS_PROBLEM_SIZE])
{
    return check_persons(of, problem) && check_choice(of, problem) && check_request(of, problem) &&
           check_above_zero(of, problem) && check_load(of, problem);
}
