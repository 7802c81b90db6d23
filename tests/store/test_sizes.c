/* SPDX-License-Identifier: BSD-3-Clause */
/* Eviction spares small items at the cost of large ones, and nobody where all are of a size. */
#include "tests/store/fixture.h"

enum {
	KEYS = 100000,
	SMALL_LENGTH = 100,
	LARGE_LENGTH = 900,
	QUIESCENT = 32, /* operations */
};

static bool
has_key(struct fixture *f, uint64_t key)
{
	return run_number(f, STORE_GET, key) == STORE_OK;
}

/* Stores several times what fits, nothing of it read: every other key with the second length. */
static struct fixture
fixture_flooded(uint32_t even, uint32_t odd)
{
	static const uint8_t value[LARGE_LENGTH];
	struct fixture f = fixture_small(16 << 20);

	for (uint64_t key = 0; key < KEYS; key++) {
		if (store_number(&f, key, value, key % 2 == 0 ? even : odd, 0) != STORE_OK)
			CU_FAIL("refused");
		if (key % QUIESCENT == 0) {
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	return f;
}

static void
small_items_stay_longer(void)
{
	struct fixture f = fixture_flooded(SMALL_LENGTH, LARGE_LENGTH);
	uint64_t small = 0, large = 0, oldest_large = KEYS, older = 0;

	for (uint64_t key = 1; key < KEYS; key += 2) {
		bool here = has_key(&f, key);

		large += here;
		if (here && oldest_large == KEYS)
			oldest_large = key;
	}
	for (uint64_t key = 0; key < KEYS; key += 2) {
		bool here = has_key(&f, key);

		small += here;
		older += here && key < oldest_large;
	}
	/* they are 0.22 of the mean: all of them are spared in Small */
	CU_ASSERT(small > 3 * large);
	CU_ASSERT(older > large);
	fixture_end(&f);
}

static void
where_all_are_of_a_size_the_oldest_go(void)
{
	struct fixture f = fixture_flooded(LARGE_LENGTH, LARGE_LENGTH);
	uint64_t first = 0, missing = 0;

	while (first < KEYS && !has_key(&f, first))
		first++;
	CU_ASSERT(first > KEYS / 2);
	for (uint64_t key = first; key < KEYS; key++)
		missing += !has_key(&f, key);
	/* the newest of a victim may be there while the oldest of the next has gone */
	CU_ASSERT(missing < 100);
	fixture_end(&f);
}

SUITE("sizes", TEST(small_items_stay_longer), TEST(where_all_are_of_a_size_the_oldest_go))
