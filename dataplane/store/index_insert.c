/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The insert of an absent key.
 *
 * Two writers can each find a key absent and publish it in different slots. So an insert has two
 * phases, as FASTER's has (Chandramouli et al., SIGMOD 2018): the entry is placed TENTATIVE,
 * invisible to readers; the writer looks through the whole chain again for the same key; and only
 * then makes its entry LIVE. Placements are totally ordered, so of two writers the later sees the
 * earlier. Which of them yields is decided by position, and by kicking: any writer may clear
 * a tentative entry, whose owner then merely tries again. So nobody waits for a writer that
 * was interrupted.
 *
 *   find   The key is live: not ours to insert.
 *   place  CAS(slot, empty -> TENTATIVE)
 *   rescan Every other slot of the chain:
 *            same key, LIVE                   withdraw; not ours to insert
 *            same key, TENTATIVE, after ours  kick it
 *            same key, TENTATIVE, before ours withdraw and try again; after some tries kick it
 *   flip   CAS(slot, TENTATIVE -> LIVE). It fails if we were kicked: try again.
 *
 * tests/store/test_insert_model.c checks this exhaustively.
 */
#include "dataplane/store/index_find.h"

enum {
	YIELDS_MAX = 3, /* times to withdraw before kicking an entry that stands before ours */
};

/* The key being inserted. */
struct insert {
	struct index *index;
	uint64_t hash;
	const uint8_t *key;
	uint32_t key_length;
	uint64_t live, tentative; /* our words */
	struct bucket *chain;	  /* the first bucket of the chain that we place in */
	unsigned int yields;
	bool *exposed;
	struct index_losses *losses;
};

enum verdict {
	AGAIN,
	PLACED,
	DONE,
	IS_THERE,
};

static bool
same_key(const struct insert *insert, uint64_t word)
{
	return item_key_equals(index_item(insert->index, word), insert->key, insert->key_length);
}

/* --- find and place ------------------------------------------------------------------------ */

/* Where in a chain the entry could go. slot is NULL where there is no such place. */
struct places {
	struct index_entry own;	   /* the ghost of this very key, if it came last */
	struct index_entry empty;  /* the first */
	struct index_entry ghost;  /* the oldest */
	struct index_entry victim; /* the live entry that was used least */
	struct bucket *last;	   /* of the chain */
	uint64_t last_control;
	unsigned int depth; /* buckets before the last */
};

static inline void
keep_lesser(struct index_entry *kept, _Atomic uint64_t *slot, uint64_t word, uint64_t mask)
{
	if (kept->slot == NULL || (word & mask) < (kept->word & mask))
		*kept = (struct index_entry){.slot = slot, .word = word};
}

/*
 * Sorts one slot into the places. AGAIN: an entry is frozen, so the bucket is being split. IS_THERE: the
 * key. PLACED: neither. An empty slot that is frozen may also belong to a bucket that is being trimmed:
 * it is passed over.
 */
static inline enum verdict
look_at(const struct insert *insert, _Atomic uint64_t *slot, struct places *places)
{
	/* acquire: we may read the item */
	uint64_t word = atomic_load_explicit(slot, memory_order_acquire);

	if ((word & SLOT_FROZEN) != 0)
		return slot_is(word, SLOT_LIVE) ? AGAIN : PLACED;
	if (word == SLOT_EMPTY)
		keep_lesser(&places->empty, slot, word, 0);
	else if (slot_matches(word, insert->hash, SLOT_GHOST))
		places->own = (struct index_entry){.slot = slot, .word = word};
	else if (slot_is(word, SLOT_GHOST))
		keep_lesser(&places->ghost, slot, word, GHOST_STAMP);
	else if (slot_matches(word, insert->hash, SLOT_LIVE) && same_key(insert, word))
		return IS_THERE;
	else if (slot_is(word, SLOT_LIVE))
		keep_lesser(&places->victim, slot, word, SLOT_USED);
	return PLACED;
}

/* Looks through the chain once. AGAIN: it is being split. IS_THERE: so it is. PLACED: go on. */
static enum verdict
look_through(struct insert *insert, struct places *places)
{
	struct bucket *bucket = index_settled_bucket(insert->index, insert->hash, insert->losses);
	unsigned int slots = FIRST_SLOTS;

	insert->chain = bucket;
	if ((bucket_control(bucket) & CONTROL_FROZEN) != 0)
		return AGAIN;
	*places = (struct places){.last = bucket};
	for (;; slots = OVERFLOW_SLOTS, places->depth++) {
		uint64_t control = bucket_control(bucket);

		for (unsigned int i = 0; i < slots; i++) {
			enum verdict verdict = look_at(insert, &bucket->slot[i], places);

			if (verdict != PLACED)
				return verdict;
		}
		places->last = bucket;
		places->last_control = control;
		if ((control & CONTROL_ADDRESS) == 0)
			return PLACED;
		bucket = bucket_at(insert->index, control);
	}
}

static enum verdict
place_in(struct insert *insert, const struct index_entry *place, _Atomic uint64_t **ours)
{
	*ours = place->slot;
	*insert->exposed = true;
	return index_replace(place, insert->tentative) ? PLACED : AGAIN;
}

/* Appends an overflow bucket that holds our entry. */
static enum verdict
place_in_overflow(struct insert *insert, const struct places *places, struct bucket *bucket,
		  _Atomic uint64_t **ours)
{
	uint64_t control = places->last_control;

	*ours = &bucket->slot[0];
	*insert->exposed = true;
	/* relaxed: published by the exchange below */
	atomic_store_explicit(*ours, insert->tentative, memory_order_relaxed);
	/* seq_cst: release of the bucket, and its place in the order of placements */
	if (!atomic_compare_exchange_strong_explicit(&places->last->control, &control,
						     control |
							     bucket_address(insert->index, bucket),
						     memory_order_seq_cst, memory_order_relaxed)) {
		overflow_give(insert->index, bucket);
		return AGAIN;
	}
	index_depth_add(insert->index, places->depth + 1, 1);
	return PLACED;
}

/* Nothing is empty: the entry used least makes room. */
static enum verdict
place_over(struct insert *insert, const struct index_entry *victim, _Atomic uint64_t **ours)
{
	struct index_losses *losses = insert->losses;

	if (victim->slot == NULL || losses->count == INDEX_LOSSES_MAX ||
	    place_in(insert, victim, ours) != PLACED)
		return AGAIN;
	losses->word[losses->count++] = victim->word;
	return PLACED;
}

/* Slots of the bucket with our tag, in whatever state. */
static unsigned int
match_tag(const struct insert *insert, const struct bucket *bucket, unsigned int slots)
{
	return bucket_match_word(bucket, slots, slot_tag(insert->hash), SLOT_TAG) & ~1u;
}

/* The first empty slot of the bucket, unless a place is known. */
static void
find_empty(struct bucket *bucket, unsigned int slots, struct index_entry *place)
{
	unsigned int match = bucket_match_word(bucket, slots, SLOT_EMPTY, UINT64_MAX) & ~1u;

	if (match != 0 && place->slot == NULL)
		*place = (struct index_entry){.slot = bucket_matched(bucket, match),
					      .word = SLOT_EMPTY};
}

/* The oldest ghost of the first bucket, unless a place is known. */
static void
find_ghost(struct bucket *bucket, struct index_entry *place)
{
	unsigned int match =
		bucket_match_word(bucket, FIRST_SLOTS, SLOT_GHOST, SLOT_STATE | SLOT_FROZEN) & ~1u;

	if (place->slot != NULL)
		return;

	for (; match != 0; match &= match - 1) {
		_Atomic uint64_t *slot = bucket_matched(bucket, match);
		/* relaxed: it is only replaced if it is still that */
		uint64_t word = atomic_load_explicit(slot, memory_order_relaxed);

		if (slot_is(word, SLOT_GHOST) && (word & SLOT_FROZEN) == 0)
			keep_lesser(place, slot, word, GHOST_STAMP);
	}
}

/*
 * The place of nearly every entry: nothing in the chain has its tag, and there is an empty slot in the first bucket, or
 * a ghost, or an empty slot further on. False: this isn't so, and nothing is known.
 */
static bool
find_plain_place(struct insert *insert, struct index_entry *place)
{
	struct bucket *first = index_settled_bucket(insert->index, insert->hash, insert->losses);
	uint64_t control = bucket_control(first);

	insert->chain = first;
	if ((control & CONTROL_FROZEN) != 0 || match_tag(insert, first, FIRST_SLOTS) != 0)
		return false;
	*place = (struct index_entry){.slot = NULL};
	find_empty(first, FIRST_SLOTS, place);
	find_ghost(first, place);
	while ((control & CONTROL_ADDRESS) != 0) {
		struct bucket *bucket = bucket_at(insert->index, control);

		if (match_tag(insert, bucket, OVERFLOW_SLOTS) != 0)
			return false;
		find_empty(bucket, OVERFLOW_SLOTS, place);
		control = bucket_control(bucket);
	}
	return place->slot != NULL;
}

static enum verdict
place(struct insert *insert, _Atomic uint64_t **ours)
{
	struct index_entry plain;
	struct places places;
	struct bucket *bucket;
	enum verdict verdict;

	if (__builtin_expect(find_plain_place(insert, &plain), 1))
		return place_in(insert, &plain, ours);
	verdict = look_through(insert, &places);
	if (verdict != PLACED)
		return verdict;
	if (places.own.slot != NULL)
		return place_in(insert, &places.own, ours);
	/* the first bucket's ghosts go before an overflow bucket is filled, or kept */
	if (places.empty.slot != NULL &&
	    (places.ghost.slot == NULL || bucket_has_slot(insert->chain, places.empty.slot)))
		return place_in(insert, &places.empty, ours);
	if (places.ghost.slot != NULL)
		return place_in(insert, &places.ghost, ours);
	bucket = NULL;
	if (places.depth + 1 < CHAIN_MAX && (places.last_control & CONTROL_FROZEN) == 0)
		bucket = overflow_take(insert->index);
	if (bucket != NULL)
		return place_in_overflow(insert, &places, bucket, ours);
	return place_over(insert, &places.victim, ours);
}

/* --- rescan and flip ----------------------------------------------------------------------- */

/* Gives up our place, if nobody kicked us out of it yet. */
static void
withdraw(const struct insert *insert, _Atomic uint64_t *ours)
{
	index_replace(&(struct index_entry){.slot = ours, .word = insert->tentative}, SLOT_EMPTY);
}

/* What to do about one other slot: PLACED: nothing; else we have withdrawn. */
static enum verdict
meet(struct insert *insert, _Atomic uint64_t *ours, _Atomic uint64_t *slot, bool before)
{
	for (;;) {
		/* seq_cst: see rescan. Includes acquire: we may read the item */
		uint64_t word = atomic_load_explicit(slot, memory_order_seq_cst);

		if (slot_matches(word, insert->hash, SLOT_LIVE) && same_key(insert, word)) {
			withdraw(insert, ours);
			return IS_THERE;
		}
		/* a frozen tentative entry can't become live any more */
		if (!slot_matches(word, insert->hash, SLOT_TENTATIVE) ||
		    (word & SLOT_FROZEN) != 0 || !same_key(insert, word))
			return PLACED;
		if (before && insert->yields < YIELDS_MAX) {
			insert->yields++;
			withdraw(insert, ours);
			return AGAIN;
		}
		if (index_replace(&(struct index_entry){.slot = slot, .word = word}, SLOT_EMPTY))
			return PLACED;
	}
}

/*
 * Looks at all slots but ours. The chain is the one we placed in, even if it is being split by
 * now: then the flip will tell.
 *
 * Of two writers, each of which has placed its entry, one at least must see the other's: placements
 * are seq_cst, and these loads come after the writer's own, so that the later of the two sees the earlier.
 * With less, both could miss each other and go live. On x86 loads come after any locked instruction before them.
 */
static enum verdict
rescan(struct insert *insert, _Atomic uint64_t *ours)
{
	struct bucket *bucket = insert->chain;
	unsigned int slots = FIRST_SLOTS;
	bool before = true;

#ifndef __x86_64__
	atomic_thread_fence(memory_order_seq_cst);
#endif
	for (;; slots = OVERFLOW_SLOTS) {
		/* seq_cst: an overflow bucket may have been appended */
		uint64_t control = atomic_load_explicit(&bucket->control, memory_order_seq_cst);
		unsigned int match = match_tag(insert, bucket, slots);

		for (; match != 0; match &= match - 1) {
			_Atomic uint64_t *slot = bucket_matched(bucket, match);
			enum verdict verdict = PLACED;

			if (slot == ours)
				before = false;
			else
				verdict = meet(insert, ours, slot, before);
			if (verdict != PLACED)
				return verdict;
		}
		if ((control & CONTROL_ADDRESS) == 0)
			return PLACED;
		bucket = bucket_at(insert->index, control);
	}
}

/* One attempt: all four steps. */
static enum verdict
attempt(struct insert *insert)
{
	_Atomic uint64_t *ours;
	enum verdict verdict = place(insert, &ours);

	if (verdict == PLACED)
		verdict = rescan(insert, ours);
	if (verdict != PLACED)
		return verdict;
	return index_replace(&(struct index_entry){.slot = ours, .word = insert->tentative},
			     insert->live)
		       ? DONE
		       : AGAIN;
}

enum index_insert
index_insert(struct index *index, uint64_t hash, const uint8_t *key, uint32_t key_length,
	     uint64_t word, bool *exposed, struct index_losses *losses)
{
	struct insert insert = {
		.index = index,
		.hash = hash,
		.key = key,
		.key_length = key_length,
		.live = word,
		.tentative = word ^ SLOT_LIVE ^ SLOT_TENTATIVE,
		.exposed = exposed,
		.losses = losses,
	};
	enum verdict verdict;

	do
		verdict = attempt(&insert);
	while (verdict == AGAIN);
	return verdict == DONE ? INDEX_INSERTED : INDEX_IS_THERE;
}
