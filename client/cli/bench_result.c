/* What came of a load: counters, and how they are written. */
#include "bench_result.h"

#include <inttypes.h>
#include <string.h>

#include "bench_requests.h"
#include "view.h"

enum { COLUMN = 9, FIRST_COLUMN = 14 };

/* What is told of latency, and its names. */
static const struct {
    const char *name; /* in JSON */
    const char *title;
    double percent;
} percentiles[] = {
    {"p50", "p50", 50},       {"p90", "p90", 90},          {"p99", "p99", 99},
    {"p99_9", "p99.9", 99.9}, {"p99_99", "p99.99", 99.99},
};

enum { PERCENTILES = sizeof percentiles / sizeof *percentiles };

bool bench_result_init(bench_result *out)
{
    *out = (bench_result){.latency = histogram_new(),
                          .latency_ok = histogram_new(),
                          .hits = histogram_new(),
                          .misses = histogram_new(),
                          .lag = histogram_new()};
    return out->latency != NULL && out->latency_ok != NULL && out->hits != NULL &&
           out->misses != NULL && out->lag != NULL;
}

void bench_result_deinit(bench_result *of)
{
    histogram_free(of->latency);
    histogram_free(of->latency_ok);
    histogram_free(of->hits);
    histogram_free(of->misses);
    histogram_free(of->lag);
}

uint64_t bench_result_failures(const bench_result *of)
{
    uint64_t failures = 0;
    for (size_t i = 0; i < BENCH_CODES; i++) {
        failures += i == PROFILECONTEXT_OK || i == PROFILECONTEXT_NOT_FOUND ? 0 : of->codes[i];
    }
    return failures;
}

static double rate_of(const bench_result *of, uint64_t count)
{
    return of->seconds > 0 ? (double)count / of->seconds : 0;
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void print_latency(FILE *out, const char *name, const histogram *of)
{
    fprintf(out, "\"%s\":{\"mean\":%.6f,\"min\":%.6f", name, histogram_mean(of) / 1e6,
            (double)histogram_min(of) / 1e6);
    for (size_t i = 0; i < PERCENTILES; i++) {
        fprintf(out, ",\"%s\":%.6f", percentiles[i].name,
                (double)histogram_percentile(of, percentiles[i].percent) / 1e6);
    }
    fprintf(out, ",\"max\":%.6f},", (double)histogram_max(of) / 1e6);
}

static void print_count(FILE *out, bool *first, const char *name, uint64_t count)
{
    if (count > 0) {
        fprintf(out, "%s\"%s\":%" PRIu64, *first ? "" : ",", name, count);
        *first = false;
    }
}

void bench_result_print_json(FILE *out, const bench_result *of, const bench_load *load)
{
    fprintf(out,
            "{\"method\":\"%s\",\"mode\":\"%s\",\"connections\":%" PRIu64 ",\"in_flight\":%" PRIu64,
            bench_method_name(load->method), load->rate > 0 ? "open" : "closed", load->connections,
            load->in_flight);
    if (load->rate > 0) {
        fprintf(out, ",\"rate_asked\":%.3f", load->rate);
    } else {
        fputs(",\"rate_asked\":null", out);
    }
    fprintf(out, ",\"seconds\":%.6f,\"requests\":%" PRIu64 ",\"rate\":%.3f,\"rate_ok\":%.3f",
            of->seconds, of->requests, rate_of(of, of->answered), rate_of(of, of->answered_ok));
    bool first = true;
    fputs(",\"codes\":{", out);
    for (size_t i = 0; i < BENCH_CODES; i++) {
        print_count(out, &first, profilecontext_code_name((profilecontext_code)i), of->codes[i]);
    }
    first = true;
    fputs("},\"sections\":{", out);
    for (size_t i = 0; i < BENCH_SECTION_STATUSES; i++) {
        print_count(out, &first, bench_section_status_name(i), of->sections[i]);
    }
    fprintf(out,
            "},\"looked_into\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"bytes\":%" PRIu64
            ",\"dropped\":%" PRIu64 ",\"unfinished\":%" PRIu64 ",",
            of->looked_into, of->malformed, of->bytes, of->dropped, of->unfinished);
    print_latency(out, "latency_ms", of->latency);
    print_latency(out, "latency_ok_ms", of->latency_ok);
    if (load->miss_percent > 0) {
        print_latency(out, "hits", of->hits);
        print_latency(out, "misses", of->misses);
    }
    print_latency(out, "start_lag_ms", of->lag);
    fprintf(out,
            "\"upstream_calls\":%" PRIu64 ",\"client_cpu_s\":%.6f,\"client_spin_s\":%.6f,"
            "\"interrupted\":%s}\n",
            of->upstream_calls, of->client_cpu_s, of->client_spin_s,
            of->interrupted ? "true" : "false");
}

/* ---- for people ------------------------------------------------------------------------------ */

/* Starts a line with a number. */
static void count_line(display *to, const char *name, display_style style, uint64_t count)
{
    char number[VIEW_NUMBER_SIZE];
    view_number(number, (double)count, 0);
    view_label(to, name);
    display_add(to, style, number);
}

static void print_rate(display *to, const bench_result *of, const bench_load *load)
{
    char rate[VIEW_NUMBER_SIZE];
    char asked[VIEW_NUMBER_SIZE];
    view_number(rate, rate_of(of, of->answered), of->answered < 10000 ? 1 : 0);
    view_number(asked, load->rate, load->rate < 100 ? 1 : 0);
    view_label(to, "Rate");
    display_addf(to, STYLE_BOLD, "%s/s", rate);
    if (load->rate > 0) {
        display_addf(to, STYLE_PLAIN, " of %s/s asked for", asked);
    }
    if (of->answered_ok < of->answered) {
        view_number(rate, rate_of(of, of->answered_ok), of->answered_ok < 10000 ? 1 : 0);
        display_addf(to, STYLE_PLAIN, ", %s/s OK", rate);
    }
    display_end(to);
}

static void print_codes(display *to, const bench_result *of)
{
    for (size_t i = 0; i < BENCH_CODES; i++) {
        if (of->codes[i] == 0) {
            continue;
        }
        bool good = i == PROFILECONTEXT_OK || i == PROFILECONTEXT_NOT_FOUND;
        count_line(to, profilecontext_code_name((profilecontext_code)i),
                   good ? STYLE_PLAIN : STYLE_BAD, of->codes[i]);
        if (!good && *of->messages[i] != '\0') {
            display_addf(to, STYLE_FAINT, "  first: %s", of->messages[i]);
        }
        display_end(to);
    }
    if (of->dropped > 0) {
        count_line(to, "Not started", STYLE_BAD, of->dropped);
        display_add(to, STYLE_PLAIN, ", since as many as may be were in flight");
        display_end(to);
    }
    if (of->unfinished > 0) {
        count_line(to, "Unfinished", STYLE_WARNING, of->unfinished);
        display_end(to);
    }
}

static void print_sections(display *to, const bench_result *of, const bench_load *load)
{
    if (of->looked_into == 0) {
        return;
    }
    const char *comma = "";
    view_label(to, "Sections");
    for (size_t i = 0; i < BENCH_SECTION_STATUSES; i++) {
        if (of->sections[i] > 0) {
            char number[VIEW_NUMBER_SIZE];
            view_number(number, (double)of->sections[i], 0);
            display_addf(to, STYLE_PLAIN, "%s%s %s", comma, number, bench_section_status_name(i));
            comma = ", ";
        }
    }
    if (load->check == BENCH_CHECK_SAMPLE && load->sample > 1) {
        display_addf(to, STYLE_FAINT, "  (one answer of %" PRIu64 " looked into)", load->sample);
    }
    display_end(to);
    if (of->malformed > 0) {
        count_line(to, "Malformed", STYLE_BAD, of->malformed);
        display_end(to);
    }
}

static void print_cost(display *to, const bench_result *of)
{
    uint64_t ended = histogram_count(of->latency);
    view_label(to, "Received");
    char number[VIEW_NUMBER_SIZE];
    view_number(number, ended == 0 ? 0 : (double)of->bytes / (double)ended, 0);
    display_addf(to, STYLE_PLAIN, "%.1f MB, %s bytes an answer", (double)of->bytes / 1e6, number);
    display_end(to);
    count_line(to, "Upstream calls", STYLE_PLAIN, of->upstream_calls);
    display_end(to);
    view_label(to, "Client");
    double busy = of->client_cpu_s - of->client_spin_s;
    busy = busy < 0 ? 0 : busy;
    display_addf(to, STYLE_PLAIN, "%.2f s of CPU, %.1f us a request", busy,
                 of->answered == 0 ? 0 : busy * 1e6 / (double)of->answered);
    if (of->client_spin_s > 0) {
        display_addf(to, STYLE_PLAIN, "; %.2f s for the clock", of->client_spin_s);
    }
    display_end(to);
}

static void print_time(display *to, double ns)
{
    char text[VIEW_NUMBER_SIZE];
    double ms = ns / 1e6;
    view_number(text, ms, ms < 10 ? 3 : ms < 100 ? 2 : ms < 1000 ? 1 : 0);
    display_pad(to, to->column + COLUMN - display_width(text));
    display_add(to, STYLE_PLAIN, text);
}

static void print_times(display *to, const char *name, const histogram *of)
{
    display_pad(to, VIEW_INDENT);
    display_cell(to, STYLE_FAINT, name, FIRST_COLUMN - VIEW_INDENT);
    print_time(to, histogram_mean(of));
    for (size_t i = 0; i < PERCENTILES; i++) {
        print_time(to, (double)histogram_percentile(of, percentiles[i].percent));
    }
    print_time(to, (double)histogram_max(of));
    display_end(to);
}

static void print_title(display *to, const char *text)
{
    display_pad(to, to->column + COLUMN - display_width(text));
    display_add(to, STYLE_FAINT, text);
}

static void print_all_latency(display *to, const bench_result *of, const bench_load *load)
{
    view_heading(to, "Latency in ms");
    display_pad(to, FIRST_COLUMN);
    print_title(to, "mean");
    for (size_t i = 0; i < PERCENTILES; i++) {
        print_title(to, percentiles[i].title);
    }
    print_title(to, "max");
    display_end(to);
    print_times(to, "all", of->latency);
    if (histogram_count(of->latency_ok) < histogram_count(of->latency)) {
        print_times(to, "OK only", of->latency_ok);
    }
    if (load->miss_percent > 0) {
        print_times(to, "hits", of->hits);
        print_times(to, "new persons", of->misses);
    }
    if (load->rate > 0) {
        print_times(to, "started late", of->lag);
    }
}

void bench_result_print(display *to, const bench_result *of, const bench_load *load)
{
    char persons[VIEW_NUMBER_SIZE];
    char in_flight[VIEW_NUMBER_SIZE];
    view_number(persons, (double)load->persons, 0);
    view_number(in_flight, (double)load->in_flight, 0);
    display_addf(to, STYLE_BOLD, "%s of %s person%s", bench_method_name(load->method), persons,
                 load->persons == 1 ? "" : "s");
    if (load->miss_percent > 0) {
        display_addf(to, STYLE_BOLD, " and %g %% new ones", load->miss_percent);
    }
    display_end(to);
    display_end(to);
    view_label(to, "Load");
    display_addf(to, STYLE_PLAIN, "%s loop, %s%s in flight on %" PRIu64 " connection%s",
                 load->rate > 0 ? "open" : "closed", load->rate > 0 ? "at most " : "", in_flight,
                 load->connections, load->connections == 1 ? "" : "s");
    display_end(to);
    count_line(to, "Requests", STYLE_PLAIN, of->requests);
    display_addf(to, STYLE_PLAIN, " in %.1f s%s", of->seconds,
                 of->interrupted ? ", interrupted" : "");
    display_end(to);
    print_rate(to, of, load);
    print_codes(to, of);
    print_sections(to, of, load);
    print_cost(to, of);
    print_all_latency(to, of, load);
}

void bench_result_progress(char out[BENCH_PROGRESS_SIZE], const bench_result *of, bool warming_up,
                           double seconds)
{
    if (warming_up) {
        (void)snprintf(out, BENCH_PROGRESS_SIZE, "%.0f s, warming up", seconds);
        return;
    }
    char rate[VIEW_NUMBER_SIZE];
    view_number(rate, seconds > 0 ? (double)of->answered / seconds : 0, 0);
    int size = snprintf(out, BENCH_PROGRESS_SIZE, "%.0f s, %s/s, p50 %.2f ms, p99 %.2f ms", seconds,
                        rate, (double)histogram_percentile(of->latency, 50) / 1e6,
                        (double)histogram_percentile(of->latency, 99) / 1e6);
    uint64_t failures = bench_result_failures(of);
    if (failures > 0) {
        size += snprintf(out + size, BENCH_PROGRESS_SIZE - (size_t)size, ", %" PRIu64 " failed",
                         failures);
    }
    if (of->dropped > 0) {
        (void)snprintf(out + size, BENCH_PROGRESS_SIZE - (size_t)size, ", %" PRIu64 " not started",
                       of->dropped);
    }
}
