/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory limit, changed while the store is full and written to.
 */
#include <errno.h>
#include <unistd.h>

#include "tests/store/fixture.h"

enum {
	MIB = 1 << 20,
	VALUE = 1000,
	ROUNDS_MAX = 20000,
};

static struct fixture
fixture_resizable(unsigned int shards)
{
	struct store_options options = fixture_options(64 * MIB);

	options.memory_max = 256 * MIB;
	options.shards = shards;
	return fixture_with(&options);
}

/* Stores `count` items, with a round of the janitor now and then. False if one was refused. */
static bool
fill(struct fixture *f, unsigned int *next, unsigned int count)
{
	static uint8_t value[VALUE];
	char key[16];

	for (unsigned int end = *next + count; *next < end; (*next)++) {
		snprintf(key, sizeof(key), "%u", *next);
		f->op = (struct store_op){.data = value, .data_length = VALUE};
		if (run(f, STORE_SET, key) != STORE_OK)
			return false;
		store_quiescent(f->worker);
		if (*next % 64 == 0) {
			store_offline(f->worker);
			store_janitor(f->store);
			store_online(f->worker);
		}
	}
	return true;
}

static struct store_stats
stats(const struct fixture *f)
{
	struct store_stats stats;

	store_read_stats(f->store, &stats);
	return stats;
}

static uint64_t
resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long size = 0, pages = 0;

	if (file == NULL || fscanf(file, "%lu %lu", &size, &pages) != 2)
		abort();
	fclose(file);
	return pages * (uint64_t)getpagesize();
}

/* Rounds of the janitor, with nothing stored meanwhile, until no more is used than that. */
static bool
settles(struct fixture *f, uint64_t memory)
{
	store_offline(f->worker);
	for (unsigned int i = 0; i < ROUNDS_MAX && stats(f).memory_used > memory; i++)
		store_janitor(f->store);
	store_online(f->worker);
	return stats(f).memory_used <= memory;
}

static void
less_memory_evicts_and_gives_back(void)
{
	for (unsigned int shards = 1; shards <= 2; shards++) {
		struct fixture f = fixture_resizable(shards);
		struct store_stats full, less;
		unsigned int next = 0;
		uint64_t before, limit = (shards == 1 ? 24 : 32) * MIB;

		CU_ASSERT(fill(&f, &next, 100000));
		full = stats(&f);
		CU_ASSERT(full.evictions > 0);
		before = resident();
		CU_ASSERT_EQUAL(store_set_memory(f.store, limit), 0);
		CU_ASSERT(settles(&f, limit));
		less = stats(&f);
		CU_ASSERT_EQUAL(less.memory_limit, limit);
		CU_ASSERT(less.items < full.items * 2 / 3);
		CU_ASSERT(less.items > full.items / 5);
		CU_ASSERT(resident() + 24 * MIB < before);
		/* what was stored last is still there */
		CU_ASSERT_EQUAL(plain(&f, STORE_GET, "99999"), STORE_OK);
		CU_ASSERT(fill(&f, &next, 50000));
		CU_ASSERT(stats(&f).memory_used <= limit);
		fixture_end(&f);
	}
}

static void
less_memory_refuses_nothing(void)
{
	struct fixture f = fixture_resizable(1);
	unsigned int next = 0;

	CU_ASSERT(fill(&f, &next, 100000));
	for (unsigned int mib = 60; mib >= 20; mib -= 4) {
		CU_ASSERT_EQUAL(store_set_memory(f.store, (uint64_t)mib * MIB), 0);
		CU_ASSERT(fill(&f, &next, 5000));
	}
	CU_ASSERT(settles(&f, 20 * MIB));
	CU_ASSERT_EQUAL(stats(&f).out_of_memory, 0);
	fixture_end(&f);
}

static void
more_memory_holds_more(void)
{
	struct fixture f = fixture_resizable(1);
	unsigned int next = 0;
	uint64_t items;

	CU_ASSERT(fill(&f, &next, 100000));
	items = stats(&f).items;
	CU_ASSERT_EQUAL(store_set_memory(f.store, 20 * MIB), 0);
	CU_ASSERT(settles(&f, 20 * MIB));
	CU_ASSERT_EQUAL(store_set_memory(f.store, 192 * MIB), 0);
	CU_ASSERT(fill(&f, &next, 300000));
	CU_ASSERT(stats(&f).items > 5 * items / 2);
	CU_ASSERT(stats(&f).memory_used <= 192 * MIB);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "300000"), STORE_OK);
	fixture_end(&f);
}

static void
a_limit_out_of_bounds_is_refused(void)
{
	struct fixture f = fixture_resizable(1);

	CU_ASSERT_EQUAL(store_set_memory(f.store, 256 * MIB), 0);
	CU_ASSERT_EQUAL(store_set_memory(f.store, 256 * MIB + 1), -ENOMEM);
	CU_ASSERT_EQUAL(store_set_memory(f.store, MIB), -EINVAL);
	CU_ASSERT_EQUAL(store_set_memory(f.store, 0), -EINVAL);
	CU_ASSERT_EQUAL(stats(&f).memory_limit, 256 * MIB);
	fixture_end(&f);
}

/* With populate all of it is there before anything is stored; without, what is needed soon. */
static void
memory_is_populated_at_once_if_wanted(void)
{
	struct store_options options = fixture_options(64 * MIB);

	for (int wanted = 0; wanted <= 1; wanted++) {
		uint64_t before = resident(), grown;
		struct fixture f;

		options.populate = wanted != 0;
		f = fixture_with(&options);
		CU_ASSERT(stats(&f).memory_used < 16 * MIB);
		tidy(&f);
		grown = resident() - before;
		CU_ASSERT_EQUAL(grown > 56 * MIB, options.populate);
		CU_ASSERT(stats(&f).memory_used < 16 * MIB);
		fixture_end(&f);
	}
}

SUITE("store limit", TEST(less_memory_evicts_and_gives_back), TEST(less_memory_refuses_nothing),
      TEST(more_memory_holds_more), TEST(a_limit_out_of_bounds_is_refused),
      TEST(memory_is_populated_at_once_if_wanted))
