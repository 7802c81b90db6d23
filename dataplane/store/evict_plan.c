/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which segments go next: the queues of sealed segments, and the reserve of free ones.
 */
#include "dataplane/store/evict.h"

#include <string.h>

#include "dataplane/store/shard.h"

enum {
	TARGET_SHARE = 128,   /* of all segments, one in so many is kept free, at least */
	TARGET_SHARE_MAX = 6, /* likewise, at most */
	TARGET_MIN = 2,
	STOCK_MIN = 4, /* victims to have ready, besides as many as the reserve has segments */
	TARGET_TICKS = 2 * CLOCK_TICKS, /* between two reductions of the reserve */
	TARGET_ROUNDS = 2,		/* of the janitor, that the reserve should last */
	DIRT_ROUND = 1024,		/* segments whose dead bytes are counted in one round */
	DIRT_MIN = 256 / 4,		/* a segment dead by so much is cleaned */
	DIRT_LEAST = 256 * 15 / 100,	/* by so much: if little else was copied for that */
	CREDIT_SHARE = 2,		/* of what is stored, one byte in so many may be */
	CREDIT_MAX = 4 * 256,		/* such bytes saved up, in 1/256 of a segment */
	DIRT_SHIFT = 8,
};

static const double SMALL_SHARE = 0.3;	   /* at first: evict_share.c */
static const double FLOW_MEMORY = 1. / 32; /* how much a victim counts in small_flow */

void
eviction_limit(struct eviction *eviction, const struct heap *heap, unsigned int writers)
{
	uint32_t usable = heap_usable(heap) - heap->first;

	uint32_t floor = 1 + writers / 2; /* that many may fill their segments at once */

	eviction->target_max = usable / TARGET_SHARE_MAX;
	if (floor > eviction->target_max / 2)
		floor = eviction->target_max / 2;
	/* relaxed: a limit like another for who reads it */
	atomic_store_explicit(&eviction->floor, floor > 1 ? floor : 1, memory_order_relaxed);
	eviction->target_min = usable / TARGET_SHARE + TARGET_MIN + writers / 2;
	if (eviction->target_min > eviction->target_max)
		eviction->target_min = eviction->target_max;
	if (eviction->target_min < TARGET_MIN)
		eviction->target_min = TARGET_MIN;
}

void
eviction_init(struct eviction *eviction, const struct heap *heap, uint8_t *dirt,
	      unsigned int writers)
{
	eviction->dirt = dirt;
	eviction->small_flow = 0.5;
	atomic_init(&eviction->small_share, SMALL_SHARE);
	eviction_limit(eviction, heap, writers);
	atomic_init(&eviction->target, eviction->target_min);
}

/* --- queues -------------------------------------------------------------------------------- */

/* Puts a segment where its order says: at the young end as a rule, which is looked at first. */
static void
list_insert(struct heap *heap, struct segment_list *list, uint32_t number)
{
	struct segment *segment = &heap->segment[number];
	uint32_t older = list->newest;

	while (older != SEGMENT_NONE && heap->segment[older].order > segment->order)
		older = heap->segment[older].older;
	segment->older = older;
	segment->newer = older != SEGMENT_NONE ? heap->segment[older].newer : list->oldest;
	*(older != SEGMENT_NONE ? &heap->segment[older].newer : &list->oldest) = number;
	*(segment->newer != SEGMENT_NONE ? &heap->segment[segment->newer].older : &list->newest) =
		number;
	segment->queued = true;
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
	segment->queued = false;
	list->count--;
}

/* The stack hands them over newest first: they are queued the other way round. */
static void
queue_sealed(struct shard *shard)
{
	struct heap *heap = &shard->heap;
	struct eviction *eviction = &shard->eviction;
	uint32_t number = heap_collect(heap, SEGMENT_SEALED), reversed = SEGMENT_NONE;

	while (number != SEGMENT_NONE) {
		uint32_t next = heap_next(heap, number);

		heap->segment[number].newer = reversed;
		reversed = number;
		number = next;
	}
	while (reversed != SEGMENT_NONE) {
		struct segment *segment = &heap->segment[reversed];
		uint32_t next = segment->newer;

		if (segment->order == 0)
			segment->order = ++eviction->order;
		list_insert(heap, &eviction->queue[segment->queue], reversed);
		reversed = next;
	}
}

/* --- dirt ---------------------------------------------------------------------------------- */

/*
 * Counts what is dead in the next few segments (the others' count is a little out of date), and sees whether
 * to look for what has expired there.
 */
static void
look_for_dirt(const struct store *store, unsigned int number, const struct moment *moment)
{
	struct shard *shard = store->shard[number];
	struct eviction *eviction = &shard->eviction;
	const struct heap *heap = &shard->heap;

	for (unsigned int i = 0; i < DIRT_ROUND && i < heap->segments; i++) {
		uint32_t at = eviction->dirt_cursor, dead = 0;

		eviction->dirt_cursor = at + 1 < heap->segments ? at + 1 : heap->first;
		if (heap->segment[at].queued) {
			dead = segment_dead(store, number, at) -
			       counter_read32(&heap->segment[at].dead_before);
			crawl_consider(&shard->keep.crawl, &heap->segment[at], at,
				       clock_tick(moment->clock));
		}
		dead >>= heap->shift - DIRT_SHIFT;
		eviction->dirt[at] = dead < UINT8_MAX ? (uint8_t)dead : UINT8_MAX;
	}
}

/* The segment with the most dead bytes, if there is one that may be worth cleaning. */
static uint32_t
dirtiest(const struct shard *shard)
{
	const uint8_t *dirt = shard->eviction.dirt;
	uint32_t segments = shard->heap.segments;
	uint8_t most = 0;

	for (uint32_t i = 0; i < segments; i++)
		most = dirt[i] > most ? dirt[i] : most;
	if (most < DIRT_LEAST)
		return SEGMENT_NONE;
	return (uint32_t)((const uint8_t *)memchr(dirt, most, segments) - dirt);
}

/* --- choosing ------------------------------------------------------------------------------ */

/* The oldest of Small while that holds more than its share; else of Main. */
static struct segment_list *
list_over_its_share(struct eviction *eviction)
{
	struct segment_list *small = &eviction->queue[QUEUE_SMALL];
	struct segment_list *main = &eviction->queue[QUEUE_MAIN];
	/* relaxed: whoever plans writes it */
	double share = atomic_load_explicit(&eviction->small_share, memory_order_relaxed);

	if (main->count == 0 || small->count > share * (small->count + main->count))
		return small;
	return main;
}

static uint32_t
list_take(struct shard *shard, struct segment_list *list, uint32_t number)
{
	if (number != SEGMENT_NONE) {
		list_remove(&shard->heap, list, number);
		shard->eviction.dirt[number] = 0;
		/* relaxed: a statistic */
		atomic_store_explicit(&shard->heap.segment[number].state, SEGMENT_VICTIM,
				      memory_order_relaxed);
		heap_set_refill(&shard->heap, number, false);
	}
	return number;
}

uint32_t
eviction_take_gone(struct shard *shard)
{
	struct segment_list *gone = &shard->eviction.gone;

	return list_take(shard, gone, gone->oldest);
}

/* True if it is worth cleaning: much of it is dead, or some, and it can be paid for. */
static bool
may_clean(struct eviction *eviction, uint32_t victim)
{
	uint32_t dirt = eviction->dirt[victim], price = UINT8_MAX + 1 - dirt;

	if (dirt >= DIRT_MIN)
		return true;
	if (eviction->clean_credit < price)
		return false;
	eviction->clean_credit -= price;
	return true;
}

/* What is gone anyway; what is dirty; else what S3-FIFO says. */
static uint32_t
choose_victim(struct shard *shard)
{
	struct eviction *eviction = &shard->eviction;
	struct segment_list *list;
	uint32_t victim;

	if (eviction->gone.count != 0)
		return eviction_take_gone(shard);
	victim = dirtiest(shard);
	if (victim != SEGMENT_NONE && may_clean(eviction, victim)) {
		shard->heap.segment[victim].clean = true;
		list = &eviction->queue[shard->heap.segment[victim].queue];
		return list_take(shard, list, victim);
	}
	list = list_over_its_share(eviction);
	victim = list_take(shard, list, list->oldest);
	if (victim != SEGMENT_NONE) {
		bool small = list == &eviction->queue[QUEUE_SMALL];

		eviction->victims++;
		eviction->small_flow += (small - eviction->small_flow) * FLOW_MEMORY;
	}
	return victim;
}

static void
victim_offer(struct shard *shard, uint32_t victim)
{
	struct eviction *eviction = &shard->eviction;
	/* relaxed: ours */
	uint32_t tail = atomic_load_explicit(&eviction->tail, memory_order_relaxed);

	/* relaxed: published with tail */
	atomic_store_explicit(&eviction->victim[tail % VICTIMS_MAX], victim, memory_order_relaxed);
	/* release: the entry and the descriptor */
	atomic_store_explicit(&eviction->tail, tail + 1, memory_order_release);
}

static uint32_t
ring_count(const struct eviction *eviction)
{
	/* relaxed: ours. acquire: evictors have read the entries that we overwrite next */
	return atomic_load_explicit(&eviction->tail, memory_order_relaxed) -
	       atomic_load_explicit(&eviction->head, memory_order_acquire);
}

/*
 * The reserve must last from one round of the janitor to the next, however late that comes: it is
 * raised to some times what stores opened between two rounds, or doubled when one was refused; and
 * lowered slowly while it is not needed.
 */
static void
adapt_target(struct eviction *eviction, const struct heap *heap, const struct moment *moment,
	     uint32_t opened)
{
	/* relaxed, both: hints */
	uint32_t target = atomic_load_explicit(&eviction->target, memory_order_relaxed);
	uint32_t wanted = eviction->target_min;
	uint64_t now = clock_tick(moment->clock);

	/* before it is needed, nothing is to be learnt: the janitor is busy with pages and the index */
	if (heap_available(heap) <= eviction->target_max)
		wanted += TARGET_ROUNDS * opened;
	if (atomic_exchange_explicit(&eviction->refusals, 0, memory_order_relaxed) != 0)
		wanted = 2 * target;
	if (wanted > eviction->target_max)
		wanted = eviction->target_max;
	if (wanted < target) {
		if (now - eviction->raised_at < TARGET_TICKS)
			return;
		wanted = target - (target - wanted + 7) / 8;
	}
	eviction->raised_at = now;
	atomic_store_explicit(&eviction->target, wanted, memory_order_relaxed);
}

/* Stores have opened so many segments since the last round. */
static void
earn_cleaning(struct eviction *eviction, uint32_t opened)
{
	eviction->clean_credit += opened * (UINT8_MAX + 1) / CREDIT_SHARE;
	if (eviction->clean_credit > CREDIT_MAX)
		eviction->clean_credit = CREDIT_MAX;
}

static bool
segment_is_gone(const struct heap *heap, uint32_t number, const struct moment *moment)
{
	return stamp_is_flushed(heap_stamp(heap, number), moment->epoch) ||
	       clock_past(counter_read(&heap->expiry[number]), moment->clock);
}

/* Memory is plentiful again: victims that nobody has begun go back to their places. */
static void
victims_spare(struct shard *shard, const struct moment *moment)
{
	struct heap *heap = &shard->heap;
	struct eviction *eviction = &shard->eviction;
	uint32_t victim;

	while ((victim = victim_take(eviction)) != SEGMENT_NONE) {
		struct segment *segment = &heap->segment[victim];

		segment->clean = false;
		heap_set_refill(heap, victim, segment->refill);
		/* relaxed: a statistic */
		atomic_store_explicit(&segment->state, SEGMENT_SEALED, memory_order_relaxed);
		list_insert(heap,
			    segment_is_gone(heap, victim, moment)
				    ? &eviction->gone
				    : &eviction->queue[segment->queue],
			    victim);
	}
}

void
eviction_plan(struct store *store, unsigned int number, const struct moment *moment)
{
	struct shard *shard = store->shard[number];
	struct eviction *eviction = &shard->eviction;
	/* relaxed: a hint */
	uint32_t now_opened = atomic_load_explicit(&shard->heap.opened, memory_order_relaxed);
	uint32_t opened = now_opened - eviction->opened, target, stock, victim;

	eviction->opened = now_opened;
	queue_sealed(shard);
	adapt_target(eviction, &shard->heap, moment, opened);
	earn_cleaning(eviction, opened);
	eviction_adapt_share(store, number);
	/* relaxed: ours */
	target = atomic_load_explicit(&eviction->target, memory_order_relaxed);
	/* victims are chosen before they are wanted, so that writers find some without us */
	if (heap_available(&shard->heap) + eviction_under_way(eviction) >= 2 * target) {
		victims_spare(shard, moment);
		return;
	}
	look_for_dirt(store, number, moment);
	stock = target + STOCK_MIN < VICTIMS_MAX ? target + STOCK_MIN : VICTIMS_MAX;
	while (ring_count(eviction) < stock && (victim = choose_victim(shard)) != SEGMENT_NONE)
		victim_offer(shard, victim);
}

/* --- what is gone -------------------------------------------------------------------------- */

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
			list_insert(heap, &shard->eviction.gone, number);
		}
	}
}
