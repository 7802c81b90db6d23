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
#include "perf/sim_segments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	RESERVE = 2 /* segments that only copying may take */
};

/* --- items and segments ------------------------------------------------------------------- */

void
queue_push(struct segments *s, uint32_t at)
{
	struct segment *segment = &s->segments[at];
	struct queue *queue = &s->queues[segment->queue];

	segment->state = SEALED;
	segment->order = ++s->pushed;
	segment->newer = SIM_NONE;
	segment->older = queue->newest;
	*(queue->newest != SIM_NONE ? &s->segments[queue->newest].newer : &queue->oldest) = at;
	queue->newest = at;
}

/* Takes a sealed segment out of its queue, keeping its content. */
void
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
	if (queue->cleaning[segment->heat] == at)
		queue->cleaning[segment->heat] = SIM_NONE;
}

void
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

uint32_t
segment_open(struct segments *s, enum queue_name queue, unsigned int class, unsigned int heat)
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
	s->segments[at].heat = (uint8_t)heat;
	s->segments[at].opened = s->segments[at].born = s->stored;
	s->queues[queue].open[heat][class] = at;
	return at;
}

/* The item leaves the index; its bytes stay. */
void
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
append_needs(const struct segments *s, enum queue_name queue, unsigned int class, unsigned int heat,
	     uint32_t bytes)
{
	uint32_t at = s->queues[queue].open[heat][class];

	return at == SIM_NONE || s->segments[at].used + bytes > s->size;
}

/* Writes a version of the item into the segment, which has room, and points the index at it. */
void
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
void
append(struct segments *s, enum queue_name queue, unsigned int class, unsigned int heat,
       const struct record *record)
{
	uint32_t *open = &s->queues[queue].open[heat][class];

	if (append_needs(s, queue, class, heat, footprint(s, record->size))) {
		if (*open != SIM_NONE)
			queue_push(s, *open);
		segment_open(s, queue, class, heat);
	}
	segment_append(s, *open, record);
}

/* Seals the fullest open segment, so that there is something to evict. */
void
seal_one(struct segments *s)
{
	uint32_t *fullest = NULL;

	for (int i = 0; i < QUEUES * SEGMENTS_HEATS; i++) {
		for (int c = 0; c < CLASSES; c++) {
			uint32_t *open = &s->queues[i % QUEUES].open[i / QUEUES][c];

			if (*open != SIM_NONE &&
			    (fullest == NULL ||
			     s->segments[*open].used > s->segments[*fullest].used))
				fullest = open;
		}
	}
	queue_push(s, *fullest);
	*fullest = SIM_NONE;
}

void
forget_expired(struct segments *s, const struct segment *segment, uint32_t now)
{
	for (uint32_t i = 0; i < segment->count; i++) {
		uint32_t at = segment->records[i];

		if (record_expired(&s->records[at], now) &&
		    sim_table_find(&s->table, s->records[at].key) == at)
			item_forget(s, at);
	}
}

/* Forgets and frees every segment that holds nothing but expired items. */
static bool
reclaim_expired(struct segments *s, uint32_t now)
{
	bool any = false;

	for (uint32_t i = 0; i < s->count; i++) {
		struct segment *segment = &s->segments[i];

		if (segment->state == FREE || segment->count == 0 || segment->last_expiry > now)
			continue;
		forget_expired(s, segment, now);
		if (segment->state == SEALED)
			queue_unlink(s, i);
		else
			s->queues[segment->queue].open[segment->heat][segment->class] = SIM_NONE;
		segment_free(s, i);
		any = true;
	}
	return any;
}

static void
make_room(struct segments *s, uint32_t now)
{
	if (s->free <= RESERVE && s->options.crawl)
		for (uint32_t i = 0; i < s->count; i++)
			forget_expired(s, &s->segments[i], now);
	while (s->free <= RESERVE) {
		if (reclaim_expired(s, now) || clean_one(s, now))
			continue;
		if (s->options.policy == SEGMENTS_MERGE)
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

/* True if storing may need a fresh segment. */
static bool
store_needs(const struct segments *s, unsigned int class, uint32_t bytes)
{
	for (unsigned int heat = 0; heat <= s->options.heats; heat++)
		if (append_needs(s, SMALL, class, heat, bytes) ||
		    append_needs(s, MAIN, class, heat, bytes))
			return true;
	return false;
}

/* How hot a new version is: the sooner the old one was overwritten, the hotter. */
static unsigned int
heat_of(const struct segments *s, const struct segment *segment)
{
	double age = (double)(s->stored - segment->born), memory = (double)s->count * s->size;
	unsigned int heat = s->options.heats;

	while (heat > 0 && age > s->options.hot_age[heat] * memory)
		heat--;
	return heat;
}

/*
 * The new version takes the old one's place. The store gives it the place of another that died before
 * (places.h), of the same size and queue: the same on average.
 */
static bool
overwrite_in_place(struct segments *s, struct record *old, uint32_t size, uint32_t expires)
{
	struct segment *segment = &s->segments[old->segment];

	if (s->options.overwrite != OVERWRITE_PLACE || old->size != size ||
	    segment->state != SEALED || size > s->options.place_max)
		return false;
	if (expires == 0 || expires > segment->last_expiry)
		segment->last_expiry = expires != 0 ? expires : UINT32_MAX;
	old->expires = expires;
	s->cache.stored += size;
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
	unsigned int heat = 0;

	if (bytes > s->size)
		return;
	if (store_needs(s, class, bytes))
		make_room(s, request->time);
	old = find_live(s, request);
	if (old != SIM_NONE && overwrite_in_place(s, &s->records[old], size, request->expires))
		return;
	if (old != SIM_NONE) {
		if (s->options.overwrite != OVERWRITE_SMALL)
			uses = s->records[old].uses;
		if (s->options.overwrite == OVERWRITE_KEEP ||
		    s->options.overwrite == OVERWRITE_PLACE)
			queue = (enum queue_name)s->segments[s->records[old].segment].queue;
		heat = heat_of(s, &s->segments[s->records[old].segment]);
		item_forget(s, old);
	} else if (s->options.policy == SEGMENTS_S3 && ghost_take(s, request->key)) {
		queue = MAIN;
	}
	s->stored += bytes;
	segments_earn_cleaning(s, bytes);
	append(s, queue, class, heat,
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
		.overwrite = policy == SEGMENTS_S3 ? OVERWRITE_PLACE : OVERWRITE_KEEP,
		.place_max = 1024,
		.small_share = policy == SEGMENTS_S3 ? 0.30 : 1,
		.ghost_ratio = policy == SEGMENTS_S3 ? 1 : 0,
		.freq_max = policy == SEGMENTS_MERGE ? 127 : 1,
		.promote_at = 1,
		.count_again = policy == SEGMENTS_MERGE ? 1 : 0.25,
		.ttl_classes = policy == SEGMENTS_MERGE,
		.clean_below = policy == SEGMENTS_S3 ? 0.75 : 0,
		.cleaning = CLEAN_DEADEST,
		.spare_small = policy == SEGMENTS_S3 ? 2 : 0,
		.spare_main = policy == SEGMENTS_S3 ? 1 : 0,
		.crawl = policy == SEGMENTS_S3,
		.adapt = policy == SEGMENTS_S3,
		.adapt_gain = 16,
		.soon = 0.025,
		.clean_more = policy == SEGMENTS_S3 ? 0.85 : 0,
		.clean_credit = 0.5,
		.clean_score = 0.25, /* these two: with CLEAN_BENEFIT */
		.drop_old = 0,
		.hot_below = policy == SEGMENTS_S3 ? 0.75 : 0,
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
		for (int c = 0; c < CLASSES; c++)
			s->queues[q].next[c] = SIM_NONE;
		for (int h = 0; h < SEGMENTS_HEATS; h++) {
			s->queues[q].cleaning[h] = SIM_NONE;
			for (int c = 0; c < CLASSES; c++)
				s->queues[q].open[h][c] = SIM_NONE;
		}
	}
	sim_table_init(&s->table);
	random_seed(&s->random, 7);
	return &s->cache;
}
