/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Caches whose items lie in append-only segments, as ours do: an item is header, key and value,
 * rounded up to 8 bytes; index and ghosts are paid for out of the same memory. An overwritten,
 * deleted or expired item holds its bytes until its segment is reclaimed.
 *
 *   FIFO    The oldest segment goes.
 *   S3      S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023) with
 *           segments for queue elements. New items enter Small, unless a ghost remembers them: then
 *           Main. The oldest segment of Small goes while Small holds more than its share: items used
 *           often enough are copied to Main, the others leave a ghost. Else the oldest of Main goes:
 *           used items are copied to its young end with one use less, the others dropped.
 *   MERGE   Segcache (Yang et al., NSDI 2021): a chain of segments a TTL class. Classes take turns;
 *           MERGED neighbours become one, which keeps what was used most a byte.
 *
 * Segments all of whose items have expired go before any other.
 */
#include "perf/cache_sim.h"

#include "perf/sim_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLASSES = 40,	/* of TTL, by powers of two; the last: never expires */
	RESERVE = 2,	/* segments that only copying may take */
	MERGED = 4,	/* segments merged into one */
	GHOST_WAYS = 8, /* ghosts that share a bucket of 32 bytes */
	GHOST_BYTES = 4,
};

/* Small's share: limits, how fast it moves, and what share of the ghosts counts as recent. */
static const double SHARE_LEAST = 0.02, SHARE_MOST = 0.9, ADAPT_GAIN = 1, RECENT = 0.1;

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
	uint8_t queue, class;
	enum {
		FREE,
		OPEN,
		SEALED
	} state;
};

struct queue {
	uint32_t oldest, newest; /* sealed */
	uint32_t open[CLASSES];
	uint64_t used;		/* bytes, open segments included */
	uint32_t cleaning;	/* sealed, but takes in what cleaning keeps; SIM_NONE: none */
	uint32_t next[CLASSES]; /* MERGE: where the next pass over a chain starts */
};

struct ghost {
	uint16_t mark; /* its lowest bit: the queue that the item was dropped from */
	uint16_t when;
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
	unsigned int turn; /* MERGE: the class whose turn it is */
	struct random random;
};

static uint32_t
footprint(const struct segments *s, uint32_t size)
{
	return (s->options.header_bytes + size + 7) & ~7u;
}

/* --- ghosts ------------------------------------------------------------------------------- */

static struct ghost *
ghost_bucket(struct segments *s, uint64_t key, uint16_t *mark)
{
	uint64_t hash = random_mix(key ^ 0x9e3779b97f4a7c15u);

	*mark = (uint16_t)hash & 0xfffe;
	return &s->ghosts[((unsigned __int128)hash * s->ghost_buckets >> 64) * GHOST_WAYS];
}

static uint16_t
ghost_now(const struct segments *s)
{
	return (uint16_t)(s->ghost_inserts / s->ghost_tick);
}

static void
ghost_insert(struct segments *s, uint64_t key, enum queue_name queue)
{
	struct ghost *bucket, *oldest;
	uint16_t mark;

	if (s->ghost_buckets == 0)
		return;
	bucket = oldest = ghost_bucket(s, key, &mark);
	s->ghost_inserts++;
	for (int i = 0; i < GHOST_WAYS; i++) {
		if ((uint16_t)(ghost_now(s) - bucket[i].when) >
		    (uint16_t)(ghost_now(s) - oldest->when))
			oldest = &bucket[i];
	}
	*oldest = (struct ghost){.mark = mark | (uint16_t)queue, .when = ghost_now(s)};
}

/*
 * Small's share follows what would have been hit had a queue been larger by RECENT: as ARC does
 * (Megiddo and Modha, FAST 2003), and S3-FIFO's adaptive variant.
 */
static void
adapt_share(struct segments *s, enum queue_name queue)
{
	double step = ADAPT_GAIN / (double)(s->ghost_buckets * GHOST_WAYS);

	s->small_share += queue == SMALL ? step : -step;
	s->small_share = fmin(fmax(s->small_share, SHARE_LEAST), SHARE_MOST);
}

/* True, and forgotten, if the key was dropped from Small within the last ghost_buckets x WAYS. */
static bool
ghost_take(struct segments *s, uint64_t key)
{
	struct ghost *bucket;
	uint16_t mark;

	if (s->ghost_buckets == 0)
		return false;
	bucket = ghost_bucket(s, key, &mark);
	for (int i = 0; i < GHOST_WAYS; i++) {
		enum queue_name queue = bucket[i].mark & 1;
		uint64_t age = (uint16_t)(ghost_now(s) - bucket[i].when);

		if ((bucket[i].mark & 0xfffe) != mark ||
		    age * s->ghost_tick > s->ghost_buckets * GHOST_WAYS)
			continue;
		bucket[i].when = (uint16_t)(ghost_now(s) + 1); /* the oldest possible */
		if (s->options.adapt && (double)(age * s->ghost_tick) <
						RECENT * (double)(s->ghost_buckets * GHOST_WAYS))
			adapt_share(s, queue);
		return true;
	}
	return false;
}

/* --- items and segments ------------------------------------------------------------------- */

static void
queue_push(struct segments *s, uint32_t at)
{
	struct segment *segment = &s->segments[at];
	struct queue *queue = &s->queues[segment->queue];

	segment->state = SEALED;
	segment->newer = SIM_NONE;
	segment->older = queue->newest;
	*(queue->newest != SIM_NONE ? &s->segments[queue->newest].newer : &queue->oldest) = at;
	queue->newest = at;
}

/* Takes a sealed segment out of its queue, keeping its content. */
static void
queue_unlink(struct segments *s, uint32_t at)
{
	struct segment *segment = &s->segments[at];
	struct queue *queue = &s->queues[segment->queue];

	*(segment->newer != SIM_NONE ? &s->segments[segment->newer].older : &queue->newest) =
		segment->older;
	*(segment->older != SIM_NONE ? &s->segments[segment->older].newer : &queue->oldest) =
		segment->newer;
	if (queue->next[segment->class] == at)
		queue->next[segment->class] = segment->newer;
	if (queue->cleaning == at)
		queue->cleaning = SIM_NONE;
}

static void
segment_free(struct segments *s, uint32_t at)
{
	struct segment *segment = &s->segments[at];

	for (uint32_t i = 0; i < segment->count; i++)
		s->spare[s->spare_count++] = segment->records[i];
	s->queues[segment->queue].used -= segment->used;
	segment->count = segment->used = segment->live = segment->last_expiry = 0;
	segment->state = FREE;
	s->free++;
}

static uint32_t
segment_open(struct segments *s, enum queue_name queue, unsigned int class)
{
	uint32_t at = 0;

	if (s->free == 0)
		abort(); /* the callers see to it */
	while (s->segments[at].state != FREE)
		at++;
	s->free--;
	s->segments[at].state = OPEN;
	s->segments[at].queue = (uint8_t)queue;
	s->segments[at].class = (uint8_t) class;
	s->queues[queue].open[class] = at;
	return at;
}

/* The item leaves the index; its bytes stay. */
static void
item_forget(struct segments *s, uint32_t at)
{
	struct record *record = &s->records[at];

	sim_table_delete(&s->table, record->key);
	s->segments[record->segment].live -= footprint(s, record->size);
	s->cache.live_bytes -= record->size;
	s->cache.live_items--;
}

static uint32_t
record_new(struct segments *s)
{
	if (s->spare_count == 0) {
		uint32_t old = s->record_room;

		s->record_room = old != 0 ? 2 * old : 1 << 12;
		s->records = sim_realloc(s->records, s->record_room, sizeof(s->records[0]));
		s->spare = sim_realloc(s->spare, s->record_room, sizeof(s->spare[0]));
		for (uint32_t i = s->record_room; i-- > old;)
			s->spare[s->spare_count++] = i;
	}
	return s->spare[--s->spare_count];
}

static unsigned int
ttl_class(const struct segments *s, uint32_t expires, uint32_t now)
{
	if (!s->options.ttl_classes || expires == 0)
		return CLASSES - 1;
	return expires > now ? 32 - (unsigned int)__builtin_clz(expires - now) : 0;
}

/* True if appending to the queue needs a fresh segment. */
static bool
append_needs(const struct segments *s, enum queue_name queue, unsigned int class, uint32_t bytes)
{
	uint32_t at = s->queues[queue].open[class];

	return at == SIM_NONE || s->segments[at].used + bytes > s->size;
}

/* Writes a version of the item into the segment, which has room, and points the index at it. */
static void
segment_append(struct segments *s, uint32_t into, const struct record *record)
{
	struct segment *segment = &s->segments[into];
	uint32_t bytes = footprint(s, record->size), at = record_new(s);

	if (segment->count == segment->room) {
		segment->room = segment->room != 0 ? 2 * segment->room : 64;
		segment->records =
			sim_realloc(segment->records, segment->room, sizeof(segment->records[0]));
	}
	segment->records[segment->count++] = at;
	segment->used += bytes;
	segment->live += bytes;
	s->queues[segment->queue].used += bytes;
	if (record->expires == 0)
		segment->last_expiry = UINT32_MAX;
	else if (record->expires > segment->last_expiry)
		segment->last_expiry = record->expires;
	s->records[at] = *record;
	s->records[at].segment = into;
	sim_table_set(&s->table, record->key, at);
	s->cache.live_bytes += record->size;
	s->cache.live_items++;
}

/* The same into the open segment of a queue and class. A free segment is there if needed. */
static void
append(struct segments *s, enum queue_name queue, unsigned int class, const struct record *record)
{
	uint32_t *open = &s->queues[queue].open[class];

	if (append_needs(s, queue, class, footprint(s, record->size))) {
		if (*open != SIM_NONE)
			queue_push(s, *open);
		segment_open(s, queue, class);
	}
	segment_append(s, *open, record);
}

static bool
record_expired(const struct record *record, uint32_t now)
{
	return record->expires != 0 && record->expires <= now;
}

/* --- eviction ----------------------------------------------------------------------------- */

/* Forgets and frees every segment that holds nothing but expired items. */
static bool
reclaim_expired(struct segments *s, uint32_t now)
{
	bool any = false;

	for (uint32_t i = 0; i < s->count; i++) {
		struct segment *segment = &s->segments[i];

		if (segment->state == FREE || segment->count == 0 || segment->last_expiry > now)
			continue;
		for (uint32_t k = 0; k < segment->count; k++) {
			uint32_t at = segment->records[k];

			if (sim_table_find(&s->table, s->records[at].key) == at)
				item_forget(s, at);
		}
		if (segment->state == SEALED)
			queue_unlink(s, i);
		else
			s->queues[segment->queue].open[segment->class] = SIM_NONE;
		segment_free(s, i);
		any = true;
	}
	return any;
}

/* What becomes of a live item whose segment is evicted: kept with so many uses, or dropped. */
static bool
item_earned(struct segments *s, enum queue_name queue, struct record *record)
{
	if (s->options.policy == SEGMENTS_FIFO)
		return false;
	if (queue == SMALL) {
		if (record->uses >= s->options.promote_at) {
			record->uses = 0;
			return true;
		}
		ghost_insert(s, record->key, SMALL);
		return false;
	}
	if (record->uses == 0) {
		if (s->options.adapt)
			ghost_insert(s, record->key, MAIN);
		return false;
	}
	record->uses--;
	return true;
}

static void
evict_segment(struct segments *s, uint32_t victim, uint32_t now)
{
	struct segment *segment = &s->segments[victim];
	enum queue_name queue = (enum queue_name)segment->queue;

	queue_unlink(s, victim);
	for (uint32_t i = 0; i < segment->count; i++) {
		uint32_t at = segment->records[i];
		struct record record = s->records[at];

		if (sim_table_find(&s->table, record.key) != at)
			continue;
		item_forget(s, at);
		if (record_expired(&record, now) || !item_earned(s, queue, &record))
			continue;
		append(s, MAIN, segment->class, &record);
		s->cache.copied += record.size;
	}
	segment_free(s, victim);
}

/* Seals the fullest open segment, so that there is something to evict. */
static void
seal_one(struct segments *s)
{
	uint32_t *fullest = NULL;

	for (int q = 0; q < QUEUES; q++) {
		for (int c = 0; c < CLASSES; c++) {
			uint32_t *open = &s->queues[q].open[c];

			if (*open != SIM_NONE &&
			    (fullest == NULL ||
			     s->segments[*open].used > s->segments[*fullest].used))
				fullest = open;
		}
	}
	queue_push(s, *fullest);
	*fullest = SIM_NONE;
}

/* The sealed segment with the most dead bytes, if they are worth moving the live ones for. */
static uint32_t
cleaning_victim(const struct segments *s)
{
	double most = (1 - s->options.clean_below) * s->size;
	uint32_t best = SIM_NONE;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct segment *segment = &s->segments[i];

		if (segment->state == SEALED && segment->used - segment->live > most) {
			most = segment->used - segment->live;
			best = i;
		}
	}
	return best;
}

/* Opens the segment that takes in what cleaning keeps, at the victim's place in its queue. */
static void
cleaning_open(struct segments *s, uint32_t victim)
{
	struct segment *old = &s->segments[victim], *new;
	struct queue *queue = &s->queues[old->queue];
	uint32_t open = queue->open[old->class], at;

	at = segment_open(s, (enum queue_name)old->queue, old->class);
	queue->open[old->class] = open;
	new = &s->segments[at];
	new->state = SEALED;
	new->newer = victim;
	new->older = old->older;
	*(old->older != SIM_NONE ? &s->segments[old->older].newer : &queue->oldest) = at;
	old->older = at;
	queue->cleaning = at;
}

/* Moves every live item of the victim together with those of earlier victims. */
static void
clean(struct segments *s, uint32_t victim, uint32_t now)
{
	struct segment *segment = &s->segments[victim];
	struct queue *queue = &s->queues[segment->queue];

	for (uint32_t i = 0; i < segment->count; i++) {
		uint32_t at = segment->records[i];
		struct record record = s->records[at];

		if (sim_table_find(&s->table, record.key) != at)
			continue;
		item_forget(s, at);
		if (record_expired(&record, now))
			continue;
		if (queue->cleaning == SIM_NONE ||
		    s->segments[queue->cleaning].used + footprint(s, record.size) > s->size)
			cleaning_open(s, victim);
		segment_append(s, queue->cleaning, &record);
		s->cache.copied += record.size;
	}
	queue_unlink(s, victim);
	segment_free(s, victim);
}

static void
evict_s3(struct segments *s, uint32_t now)
{
	const struct queue *small = &s->queues[SMALL], *main_queue = &s->queues[MAIN];
	double share = s->small_share * s->count * s->size;

	if (small->oldest != SIM_NONE &&
	    ((double)small->used > share || main_queue->oldest == SIM_NONE))
		evict_segment(s, small->oldest, now);
	else if (main_queue->oldest != SIM_NONE)
		evict_segment(s, main_queue->oldest, now);
	else
		seal_one(s);
}

struct candidate {
	struct record record;
	double worth; /* uses a byte */
};

static int
by_worth(const void *a, const void *b)
{
	double x = ((const struct candidate *)a)->worth, y = ((const struct candidate *)b)->worth;

	return (x < y) - (x > y);
}

/* Merges the chain's segments from `first` on into one. */
static void
merge(struct segments *s, unsigned int class, const uint32_t victims[MERGED], unsigned int count,
      uint32_t now)
{
	struct candidate *candidates = NULL;
	uint32_t total = 0, n = 0, bytes = 0;

	for (unsigned int v = 0; v < count; v++)
		total += s->segments[victims[v]].count;
	candidates = sim_realloc(NULL, total + 1, sizeof(candidates[0]));
	for (unsigned int v = 0; v < count; v++) {
		struct segment *segment = &s->segments[victims[v]];

		queue_unlink(s, victims[v]);
		for (uint32_t i = 0; i < segment->count; i++) {
			uint32_t at = segment->records[i];
			struct record *record = &s->records[at];

			if (sim_table_find(&s->table, record->key) != at)
				continue;
			item_forget(s, at);
			if (record_expired(record, now) || record->uses == 0)
				continue;
			candidates[n].record = *record;
			candidates[n++].worth = (double)record->uses / record->size;
		}
		segment_free(s, victims[v]);
	}
	qsort(candidates, n, sizeof(candidates[0]), by_worth);
	for (uint32_t i = 0; i < n && count > 1; i++) {
		struct record *record = &candidates[i].record;

		bytes += footprint(s, record->size);
		if (bytes > s->size)
			break;
		record->uses /= 2;
		append(s, MAIN, class, record);
		s->cache.copied += record->size;
	}
	free(candidates);
}

/* Up to MERGED sealed segments of the class, from where the last pass stopped. */
static unsigned int
chain_next(struct segments *s, unsigned int class, uint32_t victims[MERGED])
{
	struct queue *queue = &s->queues[MAIN];
	uint32_t start = queue->next[class], at;
	unsigned int n = 0;

	for (int pass = 0; pass < 2 && n < MERGED; pass++) {
		n = 0;
		for (at = pass == 0 && start != SIM_NONE ? start : queue->oldest;
		     at != SIM_NONE && n < MERGED; at = s->segments[at].newer) {
			if (s->segments[at].class == class)
				victims[n++] = at;
		}
	}
	while (at != SIM_NONE && s->segments[at].class != class)
		at = s->segments[at].newer;
	queue->next[class] = at;
	return n;
}

static void
evict_merge(struct segments *s, uint32_t now)
{
	uint32_t victims[MERGED];

	for (unsigned int i = 0; i < CLASSES; i++) {
		unsigned int class = s->turn++ % CLASSES;

		if (chain_next(s, class, victims) == MERGED) {
			merge(s, class, victims, MERGED, now);
			return;
		}
	}
	/* no chain is long enough: drop the oldest segment of all */
	if (s->queues[MAIN].oldest == SIM_NONE) {
		seal_one(s);
		return;
	}
	victims[0] = s->queues[MAIN].oldest;
	merge(s, s->segments[victims[0]].class, victims, 1, now);
}

static void
make_room(struct segments *s, uint32_t now)
{
	while (s->free <= RESERVE) {
		uint32_t emptiest;

		if (reclaim_expired(s, now))
			continue;
		emptiest = s->options.clean_below > 0 ? cleaning_victim(s) : SIM_NONE;
		if (emptiest != SIM_NONE)
			clean(s, emptiest, now);
		else if (s->options.policy == SEGMENTS_MERGE)
			evict_merge(s, now);
		else
			evict_s3(s, now);
	}
}

/* --- the operations ----------------------------------------------------------------------- */

static uint32_t
find_live(struct segments *s, const struct sim_request *request)
{
	uint32_t at = sim_table_find(&s->table, request->key);

	if (at != SIM_NONE && record_expired(&s->records[at], request->time)) {
		item_forget(s, at);
		at = SIM_NONE;
	}
	return at;
}

static bool
segments_get(struct sim_cache *cache, const struct sim_request *request)
{
	struct segments *s = (struct segments *)cache;
	uint32_t at = find_live(s, request), uses;

	if (at == SIM_NONE)
		return false;
	uses = s->records[at].uses;
	if (uses < s->options.freq_max && (uses == 0 || s->options.count_again >= 1 ||
					   random_unit(&s->random) < s->options.count_again))
		s->records[at].uses++;
	return true;
}

static void
segments_set(struct sim_cache *cache, const struct sim_request *request)
{
	struct segments *s = (struct segments *)cache;
	uint32_t size = request->key_length + request->value_length, uses = 0;
	bool direct = s->options.policy == SEGMENTS_MERGE || s->options.direct;
	enum queue_name queue = direct ? MAIN : SMALL;
	unsigned int class = ttl_class(s, request->expires, request->time);
	uint32_t bytes = footprint(s, size), old;

	if (bytes > s->size)
		return;
	if (append_needs(s, SMALL, class, bytes) || append_needs(s, MAIN, class, bytes))
		make_room(s, request->time);
	old = find_live(s, request);
	if (old != SIM_NONE) {
		if (s->options.overwrite != OVERWRITE_SMALL)
			uses = s->records[old].uses;
		if (s->options.overwrite == OVERWRITE_KEEP)
			queue = (enum queue_name)s->segments[s->records[old].segment].queue;
		item_forget(s, old);
	} else if (s->options.policy == SEGMENTS_S3 && ghost_take(s, request->key)) {
		queue = MAIN;
	}
	append(s, queue, class,
	       &(struct record){.key = request->key,
				.expires = request->expires,
				.size = size,
				.uses = uses});
	cache->stored += size;
}

static void
segments_erase(struct sim_cache *cache, const struct sim_request *request)
{
	struct segments *s = (struct segments *)cache;
	uint32_t at = sim_table_find(&s->table, request->key);

	if (at != SIM_NONE)
		item_forget(s, at);
}

/* Items do not change: a new version, with the old one's expiry. */
static void
segments_change(struct sim_cache *cache, const struct sim_request *request)
{
	struct segments *s = (struct segments *)cache;
	struct sim_request again = *request;
	uint32_t at = sim_table_find(&s->table, request->key);

	again.expires = s->records[at].expires;
	segments_set(cache, &again);
}

static void
segments_destroy(struct sim_cache *cache)
{
	struct segments *s = (struct segments *)cache;

	for (uint32_t i = 0; i < s->count; i++)
		free(s->segments[i].records);
	free(s->segments);
	free(s->records);
	free(s->spare);
	free(s->ghosts);
	sim_table_release(&s->table);
	free(s);
}

void
segments_defaults(struct segments_options *options, enum segments_policy policy)
{
	*options = (struct segments_options){
		.policy = policy,
		.overwrite = OVERWRITE_KEEP,
		.small_share = policy == SEGMENTS_S3 ? 0.30 : 1,
		.ghost_ratio = policy == SEGMENTS_S3 ? 1 : 0,
		.freq_max = policy == SEGMENTS_MERGE ? 127 : 3,
		.promote_at = 1,
		.count_again = policy == SEGMENTS_MERGE ? 1 : 0.25,
		.ttl_classes = policy == SEGMENTS_MERGE,
		.clean_below = policy == SEGMENTS_S3 ? 0.75 : 0,
		.index_bytes = 14.5,
		.header_bytes = 8,
	};
}

/* Cuts the memory into index, ghosts and segments. */
static void
divide_memory(struct segments *s, const struct sim_budget *budget)
{
	const struct segments_options *o = &s->options;
	double item = budget->mean_item + o->header_bytes + 3.5; /* half of an alignment */
	double ghost = o->ghost_ratio * (1 - o->small_share) * GHOST_BYTES;
	double items = (double)budget->memory / (item + o->index_bytes + ghost);
	double least = fmax(8 * budget->mean_item, 1.25 * budget->largest_item);

	s->size = (uint32_t)fmax(items * item / budget->pieces, least);
	s->count = (uint32_t)fmax(items * item / s->size, 8);
	s->ghost_buckets = (uint64_t)(items * ghost / GHOST_BYTES / GHOST_WAYS);
	s->ghost_tick = s->ghost_buckets * GHOST_WAYS / 1024 + 1;
}

struct sim_cache *
sim_segments_create(const struct sim_budget *budget, const struct segments_options *options)
{
	static const struct sim_cache_ops ops = {
		.get = segments_get,
		.set = segments_set,
		.erase = segments_erase,
		.change = segments_change,
		.destroy = segments_destroy,
	};
	struct segments *s = sim_realloc(NULL, 1, sizeof(*s));

	memset(s, 0, sizeof(*s));
	s->cache.ops = &ops;
	s->options = *options;
	s->small_share = options->small_share;
	divide_memory(s, budget);
	s->segments = sim_realloc(NULL, s->count, sizeof(s->segments[0]));
	memset(s->segments, 0, s->count * sizeof(s->segments[0]));
	s->free = s->count;
	if (s->ghost_buckets > 0) {
		size_t bytes = s->ghost_buckets * GHOST_WAYS * sizeof(s->ghosts[0]);

		s->ghosts = sim_realloc(NULL, 1, bytes);
		memset(s->ghosts, 0, bytes);
	}
	s->ghost_inserts = s->ghost_tick * 32768; /* nothing is young at the start */
	for (int q = 0; q < QUEUES; q++) {
		s->queues[q].oldest = s->queues[q].newest = SIM_NONE;
		s->queues[q].cleaning = SIM_NONE;
		for (int c = 0; c < CLASSES; c++)
			s->queues[q].open[c] = s->queues[q].next[c] = SIM_NONE;
	}
	sim_table_init(&s->table);
	random_seed(&s->random, 7);
	return &s->cache;
}
