/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * evict.h - forgetting: which segments go, and what of them is kept.
 *
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023) with segments
 * for queue elements. New items enter Small, or Main if a ghost remembers their key. A victim of
 * Small: what was read since is copied to Main, the rest leaves a ghost. A victim of Main: what
 * was read is copied to its young end with one use less, the rest leaves a ghost. Of what nobody read, items smaller
 * than others get another turn in their queue at times (docs/decisions/005-sizes.md). Before anything that
 * lives is dropped, segments that are dead by a quarter (overwritten, deleted) are cleaned, and by less as
 * long as that costs little: all that lives in them moves to a segment that takes their place.
 * docs/decisions/001-eviction.md says why.
 *
 *     janitor: eviction_plan ──▶ ring of victims ──▶ evict_some: writers in need, and the janitor
 *                  ▲                                     │ copies
 *             sealed segments                            ▼
 *                                               retired segments ──▶ grace period ──▶ free
 *
 * Victims are chosen ahead by the janitor, so that writers under pressure need not wait for it; if they
 * run out of them, a writer chooses some itself.
 * Ghosts live in slots of the index that are empty anyway, two in one: they cost no memory, and as many
 * as fit are kept. Their age counts victims.
 *
 * Small's share of the memory follows the keys that are stored again soon after they were dropped, as in
 * ARC (Megiddo and Modha, FAST 2003): evict_share.c.
 */
#ifndef JACKDAW_STORE_EVICT_H
#define JACKDAW_STORE_EVICT_H

#include "dataplane/store/index.h"
#include "dataplane/store/segment.h"

enum {
	VICTIMS_MAX = 64,   /* in the ring; a power of two */
	STORED_STEP = 1024, /* bytes between two looks at whether memory is short */
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
	_Atomic uint32_t floor;		      /* of those, the ones that are not for copies */
	_Atomic uint32_t begun;		      /* victims that an evictor took */
	_Atomic uint32_t finished;	      /* of those, the ones that nothing points to now */
	_Atomic uint32_t settled;	      /* of those, the ones that are free, or pinned */
	_Atomic uint32_t ghost_clock;	      /* counts victims that are not cleaned */
	_Atomic uint32_t horizon;	      /* of it, for how long a ghost is worth something */
	_Atomic uint32_t soon[QUEUES];	      /* of it: a key of this queue comes back in less */
	_Atomic uint64_t reclaimed;	      /* grace periods done when segments were freed last */
	_Atomic uint32_t refusals;	      /* stores found no free segment, lately */

	/* whoever has the lock */
	atomic_flag planning;
	struct segment_list queue[QUEUES];
	struct segment_list gone; /* segments that hold nothing but expired or flushed items */
	uint64_t order;		  /* of the segment queued last */
	uint8_t *dirt;		  /* of each queued segment: dead bytes, in 1/256 of its size */
	uint32_t dirt_cursor;	  /* the next segment to look at */
	uint32_t target_min, target_max;
	uint64_t raised_at;	    /* tick when the target was changed last */
	uint32_t clean_credit;	    /* for cleaning what is hardly dirty, in 1/256 of a segment */
	uint32_t opened;	    /* segments by stores, as of the last round */
	uint64_t victims;	    /* that are not cleaned, ever */
	double small_flow;	    /* the share of Small among the latest of them */
	_Atomic double small_share; /* of the sealed segments, that Small may have */
	uint32_t returned[QUEUES];  /* sums over all writers, as of the last round */
};

struct shard;
struct store;

/* Victims that were begun, or are retired: segments that will be free some time. */
static inline uint32_t
eviction_under_way(const struct eviction *eviction)
{
	/* relaxed, both: a hint */
	return atomic_load_explicit(&eviction->begun, memory_order_relaxed) -
	       atomic_load_explicit(&eviction->settled, memory_order_relaxed);
}

/* Of those, the ones that only a grace period keeps from being free. */
static inline uint32_t
eviction_waiting(const struct eviction *eviction)
{
	/* relaxed, both: a hint */
	return atomic_load_explicit(&eviction->finished, memory_order_relaxed) -
	       atomic_load_explicit(&eviction->settled, memory_order_relaxed);
}

/*
 * The last free segments are for what clients store. Copies of what eviction would keep may not take
 * them: where nearly all is read, copying frees nothing, and stores would be refused.
 */
static inline bool
eviction_at_floor(const struct eviction *eviction, const struct heap *heap)
{
	/* relaxed: changes with the memory limit only */
	return heap_available(heap) <= atomic_load_explicit(&eviction->floor, memory_order_relaxed);
}

/*
 * How many bytes of victims a writer should see to for a byte that it stores: none while enough is
 * free; more the less there is, since what is kept must be copied first.
 */
static inline unsigned int
eviction_price(const struct eviction *eviction, const struct heap *heap)
{
	uint32_t prospect = heap_available(heap) + eviction_waiting(eviction);
	uint32_t target = atomic_load_explicit(&eviction->target, memory_order_relaxed);

	if (__builtin_expect(prospect >= target, 1))
		return eviction_at_floor(eviction, heap); /* someone must end the grace period */
	return prospect >= target - target / 4 ? 2 : prospect >= target / 2 ? 4 : 8;
}

/* `dirt` is zeroed memory, a byte a segment. */
void eviction_init(struct eviction *eviction, const struct heap *heap, uint8_t *dirt,
		   unsigned int writers);

/* An allocation failed: the reserve should be larger. Any writer. */
static inline void
eviction_refused(struct eviction *eviction)
{
	/* relaxed: the janitor only looks whether there were any */
	atomic_store_explicit(&eviction->refusals, 1, memory_order_relaxed);
}

/* Makes a segment this writer's victim, which has none. */
void evict_begin(struct shard *shard, struct writer *writer, uint32_t victim);

/*
 * Sees to up to `items` items of victims: keeps or drops them. Takes no new victim unless memory is
 * short. Returns how many. Any writer.
 */
unsigned int evict_some(struct store *store, struct shard *shard, struct writer *writer,
			const struct moment *moment, unsigned int items);

/*
 * The writer found no free segment: does what it can for one, without waiting. Plans if the janitor
 * is late, evicts, and frees what is past its grace period.
 */
void evict_urgently(struct writer *writer, const struct moment *moment);

/* What evict_pay comes to after so many bytes. */
void evict_pay_now(struct shard *shard, struct writer *writer, const struct moment *moment);

/*
 * So many bytes of memory were taken for what was stored: while memory is short that is paid for, by the byte, with
 * some bytes of evicting, in small steps. The writer's thread.
 */
static inline void
evict_pay(struct shard *shard, struct writer *writer, uint32_t size, const struct moment *moment)
{
	writer->evictor.stored += size;
	if (__builtin_expect(writer->evictor.stored >= STORED_STEP, 0))
		evict_pay_now(shard, writer, moment);
}

/*
 * An item of this hash was published in a place (places.h) of a segment that had become a victim: its evictor
 * may not have seen it. If it is still there it is dropped, as he would have done. Any writer.
 */
void evict_missed(struct shard *shard, struct writer *writer, const struct moment *moment,
		  uint64_t hash, uint64_t location);

/* Drops an item that has expired, as its caller has seen. False: it is gone. Any reader. */
bool evict_expired(struct shard *shard, struct writer *writer, const struct moment *moment,
		   uint64_t location);

/* Puts a victim that was begun back in front, for another to finish: its writer leaves. */
void evict_abandon(struct shard *shard, struct writer *writer);

/* True if this new key was dropped lately: it goes to Main. Counted, if that was soon. Any writer. */
bool evict_remembers(struct shard *shard, struct writer *writer, uint64_t hash);

/* The next victim that is ready, or SEGMENT_NONE. Any thread. */
uint32_t victim_take(struct eviction *eviction);

/* --- planning: one thread at a time, the janitor as a rule --------------------------------- */

/* True if the calling thread may plan from now on; false, and no wait, if another does. */
static inline bool
eviction_try_lock(struct eviction *eviction)
{
	/* acquire: what the one before planned; pairs with unlock */
	return !atomic_flag_test_and_set_explicit(&eviction->planning, memory_order_acquire);
}

static inline void
eviction_unlock(struct eviction *eviction)
{
	atomic_flag_clear_explicit(&eviction->planning, memory_order_release);
}

/* The heap's limit has changed: so must the reserve. */
void eviction_limit(struct eviction *eviction, const struct heap *heap, unsigned int writers);

/* Queues what was sealed since, and fills the ring if free segments are few. */
void eviction_plan(struct store *store, unsigned int shard, const struct moment *moment);

/* Follows what was dropped too soon: Small's share, and what ghosts are worth. */
void eviction_adapt_share(const struct store *store, unsigned int shard);

/* A segment that holds nothing but expired or flushed items, for evict_begin; or SEGMENT_NONE. */
uint32_t eviction_take_gone(struct shard *shard);

/* Bytes of a segment that this store's writers made unreachable, ever; modulo 2^32. */
uint32_t segment_dead(const struct store *store, unsigned int shard, uint32_t segment);

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
