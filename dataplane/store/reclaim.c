/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From retired to free: a segment that nothing points to any more is given back once a grace period
 * has passed and no transmission refers to it. One grace period a segment, never one an item. The
 * janitor does it as a rule; a worker that finds no free segment does it too, so that stores
 * don't fail while the janitor is late.
 */
#include "dataplane/store/shard.h"

void
shard_retire(struct store *store, unsigned int number, uint32_t segment)
{
	struct heap *heap = &store->shard[number]->heap;

	heap->segment[segment].retired = gp_token(&store->gp);
	heap->segment[segment].settled = false;
	heap_hand_over(heap, segment, SEGMENT_RETIRED);
}

static bool
segment_is_pinned(const struct store *store, unsigned int number, uint32_t segment)
{
	for (unsigned int i = 0; i <= store->options.workers; i++)
		/* acquire: reads by way of the pin are over before the segment is reused */
		if (atomic_load_explicit(&store_writer(store, i, number)->ledger[segment].pins,
					 memory_order_acquire) != 0)
			return true;
	return false;
}

uint32_t
segment_dead(const struct store *store, unsigned int number, uint32_t segment)
{
	uint32_t dead = 0;

	for (unsigned int i = 0; i <= store->options.workers; i++)
		dead += counter_read32(&store_writer(store, i, number)->ledger[segment].dead);
	return dead;
}

static void
segment_free(const struct store *store, struct writer *writer, uint32_t number)
{
	struct heap *heap = writer->heap;
	struct segment *segment = &heap->segment[number];
	uint32_t dead = segment_dead(store, writer->shard, number);

	counter_add(&writer->tally.bytes_dead,
		    -(uint64_t)(uint32_t)(dead - counter_read32(&segment->dead_before)));
	counter_add(&writer->tally.bytes_slack, segment->used - heap_segment_size(heap));
	/* relaxed: who reads it takes what is dead for a rough figure */
	atomic_store_explicit(&segment->dead_before, dead, memory_order_relaxed);
	heap_give(heap, number);
}

bool
shard_reclaim(struct store *store, struct writer *writer)
{
	struct eviction *eviction = &store->shard[writer->shard]->eviction;
	struct heap *heap = writer->heap;
	uint32_t next, number = heap_collect(heap, SEGMENT_RETIRED);
	bool waiting = false;

	for (; number != SEGMENT_NONE; number = next) {
		struct segment *segment = &heap->segment[number];
		bool passed = gp_passed(&store->gp, segment->retired);

		next = heap_next(heap, number);
		if (passed && !segment->settled) {
			segment->settled = true;
			eviction_settle(eviction, 1);
		}
		if (passed && !segment_is_pinned(store, writer->shard, number)) {
			segment_free(store, writer, number);
			continue;
		}
		waiting |= !passed;
		heap_hand_over(heap, number, SEGMENT_RETIRED);
	}
	return waiting;
}
