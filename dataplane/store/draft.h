/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * draft.h - what each verb makes of the item it finds: the new one, or the reason why there is none.
 */
#ifndef JACKDAW_STORE_DRAFT_H
#define JACKDAW_STORE_DRAFT_H

#include "dataplane/store/number.h"
#include "dataplane/store/room.h"

/* One operation in progress. */
struct change {
	struct store *store;
	struct shard *shard;
	struct writer *writer;
	struct store_op *op;
	const struct moment *moment;
	struct index_losses losses;

	struct index_entry entry; /* where the key is; entry.slot is NULL if it is nowhere */
	const struct item *old;	  /* its item, if that is not gone */
	struct old found;	  /* the same, gone or not; location 0: none */
	uint64_t source; /* the same, and TOLD as in its slot: what a new item is made from; or 0 */

	struct item_draft draft; /* of the new item */
	bool unchanged;		 /* the old one stays after all */
	uint8_t digits[NUMBER_DIGITS_MAX];

	struct room room; /* of the new item; location 0: not written yet */
	uint32_t size;
	uint64_t made_from; /* what `source` was when it was written */
	bool exposed;	    /* others may have seen it */
	bool reserved;	    /* it is the reservation's */
};

/*
 * Whether the verb may go on, given change->old, and what the new item is: change->draft. `delta` is
 * as the client sent it, since op->delta is told the new number.
 */
enum store_status draft_make(struct change *change, uint64_t delta);

/* True of verbs that give an item new contents; the others copy it, or what is left of it. */
static inline bool
verb_stores(const struct store_op *op)
{
	return op->verb >= STORE_SET && op->verb != STORE_DELETE;
}

/* True of verbs whose new item doesn't depend on the old one. */
static inline bool
verb_takes_data(const struct store_op *op)
{
	return op->verb == STORE_SET || op->verb == STORE_ADD || op->verb == STORE_REPLACE;
}

/* True if memcached would refuse an item of this size. */
static inline bool
item_is_too_large(const struct store *store, uint32_t key_length, uint64_t value_length,
		  uint32_t flags)
{
	return key_length + value_length + STORE_ITEM_OVERHEAD + (flags != 0 ? 4 : 0) >
	       store->options.item_size_max;
}

#endif
