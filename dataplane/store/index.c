/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/index.h"

#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
#include <immintrin.h>
#endif

/* --- one bucket ---------------------------------------------------------------------------- */

#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
/*
 * Compares all eight words at once. The language knows no atomic vector load; every AVX2 machine
 * loads each aligned 8-byte lane whole, and the caller loads the slot it picks again anyway.
 */
unsigned int
bucket_match(const struct bucket *bucket, uint64_t hash, uint64_t state)
{
	const __m256i *words = (const __m256i *)(const void *)bucket;
	__m256i mask = _mm256_set1_epi64x((long long)(SLOT_TAG | SLOT_STATE));
	__m256i wanted = _mm256_set1_epi64x((long long)(slot_tag(hash) | state));
	__m256i low =
		_mm256_cmpeq_epi64(_mm256_and_si256(_mm256_load_si256(&words[0]), mask), wanted);
	__m256i high =
		_mm256_cmpeq_epi64(_mm256_and_si256(_mm256_load_si256(&words[1]), mask), wanted);
	unsigned int found = (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
			     (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4;

	return found >> 1; /* word 0 is the control word */
}
#else
unsigned int
bucket_match(const struct bucket *bucket, uint64_t hash, uint64_t state)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < BUCKET_SLOTS; i++) {
		/* relaxed: a hint, the caller loads again */
		uint64_t word = atomic_load_explicit(&bucket->slot[i], memory_order_relaxed);

		found |= (unsigned int)slot_matches(word, hash, state) << i;
	}
	return found;
}
#endif

/* The live entry of the key in this one bucket. */
static inline bool
bucket_find(const struct index *index, struct bucket *bucket, uint64_t hash, const uint8_t *key,
	    uint32_t key_length, struct index_entry *entry)
{
	unsigned int match = bucket_match(bucket, hash, SLOT_LIVE);

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
	while (!bucket_find(index, bucket, hash, key, key_length, entry)) {
		if ((control & CONTROL_ADDRESS) == 0)
			return false;
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
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
	unsigned int match = bucket_match(bucket, hash, SLOT_LIVE);

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

	if ((control & CONTROL_PENDING) != 0)
		return false; /* it was settled a moment ago: no ghost is worth a second look */
	for (;; bucket = bucket_at(index, control), control = bucket_control(bucket)) {
		unsigned int match = bucket_match(bucket, hash, SLOT_GHOST);

		if (match != 0) {
			/* relaxed: a ghost is a hint */
			uint64_t word = atomic_load_explicit(&bucket->slot[__builtin_ctz(match)],
							     memory_order_relaxed);

			*stamp = slot_location(word);
			return slot_matches(word, hash, SLOT_GHOST);
		}
		if ((control & CONTROL_ADDRESS) == 0)
			return false;
	}
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

bool
index_find_location(struct index *index, uint64_t hash, uint64_t location,
		    struct index_entry *entry, struct index_losses *losses)
{
	struct bucket *bucket = index_settled_bucket(index, hash, losses);

	for (;;) {
		uint64_t control = bucket_control(bucket);
		unsigned int match = bucket_match(bucket, hash, SLOT_LIVE);

		for (; match != 0; match &= match - 1) {
			entry->slot = &bucket->slot[__builtin_ctz(match)];
			/* acquire: as in bucket_find */
			entry->word = atomic_load_explicit(entry->slot, memory_order_acquire);
			if (!slot_matches(entry->word, hash, SLOT_LIVE) ||
			    slot_location(entry->word) != location)
				continue;
			if ((entry->word & SLOT_FROZEN) == 0)
				return true;
			return index_find_location(index, hash, location, entry, losses);
		}
		if ((control & CONTROL_ADDRESS) == 0)
			return false;
		bucket = bucket_at(index, control);
	}
}
