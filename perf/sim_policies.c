/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/sim_policies.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* --- constants ---------------------------------------------------------------------------- */

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
	CONSTANT(NUMBER, place_max),
	CONSTANT(REAL, small_share),
	CONSTANT(REAL, ghost_ratio),
	CONSTANT(NUMBER, freq_max),
	CONSTANT(NUMBER, promote_at),
	CONSTANT(REAL, count_again),
	CONSTANT(FLAG, direct),
	CONSTANT(FLAG, ttl_classes),
	CONSTANT(REAL, clean_below),
	CONSTANT(FLAG, adapt),
	CONSTANT(REAL, adapt_gain),
	CONSTANT(REAL, soon),
	CONSTANT(REAL, spare_small),
	CONSTANT(REAL, spare_main),
	CONSTANT(FLAG, crawl),
	CONSTANT(REAL, clean_more),
	CONSTANT(REAL, clean_credit),
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

/* Sets constants, as "name=value,...". False: there is no such constant. */
static bool
constants_set(struct segments_options *options, const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	bool known = true;

	while ((word = strsep(&rest, ",")) != NULL)
		known &= *word == '\0' || constant_set(options, word);
	free(copy);
	return known;
}

/* --- policies ------------------------------------------------------------------------------ */

/* S3-FIFO as chosen, but for some constants. */
struct change {
	const char *name, *what, *constants;
};

static const struct change candidates[] = {
	{"s3-plain", "S3-FIFO over segments, Small 10 %",
	 "small_share=0.10,clean_below=0,overwrite=2,spare_small=0,spare_main=0,crawl=0,"
	 "adapt=0,clean_more=0"},
	{"s3-clean", "S3-FIFO, Small 30 %, the deadest cleaned",
	 "overwrite=1,spare_small=0,spare_main=0,crawl=0,adapt=0,clean_more=0"},
	{"jackdaw", "the same, adaptive, places, small ones spared, crawl", ""},
};

static const struct change sweep[] = {
	{"base", "as chosen", ""},
	{"small10", "Small 10 %, always", "adapt=0,small_share=0.10"},
	{"small20", "Small 20 %, always", "adapt=0,small_share=0.20"},
	{"small30", "Small 30 %, always", "adapt=0,small_share=0.30"},
	{"small40", "Small 40 %, always", "adapt=0,small_share=0.40"},
	{"gain4", "Small's share moves more slowly", "adapt_gain=4"},
	{"gain64", "Small's share moves faster", "adapt_gain=64"},
	{"soon1", "keys that come back sooner", "soon=0.0125"},
	{"soon5", "keys that come back later", "soon=0.05"},
	{"clock", "no Small: CLOCK over segments", "direct=1,small_share=0,adapt=0"},
	{"no-clean", "dead bytes wait for eviction", "clean_below=0,clean_more=0"},
	{"clean-15", "cleaned when 25 % is dead, no more", "clean_more=0"},
	{"credit1", "more cleaned between 15 and 25 %", "clean_credit=1"},
	{"clean60", "cleaned when 40 % is dead", "clean_below=0.60"},
	{"clean85", "cleaned when 15 % is dead", "clean_below=0.85"},
	{"benefit", "cleaned from a benefit of 0.25", "cleaning=1"},
	{"drop", "the same, unused dropped where old", "cleaning=1,drop_old=0.2"},
	{"hot", "and overwritten in own segments",
	 "cleaning=1,drop_old=0.2,heats=1,heat_kept=1,hot_age1=1e9"},
	{"ow-small", "overwrite: to Small, uses forgotten", "overwrite=0"},
	{"ow-count", "overwrite: to Small, uses kept", "overwrite=2"},
	{"ghost0", "no ghosts", "ghost_ratio=0"},
	{"ghost.5", "half as many ghosts", "ghost_ratio=0.5"},
	{"ghost2", "twice as many ghosts", "ghost_ratio=2"},
	{"freq3", "uses counted to 3, 1 in 4", "freq_max=3"},
	{"promote2", "two uses to leave Small", "promote_at=2,count_again=1,freq_max=3"},
	{"ttl", "a segment holds one TTL class", "ttl_classes=1"},
	{"no-spare", "size plays no part", "spare_small=0,spare_main=0"},
	{"spare.5", "small ones spared half as often", "spare_small=1,spare_main=0.5"},
	{"no-crawl", "what expired waits for eviction", "crawl=0"},
	{"append", "no places: overwrites are appended", "overwrite=1"},
	{"place-all", "places of all sizes", "place_max=1000000000"},
};

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

/* False: there is no such constant. */
static bool
add_change(struct policies *policies, const struct change *change)
{
	return constants_set(add_policy(policies, change->name, change->what, SEGMENTS_S3),
			     change->constants);
}

static void
add_changes(struct policies *policies, const struct change changes[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!add_change(policies, &changes[i]))
			abort();
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
	policies->policy[policies->count++] = (struct policy){
		.name = "lru", .what = "LRU of items of our size, no segments", .kind = KIND_LRU};
	add_policy(policies, "fifo", "the oldest segment goes", SEGMENTS_FIFO);
	add_policy(policies, "merge", "Segcache: merge 4 of a TTL class", SEGMENTS_MERGE);
	add_changes(policies, candidates, sizeof(candidates) / sizeof(candidates[0]));
}

void
policies_add_store(struct policies *policies)
{
	policies->policy[policies->count++] =
		(struct policy){.name = "store", .what = "the store itself", .kind = KIND_STORE};
	add_policy(policies, "simulated", "what it is meant to do", SEGMENTS_S3);
}

void
policies_add_sweep(struct policies *policies)
{
	add_changes(policies, sweep, sizeof(sweep) / sizeof(sweep[0]));
}

bool
policies_add_trial(struct policies *policies, const char *text)
{
	return add_change(policies, &(struct change){"trial", text, text});
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
