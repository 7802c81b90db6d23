/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * index_find.h - reading the index: the path of every request, therefore inline.
 *
 *     index_foresee   for a batch, once the buckets are on their way: picks each key's likely
 *                     entry, whose item is to be prefetched then
 *     index_confirm   later, one at a time: it is still there, and the key's
 *     index_find      for certain, from the directory on
 */
#ifndef JACKDAW_STORE_INDEX_FIND_H
#define JACKDAW_STORE_INDEX_FIND_H

#include "dataplane/store/index.h"
#include "dataplane/store/prefetch.h"

#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
#include <immintrin.h>
#endif

enum {
	/* from an item's start to the second prefetch: a line further, unless 56 bytes end before it */
	ITEM_SECOND_LINE = 55,
};

/* --- one bucket ---------------------------------------------------------------------------- */

/*
 * bucket_match_word: which words of the bucket, as a bit mask, are `wanted` in the bits of `mask`. A hint:
 * a slot must be loaded again before it is used.
 */
#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
static inline unsigned int
match_four(const __m256i *words, __m256i mask, __m256i wanted)
{
	__m256i same = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_load_si256(words), mask), wanted);

	return (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

/*
 * Four words at once. The language knows no atomic vector load; every AVX2 machine loads each
 * aligned 8-byte lane whole, and the caller loads the slot it picks again anyway.
 */
static inline unsigned int
bucket_match_word(const struct bucket *bucket, unsigned int slots, uint64_t wanted, uint64_t mask)
{
	const __m256i *words = (const __m256i *)(const void *)bucket;
	__m256i masks = _mm256_set1_epi64x((long long)mask);
	__m256i fours = _mm256_set1_epi64x((long long)wanted);
	unsigned int found = match_four(&words[0], masks, fours);

	if (slots == FIRST_SLOTS)
		found |= match_four(&words[1], masks, fours) << 4;
	return found;
}
#else
static inline unsigned int
bucket_match_word(const struct bucket *bucket, unsigned int slots, uint64_t wanted, uint64_t mask)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < slots; i++) {
		/* relaxed: a hint, the caller loads again */
		uint64_t word = atomic_load_explicit(&bucket->slot[i], memory_order_relaxed);

		found |= (unsigned int)(((word ^ wanted) & mask) == 0) << (i + 1);
	}
	return found;
}
#endif

/* Those with this hash's tag in this state: slots only, as a control word has no state. */
static inline unsigned int
bucket_match(const struct bucket *bucket, unsigned int slots, uint64_t hash, uint64_t state)
{
	return bucket_match_word(bucket, slots, slot_tag(hash) | state, SLOT_TAG | SLOT_STATE);
}

/* The first slot of a match that isn't 0. */
static inline _Atomic uint64_t *
bucket_matched(struct bucket *bucket, unsigned int match)
{
	return &bucket->control + __builtin_ctz(match);
}

/* The live entry of the key in this one bucket. */
static inline bool
bucket_find(const struct index *index, struct bucket *bucket, unsigned int slots, uint64_t hash,
	    const uint8_t *key, uint32_t key_length, struct index_entry *entry)
{
	unsigned int match = bucket_match(bucket, slots, hash, SLOT_LIVE);

	for (; match != 0; match &= match - 1) {
		_Atomic uint64_t *slot = bucket_matched(bucket, match);
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

/* --- a chain ------------------------------------------------------------------------------- */

/* In this chain, whose first bucket has this control word. */
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
 * Finds a live entry of the key. Wait-free, apart from the length of the chain.
 *
 * A reader that comes to a pending bucket reads the predecessor: as of the moment the reader saw
 * that it was pending, that was where the truth lay, and it never changes after.
 */
static inline bool
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

/* --- ahead of time ------------------------------------------------------------------------- */

/*
 * Looks for the hash's tag in one bucket: the slot of the likeliest entry, or NULL. *word is then what
 * it says: live, and not frozen. Its item is to be prefetched. All of it may have changed when it
 * is used.
 */
static inline _Atomic uint64_t *
index_foresee(struct bucket *bucket, unsigned int slots, uint64_t hash, uint64_t *word)
{
	unsigned int match = bucket_match(bucket, slots, hash, SLOT_LIVE);
	_Atomic uint64_t *slot;
	uint64_t now;

	if (match == 0)
		return NULL;
	slot = bucket_matched(bucket, match);
	/* relaxed: it is loaded again (index_entry_stands) */
	now = atomic_load_explicit(slot, memory_order_relaxed);
	if (__builtin_expect(!slot_is_live(now, hash), 0))
		return NULL;
	*word = now;
	return slot;
}

/*
 * Asks for the two lines at a foreseen word's item: one that ends before the second costs a line that nobody
 * needed, of which short keys and values have few.
 */
static inline void
item_prefetch(const uint8_t *base, uint64_t word)
{
	const uint8_t *item = base + slot_location(word) * ITEM_ALIGNMENT;

	prefetch_line(item);
	prefetch_line(item + ITEM_SECOND_LINE);
}

/*
 * True if an entry that index_foresee found still stands: if its item's key is the one wanted, it is what
 * index_find and index_find_to_change would find now. No quiescent state may lie between the two calls.
 *
 * A live word that isn't frozen says that no split has reached its bucket: what the slot says is the
 * truth, and it doesn't matter whether it said something else in between.
 */
static inline bool
index_entry_stands(const struct index_entry *entry)
{
	/* acquire: the item was written before the word was published */
	return atomic_load_explicit(entry->slot, memory_order_acquire) == entry->word;
}

/*
 * The same of an entry that may have been changed, as by an op on the same key just before in its batch: it is
 * then what it is now.
 */
static inline bool
index_entry_renew(struct index_entry *entry, uint64_t hash)
{
	/* acquire: as above */
	uint64_t now = atomic_load_explicit(entry->slot, memory_order_acquire);

	if (__builtin_expect(now == entry->word, 1))
		return true;
	entry->word = now;
	return slot_is_live(now, hash);
}

/* And it is the key's. */
static inline bool
index_confirm(const struct index *index, struct index_entry *entry, uint64_t hash,
	      const uint8_t *key, uint32_t key_length)
{
	return index_entry_renew(entry, hash) &&
	       item_key_equals(index_item(index, entry->word), key, key_length);
}

#endif
