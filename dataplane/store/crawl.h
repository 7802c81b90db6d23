/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crawl.h - looking for what has expired.
 *
 * A segment whose items all expire is freed as a whole (eviction_sweep). In others, what has expired holds its
 * memory until somebody asks for it or the segment's turn comes. So while memory is short the janitor goes
 * through them from time to time and takes out what has expired: it counts as dead from then on, and a segment
 * is cleaned when a quarter of it is dead (evict_plan.c). When a segment is worth another look follows from what
 * the last one saw: once a sixteenth of it will have expired.
 *
 * The janitor is a reader while it does that, as workers are (gp.h): nothing that it looks at is written anew.
 */
#ifndef JACKDAW_STORE_CRAWL_H
#define JACKDAW_STORE_CRAWL_H

#include <stdbool.h>
#include <stdint.h>

struct moment;
struct segment;
struct store;

enum {
	CRAWL_SPANS = 32,
};

/* Where the janitor is in a segment, and what it has seen there. */
struct crawl {
	uint32_t segment; /* SEGMENT_NONE: in none */
	uint32_t offset;  /* bytes of it that were looked at */
	uint64_t stamp;	  /* the segment's, which tells its lives apart */
	uint32_t left
		[CRAWL_SPANS]; /* bytes of items that have 2^n ticks left, or up to twice that */
	uint32_t next;	       /* a segment that is worth a look; SEGMENT_NONE */
};

/* A queued segment comes by: if it is worth a look it will be the next. Whoever has eviction's lock. */
void crawl_consider(struct crawl *crawl, struct segment *segment, uint32_t number, uint64_t now);

/*
 * True if there is a segment to go through: crawl_some must follow, with the lock or without. The
 * janitor, with eviction's lock.
 */
bool crawl_begin(struct store *store, unsigned int shard);

/* Looks at the next items, for 100 us or so. The janitor. */
void crawl_some(struct store *store, unsigned int shard, const struct moment *moment);

#endif
