/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/index.h"

#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
#include <immintrin.h>
#endif

/* --- one bucket ---------------------------------------------------------------------------- */

#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
static inline unsigned int
match_four(const __m256i *words, __m256i mask, __m256i wanted)
{
	__m256i same = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_load_si256(words), mask), wanted);

	return (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

/*
 * Compares four words at once. The language knows no atomic vector load; every AVX2 machine loads
 * each aligned 8-byte lane whole, and the caller loads the slot it picks again anyway.
 */
unsigned int
bucket_match(const struct bucket *bucket, unsigned int slots, uint64_t hash, uint64_t state)
{
	const __m256i *words = (const __m256i *)(const void *)bucket;
	__m256i mask = _mm256_set1_epi64x((long long)(SLOT_TAG | SLOT_STATE));
	__m256i wanted = _mm256_set1_epi64x((long long)(slot_tag(hash) | state));
	unsigned int found = match_four(&words[0], mask, wanted);

	if (slots == FIRST_SLOTS)
		found |= match_four(&words[1], mask, wanted) << 4;
	return found >> 1; /* word 0 is the control word */
}
#else
unsigned int
bucket_match(const struct bucket *bucket, unsigned int slots, uint64_t hash, uint64_t state)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < slots; i++) {
		/* relaxed: a hint, the caller loads again */
		uint64_t word = atomic_load_explicit(&bucket->slot[i], memory_order_relaxed);

		found |= (unsigned int)slot_matches(word, hash, state) << i;
	}
	return found;
}
#endif

/* The live entry of the key in this one bucket. */
static inline bool
bucket_find(const struct index *index, struct bucket *bucket, unsigned int slots, uint64_t hash,
	    const uint8_t *key, uint32_t key_length, struct index_entry *entry)
{
	unsigned int match = bucket_match(bucket, slots, hash, SLOT_LIVE);

	for (; match != 0; match &= match - 1) {
		_Atomic uint64_t *slot = &bucket->slot[__builtin_ctz(match)];
		/* acquire: the item was written before the word was published */
		uint64_t word = atomic_load_explicit(slot, memory_order_acquire);

		if (slot_matches(word, hash, SLOT_LIVE) &&
		    item_key_equals(index_item(index, word), key, key_length)) {
			*entry = (struct index_entry){.slot = slot, .word = word};
			return true;
		}
	}
	return false;
}

/* --- reading ------------------------------------------------------------------------------- */

static inline bool
chain_find(const struct index *index, struct bucket *bucket, uint64_t control, uint64_t hash,
	   const uint8_t *key, uint32_t key_length, struct index_entry *entry)
{
	unsigned int slots = FIRST_SLOTS;

	while (!bucket_find(index, bucket, slots, hash, key, key_length, entry)) {
		if ((control & CONTROL_ADDRESS) == 0)
			return false;
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
		slots = OVERFLOW_SLOTS;
	}
	return true;
}

/*
 * A reader that comes to a pending bucket reads the predecessor: as of the moment the reader saw
 * that it was pending, that was where the truth lay, and it never changes after.
 */
bool
index_find(const struct index *index, uint64_t hash, const uint8_t *key, uint32_t key_length,
	   struct index_entry *entry)
{
	struct bucket *bucket = index_bucket(index, hash);
	uint64_t control = bucket_control(bucket);

	if (__builtin_expect((control & CONTROL_PENDING) != 0, 0)) {
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
	}
	return chain_find(index, bucket, control, hash, key, key_length, entry);
}

void
index_prefetch(const struct index *index, const struct bucket *bucket, uint64_t hash)
{
	unsigned int match = bucket_match(bucket, FIRST_SLOTS, hash, SLOT_LIVE);

	/* relaxed, both: hints */
	if (match == 0) {
		uint64_t control = atomic_load_explicit(&bucket->control, memory_order_relaxed);

		if ((control & CONTROL_ADDRESS) != 0)
			__builtin_prefetch(bucket_at(index, control));
	}
	for (; match != 0; match &= match - 1) {
		uint64_t word = atomic_load_explicit(&bucket->slot[__builtin_ctz(match)],
						     memory_order_relaxed);
		const uint8_t *item = (const uint8_t *)index_item(index, word);

		__builtin_prefetch(item);
		__builtin_prefetch(item +
				   56); /* a small item lies on two lines more often than not */
	}
}

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
		atomic_load_explicit(&bucket->slot[__builtin_ctz(match)], memory_order_relaxed));
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

/* The slot of a bucket that holds this location, with its word; NULL if none does. */
static _Atomic uint64_t *
bucket_find_location(struct bucket *bucket, unsigned int slots, uint64_t hash, uint64_t location,
		     uint64_t *word)
{
	unsigned int match = bucket_match(bucket, slots, hash, SLOT_LIVE);

	for (; match != 0; match &= match - 1) {
		_Atomic uint64_t *slot = &bucket->slot[__builtin_ctz(match)];

		/* acquire: as in bucket_find */
		*word = atomic_load_explicit(slot, memory_order_acquire);
		if (slot_matches(*word, hash, SLOT_LIVE) && slot_location(*word) == location)
			return slot;
	}
	return NULL;
}

bool
index_find_location(struct index *index, uint64_t hash, uint64_t location,
		    struct index_entry *entry, struct index_losses *losses)
{
	struct bucket *bucket;
	unsigned int slots;
	uint64_t control;

	do {
		bucket = index_settled_bucket(index, hash, losses);
		slots = FIRST_SLOTS;
		while ((entry->slot = bucket_find_location(bucket, slots, hash, location,
							   &entry->word)) == NULL) {
			control = bucket_control(bucket);
			if ((control & CONTROL_ADDRESS) == 0)
				return false;
			bucket = bucket_at(index, control);
			slots = OVERFLOW_SLOTS;
		}
	} while ((entry->word & SLOT_FROZEN) != 0); /* as in index_find_to_change */
	return true;
}
