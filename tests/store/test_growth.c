/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index while it grows: nothing that is there is missed, by the thread that stores it or another.
 */
#include "tests/store/fixture.h"
#include "tests/store/threads.h"

static struct store_op
number_op(enum store_verb verb, const uint64_t *number)
{
	return (struct store_op){
		.verb = (uint8_t)verb,
		.key = (const uint8_t *)number,
		.key_length = sizeof(*number),
		.data = (const uint8_t *)number,
		.data_length = sizeof(*number),
	};
}

static enum store_status
do_number(struct store_worker *worker, enum store_verb verb, uint64_t number)
{
	struct store_op op = number_op(verb, &number);

	store_do(worker, &op);
	return (enum store_status)op.status;
}

static bool
holds_number(struct store_worker *worker, uint64_t number)
{
	struct store_op op = number_op(STORE_GET, &number);

	store_do(worker, &op);
	return op.status == STORE_OK && op.value_length == sizeof(number) &&
	       memcmp(op.value, &number, sizeof(number)) == 0;
}

/* Reads numbers below *stored, over and over. */
struct reader {
	struct store *store;
	_Atomic uint64_t *stored;
	atomic_bool *stop;
	uint64_t reads, misses;
	pthread_t thread;
};

static void *
reader_run(void *argument)
{
	struct reader *reader = argument;
	struct store_worker *worker;
	uint64_t random = 88172645463325252;

	if (store_worker_open(reader->store, 1, &worker) != 0)
		abort();
	while (!atomic_load(reader->stop)) {
		uint64_t stored = atomic_load(reader->stored);

		for (int i = 0; i < 64 && stored != 0; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			reader->reads++;
			reader->misses += !holds_number(worker, random % stored);
		}
		store_quiescent(worker);
	}
	store_worker_close(worker);
	return NULL;
}

static void
nothing_is_missed_while_the_index_grows(void)
{
	enum {
		ITEMS = 2000000,
	};
	struct store_options options = fixture_options(512 << 20);
	struct janitor_thread janitor;
	struct reader reader;
	struct store_stats stats;
	struct fixture f;
	_Atomic uint64_t stored = 0;
	atomic_bool stop = false;
	uint64_t failed = 0, missed = 0;

	options.workers = 2;
	f = fixture_with(&options);
	janitor_thread_start(&janitor, f.store);
	reader = (struct reader){.store = f.store, .stored = &stored, .stop = &stop};
	pthread_create(&reader.thread, NULL, reader_run, &reader);
	for (uint64_t n = 0; n < ITEMS; n++) {
		failed += do_number(f.worker, STORE_SET, n) != STORE_OK;
		atomic_store(&stored, n + 1);
		missed += n % 4 == 0 && !holds_number(f.worker, n / 2);
		if (n % 32 == 0)
			store_quiescent(f.worker);
	}
	atomic_store(&stop, true);
	store_offline(f.worker);
	pthread_join(reader.thread, NULL);
	store_online(f.worker);
	janitor_thread_stop(&janitor, f.worker);
	stats = stats_of(&f);
	for (uint64_t n = 0; n < ITEMS; n++)
		missed += !holds_number(f.worker, n);
	CU_ASSERT_EQUAL(failed, 0);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(reader.misses, 0);
	CU_ASSERT(reader.reads > 100000);
	CU_ASSERT_EQUAL(stats.items, ITEMS);
	CU_ASSERT_EQUAL(stats.index_dropped, 0);
	CU_ASSERT(stats.index_growths > 0);
	tidy(&f);
	stats = stats_of(&f);
	CU_ASSERT(stats.index_slots > ITEMS);
	CU_ASSERT(stats.chain_4 < stats.chain_1 / 100);
	fixture_end(&f);
}

/* Two shards: keys are spread, each shard grows by itself. */
static void
two_shards_share_the_keys(void)
{
	enum {
		ITEMS = 400000,
	};
	struct store_options options = fixture_options(128 << 20);
	struct fixture f;
	struct store_stats stats;
	uint64_t missed = 0;

	options.shards = 2;
	f = fixture_with(&options);
	for (uint64_t n = 0; n < ITEMS; n++) {
		do_number(f.worker, STORE_SET, n);
		if (n % 256 == 0)
			tidy(&f);
	}
	for (uint64_t n = 0; n < ITEMS; n++)
		missed += !holds_number(f.worker, n);
	stats = stats_of(&f);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(stats.items, ITEMS);
	CU_ASSERT_EQUAL(stats.evictions, 0);
	CU_ASSERT(stats.memory_used < stats.memory_limit);
	fixture_end(&f);
}

/* Nobody keeps house: chains get long, the last resort drops entries, but the books still balance. */
static void
without_a_janitor_it_only_gets_slower(void)
{
	enum {
		ITEMS = 300000,
	};
	struct store_options options = fixture_options(32 << 20);
	struct fixture f;
	struct store_stats stats;
	uint64_t found = 0;

	options.item_size_max = 1000;
	f = fixture_with(&options);
	for (uint64_t n = 0; n < ITEMS; n++)
		CU_ASSERT_EQUAL(do_number(f.worker, STORE_SET, n), STORE_OK);
	for (uint64_t n = 0; n < ITEMS; n++)
		found += holds_number(f.worker, n);
	stats = stats_of(&f);
	CU_ASSERT(stats.index_dropped > 0);
	CU_ASSERT_EQUAL(stats.items, found);
	CU_ASSERT_EQUAL(stats.items + stats.index_dropped, ITEMS);
	CU_ASSERT_EQUAL(stats.bytes_keys, stats.items * sizeof(uint64_t));
	tidy(&f); /* and the janitor, when it comes, makes good */
	CU_ASSERT(stats_of(&f).index_slots > stats.index_slots);
	fixture_end(&f);
}

/*
 * When most keys have gone, the others are left where there was room for them once, many of them in
 * overflow buckets. The janitor lays such chains out anew; nothing is missed meanwhile, or stored in vain.
 */
static void
chains_are_short_again_when_most_keys_have_gone(void)
{
	enum {
		ITEMS = 600000,
		STAY = 4,  /* one in so many */
		TURNS = 8, /* over those that stay */
	};
	struct store_options options = fixture_options(32 << 20);
	struct fixture f;
	struct store_stats before, after;
	uint64_t found = 0;

	options.item_size_max = 1000;
	f = fixture_with(&options);
	for (uint64_t n = 0; n < ITEMS; n++) {
		do_number(f.worker, STORE_SET, n);
		if (n % 4096 == 0)
			tidy(&f);
	}
	for (uint64_t n = 0; n < ITEMS; n++) {
		if (n % STAY != 0)
			do_number(f.worker, STORE_DELETE, n);
	}
	before = stats_of(&f);
	for (uint64_t i = 0; i < TURNS * ITEMS / STAY; i++) {
		uint64_t n = i * STAY % ITEMS;

		found += holds_number(f.worker, n);
		if (i % 5 == 0)
			do_number(f.worker, STORE_SET, n);
		store_quiescent(f.worker);
		if (i % 128 == 0)
			store_janitor(f.store);
	}
	after = stats_of(&f);
	CU_ASSERT_EQUAL(found, TURNS * ITEMS / STAY);
	CU_ASSERT_EQUAL(after.items, ITEMS / STAY);
	CU_ASSERT_EQUAL(after.index_dropped + after.evictions, 0);
	CU_ASSERT(after.index_refreshes > before.index_refreshes);
	CU_ASSERT(after.index_overflow < before.index_overflow / 2);
	fixture_end(&f);
}

/* As many keys a bucket as before the last splits of a level, and half as many again: no chain is full. */
static void
usual_chains_hold_all_keys(void)
{
	enum {
		KEYS_A_BUCKET = 15,
	};
	struct fixture f = fixture_new();
	uint64_t buckets = stats_of(&f).chain_1;

	for (uint64_t n = 0; n < buckets * KEYS_A_BUCKET; n++)
		CU_ASSERT_EQUAL_FATAL(do_number(f.worker, STORE_SET, n), STORE_OK);
	CU_ASSERT_EQUAL(stats_of(&f).items, buckets * KEYS_A_BUCKET);
	CU_ASSERT_EQUAL(stats_of(&f).index_dropped, 0);
	fixture_end(&f);
}

SUITE("store growth", TEST(nothing_is_missed_while_the_index_grows),
      TEST(two_shards_share_the_keys), TEST(usual_chains_hold_all_keys),
      TEST(chains_are_short_again_when_most_keys_have_gone),
      TEST(without_a_janitor_it_only_gets_slower))
