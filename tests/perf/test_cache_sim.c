/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated caches: what they hold, what they forget first, and that none exceeds its memory. */
#include "tests/suite.h"

#include <string.h>

#include "perf/cache_sim.h"
#include "perf/sim_table.h"

enum {
	KEY = 16,
	VALUE = 32
};

static struct sim_request
request(uint64_t key, uint32_t time)
{
	return (struct sim_request){
		.key = key, .time = time, .value_length = VALUE, .key_length = KEY};
}

static void
set(struct sim_cache *cache, uint64_t key, uint32_t time)
{
	struct sim_request r = request(key, time);

	cache->ops->set(cache, &r);
}

static bool
get(struct sim_cache *cache, uint64_t key, uint32_t time)
{
	struct sim_request r = request(key, time);

	return cache->ops->get(cache, &r);
}

static struct sim_budget
budget(uint64_t memory, unsigned int pieces)
{
	return (struct sim_budget){.memory = memory,
				   .pieces = pieces,
				   .mean_item = KEY + VALUE,
				   .largest_item = KEY + VALUE};
}

/* Measured of memcached 1.6.18 with -m 256, filled with 16-byte keys and 32-byte values. */
static void
memcached_holds_what_the_real_one_does(void)
{
	struct sim_budget b = budget(256 << 20, 256);
	struct sim_cache *cache = sim_memcached_create(&b);

	for (uint64_t key = 0; key < 3000000; key++)
		set(cache, key, 1);
	CU_ASSERT_EQUAL(cache->live_items, 2236928);
	cache->ops->destroy(cache);
}

typedef struct sim_cache *(*create_cache)(const struct sim_budget *budget);

static struct sim_cache *
create_s3(const struct sim_budget *b)
{
	struct segments_options o;

	segments_defaults(&o, SEGMENTS_S3);
	return sim_segments_create(b, &o);
}

static struct sim_cache *
create_merge(const struct sim_budget *b)
{
	struct segments_options o;

	segments_defaults(&o, SEGMENTS_MERGE);
	return sim_segments_create(b, &o);
}

static struct sim_cache *
create_fifo(const struct sim_budget *b)
{
	struct segments_options o;

	segments_defaults(&o, SEGMENTS_FIFO);
	return sim_segments_create(b, &o);
}

static struct sim_cache *
create_lru(const struct sim_budget *b)
{
	return sim_lru_create(b, 26);
}

static const create_cache all[] = {create_s3, create_merge, create_fifo, create_lru,
				   sim_memcached_create};
enum {
	CACHES = sizeof(all) / sizeof(all[0])
};

/* Random work against a plain model: a hit must be of a key that was stored and not erased since. */
static void
caches_never_invent_and_never_exceed(void)
{
	enum {
		KEYS = 20000,
		STEPS = 400000,
		MEMORY = 400000
	};

	for (int c = 0; c < CACHES; c++) {
		struct sim_budget b = budget(MEMORY, 64);
		struct sim_cache *cache = all[c](&b);
		static uint32_t expires[KEYS];
		struct random random;
		uint64_t hits = 0;

		random_seed(&random, (uint64_t)c);
		memset(expires, 0, sizeof(expires));
		for (uint32_t i = 0; i < STEPS; i++) {
			uint64_t key = random_below(&random, KEYS);
			struct sim_request r = request(key, 1 + i / 100);

			key = key * key / KEYS; /* some are asked for more often */
			r.key = key;
			switch (random_below(&random, 8)) {
			case 0:
				cache->ops->erase(cache, &r);
				expires[key] = 0;
				break;
			case 1:
			case 2:
				expires[key] = r.expires =
					r.time + 1 + (uint32_t)random_below(&random, 500);
				cache->ops->set(cache, &r);
				break;
			default:
				if (cache->ops->get(cache, &r)) {
					hits++;
					CU_ASSERT(expires[key] > r.time);
				}
			}
			CU_ASSERT(cache->live_bytes <= MEMORY);
			CU_ASSERT(cache->live_bytes == cache->live_items * (KEY + VALUE));
		}
		CU_ASSERT(hits > STEPS / 50);
		cache->ops->destroy(cache);
	}
}

/* Keys that are asked for survive a flood of keys that are not. */
static void
used_items_outlive_a_flood(void)
{
	static const create_cache scan_resistant[] = {create_s3, sim_memcached_create};

	for (int c = 0; c < 2; c++) {
		struct sim_budget b = budget(1 << 20, 64);
		struct sim_cache *cache = scan_resistant[c](&b);
		uint64_t kept = 0;

		for (uint64_t round = 0; round < 40; round++) {
			for (uint64_t key = 0; key < 1000; key++) {
				if (!get(cache, key, 1))
					set(cache, key, 1);
			}
			for (uint64_t key = 0; key < 1500; key++)
				set(cache, 1000000 + round * 1500 + key, 1);
		}
		for (uint64_t key = 0; key < 1000; key++)
			kept += get(cache, key, 1);
		CU_ASSERT(kept > 900);
		cache->ops->destroy(cache);
	}
}

/* Overwriting a few keys for ever must not push the others out: dead versions are cleaned, or there are none. */
static void
dead_versions_do_not_push_out_the_living(void)
{
	struct sim_budget b = budget(1 << 20, 64);
	struct segments_options places, clean, neither;
	struct sim_cache *caches[3];
	uint64_t held[3];

	segments_defaults(&places, SEGMENTS_S3);
	places.clean_below = 0;
	clean = places;
	clean.overwrite = OVERWRITE_KEEP;
	neither = clean;
	clean.clean_below = 0.75;
	caches[0] = sim_segments_create(&b, &clean);
	caches[1] = sim_segments_create(&b, &places);
	caches[2] = sim_segments_create(&b, &neither);
	for (int c = 0; c < 3; c++) {
		for (uint64_t key = 0; key < 8000; key++)
			set(caches[c], key, 1);
		for (uint64_t i = 0; i < 200000; i++)
			set(caches[c], i % 100, 1);
		held[c] = caches[c]->live_items;
		caches[c]->ops->destroy(caches[c]);
	}
	CU_ASSERT_EQUAL(held[0], 8000);
	CU_ASSERT_EQUAL(held[1], 8000);
	CU_ASSERT(held[2] < 8000);
}

static void
endless_forgets_only_what_expired(void)
{
	struct sim_cache *cache = sim_endless_create();
	struct sim_request r = request(7, 10);

	r.expires = 20;
	cache->ops->set(cache, &r);
	set(cache, 8, 10);
	CU_ASSERT(get(cache, 7, 19));
	CU_ASSERT(!get(cache, 7, 20));
	CU_ASSERT(get(cache, 8, 4000000));
	CU_ASSERT_EQUAL(cache->live_items, 1);
	cache->ops->destroy(cache);
}

/* The table under it all, against an array. */
static void
table_agrees_with_an_array(void)
{
	enum {
		KEYS = 5000
	};
	static uint32_t model[KEYS];
	struct sim_table table;
	struct random random;

	random_seed(&random, 3);
	memset(model, 0xff, sizeof(model));
	sim_table_init(&table);
	for (int i = 0; i < 300000; i++) {
		uint64_t key = random_below(&random, KEYS);

		CU_ASSERT_EQUAL(sim_table_find(&table, key), model[key]);
		if (random_below(&random, 3) == 0) {
			sim_table_delete(&table, key);
			model[key] = SIM_NONE;
		} else {
			model[key] = (uint32_t)i;
			sim_table_set(&table, key, model[key]);
		}
	}
	sim_table_release(&table);
}

SUITE("cache simulator", TEST(memcached_holds_what_the_real_one_does),
      TEST(caches_never_invent_and_never_exceed), TEST(used_items_outlive_a_flood),
      TEST(dead_versions_do_not_push_out_the_living), TEST(endless_forgets_only_what_expired),
      TEST(table_agrees_with_an_array))
