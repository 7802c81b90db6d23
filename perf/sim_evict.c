/* SPDX-License-Identifier: BSD-3-Clause */
/* S3-FIFO over segments, its ghosts, and the cleaning of segments that are mostly dead. */
#include "perf/sim_segments.h"

#include <math.h>

/* Of Small. */
static const double SHARE_LEAST = 0.02, SHARE_MOST = 0.9;
static const double CREDIT_MAX = 4; /* segments that may be cleaned at once for clean_credit */

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
	*oldest = (struct ghost){
		.mark = mark | (uint16_t)queue, .when = ghost_now(s), .lost = s->lost[queue]};
}

/*
 * A key comes back that was dropped from the queue. Small's share follows what would have been hit had a queue
 * been larger by `soon`: as in ARC (Megiddo and Modha, FAST 2003), and S3-FIFO's adaptive variant.
 */
static void
adapt_share(struct segments *s, enum queue_name queue, uint64_t lost)
{
	double step = s->options.adapt_gain / (double)(s->ghost_buckets * GHOST_WAYS);

	if (!s->options.adapt ||
	    (double)(s->lost[queue] - lost) >= s->options.soon * s->count * s->size)
		return;
	s->small_share += queue == SMALL ? step : -step;
	s->small_share = fmin(fmax(s->small_share, SHARE_LEAST), SHARE_MOST);
}

/* True, and forgotten, if the key was dropped from Small within the last ghost_buckets x WAYS. */
bool
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
		adapt_share(s, queue, bucket[i].lost);
		return true;
	}
	return false;
}

/* --- eviction ----------------------------------------------------------------------------- */

/* True if the item gets another turn because it is smaller than others, as in the store (evict.c). */
static bool
item_spared(struct segments *s, enum queue_name queue, uint32_t size, double mean)
{
	double factor = queue == SMALL ? s->options.spare_small : s->options.spare_main;

	if (size < mean)
		s->credit += fmin(factor * (1 - size / mean), 1);
	if (size >= mean || s->credit < 1)
		return false;
	s->credit--;
	return true;
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
	enum queue_name queue = (enum queue_name)segment->queue, into;
	double mean = (double)segment->used / segment->count;

	queue_unlink(s, victim);
	s->lost[queue] += segment->used;
	for (uint32_t i = 0; i < segment->count; i++) {
		uint32_t at = segment->records[i];
		struct record record = s->records[at];

		if (sim_table_find(&s->table, record.key) != at)
			continue;
		item_forget(s, at);
		if (record_expired(&record, now))
			continue;
		into = MAIN;
		if (item_spared(s, queue, footprint(s, record.size), mean) && record.uses == 0)
			into = queue;
		else if (!item_earned(s, queue, &record))
			continue;
		append(s, into, segment->class, 0, &record);
		s->cache.copied += record.size;
	}
	segment_free(s, victim);
}

/*
 * What cleaning the segment now is worth: the memory that it frees, for as long as it takes to die
 * so far, to the copies that it costs (Rosenblum and Ousterhout, "The design and implementation of
 * a log-structured file system", SOSP 1991). Ages are in shares of the memory stored since.
 */
static double
cleaning_benefit(const struct segments *s, const struct segment *segment)
{
	double age = (double)(s->stored - segment->opened) / s->count / s->size;

	return (segment->used - segment->live) * age / (segment->live + 1.0);
}

static uint32_t
beneficial_victim(const struct segments *s)
{
	double most = s->options.clean_score;
	uint32_t best = SIM_NONE;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct segment *segment = &s->segments[i];
		double score;

		if (segment->state != SEALED || (score = cleaning_benefit(s, segment)) <= most)
			continue;
		most = score;
		best = i;
	}
	return best;
}

/* The sealed segment with the most dead bytes, if they are worth moving the live ones for. */
static uint32_t
cleaning_victim(const struct segments *s)
{
	const double least[] = {(1 - s->options.clean_below) * s->size,
				(1 - s->options.hot_below) * s->size};
	double more = (1 - s->options.clean_more) * s->size, most = 0;
	uint32_t best = SIM_NONE;

	if (s->options.cleaning == CLEAN_BENEFIT)
		return beneficial_victim(s);

	for (uint32_t i = 0; i < s->count; i++) {
		const struct segment *segment = &s->segments[i];
		double dead = segment->used - segment->live;

		if (segment->state == SEALED && dead > most &&
		    (dead > least[segment->heat > 0] ||
		     (dead > more && segment->live <= s->credit_clean))) {
			most = dead;
			best = i;
		}
	}
	return best;
}

/* Opens the segment that takes in what cleaning keeps, at the victim's place in its queue. */
static void
cleaning_open(struct segments *s, uint32_t victim, unsigned int heat)
{
	struct segment *old = &s->segments[victim], *new;
	struct queue *queue = &s->queues[old->queue];
	uint32_t open = queue->open[heat][old->class], at;

	at = segment_open(s, (enum queue_name)old->queue, old->class, heat);
	queue->open[heat][old->class] = open;
	new = &s->segments[at];
	new->born = old->born;
	new->order = old->order;
	new->state = SEALED;
	new->newer = victim;
	new->older = old->older;
	*(old->older != SIM_NONE ? &s->segments[old->older].newer : &queue->oldest) = at;
	old->older = at;
	queue->cleaning[heat] = at;
}

/* True if the segment lies in the part of its queue that cleaning drops what is unused of. */
static bool
is_old(const struct segments *s, uint32_t at)
{
	const struct queue *queue = &s->queues[s->segments[at].queue];
	uint64_t oldest = s->segments[queue->oldest].order;
	uint64_t span = s->segments[queue->newest].order - oldest;

	return (double)(s->segments[at].order - oldest) < s->options.drop_old * (double)span;
}

/* Moves every live item of the victim together with those of earlier victims. */
static void
segment_clean(struct segments *s, uint32_t victim, uint32_t now)
{
	struct segment *segment = &s->segments[victim];
	struct queue *queue = &s->queues[segment->queue];
	unsigned int heat = s->options.heat_kept ? segment->heat : 0;
	bool old = is_old(s, victim);
	uint32_t *into = &queue->cleaning[heat];

	for (uint32_t i = 0; i < segment->count; i++) {
		uint32_t at = segment->records[i];
		struct record record = s->records[at];

		if (sim_table_find(&s->table, record.key) != at)
			continue;
		item_forget(s, at);
		if (record_expired(&record, now))
			continue;
		if (old && record.uses == 0) {
			if (segment->queue == SMALL)
				ghost_insert(s, record.key, SMALL);
			continue;
		}
		s->cache.copied += record.size;
		s->cache.cleaned += record.size;
		if (*into == SIM_NONE ||
		    s->segments[*into].used + footprint(s, record.size) > s->size)
			cleaning_open(s, victim, heat);
		segment_append(s, *into, &record);
	}
	queue_unlink(s, victim);
	segment_free(s, victim);
}

void
segments_earn_cleaning(struct segments *s, uint32_t bytes)
{
	s->credit_clean =
		fmin(s->credit_clean + s->options.clean_credit * bytes, CREDIT_MAX * s->size);
}

bool
clean_one(struct segments *s, uint32_t now)
{
	uint32_t victim = s->options.clean_below > 0 ? cleaning_victim(s) : SIM_NONE;
	const struct segment *segment;

	if (victim == SIM_NONE)
		return false;
	segment = &s->segments[victim];
	if (segment->used - segment->live <= (1 - s->options.clean_below) * s->size)
		s->credit_clean -= segment->live;
	segment_clean(s, victim, now);
	return true;
}

void
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
