/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/cache_sim.h"

#include "perf/sim_table.h"

#include <stdlib.h>

enum {
	SAMPLES = 64
};

void
sim_trace_make(struct sim_trace *trace, struct workload *workload, size_t count, size_t warm_up,
	       bool preload)
{
	size_t first = preload ? workload->options.keys : 0;
	double bytes = 0;

	count += first;
	trace->requests = sim_realloc(NULL, count, sizeof(trace->requests[0]));
	trace->count = count;
	trace->warm_up = warm_up + first;
	trace->largest_item = 0;
	for (size_t i = 0; i < count; i++) {
		struct sim_request *to = &trace->requests[i];
		struct workload_request from;
		uint32_t size;

		if (i < first)
			workload_preload(workload, i, &from);
		else
			workload_next(workload, &from);
		size = from.key_length + from.value_length;
		to->key = from.key;
		to->time = 1 + (uint32_t)((double)i / workload->options.rate);
		to->expires = from.ttl != 0 ? to->time + from.ttl : 0;
		to->value_length = from.value_length;
		to->key_length = from.key_length;
		to->op = from.op;
		to->fill = from.fill;
		bytes += size;
		if (size > trace->largest_item)
			trace->largest_item = size;
	}
	trace->mean_item = bytes / (double)count;
}

void
sim_trace_release(struct sim_trace *trace)
{
	free(trace->requests);
	trace->requests = NULL;
}

/* One request, as a client that reads through sends it. True on a hit. */
static bool
serve(struct sim_cache *cache, const struct sim_request *request)
{
	const struct sim_cache_ops *ops = cache->ops;
	bool hit = false;

	switch ((enum workload_op)request->op) {
	case WORKLOAD_GET:
		hit = ops->get(cache, request);
		if (!hit && request->fill)
			ops->set(cache, request);
		break;
	case WORKLOAD_SET:
		ops->set(cache, request);
		break;
	case WORKLOAD_ADD:
		if (!ops->get(cache, request))
			ops->set(cache, request);
		break;
	case WORKLOAD_CAS:
		if (ops->get(cache, request))
			ops->set(cache, request);
		break;
	case WORKLOAD_DELETE:
		ops->erase(cache, request);
		break;
	case WORKLOAD_INCR:
		if (ops->get(cache, request))
			ops->change(cache, request);
		break;
	case WORKLOAD_OPS:
		break;
	}
	return hit;
}

void
sim_replay(struct sim_cache *cache, const struct sim_trace *trace, struct sim_result *result)
{
	size_t every = (trace->count - trace->warm_up) / SAMPLES + 1, samples = 0;
	uint64_t stored = 0, copied = 0, cleaned = 0; /* during the warm-up */

	*result = (struct sim_result){0};
	for (size_t i = 0; i < trace->count; i++) {
		const struct sim_request *request = &trace->requests[i];
		bool hit = serve(cache, request);

		if (i < trace->warm_up)
			continue;
		if (i == trace->warm_up) {
			stored = cache->stored;
			copied = cache->copied;
			cleaned = cache->cleaned;
		}
		if (request->op == WORKLOAD_GET) {
			result->gets++;
			result->misses += !hit;
		}
		if ((i - trace->warm_up) % every == 0) {
			if (cache->ops->settle != NULL)
				cache->ops->settle(cache, request->time);
			result->mean_items += (double)cache->live_items;
			result->mean_bytes += (double)cache->live_bytes;
			samples++;
		}
	}
	if (samples > 0) {
		result->mean_items /= (double)samples;
		result->mean_bytes /= (double)samples;
	}
	result->copied_share =
		cache->stored > 0 ? (double)cache->copied / (double)cache->stored : 0;
	if (cache->stored > stored) {
		result->copied_late =
			(double)(cache->copied - copied) / (double)(cache->stored - stored);
		result->cleaned_late =
			(double)(cache->cleaned - cleaned) / (double)(cache->stored - stored);
	}
}
