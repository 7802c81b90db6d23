/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * index.h - from a key's hash to its item: buckets of one cache line, found without a lock.
 *
 *     hash ─┬─ low bits ──▶ directory ──▶ chunk ─┐
 *           ├─ middle bits ──────────────────────┴─▶ bucket ──▶ overflow ──▶ ... at most CHAIN_MAX
 *           └─ tag ────────────────────────────────▶ slot ──▶ item
 *
 * A bucket (slot.h) holds seven entries and links to overflow buckets of three. Readers scan the chain and
 * compare keys; they write nothing but, now and then, an entry's use bits. An entry never moves
 * to another slot. So a writer publishes an overwrite, or a delete, with one compare-and-swap of
 * the slot; only the insert of an absent key takes more (index_insert.c).
 *
 * The table grows by splitting one chunk at a time into two (index_grow.c): linear hashing (Litwin,
 * VLDB 1980) over a directory of chunks, so that it never needs more than two chunks at once
 * of extra memory and no request ever waits for it.
 *
 * Slots and buckets hold offsets into the shard's arena. Threads: what is found stays readable
 * until the thread's next quiescent state. Losses: where an insert or a split finds a chain full and
 * no overflow bucket free, it drops entries and says which (struct index_losses).
 */
#ifndef JACKDAW_STORE_INDEX_H
#define JACKDAW_STORE_INDEX_H

#include <stddef.h>

#include "dataplane/store/item.h"
#include "dataplane/store/slot.h"

enum {
	/* buckets, the first included. Where ten keys a bucket are usual, before the last splits of a level,
	 * one of five million had more than the 28 that eight would hold, and dropped an item */
	CHAIN_MAX = 12,
	CHAIN_SLOTS = FIRST_SLOTS + (CHAIN_MAX - 1) * OVERFLOW_SLOTS,
	CHUNK_SHIFT = 21, /* log2 of the usual chunk's bytes */
	INDEX_LOSSES_MAX = 2 * CHAIN_SLOTS,
};

/* Where memory for overflow buckets comes from. On any thread; neither call may wait. */
struct index_memory {
	uint64_t (*find)(void *owner, uint64_t *bytes); /* an offset, or 0; up to 2^29 buckets */
	void (*give_back)(void *owner, uint64_t offset);
	void *owner;
};

/* A split in progress; the janitor's. */
struct index_split {
	uint64_t parent;   /* offset of the chunk that is split; 0: no split */
	uint64_t child[2]; /* the second is 0 where the parent is only laid out anew */
	uint64_t number;   /* of the parent in the directory */
	uint64_t cursor;   /* buckets of the children settled by the sweep */
};

struct index {
	uint8_t *base;		     /* the arena's: every offset counts from it */
	_Atomic uint64_t *directory; /* offsets of chunks */
	uint64_t directory_capacity; /* entries, a power of two */
	uint64_t bucket_mask;	     /* buckets of a chunk, less one */
	_Atomic uint64_t directory_mask;

	/*
	 * Overflow buckets: used ones that are spare (a Treiber stack, its head is tag <<
	 * ADDRESS_BITS | address); a run of fresh ones (count << ADDRESS_BITS | address of the
	 * next); those that were unlinked and wait for a grace period; and where more memory
	 * comes from.
	 */
	_Alignas(64) _Atomic uint64_t spare;
	_Atomic uint64_t fresh;
	_Atomic uint64_t trimmed;
	struct index_memory memory;
	_Atomic uint32_t depth_count[CHAIN_MAX]; /* chains that reach each depth; [0] unused */

	_Alignas(64) struct index_split split;
	uint64_t parents; /* chunks that are to be split at this level: a power of two */
	uint64_t splits;  /* of those, how many have been */
	_Atomic uint64_t chunks;
	_Atomic uint64_t growths;   /* levels completed */
	_Atomic uint64_t refreshes; /* chunks laid out anew */
};

/* Where a key was found: the slot, and its word when it was read. */
struct index_entry {
	_Atomic uint64_t *slot;
	uint64_t word;
};

/* Entries that had to go; their items are no longer reachable. */
struct index_losses {
	unsigned int count;
	uint64_t word[INDEX_LOSSES_MAX];
};

/* --- birth (janitor, before any other thread) ---------------------------------------------- */

/*
 * The directory is zeroed memory of `capacity` words, a power of two; its first `chunks` words, a power
 * of two, are the offsets of chunks of 2^chunk_shift bytes of zeroed memory each. Memory stays
 * the caller's.
 */
void index_init(struct index *index, uint8_t *base, _Atomic uint64_t *directory, uint64_t capacity,
		uint64_t chunks, unsigned int chunk_shift);

/*
 * Gives the index `bytes` from `offset` on for overflow buckets, whatever they held. False if it has
 * some that are fresh.
 */
bool index_add_overflow(struct index *index, uint64_t offset, uint64_t bytes);

/* --- reading ------------------------------------------------------------------------------- */

/* What leads from a hash to its bucket. Of a moment: a quiescent state ends it. */
struct index_view {
	uint8_t *base;
	const _Atomic uint64_t *directory;
	uint64_t directory_mask, bucket_mask;
};

static inline struct index_view
index_view(const struct index *index)
{
	return (struct index_view){
		.base = index->base,
		.directory = index->directory,
		/* acquire: published after the directory entries that it uncovers */
		.directory_mask =
			atomic_load_explicit(&index->directory_mask, memory_order_acquire),
		.bucket_mask = index->bucket_mask,
	};
}

static inline struct bucket *
view_bucket(const struct index_view *view, uint64_t hash)
{
	/* acquire: a directory entry is published after the chunk it points to was prepared */
	uint64_t chunk = atomic_load_explicit(&view->directory[hash & view->directory_mask],
					      memory_order_acquire);
	uint64_t number = (hash >> HASH_TAG_BITS) & view->bucket_mask;

	return (struct bucket *)(view->base + chunk + (number << FIRST_SHIFT));
}

/* The first bucket for a hash. Loads the directory: call it afresh for each operation. */
static inline struct bucket *
index_bucket(const struct index *index, uint64_t hash)
{
	struct index_view view = index_view(index);

	return view_bucket(&view, hash);
}

/* index_find, and what a batch does ahead of it: index_find.h */

/* --- writing ------------------------------------------------------------------------------- */

/*
 * As index_find, for a writer: the entry found is one that index_replace can change. Helps a
 * split along where it finds one in its way.
 */
bool index_find_to_change(struct index *index, uint64_t hash, const uint8_t *key,
			  uint32_t key_length, struct index_entry *entry,
			  struct index_losses *losses);

/* Finds the live entry of this hash that points to a location: an evictor's question. */
bool index_find_location(struct index *index, uint64_t hash, uint64_t location,
			 struct index_entry *entry, struct index_losses *losses);

/*
 * Publishes `word` in place of the entry: the item of a new version, SLOT_EMPTY to delete, or a
 * ghost. False, and nothing changed, if the slot holds something else by now: find again.
 */
static inline bool
index_replace(const struct index_entry *entry, uint64_t word)
{
	uint64_t expected = entry->word;

	/* release: the item's bytes are there for who finds the word; acquire: nothing of what
	 * follows (counting the old item's bytes) moves before. seq_cst costs the same here and
	 * keeps the order with a rescan of index_insert simple. */
	return atomic_compare_exchange_strong_explicit(entry->slot, &expected, word,
						       memory_order_seq_cst, memory_order_relaxed);
}

/* Marks the entry found with bits of its slot. False if it has changed, or moved, since it was found. */
static inline bool
index_mark(const struct index_entry *entry, uint64_t uses)
{
	uint64_t expected = entry->word;

	if ((~expected & uses) == 0)
		return true;
	if ((expected & SLOT_FROZEN) != 0)
		return false;
	/* relaxed: what eviction reads of it, it reads in the word that it then replaces */
	return atomic_compare_exchange_strong_explicit(entry->slot, &expected, expected | uses,
						       memory_order_relaxed, memory_order_relaxed);
}

/* The marks that a read leaves, of which TOLD only counts if it is made. */
static inline uint64_t
index_read_marks(bool used, bool told)
{
	return (used ? SLOT_USED | SLOT_FETCHED : 0) | (told ? SLOT_TOLD : 0);
}

/* True if the slot is one of this first bucket of a chain. */
static inline bool
bucket_has_slot(const struct bucket *first, const _Atomic uint64_t *slot)
{
	return slot >= &first->slot[0] && slot < &first->slot[FIRST_SLOTS];
}

/* How old ghosts are, in whatever `now` counts. */
struct ghost_time {
	uint32_t now;
	uint32_t horizon; /* older ones are worth nothing */
};

/* What a ghost says of a key. */
struct ghost {
	bool known; /* it was evicted within the horizon */
	bool last; /* no other since whose ghost shares the slot, so that what follows is the key's */
	bool main; /* from Main */
	uint32_t age;
};
struct ghost index_find_ghost(const struct index *index, uint64_t hash,
			      const struct ghost_time *time);

/*
 * Leaves a ghost of the key in the first bucket of its chain, unless that holds nothing but entries.
 * Overflow buckets get none: they would never be empty, and chains never short again.
 */
void index_leave_ghost(struct index *index, uint64_t hash, bool main,
		       const struct ghost_time *time);

enum index_insert {
	INDEX_INSERTED,
	INDEX_IS_THERE, /* a live entry of the key appeared meanwhile */
};

/*
 * Inserts a key that was absent, whose item `word` (live) points to. *exposed is set once other
 * threads may have looked at the item, whatever the outcome.
 */
enum index_insert index_insert(struct index *index, uint64_t hash, const uint8_t *key,
			       uint32_t key_length, uint64_t word, bool *exposed,
			       struct index_losses *losses);

/*
 * After index_replace left an entry empty: unlinks the overflow bucket that it was in, if nothing is in
 * that any more and it is the last of its chain.
 */
void index_trim(struct index *index, uint64_t hash, const struct index_entry *entry);

/*
 * The janitor: what was trimmed up to now; after a grace period it goes back to index_reuse. 0 if
 * there is nothing.
 */
uint64_t index_trimmed(struct index *index);
void index_reuse(struct index *index, uint64_t trimmed);

/* --- growing (the janitor) ----------------------------------------------------------------- */

/* True if a chunk should be split. Roomy: memory is plentiful, let chains be short. */
bool index_wants_split(const struct index *index, uint64_t items, bool roomy);

/*
 * Prepares the directory for the next split. True if it doubled: then a grace period must pass
 * before index_split_begin.
 */
bool index_split_prepare(struct index *index);

/* Starts to split the next chunk into two at the given offsets, of a chunk's size each. */
void index_split_begin(struct index *index, uint64_t first, uint64_t second);

/* Moves up to `buckets` along. True when the whole chunk is done. */
bool index_split_sweep(struct index *index, uint64_t buckets, struct index_losses *losses);

/* Ends a split that is done; returns the parent chunk, which readers may still be in. */
uint64_t index_split_end(struct index *index);

/*
 * True if chains of the chunk of this number in the directory are much longer than their entries need.
 * No split may be in progress.
 */
bool index_wants_refresh(const struct index *index, uint64_t number);

/*
 * Starts to lay the chunk of this number out anew, in the one at the given offset. It goes on, and ends, as
 * a split does.
 */
void index_refresh_begin(struct index *index, uint64_t number, uint64_t chunk);

/* After a grace period: takes back the overflow buckets of a parent; its chunk is then free. */
void index_split_release(struct index *index, uint64_t parent);

static inline bool
index_splitting(const struct index *index)
{
	return index->split.parent != 0;
}

/* True of a split that has one child. */
static inline bool
index_refreshing(const struct index *index)
{
	return index->split.child[1] == 0;
}

static inline uint64_t
index_chunk_size(const struct index *index)
{
	return (index->bucket_mask + 1) << FIRST_SHIFT;
}

/* --- between index.c, index_insert.c and index_grow.c --------------------------------------- */

static inline struct bucket *
bucket_at(const struct index *index, uint64_t control)
{
	return (struct bucket *)(index->base + ((control & CONTROL_ADDRESS) << OVERFLOW_SHIFT));
}

static inline uint64_t
bucket_address(const struct index *index, const struct bucket *bucket)
{
	return (uint64_t)((const uint8_t *)bucket - index->base) >> OVERFLOW_SHIFT;
}

/* The bucket of this number in a chunk. */
static inline struct bucket *
chunk_bucket(const struct index *index, uint64_t chunk, uint64_t number)
{
	return (struct bucket *)(index->base + chunk + (number << FIRST_SHIFT));
}

static inline uint64_t
bucket_control(const struct bucket *bucket)
{
	/* acquire: the link's bucket, and a settled bucket's slots, were written before */
	return atomic_load_explicit(&bucket->control, memory_order_acquire);
}

static inline const struct item *
index_item(const struct index *index, uint64_t word)
{
	return (const struct item *)(index->base + slot_location(word) * ITEM_ALIGNMENT);
}

/* The bucket for a hash, filled from its predecessor first if it must be. */
struct bucket *index_settled_bucket(struct index *index, uint64_t hash,
				    struct index_losses *losses);

/* An overflow bucket with empty slots, or NULL. */
struct bucket *overflow_take(struct index *index);
void overflow_give(struct index *index, struct bucket *bucket);

static inline void
index_depth_add(struct index *index, unsigned int depth, int by)
{
	/* relaxed: statistics */
	atomic_fetch_add_explicit(&index->depth_count[depth], (uint32_t)by, memory_order_relaxed);
}

#endif
