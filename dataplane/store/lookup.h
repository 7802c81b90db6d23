/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lookup.h - the shortest way of the most common operation: a GET that wants nothing but a live item's
 * value. Its stages are store.h's, but what is remembered of a lookup between them is one cache line:
 *
 *     store_lookup_prepare(w, l, n)   hash every key, prefetch its index bucket
 *     store_lookup_probe(w, l, n)     compare tags, prefetch the candidate item
 *     store_lookup_finish(w, l, n)    see that it is the key's, and mark it used
 *
 * A lookup that isn't found by then is either absent, or (it has expired, or its entry has just changed) one
 * that a struct store_op has more to tell of, which is what its caller asks next.
 */
#ifndef JACKDAW_STORE_LOOKUP_H
#define JACKDAW_STORE_LOOKUP_H

#include "dataplane/store/store.h"

struct store_lookup {
	const uint8_t *key; /* in; it must stay in place until store_lookup_finish */
	uint64_t hash;	    /* the store's own, between the stages, as are the next two */
	void *place;
	uint64_t word;
	const uint8_t *value;	      /* out: valid as a store_op's; NULL: not found this way */
	uint64_t cas;		      /* out: the item's unique, as long as it lives */
	uint32_t value_length, flags; /* out */
	uint32_t opaque;	      /* the caller's, as is the verb */
	uint8_t verb;
	uint8_t key_length; /* in */
	bool absent;	    /* out, if there is no value: there is none for certain */
} __attribute__((aligned(64)));

/*
 * Worker thread. All three in this order, with no quiescent state in between; what finish found stays
 * valid until the next.
 */
void store_lookup_prepare(struct store_worker *worker, struct store_lookup *lookups,
			  unsigned int count);
void store_lookup_probe(struct store_worker *worker, struct store_lookup *lookups,
			unsigned int count);

/* Returns how many were found. */
unsigned int store_lookup_finish(struct store_worker *worker, struct store_lookup *lookups,
				 unsigned int count);

#endif
