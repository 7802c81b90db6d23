/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bound: how many random 64-byte lines a second a worker can read when it prefetches a batch of
 * them, over as much memory as the items take. No table can answer faster than that over the
 * lines that a hit needs.
 */
#include "perf/store_bench.h"

#include <stdlib.h>

#include "dataplane/store/prefetch.h"

enum {
	LINE = 64
};

struct bound {
	struct trial_subject subject;
	uint64_t lines;
	uint8_t *memory;
};

static struct trial_subject *
bound_create(const struct trial_plan *plan)
{
	struct bound *bound = calloc(1, sizeof(*bound));
	uint64_t item = plan->key_size + plan->value_size + 24; /* header, index, rounding */

	if (bound == NULL)
		return NULL;
	bound->subject.ops = &trial_bound;
	bound->subject.plan = plan;
	bound->lines = plan->items * item / LINE + 1;
	bound->memory = trial_map(bound->lines * LINE, plan->hugepages);
	return &bound->subject;
}

static void
bound_destroy(struct trial_subject *subject)
{
	struct bound *bound = (struct bound *)subject;

	trial_unmap(bound->memory, bound->lines * LINE, subject->plan->hugepages);
	free(bound);
}

static void *
bound_enter(struct trial_subject *subject, unsigned int worker)
{
	(void)worker;
	return subject;
}

static void
bound_leave(void *worker)
{
	(void)worker;
}

static void
bound_load(void *worker, uint64_t from, uint64_t to)
{
	(void)worker;
	(void)from;
	(void)to;
}

static void
bound_run(void *worker, const struct trial_pool *pool, struct trial_tally *tally)
{
	const struct bound *bound = worker;
	unsigned int batch = bound->subject.plan->batch;
	const uint64_t *line[TRIAL_BATCH_MAX];
	uint64_t sum = 0;

	for (size_t first = 0; first + batch <= pool->count; first += batch) {
		for (unsigned int i = 0; i < batch; i++) {
			uint64_t at = (uint64_t)((unsigned __int128)pool->heads[first + i] *
							 bound->lines >>
						 64);

			line[i] = (const uint64_t *)(const void *)(bound->memory + at * LINE);
			prefetch_line(line[i]);
		}
		for (unsigned int i = 0; i < batch; i++)
			sum += *line[i];
		tally->ops += batch;
	}
	tally->hits = tally->ops;
	tally->heads_sum = pool->heads_sum + sum; /* the memory is all zero */
}

const struct trial_subject_ops trial_bound = {
	.name = "bound",
	.create = bound_create,
	.destroy = bound_destroy,
	.enter = bound_enter,
	.leave = bound_leave,
	.load = bound_load,
	.run = bound_run,
};
