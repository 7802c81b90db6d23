/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reserve.h - room in a segment for a value that is still arriving. The reservation itself lies
 * in a filler right before the item, so there is no pool of them that could run dry:
 *
 *     +--------+--------------------+--------+-----+-----------------+
 *     | filler | struct reservation | header | key | value arriving  |
 *     +--------+--------------------+--------+-----+-----------------+
 */
#ifndef JACKDAW_STORE_RESERVE_H
#define JACKDAW_STORE_RESERVE_H

#include "dataplane/store/shard.h"

struct store_reservation {
	uint64_t location; /* of the item */
	uint8_t *value;
	uint32_t segment;     /* held open until then */
	uint32_t length : 24; /* of the value */
	uint32_t shard : 8;
};

_Static_assert(sizeof(struct item) + sizeof(struct store_reservation) <= ITEM_FILLER_SIZE,
	       "a reservation fits its filler");

/* Ends a reservation whose item was not published, or (buried: false) was. */
void reservation_end(struct writer *writer, struct store_reservation *reservation, bool bury);

#endif
