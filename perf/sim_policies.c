/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/sim_policies.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct segments_options *
add_policy(struct policies *policies, const char *name, const char *what,
	   enum segments_policy policy)
{
	struct policy *p = &policies->policy[policies->count++];

	p->name = name;
	p->what = what;
	p->kind = KIND_SEGMENTS;
	segments_defaults(&p->segments, policy);
	return &p->segments;
}

void
policies_add_memcached(struct policies *policies)
{
	policies->policy[policies->count++] =
		(struct policy){.name = "memcached", .what = "", .kind = KIND_MEMCACHED};
}

void
policies_add_candidates(struct policies *policies)
{
	struct segments_options *o;

	policies->policy[policies->count++] = (struct policy){
		.name = "lru", .what = "LRU of items of our size, no segments", .kind = KIND_LRU};
	add_policy(policies, "fifo", "the oldest segment goes", SEGMENTS_FIFO);
	add_policy(policies, "merge", "Segcache: merge 4 of a TTL class", SEGMENTS_MERGE);
	o = add_policy(policies, "s3-plain", "S3-FIFO over segments, Small 10 %", SEGMENTS_S3);
	o->small_share = 0.10, o->clean_below = 0, o->overwrite = OVERWRITE_COUNT;
	add_policy(policies, "jackdaw", "S3-FIFO, Small 30 %, the deadest cleaned", SEGMENTS_S3);
	o = add_policy(policies, "benefit", "S3-FIFO, Small 30 %, cleaning by benefit",
		       SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT, o->drop_old = 0.2;
}

void
policies_add_store(struct policies *policies)
{
	policies->policy[policies->count++] =
		(struct policy){.name = "store", .what = "the store itself", .kind = KIND_STORE};
	add_policy(policies, "simulated", "what it is meant to do", SEGMENTS_S3);
}

/* The choice with one constant changed at a time. */
void
policies_add_sweep(struct policies *policies)
{
	struct segments_options *o;

	add_policy(policies, "base", "as chosen", SEGMENTS_S3);
	o = add_policy(policies, "small10", "Small 10 %", SEGMENTS_S3);
	o->small_share = 0.10;
	o = add_policy(policies, "small20", "Small 20 %", SEGMENTS_S3);
	o->small_share = 0.20;
	o = add_policy(policies, "small40", "Small 40 %", SEGMENTS_S3);
	o->small_share = 0.40;
	o = add_policy(policies, "adapt", "Small's share follows the ghosts hit", SEGMENTS_S3);
	o->adapt = true;
	o = add_policy(policies, "clock", "no Small: CLOCK over segments", SEGMENTS_S3);
	o->direct = true, o->small_share = 0;
	o = add_policy(policies, "no-clean", "dead bytes wait for eviction", SEGMENTS_S3);
	o->clean_below = 0;
	o = add_policy(policies, "clean60", "cleaned when 40 % is dead", SEGMENTS_S3);
	o->clean_below = 0.60;
	o = add_policy(policies, "clean85", "cleaned when 15 % is dead", SEGMENTS_S3);
	o->clean_below = 0.85;
	o = add_policy(policies, "benefit", "cleaned from a benefit of 0.25", SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT;
	o = add_policy(policies, "drop", "the same, unused dropped where old", SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT, o->drop_old = 0.2;
	o = add_policy(policies, "hot", "and overwritten in own segments", SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT, o->drop_old = 0.2;
	o->heats = 1, o->heat_kept = true, o->hot_age[1] = 1e9;
	o = add_policy(policies, "ow-small", "overwrite: to Small, uses forgotten", SEGMENTS_S3);
	o->overwrite = OVERWRITE_SMALL;
	o = add_policy(policies, "ow-count", "overwrite: to Small, uses kept", SEGMENTS_S3);
	o->overwrite = OVERWRITE_COUNT;
	o = add_policy(policies, "ghost0", "no ghosts", SEGMENTS_S3);
	o->ghost_ratio = 0;
	o = add_policy(policies, "ghost.5", "half as many ghosts", SEGMENTS_S3);
	o->ghost_ratio = 0.5;
	o = add_policy(policies, "ghost2", "twice as many ghosts", SEGMENTS_S3);
	o->ghost_ratio = 2;
	o = add_policy(policies, "freq3", "uses counted to 3, 1 in 4", SEGMENTS_S3);
	o->freq_max = 3;
	o = add_policy(policies, "promote2", "two uses to leave Small", SEGMENTS_S3);
	o->promote_at = 2, o->count_again = 1, o->freq_max = 3;
	o = add_policy(policies, "ttl", "a segment holds one TTL class", SEGMENTS_S3);
	o->ttl_classes = true;
}

/* --- told on the command line --------------------------------------------------------------- */

struct constant {
	const char *name;
	size_t offset;
	enum {
		REAL,
		NUMBER, /* unsigned int, or an enumeration */
		FLAG,
	} kind;
};

#define CONSTANT(kind, field)                                                                      \
	{                                                                                          \
#field, offsetof(struct segments_options, field), kind                             \
	}

static const struct constant constants[] = {
	CONSTANT(NUMBER, overwrite),
	CONSTANT(REAL, small_share),
	CONSTANT(REAL, ghost_ratio),
	CONSTANT(NUMBER, freq_max),
	CONSTANT(NUMBER, promote_at),
	CONSTANT(REAL, count_again),
	CONSTANT(FLAG, direct),
	CONSTANT(FLAG, ttl_classes),
	CONSTANT(REAL, clean_below),
	CONSTANT(FLAG, adapt),
	CONSTANT(NUMBER, cleaning),
	CONSTANT(REAL, clean_score),
	CONSTANT(REAL, drop_old),
	CONSTANT(NUMBER, heats),
	CONSTANT(FLAG, heat_kept),
	CONSTANT(REAL, hot_below),
	{"hot_age1", offsetof(struct segments_options, hot_age[1]), REAL},
	{"hot_age2", offsetof(struct segments_options, hot_age[2]), REAL},
	{"hot_age3", offsetof(struct segments_options, hot_age[3]), REAL},
};

/* Sets one constant, as "name=value". False: there is no such constant. */
static bool
constant_set(struct segments_options *options, const char *text)
{
	const char *equals = strchr(text, '=');

	for (size_t i = 0; equals != NULL && i < sizeof(constants) / sizeof(constants[0]); i++) {
		const struct constant *c = &constants[i];
		uint8_t *field = (uint8_t *)options + c->offset;
		double value = strtod(equals + 1, NULL);

		if (strlen(c->name) != (size_t)(equals - text) ||
		    strncmp(c->name, text, (size_t)(equals - text)) != 0)
			continue;
		if (c->kind == REAL)
			memcpy(field, &value, sizeof(value));
		else if (c->kind == NUMBER)
			memcpy(field, &(unsigned int){(unsigned int)value}, sizeof(unsigned int));
		else
			memcpy(field, &(bool){value != 0}, sizeof(bool));
		return true;
	}
	return false;
}

bool
policies_add_trial(struct policies *policies, const char *text)
{
	struct segments_options *o = add_policy(policies, "trial", text, SEGMENTS_S3);
	char *copy = strdup(text), *rest = copy, *word;
	bool known = true;

	while ((word = strsep(&rest, ",")) != NULL)
		known &= *word == '\0' || constant_set(o, word);
	free(copy);
	return known;
}

struct sim_cache *
policy_create(const struct policy *policy, const struct sim_budget *budget)
{
	const double ours = 8 + 3.5 + 14.5; /* header, alignment, index */

	switch (policy->kind) {
	case KIND_MEMCACHED:
		return sim_memcached_create(budget);
	case KIND_STORE:
		return sim_store_create(budget);
	case KIND_LRU:
		return sim_lru_create(budget, ours);
	case KIND_SEGMENTS:
		break;
	}
	return sim_segments_create(budget, &policy->segments);
}
