/* How times are spread. The first buckets are a nanosecond wide, up to twice HALF; each power of
 * two above has HALF of them, twice as wide as those before. */
#include "histogram.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum {
    HALF_BITS = 13,
    HALF = 1 << HALF_BITS,
    LONGEST_BITS = 45,
    BUCKETS = (LONGEST_BITS - HALF_BITS + 1) * HALF,
    /* Rows of the text between a share and the one half as far from all. */
    ROWS_TO_HALF = 5
};

struct histogram {
    uint64_t count;
    int64_t min;
    int64_t max;
    double sum; /* whole, and so exact up to 2^53 ns, which are 104 days */
    uint64_t counts[BUCKETS];
};

/* How often values are halved to be below 2 * HALF. */
static unsigned halvings_of(int64_t ns)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll((uint64_t)ns | 1);
    return bits <= HALF_BITS + 1 ? 0 : bits - (HALF_BITS + 1);
}

static size_t bucket_of(int64_t ns)
{
    unsigned halvings = halvings_of(ns);
    return (size_t)halvings * HALF + (size_t)(ns >> halvings);
}

/* The longest time that falls into a bucket. */
static int64_t longest_in(size_t bucket)
{
    if (bucket < 2 * HALF) {
        return (int64_t)bucket;
    }
    unsigned halvings = (unsigned)(bucket >> HALF_BITS) - 1;
    return ((int64_t)(bucket - (size_t)halvings * HALF + 1) << halvings) - 1;
}

histogram *histogram_new(void)
{
    return calloc(1, sizeof(histogram));
}

void histogram_free(histogram *of)
{
    free(of);
}

void histogram_add(histogram *to, int64_t ns)
{
    int64_t time = ns < 0 ? 0 : ns;
    to->min = to->count == 0 || time < to->min ? time : to->min;
    to->max = time > to->max ? time : to->max;
    to->sum += (double)time;
    to->count++;
    to->counts[bucket_of(time > HISTOGRAM_LONGEST_NS ? HISTOGRAM_LONGEST_NS : time)]++;
}

void histogram_merge(histogram *to, const histogram *from)
{
    if (from->count == 0) {
        return;
    }
    to->min = to->count == 0 || from->min < to->min ? from->min : to->min;
    to->max = from->max > to->max ? from->max : to->max;
    to->sum += from->sum;
    to->count += from->count;
    for (size_t i = 0; i < BUCKETS; i++) {
        to->counts[i] += from->counts[i];
    }
}

uint64_t histogram_count(const histogram *of)
{
    return of->count;
}

int64_t histogram_min(const histogram *of)
{
    return of->min;
}

int64_t histogram_max(const histogram *of)
{
    return of->max;
}

double histogram_mean(const histogram *of)
{
    return of->count == 0 ? 0 : of->sum / (double)of->count;
}

/* The percentile, and how many do not exceed it. */
static int64_t find(const histogram *of, double percent, uint64_t *up_to)
{
    *up_to = 0;
    /* What rounding adds to a whole number must not make it the next one. */
    double wanted = ceil((double)of->count * percent / 100 - 1e-6);
    for (size_t i = 0; i < BUCKETS; i++) {
        *up_to += of->counts[i];
        if (*up_to > 0 && (double)*up_to >= wanted) {
            int64_t longest = longest_in(i);
            return longest < of->max && *up_to < of->count ? longest : of->max;
        }
    }
    return of->max;
}

int64_t histogram_percentile(const histogram *of, double percent)
{
    uint64_t up_to = 0;
    return find(of, percent, &up_to);
}

static double deviation(const histogram *of)
{
    double mean = histogram_mean(of);
    double squares = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        double off = (double)longest_in(i) - mean;
        squares += of->counts[i] == 0 ? 0 : off * off * (double)of->counts[i];
    }
    return of->count == 0 ? 0 : sqrt(squares / (double)of->count);
}

static double in_ms(double ns)
{
    return ns / 1e6;
}

void histogram_write(const histogram *of, FILE *out)
{
    fputs("       Value     Percentile TotalCount 1/(1-Percentile)\n\n", out);
    uint64_t up_to = 0;
    for (double percent = 0; up_to < of->count;) {
        double value = in_ms((double)find(of, percent, &up_to));
        if (up_to == of->count) {
            fprintf(out, "%12.6f %14.12f %10" PRIu64 "\n", value, 1.0, up_to);
        } else {
            fprintf(out, "%12.6f %14.12f %10" PRIu64 " %14.2f\n", value, percent / 100, up_to,
                    100 / (100 - percent));
        }
        /* The nearer to all, the smaller the steps. */
        double halvings = floor(log2(100 / (100 - percent))) + 1;
        percent += 100 / (ROWS_TO_HALF * exp2(halvings));
    }
    fprintf(out, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n", in_ms(histogram_mean(of)),
            in_ms(deviation(of)));
    fprintf(out, "#[Max     = %12.6f, Total count    = %12" PRIu64 "]\n", in_ms((double)of->max),
            of->count);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", LONGEST_BITS - HALF_BITS, 2 * HALF);
}
