/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * room.h - where the new version of an item goes, and what becomes of the old one's place (places.h). The
 * writer's thread, all of it.
 */
#ifndef JACKDAW_STORE_ROOM_H
#define JACKDAW_STORE_ROOM_H

#include "dataplane/store/scene.h"

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

/* --- the old item, and room for the new one ------------------------------------------------ */

/* The item that is to be replaced. */
struct old {
	uint64_t location, head;
	uint64_t stamp; /* of its segment */
	uint32_t size;
};

/* Room for the new one. */
struct room {
	uint64_t location; /* 0: there is none */
	uint32_t turn;	   /* of a place that is used again, for the item's head; 0: it isn't one */
	uint32_t generation; /* of its segment, for the item's unique */
};

static inline struct old
old_of(const struct heap *heap, uint64_t word)
{
	uint64_t location = slot_location(word);
	uint64_t head = item_head(heap_item(heap, location));

	return (struct old){
		.location = location,
		.head = head,
		.stamp = heap_stamp(heap, heap_segment_of(heap, location)),
		.size = head_item_size(head),
	};
}

/* As item_is_gone, of the item there. */
static inline bool
old_is_gone(const struct old *old, const struct item *item, const struct moment *moment)
{
	return stamp_is_flushed(old->stamp, moment->epoch) ||
	       (!head_is_plain(old->head) && clock_past(item_expiry(item), moment->clock));
}

/*
 * The old one has left the index by this writer's doing: its place is remembered, or counts as dead bytes. row: of
 * its size.
 */
static inline void
old_retire(struct writer *writer, struct place_list *row, const struct old *old, uint64_t word)
{
	unsigned int turn = head_turn(old->head) + ((word & SLOT_TOLD) != 0);

	item_set_head(heap_item(writer->heap, old->location), old->head | HEAD_DEAD);
	if (row != NULL && place_has_turn(old->size, turn) && (old->stamp & STAMP_REFILL) != 0)
		places_add(writer, row + stamp_kind(old->stamp),
			   place_make(old->stamp, turn != 0 ? turn : 1, old->location));
	else
		writer_bury(writer, old->location, old->size);
}

/* A new version stays in the queue of the old one. */
static inline unsigned int
class_of_successor(const struct writer *writer, const struct old *old, uint64_t expiry,
		   const struct moment *moment)
{
	bool main = stamp_queue(old->stamp) == QUEUE_MAIN;

	/* the expiry comes first: which queue an item is in no branch can foretell */
	if (__builtin_expect(expiry != 0, 0) && !main)
		return writer_class(writer, expiry, moment);
	return main ? CLASS_MAIN : CLASS_NEW;
}

/* Where a dead item lies. The new one is published before the thread goes on. */
static inline struct room
room_in_place(struct writer *writer, const struct scene *scene, struct place_list *list)
{
	const struct room none = {.location = 0};
	struct place_chunk *chunk;
	uint64_t place, stamp;

	if (__builtin_expect(list->ripe == 0, 0) && !places_ripen(writer, list))
		return none;
	chunk = &writer->places.chunk[list->ripe];
	place = chunk->place[--chunk->count];
	if (__builtin_expect(chunk->count == 0, 0))
		places_free_chunk(writer, list);
	stamp = scene_stamp(scene, place_location(place));
	if ((stamp & STAMP_REFILL) == 0 || stamp_is_flushed(stamp, scene->moment.epoch) ||
	    !place_is_of(place, stamp))
		return none;
	return (struct room){place_location(place), place_turn(place), stamp_generation(stamp)};
}

/* It is taken for an item that expires then. */
static inline void
room_was_in_place(struct writer *writer, const struct scene *scene, const struct room *room,
		  uint64_t expiry)
{
	heap_extend(writer->heap, scene_segment(scene, room->location),
		    expiry != 0 ? expiry : UINT64_MAX);
	counter_add(&writer->tally.places_reused, 1);
}

/*
 * Room for a new version of which no dead item of its size leaves any: where a larger one lies, or behind all others.
 * row: of its size. The scene is a copy, so that the caller's stays in registers.
 */
struct room room_elsewhere(struct writer *writer, struct scene scene, struct place_list *row,
			   unsigned int class, uint32_t size, uint64_t expiry);

/* Room for a new version. Always inline: a tenth of a SET that overwrites. */
static inline __attribute__((always_inline)) struct room
room_of_successor(struct writer *writer, const struct scene *scene, struct place_list *row,
		  unsigned int class, uint32_t size, uint64_t expiry)
{
	unsigned int kind = class_kind(class);
	struct room room = {.location = 0};

	writer->demand[kind].renewed++;
	if (row != NULL)
		room = room_in_place(writer, scene, row + kind);
	if (__builtin_expect(room.location == 0, 0))
		return room_elsewhere(writer, *scene, row, class, size, expiry);
	room_was_in_place(writer, scene, &room, expiry);
	return room;
}

/* Room for a key that isn't there: one that a ghost remembers enters Main. */
struct room room_of_new(struct shard *shard, struct writer *writer, uint64_t hash, uint32_t size,
			uint64_t expiry, const struct moment *moment);

/* Room for the version of a key that is to follow `old`; location 0: for one that isn't there. */
struct room room_find(struct shard *shard, struct writer *writer, const struct old *old,
		      uint64_t hash, uint32_t size, uint64_t expiry, const struct moment *moment);

/* What is there won't be published; exposed: but others may have seen it. */
void room_give_back(struct writer *writer, struct room room, uint32_t size, bool exposed);

/* An item in this room has been published: true if it is where an evictor may not have seen it. */
static inline bool
room_is_lost(const struct scene *scene, const struct room *room)
{
	/* seq_cst, as the publication is (index_replace), against the fence of evict_begin */
	uint64_t stamp = atomic_load_explicit(&scene->stamps[scene_segment(scene, room->location)],
					      memory_order_seq_cst);

	return (stamp & STAMP_REFILL) == 0 && room->turn != 0;
}

/* The item is published: but if an evictor came to its place meanwhile, it is dropped as if he had done so. */
void room_settle(struct shard *shard, struct writer *writer, const struct room *room, uint64_t hash,
		 const struct moment *moment);

#endif
