/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_meter.h"

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
