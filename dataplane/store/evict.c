/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/evict.h"

#include "dataplane/store/shard.h"

enum {
	EVICT_BATCH = 16, /* items whose buckets are fetched at once */
};

/* --- the ring of victims ------------------------------------------------------------------- */

static uint32_t
victim_take(struct eviction *eviction)
{
	uint32_t segment, head = atomic_load_explicit(&eviction->head, memory_order_relaxed);

	do {
		/* acquire: the entry, and the segment's descriptor */
		if (head == atomic_load_explicit(&eviction->tail, memory_order_acquire))
			return SEGMENT_NONE;
		/* relaxed: if the slot is refilled meanwhile, head has moved and the exchange
		 * fails */
		segment = atomic_load_explicit(&eviction->victim[head % VICTIMS_MAX],
					       memory_order_relaxed);
		/* release: our read of the entry stays before it is free to be refilled */
	} while (!atomic_compare_exchange_weak_explicit(
		&eviction->head, &head, head + 1, memory_order_acq_rel, memory_order_relaxed));
	return segment;
}

/* --- one item ------------------------------------------------------------------------------ */

/* An item of the victim. */
struct candidate {
	const struct item *item;
	uint64_t location, hash;
};

struct evict_context {
	struct shard *shard;
	struct writer *writer;
	const struct moment *moment;
	enum segment_queue queue; /* of the victim */
	unsigned int keep_at;	  /* uses that earn an item its stay */
	uint64_t stamp;		  /* for ghosts */
	struct index_losses losses;
};

/* Copies the item, to be published as a member of Main. 0: no room. */
static uint64_t
copy_item(struct evict_context *context, const struct candidate *candidate)
{
	const struct item *item = candidate->item;
	struct item_draft draft = {
		.key = item_key(item),
		.key_length = (uint8_t)item_key_length(item),
		.part = {item_value(item)},
		.part_length = {item_value_length(item)},
		.flags = item_flags(item),
		.expiry = item_expiry(item),
		.cas = item_unique(context->writer->heap, item, candidate->location),
	};
	uint64_t location = writer_allocate(context->writer, CLASS_MAIN, item_draft_size(&draft),
					    draft.expiry, context->moment);

	if (location != 0)
		item_write(heap_item(context->writer->heap, location), &draft);
	return location;
}

static void
count_loss(struct evict_context *context, const struct candidate *candidate, uint64_t word)
{
	struct tally *tally = &context->writer->tally;
	bool expired = clock_past(item_expiry(candidate->item), context->moment->clock);
	bool unfetched = context->queue == QUEUE_SMALL && slot_use(word) == 0;

	if (item_is_gone(context->writer->heap, candidate->item, candidate->location,
			 context->moment)) {
		counter_add(&tally->expired, expired);
		counter_add(&tally->expired_unfetched, expired && unfetched);
	} else {
		counter_add(&tally->evictions, 1);
		counter_add(&tally->evicted_unfetched, unfetched);
	}
}

/* What is to stand in the slot instead of `word`: a copy, a ghost, or nothing. */
static uint64_t
replacement(struct evict_context *context, const struct candidate *candidate, uint64_t word,
	    uint64_t *copy)
{
	unsigned int use = slot_use(word);

	if (item_is_gone(context->writer->heap, candidate->item, candidate->location,
			 context->moment))
		return SLOT_EMPTY;
	if (use >= context->keep_at && *copy == 0)
		*copy = copy_item(context, candidate);
	if (use >= context->keep_at && *copy != 0)
		return slot_live(candidate->hash, *copy) |
		       (context->queue == QUEUE_MAIN ? use - 1 : 0) * SLOT_USE_ONE;
	return context->queue == QUEUE_SMALL ? slot_ghost(candidate->hash, context->stamp)
					     : SLOT_EMPTY;
}

static void
evict_item(struct evict_context *context, const struct candidate *candidate)
{
	struct shard *shard = context->shard;
	struct writer *writer = context->writer;
	struct index_entry entry;
	uint64_t copy = 0;

	while (index_find_location(&shard->index, candidate->hash, candidate->location, &entry,
				   &context->losses)) {
		uint64_t with = replacement(context, candidate, entry.word, &copy);

		if (!index_replace(&entry, with))
			continue;
		shard_bury(shard, writer, entry.word);
		if (!slot_is(with, SLOT_LIVE)) {
			count_loss(context, candidate, entry.word);
			break;
		}
		tally_item(&writer->tally, heap_item(writer->heap, copy), 1);
		return;
	}
	if (copy != 0)
		writer_give_back(writer, copy, item_size(heap_item(writer->heap, copy)));
}

/* --- a victim ------------------------------------------------------------------------------ */

static bool
victim_begin(struct shard *shard, struct writer *writer)
{
	struct evictor *evictor = &writer->evictor;

	if (evictor->victim != SEGMENT_NONE)
		return true;
	evictor->victim = victim_take(&shard->eviction);
	evictor->offset = 0;
	return evictor->victim != SEGMENT_NONE;
}

/* The next items of the victim, with their buckets on the way to the cache. */
static unsigned int
next_candidates(const struct store *store, struct shard *shard, struct evictor *evictor,
		struct candidate candidates[EVICT_BATCH])
{
	const struct heap *heap = &shard->heap;
	uint64_t start = heap_offset(heap, evictor->victim);
	uint32_t used = heap->segment[evictor->victim].used;
	unsigned int count = 0;

	while (count < EVICT_BATCH && evictor->offset < used) {
		uint64_t location = (start + evictor->offset) / ITEM_ALIGNMENT;
		const struct item *item = heap_item(heap, location);
		uint32_t key_length = item_key_length(item);

		evictor->offset += item_size(item);
		if (key_length == 0)
			continue;
		candidates[count] = (struct candidate){
			.item = item,
			.location = location,
			.hash = hash_key(item_key(item), key_length, store->options.secret,
					 STORE_SECRET_SIZE),
		};
		__builtin_prefetch(index_bucket(&shard->index, candidates[count].hash));
		count++;
	}
	return count;
}

/*
 * The fewer segments are free, the more uses it takes to stay. Copying takes room before it
 * frees any, so at the end everything goes.
 */
static unsigned int
uses_to_stay(const struct shard *shard)
{
	uint32_t free = heap_available(&shard->heap);
	/* relaxed: a hint */
	uint32_t target = atomic_load_explicit(&shard->eviction.target, memory_order_relaxed);

	if (free >= target / 2)
		return 1;
	return free >= target / 4 ? 2 : SLOT_USE_MAX + 1;
}

static void
victim_finish(struct shard *shard, struct evictor *evictor)
{
	heap_hand_over(&shard->heap, evictor->victim, SEGMENT_RETIRED);
	evictor->victim = SEGMENT_NONE;
}

unsigned int
evict_some(struct store *store, struct shard *shard, struct writer *writer,
	   const struct moment *moment, unsigned int items)
{
	struct evictor *evictor = &writer->evictor;
	struct candidate candidates[EVICT_BATCH];
	struct evict_context context = {.shard = shard, .writer = writer, .moment = moment};
	unsigned int seen = 0;

	context.keep_at = uses_to_stay(shard);
	while (seen < items && victim_begin(shard, writer)) {
		uint32_t from = evictor->offset;
		unsigned int count = next_candidates(store, shard, evictor, candidates);
		evictor->owed -= evictor->owed < evictor->offset - from ? evictor->owed
									: evictor->offset - from;

		context.queue = shard->heap.segment[evictor->victim].queue;
		/* relaxed: ghosts' ages are rough */
		context.stamp =
			atomic_load_explicit(&shard->eviction.started, memory_order_relaxed);
		for (unsigned int i = 0; i < count; i++) {
			evict_item(&context, &candidates[i]);
			shard_account(shard, writer, &context.losses);
		}
		if (evictor->offset >= shard->heap.segment[evictor->victim].used)
			victim_finish(shard, evictor);
		seen += count + 1; /* a segment of nothing but fillers costs something too */
	}
	return seen;
}

void
evict_abandon(struct shard *shard, struct writer *writer)
{
	uint32_t victim = writer->evictor.victim;

	if (victim == SEGMENT_NONE)
		return;
	writer->evictor.victim = SEGMENT_NONE;
	heap_hand_over(&shard->heap, victim, SEGMENT_SEALED);
	eviction_settle(&shard->eviction, 1);
}

bool
evict_remembers(struct shard *shard, uint64_t hash)
{
	struct eviction *eviction = &shard->eviction;
	uint64_t stamp;

	/* relaxed, both: rough ages */
	return index_find_ghost(&shard->index, hash, &stamp) &&
	       ((atomic_load_explicit(&eviction->started, memory_order_relaxed) - stamp) &
		SLOT_LOCATION) <= atomic_load_explicit(&eviction->horizon, memory_order_relaxed);
}
