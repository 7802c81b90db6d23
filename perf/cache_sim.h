/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache_sim.h - replays one stream of requests against caches that differ only in how they use
 * their memory: which bytes an item costs, and what is dropped when there is no more room.
 *
 * A simulated cache is a struct sim_cache with its operations; sim_replay() drives it as a client
 * that reads through. Time is the stream's own, in seconds. Nothing here is thread-safe, but several
 * caches may replay one trace at a time.
 */
#ifndef JACKDAW_PERF_CACHE_SIM_H
#define JACKDAW_PERF_CACHE_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/workload.h"

struct sim_request {
	uint64_t key;
	uint32_t time;	  /* seconds, from 1 */
	uint32_t expires; /* of what this request would store: gone at that second; 0: never */
	uint32_t value_length;
	uint8_t key_length;
	uint8_t op; /* enum workload_op */
	bool fill;
};

struct sim_trace {
	struct sim_request *requests;
	size_t count;
	size_t warm_up;	  /* requests before counting starts */
	double mean_item; /* bytes of key and value, mean over the requests */
	uint32_t largest_item;
};

/* What every cache is given. */
struct sim_budget {
	uint64_t memory;     /* bytes in all */
	unsigned int pieces; /* segments, or slab pages, that the memory is cut into */
	double mean_item;
	uint32_t largest_item;
};

struct sim_cache;

struct sim_cache_ops {
	/* True on a hit. Counts as a use. */
	bool (*get)(struct sim_cache *cache, const struct sim_request *request);
	/* Stores, whatever was there. */
	void (*set)(struct sim_cache *cache, const struct sim_request *request);
	void (*erase)(struct sim_cache *cache, const struct sim_request *request);
	/* Changes a number where it lies, or however the cache does it. The key is present. */
	void (*change)(struct sim_cache *cache, const struct sim_request *request);
	/* Before the counters are sampled. May be NULL. */
	void (*settle)(struct sim_cache *cache, uint32_t now);
	void (*destroy)(struct sim_cache *cache);
};

/* First member of every cache. The counters are filled by the cache itself. */
struct sim_cache {
	const struct sim_cache_ops *ops;
	uint64_t live_bytes; /* of key and value */
	uint64_t live_items; /* reachable */
	uint64_t stored;     /* bytes of keys and values stored */
	uint64_t copied;     /* bytes of keys and values moved to keep them */
	uint64_t cleaned;    /* of those, the ones moved because what lay beside them was dead */
};

struct sim_result {
	uint64_t gets, misses; /* after the warm-up */
	double mean_items;     /* sampled */
	double mean_bytes;     /* keys and values, sampled */
	double copied_share;   /* bytes moved to keep items, to bytes stored, warm-up included */
	double copied_late;    /* the same after the warm-up */
	double cleaned_late;   /* of those, the ones moved by cleaning */
};

/* Draws a trace. The caller releases it. Preload: before all, every rank's first key is stored. */
void sim_trace_make(struct sim_trace *trace, struct workload *workload, size_t count,
		    size_t warm_up, bool preload);
void sim_trace_release(struct sim_trace *trace);

void sim_replay(struct sim_cache *cache, const struct sim_trace *trace, struct sim_result *result);

/* --- the caches ---------------------------------------------------------------------------- */

/* Room for everything; exact expiry. Its misses are the floor, its live bytes the working set. */
struct sim_cache *sim_endless_create(void);

/* An LRU list of items of our own cost, without segments: a yardstick, not a candidate. */
struct sim_cache *sim_lru_create(const struct sim_budget *budget, double item_overhead);

/*
 * memcached 1.6: slab classes by 1.25, pages that move between classes by age, segmented LRU with
 * an ideal maintainer (it keeps up with every request), the crawler's schedule; 56 bytes an item
 * besides key, value, NUL and CRLF; the hash table not counted against it.
 */
struct sim_cache *sim_memcached_create(const struct sim_budget *budget);

/* The store itself (sim_store.c). One at a time a thread; opened and closed on that thread. */
struct sim_cache *sim_store_create(const struct sim_budget *budget);

/* How a cache of segments chooses what to drop; see sim_segments.c. */
enum segments_policy {
	SEGMENTS_FIFO,	/* drop the oldest segment */
	SEGMENTS_S3,	/* S3-FIFO: Small, Main, ghost */
	SEGMENTS_MERGE, /* Segcache: keep the best of neighbours of one TTL class */
};

/* What becomes of a key's new version while the old one is there (S3). */
enum segments_overwrite {
	OVERWRITE_SMALL, /* starts over in Small */
	OVERWRITE_KEEP,	 /* goes where the old one lies, with its use counter */
	OVERWRITE_COUNT, /* goes to Small, with the old one's use counter */
	OVERWRITE_PLACE, /* where the old one lies, if it is as large and that is sealed; else KEEP */
};

/* Which segment is cleaned (S3). */
enum segments_cleaning {
	CLEAN_DEADEST, /* most dead bytes, if its live share is below clean_below (hot_below) */
	CLEAN_BENEFIT, /* most dead bytes x age / live bytes, if that is above clean_score (S3) */
};

enum {
	SEGMENTS_HEATS = 4 /* 0: not hot */
};

struct segments_options {
	enum segments_policy policy;
	enum segments_overwrite overwrite;
	uint32_t place_max;	 /* the largest item that is overwritten in place (S3) */
	double small_share;	 /* of the memory (S3) */
	double ghost_ratio;	 /* ghosts, to the items that Main has room for (S3) */
	unsigned int freq_max;	 /* where the use counter saturates */
	unsigned int promote_at; /* uses that take an item from Small to Main (S3) */
	double count_again;	 /* probability that a use after the first is counted */
	bool direct;		 /* new items enter Main: CLOCK over segments (S3) */
	bool ttl_classes;	 /* a segment holds items of one TTL class (S3; MERGE always) */
	double clean_below; /* a segment with a smaller live share is emptied, keeping all; 0: never */
	bool adapt;	    /* Small's share follows the keys that come back soon after (S3) */
	double adapt_gain; /* it moves by so much for as many keys as there are ghosts */
	double soon;	   /* of the memory: what their queue lost meanwhile, at most */
	/* of what an item is smaller than its segment's mean, so many times is the share of such items
	 * that stay in their queue unread (S3) */
	double spare_small, spare_main;
	bool crawl;	     /* what has expired counts as dead before anything is evicted */
	double clean_more;   /* emptied too if its live share is below this, for credit (S3) */
	double clean_credit; /* bytes to copy for that, a byte stored */
	enum segments_cleaning cleaning;
	double clean_score; /* CLEAN_BENEFIT; ages in fillings of the whole memory by stores */
	double drop_old;    /* cleaning drops what is unused in so much of a queue's old end (S3) */
	unsigned int heats; /* segments of their own for what is overwritten soon; 0: none (S3) */
	bool heat_kept;	    /* what survives in them when they are cleaned stays so */
	double hot_below;   /* their clean_below */
	double hot_age[SEGMENTS_HEATS]; /* [1..heats]: the oldest that an overwritten version was */
	double index_bytes;		/* an item */
	unsigned int header_bytes;
};

void segments_defaults(struct segments_options *options, enum segments_policy policy);
struct sim_cache *sim_segments_create(const struct sim_budget *budget,
				      const struct segments_options *options);

#endif
