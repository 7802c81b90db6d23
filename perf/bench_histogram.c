/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_histogram.h"

#include <math.h>

uint64_t
histogram_bucket_limit(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * HISTOGRAM_PARTS)
		return bucket;
	shift = (bucket >> HISTOGRAM_PART_BITS) - 1;
	return ((uint64_t)(bucket - (shift << HISTOGRAM_PART_BITS) + 1) << shift) - 1;
}

uint64_t
histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)histogram->total), seen = 0;

	if (histogram->total == 0)
		return 0;
	for (unsigned int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		seen += histogram->counts[bucket];
		if (seen >= rank && seen != 0) {
			uint64_t limit = histogram_bucket_limit(bucket);

			return limit < histogram->most ? limit : histogram->most;
		}
	}
	return histogram->most;
}

double
histogram_mean(const struct histogram *histogram)
{
	return histogram->total == 0 ? 0 : histogram->sum / (double)histogram->total;
}
