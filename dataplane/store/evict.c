/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/evict.h"

#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"
#include "dataplane/store/shard.h"

enum {
	EVICT_BATCH = 16,    /* items whose buckets are fetched at once */
	EVICT_URGENTLY = 64, /* items to see to when no segment is free */
};

/* --- the ring of victims ------------------------------------------------------------------- */

uint32_t
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

/* A few items' eviction. */
struct evict_context {
	struct shard *shard;
	struct writer *writer;
	const struct moment *moment;
	const struct segment *victim;
	uint64_t stamp; /* for ghosts */
	struct index_losses losses;
};

/* Where a survivor goes: Main, or what takes the victim's place. */
static unsigned int
class_of_survivor(const struct evict_context *context)
{
	unsigned int queue = context->victim->queue;

	if (!context->victim->clean)
		return CLASS_MAIN;
	if (context->writer->cleans)
		return CLASS_CLEANED + queue;
	return queue == QUEUE_MAIN ? CLASS_MAIN : CLASS_NEW;
}

/* Copies the item, to be published in its stead. 0: no room. */
static uint64_t
copy_item(struct evict_context *context, const struct candidate *candidate)
{
	struct writer *writer = context->writer;
	const struct item *item = candidate->item;
	unsigned int class = class_of_survivor(context);
	uint32_t size = item_copy_size(item);
	struct segment *into;
	uint64_t location;

	if (eviction_at_floor(&context->shard->eviction, &context->shard->heap))
		return 0;
	location = writer_allocate(writer, class, size, item_expiry(item), context->moment);
	if (location == 0)
		return 0;
	into = &writer->heap->segment[writer->open[class].segment];
	if (class >= CLASS_CLEANED && class < CLASS_TTL && into->order == 0)
		into->order = context->victim->order;
	item_copy(heap_item(writer->heap, location), item,
		  item_unique(writer->heap, item, candidate->location));
	return location;
}

/* The item has moved: of what is live, only its header may have grown. */
static void
count_move(struct writer *writer, const struct candidate *candidate)
{
	uint32_t size = item_size(candidate->item);

	counter_add(&writer->tally.bytes_headers, item_copy_size(candidate->item) - size);
	writer_bury(writer, candidate->location, size);
}

/* Tells who asked to be told. */
static void
tell_of_eviction(const struct evict_context *context, const struct candidate *candidate,
		 uint64_t word)
{
	const struct store_options *options = &context->writer->store->options;
	struct store_op op = {
		.key = item_key(candidate->item),
		.key_length = (uint8_t)item_key_length(candidate->item),
		.options = STORE_DETAILS,
	};

	hit_fill(&op, context->writer->heap, word, context->moment);
	options->evicted(options->evicted_arg, context->writer->thread, &op);
}

static void
count_loss(struct evict_context *context, const struct candidate *candidate, uint64_t word,
	   bool gone)
{
	struct tally *tally = &context->writer->tally;
	bool unfetched = (word & SLOT_FETCHED) == 0;

	if (gone) {
		bool expired = clock_past(item_expiry(candidate->item), context->moment->clock);

		counter_add(&tally->expired, expired);
		counter_add(&tally->expired_unfetched, expired && unfetched);
	} else {
		counter_add(&tally->evictions, 1);
		counter_add(&tally->evicted_unfetched, unfetched);
		if (context->writer->store->options.evicted != NULL)
			tell_of_eviction(context, candidate, word);
	}
}

/*
 * What is to stand in the entry's slot: a copy, a ghost, or nothing. Overflow buckets get no ghosts: they
 * would never be empty, and chains never short again.
 */
static uint64_t
replacement(struct evict_context *context, const struct candidate *candidate,
	    const struct index_entry *entry, bool gone, uint64_t *copy)
{
	const struct segment *victim = context->victim;
	uint64_t word = entry->word;
	bool stays = victim->clean || (word & SLOT_USED) != 0;

	if (gone)
		return SLOT_EMPTY;
	if (stays && *copy == 0)
		*copy = copy_item(context, candidate);
	if (stays && *copy != 0)
		return slot_live(candidate->hash, *copy) |
		       (word & (victim->clean ? SLOT_USED | SLOT_FETCHED : SLOT_FETCHED));
	if (victim->queue == QUEUE_SMALL &&
	    index_entry_is_first(&context->shard->index, candidate->hash, entry))
		return slot_ghost(candidate->hash, context->stamp);
	return SLOT_EMPTY;
}

static void
evict_item(struct evict_context *context, const struct candidate *candidate)
{
	struct shard *shard = context->shard;
	struct writer *writer = context->writer;
	struct index_entry entry;
	bool gone =
		item_is_gone(writer->heap, candidate->item, candidate->location, context->moment);
	uint64_t copy = 0;

	while (index_find_location(&shard->index, candidate->hash, candidate->location, &entry,
				   &context->losses)) {
		uint64_t with = replacement(context, candidate, &entry, gone, &copy);

		if (!index_replace(&entry, with))
			continue;
		if (slot_is(with, SLOT_LIVE)) {
			count_move(writer, candidate);
			return;
		}
		shard_bury(shard, writer, entry.word);
		count_loss(context, candidate, entry.word, gone);
		index_trim(&shard->index, candidate->hash, &entry);
		break;
	}
	if (copy != 0)
		writer_give_back(writer, copy, item_size(heap_item(writer->heap, copy)));
}

/* --- a victim ------------------------------------------------------------------------------ */

void
evict_begin(struct shard *shard, struct writer *writer, uint32_t victim)
{
	writer->evictor.victim = victim;
	writer->evictor.offset = 0;
	/* relaxed: only counted with */
	atomic_fetch_add_explicit(&shard->eviction.begun, 1, memory_order_relaxed);
}

/* Memory is short, and the victims that others have begun don't change that, or not soon. */
static bool
wants_victim(const struct eviction *eviction, const struct heap *heap)
{
	uint32_t prospect = heap_available(heap) + eviction_under_way(eviction);

	/* relaxed: a hint */
	return prospect < atomic_load_explicit(&eviction->target, memory_order_relaxed) ||
	       eviction_at_floor(eviction, heap);
}

/* True if the writer has a victim, or was given one since it is time. */
static bool
has_victim(struct shard *shard, struct writer *writer)
{
	uint32_t victim;

	if (writer->evictor.victim != SEGMENT_NONE)
		return true;
	if (!wants_victim(&shard->eviction, &shard->heap))
		return false;
	victim = victim_take(&shard->eviction);
	if (victim != SEGMENT_NONE)
		evict_begin(shard, writer, victim);
	return victim != SEGMENT_NONE;
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
			.hash = hash_key(item_key(item), key_length, &store->seed),
		};
		__builtin_prefetch(index_bucket(&shard->index, candidates[count].hash));
		count++;
	}
	return count;
}

/* Overflow buckets on the way too: what is dead by now is looked for to the end of its chain. */
static void
prefetch_overflow(const struct index *index, const struct candidate candidates[],
		  unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		index_prefetch_overflow(index->base, index_bucket(index, candidates[i].hash));
}

static void
victim_finish(struct store *store, struct shard *shard, struct writer *writer)
{
	struct evictor *evictor = &writer->evictor;

	/* relaxed: a hint (evict_must_wait) */
	atomic_fetch_add_explicit(&shard->eviction.finished, 1, memory_order_relaxed);
	shard_retire(store, writer->shard, evictor->victim);
	evictor->victim = SEGMENT_NONE;
}

/* No room to copy what should stay, but there will be after the next grace period. */
static bool
evict_must_wait(const struct shard *shard)
{
	return eviction_at_floor(&shard->eviction, &shard->heap) &&
	       eviction_waiting(&shard->eviction) != 0;
}

unsigned int
evict_some(struct store *store, struct shard *shard, struct writer *writer,
	   const struct moment *moment, unsigned int items)
{
	struct evictor *evictor = &writer->evictor;
	struct candidate candidates[EVICT_BATCH];
	struct evict_context context;
	unsigned int seen = 0;

	if (evictor->busy)
		return 0;
	evictor->busy = true;
	context.shard = shard;
	context.writer = writer;
	context.moment = moment;
	context.losses.count = 0;
	/* relaxed: ghosts' ages are rough */
	context.stamp = atomic_load_explicit(&shard->eviction.tail, memory_order_relaxed);
	while (seen < items && !evict_must_wait(shard) && has_victim(shard, writer)) {
		uint32_t from = evictor->offset;
		unsigned int count = next_candidates(store, shard, evictor, candidates);

		prefetch_overflow(&shard->index, candidates, count);
		from = evictor->offset - from;
		evictor->owed -= evictor->owed < from ? evictor->owed : from;
		context.victim = &shard->heap.segment[evictor->victim];
		for (unsigned int i = 0; i < count; i++) {
			evict_item(&context, &candidates[i]);
			if (context.losses.count != 0)
				shard_account(shard, writer, &context.losses);
		}
		if (evictor->offset >= context.victim->used)
			victim_finish(store, shard, writer);
		seen += count + 1; /* a segment of nothing but fillers costs something too */
	}
	evictor->busy = false;
	return seen;
}

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

void
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
evict_urgently(struct writer *writer, const struct moment *moment)
{
	struct store *store = writer->store;
	struct shard *shard = store->shard[writer->shard];

	evict_help(writer, moment);
	evict_some(store, shard, writer, moment, EVICT_URGENTLY);
	evict_help(writer, moment);
}

void
evict_abandon(struct shard *shard, struct writer *writer)
{
	uint32_t victim = writer->evictor.victim;

	if (victim == SEGMENT_NONE)
		return;
	writer->evictor.victim = SEGMENT_NONE;
	shard->heap.segment[victim].clean = false;
	heap_hand_over(&shard->heap, victim, SEGMENT_SEALED);
	atomic_fetch_add_explicit(&shard->eviction.finished, 1, memory_order_relaxed); /* a hint */
	eviction_settle(&shard->eviction, 1);
}

bool
evict_remembers(struct shard *shard, uint64_t hash)
{
	struct eviction *eviction = &shard->eviction;
	uint64_t stamp;

	/* relaxed, both: rough ages */
	return index_find_ghost(&shard->index, hash, &stamp) &&
	       (uint32_t)(atomic_load_explicit(&eviction->tail, memory_order_relaxed) - stamp) <=
		       atomic_load_explicit(&eviction->horizon, memory_order_relaxed);
}
