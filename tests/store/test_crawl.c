/* SPDX-License-Identifier: BSD-3-Clause */
/* What has expired among items that live on is found by the janitor, while memory is short. */
#include "dataplane/store/index_find.h"
#include "dataplane/store/shard.h"

#include <pthread.h>
#include <sched.h>

#include "tests/store/fixture.h"

enum {
	KEYS = 200000, /* some of which fit, in memory too small for classes of TTL */
	MEMORY = 4 << 20,
	TTL = 100,	/* seconds, of every other key */
	QUIESCENT = 32, /* operations */
	STORES_A_TICK = 64,
	LEAST = 10000,	 /* of them are there when they expire */
	MAIN_ROUNDS = 3, /* so that most of what is there lies in Main, side by side */
};

static enum store_status
set_key(struct fixture *f, uint64_t key, int64_t exptime)
{
	return store_number(f, key, &key, sizeof(key), exptime);
}

static enum store_status
get_key(struct fixture *f, uint64_t key)
{
	return run_number(f, STORE_GET, key);
}

static void
rest(struct fixture *f, uint64_t operation)
{
	if (operation % QUIESCENT == 0) {
		store_quiescent(f->worker);
		store_janitor(f->store);
	}
}

/* Memory full of items, of which every other one expires. */
static struct fixture
fixture_full(void)
{
	struct fixture f = fixture_small(MEMORY);

	for (uint64_t key = 0; key < KEYS; key++) {
		CU_ASSERT_EQUAL(set_key(&f, key, key % 2 != 0 ? TTL : 0), STORE_OK);
		for (uint64_t back = 1; back <= MAIN_ROUNDS; back++)
			get_key(&f, key - back * key / 4);
		rest(&f, key);
	}
	return f;
}

static uint64_t
items_that_expire(struct fixture *f)
{
	uint64_t count = 0;

	for (uint64_t key = 1; key < KEYS; key += 2)
		count += get_key(f, key) == STORE_OK;
	return count;
}

/* Tick by tick, with a few new keys in each that never expire: so memory stays short. */
static void
let_time_pass(struct fixture *f, uint64_t from, uint64_t to)
{
	for (uint64_t ms = from * 1000; ms <= to * 1000; ms += CLOCK_TICK_MS) {
		store_set_clock(f->store, ms);
		for (uint64_t i = 0; i < STORES_A_TICK; i++) {
			CU_ASSERT_EQUAL(set_key(f, KEYS + ms * STORES_A_TICK + i, 0), STORE_OK);
			rest(f, i);
		}
	}
}

static void
expired_items_are_found(void)
{
	struct fixture f = fixture_full();
	struct store_stats before, after;

	let_time_pass(&f, 0, TTL - 2);
	before = stats_of(&f);
	CU_ASSERT(before.crawled > 0);
	CU_ASSERT_EQUAL(before.crawl_reclaimed, 0);
	CU_ASSERT(items_that_expire(&f) > LEAST);
	let_time_pass(&f, TTL - 1, 2 * TTL);
	after = stats_of(&f);
	CU_ASSERT(after.crawl_reclaimed > LEAST); /* nobody has asked for them */
	CU_ASSERT(after.items < before.items - LEAST);
	/* they make room for most of what comes */
	CU_ASSERT(after.evictions - before.evictions < STORES_A_TICK * CLOCK_TICKS * TTL / 3);
	CU_ASSERT_EQUAL(items_that_expire(&f), 0);
	fixture_end(&f);
}

/* What does not expire is looked at once. */
static void
nothing_is_looked_at_in_vain(void)
{
	struct store_stats stats;
	struct fixture f = fixture_small(MEMORY);

	for (uint64_t key = 0; key < KEYS; key++) {
		CU_ASSERT_EQUAL(set_key(&f, key, 0), STORE_OK);
		rest(&f, key);
	}
	let_time_pass(&f, 0, TTL);
	stats = stats_of(&f);
	CU_ASSERT(stats.crawled > stats.items / 4);
	CU_ASSERT(stats.crawled < stats.items + STORES_A_TICK * CLOCK_TICKS * TTL);
	CU_ASSERT_EQUAL(stats.crawl_reclaimed, 0);
	fixture_end(&f);
}

/* --- while workers work ---------------------------------------------------------------------- */

enum {
	PLAYERS = 2,
	PLAYER_KEYS = 40000, /* of which some expire; of both a little more than fits */
	PLAYER_SETS = 400000,
};

struct player {
	struct store *store;
	unsigned int index;
	uint64_t wrong;
	uint64_t version[PLAYER_KEYS]; /* stored last; it may be gone */
	atomic_bool done;
	pthread_t thread;
};

static uint64_t
player_key(const struct player *player, uint64_t number)
{
	return player->index * UINT64_C(1000000) + number;
}

/* Stores and reads keys of its own, some over and over, so that places are used again all around. */
static void *
player_run(void *argument)
{
	struct player *player = argument;
	struct fixture f = {.store = player->store};
	uint64_t random = player->index + 1;

	if (store_worker_open(f.store, player->index, &f.worker) != 0)
		abort();
	for (uint64_t n = 1; n <= PLAYER_SETS; n++) {
		uint64_t number, key, value;

		random = random * 6364136223846793005u + 1442695040888963407u;
		number = random >> 33;
		number %= number % 2 == 0 ? PLAYER_KEYS / 16 : PLAYER_KEYS;
		key = player_key(player, number);
		value = n << 32 | number;
		/* a machine whose CPUs are busy with something else may have no room for it */
		if (store_number(&f, key, &value, sizeof(value),
				 number % 3 == 0 ? 1 + (int64_t)(number % 60) : 0) == STORE_OK)
			player->version[number] = value;
		number = (random >> 17) % PLAYER_KEYS;
		if (get_key(&f, player_key(player, number)) == STORE_OK)
			player->wrong +=
				memcmp(f.op.value, &player->version[number], sizeof(value)) != 0;
		if (n % QUIESCENT == 0)
			store_quiescent(f.worker);
		if (n % 1024 == 0)
			sched_yield();
	}
	store_worker_close(f.worker);
	atomic_store(&player->done, true);
	return NULL;
}

/* Expired or not. */
static bool
is_in_index(const struct store *store, uint64_t key)
{
	const uint8_t *bytes = (const uint8_t *)&key;
	struct index_entry entry;

	return index_find(&store->shard[0]->index, hash_key(bytes, sizeof(key), &store->seed),
			  bytes, sizeof(key), &entry);
}

/* The janitor lets a tick pass with every round, and what expires is taken out under the workers' hands. */
static void
workers_do_not_mind(void)
{
	static struct player player[PLAYERS];
	struct store_options options = fixture_options(MEMORY);
	struct store_stats stats;
	struct fixture f;
	uint64_t found = 0;

	options.item_size_max = 4096;
	options.workers = PLAYERS;
	if (store_create(&f.store, &options) != 0)
		abort();
	for (unsigned int i = 0; i < PLAYERS; i++) {
		player[i].store = f.store;
		player[i].index = i;
		pthread_create(&player[i].thread, NULL, player_run, &player[i]);
	}
	for (uint64_t tick = 1; !atomic_load(&player[0].done) || !atomic_load(&player[1].done);
	     tick++) {
		store_set_clock(f.store, tick * CLOCK_TICK_MS);
		store_janitor(f.store);
	}
	for (unsigned int i = 0; i < PLAYERS; i++)
		pthread_join(player[i].thread, NULL);
	if (store_worker_open(f.store, 0, &f.worker) != 0)
		abort();
	for (unsigned int i = 0; i < PLAYERS; i++) {
		CU_ASSERT_EQUAL(player[i].wrong, 0);
		for (uint64_t number = 0; number < PLAYER_KEYS; number++)
			found += is_in_index(f.store, player_key(&player[i], number));
	}
	stats = stats_of(&f);
	CU_ASSERT(stats.crawl_reclaimed > 100);
	CU_ASSERT(stats.places_reused > 1000);
	/* each item has been counted once as it came, and once as it went */
	CU_ASSERT_EQUAL(stats.items, found);
	CU_ASSERT_EQUAL(stats.bytes_values, found * sizeof(uint64_t));
	fixture_end(&f);
}

SUITE("crawl", TEST(expired_items_are_found), TEST(nothing_is_looked_at_in_vain),
      TEST(workers_do_not_mind))
