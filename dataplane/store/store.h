/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store.h - the cache itself: shards of index and heap that any worker reads without a lock.
 *
 * A request is one struct store_op. Workers run batches of them in three stages, so that the
 * memory latency of one request is hidden behind the others:
 *
 *     store_prepare(w, ops, n)    hash every key, prefetch its index bucket
 *     store_probe(w, ops, n)      compare tags, prefetch the candidate item      (a hint only)
 *     store_execute(w, op)        one at a time, in order: find for certain, read or publish
 *     store_quiescent(w)          once a loop: everything found before may now go away
 *
 * What store_execute finds (op->value) stays valid and unchanged until the worker's next
 * store_quiescent() or store_offline(): items are immutable while their segment lives, and a
 * segment is reused only after a grace period (liburcu, QSBR).
 *
 * Knows neither packets nor protocols. Every function that takes a struct store_worker must be
 * called on the thread that opened it; none of those allocates, locks, blocks or makes a system
 * call, except open and close.
 */
#ifndef JACKDAW_STORE_H
#define JACKDAW_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_KEY_MAX = 250,	  /* bytes, as memcached */
	STORE_ITEM_OVERHEAD = 59, /* what memcached counts an item besides key and value */
	STORE_WORKERS_MAX = 64,
	STORE_SHARDS_MAX = 8,
	STORE_PINNED_MIN = 1024, /* bytes of a value that store_pin may keep */
	STORE_SECRET_SIZE = 192, /* bytes of hash secret (XXH3's own length) */
};

#define STORE_SHARD_MEMORY_MAX (UINT64_C(1) << 39) /* bytes: all that a slot can address */

enum store_verb {
	STORE_NONE, /* not a store request: every stage passes over it */
	STORE_GET,
	STORE_GAT,   /* get, and set the expiry */
	STORE_TOUCH, /* set the expiry; flags are returned, the value is not */
	STORE_SET,
	STORE_ADD,
	STORE_REPLACE,
	STORE_APPEND, /* keeps the item's own flags and expiry */
	STORE_PREPEND,
	STORE_DELETE,
	STORE_INCR,
	STORE_DECR,
};

/*
 * What the meta commands add to the verbs. An item may be stale (its owner has said that it is out
 * of date, yet it is still served), and the right to refresh it may have been given away: of all
 * who get a stale or soon expiring item, exactly one wins until it is stored anew.
 */
enum store_option {
	STORE_IF_CAS = 1 << 0, /* do it only if the item's CAS unique equals op->cas */
	/* incr, decr: an absent item starts as op->initial, with op->exptime. get, gat: it starts
	 * empty and won; append, prepend: as the data; both with op->other_exptime */
	STORE_CREATE = 1 << 1,
	STORE_NO_BUMP = 1 << 2, /* get: not a use of the item */
	STORE_RECACHE = 1 << 3, /* MAY_WIN: so is a hit with under op->recache seconds to live */
	/* out */
	STORE_CREATED = 1 << 4,	      /* CREATE: the item was absent */
	STORE_FOUND_EXPIRED = 1 << 5, /* with STORE_NOT_FOUND: it was there, but expired */
	STORE_FOUND_FLUSHED = 1 << 6, /* with STORE_NOT_FOUND: it was there, but flushed */
	STORE_FETCHED = 1 << 7,	      /* of a hit: it had been read before */
	STORE_STALE = 1 << 8,	      /* of a hit */
	STORE_TOKEN_SENT = 1 << 9,    /* of a hit: somebody won it before */
	STORE_WON = 1 << 10,	      /* get, gat: this op won it */
	/* in */
	STORE_NEW_CAS = 1 << 11, /* what changes the item gives it the unique op->new_cas */
	/* delete: marks it stale, and not won, instead. set with IF_CAS: a unique lower than the
	 * item's stores too, keeping the item's expiry, and leaves it stale */
	STORE_INVALIDATE = 1 << 12,
	/* delete: leaves an empty item with op->flags and op->exptime, and the old unique */
	STORE_DROP_VALUE = 1 << 13,
	/* delete with INVALIDATE: the item gets op->exptime. incr, decr: op->other_exptime */
	STORE_TOUCHES = 1 << 14,
	/* set, add, replace, CREATE: the key is to be shown in base64. Out: of a hit, it is */
	STORE_BINARY_KEY = 1 << 15,
	STORE_MAY_WIN =
		1 << 16, /* get, gat: a hit that is stale, or RECACHE's, is won if it can be */
	/* get, gat: FETCHED, BINARY_KEY, ttl_before, ttl and idle are wanted, and told */
	STORE_DETAILS = 1 << 17,
	/* op->cas is to stay the item's unique for as long as it lives: somebody may come back with
	 * it. Otherwise it is the item's until that is moved, and moving it takes less memory */
	STORE_KEEP_CAS = 1 << 18,
};

enum store_status {
	STORE_OK, /* hit, stored, deleted, touched */
	STORE_NOT_FOUND,
	STORE_EXISTS,	    /* add: the key is there; IF_CAS: another unique */
	STORE_TOO_LARGE,    /* over item_size_max; on SET the old item is gone too */
	STORE_NO_MEMORY,    /* nothing could be evicted in time; on SET the old is gone */
	STORE_NOT_A_NUMBER, /* incr, decr of something else */
};

/*
 * One request. Fields are the caller's to fill before store_prepare unless they say out; key and data
 * need live only until executed. Those of a GET come first, and fill one cache line or two.
 */
struct store_op {
	const uint8_t *key;
	uint8_t key_length;
	uint8_t verb;  /* enum store_verb */
	uint64_t hash; /* the store's own, between the stages, as are the next two */
	void *place;
	uint64_t word;
	uint64_t cas;	      /* IF_CAS: the unique wanted. Out: the item's unique, or 0 */
	const uint8_t *value; /* out: of a hit, contiguous, in the store's memory */
	/* Out: a hit's own key_length bytes of key: replies are written over the request's bytes. */
	const uint8_t *item_key;
	/* Out: of a hit, of what is stored now, of what was deleted, or is no number. */
	uint32_t value_length;
	uint32_t flags;	  /* the client's. Out: the item's */
	uint32_t options; /* enum store_option, or-ed; the out bits must be 0 when it comes in */
	uint8_t status;	  /* out: enum store_status */

	const uint8_t *data; /* set … prepend: the value to store */
	uint32_t data_length;
	int64_t exptime;  /* memcached's: 0 never, <0 now, over 30 days a Unix time */
	uint64_t delta;	  /* incr, decr. Out: the new number */
	uint64_t initial; /* CREATE */

	uint64_t new_cas;      /* NEW_CAS */
	int64_t ttl_before;    /* out, of a hit: seconds it had to live; -1: for ever, or created */
	int64_t ttl;	       /* out, of a hit: the same now; 0 if this op made it expire */
	int32_t other_exptime; /* CREATE, TOUCHES */
	int32_t recache;       /* RECACHE: seconds */
	/* out, of a hit: seconds, at most, since it was stored (age.h; or what lay in its place, places.h);
	 * reads are not in it */
	uint32_t idle;
	uint64_t reservation; /* of store_reserve: the value is already in place there; 0: none */
};

struct store_op;

/*
 * Told of a live item that is dropped for want of memory, as a get with STORE_DETAILS would tell of it,
 * on the thread that drops it: a worker's, by index, or the janitor's, by the number of workers.
 */
typedef void store_evicted(void *arg, unsigned int thread, const struct store_op *item);

struct store_options {
	uint64_t memory;	/* bytes: heap, index and everything besides; never exceeded */
	uint64_t memory_max;	/* what store_set_memory may raise that to; 0: no more than it is.
				 * Neither over STORE_SHARD_MEMORY_MAX a shard */
	uint64_t item_size_max; /* bytes: key + value + STORE_ITEM_OVERHEAD */
	unsigned int workers;
	unsigned int shards;		  /* 1.. STORE_SHARDS_MAX; the key's hash picks one */
	int numa_nodes[STORE_SHARDS_MAX]; /* node of each shard's memory; -1: any */
	bool hugepages;			  /* take the heap from hugetlbfs; -ENOMEM if it can't */
	bool populate; /* the janitor puts pages behind all of the heap at once, not ahead of need */
	uint8_t secret[STORE_SECRET_SIZE]; /* keys the hash; random in production */
	int64_t unix_time;		   /* seconds at creation: when the store's clock reads 0 */
	store_evicted *evicted;		   /* NULL: nobody is told */
	void *evicted_arg;
};

struct store;
struct store_worker;

/* --- birth and death: the control thread ------------------------------------------------- */

/* Maps and builds all shards. 0 and *store, or -EINVAL, -ENOMEM. */
int store_create(struct store **store, const struct store_options *options);

/* Frees everything. Every worker must have been closed and the janitor stopped. */
void store_destroy(struct store *store);

/*
 * One round of housekeeping, on the janitor's own thread (any one at a time, never a worker):
 * waits for a grace period if one is wanted, reclaims expired segments, keeps the reserve of free
 * segments full. Blocks for at most a few milliseconds at a time. True when there is more to do at once;
 * false when it may be called again after a pause of about a millisecond.
 */
bool store_janitor(struct store *store);

/*
 * Sets the store's clock: milliseconds since creation, never backwards. Any one thread (the
 * control thread a few times a second, or a test with a clock of its own). Workers read it.
 */
void store_set_clock(struct store *store, uint64_t milliseconds);

/*
 * A new memory limit, which the janitor makes true bit by bit: items are evicted where it is lower, and
 * their pages given back. 0; -EINVAL, too little for what must be there (the index does not shrink);
 * -ENOMEM, over memory_max. Any thread.
 */
int store_set_memory(struct store *store, uint64_t memory);

/* --- a worker ----------------------------------------------------------------------------- */

/* Registers the calling thread as worker `index` (0 .. workers-1). 0, -EBUSY if it is taken. */
int store_worker_open(struct store *store, unsigned int index, struct store_worker **worker);

/* Unregisters. Its open segments are sealed and stay readable. */
void store_worker_close(struct store_worker *worker);

void store_prepare(struct store_worker *worker, struct store_op *ops[], unsigned int count);
void store_probe(struct store_worker *worker, struct store_op *ops[], unsigned int count);

/*
 * Executes one prepared op and fills its out part. Linearizable per key across workers. May be
 * called without store_probe (slower), never without store_prepare; no quiescent state may lie between
 * the stages.
 */
void store_execute(struct store_worker *worker, struct store_op *op);

/* The same of several, one after the other in this order: for gets it is faster. */
void store_execute_all(struct store_worker *worker, struct store_op *ops[], unsigned int count);

/* All three stages for one request: tests and rare paths. */
void store_do(struct store_worker *worker, struct store_op *op);

/* Announces that the worker holds no pointer into the store, and picks up finished grace periods. */
void store_quiescent(struct store_worker *worker);

/* The worker is about to sleep (holding nothing); it must call store_online before the next op. */
void store_offline(struct store_worker *worker);
void store_online(struct store_worker *worker);

/*
 * Everything stored before now + delay seconds is gone from then on, in O(1) (memcached's
 * flush_all [delay]; delay <= 0 is now; a later call replaces a pending one). Items stored after
 * an immediate flush live, even in the same second. A delay of over 30 days is a Unix time: one before
 * the store was made only takes back a pending flush.
 */
void store_flush(struct store_worker *worker, int64_t delay);

/* --- large values ------------------------------------------------------------------------- */

/*
 * A place for a value that arrives in pieces: reserve, write store_reservation_value() up to
 * data_length bytes over any number of loops, then prepare and execute the op, with the same key and
 * verb, with op->reservation (which consumes it, whatever the status), or abandon. A reservation survives
 * quiescent states. What the verbs make of it:
 *
 *     SET ADD REPLACE   the value stays where it was received. Flags and exptime are those given to
 *                       store_reserve; a relative exptime counts from then. After a flush_all in
 *                       between it is copied instead, with the op's own flags and exptime.
 *     APPEND PREPEND    it is a staging place: copied into the new item, next to the old value.
 *
 * 0; -E2BIG, the item is over item_size_max; -ENOMEM. With SET (without IF_CAS) the old item is gone
 * then, as memcached does it, so that no stale data is left behind.
 */
int store_reserve(struct store_worker *worker, const struct store_op *op, uint64_t *reservation);
uint8_t *store_reservation_value(const struct store_worker *worker, uint64_t reservation);
void store_abandon(struct store_worker *worker, uint64_t reservation);

/*
 * Keeps the segment of a hit's value, of STORE_PINNED_MIN bytes or more, alive beyond the quiescent state
 * (a transmission refers to it). Returns the handle for store_unpin; both only on this worker.
 */
uint32_t store_pin(struct store_worker *worker, const struct store_op *op);
void store_unpin(struct store_worker *worker, uint32_t pin);

/* --- all items ---------------------------------------------------------------------------- */

/* The Unix time, seconds, by the store's clock. */
int64_t store_unix_time(const struct store_worker *worker);

/* How far a walk has come; all zero at its start. It may lie idle for any time. */
struct store_cursor {
	uint64_t bucket, chunk;
	unsigned int shard;
};

/* Given an item, as a get with STORE_DETAILS would tell of it. */
typedef void store_visit(void *arg, const struct store_op *item);

/*
 * Visits the next few items, or none; false when that were the last. An item that is there during the
 * whole walk is visited once, as it is at that moment; one that comes or goes meanwhile, once or not
 * at all. Visits are no uses.
 */
bool store_walk(struct store_worker *worker, struct store_cursor *cursor, store_visit *visit,
		void *arg);

/* --- statistics: any thread --------------------------------------------------------------- */

#define STORE_STATS(X)                                                                             \
	X(items, "items reachable through the index")                                              \
	X(items_total, "items stored since the start")                                             \
	X(memory_limit, "bytes allowed")                                                           \
	X(memory_used, "bytes of heap and index in use")                                           \
	X(bytes_keys, "bytes of live keys")                                                        \
	X(bytes_values, "bytes of live values")                                                    \
	X(bytes_headers, "bytes of live item headers")                                             \
	X(bytes_slack, "bytes lost to alignment and segment tails")                                \
	X(bytes_dead, "bytes of overwritten, deleted or expired items not yet reclaimed")          \
	X(segments, "segments in all")                                                             \
	X(segment_size, "bytes of a segment")                                                      \
	X(segments_free, "segments free")                                                          \
	X(segments_open, "segments being filled")                                                  \
	X(segments_sealed, "segments full and readable")                                           \
	X(segments_retired, "segments waiting for a grace period or a pin")                        \
	X(evictions, "live items dropped for want of memory")                                      \
	X(evicted_unfetched, "evicted items that nobody had read")                                 \
	X(expired, "items reclaimed after their expiry")                                           \
	X(expired_unfetched, "expired items that nobody had read")                                 \
	X(crawled, "items looked at by the janitor while it looked for expired ones")              \
	X(crawl_reclaimed, "of those, the ones that had expired")                                  \
	X(stored_expired, "items stored already expired (often the 30-day rule)")                  \
	X(new_share, "per cent of the memory that new keys may have; adapts")                      \
	X(places_reused, "new versions stored where dead ones lay, which took no memory")          \
	X(places_lost, "of those, evicted at once, as their segment was")                          \
	X(out_of_memory, "stores refused for want of memory")                                      \
	X(segments_index, "segments that the index takes, metadata included")                      \
	X(index_slots, "slots of the index")                                                       \
	X(index_overflow, "overflow buckets in use")                                               \
	X(index_dropped, "items dropped because their chain was full")                             \
	X(index_growths, "times the index has doubled")                                            \
	X(index_refreshes, "chunks of the index laid out anew, as their chains had grown long")    \
	X(chain_1, "buckets without overflow")                                                     \
	X(chain_2, "buckets with one overflow bucket")                                             \
	X(chain_3, "buckets with two overflow buckets")                                            \
	X(chain_4, "buckets with three overflow buckets or more, at most eleven")                  \
	X(oldest_seconds, "age of the oldest segment that holds items")                            \
	X(grace_periods, "grace periods completed")                                                \
	X(grace_period_us, "length of the last grace period, microseconds")

struct store_stats {
#define X(name, help) uint64_t name;
	STORE_STATS(X)
#undef X
};

/* A consistent-enough picture: counters are read while workers go on. */
void store_read_stats(const struct store *store, struct store_stats *stats);

#endif
