/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * index_follow.h - chains beyond their first bucket, a batch of them side by side.
 *
 * Each bucket of a chain says only when it has arrived where the next one is. So the chains of a batch
 * are followed a bucket at a time, all of them: while one bucket is looked at the others' are on their
 * way. Between full and growing a sixth of all entries are there, and each would cost as many waits as
 * its chain has buckets, and another for its item.
 */
#ifndef JACKDAW_STORE_INDEX_FOLLOW_H
#define JACKDAW_STORE_INDEX_FOLLOW_H

#include "dataplane/store/index_find.h"
#include "dataplane/store/prefetch.h"

enum {
	FOLLOW_MAX = 64, /* chains at once; what finds no room here is found one at a time */
};

struct follow_chain {
	struct bucket *bucket; /* the next to look at */
	const uint8_t *base;   /* of its shard's arena */
	uint64_t hash;
	void **place;	/* told as index_foresee tells it, if the entry is found: the slot, */
	uint64_t *word; /* and what it says */
};

struct follow {
	unsigned int count;
	struct follow_chain chain[FOLLOW_MAX];
};

/* The bucket that a control word leads to, on its way to the cache; NULL: none, or it isn't settled. */
static inline struct bucket *
follow_link(const uint8_t *base, uint64_t control)
{
	struct bucket *next;

	if ((control & CONTROL_ADDRESS) == 0 || (control & CONTROL_PENDING) != 0)
		return NULL;
	next = (struct bucket *)(uintptr_t)(base + ((control & CONTROL_ADDRESS) << OVERFLOW_SHIFT));
	prefetch_line(next);
	return next;
}

/* Adds a hash whose entry is not in this first bucket of its chain, if the chain goes on. */
static inline void
follow_add(struct follow *follow, const uint8_t *base, const struct bucket *first, uint64_t hash,
	   void **place, uint64_t *word)
{
	struct bucket *next = follow_link(base, bucket_control(first));

	if (next == NULL || follow->count == FOLLOW_MAX)
		return;
	follow->chain[follow->count++] = (struct follow_chain){
		.bucket = next, .base = base, .hash = hash, .place = place, .word = word};
}

/* Looks at one bucket of a chain. True if it goes on. */
static inline bool
follow_step(struct follow_chain *chain)
{
	_Atomic uint64_t *slot =
		index_foresee(chain->bucket, OVERFLOW_SLOTS, chain->hash, chain->word);

	if (slot == NULL) {
		chain->bucket = follow_link(chain->base, bucket_control(chain->bucket));
		return chain->bucket != NULL;
	}
	*chain->place = slot;
	item_prefetch(chain->base, *chain->word);
	return false;
}

/* Follows all to the end, or to where their entries are: then *place and *word say so. */
static inline void
follow_all(struct follow *follow)
{
	while (follow->count != 0) {
		unsigned int left = 0;

		for (unsigned int i = 0; i < follow->count; i++) {
			struct follow_chain *chain = &follow->chain[i];

			if (follow_step(chain))
				follow->chain[left++] = *chain;
		}
		follow->count = left;
	}
}

#endif
