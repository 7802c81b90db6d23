/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * age.h - when an item was stored, told by where it lies: a segment is filled from its start to its
 * end, so a few marks of how far it was filled at what time are enough for all its items.
 *
 *     place   0          120   480  500            900        now: 910
 *             +-----------+-----+---+---------------+----------+
 *     tick    born        t1    t2  t3              t4
 *
 * An item between two marks is as old as the earlier, at most. While items come, a mark is made every
 * two seconds; when there are too many, one goes whose neighbours tell nearly as much, in proportion
 * to the age of what lies there, so that what was stored lately is known best.
 *
 * One writer marks; anybody may ask.
 */
#ifndef JACKDAW_STORE_AGE_H
#define JACKDAW_STORE_AGE_H

#include "dataplane/store/clock.h"

enum {
	AGE_MARKS = 31,
	AGE_TICKS = 2 * CLOCK_TICKS, /* between two marks, at least */
	AGE_PLACE_BITS = 24,	     /* of a place, in ITEM_ALIGNMENT */
};

struct age {
	_Atomic uint64_t mark[AGE_MARKS]; /* tick << 24 | place, ascending; 0: none */
};

/* The segment is empty. */
void age_begin(struct age *age);

/* What lies at this place and behind it is stored from this tick on; born: of the segment. */
void age_mark(struct age *age, uint64_t born, uint64_t place, uint64_t tick);

/* The tick from which on what lies at this place was stored. */
static inline uint64_t
age_tick(const struct age *age, uint64_t born, uint64_t place)
{
	uint64_t latest = born;

	for (unsigned int i = 0; i < AGE_MARKS; i++) {
		/* relaxed: marks before an item's were written before its slot was published */
		uint64_t mark = atomic_load_explicit(&age->mark[i], memory_order_relaxed);
		uint64_t tick = mark >> AGE_PLACE_BITS;

		if ((mark & ((1 << AGE_PLACE_BITS) - 1)) <= place && tick > latest)
			latest = tick;
	}
	return latest;
}

#endif
