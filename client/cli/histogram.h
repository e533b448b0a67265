/* How times are spread: a histogram with buckets that grow with their values, so that every time
 * from a nanosecond to nine hours is kept to nearly four significant digits in fixed memory: a
 * millisecond beside a second shows. */
#ifndef PROFILECTL_HISTOGRAM_H
#define PROFILECTL_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What percentiles may be too large by, never too small: an eight-thousandth. Longer times than the
 * longest are counted as that one; the mean and the extremes are exact all the same. */
#define HISTOGRAM_ERROR (1.0 / 8192)
#define HISTOGRAM_LONGEST_NS ((INT64_C(1) << 45) - 1)

typedef struct histogram histogram;

/* An empty one; NULL without memory. Free with histogram_free, which ignores NULL. */
histogram *histogram_new(void);
void histogram_free(histogram *of);

/* Adds a time; one below 0 is taken for 0. */
void histogram_add(histogram *to, int64_t ns);

/* Adds all of another. */
void histogram_merge(histogram *to, const histogram *from);

uint64_t histogram_count(const histogram *of);

/* 0 where there is none. */
int64_t histogram_min(const histogram *of);
int64_t histogram_max(const histogram *of);
double histogram_mean(const histogram *of);

/* The time that `percent` of all do not exceed, 0 to 100; 0 where there is none. */
int64_t histogram_percentile(const histogram *of, double percent);

/* Writes the percentiles in the text form of HdrHistogram, which plotting tools read: milliseconds,
 * share, count so far, 1 / (1 - share). What fails shows in the file's error flag. */
void histogram_write(const histogram *of, FILE *out);

#endif
