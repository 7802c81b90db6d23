/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * evict.h - forgetting: which segments go, and what of them is kept.
 *
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023) with segments
 * for queue elements. New items enter Small, or Main if a ghost remembers their key. A victim of
 * Small: what was read since is copied to Main, the rest leaves a ghost. A victim of Main: what
 * was read is copied to its young end with one use less, the rest is dropped.
 *
 *     janitor: eviction_plan ──▶ ring of victims ──▶ evict_some: janitor, and writers in need
 *                  ▲                                     │ copies to Main
 *             sealed segments                            ▼
 *                                               retired segments ──▶ grace period ──▶ free
 *
 * Victims are chosen ahead by the janitor, so that writers under pressure need not wait for it.
 * Ghosts live in slots of the index that are empty anyway: they cost no memory, and as many as fit
 * are kept.
 */
#ifndef JACKDAW_STORE_EVICT_H
#define JACKDAW_STORE_EVICT_H

#include "dataplane/store/index.h"
#include "dataplane/store/segment.h"

enum {
	VICTIMS_MAX = 64, /* in the ring; a power of two */
	SMALL_SHARE = 10, /* per cent of the sealed segments */
};

struct segment_list {
	uint32_t oldest, newest; /* SEGMENT_NONE when empty; linked by segment.older, newer */
	uint32_t count;
};

struct eviction {
	/* the ring: the janitor adds at tail, evictors take at head */
	_Alignas(64) _Atomic uint32_t head;
	_Alignas(64) _Atomic uint32_t tail;
	_Atomic uint32_t victim[VICTIMS_MAX];

	_Alignas(64) _Atomic uint32_t target; /* free segments to keep in reserve */
	_Atomic uint32_t horizon;	      /* victims for which a ghost is worth something */
	_Atomic uint64_t started;	      /* victims so far: the ghosts' clock */
	_Atomic uint64_t settled;	      /* victims that have come to their end */
	_Atomic uint32_t refusals;	      /* stores that found no free segment; lately */

	/* the janitor's */
	struct segment_list queue[QUEUES];
	struct segment_list gone; /* segments that hold nothing but expired or flushed items */
	uint64_t planned;	  /* victims chosen */
	uint32_t target_min, target_max;
};

struct shard;
struct store;

/* True if free segments are so few that writers should help. */
static inline bool
eviction_is_due(const struct eviction *eviction, const struct heap *heap)
{
	/* relaxed: a hint */
	return heap_available(heap) < atomic_load_explicit(&eviction->target, memory_order_relaxed);
}

/* The segments of a heap, the threads that write: sets how many segments to keep free. */
void eviction_init(struct eviction *eviction, const struct heap *heap, unsigned int writers);

/* An allocation failed: the reserve should be larger. Any writer. */
static inline void
eviction_refused(struct eviction *eviction)
{
	/* relaxed: the janitor only looks whether there were any */
	atomic_store_explicit(&eviction->refusals, 1, memory_order_relaxed);
}

/* Sees to up to `items` items of victims: keeps or drops them. Returns how many. Any writer. */
unsigned int evict_some(struct store *store, struct shard *shard, struct writer *writer,
			const struct moment *moment, unsigned int items);

/* Puts a victim that was begun back in front, for another to finish: its writer leaves. */
void evict_abandon(struct shard *shard, struct writer *writer);

/* True if this key was dropped lately: it goes to Main. Any writer. */
bool evict_remembers(struct shard *shard, uint64_t hash);

/* --- the janitor's ------------------------------------------------------------------------- */

/* Queues what was sealed since, and fills the ring as far as free segments are wanted. */
void eviction_plan(struct shard *shard);

/* True if the ring holds victims that nobody has begun. */
bool eviction_has_victims(const struct eviction *eviction);

/* Finds the segments all of whose items have expired, or were flushed: they go next. */
void eviction_sweep(struct shard *shard, const struct moment *moment);

/* So many victims came to an end: free, pinned by a transmission, or abandoned. */
static inline void
eviction_settle(struct eviction *eviction, uint32_t victims)
{
	/* relaxed: only counted with */
	atomic_fetch_add_explicit(&eviction->settled, victims, memory_order_relaxed);
}

#endif
