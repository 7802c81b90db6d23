/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/room.h"

/* Room behind all others of its class. */
static struct room
room_behind(struct writer *writer, unsigned int class, uint32_t size, uint64_t expiry,
	    const struct moment *moment)
{
	const struct heap *heap = writer->heap;
	uint64_t location = writer_allocate(writer, class, size, expiry, moment);
	uint64_t stamp = heap_stamp(heap, heap_segment_of(heap, location));

	return (struct room){location, 0, stamp_generation(stamp)};
}

/*
 * Where an item lies that is as much larger as a copy that keeps its unique (head_copy_growth): what is left over
 * is filled. row: of that one's size.
 */
static struct room
room_in_larger_place(struct writer *writer, const struct scene *scene, struct place_list *row,
		     unsigned int class, uint32_t size, uint64_t expiry)
{
	struct room room = room_in_place(writer, scene, row + class_kind(class));
	uint64_t rest = room.location + size / ITEM_ALIGNMENT;

	if (room.location == 0)
		return room;
	item_write_filler(scene_item(scene, rest), ITEM_ALIGNMENT);
	writer_bury(writer, rest, ITEM_ALIGNMENT);
	room_was_in_place(writer, scene, &room, expiry);
	return room;
}

struct room
room_elsewhere(struct writer *writer, struct scene scene, struct place_list *row,
	       unsigned int class, uint32_t size, uint64_t expiry)
{
	struct room room = {.location = 0};

	if (row != NULL && size != PLACE_SIZE_MAX)
		room = room_in_larger_place(writer, &scene, row + STAMP_KINDS, class, size, expiry);
	return room.location != 0 ? room : room_behind(writer, class, size, expiry, &scene.moment);
}

struct room
room_of_new(struct shard *shard, struct writer *writer, uint64_t hash, uint32_t size,
	    uint64_t expiry, const struct moment *moment)
{
	unsigned int class = evict_remembers(shard, writer, hash)
				     ? CLASS_MAIN
				     : writer_class(writer, expiry, moment);

	writer->demand[class_kind(class)].added++;
	return room_behind(writer, class, size, expiry, moment);
}

struct room
room_find(struct shard *shard, struct writer *writer, const struct old *old, uint64_t hash,
	  uint32_t size, uint64_t expiry, const struct moment *moment)
{
	struct scene scene = {.moment = *moment};

	if (old->location == 0)
		return room_of_new(shard, writer, hash, size, expiry, moment);
	scene_enter(&scene, shard);
	return room_of_successor(writer, &scene, places_row(&writer->places, size),
				 class_of_successor(writer, old, expiry, moment), size, expiry);
}

void
room_give_back(struct writer *writer, struct room room, uint32_t size, bool exposed)
{
	if (room.turn == 0 && !exposed)
		writer_give_back(writer, room.location, size);
	else
		writer_discard(writer, room.location, size);
}

void
room_settle(struct shard *shard, struct writer *writer, const struct room *room, uint64_t hash,
	    const struct moment *moment)
{
	struct scene scene = {.moment = *moment};

	scene_enter(&scene, shard);
	if (room_is_lost(&scene, room))
		evict_missed(shard, writer, moment, hash, room->location);
}
