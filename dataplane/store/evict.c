/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/evict.h"

#include "dataplane/store/hit.h"
#include "dataplane/store/index_follow.h"
#include "dataplane/store/prefetch.h"
#include "dataplane/store/shard.h"

enum {
	EVICT_BATCH = 64,  /* items whose buckets are fetched at once */
	EVICT_LOOK = 256,  /* to look at for so many that live */
	EVICT_AHEAD = 512, /* bytes; what follows so far behind an item is fetched */
	EVICT_DEAD = 8,	   /* so many dead items cost as much as one that lives */
	SPARE_SMALL = 2,   /* of what an item is smaller than the mean, so many times */
	SPARE_MAIN = 1,	   /* is the share of such items that are kept unread (is_spared) */
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

/* --- ghosts -------------------------------------------------------------------------------- */

static struct ghost_time
ghosts_now(const struct eviction *eviction)
{
	/* relaxed, both: ages are rough */
	return (struct ghost_time){
		.now = atomic_load_explicit(&eviction->ghost_clock, memory_order_relaxed),
		.horizon = atomic_load_explicit(&eviction->horizon, memory_order_relaxed),
	};
}

/* --- one item ------------------------------------------------------------------------------ */

/* An item of the victim. */
struct candidate {
	const struct item *item;
	struct bucket *bucket; /* the first of its chain; another, if it was split since */
	void *place;	       /* its slot, as it was foreseen (index_find.h), */
	uint64_t word;	       /* and what that said */
	uint64_t location, hash;
	uint64_t head;
	bool spared; /* kept though nobody read it (is_spared) */
};

/* A few items' eviction. */
struct evict_context {
	struct shard *shard;
	struct writer *writer;
	const struct moment *moment;
	const struct segment *victim; /* or another segment that some item is dropped from */
	uint64_t victim_stamp;
	unsigned int queue; /* its own */
	bool clean;	    /* all that lives in it is kept */
	bool flushed;	    /* all of it */
	bool at_floor;	    /* nothing is copied: only so will there be room for what is stored */
	unsigned int class; /* of survivors */
	struct ghost_time ghosts;
	uint32_t moved, grown; /* bytes of what has moved, and how many it takes more now */
	struct index_losses losses;
};

/* Where a survivor goes: Main, or what takes the victim's place. */
static unsigned int
class_of_survivor(const struct evict_context *context)
{
	if (!context->clean)
		return CLASS_MAIN;
	if (context->writer->cleans)
		return CLASS_CLEANED + context->queue;
	return context->queue == QUEUE_MAIN ? CLASS_MAIN : CLASS_NEW;
}

/* Where what is spared goes: to the young end of its queue. */
static unsigned int
class_of_spared(const struct evict_context *context, const struct candidate *candidate)
{
	return context->queue == QUEUE_MAIN
		       ? CLASS_MAIN
		       : writer_class(context->writer, item_expiry(candidate->item),
				      context->moment);
}

/* What is to stand for an item that stays. */
struct copy {
	uint64_t location; /* 0: none was made */
	bool told;	   /* it has the item's unique */
};

static void
drop_copy(struct writer *writer, const struct copy *copy)
{
	if (copy->location != 0)
		writer_give_back(writer, copy->location,
				 item_size(heap_item(writer->heap, copy->location)));
}

/* Copies the item, to be published in its stead; told: with its unique. 0: no room. */
static uint64_t
copy_item(struct evict_context *context, const struct candidate *candidate, unsigned int class,
	  bool told)
{
	struct writer *writer = context->writer;
	const struct item *item = candidate->item;
	struct open_segment *open = &writer->open[class];
	uint32_t size = head_item_size(candidate->head) + head_copy_growth(candidate->head, told);
	struct segment *into;
	uint64_t location;

	if (context->at_floor ||
	    (!open_has_room(open, size, context->moment) &&
	     eviction_at_floor(&context->shard->eviction, &context->shard->heap)))
		return 0;
	location = writer_allocate(writer, class, size, item_expiry(item), context->moment);
	if (location == 0)
		return 0;
	writer->demand[class_kind(class)].added += !context->clean && !candidate->spared;
	into = &writer->heap->segment[open->segment];
	if (class >= CLASS_CLEANED && class < CLASS_TTL && into->order == 0)
		into->order = context->victim->order;
	item_copy(heap_item(writer->heap, location), item, told,
		  item_unique_in(context->victim_stamp, item, candidate->location));
	return location;
}

/* Sees to it that there is a copy, with the unique if that was told by now. */
static void
keep_copy(struct evict_context *context, const struct candidate *candidate, unsigned int class,
	  bool told, struct copy *copy)
{
	if (copy->location != 0 && copy->told == told)
		return;
	drop_copy(context->writer, copy);
	*copy = (struct copy){.location = copy_item(context, candidate, class, told), .told = told};
}

/* Some items have moved: of what is live, only their headers may have grown. */
static void
count_moves(struct evict_context *context)
{
	struct writer *writer = context->writer;

	counter_add(&writer->tally.bytes_headers, context->grown);
	counter_add(&writer->tally.bytes_dead, context->moved);
	counter_add32(&writer->ledger[writer->evictor.victim].dead, context->moved);
	context->moved = 0;
	context->grown = 0;
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

	if (gone) {
		count_expired(tally, candidate->item, word, context->moment);
	} else {
		counter_add(&tally->evictions, 1);
		counter_add(&tally->evicted_unfetched, (word & SLOT_FETCHED) == 0);
		if (context->writer->store->options.evicted != NULL)
			tell_of_eviction(context, candidate, word);
	}
}

/* What is to stand in the entry's slot: a copy, or nothing. */
static uint64_t
replacement(struct evict_context *context, const struct candidate *candidate,
	    const struct index_entry *entry, bool gone, struct copy *copy)
{
	uint64_t word = entry->word;
	bool earned = context->clean || (word & SLOT_USED) != 0;

	if (gone || (!earned && !candidate->spared))
		return SLOT_EMPTY;
	keep_copy(context, candidate, earned ? context->class : class_of_spared(context, candidate),
		  (word & SLOT_TOLD) != 0, copy);
	if (copy->location == 0)
		return SLOT_EMPTY;
	return slot_live(candidate->hash, copy->location) |
	       (word &
		(context->clean ? SLOT_USED | SLOT_FETCHED | SLOT_TOLD : SLOT_FETCHED | SLOT_TOLD));
}

/* The entry that points to the item. False if there is none: the item is dead. */
static bool
candidate_find(struct evict_context *context, const struct candidate *candidate,
	       struct index_entry *entry)
{
	*entry = (struct index_entry){.slot = candidate->place, .word = candidate->word};
	if (slot_location(entry->word) == candidate->location && index_entry_stands(entry))
		return true;
	return index_find_location(&context->shard->index, candidate->hash, candidate->location,
				   entry, &context->losses);
}

/* True if it was dropped. */
static bool
evict_item(struct evict_context *context, const struct candidate *candidate)
{
	struct shard *shard = context->shard;
	struct writer *writer = context->writer;
	struct index_entry entry;
	bool gone = context->flushed ||
		    (!head_is_plain(candidate->head) &&
		     clock_past(item_expiry(candidate->item), context->moment->clock));
	struct copy copy = {.location = 0};
	bool dropped = false;

	while (candidate_find(context, candidate, &entry)) {
		uint64_t with = replacement(context, candidate, &entry, gone, &copy);

		if (!index_replace(&entry, with))
			continue;
		if (slot_is(with, SLOT_LIVE)) {
			context->moved += head_item_size(candidate->head);
			context->grown += head_copy_growth(candidate->head, copy.told);
			return false;
		}
		shard_bury(shard, writer, entry.word);
		count_loss(context, candidate, entry.word, gone);
		if (!gone)
			index_leave_ghost(&shard->index, candidate->hash,
					  context->queue == QUEUE_MAIN, &context->ghosts);
		index_trim(&shard->index, candidate->hash, &entry);
		dropped = true;
		break;
	}
	drop_copy(writer, &copy);
	return dropped;
}

/* --- a victim ------------------------------------------------------------------------------ */

void
evict_begin(struct shard *shard, struct writer *writer, uint32_t victim)
{
	writer->evictor.victim = victim;
	writer->evictor.offset = 0;
	/* that it is a victim comes before what we see of it: room_is_lost */
	atomic_thread_fence(memory_order_seq_cst);
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

/*
 * The next items of the victim that aren't known to be dead, with their buckets on the way to the cache.
 * *looked: at how many.
 */
static unsigned int
next_candidates(const struct store *store, struct shard *shard, struct evictor *evictor,
		struct candidate candidates[EVICT_BATCH], unsigned int *looked)
{
	const struct heap *heap = &shard->heap;
	struct index_view view = index_view(&shard->index);
	uint64_t start = heap_offset(heap, evictor->victim);
	uint32_t used = heap->segment[evictor->victim].used, offset = evictor->offset;
	unsigned int look = 0, count = 0;

	for (; count < EVICT_BATCH && look < EVICT_LOOK && offset < used; look++) {
		uint64_t location = (start + offset) / ITEM_ALIGNMENT;
		const struct item *item = heap_item(heap, location);
		struct candidate *candidate = &candidates[count];
		/* acquire: an item that was put in a dead one's place is whole if it isn't dead */
		uint64_t head = atomic_load_explicit(&item->head, memory_order_acquire);

		prefetch_line((const uint8_t *)item + EVICT_AHEAD);
		offset += head_item_size(head);
		if (head_key_length(head) == 0 || (head & HEAD_DEAD) != 0)
			continue;
		candidate->item = item;
		candidate->location = location;
		candidate->head = head;
		candidate->hash = hash_key(item_key(item), head_key_length(head), &store->seed);
		candidate->bucket = view_bucket(&view, candidate->hash);
		prefetch_line(candidate->bucket);
		count++;
	}
	evictor->offset = offset;
	*looked = look;
	return count;
}

/*
 * True if an item gets another turn though nobody has read it. What is small costs little to keep: the smaller
 * it is beside the mean, the oftener (docs/decisions/005-sizes.md). How often is summed up in `credit`, so that
 * nothing is left to chance, and nothing has to be remembered of an item.
 */
static bool
is_spared(uint32_t size, uint32_t mean, unsigned int factor, uint32_t *credit)
{
	uint32_t more;

	if (size >= mean)
		return false;
	more = (mean - size) * factor;
	*credit += more < mean ? more : mean;
	if (*credit < mean)
		return false;
	*credit -= mean;
	return true;
}

static void
spare_candidates(const struct evict_context *context, struct candidate candidates[],
		 unsigned int count)
{
	unsigned int factor = context->queue == QUEUE_SMALL ? SPARE_SMALL : SPARE_MAIN;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum += head_item_size(candidates[i].head);
	for (unsigned int i = 0; i < count; i++)
		candidates[i].spared =
			is_spared(head_item_size(candidates[i].head), (uint32_t)(sum / count),
				  factor, &context->writer->evictor.credit);
}

/* Finds the candidates' entries ahead of time, as far as they can be. */
static void
foresee_candidates(const struct index *index, struct candidate candidates[], unsigned int count)
{
	struct follow follow;

	follow.count = 0;
	for (unsigned int i = 0; i < count; i++) {
		struct candidate *candidate = &candidates[i];

		candidate->word = SLOT_UNFORESEEN;
		candidate->place = index_foresee(candidate->bucket, FIRST_SLOTS, candidate->hash,
						 &candidate->word);
		if (candidate->place == NULL)
			follow_add(&follow, index->base, candidate->bucket, candidate->hash,
				   &candidate->place, &candidate->word);
	}
	follow_all(&follow);
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

static void
context_begin(struct evict_context *context, struct shard *shard, struct writer *writer,
	      const struct moment *moment)
{
	context->shard = shard;
	context->writer = writer;
	context->moment = moment;
	context->moved = 0;
	context->grown = 0;
	context->losses.count = 0;
	context->ghosts = ghosts_now(&shard->eviction);
}

/* What the next items have in common, which are the segment's. */
static void
context_enter(struct evict_context *context, uint32_t victim, bool clean)
{
	const struct heap *heap = &context->shard->heap;

	context->victim = &heap->segment[victim];
	context->victim_stamp = heap_stamp(heap, victim);
	context->queue = stamp_queue(context->victim_stamp);
	context->clean = clean;
	context->flushed = stamp_is_flushed(context->victim_stamp, context->moment->epoch);
	context->at_floor = eviction_at_floor(&context->shard->eviction, heap);
	context->class = class_of_survivor(context);
}

/* Sees to the victim's next items. Returns what that was worth, in items that live. */
static unsigned int
evict_batch(struct store *store, struct evict_context *context)
{
	struct shard *shard = context->shard;
	struct evictor *evictor = &context->writer->evictor;
	struct candidate candidates[EVICT_BATCH];
	uint32_t from = evictor->offset;
	unsigned int looked, count = next_candidates(store, shard, evictor, candidates, &looked);

	from = evictor->offset - from;
	evictor->owed -= evictor->owed < from ? evictor->owed : from;
	spare_candidates(context, candidates, count);
	foresee_candidates(&shard->index, candidates, count);
	for (unsigned int i = 0; i < count; i++) {
		evict_item(context, &candidates[i]);
		if (context->losses.count != 0)
			shard_account(shard, context->writer, &context->losses);
	}
	count_moves(context);
	return count + looked / EVICT_DEAD + 1;
}

unsigned int
evict_some(struct store *store, struct shard *shard, struct writer *writer,
	   const struct moment *moment, unsigned int items)
{
	struct evictor *evictor = &writer->evictor;
	struct evict_context context;
	unsigned int seen = 0;

	if (evictor->busy)
		return 0;
	evictor->busy = true;
	context_begin(&context, shard, writer, moment);
	while (seen < items && !evict_must_wait(shard) && has_victim(shard, writer)) {
		context_enter(&context, evictor->victim,
			      shard->heap.segment[evictor->victim].clean);
		seen += evict_batch(store, &context);
		if (evictor->offset >= context.victim->used)
			victim_finish(store, shard, writer);
	}
	evictor->busy = false;
	return seen;
}

/* Drops an item, read or not. True if it was there. */
static bool
evict_one(struct shard *shard, struct writer *writer, const struct moment *moment, uint64_t hash,
	  uint64_t location)
{
	const struct item *item = heap_item(&shard->heap, location);
	struct candidate candidate = {
		.item = item,
		.word = SLOT_UNFORESEEN,
		.location = location,
		.hash = hash,
		.head = item_head(item),
	};
	struct evict_context context;
	bool dropped;

	context_begin(&context, shard, writer, moment);
	context_enter(&context, heap_segment_of(&shard->heap, location), false);
	context.at_floor = true; /* no copy is made */
	dropped = evict_item(&context, &candidate);
	shard_account(shard, writer, &context.losses);
	return dropped;
}

void
evict_missed(struct shard *shard, struct writer *writer, const struct moment *moment, uint64_t hash,
	     uint64_t location)
{
	counter_add(&writer->tally.places_lost, evict_one(shard, writer, moment, hash, location));
}

bool
evict_expired(struct shard *shard, struct writer *writer, const struct moment *moment,
	      uint64_t location)
{
	const struct item *item = heap_item(&shard->heap, location);
	uint64_t hash = hash_key(item_key(item), item_key_length(item), &writer->store->seed);

	return evict_one(shard, writer, moment, hash, location);
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
evict_remembers(struct shard *shard, struct writer *writer, uint64_t hash)
{
	struct ghost_time ghosts = ghosts_now(&shard->eviction);
	struct ghost ghost = index_find_ghost(&shard->index, hash, &ghosts);
	unsigned int queue = ghost.main ? QUEUE_MAIN : QUEUE_SMALL;

	if (ghost.known && ghost.last && ghost.age < counter_read32(&shard->eviction.soon[queue]))
		counter_add32(&writer->evictor.returned[queue], 1);
	return ghost.known;
}
