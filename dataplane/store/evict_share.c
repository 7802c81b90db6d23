/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much of the memory new keys may have (docs/decisions/006-share.md).
 *
 * Had a queue been larger by a fortieth of the memory, what it dropped while it lost a fortieth would be
 * there still. So the keys that come back within that time are what it lacks, and Small's share moves a
 * little at each of them: towards Small at one of Small's, towards Main at one of Main's. It rests where
 * more memory is worth as much to either.
 *
 * Ghosts have one clock, of all victims. How far it gets while a queue loses so much follows from the share
 * that the queue had of the latest of them.
 */
#include "dataplane/store/shard.h"

enum {
	CLOCK_UNITS = 1024, /* of the ghosts' clock, in as many victims as there are segments */
	SHARE_GAIN = 24,    /* the share moves by it for as many keys as there are items */
};

static const double SHARE_LEAST = 0.02, SHARE_MOST = 0.9;
static const double SOON = 1. / 40;

/* How far the ghosts' clock gets while a queue loses so many, that has such a share of the victims. */
static uint32_t
ghost_ticks(double victims, double share, uint32_t unit)
{
	/* no age is more than half of what a stamp counts to */
	double most = (double)(GHOST_STAMP / 2), ticks = share > 0 ? victims / share / unit : most;

	return ticks < 1 ? 1 : ticks > most ? (uint32_t)most : (uint32_t)ticks;
}

/* Ghosts are worth something for as many victims of Small as there are segments. */
static void
set_ghost_times(struct eviction *eviction, const struct heap *heap)
{
	uint32_t sealed = eviction->queue[QUEUE_SMALL].count + eviction->queue[QUEUE_MAIN].count;
	uint32_t unit = heap_usable(heap) / CLOCK_UNITS + 1;
	double flow[QUEUES] = {
		[QUEUE_SMALL] = eviction->small_flow, [QUEUE_MAIN] = 1 - eviction->small_flow};

	/* relaxed, all: ghosts' ages are rough */
	atomic_store_explicit(&eviction->ghost_clock, (uint32_t)(eviction->victims / unit),
			      memory_order_relaxed);
	atomic_store_explicit(&eviction->horizon, ghost_ticks(sealed, flow[QUEUE_SMALL], unit),
			      memory_order_relaxed);
	for (int q = 0; q < QUEUES; q++)
		atomic_store_explicit(&eviction->soon[q], ghost_ticks(SOON * sealed, flow[q], unit),
				      memory_order_relaxed);
}

/* Keys of this queue that were stored soon after they were dropped, since the last round. */
static uint32_t
count_returned(const struct store *store, unsigned int number, unsigned int queue)
{
	struct eviction *eviction = &store->shard[number]->eviction;
	uint32_t before = eviction->returned[queue];

	eviction->returned[queue] = 0;
	for (unsigned int i = 0; i <= store->options.workers; i++)
		eviction->returned[queue] +=
			counter_read32(&store_writer(store, i, number)->evictor.returned[queue]);
	return eviction->returned[queue] - before;
}

void
eviction_adapt_share(const struct store *store, unsigned int number)
{
	struct eviction *eviction = &store->shard[number]->eviction;
	double more = count_returned(store, number, QUEUE_SMALL);
	double less = count_returned(store, number, QUEUE_MAIN);
	double step = SHARE_GAIN / ((double)shard_items(store, number) + 1);
	/* relaxed, both: ours, and a statistic */
	double share = atomic_load_explicit(&eviction->small_share, memory_order_relaxed) +
		       step * (more - less);

	share = share < SHARE_LEAST ? SHARE_LEAST : share < SHARE_MOST ? share : SHARE_MOST;
	atomic_store_explicit(&eviction->small_share, share, memory_order_relaxed);
	set_ghost_times(eviction, &store->shard[number]->heap);
}
