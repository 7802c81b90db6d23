/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shard.h - what the store is made of: shards, and for each thread its side of every shard.
 *
 *     store ─┬─ clock, epoch of the last flush_all, grace periods
 *            ├─ shard ─┬─ heap      segments                                  heap.h
 *            │         ├─ index     key to item                               index.h
 *            │         └─ eviction  which segments go next                    evict.h
 *            └─ worker ── writer    (one a shard) open segments, counters     segment.h
 */
#ifndef JACKDAW_STORE_SHARD_H
#define JACKDAW_STORE_SHARD_H

#include "dataplane/store/clock.h"
#include "dataplane/store/crawl.h"
#include "dataplane/store/evict.h"
#include "dataplane/store/gp.h"
#include "dataplane/store/hash.h"
#include "dataplane/store/heap.h"
#include "dataplane/store/index.h"
#include "dataplane/store/segment.h"
#include "dataplane/store/store.h"

/* What the janitor keeps in mind from one round to the next. */
struct housekeeping {
	uint64_t parent;  /* chunk of the index that waits for a grace period; 0: none */
	uint64_t trimmed; /* overflow buckets that wait for one */
	bool doubled;	  /* the directory has doubled: no split before one */
	uint64_t chunks;  /* free chunks for the index: a list by their first words */
	uint64_t looked;  /* rounds in which the index was not growing */
	uint64_t swept;	  /* tick of the last look for what is gone */
	uint32_t epoch;	  /* at that look */
	struct crawl crawl;
};

struct shard {
	struct heap heap;
	struct index index;
	struct eviction eviction;
	struct housekeeping keep;
};

struct store_worker {
	struct store *store;
	unsigned int index;
	atomic_bool open;
	struct writer writer[]; /* [shards] */
};

struct store {
	struct store_options options;
	struct hash_seed seed; /* of options.secret */
	struct clock clock;
	_Atomic uint32_t epoch;	     /* counts flushes, from 1 */
	_Atomic uint64_t flush_tick; /* of a pending flush_all; 0: none */
	_Atomic uint64_t memory;     /* the limit, bytes */
	struct gp gp;
	struct shard *shard[STORE_SHARDS_MAX];
	struct store_worker *worker[STORE_WORKERS_MAX];
	struct store_worker *janitor; /* its side of the shards; not in worker[] */
};

static inline struct shard *
store_shard(const struct store *store, uint64_t hash)
{
	return store->shard[hash_shard(hash, store->options.shards)];
}

/* The worker's side of the shard that the hash belongs to. */
static inline struct writer *
worker_writer(struct store_worker *worker, uint64_t hash)
{
	return &worker->writer[hash_shard(hash, worker->store->options.shards)];
}

/* A thread's side of a shard, by number: the workers', then the janitor's. */
static inline struct writer *
store_writer(const struct store *store, unsigned int worker, unsigned int shard)
{
	return worker < store->options.workers ? &store->worker[worker]->writer[shard]
					       : &store->janitor->writer[shard];
}

static inline struct moment
store_moment(const struct store *store)
{
	/* clock first (acquire): a flush that fell due at this time is then seen. relaxed: the
	 * clock's load orders it, and a later flush is concurrent with us */
	uint64_t clock = clock_read(&store->clock);

	return (struct moment){
		.clock = clock,
		.epoch = atomic_load_explicit(&store->epoch, memory_order_relaxed),
	};
}

/* True if the item was stored before a flush_all, or has expired. */
static inline bool
item_is_gone(const struct heap *heap, const struct item *item, uint64_t location,
	     const struct moment *moment)
{
	return stamp_is_flushed(heap_stamp(heap, heap_segment_of(heap, location)), moment->epoch) ||
	       clock_past(item_expiry(item), moment->clock);
}

/* Counts an item that was gone, and is found to be as it leaves the index, whose slot said `word`. */
static inline void
count_expired(struct tally *tally, const struct item *item, uint64_t word,
	      const struct moment *moment)
{
	if (!clock_past(item_expiry(item), moment->clock))
		return;
	counter_add(&tally->expired, 1);
	counter_add(&tally->expired_unfetched, (word & SLOT_FETCHED) == 0);
}

/* What the place says of an item that keeps no unique: its segment's generation, and its turn. */
static inline uint64_t
place_unique(uint32_t generation, uint64_t location, unsigned int turn)
{
	return (uint64_t)generation << SLOT_LOCATION_BITS | (location + turn);
}

/*
 * The item's CAS unique: its own if it was copied, else its place and the generation of its
 * segment, which no other item ever has both of. Never 0. `stamp` is its segment's.
 */
static inline uint64_t
item_unique_in(uint64_t stamp, const struct item *item, uint64_t location)
{
	uint64_t kept = item_kept_cas(item);

	return kept != 0 ? kept
			 : place_unique(stamp_generation(stamp), location,
					head_turn(item_head(item)));
}

static inline uint64_t
item_unique(const struct heap *heap, const struct item *item, uint64_t location)
{
	return item_unique_in(heap_stamp(heap, heap_segment_of(heap, location)), item, location);
}

/* Counts the bytes of an item with this header, of which there are `by` more (-1: one less). */
static inline void
tally_head(struct tally *tally, uint64_t head, uint64_t by)
{
	uint32_t key = head_key_length(head), value = head_value_length(head);
	uint32_t header = item_header_size(head_options(head));

	counter_add(&tally->items, by);
	counter_add(&tally->bytes_keys, by * key);
	counter_add(&tally->bytes_values, by * value);
	counter_add(&tally->bytes_headers, by * header);
	counter_add(&tally->bytes_slack, by * (head_item_size(head) - key - value - header));
}

static inline void
tally_item(struct tally *tally, const struct item *item, uint64_t by)
{
	tally_head(tally, item_head(item), by);
}

/*
 * A zeroed or used chunk of memory for the index: its offset, or 0 when there is none. The janitor, or
 * whoever creates the store.
 */
uint64_t shard_take_chunk(struct shard *shard, unsigned int chunk_shift);

/* Segments that each shard's heap may use by the memory limit. */
uint32_t shard_segments(const struct store *store, const struct heap *heap);

/* Unlinked: the segment waits for a grace period. Any writer. */
void shard_retire(struct store *store, unsigned int number, uint32_t segment);

/*
 * Frees the retired segments of the writer's shard that are past their grace period and not pinned. True
 * if some still wait for theirs. Any writer.
 */
bool shard_reclaim(struct store *store, struct writer *writer);

/* Items in the shard: a sum over counters while others count. Any thread. */
uint64_t shard_items(const struct store *store, unsigned int number);

/* An item that was live no longer is: its word has left the index, by this writer's doing. */
void shard_bury(struct shard *shard, struct writer *writer, uint64_t word);

/* Accounts for what the index dropped, and empties the list. */
void shard_account(struct shard *shard, struct writer *writer, struct index_losses *losses);

#endif
