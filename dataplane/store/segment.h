/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * segment.h - writers: where a worker (or the janitor) appends items, and what it counts.
 *
 * A writer is one thread's side of one shard. It has an open segment of each class, that nobody else
 * writes to, so that allocating is an addition:
 *
 *     CLASS_NEW           items that are new, and live long or for ever
 *     CLASS_MAIN          items that earned to stay: evictors' copies, keys that a ghost remembers
 *     CLASS_CLEANED+queue what lived in segments that were mostly dead
 *     CLASS_TTL+n         new items that expire soon, by order of magnitude, so that they do so
 *                         together
 *
 * A full segment is sealed and handed to the janitor, who queues it for eviction (evict.h).
 *
 * All functions: the writer's own thread.
 */
#ifndef JACKDAW_STORE_SEGMENT_H
#define JACKDAW_STORE_SEGMENT_H

#include "dataplane/store/clock.h"
#include "dataplane/store/heap.h"
#include "dataplane/store/item.h"
#include "dataplane/store/places.h"
#include "dataplane/store/tally.h"

enum {
	CLASS_NEW,
	CLASS_MAIN,
	CLASS_CLEANED,
	CLASS_TTL = CLASS_CLEANED + QUEUES,
	CLASSES = CLASS_TTL + STAMP_KINDS - QUEUES,
	/* bytes; what is to be written so far ahead is fetched: publishing an item waits for its lines to
	 * be ours (512: 3 % more operations half of which are SETs, 1024: 6 %, 2048: 3 %) */
	WRITE_AHEAD = 1024,
};

/* The present, as of the start of an operation. */
struct moment {
	uint64_t clock; /* a reading of the clock */
	uint32_t epoch; /* of the last flush_all */
};

struct open_segment {
	uint64_t next, end; /* offsets in the arena of the free bytes */
	uint64_t expiry;    /* the latest of its items; UINT64_MAX: never */
	uint64_t mark_due;  /* the clock's reading from which on its age is to be marked */
	uint32_t segment;   /* SEGMENT_NONE: none is open */
	uint32_t epoch;
};

/* What a kind of segments (heap.h) was needed for of late. A power of two, so that a kind's is found by a shift. */
struct demand {
	uint32_t added;	  /* items that were in none of them */
	uint32_t renewed; /* new versions of those that were */
	bool refills;	  /* they are worth it (class_refills) */
} __attribute__((aligned(16)));

/* What one writer knows of each segment. Written by it alone, read by the janitor. */
struct ledger {
	_Atomic uint32_t dead; /* bytes of it that this writer made unreachable, modulo 2^32 */
	_Atomic uint32_t
		pins; /* transmissions that refer to it, values that arrive in places of it */
};

/* An evictor's place in its victim. */
struct evictor {
	uint32_t victim; /* SEGMENT_NONE: none */
	uint32_t offset; /* bytes of it that were seen to */
	uint64_t stored; /* bytes since it was asked last what they cost */
	uint64_t owed;	 /* bytes that this writer's stores have yet to pay for */
	uint32_t credit; /* of small items (is_spared) */
	/* keys stored soon after they were dropped, by the queue; the planner reads it */
	_Atomic uint32_t returned[QUEUES];
	bool busy; /* evict_some runs: room for its copies is not to be had by evicting */
};

struct store;

struct writer {
	struct store *store;
	unsigned int shard;  /* its number */
	unsigned int thread; /* the thread's: the workers', then the janitor's */
	struct heap *heap;
	struct ledger *ledger; /* [segments] */
	unsigned int ttl_classes;
	bool cleans; /* has classes of its own for what is cleaned; else it goes to NEW and MAIN */
	struct open_segment open[CLASSES];
	struct demand demand[STAMP_KINDS];
	struct evictor evictor;
	struct places places;
	struct tally tally __attribute__((aligned(64)));
};

/* The class of a new item. */
static inline unsigned int
writer_class(const struct writer *writer, uint64_t expiry, const struct moment *moment)
{
	uint64_t ticks, now = clock_tick(moment->clock);
	unsigned int class;

	if (expiry == 0 || writer->ttl_classes == 0)
		return CLASS_NEW;
	ticks = expiry > now ? expiry - now : 1;
	/* 0: below 32 s, then by factors of 4: 2, 9, 34 minutes, 2.3, 9.1 hours */
	class = (unsigned int)(64 - __builtin_clzll(ticks >> 6 | 1)) / 2;
	return class < writer->ttl_classes ? CLASS_TTL + class : CLASS_NEW;
}

/* The kind (heap.h) of its segments: a queue, or what expires soon. Cleaning keeps it. */
static inline unsigned int
class_kind(unsigned int class)
{
	if (class >= CLASS_TTL)
		return class - CLASS_TTL + QUEUES;
	return class < CLASS_CLEANED ? class : class - CLASS_CLEANED;
}

/* Sees to it that the class's open segment has room, by sealing it and opening another. False if there is none. */
bool writer_turn_over(struct writer *writer, unsigned int class, uint32_t size,
		      const struct moment *moment);

/* Marks when the class's open segment was filled so far (age.h). */
void writer_mark_age(struct writer *writer, unsigned int class, const struct moment *moment);

/* True if the next item of this size goes where the last one went. */
static inline bool
open_has_room(const struct open_segment *open, uint32_t size, const struct moment *moment)
{
	return open->end - open->next >= size && open->epoch == moment->epoch;
}

/*
 * Room for an item of `size` bytes (item_size) that expires at `expiry`: its location, or 0 when
 * memory is short. Written to at once, and published or given back before the thread goes on.
 */
static inline uint64_t
writer_allocate(struct writer *writer, unsigned int class, uint32_t size, uint64_t expiry,
		const struct moment *moment)
{
	struct open_segment *open = &writer->open[class];
	uint64_t at;

	if (__builtin_expect(!open_has_room(open, size, moment), 0) &&
	    !writer_turn_over(writer, class, size, moment))
		return 0;
	if (__builtin_expect(moment->clock >= open->mark_due, 0))
		writer_mark_age(writer, class, moment);
	at = open->next;
	open->next = at + size;
	__builtin_prefetch(writer->heap->base + at + WRITE_AHEAD, 1);
	if (expiry == 0)
		open->expiry = UINT64_MAX;
	else if (expiry > open->expiry)
		open->expiry = expiry;
	return at / ITEM_ALIGNMENT;
}

/* Counts bytes as dead: what lies there is no longer reachable, or never was. */
static inline void
writer_bury(struct writer *writer, uint64_t location, uint32_t size)
{
	counter_add32(&writer->ledger[heap_segment_of(writer->heap, location)].dead, size);
	counter_add(&writer->tally.bytes_dead, size);
}

/* What this writer wrote there, and others may have seen, is of no use. */
static inline void
writer_discard(struct writer *writer, uint64_t location, uint32_t size)
{
	item_set_dead(heap_item(writer->heap, location));
	writer_bury(writer, location, size);
}

/* Gives back what was allocated and nobody else has seen. */
void writer_give_back(struct writer *writer, uint64_t location, uint32_t size);

/* A value is to arrive in this segment over a longer time: it stays open until writer_release. */
void writer_hold(struct writer *writer, uint32_t segment);
void writer_release(struct writer *writer, uint32_t segment);

/* Seals all open segments: the thread leaves. */
void writer_seal_all(struct writer *writer);

#endif
