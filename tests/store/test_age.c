/* SPDX-License-Identifier: BSD-3-Clause */
/* What a store knows of its items' ages, and whom it tells of those it forgets. */
#include "dataplane/store/age.h"

#include "tests/store/fixture.h"

/* --- marks ---------------------------------------------------------------------------------- */

static void
marks_tell_of_what_lies_behind_them(void)
{
	static struct age age;

	age_begin(&age);
	CU_ASSERT_EQUAL(age_tick(&age, 100, 0), 100);
	CU_ASSERT_EQUAL(age_tick(&age, 100, 5000), 100);
	age_mark(&age, 100, 1000, 130);
	age_mark(&age, 100, 2000, 170);
	CU_ASSERT_EQUAL(age_tick(&age, 100, 999), 100);
	CU_ASSERT_EQUAL(age_tick(&age, 100, 1000), 130);
	CU_ASSERT_EQUAL(age_tick(&age, 100, 1999), 130);
	CU_ASSERT_EQUAL(age_tick(&age, 100, 2000), 170);
	age_begin(&age);
	CU_ASSERT_EQUAL(age_tick(&age, 300, 5000), 300);
}

/* A mark each two seconds for three days: never too young, and too old by less than its age. */
static void
errors_are_in_proportion_to_age(void)
{
	enum {
		MARKS = 3 * 24 * 60 * 60 / 2,
		LOOK = 997
	};
	static struct age age;
	double worst = 0;

	age_begin(&age);
	for (uint64_t i = 1; i <= MARKS; i++) {
		uint64_t now = i * AGE_TICKS;

		age_mark(&age, 0, i, now);
		for (uint64_t place = 0; i % LOOK == 0 && place <= i;
		     place += 1 + (i - place) / 8) {
			uint64_t stored = place * AGE_TICKS, told = age_tick(&age, 0, place);

			CU_ASSERT_FATAL(told <= stored);
			if ((double)(stored - told) / (double)(now - stored + AGE_TICKS) > worst)
				worst = (double)(stored - told) /
					(double)(now - stored + AGE_TICKS);
		}
		/* the latest is known for certain */
		CU_ASSERT_EQUAL(age_tick(&age, 0, i), now);
	}
	printf("too old by %.0f %% at most: ", worst * 100);
	CU_ASSERT(worst < 1);
}

/* --- in a store ----------------------------------------------------------------------------- */

static uint32_t
idle_of(struct fixture *f, const char *key)
{
	f->op = (struct store_op){.options = STORE_DETAILS};
	CU_ASSERT_EQUAL(run(f, STORE_GET, key), STORE_OK);
	return f->op.idle;
}

/* Few items come, so that one segment is open all the while. */
static void
items_of_one_segment_have_ages_of_their_own(void)
{
	struct fixture f = fixture_new();
	char key[16];

	for (unsigned int minute = 0; minute <= 60; minute++) {
		store_set_clock(f.store, minute * 60000);
		snprintf(key, sizeof(key), "minute%u", minute);
		CU_ASSERT_EQUAL(put(&f, STORE_SET, key, "x"), STORE_OK);
		CU_ASSERT_EQUAL(idle_of(&f, key), 0);
	}
	for (unsigned int minute = 0; minute <= 60; minute++) {
		uint32_t idle, age = (60 - minute) * 60;

		snprintf(key, sizeof(key), "minute%u", minute);
		idle = idle_of(&f, key);
		CU_ASSERT(idle >= age && idle <= age + age / 2 + 2);
	}
	store_set_clock(f.store, 60 * 60000 + 90000);
	CU_ASSERT_EQUAL(idle_of(&f, "minute60"), 90);
	/* touching is storing anew */
	f.op = (struct store_op){.exptime = 100};
	CU_ASSERT_EQUAL(run(&f, STORE_TOUCH, "minute3"), STORE_OK);
	CU_ASSERT_EQUAL(idle_of(&f, "minute3"), 0);
	fixture_end(&f);
}

/* --- evictions ------------------------------------------------------------------------------ */

struct witness {
	uint64_t told, unfetched;
	bool wrong;
};

static void
witness(void *arg, unsigned int thread, const struct store_op *item)
{
	struct witness *witness = arg;
	char wanted[16];
	unsigned int number;

	witness->told++;
	witness->unfetched += (item->options & STORE_FETCHED) == 0;
	snprintf(wanted, sizeof(wanted), "%.*s", (int)item->key_length, (const char *)item->key);
	witness->wrong |= thread > 1 || sscanf(wanted, "key%u", &number) != 1 ||
			  item->value_length != 1000 || item->ttl != (number % 2 != 0 ? 500 : -1) ||
			  item->flags != number;
}

static void
who_asks_is_told_of_each_eviction(void)
{
	struct store_options options = fixture_options(16 << 20);
	static uint8_t value[1000];
	struct witness seen = {.told = 0};
	struct store_stats stats;
	struct fixture f;
	char key[16];

	options.evicted = witness;
	options.evicted_arg = &seen;
	f = fixture_with(&options);
	for (unsigned int i = 0; i < 40000; i++) {
		snprintf(key, sizeof(key), "key%u", i);
		f.op = (struct store_op){.data = value,
					 .data_length = sizeof(value),
					 .flags = i,
					 .exptime = i % 2 * 500};
		CU_ASSERT_EQUAL(run(&f, STORE_SET, key), STORE_OK);
		if (i % 3 == 0)
			plain(&f, STORE_GET, key);
		store_quiescent(f.worker);
		store_janitor(f.store);
	}
	stats = stats_of(&f);
	CU_ASSERT(stats.evictions > 10000);
	CU_ASSERT_EQUAL(seen.told, stats.evictions);
	CU_ASSERT_EQUAL(seen.unfetched, stats.evicted_unfetched);
	CU_ASSERT_FALSE(seen.wrong);
	fixture_end(&f);
}

/* A deletion, and what is no number, tell how long the value was. */
static void
lengths_are_told_of_what_was_there(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "k", "four");
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "k", 1), STORE_NOT_A_NUMBER);
	CU_ASSERT_EQUAL(f.op.value_length, 4);
	CU_ASSERT_EQUAL(plain(&f, STORE_DELETE, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.value_length, 4);
	CU_ASSERT_EQUAL(plain(&f, STORE_DELETE, "k"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(f.op.value_length, 0);
	fixture_end(&f);
}

SUITE("ages and ends", TEST(marks_tell_of_what_lies_behind_them),
      TEST(errors_are_in_proportion_to_age), TEST(items_of_one_segment_have_ages_of_their_own),
      TEST(who_asks_is_told_of_each_eviction), TEST(lengths_are_told_of_what_was_there))
