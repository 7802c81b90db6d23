/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * room.h - where the new version of an item goes, and what becomes of the old one's place (places.h). The
 * writer's thread, all of it.
 */
#ifndef JACKDAW_STORE_ROOM_H
#define JACKDAW_STORE_ROOM_H

#include "dataplane/store/shard.h"

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

/* The old one has left the index by this writer's doing: its place is remembered, or counts as dead bytes. */
static inline void
old_retire(struct writer *writer, const struct old *old, uint64_t word)
{
	unsigned int turn = head_turn(old->head) + ((word & SLOT_TOLD) != 0);
	uint32_t size = head_item_size(old->head);
	struct place_list *list = places_list(&writer->places, stamp_kind(old->stamp), size);

	item_set_head(heap_item(writer->heap, old->location), old->head | HEAD_DEAD);
	if (list != NULL && turn <= ITEM_TURN_MAX && (old->stamp & STAMP_REFILL) != 0)
		places_add(writer, &writer->places, list,
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
 * Room for a new version: where a dead item lies, or behind all others.
 */
static inline struct room
room_of_successor(struct writer *writer, unsigned int class, uint32_t size, uint64_t expiry,
		  const struct moment *moment)
{
	struct place_list *list = places_list(&writer->places, class_kind(class), size);

	writer->demand[class_kind(class)].renewed++;
	if (list != NULL) {
		uint64_t place =
			places_take(writer, &writer->places, list, writer->heap, moment->epoch);

		if (place != 0) {
			struct room room = {place_location(place), place_turn(place)};

			heap_extend(writer->heap, heap_segment_of(writer->heap, room.location),
				    expiry != 0 ? expiry : UINT64_MAX);
			counter_add(&writer->tally.places_reused, 1);
			return room;
		}
	}
	return (struct room){writer_allocate(writer, class, size, expiry, moment), 0};
}

/* Nobody has seen what is there. */
static inline void
room_give_back(struct writer *writer, const struct room *room, uint32_t size)
{
	if (room->turn == 0) {
		writer_give_back(writer, room->location, size);
		return;
	}
	item_set_dead(heap_item(writer->heap, room->location));
	writer_bury(writer, room->location, size);
}

/* The item is published: but if an evictor came to its place meanwhile, it is dropped as if he had done so. */
static inline void
room_settle(struct shard *shard, struct writer *writer, const struct room *room, uint64_t hash)
{
	if (room->turn != 0 && __builtin_expect(place_is_lost(writer->heap, room->location), 0))
		place_lose(shard, writer, hash, room->location);
}

#endif
