/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/index_find.h"

/* --- ghosts -------------------------------------------------------------------------------- */

struct ghost
index_find_ghost(const struct index *index, uint64_t hash, const struct ghost_time *time)
{
	struct bucket *bucket = index_bucket(index, hash);
	struct ghost ghost = {.known = false};
	unsigned int match;
	uint64_t word;

	if ((bucket_control(bucket) & CONTROL_PENDING) != 0)
		return ghost; /* it was settled a moment ago: no ghost is worth a second look */
	match = bucket_match(bucket, FIRST_SLOTS, hash, SLOT_GHOST);
	ghost.last = match != 0;
	if (match == 0)
		match = bucket_match_word(bucket, FIRST_SLOTS,
					  ghost_before(slot_tag(hash)) | SLOT_GHOST,
					  GHOST_BEFORE | SLOT_STATE);
	if (match == 0)
		return ghost;
	/* relaxed: a ghost is a hint; should it be another's by now, so be it */
	word = atomic_load_explicit(bucket_matched(bucket, match), memory_order_relaxed);
	ghost.main = (word & GHOST_MAIN) != 0;
	ghost.age = ghost_age(word, time->now);
	ghost.known = ghost.age <= time->horizon;
	return ghost;
}

/* Where a new ghost goes: to the least. 1: it takes the place of nothing that is worth keeping. */
static uint32_t
ghost_rank(uint64_t word, const struct ghost_time *time)
{
	if (word == SLOT_EMPTY || ghost_age(word, time->now) > time->horizon)
		return 1;
	/* to the one before it, so that slots stay empty; else the place of the oldest */
	return ghost_is_of_two(word) ? 2 + GHOST_STAMP - ghost_age(word, time->now) : 0;
}

void
index_leave_ghost(struct index *index, uint64_t hash, bool main, const struct ghost_time *time)
{
	struct bucket *bucket = index_bucket(index, hash);
	struct index_entry best = {.slot = NULL};
	uint32_t least = UINT32_MAX;
	unsigned int match;

	if ((bucket_control(bucket) & CONTROL_PENDING) != 0)
		return;
	match = (bucket_match_word(bucket, FIRST_SLOTS, SLOT_EMPTY, UINT64_MAX) |
		 bucket_match_word(bucket, FIRST_SLOTS, SLOT_GHOST, SLOT_STATE | SLOT_FROZEN)) &
		~1u;
	for (; match != 0; match &= match - 1) {
		_Atomic uint64_t *slot = bucket_matched(bucket, match);
		/* relaxed: it is only replaced if it is still that */
		uint64_t word = atomic_load_explicit(slot, memory_order_relaxed);
		uint32_t rank = ghost_rank(word, time);

		if ((word != SLOT_EMPTY && !slot_is(word, SLOT_GHOST)) ||
		    (word & SLOT_FROZEN) != 0 || rank >= least)
			continue;
		least = rank;
		best = (struct index_entry){.slot = slot, .word = word};
	}
	if (best.slot != NULL)
		index_replace(&best, ghost_make(hash, least == 1 ? slot_tag(hash) : best.word, main,
						time->now));
}

/* --- for writers --------------------------------------------------------------------------- */

bool
index_find_to_change(struct index *index, uint64_t hash, const uint8_t *key, uint32_t key_length,
		     struct index_entry *entry, struct index_losses *losses)
{
	for (;;) {
		struct bucket *bucket = index_settled_bucket(index, hash, losses);

		if (!chain_find(index, bucket, bucket_control(bucket), hash, key, key_length,
				entry))
			return false;
		if ((entry->word & SLOT_FROZEN) == 0)
			return true;
		/* the bucket is being split: the directory has its successor */
	}
}

/*
 * The slot of a bucket that holds this location, with its word; NULL if none does. An entry that is
 * changed meanwhile is one that doesn't.
 */
static inline _Atomic uint64_t *
bucket_find_location(struct bucket *bucket, unsigned int slots, uint64_t live, uint64_t *word)
{
	const uint64_t mask = SLOT_TAG | SLOT_STATE | SLOT_LOCATION;
	unsigned int match = bucket_match_word(bucket, slots, live, mask);
	_Atomic uint64_t *slot;

	if (match == 0)
		return NULL;
	slot = bucket_matched(bucket, match);
	/* acquire: as in bucket_find */
	*word = atomic_load_explicit(slot, memory_order_acquire);
	return ((*word ^ live) & mask) == 0 ? slot : NULL;
}

bool
index_find_location(struct index *index, uint64_t hash, uint64_t location,
		    struct index_entry *entry, struct index_losses *losses)
{
	uint64_t control, live = slot_live(hash, location);
	struct bucket *bucket;
	unsigned int slots;

	do {
		bucket = index_settled_bucket(index, hash, losses);
		slots = FIRST_SLOTS;
		while ((entry->slot = bucket_find_location(bucket, slots, live, &entry->word)) ==
		       NULL) {
			control = bucket_control(bucket);
			if ((control & CONTROL_ADDRESS) == 0)
				return false;
			bucket = bucket_at(index, control);
			slots = OVERFLOW_SLOTS;
		}
	} while ((entry->word & SLOT_FROZEN) != 0); /* as in index_find_to_change */
	return true;
}
