/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/index_find.h"

/* --- ghosts -------------------------------------------------------------------------------- */

bool
index_find_ghost(const struct index *index, uint64_t hash, uint64_t *stamp)
{
	struct bucket *bucket = index_bucket(index, hash);
	uint64_t control = bucket_control(bucket);
	unsigned int match, slots = FIRST_SLOTS;

	if ((control & CONTROL_PENDING) != 0)
		return false; /* it was settled a moment ago: no ghost is worth a second look */
	while ((match = bucket_match(bucket, slots, hash, SLOT_GHOST)) == 0) {
		if ((control & CONTROL_ADDRESS) == 0)
			return false;
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
		slots = OVERFLOW_SLOTS;
	}
	/* relaxed: a ghost is a hint; should it be another's by now, so be it */
	*stamp = slot_location(
		atomic_load_explicit(bucket_matched(bucket, match), memory_order_relaxed));
	return true;
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
