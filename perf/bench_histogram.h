/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_histogram.h - latencies in log-linear buckets: every power of two is split into 128 equal
 * parts, so that any value is kept to within 0.8 %, from 1 to 2^64, in constant time and space.
 * The scheme is that of HdrHistogram (Gil Tene), of which Debian packages no C version.
 * Values are whatever the caller counts in (here: ticks of a clock). One thread writes.
 */
#ifndef JACKDAW_PERF_BENCH_HISTOGRAM_H
#define JACKDAW_PERF_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_PART_BITS = 7,
	HISTOGRAM_PARTS = 1 << HISTOGRAM_PART_BITS,
	HISTOGRAM_BUCKETS = (64 - HISTOGRAM_PART_BITS + 1) * HISTOGRAM_PARTS,
};

/* All zero is empty. */
struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t least, most; /* exact; meaningless while total is 0 */
	double sum;
};

/* Values below 2 * HISTOGRAM_PARTS have a bucket each; above, buckets double in width by octave. */
static inline unsigned int
histogram_bucket(uint64_t value)
{
	unsigned int octave = 63 - (unsigned int)__builtin_clzll(value | HISTOGRAM_PARTS);
	unsigned int shift = octave - HISTOGRAM_PART_BITS;

	return (shift << HISTOGRAM_PART_BITS) + (unsigned int)(value >> shift);
}

/* Adds `count` (> 0) occurrences of a value. */
static inline void
histogram_add(struct histogram *histogram, uint64_t value, uint64_t count)
{
	histogram->counts[histogram_bucket(value)] += count;
	if (value < histogram->least || histogram->total == 0)
		histogram->least = value;
	if (value > histogram->most)
		histogram->most = value;
	histogram->total += count;
	histogram->sum += (double)value * (double)count;
}

/* The largest value of a bucket. */
uint64_t histogram_bucket_limit(unsigned int bucket);

/*
 * A value that at least `share` (0 .. 1) of all values don't exceed: the upper limit of the bucket
 * that holds the one of that rank, never above `most`. 0 if empty.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

double histogram_mean(const struct histogram *histogram);

#endif
