/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reserve.h - room for a value that is still arriving. A reservation is a word that says where: all else
 * is in the item, whose head, key and options are written at once, and which is dead in its head until it is
 * published. So there is no pool of reservations that could run dry.
 *
 *     63     43 42  40 39   36 35      0
 *     +--------+------+-------+----------+
 *     |   0    | turn | shard | location |
 *     +--------+------+-------+----------+
 *
 * Fresh room is kept by its segment, which stays open so long (writer_hold); a place that is used again, of this
 * turn (places.h), by a pin on its segment, which may be evicted meanwhile but is not freed.
 */
#ifndef JACKDAW_STORE_RESERVE_H
#define JACKDAW_STORE_RESERVE_H

#include "dataplane/store/room.h"

enum {
	RESERVATION_SHARD_SHIFT = 36,
	RESERVATION_TURN_SHIFT = 40,
};

_Static_assert((int)SLOT_LOCATION_BITS <= (int)RESERVATION_SHARD_SHIFT, "a location fits,");
_Static_assert(STORE_SHARDS_MAX <= 1 << (RESERVATION_TURN_SHIFT - RESERVATION_SHARD_SHIFT),
	       "and so does a shard");

static inline uint64_t
reservation_make(const struct room *room, unsigned int shard)
{
	return (uint64_t)room->turn << RESERVATION_TURN_SHIFT |
	       (uint64_t)shard << RESERVATION_SHARD_SHIFT | room->location;
}

static inline struct room
reservation_room(uint64_t reservation)
{
	return (struct room){
		.location = reservation & ((UINT64_C(1) << RESERVATION_SHARD_SHIFT) - 1),
		.turn = (unsigned int)(reservation >> RESERVATION_TURN_SHIFT),
	};
}

/* Ends a reservation whose item was not published, or (bury: false) was. The writer's thread. */
void reservation_end(struct writer *writer, uint64_t reservation, bool bury);

#endif
