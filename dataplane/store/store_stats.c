/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "dataplane/store/shard.h"

static void
add_tallies(const struct store *store, struct store_stats *stats)
{
	for (unsigned int i = 0; i <= store->options.workers; i++) {
		const struct store_worker *worker =
			i < store->options.workers ? store->worker[i] : store->janitor;

		for (unsigned int k = 0; k < store->options.shards; k++) {
			const struct tally *tally = &worker->writer[k].tally;
#define X(name) stats->name += counter_read(&tally->name);
			STORE_TALLY(X)
#undef X
		}
	}
}

/* Counters are read one after the other while others count: a sum may fall short of nothing. */
static void
clip(uint64_t *value)
{
	if ((int64_t)*value < 0)
		*value = 0;
}

static void
add_segments(const struct heap *heap, uint64_t now, struct store_stats *stats)
{
	uint64_t count[SEGMENT_STATES] = {0}, oldest = now;

	for (uint32_t i = 0; i < counter_read32(&heap->end); i++) {
		const struct segment *segment = &heap->segment[i];
		uint32_t state = counter_read32(&segment->state);
		uint64_t born = counter_read(&segment->born);

		count[state]++;
		if ((state == SEGMENT_OPEN || state == SEGMENT_SEALED) && born < oldest)
			oldest = born;
	}
	stats->segments += heap_usable(heap);
	stats->segment_size = heap_segment_size(heap);
	stats->segments_free += count[SEGMENT_FREE] + count[SEGMENT_FRESH];
	stats->segments_open += count[SEGMENT_OPEN];
	stats->segments_sealed += count[SEGMENT_SEALED] + count[SEGMENT_VICTIM];
	stats->segments_retired += count[SEGMENT_RETIRED];
	stats->segments_index += count[SEGMENT_INDEX];
	for (unsigned int state = SEGMENT_OPEN; state < SEGMENT_AWAY; state++)
		stats->memory_used += count[state] << heap->shift;
	if ((now - oldest) / CLOCK_TICKS > stats->oldest_seconds)
		stats->oldest_seconds = (now - oldest) / CLOCK_TICKS;
}

static void
add_index(const struct index *index, struct store_stats *stats)
{
	uint64_t reach[CHAIN_MAX] = {counter_read(&index->chunks) * (index->bucket_mask + 1)};

	stats->index_slots += reach[0] * FIRST_SLOTS;
	for (unsigned int depth = 1; depth < CHAIN_MAX; depth++) {
		reach[depth] = counter_read32(&index->depth_count[depth]);
		stats->index_overflow += reach[depth];
		stats->index_slots += reach[depth] * OVERFLOW_SLOTS;
	}
	stats->chain_1 += reach[0] - reach[1];
	stats->chain_2 += reach[1] - reach[2];
	stats->chain_3 += reach[2] - reach[3];
	stats->chain_4 += reach[3];
	stats->index_growths += counter_read(&index->growths);
	stats->index_refreshes += counter_read(&index->refreshes);
}

void
store_read_stats(const struct store *store, struct store_stats *stats)
{
	uint64_t now = clock_tick(clock_read(&store->clock));
	double share = 0;

	memset(stats, 0, sizeof(*stats));
	add_tallies(store, stats);
	clip(&stats->items);
	clip(&stats->bytes_keys);
	clip(&stats->bytes_values);
	clip(&stats->bytes_headers);
	clip(&stats->bytes_slack);
	clip(&stats->bytes_dead);
	for (unsigned int i = 0; i < store->options.shards; i++) {
		add_segments(&store->shard[i]->heap, now, stats);
		add_index(&store->shard[i]->index, stats);
		/* relaxed: a statistic */
		share += atomic_load_explicit(&store->shard[i]->eviction.small_share,
					      memory_order_relaxed);
	}
	stats->new_share = (uint64_t)(100 * share / store->options.shards);
	stats->memory_limit = counter_read(&store->memory);
	stats->grace_periods = counter_read(&store->gp.done) - 1;
	stats->grace_period_us = counter_read(&store->gp.last_us);
}
