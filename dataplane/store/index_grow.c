/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the index grows: one chunk at a time is split into two, chosen by one more bit of the tag.
 *
 *     directory          before                      after the split of chunk 1
 *      mask 3       [0] [1] [0] [1]                     [0] [1'] [0] [3']
 *
 * The directory first doubles, each new entry a copy of its twin; then chunk after chunk of the old
 * half is split. A split:
 *
 *   begin   Both children get a bucket for each of the parent's, PENDING: the control word says
 *           which bucket of the parent to take the entries from. The directory points to them.
 *   settle  Whoever wants to write to a pending bucket, or the sweep when it comes along: freezes
 *           the parent's chain, so that every compare-and-swap on it fails and its content is
 *           final; computes the child's content from it, which is thus the same for all who
 *           try; fills the slots by CAS(UNFILLED -> word); publishes by CAS(control).
 *           Nobody waits: a helper that was interrupted leaves nothing that others can't redo, and
 *           one that comes too late finds no slot UNFILLED.
 *   end     When all are settled: the parent is out of reach. After a grace period it is free.
 *
 * Readers go to the parent's bucket while the child's is pending.
 *
 * A chunk is laid out anew in the same way, into one child that takes all of it. An entry stays in the
 * slot that was empty when its key was inserted; so where keys come and go, entries are left in overflow
 * buckets that would by now fit into the first.
 */
#include "dataplane/store/index.h"

#include <string.h>

/* Entries a bucket at which a chunk is split, in sixteenths: of a level's first chunk, and its last. */
enum {
	LOAD_UNIT = 16,
	LOAD_FIRST = 7 * LOAD_UNIT,
	LOAD_LAST = 10 * LOAD_UNIT,
	LOAD_FIRST_ROOMY = 4 * LOAD_UNIT,
	LOAD_LAST_ROOMY = 6 * LOAD_UNIT,
};

enum {
	/* a chunk is worth laying out anew if one entry in so many is misplaced, of one chain in so many */
	MISPLACED_SHARE = 32,
	LOOK_STEP = 64,
};

/* --- settling one bucket -------------------------------------------------------------------- */

/* The final content of a bucket to be settled: live entries, then ghosts as far as slots go. */
struct content {
	unsigned int count;
	uint64_t word[CHAIN_SLOTS];
};

static uint64_t
freeze_word(_Atomic uint64_t *word, uint64_t frozen)
{
	/* acquire: we copy what it says; release: who sees it frozen sees why (the directory) */
	uint64_t seen = atomic_load_explicit(word, memory_order_acquire);

	if ((seen & frozen) == 0)
		seen = atomic_fetch_or_explicit(word, frozen, memory_order_acq_rel);
	return seen & ~frozen;
}

/*
 * Freezes a chain and collects the entries in this state that belong to the child: those whose hash
 * agrees with `hash` in the bit that this level of the directory adds.
 */
static void
freeze_and_collect(struct index *index, struct bucket *bucket, uint64_t hash, uint64_t bit,
		   struct content *live, struct content *ghosts)
{
	for (unsigned int slots = FIRST_SLOTS;; slots = OVERFLOW_SLOTS) {
		uint64_t control = freeze_word(&bucket->control, CONTROL_FROZEN);

		for (unsigned int i = 0; i < slots; i++) {
			uint64_t word = freeze_word(&bucket->slot[i], SLOT_FROZEN);

			if ((((word >> SLOT_TAG_SHIFT) ^ hash) & bit) != 0)
				continue;
			if (slot_is(word, SLOT_LIVE))
				live->word[live->count++] = word;
			else if (slot_is(word, SLOT_GHOST))
				ghosts->word[ghosts->count++] = word;
		}
		if ((control & CONTROL_ADDRESS) == 0)
			return;
		bucket = bucket_at(index, control);
	}
}

/* Puts the entries from `from` on into overflow buckets; returns the control word to reach them. */
static uint64_t
build_overflow(struct index *index, const struct content *live, unsigned int from,
	       struct index_losses *losses)
{
	uint64_t control = 0;

	/* the last bucket first, so that each can link to the next */
	for (unsigned int end = live->count; end > from;) {
		unsigned int start = from + (end - from - 1) / OVERFLOW_SLOTS * OVERFLOW_SLOTS;
		struct bucket *bucket = overflow_take(index);

		if (bucket == NULL) {
			while (end > start && losses->count < INDEX_LOSSES_MAX)
				losses->word[losses->count++] = live->word[--end];
			end = start;
			continue;
		}
		/* relaxed, both: published with the control word of the first bucket */
		atomic_store_explicit(&bucket->control, control, memory_order_relaxed);
		for (unsigned int i = start; i < end; i++)
			atomic_store_explicit(&bucket->slot[i - start], live->word[i],
					      memory_order_relaxed);
		control = bucket_address(index, bucket);
		end = start;
	}
	return control;
}

static void
discard_overflow(struct index *index, uint64_t control)
{
	while ((control & CONTROL_ADDRESS) != 0) {
		struct bucket *bucket = bucket_at(index, control);

		/* relaxed: it was never published */
		control = atomic_load_explicit(&bucket->control, memory_order_relaxed);
		overflow_give(index, bucket);
	}
}

static void
count_depths(struct index *index, uint64_t control, int by)
{
	for (unsigned int depth = 1; (control & CONTROL_ADDRESS) != 0; depth++) {
		index_depth_add(index, depth, by);
		control = bucket_control(bucket_at(index, control));
	}
}

static void
settle(struct index *index, struct bucket *bucket, uint64_t pending, uint64_t hash,
       struct index_losses *losses)
{
	/* relaxed: constant as long as a bucket of this level is pending */
	uint64_t mask = atomic_load_explicit(&index->directory_mask, memory_order_relaxed);
	uint64_t bit = (pending & CONTROL_WHOLE) != 0 ? 0 : (mask + 1) >> 1;
	struct content live = {.count = 0}, ghosts = {.count = 0};
	unsigned int lost = losses->count;
	uint64_t control;

	freeze_and_collect(index, bucket_at(index, pending), hash, bit, &live, &ghosts);
	for (unsigned int i = 0; i < FIRST_SLOTS; i++) {
		uint64_t unfilled = SLOT_UNFILLED, word = SLOT_EMPTY;

		if (i < live.count)
			word = live.word[i];
		else if (i - live.count < ghosts.count)
			word = ghosts.word[i - live.count];
		/* release: who reads the word may read its item, which we acquired */
		atomic_compare_exchange_strong_explicit(&bucket->slot[i], &unfilled, word,
							memory_order_release, memory_order_relaxed);
	}
	control = live.count > FIRST_SLOTS ? build_overflow(index, &live, FIRST_SLOTS, losses) : 0;
	/* release: the slots and the overflow buckets are filled for who sees it settled */
	if (atomic_compare_exchange_strong_explicit(&bucket->control, &pending, control,
						    memory_order_release, memory_order_relaxed)) {
		count_depths(index, control, 1);
	} else {
		discard_overflow(index, control);
		losses->count = lost; /* the other's to report */
	}
}

struct bucket *
index_settled_bucket(struct index *index, uint64_t hash, struct index_losses *losses)
{
	struct bucket *bucket = index_bucket(index, hash);
	uint64_t control = bucket_control(bucket);

	if (__builtin_expect((control & CONTROL_PENDING) != 0, 0))
		settle(index, bucket, control, hash, losses);
	return bucket;
}

/* --- the janitor's part -------------------------------------------------------------------- */

void
index_init(struct index *index, uint8_t *base, _Atomic uint64_t *directory, uint64_t capacity,
	   uint64_t chunks, unsigned int chunk_shift)
{
	memset(index, 0, sizeof(*index));
	index->base = base;
	index->directory = directory;
	index->directory_capacity = capacity;
	index->bucket_mask = (UINT64_C(1) << (chunk_shift - FIRST_SHIFT)) - 1;
	/* this level is complete: the directory is to double next */
	index->parents = chunks;
	index->splits = chunks;
	atomic_init(&index->directory_mask, chunks - 1);
	atomic_init(&index->chunks, chunks);
}

/*
 * The load of a chunk that is next to be split, times the buckets of all chunks like it, against the
 * threshold: which rises through a level, so that the splits of a level are spread over
 * the growth between LOAD_FIRST and LOAD_LAST and the index's share of memory stays even.
 */
bool
index_wants_split(const struct index *index, uint64_t items, bool roomy)
{
	uint64_t buckets = index->bucket_mask + 1, parents = index->parents, splits = index->splits;
	uint64_t first = roomy ? LOAD_FIRST_ROOMY : LOAD_FIRST;
	uint64_t last = roomy ? LOAD_LAST_ROOMY : LOAD_LAST;

	if (index_splitting(index))
		return false;
	if (splits == parents) {
		/* relaxed: ours alone */
		parents = atomic_load_explicit(&index->chunks, memory_order_relaxed);
		splits = 0;
		if (2 * parents > index->directory_capacity)
			return false;
	}
	/* items / (parents x buckets) > (first + (last - first) x splits / parents) / LOAD_UNIT */
	return items * LOAD_UNIT > buckets * (first * parents + (last - first) * splits);
}

bool
index_split_prepare(struct index *index)
{
	uint64_t mask = atomic_load_explicit(&index->directory_mask, memory_order_relaxed);

	if (index->splits < index->parents)
		return false;
	for (uint64_t i = 0; i <= mask; i++) {
		/* relaxed, both: uncovered by the mask */
		uint64_t chunk = atomic_load_explicit(&index->directory[i], memory_order_relaxed);

		atomic_store_explicit(&index->directory[i + mask + 1], chunk, memory_order_relaxed);
	}
	/* release: the entries above */
	atomic_store_explicit(&index->directory_mask, 2 * mask + 1, memory_order_release);
	index->parents = mask + 1;
	index->splits = 0;
	return true;
}

/* Flags: CONTROL_WHOLE or 0. */
static void
make_pending(struct index *index, uint64_t chunk, uint64_t parent, uint64_t flags)
{
	/* relaxed, all: published with the directory entry */
	for (uint64_t i = 0; i <= index->bucket_mask; i++) {
		struct bucket *bucket = chunk_bucket(index, chunk, i);
		uint64_t from = bucket_address(index, chunk_bucket(index, parent, i));

		atomic_store_explicit(&bucket->control, CONTROL_PENDING | flags | from,
				      memory_order_relaxed);
		for (unsigned int k = 0; k < FIRST_SLOTS; k++)
			atomic_store_explicit(&bucket->slot[k], SLOT_UNFILLED,
					      memory_order_relaxed);
	}
}

void
index_split_begin(struct index *index, uint64_t first, uint64_t second)
{
	uint64_t number = index->splits;
	uint64_t parent = atomic_load_explicit(&index->directory[number], memory_order_relaxed);

	index->split = (struct index_split){
		.parent = parent,
		.child = {first, second},
		.number = number,
	};
	make_pending(index, first, parent, 0);
	make_pending(index, second, parent, 0);
	/* release, both: the pending buckets */
	atomic_store_explicit(&index->directory[number], first, memory_order_release);
	atomic_store_explicit(&index->directory[number + index->parents], second,
			      memory_order_release);
}

bool
index_split_sweep(struct index *index, uint64_t buckets, struct index_losses *losses)
{
	struct index_split *split = &index->split;
	uint64_t children = index_refreshing(index) ? 1 : 2;
	uint64_t all = children * (index->bucket_mask + 1), end = split->cursor + buckets;

	for (; split->cursor < all && split->cursor < end; split->cursor++) {
		uint64_t side = split->cursor & (children - 1);
		uint64_t number = split->cursor >> (children - 1);
		struct bucket *bucket = chunk_bucket(index, split->child[side], number);
		uint64_t control = bucket_control(bucket);
		uint64_t hash = split->number + (side != 0 ? index->parents : 0);

		if (losses->count > INDEX_LOSSES_MAX / 2)
			return false; /* the caller accounts for them first */
		if ((control & CONTROL_PENDING) != 0)
			settle(index, bucket, control, hash, losses);
	}
	return split->cursor == all;
}

uint64_t
index_split_end(struct index *index)
{
	uint64_t parent = index->split.parent;

	index->split.parent = 0;
	if (index_refreshing(index)) {
		/* relaxed: statistics for other threads */
		atomic_fetch_add_explicit(&index->refreshes, 1, memory_order_relaxed);
		return parent;
	}
	index->splits++;
	/* relaxed, both: statistics for other threads */
	atomic_fetch_add_explicit(&index->chunks, 1, memory_order_relaxed);
	if (index->splits == index->parents)
		atomic_fetch_add_explicit(&index->growths, 1, memory_order_relaxed);
	return parent;
}

void
index_split_release(struct index *index, uint64_t parent)
{
	for (uint64_t i = 0; i <= index->bucket_mask; i++) {
		uint64_t control = bucket_control(chunk_bucket(index, parent, i));

		count_depths(index, control, -1);
		discard_overflow(index, control);
	}
}

/* --- laying out anew ------------------------------------------------------------------------ */

/* Entries of a chain, and how many of them are in overflow buckets though there is room before. */
static void
count_misplaced(const struct index *index, const struct bucket *bucket, uint64_t *entries,
		uint64_t *misplaced)
{
	unsigned int live = 0, first = 0, behind;

	for (unsigned int slots = FIRST_SLOTS;; slots = OVERFLOW_SLOTS) {
		uint64_t control = bucket_control(bucket);

		for (unsigned int i = 0; i < slots; i++)
			/* relaxed: only counted */
			live += slot_is(
				atomic_load_explicit(&bucket->slot[i], memory_order_relaxed),
				SLOT_LIVE);
		if (slots == FIRST_SLOTS)
			first = live;
		if ((control & CONTROL_ADDRESS) == 0)
			break;
		bucket = bucket_at(index, control);
	}
	behind = live - first;
	*entries += live;
	*misplaced += live <= FIRST_SLOTS ? behind : behind - (live - FIRST_SLOTS);
}

bool
index_wants_refresh(const struct index *index, uint64_t number)
{
	/* relaxed: ours alone */
	uint64_t chunk = atomic_load_explicit(&index->directory[number], memory_order_relaxed);
	uint64_t entries = 0, misplaced = 0;

	for (uint64_t i = number % LOOK_STEP; i <= index->bucket_mask; i += LOOK_STEP)
		count_misplaced(index, chunk_bucket(index, chunk, i), &entries, &misplaced);
	return misplaced * MISPLACED_SHARE > entries;
}

void
index_refresh_begin(struct index *index, uint64_t number, uint64_t chunk)
{
	/* relaxed, all: ours alone */
	uint64_t mask = atomic_load_explicit(&index->directory_mask, memory_order_relaxed);
	uint64_t parent = atomic_load_explicit(&index->directory[number], memory_order_relaxed);
	uint64_t twin = number ^ index->parents;

	index->split = (struct index_split){.parent = parent, .child = {chunk}, .number = number};
	make_pending(index, chunk, parent, CONTROL_WHOLE);
	/* release, both: the pending buckets */
	atomic_store_explicit(&index->directory[number], chunk, memory_order_release);
	if (twin <= mask &&
	    atomic_load_explicit(&index->directory[twin], memory_order_relaxed) == parent)
		atomic_store_explicit(&index->directory[twin], chunk, memory_order_release);
}
