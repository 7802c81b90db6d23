/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a writer does for the memory that it takes: its share of evicting, and all that it can when there is none.
 */
#include "dataplane/store/shard.h"

enum {
	EVICT_URGENTLY = 64,	 /* items to see to when no segment is free */
	EVICT_BYTES_STEP = 4096, /* writers help evict in steps of so many bytes owed */
	EVICT_ITEMS_STEP = 64,	 /* and see to so many items at a time */
	EVICT_ITEMS_MAX = 128,	 /* in one operation */
};

/* Frees what is past its grace period, if one has ended since the last time. */
static void
evict_reclaim(struct store *store, struct shard *shard, struct writer *writer)
{
	struct eviction *eviction = &shard->eviction;
	uint64_t done;

	if (eviction_waiting(eviction) == 0)
		return;
	gp_poll(&store->gp);
	done = counter_read(&store->gp.done);
	if (done == counter_read(&eviction->reclaimed))
		return;
	/* relaxed: a hint; two threads at a time do no harm */
	atomic_store_explicit(&eviction->reclaimed, done, memory_order_relaxed);
	shard_reclaim(store, writer);
}

/* A little of evict_urgently, for a writer that pays its share while memory is short. */
static void
evict_help(struct writer *writer, const struct moment *moment)
{
	struct store *store = writer->store;
	struct shard *shard = store->shard[writer->shard];
	struct eviction *eviction = &shard->eviction;

	evict_reclaim(store, shard, writer);
	/* relaxed, both: a hint */
	if (atomic_load_explicit(&eviction->head, memory_order_relaxed) !=
		    atomic_load_explicit(&eviction->tail, memory_order_relaxed) ||
	    !eviction_try_lock(eviction))
		return;
	eviction_plan(store, writer->shard, moment);
	eviction_unlock(eviction);
}

void
evict_pay_now(struct shard *shard, struct writer *writer, const struct moment *moment)
{
	struct evictor *evictor = &writer->evictor;
	unsigned int items = 0;

	evictor->owed += evictor->stored * eviction_price(&shard->eviction, &shard->heap);
	evictor->stored = 0;
	if (evictor->owed >= EVICT_BYTES_STEP)
		evict_help(writer, moment);
	while (evictor->owed >= EVICT_BYTES_STEP && items < EVICT_ITEMS_MAX) {
		unsigned int seen =
			evict_some(writer->store, shard, writer, moment, EVICT_ITEMS_STEP);

		if (seen == 0)
			evictor->owed = 0; /* there is nothing to do */
		items += seen;
	}
}

void
evict_urgently(struct writer *writer, const struct moment *moment)
{
	struct store *store = writer->store;
	struct shard *shard = store->shard[writer->shard];

	evict_help(writer, moment);
	evict_some(store, shard, writer, moment, EVICT_URGENTLY);
	evict_help(writer, moment);
}
