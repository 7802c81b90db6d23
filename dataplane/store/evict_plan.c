/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The janitor's half of eviction: the queues of sealed segments, and which of them go next.
 */
#include "dataplane/store/evict.h"

#include "dataplane/store/shard.h"

enum {
	TARGET_SHARE = 64,    /* of all segments, one in so many is kept free, at least */
	TARGET_SHARE_MAX = 8, /* likewise, at most */
	TARGET_MIN = 2,
};

void
eviction_init(struct eviction *eviction, const struct heap *heap, unsigned int writers)
{
	uint32_t usable = heap->segments - heap->first;

	eviction->target_max = usable / TARGET_SHARE_MAX;
	eviction->target_min = usable / TARGET_SHARE + TARGET_MIN + writers / 2;
	if (eviction->target_min > eviction->target_max)
		eviction->target_min = eviction->target_max;
	if (eviction->target_min < TARGET_MIN)
		eviction->target_min = TARGET_MIN;
	atomic_init(&eviction->target, eviction->target_min);
}

/* --- queues -------------------------------------------------------------------------------- */

static void
list_append(struct heap *heap, struct segment_list *list, uint32_t number)
{
	struct segment *segment = &heap->segment[number];

	segment->newer = SEGMENT_NONE;
	segment->older = list->newest;
	if (list->newest != SEGMENT_NONE)
		heap->segment[list->newest].newer = number;
	else
		list->oldest = number;
	list->newest = number;
	list->count++;
}

static void
list_remove(struct heap *heap, struct segment_list *list, uint32_t number)
{
	struct segment *segment = &heap->segment[number];

	if (segment->older != SEGMENT_NONE)
		heap->segment[segment->older].newer = segment->newer;
	else
		list->oldest = segment->newer;
	if (segment->newer != SEGMENT_NONE)
		heap->segment[segment->newer].older = segment->older;
	else
		list->newest = segment->older;
	list->count--;
}

/* The stack hands them over newest first: links them the other way round. */
static void
queue_sealed(struct shard *shard)
{
	struct heap *heap = &shard->heap;
	uint32_t number = heap_collect(heap, SEGMENT_SEALED), reversed = SEGMENT_NONE;

	while (number != SEGMENT_NONE) {
		uint32_t next = heap_next(heap, number);

		heap->segment[number].newer = reversed;
		reversed = number;
		number = next;
	}
	while (reversed != SEGMENT_NONE) {
		uint32_t next = heap->segment[reversed].newer;

		list_append(heap, &shard->eviction.queue[heap->segment[reversed].queue], reversed);
		reversed = next;
	}
}

/* --- choosing ------------------------------------------------------------------------------ */

/* What is gone anyway; else the oldest of Small while that holds more than its share; else of Main. */
static uint32_t
choose_victim(struct shard *shard, bool short_of_memory)
{
	struct eviction *eviction = &shard->eviction;
	struct segment_list *small = &eviction->queue[QUEUE_SMALL];
	struct segment_list *main = &eviction->queue[QUEUE_MAIN], *list = main;
	uint32_t victim;

	if (eviction->gone.count != 0)
		list = &eviction->gone;
	else if (!short_of_memory)
		return SEGMENT_NONE;
	else if (main->count == 0 ||
		 small->count * 100 > (small->count + main->count) * SMALL_SHARE)
		list = small;
	victim = list->oldest;
	if (victim != SEGMENT_NONE)
		list_remove(&shard->heap, list, victim);
	return victim;
}

static void
victim_offer(struct shard *shard, uint32_t victim)
{
	struct eviction *eviction = &shard->eviction;
	/* relaxed: ours */
	uint32_t tail = atomic_load_explicit(&eviction->tail, memory_order_relaxed);

	/* relaxed, both: published with tail */
	atomic_store_explicit(&shard->heap.segment[victim].state, SEGMENT_VICTIM,
			      memory_order_relaxed);
	atomic_store_explicit(&eviction->victim[tail % VICTIMS_MAX], victim, memory_order_relaxed);
	/* release: the entry and the descriptor */
	atomic_store_explicit(&eviction->tail, tail + 1, memory_order_release);
	eviction->planned++;
	atomic_fetch_add_explicit(&eviction->started, 1, memory_order_relaxed); /* rough ages */
}

static uint32_t
ring_count(const struct eviction *eviction)
{
	/* relaxed: ours. acquire: evictors have read the entries that we overwrite next */
	return atomic_load_explicit(&eviction->tail, memory_order_relaxed) -
	       atomic_load_explicit(&eviction->head, memory_order_acquire);
}

bool
eviction_has_victims(const struct eviction *eviction)
{
	return ring_count(eviction) != 0;
}

/* Stores were refused since the last look: more must be kept free. Else a little less. */
static void
adapt_target(struct eviction *eviction)
{
	/* relaxed, all: a hint */
	uint32_t target = atomic_load_explicit(&eviction->target, memory_order_relaxed);

	if (atomic_exchange_explicit(&eviction->refusals, 0, memory_order_relaxed) == 0)
		return;
	target = 2 * target < eviction->target_max ? 2 * target : eviction->target_max;
	atomic_store_explicit(&eviction->target, target, memory_order_relaxed);
}

void
eviction_plan(struct shard *shard)
{
	struct eviction *eviction = &shard->eviction;
	uint32_t target, victim;

	queue_sealed(shard);
	adapt_target(eviction);
	/* relaxed: ours, and a rough limit for ghosts */
	target = atomic_load_explicit(&eviction->target, memory_order_relaxed);
	atomic_store_explicit(&eviction->horizon, eviction->queue[QUEUE_MAIN].count + 1,
			      memory_order_relaxed);
	while (ring_count(eviction) < VICTIMS_MAX) {
		uint64_t coming = eviction->planned - counter_read(&eviction->settled);

		victim = choose_victim(shard, heap_available(&shard->heap) + coming < target);
		if (victim == SEGMENT_NONE)
			return;
		victim_offer(shard, victim);
	}
}

/* --- what is gone -------------------------------------------------------------------------- */

static bool
segment_is_gone(const struct heap *heap, uint32_t number, const struct moment *moment)
{
	uint32_t epoch = (uint32_t)heap_stamp(heap, number);

	return (int32_t)(epoch - moment->epoch) < 0 ||
	       clock_past(heap->segment[number].expiry, moment->clock);
}

void
eviction_sweep(struct shard *shard, const struct moment *moment)
{
	struct heap *heap = &shard->heap;

	queue_sealed(shard);
	for (int q = 0; q < QUEUES; q++) {
		struct segment_list *list = &shard->eviction.queue[q];

		for (uint32_t number = list->oldest, next; number != SEGMENT_NONE; number = next) {
			next = heap->segment[number].newer;
			if (!segment_is_gone(heap, number, moment))
				continue;
			list_remove(heap, list, number);
			list_append(heap, &shard->eviction.gone, number);
		}
	}
}
