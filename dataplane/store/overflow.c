/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Overflow buckets: where they come from, and how an empty one leaves its chain.
 *
 * Entries never move, so a chain that was long once would stay long. Whoever empties the last bucket
 * of a chain unlinks it (index_trim): its control word is frozen, so that nothing is appended to it;
 * its empty slots are frozen, one by one, so that nothing is placed in it; then the link to it is
 * taken away. Frozen words never thaw, so it doesn't matter how many try at once or who of them gets
 * how far. If an entry was placed meanwhile the bucket stays, with fewer slots, until
 * that entry goes.
 */
#include "dataplane/store/index.h"

/* --- spare ones: a Treiber stack, linked by their first slots --------------------------------- */

void
overflow_give(struct index *index, struct bucket *bucket)
{
	/* relaxed: only put into the link, not followed */
	uint64_t head = atomic_load_explicit(&index->spare, memory_order_relaxed), with;

	do {
		/* relaxed: published by the exchange */
		atomic_store_explicit(&bucket->slot[0], head & CONTROL_ADDRESS,
				      memory_order_relaxed);
		with = ((head >> ADDRESS_BITS) + 1) << ADDRESS_BITS | bucket_address(index, bucket);
		/* release: the links are seen by who pops */
	} while (!atomic_compare_exchange_weak_explicit(
		&index->spare, &head, with, memory_order_release, memory_order_relaxed));
}

static struct bucket *
spare_pop(struct index *index)
{
	/* acquire: pairs with overflow_give */
	uint64_t head = atomic_load_explicit(&index->spare, memory_order_acquire), with;
	struct bucket *bucket;

	do {
		if ((head & CONTROL_ADDRESS) == 0)
			return NULL;
		bucket = bucket_at(index, head);
		/* relaxed: it may be stale if another took the bucket; then the tag differs */
		with = ((head >> ADDRESS_BITS) + 1) << ADDRESS_BITS |
		       (atomic_load_explicit(&bucket->slot[0], memory_order_relaxed) &
			CONTROL_ADDRESS);
	} while (!atomic_compare_exchange_weak_explicit(
		&index->spare, &head, with, memory_order_acquire, memory_order_acquire));
	return bucket;
}

/* --- fresh ones: count << ADDRESS_BITS | address of the next ------------------------------- */

static struct bucket *
fresh_take(struct index *index)
{
	/* acquire: the memory was free when it was added; pairs with index_add_overflow */
	uint64_t fresh = atomic_load_explicit(&index->fresh, memory_order_acquire);

	do
		if (fresh >> ADDRESS_BITS == 0)
			return NULL;
	while (!atomic_compare_exchange_weak_explicit(&index->fresh, &fresh,
						      fresh - (UINT64_C(1) << ADDRESS_BITS) + 1,
						      memory_order_acquire, memory_order_acquire));
	return bucket_at(index, fresh);
}

bool
index_add_overflow(struct index *index, uint64_t offset, uint64_t bytes)
{
	uint64_t run = (bytes >> OVERFLOW_SHIFT) << ADDRESS_BITS | offset >> OVERFLOW_SHIFT;
	uint64_t fresh = atomic_load_explicit(&index->fresh, memory_order_relaxed);

	while (fresh >> ADDRESS_BITS == 0)
		/* release: the memory is ours to give; pairs with fresh_take */
		if (atomic_compare_exchange_weak_explicit(
			    &index->fresh, &fresh, run, memory_order_release, memory_order_relaxed))
			return true;
	return false;
}

/* More memory, unless another finds some at the same time. */
static void
fresh_refill(struct index *index)
{
	uint64_t bytes, offset = index->memory.find(index->memory.owner, &bytes);

	if (offset != 0 && !index_add_overflow(index, offset, bytes))
		index->memory.give_back(index->memory.owner, offset);
}

struct bucket *
overflow_take(struct index *index)
{
	struct bucket *bucket = spare_pop(index);

	if (bucket == NULL)
		bucket = fresh_take(index);
	if (bucket == NULL) {
		fresh_refill(index);
		bucket = fresh_take(index);
	}
	if (bucket == NULL)
		return NULL;
	/* relaxed, both: published with the bucket */
	atomic_store_explicit(&bucket->control, 0, memory_order_relaxed);
	for (int i = 0; i < OVERFLOW_SLOTS; i++)
		atomic_store_explicit(&bucket->slot[i], SLOT_EMPTY, memory_order_relaxed);
	return bucket;
}

/* --- trimming ------------------------------------------------------------------------------ */

/* The last bucket of a chain of more than one, and the one before. Its depth; 0 if there is but one. */
static unsigned int
chain_tail(const struct index *index, struct bucket *bucket, struct bucket **before,
	   struct bucket **last)
{
	uint64_t control = bucket_control(bucket);
	unsigned int depth = 0;

	if ((control & CONTROL_PENDING) != 0)
		return 0;
	for (; (control & CONTROL_ADDRESS) != 0; depth++) {
		*before = bucket;
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
	}
	*last = bucket;
	return depth;
}

static bool
holds_nothing(const struct bucket *bucket)
{
	for (unsigned int i = 0; i < OVERFLOW_SLOTS; i++) {
		/* relaxed: looked at again when it is frozen */
		uint64_t word = atomic_load_explicit(&bucket->slot[i], memory_order_relaxed);

		if (slot_is(word, SLOT_LIVE) || slot_is(word, SLOT_TENTATIVE))
			return false;
	}
	return true;
}

/* Freezes every slot, which must be empty or a ghost. False if an entry was there first. */
static bool
freeze_empty(struct bucket *bucket)
{
	uint64_t open = 0;

	/* seq_cst: from here on nobody appends; if it fails it is frozen, or has a successor */
	if (!atomic_compare_exchange_strong_explicit(&bucket->control, &open, CONTROL_FROZEN,
						     memory_order_seq_cst, memory_order_relaxed) &&
	    open != CONTROL_FROZEN)
		return false;
	for (unsigned int i = 0; i < OVERFLOW_SLOTS; i++) {
		uint64_t word = atomic_load_explicit(&bucket->slot[i], memory_order_relaxed);

		while ((word & SLOT_FROZEN) == 0) {
			if (slot_is(word, SLOT_LIVE) || slot_is(word, SLOT_TENTATIVE))
				return false;
			/* seq_cst: as control */
			atomic_compare_exchange_weak_explicit(&bucket->slot[i], &word, SLOT_FROZEN,
							      memory_order_seq_cst,
							      memory_order_relaxed);
		}
		if (slot_is(word, SLOT_LIVE))
			return false; /* frozen by a split */
	}
	return true;
}

static void
retire(struct index *index, struct bucket *bucket)
{
	/* relaxed: only put into the link */
	uint64_t head = atomic_load_explicit(&index->trimmed, memory_order_relaxed);

	do
		/* readers may still pass: the link looks like an empty frozen slot to them */
		atomic_store_explicit(&bucket->slot[0], SLOT_FROZEN | head, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&index->trimmed, &head, bucket_address(index, bucket), memory_order_release,
		memory_order_relaxed)); /* release: the link. The janitor takes all at once: no ABA */
}

/* Unlinks the last bucket of a chain, if it is empty and not the first. True if it went. */
static bool
trim_last(struct index *index, struct bucket *first)
{
	struct bucket *before, *last;
	unsigned int depth = chain_tail(index, first, &before, &last);
	uint64_t control;

	if (depth == 0 || !holds_nothing(last) || !freeze_empty(last))
		return false;
	control = bucket_address(index, last);
	/* seq_cst: out of reach before it is retired. Fails if another did it, or a split froze it */
	if (!atomic_compare_exchange_strong_explicit(&before->control, &control, 0,
						     memory_order_seq_cst, memory_order_relaxed))
		return false;
	index_depth_add(index, depth, -1);
	retire(index, last);
	return true;
}

void
index_trim(struct index *index, uint64_t hash, const struct index_entry *entry)
{
	struct bucket *first = index_bucket(index, hash);

	if (bucket_has_slot(first, entry->slot))
		return;
	while (trim_last(index, first))
		; /* the one before may have been empty for a while */
}

uint64_t
index_trimmed(struct index *index)
{
	/* acquire: the links; pairs with retire */
	return atomic_exchange_explicit(&index->trimmed, 0, memory_order_acquire);
}

void
index_reuse(struct index *index, uint64_t trimmed)
{
	while ((trimmed & CONTROL_ADDRESS) != 0) {
		struct bucket *bucket = bucket_at(index, trimmed);

		/* relaxed: the list was taken with acquire */
		trimmed = atomic_load_explicit(&bucket->slot[0], memory_order_relaxed);
		overflow_give(index, bucket);
	}
}
