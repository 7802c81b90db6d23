/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The janitor's round: what workers must never wait for. Segments that were unlinked become free
 * after a grace period; the index grows; victims are chosen, and evicted if workers don't.
 */
#include "dataplane/store/shard.h"

enum {
	/* either some 100 us: who shares the janitor's CPU waits no longer than that */
	ROUND_BUCKETS = 2048, /* of a split, in one round */
	/* the same where nobody waits for room: what is stored in a round must be in reserve */
	REFRESH_BUCKETS = 256,
	ROUND_ITEMS = 1024,  /* evicted in one round: fewer would take as many grace periods more */
	ROUND_SEGMENTS = 8,  /* given up, or taken back, in one round */
	POPULATE_AHEAD = 16, /* segments to have ready, with pages behind them */
	SWEEP_TICKS = CLOCK_TICKS,
	ROOMY_SHARE = 128, /* an index below one in so many of the memory may be roomy */
	LOOK_ROUNDS = 16,  /* in one of so many rounds a chunk of the index is looked at */
};

/* --- the index ------------------------------------------------------------------------------ */

static void
give_chunk(struct shard *shard, uint64_t chunk)
{
	uint64_t *link = (uint64_t *)(void *)(shard->heap.base + chunk);

	*link = shard->keep.chunks;
	shard->keep.chunks = chunk;
}

uint64_t
shard_take_chunk(struct shard *shard, unsigned int chunk_shift)
{
	struct heap *heap = &shard->heap;
	uint64_t chunk;

	if (shard->keep.chunks == 0) {
		uint32_t segment = heap_take(heap, SEGMENT_INDEX);
		uint64_t end = heap_offset(heap, segment) + heap_segment_size(heap);

		if (segment == SEGMENT_NONE)
			return 0;
		while (end != heap_offset(heap, segment))
			give_chunk(shard, end -= UINT64_C(1) << chunk_shift);
	}
	chunk = shard->keep.chunks;
	shard->keep.chunks = *(uint64_t *)(void *)(heap->base + chunk);
	memset(heap->base + chunk, 0, sizeof(uint64_t));
	return chunk;
}

static unsigned int
chunk_shift_of(const struct shard *shard)
{
	return (unsigned int)__builtin_ctzll(index_chunk_size(&shard->index));
}

/* While half of the memory is unused, or the index is a small part of it, chains may be short. */
static bool
memory_is_plentiful(const struct shard *shard)
{
	uint64_t index = counter_read(&shard->index.chunks) * index_chunk_size(&shard->index);

	uint32_t usable = heap_usable(&shard->heap);

	return heap_available(&shard->heap) > usable / 2 ||
	       index < ((uint64_t)usable << shard->heap.shift) / ROOMY_SHARE;
}

/* Begins to split the next chunk, if the index is full enough and memory is to be had. */
static void
shard_begin_split(struct shard *shard, uint64_t items)
{
	struct index *index = &shard->index;
	uint64_t first, second;

	if (!index_wants_split(index, items, memory_is_plentiful(shard)))
		return;
	if (index_split_prepare(index)) {
		shard->keep.doubled = true;
		return;
	}
	if (eviction_at_floor(&shard->eviction, &shard->heap))
		return;
	first = shard_take_chunk(shard, chunk_shift_of(shard));
	second = first != 0 ? shard_take_chunk(shard, chunk_shift_of(shard)) : 0;
	if (second != 0)
		index_split_begin(index, first, second);
	else if (first != 0)
		give_chunk(shard, first);
}

/*
 * Begins to lay out anew the chunk whose turn it is, if that is worth it, one is spare (where the index has
 * grown one is), and there will be memory for overflow buckets: those of its parent are not free before.
 */
static void
shard_begin_refresh(struct shard *shard)
{
	struct index *index = &shard->index;
	uint64_t number = shard->keep.looked / LOOK_ROUNDS % counter_read(&index->chunks);

	if (shard->keep.looked++ % LOOK_ROUNDS == 0 && shard->keep.chunks != 0 &&
	    !eviction_at_floor(&shard->eviction, &shard->heap) &&
	    index_wants_refresh(index, number))
		index_refresh_begin(index, number, shard_take_chunk(shard, chunk_shift_of(shard)));
}

/* True if there is more to do at once. */
static bool
shard_grow(struct store *store, unsigned int number, uint64_t items)
{
	struct shard *shard = store->shard[number];
	struct index_losses losses = {.count = 0};
	uint64_t buckets;

	if (shard->keep.parent != 0 || shard->keep.doubled)
		return true;
	if (!index_splitting(&shard->index))
		shard_begin_split(shard, items);
	if (!index_splitting(&shard->index) && !shard->keep.doubled)
		shard_begin_refresh(shard);
	if (!index_splitting(&shard->index))
		return shard->keep.doubled;
	buckets = index_refreshing(&shard->index) ? REFRESH_BUCKETS : ROUND_BUCKETS;
	if (index_split_sweep(&shard->index, buckets, &losses))
		shard->keep.parent = index_split_end(&shard->index);
	shard_account(shard, &store->janitor->writer[number], &losses);
	return true;
}

/* --- a round ------------------------------------------------------------------------------- */

/* Takes note of what the next grace period is good for. True if there is anything. */
static bool
shard_needs_grace_period(struct store *store, unsigned int number)
{
	struct shard *shard = store->shard[number];
	struct housekeeping *keep = &shard->keep;

	keep->trimmed = index_trimmed(&shard->index);
	return shard_reclaim(store, &store->janitor->writer[number]) || keep->parent != 0 ||
	       keep->doubled || keep->trimmed != 0;
}

static void
shard_after_grace_period(struct store *store, unsigned int number)
{
	struct shard *shard = store->shard[number];
	struct housekeeping *keep = &shard->keep;

	shard_reclaim(store, &store->janitor->writer[number]);
	index_reuse(&shard->index, keep->trimmed);
	keep->doubled = false;
	if (keep->parent != 0) {
		index_split_release(&shard->index, keep->parent);
		give_chunk(shard, keep->parent);
		keep->parent = 0;
	}
}

/* One wait for all shards. False if nothing had to wait. */
static bool
store_pass_grace_period(struct store *store)
{
	bool needed = false;

	for (unsigned int i = 0; i < store->options.shards; i++)
		needed |= shard_needs_grace_period(store, i);
	if (!needed)
		return false;
	gp_wait(&store->gp);
	for (unsigned int i = 0; i < store->options.shards; i++)
		shard_after_grace_period(store, i);
	return true;
}

/*
 * Puts pages behind a fresh segment, so that no worker meets a page fault while the janitor
 * keeps ahead. One a round: it may take milliseconds. True if more should follow.
 */
static bool
shard_populate(const struct store *store, struct shard *shard)
{
	uint32_t ahead = counter_read32(&shard->eviction.target);

	if (ahead < POPULATE_AHEAD)
		ahead = POPULATE_AHEAD;
	if (store->options.populate)
		ahead = UINT32_MAX;
	return counter_read32(&shard->heap.free_count) < ahead && heap_populate(&shard->heap);
}

static void
shard_sweep(struct shard *shard, const struct moment *moment)
{
	struct housekeeping *keep = &shard->keep;
	uint64_t now = clock_tick(moment->clock);

	if (now - keep->swept < SWEEP_TICKS && keep->epoch == moment->epoch)
		return;
	eviction_sweep(shard, moment);
	keep->swept = now;
	keep->epoch = moment->epoch;
}

uint64_t
shard_items(const struct store *store, unsigned int number)
{
	uint64_t items = 0;

	for (unsigned int i = 0; i <= store->options.workers; i++)
		items += counter_read(&store_writer(store, i, number)->tally.items);
	return (int64_t)items > 0 ? items : 0; /* the sum is read while others count */
}

/*
 * Chooses victims; looks for what has expired; evicts what is gone, or what workers are behind with. True if there
 * was anything.
 */
static bool
shard_evict(struct store *store, unsigned int number, const struct moment *moment)
{
	struct shard *shard = store->shard[number];
	struct writer *writer = &store->janitor->writer[number];
	uint32_t gone = SEGMENT_NONE;
	bool crawls = false;

	if (eviction_try_lock(&shard->eviction)) {
		shard_sweep(shard, moment);
		eviction_plan(store, number, moment);
		if (writer->evictor.victim == SEGMENT_NONE)
			gone = eviction_take_gone(shard);
		crawls = crawl_begin(store, number);
		eviction_unlock(&shard->eviction);
	}
	if (crawls)
		crawl_some(store, number, moment);
	if (gone != SEGMENT_NONE)
		evict_begin(shard, writer, gone);
	return evict_some(store, shard, writer, moment, ROUND_ITEMS) != 0 || crawls;
}

/*
 * Follows the memory limit, some segments at a time. What is to be given up must be free first: while
 * it is lacking in the reserve, segments are evicted as for a writer.
 */
static bool
shard_resize(struct store *store, unsigned int number)
{
	struct shard *shard = store->shard[number];
	struct heap *heap = &shard->heap;
	uint32_t wanted = shard_segments(store, heap), before = heap_usable(heap);
	uint32_t reserve = counter_read32(&shard->eviction.target) / 2;

	if (before == wanted || !eviction_try_lock(&shard->eviction))
		return false;
	for (unsigned int i = 0; i < ROUND_SEGMENTS && heap_usable(heap) != wanted; i++) {
		if (heap_usable(heap) < wanted
			    ? !heap_grow(heap)
			    : heap_available(heap) <= reserve || !heap_shrink(heap))
			break;
	}
	eviction_limit(&shard->eviction, heap, store->options.workers);
	eviction_unlock(&shard->eviction);
	return heap_usable(heap) != before;
}

static bool
shard_keep_house(struct store *store, unsigned int number)
{
	struct shard *shard = store->shard[number];
	struct moment moment = store_moment(store);
	bool more = shard_evict(store, number, &moment);

	more |= shard_resize(store, number);
	more |= shard_grow(store, number, shard_items(store, number));
	return more || shard_populate(store, shard);
}

bool
store_janitor(struct store *store)
{
	bool more = store_pass_grace_period(store);

	for (unsigned int i = 0; i < store->options.shards; i++)
		more |= shard_keep_house(store, i);
	return more;
}
