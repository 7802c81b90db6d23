/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When items expire and are flushed, by a clock that the test sets. What memcached does with an
 * exptime: 0 never, negative at once, up to 30 days from now, above that a Unix time.
 */
#include "tests/store/fixture.h"

enum {
	DAY = 86400,
	MONTH = 30 * DAY,
};

static void
advance(struct fixture *f, double seconds)
{
	store_set_clock(f->store, (uint64_t)(seconds * 1000));
}

/* exptime, and the seconds after creation up to which the item lives; stored at `stored`. */
struct lifetime {
	double stored;
	int64_t exptime;
	double last_hit, first_miss; /* 0: none */
};

static const struct lifetime lifetimes[] = {
	/* relative */
	{0, 0, 4e9, 0},
	{0, 1, 0.999, 1},
	{0, 2, 1.999, 2},
	{10, 1, 10.999, 11},
	{10, 60, 69.999, 70},
	{5, DAY, 5 + DAY - 0.001, 5 + DAY},
	{5, MONTH, 5 + MONTH - 0.001, 5 + MONTH},
	/* in the midst of a tick: never shorter than asked, longer by less than a tick */
	{10.001, 1, 11.001, 11.251},
	{10.249, 1, 11.249, 11.499},
	{0.999, 2, 2.999, 3.249},
	/* at once */
	{0, -1, 0, 0.001},
	{5, -1, 0, 5},
	{5, INT64_MIN, 0, 5},
	{5, -MONTH, 0, 5},
	/* absolute: above 30 days; before now it is past */
	{0, MONTH + 1, 0, 0.001},
	{5, MONTH + 1, 0, 5},
	{5, UNIX_TIME - 1, 0, 5},
	{5, UNIX_TIME, 0, 5},
	{5, UNIX_TIME + 5, 0, 5},
	{5, UNIX_TIME + 6, 5.999, 6},
	{5.5, UNIX_TIME + 6, 5.999, 6},
	{5, UNIX_TIME + 10, 9.999, 10},
	{5, UNIX_TIME + 3 * 365 * (int64_t)DAY, 3 * 365.0 * DAY - 0.001, 3 * 365.0 * DAY},
	{5, INT32_MAX, INT32_MAX - UNIX_TIME - 0.001, (double)INT32_MAX - UNIX_TIME},
	{5, UINT32_MAX, (double)UINT32_MAX - UNIX_TIME - 0.001, (double)UINT32_MAX - UNIX_TIME},
	{5, INT64_MAX, 4e9, 0},
};

/* Each lifetime in a store of its own, whose clock starts at 0; which verb stores is the caller's. */
static void
check_lifetimes(enum store_verb verb)
{
	for (size_t i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++) {
		const struct lifetime *life = &lifetimes[i];
		struct fixture f = fixture_new();
		bool right = true;

		if (verb == STORE_REPLACE || verb == STORE_TOUCH || verb == STORE_GAT)
			put(&f, STORE_SET, "k", "7");
		advance(&f, life->stored);
		f.op = (struct store_op){
			.data = (const uint8_t *)"7",
			.data_length = 1,
			.exptime = life->exptime,
			.initial = 7,
			.options = verb == STORE_INCR ? STORE_CREATE : 0,
		};
		right &= run(&f, verb, "k") == STORE_OK;
		if (life->last_hit != 0) {
			right &= holds(&f, "k", "7");
			advance(&f, life->last_hit);
			right &= holds(&f, "k", "7");
		}
		if (life->first_miss != 0) {
			advance(&f, life->first_miss);
			right &= plain(&f, STORE_GET, "k") == STORE_NOT_FOUND;
		}
		CU_ASSERT(right);
		if (!right)
			fprintf(stderr, "verb %d: exptime %lld stored at %.3f\n", verb,
				(long long)life->exptime, life->stored);
		fixture_end(&f);
	}
}

static void
set_expires_as_memcached_does(void)
{
	check_lifetimes(STORE_SET);
}

static void
add_expires_as_memcached_does(void)
{
	check_lifetimes(STORE_ADD);
}

static void
replace_expires_as_memcached_does(void)
{
	check_lifetimes(STORE_REPLACE);
}

static void
touch_expires_as_memcached_does(void)
{
	check_lifetimes(STORE_TOUCH);
}

static void
gat_expires_as_memcached_does(void)
{
	check_lifetimes(STORE_GAT);
}

static void
a_created_counter_expires_as_memcached_does(void)
{
	check_lifetimes(STORE_INCR);
}

/* Every verb takes an expired item for an absent one. */
static void
expired_is_absent(void)
{
	static const struct {
		enum store_verb verb;
		enum store_status status;
	} table[] = {
		{STORE_GET, STORE_NOT_FOUND},	 {STORE_GAT, STORE_NOT_FOUND},
		{STORE_TOUCH, STORE_NOT_FOUND},	 {STORE_SET, STORE_OK},
		{STORE_ADD, STORE_OK},		 {STORE_REPLACE, STORE_NOT_FOUND},
		{STORE_APPEND, STORE_NOT_FOUND}, {STORE_PREPEND, STORE_NOT_FOUND},
		{STORE_DELETE, STORE_NOT_FOUND}, {STORE_INCR, STORE_NOT_FOUND},
		{STORE_DECR, STORE_NOT_FOUND},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct fixture f = fixture_new();

		set_for(&f, "k", "1", 1);
		advance(&f, 1);
		CU_ASSERT_EQUAL(put(&f, table[i].verb, "k", "2"), table[i].status);
		fixture_end(&f);
	}
}

static void
a_unique_of_an_expired_item_fits_nothing(void)
{
	struct fixture f = fixture_new();
	uint64_t unique;

	set_for(&f, "k", "1", 1);
	unique = f.op.cas;
	advance(&f, 1);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_SET, "k", "2", unique), STORE_NOT_FOUND);
	fixture_end(&f);
}

static void
stored_expired_is_counted(void)
{
	struct fixture f = fixture_new();

	set_for(&f, "a", "1", -1);
	set_for(&f, "b", "1", MONTH + 1);
	set_for(&f, "c", "1", MONTH);
	CU_ASSERT_EQUAL(stats_of(&f).stored_expired, 2);
	fixture_end(&f);
}

static void
flush_takes_all_that_was_stored(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "a", "1");
	set_for(&f, "b", "1", 100);
	store_flush(f.worker, 0);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "a"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "b"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put(&f, STORE_REPLACE, "a", "2"), STORE_NOT_FOUND);
	/* stored after it, in the same moment */
	CU_ASSERT_EQUAL(put(&f, STORE_ADD, "a", "2"), STORE_OK);
	CU_ASSERT(holds(&f, "a", "2"));
	store_flush(f.worker, -1);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "a"), STORE_NOT_FOUND);
	fixture_end(&f);
}

static void
flush_by_one_worker_holds_for_the_other(void)
{
	struct store_options options = fixture_options(64 << 20);
	struct store_worker *other;
	struct fixture f, g;

	options.workers = 2;
	f = fixture_with(&options);
	g = f;
	CU_ASSERT_EQUAL(store_worker_open(f.store, 1, &other), 0);
	g.worker = other;
	put(&f, STORE_SET, "a", "1");
	put(&g, STORE_SET, "b", "1");
	store_flush(f.worker, 0);
	CU_ASSERT_EQUAL(plain(&g, STORE_GET, "a"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&g, STORE_GET, "b"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put(&g, STORE_SET, "b", "2"), STORE_OK);
	CU_ASSERT(holds(&f, "b", "2"));
	store_worker_close(other);
	fixture_end(&f);
}

static void
a_delayed_flush_takes_later_items_too(void)
{
	struct fixture f = fixture_new();

	advance(&f, 100);
	put(&f, STORE_SET, "a", "1");
	store_flush(f.worker, 10);
	advance(&f, 105);
	put(&f, STORE_SET, "b", "1");
	advance(&f, 109.9);
	CU_ASSERT(holds(&f, "a", "1"));
	CU_ASSERT(holds(&f, "b", "1"));
	advance(&f, 110);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "a"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "b"), STORE_NOT_FOUND);
	put(&f, STORE_SET, "b", "2");
	advance(&f, 200);
	CU_ASSERT(holds(&f, "b", "2"));
	fixture_end(&f);
}

static void
a_later_flush_replaces_the_pending_one(void)
{
	struct fixture f = fixture_new();

	store_flush(f.worker, 10);
	store_flush(f.worker, 20);
	put(&f, STORE_SET, "a", "1");
	advance(&f, 15);
	CU_ASSERT(holds(&f, "a", "1"));
	store_flush(f.worker, 0); /* this too */
	put(&f, STORE_SET, "a", "2");
	advance(&f, 25);
	CU_ASSERT(holds(&f, "a", "2"));
	fixture_end(&f);
}

static void
a_flush_can_have_a_unix_time(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "a", "1");
	store_flush(f.worker, UNIX_TIME + 30);
	advance(&f, 29);
	CU_ASSERT(holds(&f, "a", "1"));
	advance(&f, 30);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "a"), STORE_NOT_FOUND);
	fixture_end(&f);
}

/* So memcached does it: who means "in over 30 days" loses nothing. */
static void
a_flush_of_long_ago_takes_back_the_pending_one(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "a", "1");
	store_flush(f.worker, 30 * 86400 + 1);
	CU_ASSERT(holds(&f, "a", "1"));
	store_flush(f.worker, 10);
	store_flush(f.worker, 30 * 86400 + 1);
	advance(&f, 20);
	CU_ASSERT(holds(&f, "a", "1"));
	fixture_end(&f);
}

/* A copy (touch, append, incr) of what a flush took would bring it back. */
static void
nothing_comes_back_from_a_flush(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "n", "1");
	store_flush(f.worker, 0);
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 1), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put(&f, STORE_APPEND, "n", "1"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_TOUCH, "n"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_GAT, "n"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_DELETE, "n"), STORE_NOT_FOUND);
	fixture_end(&f);
}

/* The janitor takes back what expired, without a request that comes across it. */
static void
expired_segments_are_reclaimed(void)
{
	struct store_options options = fixture_options(64 << 20);
	struct fixture f;
	struct store_stats before, after;
	char key[32], value[1000];

	options.item_size_max = 4096;
	f = fixture_with(&options);
	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		CU_ASSERT_EQUAL(set_for(&f, key, value, 10), STORE_OK);
	}
	put(&f, STORE_SET, "for ever", "1");
	advance(&f, 9.9);
	tidy(&f);
	before = stats_of(&f);
	CU_ASSERT_EQUAL(before.items, 20001);
	CU_ASSERT_EQUAL(before.expired, 0);
	advance(&f, 11);
	tidy(&f);
	after = stats_of(&f);
	CU_ASSERT(after.items < 1000); /* but for the last, open segment */
	CU_ASSERT_EQUAL(after.expired, before.items - after.items);
	CU_ASSERT_EQUAL(after.expired_unfetched, after.expired);
	CU_ASSERT_EQUAL(after.evictions, 0);
	CU_ASSERT(after.segments_free > before.segments_free + 15);
	CU_ASSERT(holds(&f, "for ever", "1"));
	fixture_end(&f);
}

static void
flushed_segments_are_reclaimed(void)
{
	struct fixture f = fixture_new();
	struct store_stats stats;
	char key[32];

	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		put(&f, STORE_SET, key, "some value of some length, so that it fills segments");
	}
	store_flush(f.worker, 0);
	put(&f, STORE_SET, "new", "1");
	tidy(&f);
	stats = stats_of(&f);
	CU_ASSERT_EQUAL(stats.items, 1);
	CU_ASSERT_EQUAL(stats.bytes_dead, 0);
	CU_ASSERT_EQUAL(stats.evictions, 0);
	CU_ASSERT_EQUAL(stats.segments_sealed, 0);
	CU_ASSERT_EQUAL(stats.bytes_values, 1);
	CU_ASSERT(holds(&f, "new", "1"));
	fixture_end(&f);
}

SUITE("store expiry", TEST(set_expires_as_memcached_does), TEST(add_expires_as_memcached_does),
      TEST(replace_expires_as_memcached_does), TEST(touch_expires_as_memcached_does),
      TEST(gat_expires_as_memcached_does), TEST(a_created_counter_expires_as_memcached_does),
      TEST(expired_is_absent), TEST(a_unique_of_an_expired_item_fits_nothing),
      TEST(stored_expired_is_counted), TEST(flush_takes_all_that_was_stored),
      TEST(flush_by_one_worker_holds_for_the_other), TEST(a_delayed_flush_takes_later_items_too),
      TEST(a_later_flush_replaces_the_pending_one), TEST(a_flush_can_have_a_unix_time),
      TEST(a_flush_of_long_ago_takes_back_the_pending_one), TEST(nothing_comes_back_from_a_flush),
      TEST(expired_segments_are_reclaimed), TEST(flushed_segments_are_reclaimed))
