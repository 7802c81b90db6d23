/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * places.h - places of items that were overwritten, for the next new versions of the same size.
 *
 * Where keys are overwritten over and over, an append-only log fills with dead versions, and cleaning it
 * costs more than all else a SET does (docs/decisions/004-places.md). So a writer remembers where the
 * versions lay that it replaced, and once no reader can hold them any more it writes new ones there: no
 * memory is taken, nothing has to be evicted, and the lines are in its cache still.
 *
 *     overwrite ──▶ chunk that is filled ──▶ chunks that wait ──▶ ripe chunks ──▶ overwrite
 *                   (one a size and kind)   for a grace period   (last in, first out)
 *
 * Only in segments whose stamp says REFILL (heap.h), be they open yet or sealed. A place is known by its
 * location and its segment's generation, as that segment may be long gone when the place is taken. What a
 * copy that keeps its unique took is 8 bytes more, and does for an item without: the rest is filled.
 *
 * The other side is an evictor that takes the segment for its victim at the same time. It passes by
 * what is dead. So whoever has published an item in such a place looks at the stamp again, and if the
 * segment is a victim by then, takes the item out: either he sees that, or the evictor sees the item.
 *
 * The unique of an item is its place: so a place whose item's unique was told counts its turns in the
 * head (item.h), of which there are as many as the place has multiples of 8, up to eight; then it waits
 * for its segment to be cleaned.
 */
#ifndef JACKDAW_STORE_PLACES_H
#define JACKDAW_STORE_PLACES_H

#include "dataplane/store/heap.h"
#include "dataplane/store/item.h"
#include "dataplane/store/store.h"

enum {
	PLACE_SIZE_MIN = 16,		   /* bytes: any item */
	PLACE_SIZE_MAX = STORE_PINNED_MIN, /* what is larger may be sent from where it lies */
	PLACE_LISTS = STAMP_KINDS * ((PLACE_SIZE_MAX - PLACE_SIZE_MIN) / ITEM_ALIGNMENT + 1),
	PLACES_A_CHUNK = 14,
	PLACES_A_TOKEN = 16, /* chunks that wait together, where there are several workers */
};

struct place_chunk {
	uint64_t token; /* of the grace period to wait for */
	uint32_t next;	/* in its list; 0: none */
	uint32_t count; /* places in it: it is taken from its end */
	uint64_t place[PLACES_A_CHUNK];
};

/* The places of one size in segments of one kind: chunks by number; 0: none. */
struct place_list {
	uint32_t filling;
	uint32_t oldest, newest; /* of those that wait */
	uint32_t ripe;
};

struct places {
	struct place_chunk *chunk;     /* [0] is not used */
	uint32_t free;		       /* list */
	uint32_t next_seized;	       /* the list that gives up a chunk when none is free */
	uint32_t full[PLACES_A_TOKEN]; /* chunks that have no token yet */
	uint32_t full_count;
	struct place_list list[PLACE_LISTS];
};

/*
 * A place in a word: its segment's generation, as much of it as there is room for; the turn of the
 * next item in it, from 1; its location.
 */
enum {
	PLACE_TURN_SHIFT = 36,
	PLACE_GENERATION_SHIFT = 39,
};

#define PLACE_LOCATION	 ((UINT64_C(1) << PLACE_TURN_SHIFT) - 1)
#define PLACE_GENERATION (~UINT64_C(0) << PLACE_GENERATION_SHIFT)

static inline uint64_t
place_make(uint64_t stamp, unsigned int turn, uint64_t location)
{
	return (uint64_t)stamp_generation(stamp) << PLACE_GENERATION_SHIFT |
	       (uint64_t)turn << PLACE_TURN_SHIFT | location;
}

static inline unsigned int
place_turn(uint64_t place)
{
	return place >> PLACE_TURN_SHIFT & ITEM_TURN_MAX;
}

/* True if the unique of an item of this size, at its place's turn, is within the item (place_unique). */
static inline bool
place_has_turn(uint32_t size, unsigned int turn)
{
	return turn <= ITEM_TURN_MAX && turn * ITEM_ALIGNMENT < size;
}

static inline uint64_t
place_location(uint64_t place)
{
	return place & PLACE_LOCATION;
}

/* True if a segment of this stamp is the place's, in the same life. */
static inline bool
place_is_of(uint64_t place, uint64_t stamp)
{
	return ((place_make(stamp, 0, 0) ^ place) & PLACE_GENERATION) == 0;
}

/* `chunks`: zeroed memory for `count` of them. */
void places_init(struct places *places, struct place_chunk *chunks, uint32_t count);

/* The lists for items of this size, by the kind of their segments (heap.h); NULL: there are none. */
static inline struct place_list *
places_row(struct places *places, uint32_t size)
{
	uint32_t more = size - PLACE_SIZE_MIN;

	if (__builtin_expect(more > PLACE_SIZE_MAX - PLACE_SIZE_MIN, 0))
		return NULL;
	return &places->list[more / ITEM_ALIGNMENT * STAMP_KINDS];
}

struct writer;

/* The seldom parts of places_add and places_take (room.h). The writer's thread, as all that follows. */
void places_add_slowly(struct writer *writer, struct place_list *list, uint64_t place);

/* True if there is a ripe chunk now. */
bool places_ripen(struct writer *writer, struct place_list *list);

/* The ripe chunk is empty. */
void places_free_chunk(struct writer *writer, struct place_list *list);

/* The writer leaves: what it remembers counts as dead. */
void places_forget(struct writer *writer);

#endif
