/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * heap.h - a shard's memory: one mapping, cut into segments of equal size (a power of two, 2 MiB as
 * a rule). Everything that the shard keeps lies in it, so the memory limit holds by construction:
 *
 *     +--------+-------------------------------------+---------+---------+---------+- - -
 *     | header | descriptors, directory, ledgers ... | segment | segment | segment |
 *     +--------+-------------------------------------+---------+---------+---------+- - -
 *     0                                              first
 *
 * A segment holds items, or is part of the index. Offsets in the mapping take the place of
 * pointers, so that it can be attached at another address one day.
 *
 *     FRESH ─▶ FREE ─▶ OPEN ─▶ SEALED ─▶ VICTIM ─▶ RETIRED ─▶ FREE
 *       │        ├──▶ INDEX ──────────────────────────┘
 *       └────────┴──▶ AWAY ─▶ FREE
 *
 * FRESH: never touched, no page behind it yet. OPEN: one writer appends to it. SEALED: full and
 * readable. VICTIM: one evictor unlinks its items. RETIRED: unreachable, waiting for a grace period
 * and its last pin. AWAY: over the memory limit, which is lower than what was mapped; it has no pages.
 *
 * Taking and giving back segments is lock-free from any thread; the lists are Treiber stacks whose
 * heads carry a tag against ABA.
 */
#ifndef JACKDAW_STORE_HEAP_H
#define JACKDAW_STORE_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/store/age.h"

struct item;

enum segment_state {
	SEGMENT_FRESH,
	SEGMENT_FREE,
	SEGMENT_OPEN,
	SEGMENT_SEALED,
	SEGMENT_VICTIM,
	SEGMENT_RETIRED,
	SEGMENT_INDEX,
	SEGMENT_AWAY,
	SEGMENT_STATES,
};

enum segment_queue {
	QUEUE_SMALL,
	QUEUE_MAIN,
	QUEUES,
};

enum {
	SEGMENT_NONE = 0,   /* no segment: number 0 is always metadata */
	SEGMENT_SHIFT = 21, /* log2 of the usual size */
	SEGMENT_SHIFT_MIN = 16,
};

/* A descriptor. The plain fields belong to whoever owns the segment in its present state. */
struct segment {
	_Atomic uint32_t state; /* enum segment_state */
	_Atomic uint32_t next;	/* in the one stack it is on */
	uint32_t used;		/* bytes of items, when sealed */
	uint32_t reservations;	/* values still arriving: it stays open (its writer's) */
	_Atomic uint64_t born;	/* tick when it was opened; statistics read it at any time */
	uint32_t older, newer;	/* in its queue (the janitor's) */
	uint64_t order;		/* place in its queue; 0: the young end */
	uint8_t queue;		/* enum segment_queue */
	bool queued;		/* it is in a queue, for eviction (whoever has eviction's lock) */
	bool clean;		/* as a victim: all that lives in it is kept */
	bool refill;  /* while it is no victim: items may be put where dead ones lie (places.h) */
	bool settled; /* retired: counted as such (eviction.settled) */
	uint64_t retired; /* the grace period it waits for (gp_token) */
	_Atomic uint64_t
		due; /* the tick to look for expired items (crawl.h); 0: it was not seen yet */
	_Atomic uint32_t dead_before; /* its ledgers' sum when it was freed last */
	struct age age;		      /* when its items were stored (its writer's) */
} __attribute__((aligned(64)));

/* What the start of the mapping says of the rest, to whoever attaches it. */
struct heap_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t segment_shift;
	uint32_t segments;
	uint32_t first;
	uint32_t bucket_size, item_header_size, descriptor_size; /* layouts must agree */
};

struct heap {
	/* constant after creation */
	uint8_t *base;
	uint64_t mapped; /* bytes */
	struct segment *segment;
	_Atomic uint64_t *stamp; /* of each segment: see heap_stamp() */
	/* of each, the tick after which all of it has expired; UINT64_MAX: never. Apart from the descriptors,
	 * as any item that is overwritten may put it off: a line of these tells of eight segments */
	_Atomic uint64_t *expiry;
	unsigned int shift; /* log2 of a segment's bytes */
	uint32_t segments;  /* descriptors, metadata's own included, for all that is mapped */
	uint32_t first;	    /* the first that isn't metadata */
	uint64_t metadata;  /* bytes of it so far */

	_Alignas(64) _Atomic uint64_t free; /* stack */
	_Atomic uint32_t free_count;
	_Atomic uint32_t fresh;	 /* the next that was never used */
	_Atomic uint32_t end;	 /* fresh ones from here on are not to be used */
	_Atomic uint32_t opened; /* segments, for what is stored, ever */
	uint32_t populating;	 /* the segment that is getting its pages (the janitor's) */
	uint64_t populated;	 /* bytes of it that have them */
	uint32_t away;		 /* list of those, linked by `newer` (the janitor's) */
	_Atomic uint32_t away_count;
	_Alignas(64) _Atomic uint64_t sealed;  /* stack: sealed, not yet queued */
	_Alignas(64) _Atomic uint64_t retired; /* stack: waiting for a grace period, or pinned */
};

/*
 * Maps `most` bytes, of which `bytes` may be used at first, on a NUMA node (-1: any), from hugetlbfs or
 * with transparent huge pages where there are some. 0, -ENOMEM, or -EINVAL if that makes too few
 * segments. Then heap_metadata() any number of times, then heap_ready().
 */
int heap_map(struct heap *heap, uint64_t bytes, uint64_t most, unsigned int shift, int node,
	     bool hugepages);
void heap_unmap(struct heap *heap);

/* A zeroed part of the metadata, cache-line aligned, or NULL when it would fill the mapping. */
void *heap_metadata(struct heap *heap, uint64_t bytes);

/* Fixes the metadata's size; *rest bytes from the returned offset on are left over in its tail. */
uint64_t heap_ready(struct heap *heap, uint64_t *rest);

static inline uint64_t
heap_segment_size(const struct heap *heap)
{
	return UINT64_C(1) << heap->shift;
}

/* Where a segment starts, bytes from the base. */
static inline uint64_t
heap_offset(const struct heap *heap, uint32_t segment)
{
	return (uint64_t)segment << heap->shift;
}

/* Locations in slots count 8-byte units. */
static inline struct item *
heap_item(const struct heap *heap, uint64_t location)
{
	return (struct item *)(heap->base + location * 8);
}

/* How far a location is shifted for the number of its segment. */
static inline unsigned int
heap_location_shift(const struct heap *heap)
{
	return heap->shift - 3;
}

static inline uint32_t
heap_segment_of(const struct heap *heap, uint64_t location)
{
	return (uint32_t)(location >> heap_location_shift(heap));
}

/*
 * What every reader of an item needs to know of its segment, in one word:
 *
 *     63       62  60 59        32 31     0
 *     +--------+------+------------+-------+
 *     | refill | kind | generation | epoch |
 *     +--------+------+------------+-------+
 *
 * The kind says when its items go (class_kind); the generation counts the segment's lives, from 1; the
 * epoch says which flush_all it came after. Set when the segment is opened, constant while any item of it
 * can be found; all but refill: items may be put where dead ones lie (places.h), until it is a victim.
 */
static inline uint64_t
heap_stamp(const struct heap *heap, uint32_t segment)
{
	/* relaxed: ordered by the slot's acquire load, which came from the publication */
	return atomic_load_explicit(&heap->stamp[segment], memory_order_relaxed);
}

/* Segments that may be taken at once. */
static inline uint32_t
heap_available(const struct heap *heap)
{
	/* relaxed, all: a hint */
	return atomic_load_explicit(&heap->free_count, memory_order_relaxed) +
	       atomic_load_explicit(&heap->end, memory_order_relaxed) -
	       atomic_load_explicit(&heap->fresh, memory_order_relaxed);
}

/* Segments that are within the memory limit, used or not. */
static inline uint32_t
heap_usable(const struct heap *heap)
{
	/* relaxed, both: only the janitor changes them */
	return atomic_load_explicit(&heap->end, memory_order_relaxed) -
	       atomic_load_explicit(&heap->away_count, memory_order_relaxed);
}

enum {
	STAMP_KIND_SHIFT = 60,
	STAMP_KINDS = 8,
	GENERATION_BITS = 28,
};

#define STAMP_REFILL (UINT64_C(1) << 63)

static inline uint64_t
stamp_make(uint64_t generation, unsigned int kind, uint32_t epoch)
{
	return (uint64_t)kind << STAMP_KIND_SHIFT |
	       (generation & ((1 << GENERATION_BITS) - 1)) << 32 | epoch;
}

static inline uint32_t
stamp_generation(uint64_t stamp)
{
	return stamp >> 32 & ((1 << GENERATION_BITS) - 1);
}

static inline unsigned int
stamp_kind(uint64_t stamp)
{
	return stamp >> STAMP_KIND_SHIFT & (STAMP_KINDS - 1);
}

/* True if a flush_all came after: `epoch` is that of the last one. */
static inline bool
stamp_is_flushed(uint64_t stamp, uint32_t epoch)
{
	return (int32_t)((uint32_t)stamp - epoch) < 0;
}

/* Main is a kind of its own: all others are parts of Small. */
static inline enum segment_queue
kind_queue(unsigned int kind)
{
	return kind == QUEUE_MAIN ? QUEUE_MAIN : QUEUE_SMALL;
}

static inline enum segment_queue
stamp_queue(uint64_t stamp)
{
	return kind_queue(stamp_kind(stamp));
}

/* Whether items may be put where dead ones lie. Whoever owns the segment in its present state. */
static inline void
heap_set_refill(struct heap *heap, uint32_t segment, bool refill)
{
	uint64_t stamp = heap_stamp(heap, segment) & ~STAMP_REFILL;

	/* relaxed: who puts items there looks again afterwards (place_is_lost) */
	atomic_store_explicit(&heap->stamp[segment], stamp | (refill ? STAMP_REFILL : 0),
			      memory_order_relaxed);
}

/* An item that expires at this tick (UINT64_MAX: never) is to be put where a dead one lies. Any writer. */
static inline void
heap_extend(struct heap *heap, uint32_t segment, uint64_t expiry)
{
	_Atomic uint64_t *last = &heap->expiry[segment];
	/* relaxed, all: if the janitor came first, the item goes with the segment, as if evicted */
	uint64_t seen = atomic_load_explicit(last, memory_order_relaxed);

	while (seen < expiry &&
	       !atomic_compare_exchange_weak_explicit(last, &seen, expiry, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

/* Takes a segment out of the free ones, into `state`; SEGMENT_NONE when there is none. */
uint32_t heap_take(struct heap *heap, enum segment_state state);

/* Gives a segment back that nobody can reach any more. */
void heap_give(struct heap *heap, uint32_t segment);

/*
 * Puts pages behind a part of the next fresh segment, and frees it when it is done: a step takes a
 * millisecond at most. False when nothing is fresh. The janitor.
 */
bool heap_populate(struct heap *heap);

/*
 * One segment less within the limit, or more. False: none is free, or all that is mapped is within it.
 * The janitor.
 */
bool heap_shrink(struct heap *heap);
bool heap_grow(struct heap *heap);

/* Puts a segment on the stack of those that are full (SEALED) or unlinked (RETIRED). Any thread. */
void heap_hand_over(struct heap *heap, uint32_t segment, enum segment_state state);

/* Takes all of that stack, newest first, linked by `next`. Any thread. */
uint32_t heap_collect(struct heap *heap, enum segment_state state);

static inline uint32_t
heap_next(const struct heap *heap, uint32_t segment)
{
	/* relaxed: the list was taken whole, with acquire */
	return atomic_load_explicit(&heap->segment[segment].next, memory_order_relaxed);
}

#endif
