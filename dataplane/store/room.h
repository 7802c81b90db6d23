/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * room.h - where the new version of an item goes, and what becomes of the old one's place (places.h). The
 * writer's thread, all of it.
 */
#ifndef JACKDAW_STORE_ROOM_H
#define JACKDAW_STORE_ROOM_H

#include "dataplane/store/shard.h"

/* --- places -------------------------------------------------------------------------------- */

/*
 * Remembers a place (place_make) whose item has been replaced, by the caller's doing, and is dead in its
 * head.
 */
static inline void
places_add(struct writer *writer, struct place_list *list, uint64_t place)
{
	struct place_chunk *chunk = &writer->places.chunk[list->filling];

	if (__builtin_expect(list->filling != 0 && chunk->count < PLACES_A_CHUNK - 1, 1))
		chunk->place[chunk->count++] = place;
	else
		places_add_slowly(writer, list, place);
}

/* A place for an item that is published before the thread goes on; 0: none. epoch: the last flush_all's. */
static inline uint64_t
places_take(struct writer *writer, struct place_list *list, uint32_t epoch)
{
	const struct heap *heap = writer->heap;
	struct place_chunk *chunk;
	uint64_t place, stamp;

	if (__builtin_expect(list->ripe == 0, 0) && !places_ripen(writer, list))
		return 0;
	chunk = &writer->places.chunk[list->ripe];
	place = chunk->place[--chunk->count];
	if (__builtin_expect(chunk->count == 0, 0))
		places_free_chunk(writer, list);
	stamp = heap_stamp(heap, heap_segment_of(heap, place_location(place)));
	if ((stamp & STAMP_REFILL) == 0 || stamp_is_flushed(stamp, epoch) ||
	    !place_is_of(place, stamp))
		return 0;
	return place;
}

/* An item in this place has been published: true if an evictor may not have seen it. */
static inline bool
place_is_lost(const struct heap *heap, uint64_t location)
{
	/* seq_cst, as the publication is (index_replace), against the fence of evict_begin */
	uint64_t stamp = atomic_load_explicit(&heap->stamp[heap_segment_of(heap, location)],
					      memory_order_seq_cst);

	return (stamp & STAMP_REFILL) == 0;
}

/* --- the old item, and room for the new one ------------------------------------------------ */

/* The item that is to be replaced. */
struct old {
	uint64_t location, head;
	uint64_t stamp; /* of its segment */
};

/* Room for the new one. */
struct room {
	uint64_t location; /* 0: there is none */
	unsigned int turn; /* of a place that is used again, for the item's head; 0: it isn't one */
};

static inline struct old
old_of(const struct heap *heap, uint64_t word)
{
	uint64_t location = slot_location(word);

	return (struct old){
		.location = location,
		.head = item_head(heap_item(heap, location)),
		.stamp = heap_stamp(heap, heap_segment_of(heap, location)),
	};
}

/* As item_is_gone. */
static inline bool
old_is_gone(const struct heap *heap, const struct old *old, const struct moment *moment)
{
	return stamp_is_flushed(old->stamp, moment->epoch) ||
	       (!head_is_plain(old->head) &&
		clock_past(item_expiry(heap_item(heap, old->location)), moment->clock));
}

/* The old one has left the index by this writer's doing: its place is remembered, or counts as dead bytes. */
static inline void
old_retire(struct writer *writer, const struct old *old, uint64_t word)
{
	unsigned int turn = head_turn(old->head) + ((word & SLOT_TOLD) != 0);
	uint32_t size = head_item_size(old->head);
	struct place_list *list = places_list(&writer->places, stamp_kind(old->stamp), size);

	item_set_head(heap_item(writer->heap, old->location), old->head | HEAD_DEAD);
	if (list != NULL && place_has_turn(size, turn) && (old->stamp & STAMP_REFILL) != 0)
		places_add(writer, list,
			   place_make(old->stamp, turn != 0 ? turn : 1, old->location));
	else
		writer_bury(writer, old->location, size);
}

/* A new version stays in the queue of the old one. */
static inline unsigned int
class_of_successor(const struct writer *writer, const struct old *old, uint64_t expiry,
		   const struct moment *moment)
{
	return stamp_queue(old->stamp) == QUEUE_MAIN ? CLASS_MAIN
						     : writer_class(writer, expiry, moment);
}

/*
 * A place for an item of this size, or for one that is as much larger as a copy that keeps its unique
 * (head_copy_growth): what is left over is filled.
 */
static inline uint64_t
place_for(struct writer *writer, struct place_list *list, uint32_t size, uint32_t epoch)
{
	uint64_t place = places_take(writer, list, epoch), rest;

	if (__builtin_expect(place != 0 || size == PLACE_SIZE_MAX, 1))
		return place;
	place = places_take(writer, list + STAMP_KINDS, epoch);
	if (place != 0) {
		rest = place_location(place) + size / ITEM_ALIGNMENT;
		item_write_filler(heap_item(writer->heap, rest), ITEM_ALIGNMENT);
		writer_bury(writer, rest, ITEM_ALIGNMENT);
	}
	return place;
}

/*
 * Room for a new version: where a dead item lies, or behind all others. Always inline: 30 instructions of a SET
 * that overwrites.
 */
static inline __attribute__((always_inline)) struct room
room_of_successor(struct writer *writer, unsigned int class, uint32_t size, uint64_t expiry,
		  const struct moment *moment)
{
	unsigned int kind = class_kind(class);
	struct place_list *list = places_list(&writer->places, kind, size);
	uint64_t place = list != NULL ? place_for(writer, list, size, moment->epoch) : 0;
	struct room room;

	writer->demand[kind].renewed++;
	if (place == 0)
		return (struct room){writer_allocate(writer, class, size, expiry, moment), 0};
	room = (struct room){place_location(place), place_turn(place)};
	heap_extend(writer->heap, heap_segment_of(writer->heap, room.location),
		    expiry != 0 ? expiry : UINT64_MAX);
	counter_add(&writer->tally.places_reused, 1);
	return room;
}

/*
 * Room for the version of a key that is to follow `old` (location 0: there is none). A new version stays in
 * the old one's queue; a key that a ghost remembers enters Main.
 */
static inline struct room
room_find(struct shard *shard, struct writer *writer, const struct old *old, uint64_t hash,
	  uint32_t size, uint64_t expiry, const struct moment *moment)
{
	unsigned int class;

	if (old->location != 0) {
		class = class_of_successor(writer, old, expiry, moment);
		return room_of_successor(writer, class, size, expiry, moment);
	}
	class = evict_remembers(shard, writer, hash) ? CLASS_MAIN
						     : writer_class(writer, expiry, moment);
	writer->demand[class_kind(class)].added++;
	return (struct room){writer_allocate(writer, class, size, expiry, moment), 0};
}

/* What is there won't be published; exposed: but others may have seen it. */
static inline void
room_give_back(struct writer *writer, const struct room *room, uint32_t size, bool exposed)
{
	if (room->turn == 0 && !exposed)
		writer_give_back(writer, room->location, size);
	else
		writer_discard(writer, room->location, size);
}

/* The item is published: but if an evictor came to its place meanwhile, it is dropped as if he had done so. */
static inline void
room_settle(struct shard *shard, struct writer *writer, const struct room *room, uint64_t hash,
	    const struct moment *moment)
{
	if (room->turn != 0 && __builtin_expect(place_is_lost(writer->heap, room->location), 0))
		evict_missed(shard, writer, moment, hash, room->location);
}

#endif
