/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_meter.h"

#include <string.h>

enum {
	STRETCH_REQUESTS = 2000, /* of which one in a thousand isn't the only one */
};

void
meter_end_stretch(struct meter *meter)
{
	struct meter_stretches *stretches = &meter->stretches;
	const struct histogram *latency = &meter->latency;
	unsigned int least, most, bucket;
	uint64_t requests, later = 0;

	meter_flush_latency(meter);
	requests = latency->total - stretches->total;
	if (requests < STRETCH_REQUESTS)
		return;
	least = histogram_bucket(latency->least);
	most = histogram_bucket(latency->most);
	for (bucket = most; bucket > least; bucket--) {
		later += latency->counts[bucket] - stretches->counts[bucket];
		if (later > requests / 1000)
			break;
	}
	histogram_add(&stretches->p999, histogram_bucket_limit(bucket), 1);
	memcpy(&stretches->counts[least], &latency->counts[least],
	       (most - least + 1) * sizeof(latency->counts[0]));
	stretches->total = latency->total;
}

void
meter_publish(const struct meter *meter, struct meter_view *view, uint64_t progress)
{
	/* relaxed throughout: each figure is shown by itself, none leads to other memory */
	atomic_store_explicit(&view->requests, meter->requests, memory_order_relaxed);
	atomic_store_explicit(&view->hits, meter->hits, memory_order_relaxed);
	atomic_store_explicit(&view->misses, meter->misses, memory_order_relaxed);
	atomic_store_explicit(&view->lost, meter->lost, memory_order_relaxed);
	atomic_store_explicit(&view->wrong, meter->wrong, memory_order_relaxed);
	atomic_store_explicit(&view->progress, progress, memory_order_relaxed);
}
