/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_segments.h - what the parts of the simulated cache of segments share: sim_segments.c holds
 * items, sim_evict.c chooses by S3-FIFO (and FIFO), sim_merge.c as Segcache does. Private to them.
 */
#ifndef JACKDAW_PERF_SIM_SEGMENTS_H
#define JACKDAW_PERF_SIM_SEGMENTS_H

#include "perf/cache_sim.h"
#include "perf/random.h"
#include "perf/sim_table.h"

enum {
	CLASSES = 40,	/* of TTL, by powers of two; the last: never expires */
	GHOST_WAYS = 8, /* ghosts that share a bucket of 32 bytes */
	GHOST_BYTES = 4,
};

enum queue_name {
	SMALL,
	MAIN,
	QUEUES
};

struct record { /* one stored version of an item */
	uint64_t key;
	uint32_t expires;
	uint32_t size; /* key and value */
	uint32_t segment;
	uint32_t uses; /* lies in the index slot, really */
};

struct segment {
	uint32_t *records;
	uint32_t count, room;
	uint32_t used;	       /* bytes */
	uint32_t live;	       /* bytes of items that the index still points to */
	uint32_t last_expiry;  /* UINT32_MAX: some never */
	uint32_t older, newer; /* in its queue; SIM_NONE at the ends */
	uint64_t order;	       /* among those pushed; of what cleaning filled, its victim's */
	uint64_t opened;       /* bytes that had been stored then */
	uint64_t born;	       /* the same; of what cleaning filled, its victim's */
	uint8_t queue, class, heat;
	enum {
		FREE,
		OPEN,
		SEALED
	} state;
};

struct queue {
	uint32_t oldest, newest; /* sealed */
	uint32_t open[SEGMENTS_HEATS][CLASSES];
	uint64_t used;			   /* bytes, open segments included */
	uint32_t cleaning[SEGMENTS_HEATS]; /* sealed, but takes in what cleaning keeps */
	uint32_t next[CLASSES];		   /* MERGE: where the next pass over a chain starts */
};

struct ghost {
	uint16_t mark; /* its lowest bit: the queue that the item was dropped from */
	uint16_t when;
	uint64_t lost; /* bytes that its queue had lost then */
};

struct segments {
	struct sim_cache cache;
	struct segments_options options;
	struct sim_table table;
	struct record *records;
	uint32_t *spare; /* stack of unused records */
	uint32_t record_room, spare_count;
	struct segment *segments;
	uint32_t count, free, size;
	struct queue queues[QUEUES];
	struct ghost *ghosts;
	uint64_t ghost_buckets;
	uint64_t ghost_inserts, ghost_tick; /* inserts a tick of ghost.when */
	double small_share;
	uint64_t lost[QUEUES]; /* bytes of evicted segments, ever */
	double credit_clean;   /* bytes that may be copied for cleaning what is hardly dead */
	double credit;	       /* of small items, towards the next one that is spared */
	uint64_t pushed;       /* segments into queues, ever */
	uint64_t stored;       /* bytes of segments, ever, without copies */
	unsigned int turn;     /* MERGE: the class whose turn it is */
	struct random random;
};

/* --- sim_segments.c ------------------------------------------------------------------------ */

static inline uint32_t
footprint(const struct segments *s, uint32_t size)
{
	return (s->options.header_bytes + size + 7) & ~7u;
}

static inline bool
record_expired(const struct record *record, uint32_t now)
{
	return record->expires != 0 && record->expires <= now;
}

/* Seals the segment: the youngest of its queue. */
void queue_push(struct segments *s, uint32_t at);

/* Takes a sealed segment out of its queue, keeping its content. */
void queue_unlink(struct segments *s, uint32_t at);

/* Takes a free segment, which there is, as the open one of a queue and class. */
uint32_t segment_open(struct segments *s, enum queue_name queue, unsigned int class,
		      unsigned int heat);
void segment_free(struct segments *s, uint32_t at);

/* The items of the segment that have expired leave the index. */
void forget_expired(struct segments *s, const struct segment *segment, uint32_t now);

/* Writes a version of the item into the segment, which has room, and points the index at it. */
void segment_append(struct segments *s, uint32_t into, const struct record *record);

/* The same into the open segment of a queue and class. A free segment is there if needed. */
void append(struct segments *s, enum queue_name queue, unsigned int class, unsigned int heat,
	    const struct record *record);

/* The item leaves the index; its bytes stay. */
void item_forget(struct segments *s, uint32_t at);

/* Seals the fullest open segment, so that there is something to evict. */
void seal_one(struct segments *s);

/* --- sim_evict.c, sim_merge.c: each frees a segment, or comes nearer to it ------------------- */

/* So many bytes were stored: that earns some cleaning. */
void segments_earn_cleaning(struct segments *s, uint32_t bytes);

/* Empties the segment with the most dead bytes, keeping its items. False: none is worth it. */
bool clean_one(struct segments *s, uint32_t now);

void evict_s3(struct segments *s, uint32_t now);
void evict_merge(struct segments *s, uint32_t now);

/* True, and forgotten, if a ghost remembers the key. */
bool ghost_take(struct segments *s, uint64_t key);

#endif
