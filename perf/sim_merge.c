/* SPDX-License-Identifier: BSD-3-Clause */
/* Merge-based eviction as in Segcache: neighbours of one TTL class become one segment. */
#include "perf/sim_segments.h"

#include <stdlib.h>

enum {
	MERGED = 4 /* segments merged into one */
};

struct candidate {
	struct record record;
	double worth; /* uses a byte */
};

static int
by_worth(const void *a, const void *b)
{
	double x = ((const struct candidate *)a)->worth, y = ((const struct candidate *)b)->worth;

	return (x < y) - (x > y);
}

/* Merges the chain's segments from `first` on into one. */
static void
merge(struct segments *s, unsigned int class, const uint32_t victims[MERGED], unsigned int count,
      uint32_t now)
{
	struct candidate *candidates = NULL;
	uint32_t total = 0, n = 0, bytes = 0;

	for (unsigned int v = 0; v < count; v++)
		total += s->segments[victims[v]].count;
	candidates = sim_realloc(NULL, total + 1, sizeof(candidates[0]));
	for (unsigned int v = 0; v < count; v++) {
		struct segment *segment = &s->segments[victims[v]];

		queue_unlink(s, victims[v]);
		for (uint32_t i = 0; i < segment->count; i++) {
			uint32_t at = segment->records[i];
			struct record *record = &s->records[at];

			if (sim_table_find(&s->table, record->key) != at)
				continue;
			item_forget(s, at);
			if (record_expired(record, now) || record->uses == 0)
				continue;
			candidates[n].record = *record;
			candidates[n++].worth = (double)record->uses / record->size;
		}
		segment_free(s, victims[v]);
	}
	qsort(candidates, n, sizeof(candidates[0]), by_worth);
	for (uint32_t i = 0; i < n && count > 1; i++) {
		struct record *record = &candidates[i].record;

		bytes += footprint(s, record->size);
		if (bytes > s->size)
			break;
		record->uses /= 2;
		append(s, MAIN, class, 0, record);
		s->cache.copied += record->size;
	}
	free(candidates);
}

/* Up to MERGED sealed segments of the class, from where the last pass stopped. */
static unsigned int
chain_next(struct segments *s, unsigned int class, uint32_t victims[MERGED])
{
	struct queue *queue = &s->queues[MAIN];
	uint32_t start = queue->next[class], at;
	unsigned int n = 0;

	for (int pass = 0; pass < 2 && n < MERGED; pass++) {
		n = 0;
		for (at = pass == 0 && start != SIM_NONE ? start : queue->oldest;
		     at != SIM_NONE && n < MERGED; at = s->segments[at].newer) {
			if (s->segments[at].class == class)
				victims[n++] = at;
		}
	}
	while (at != SIM_NONE && s->segments[at].class != class)
		at = s->segments[at].newer;
	queue->next[class] = at;
	return n;
}

void
evict_merge(struct segments *s, uint32_t now)
{
	uint32_t victims[MERGED];

	for (unsigned int i = 0; i < CLASSES; i++) {
		unsigned int class = s->turn++ % CLASSES;

		if (chain_next(s, class, victims) == MERGED) {
			merge(s, class, victims, MERGED, now);
			return;
		}
	}
	/* no chain is long enough: drop the oldest segment of all */
	if (s->queues[MAIN].oldest == SIM_NONE) {
		seal_one(s);
		return;
	}
	victims[0] = s->queues[MAIN].oldest;
	merge(s, s->segments[victims[0]].class, victims, 1, now);
}
