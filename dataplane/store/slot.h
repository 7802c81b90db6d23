/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slot.h - the words of a bucket: a control word and slots. The first bucket of a chain has seven
 * slots and is a cache line; overflow buckets have three and are half a line, since most of them hold
 * an entry or two.
 *
 *     slot      63        42 41 40    39     38      37     36    35           0
 *              +------------+-----+------+-------+------+------+----------------+
 *              |    tag     |state|frozen|fetched| used | told |    location    |
 *              +------------+-----+------+-------+------+------+----------------+
 *
 *     control   63      62    61    60    35 34                              0
 *              +-------+------+-----+-------+--------------------------------+
 *              |pending|frozen|whole|   0   | next overflow bucket, 0: none  |
 *              +-------+------+-----+-------+--------------------------------+
 *
 * A slot of 0 is empty. States:
 *
 *     LIVE       location is an item's; the only state that readers see
 *     TENTATIVE  an insert in progress (index_insert.c); location is its item's
 *     GHOST      one or two items that were evicted lately, and when (evict.c). Inserts treat it as
 *                empty:
 *
 *                63        42 41 40    39     38          17 16  15  14       0
 *               +------------+-----+------+-----------------+--+----+----------+
 *               | last's tag |state|frozen| tag before that |0 |main|   stamp  |
 *               +------------+-----+------+-----------------+--+----+----------+
 *
 *                Main, stamp: the queue that the last was evicted from, and when. A ghost of one has
 *                its tag twice
 *
 * USED: the item was read since eviction looked at it last. FETCHED: since it was stored. A reader
 * sets both in one go, so a slot is written once by reads, however hot it is. TOLD: somebody has been
 * told the item's CAS unique and may come back with it, so that a copy has to keep it (item.h).
 *
 * FROZEN: the word's entry has moved, or is moving, to a larger table (index_grow.c), and no
 * writer may change it any more. PENDING, in a control word: the bucket has not been filled from its
 * smaller predecessor yet; the word's low bits are then the predecessor's address. WHOLE, with it: all
 * of the predecessor is to fill this bucket, not a half.
 *
 * A location counts 8-byte units from the start of the arena: 512 GiB a shard. Bucket addresses in
 * control words count 32-byte units from there. Nothing here is a pointer.
 */
#ifndef JACKDAW_STORE_SLOT_H
#define JACKDAW_STORE_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/store/hash.h"
#include "dataplane/store/store.h"

enum {
	FIRST_SLOTS = 7,
	OVERFLOW_SLOTS = 3,
	FIRST_SHIFT = 6, /* log2 of a first bucket's size */
	OVERFLOW_SHIFT = 5,
	ADDRESS_BITS = 35, /* of a bucket; counts overflow buckets' sizes */
	SLOT_LOCATION_BITS = 36,
	SLOT_FROZEN_SHIFT = 39, /* from here on: frozen, state, tag */
	SLOT_TAG_SHIFT = 64 - HASH_TAG_BITS,
	GHOST_STAMP_BITS = 15,
	GHOST_BEFORE_SHIFT = 17, /* one bit stays 0, so that no ghost is SLOT_UNFILLED */
};

#define SLOT_LOCATION  ((UINT64_C(1) << SLOT_LOCATION_BITS) - 1)
#define SLOT_TOLD      (UINT64_C(1) << 36)
#define SLOT_USED      (UINT64_C(1) << 37)
#define SLOT_FETCHED   (UINT64_C(1) << 38)
#define SLOT_FROZEN    (UINT64_C(1) << SLOT_FROZEN_SHIFT)
#define SLOT_STATE     (UINT64_C(3) << 40)
#define SLOT_LIVE      (UINT64_C(1) << 40)
#define SLOT_TENTATIVE (UINT64_C(2) << 40)
#define SLOT_GHOST     (UINT64_C(3) << 40)
#define SLOT_TAG       (~UINT64_C(0) << SLOT_TAG_SHIFT)
#define SLOT_EMPTY     UINT64_C(0)
#define GHOST_STAMP    ((UINT64_C(1) << GHOST_STAMP_BITS) - 1)
#define GHOST_MAIN     (UINT64_C(1) << GHOST_STAMP_BITS)
#define GHOST_BEFORE   (SLOT_TAG >> (SLOT_TAG_SHIFT - GHOST_BEFORE_SHIFT))
/* What a slot of a pending bucket holds: no word that anybody writes later equals it. */
#define SLOT_UNFILLED (~UINT64_C(0))

/* What is foreseen of a key without an entry in sight: no control word equals it. */
#define SLOT_UNFORESEEN SLOT_GHOST

#define CONTROL_PENDING (UINT64_C(1) << 63)
#define CONTROL_FROZEN	(UINT64_C(1) << 62)
#define CONTROL_WHOLE	(UINT64_C(1) << 61)
#define CONTROL_ADDRESS ((UINT64_C(1) << ADDRESS_BITS) - 1)

struct bucket {
	_Atomic uint64_t control;
	_Atomic uint64_t slot[]; /* FIRST_SLOTS, or OVERFLOW_SLOTS */
};

_Static_assert(sizeof(struct bucket) + FIRST_SLOTS * 8 == 1 << FIRST_SHIFT, "a cache line");
_Static_assert(sizeof(struct bucket) + OVERFLOW_SLOTS * 8 == 1 << OVERFLOW_SHIFT, "half of one");
_Static_assert(STORE_SHARD_MEMORY_MAX == UINT64_C(8) << SLOT_LOCATION_BITS, "of 8 bytes each");
_Static_assert(GHOST_BEFORE_SHIFT + HASH_TAG_BITS <= SLOT_FROZEN_SHIFT, "a ghost holds two tags");
_Static_assert(HASH_TAG_BITS + 2 + 1 + 3 + SLOT_LOCATION_BITS == 64, "a slot is a word");

static inline uint64_t
slot_tag(uint64_t hash)
{
	return hash << SLOT_TAG_SHIFT;
}

static inline uint64_t
slot_live(uint64_t hash, uint64_t location)
{
	return slot_tag(hash) | SLOT_LIVE | location;
}

/* A tag where a ghost has that of the item before. */
static inline uint64_t
ghost_before(uint64_t tag)
{
	return (tag & SLOT_TAG) >> (SLOT_TAG_SHIFT - GHOST_BEFORE_SHIFT);
}

/*
 * Of this item and, before it, the last one of another ghost; with the item's own tag for a ghost: of this one
 * alone.
 */
static inline uint64_t
ghost_make(uint64_t hash, uint64_t ghost, bool main, uint64_t stamp)
{
	return slot_tag(hash) | SLOT_GHOST | ghost_before(ghost) | (main ? GHOST_MAIN : 0) |
	       (stamp & GHOST_STAMP);
}

static inline bool
ghost_is_of_two(uint64_t ghost)
{
	return ghost_before(ghost) != (ghost & GHOST_BEFORE);
}

/* How many stamps ago the ghost was left. */
static inline uint32_t
ghost_age(uint64_t ghost, uint32_t now)
{
	return (now - (uint32_t)ghost) & GHOST_STAMP;
}

/* True of a word in this state with this hash's tag, frozen or not. */
static inline bool
slot_matches(uint64_t word, uint64_t hash, uint64_t state)
{
	return ((word ^ (slot_tag(hash) | state)) & (SLOT_TAG | SLOT_STATE)) == 0;
}

/* True of a live word with this hash's tag that isn't frozen. */
static inline bool
slot_is_live(uint64_t word, uint64_t hash)
{
	return (word ^ (slot_tag(hash) | SLOT_LIVE)) >> SLOT_FROZEN_SHIFT == 0;
}

static inline bool
slot_is(uint64_t word, uint64_t state)
{
	return (word & SLOT_STATE) == state;
}

static inline uint64_t
slot_location(uint64_t word)
{
	return word & SLOT_LOCATION;
}

#endif
