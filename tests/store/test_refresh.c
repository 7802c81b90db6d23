/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who refreshes an item: stale ones, winners, and what the meta commands tell of a hit. The answers
 * are those that memcached gives to the same commands.
 */
#include <pthread.h>

#include "tests/store/fixture.h"

enum {
	RACERS = 2,
	RACE_KEYS = 1000,
};

/* An mg: `options` besides what every one has. */
static enum store_status
look(struct fixture *f, const char *key, uint32_t options)
{
	f->op.options = options | STORE_MAY_WIN | STORE_DETAILS;
	return run(f, STORE_GET, key);
}

static uint32_t
told(const struct fixture *f)
{
	return f->op.options & (STORE_CREATED | STORE_STALE | STORE_TOKEN_SENT | STORE_WON);
}

static bool
is(const struct fixture *f, const char *value)
{
	return f->op.status == STORE_OK && f->op.value_length == strlen(value) &&
	       memcmp(f->op.value, value, strlen(value)) == 0;
}

static enum store_status
mark(struct fixture *f, const char *key, uint32_t options, int64_t exptime)
{
	f->op = (struct store_op){.options = options, .exptime = exptime};
	return run(f, STORE_DELETE, key);
}

static void
who_misses_first_makes_an_empty_item_and_wins(void)
{
	struct fixture f = fixture_new();

	f.op = (struct store_op){.other_exptime = 30, .new_cas = 12};
	CU_ASSERT_EQUAL(look(&f, "k", STORE_CREATE | STORE_NEW_CAS), STORE_OK);
	CU_ASSERT(is(&f, ""));
	CU_ASSERT_EQUAL(told(&f), STORE_CREATED | STORE_WON);
	CU_ASSERT_EQUAL(f.op.ttl_before, -1);
	CU_ASSERT_EQUAL(f.op.ttl, 30);
	CU_ASSERT_EQUAL(f.op.cas, 12);
	f.op = (struct store_op){.other_exptime = 99};
	CU_ASSERT_EQUAL(look(&f, "k", STORE_CREATE), STORE_OK);
	CU_ASSERT(is(&f, ""));
	CU_ASSERT_EQUAL(told(&f), STORE_TOKEN_SENT);
	CU_ASSERT_EQUAL(f.op.ttl_before, 30);
	CU_ASSERT_EQUAL(put(&f, STORE_SET, "k", "v"), STORE_OK);
	CU_ASSERT_EQUAL(look(&f, "k", 0), STORE_OK);
	CU_ASSERT(is(&f, "v"));
	CU_ASSERT_EQUAL(told(&f), 0);
	fixture_end(&f);
}

static void
one_wins_what_expires_soon(void)
{
	struct fixture f = fixture_new();

	set_for(&f, "k", "v", 50);
	f.op = (struct store_op){.recache = 50};
	look(&f, "k", STORE_RECACHE);
	CU_ASSERT_EQUAL(told(&f), 0);
	f.op = (struct store_op){.recache = 60};
	look(&f, "k", STORE_RECACHE);
	CU_ASSERT_EQUAL(told(&f), STORE_WON);
	CU_ASSERT(is(&f, "v"));
	f.op = (struct store_op){.recache = 60};
	look(&f, "k", STORE_RECACHE);
	CU_ASSERT_EQUAL(told(&f), STORE_TOKEN_SENT);
	CU_ASSERT(is(&f, "v"));
	CU_ASSERT_EQUAL(f.op.ttl_before, 50);
	/* what lives for ever does not expire soon */
	put(&f, STORE_SET, "k", "v");
	f.op = (struct store_op){.recache = 1 << 30};
	look(&f, "k", STORE_RECACHE);
	CU_ASSERT_EQUAL(told(&f), 0);
	CU_ASSERT_EQUAL(f.op.ttl_before, -1);
	fixture_end(&f);
}

static void
one_wins_what_was_said_to_be_stale(void)
{
	struct fixture f = fixture_new();
	uint64_t cas;

	set_for(&f, "k", "v", 50);
	cas = f.op.cas;
	CU_ASSERT_EQUAL(mark(&f, "nothing", STORE_INVALIDATE, 0), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(mark(&f, "k", STORE_INVALIDATE, 0), STORE_OK);
	/* a get of old gets it, and no more */
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	CU_ASSERT(is(&f, "v"));
	CU_ASSERT_NOT_EQUAL(f.op.cas, cas);
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(told(&f), STORE_STALE | STORE_WON);
	CU_ASSERT_EQUAL(f.op.ttl_before, 50);
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(told(&f), STORE_STALE | STORE_TOKEN_SENT);
	/* to say it again frees it to be won again; a shorter life can be given */
	CU_ASSERT_EQUAL(mark(&f, "k", STORE_INVALIDATE | STORE_TOUCHES, 5), STORE_OK);
	f.op = (struct store_op){.exptime = 70};
	f.op.options = STORE_MAY_WIN;
	run(&f, STORE_GAT, "k");
	CU_ASSERT_EQUAL(told(&f), STORE_STALE | STORE_WON);
	CU_ASSERT_EQUAL(f.op.ttl_before, 5);
	CU_ASSERT_EQUAL(f.op.ttl, 70);
	CU_ASSERT(is(&f, "v"));
	put(&f, STORE_SET, "k", "w");
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(told(&f), 0);
	fixture_end(&f);
}

static void
a_late_refresh_is_stale(void)
{
	struct fixture f = fixture_new();
	uint64_t cas;

	set_for(&f, "k", "v", 50);
	cas = f.op.cas;
	mark(&f, "k", STORE_INVALIDATE, 0);
	f.op = (struct store_op){.data = (const uint8_t *)"late",
				 .data_length = 4,
				 .cas = cas,
				 .options = STORE_IF_CAS | STORE_INVALIDATE};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_OK);
	look(&f, "k", 0);
	CU_ASSERT(is(&f, "late"));
	CU_ASSERT_EQUAL(told(&f), STORE_STALE | STORE_WON);
	CU_ASSERT_EQUAL(f.op.ttl_before, 50);
	/* a unique that nobody has had is no older one */
	f.op = (struct store_op){.cas = UINT64_MAX, .options = STORE_IF_CAS | STORE_INVALIDATE};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_EXISTS);
	/* clients that number their versions themselves */
	f.op = (struct store_op){.new_cas = 100, .options = STORE_NEW_CAS};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.cas, 100);
	f.op = (struct store_op){.cas = 101, .options = STORE_IF_CAS | STORE_INVALIDATE};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_EXISTS);
	f.op = (struct store_op){.cas = 99, .options = STORE_IF_CAS | STORE_INVALIDATE};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_OK);
	fixture_end(&f);
}

static void
a_delete_may_leave_the_empty_item(void)
{
	struct fixture f = fixture_new();
	uint64_t cas;

	f.op = (struct store_op){.data = (const uint8_t *)"v",
				 .data_length = 1,
				 .flags = 7,
				 .options = STORE_KEEP_CAS};
	run(&f, STORE_SET, "k");
	cas = f.op.cas;
	CU_ASSERT_EQUAL(mark(&f, "k", STORE_DROP_VALUE, 40), STORE_OK);
	look(&f, "k", 0);
	CU_ASSERT(is(&f, ""));
	CU_ASSERT_EQUAL(f.op.flags, 0);
	CU_ASSERT_EQUAL(f.op.ttl_before, 40);
	CU_ASSERT_EQUAL(f.op.cas, cas);
	f.op = (struct store_op){.new_cas = 9,
				 .options = STORE_DROP_VALUE | STORE_INVALIDATE | STORE_NEW_CAS};
	CU_ASSERT_EQUAL(run(&f, STORE_DELETE, "k"), STORE_OK);
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(told(&f), STORE_STALE | STORE_WON);
	CU_ASSERT_EQUAL(f.op.cas, 9);
	f.op = (struct store_op){.cas = 8, .options = STORE_INVALIDATE | STORE_IF_CAS};
	CU_ASSERT_EQUAL(run(&f, STORE_DELETE, "k"), STORE_EXISTS);
	fixture_end(&f);
}

static void
what_joins_or_counts_may_begin_it(void)
{
	struct fixture f = fixture_new();

	f.op = (struct store_op){.data = (const uint8_t *)"a",
				 .data_length = 1,
				 .flags = 3,
				 .options = STORE_CREATE,
				 .other_exptime = 20};
	CU_ASSERT_EQUAL(run(&f, STORE_APPEND, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.options & STORE_CREATED, STORE_CREATED);
	f.op.options = STORE_CREATE;
	CU_ASSERT_EQUAL(run(&f, STORE_PREPEND, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.options & STORE_CREATED, 0);
	CU_ASSERT_EQUAL(f.op.value_length, 2);
	look(&f, "k", 0);
	CU_ASSERT(is(&f, "aa"));
	CU_ASSERT_EQUAL(f.op.ttl_before, 20);
	f.op = (struct store_op){.options = STORE_CREATE, .exptime = 10, .initial = 5};
	CU_ASSERT_EQUAL(run(&f, STORE_INCR, "n"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.ttl, 10);
	f.op = (struct store_op){
		.options = STORE_CREATE | STORE_TOUCHES, .delta = 2, .other_exptime = 60};
	CU_ASSERT_EQUAL(run(&f, STORE_INCR, "n"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 7);
	CU_ASSERT_EQUAL(f.op.ttl, 60);
	fixture_end(&f);
}

static void
a_hit_tells_whether_it_was_read(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "k", "1");
	look(&f, "k", STORE_NO_BUMP);
	CU_ASSERT_EQUAL(f.op.options & STORE_FETCHED, 0);
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(f.op.options & STORE_FETCHED, 0);
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(f.op.options & STORE_FETCHED, STORE_FETCHED);
	count(&f, STORE_INCR, "k", 1);
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(f.op.options & STORE_FETCHED, STORE_FETCHED);
	put(&f, STORE_SET, "k", "2");
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(f.op.options & STORE_FETCHED, 0);
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(f.op.options & STORE_FETCHED, STORE_FETCHED);
	fixture_end(&f);
}

static void
a_key_keeps_being_shown_in_base64(void)
{
	struct fixture f = fixture_new();

	f.op = (struct store_op){.options = STORE_BINARY_KEY};
	run(&f, STORE_SET, "k");
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(f.op.options & STORE_BINARY_KEY, STORE_BINARY_KEY);
	f.op = (struct store_op){.exptime = 9};
	run(&f, STORE_TOUCH, "k");
	look(&f, "k", 0);
	CU_ASSERT_EQUAL(f.op.options & STORE_BINARY_KEY, STORE_BINARY_KEY);
	put(&f, STORE_SET, "k", "");
	look(&f, "k", STORE_BINARY_KEY);
	CU_ASSERT_EQUAL(f.op.options & STORE_BINARY_KEY, 0);
	fixture_end(&f);
}

static void
a_value_that_arrived_in_pieces_gets_them_too(void)
{
	struct fixture f = fixture_new();
	uint64_t reservation;
	struct store_op op = {.key = (const uint8_t *)"k",
			      .key_length = 1,
			      .verb = STORE_SET,
			      .data_length = 5,
			      .new_cas = 77,
			      .options = STORE_NEW_CAS | STORE_BINARY_KEY};

	CU_ASSERT_EQUAL_FATAL(store_reserve(f.worker, &op, &reservation), 0);
	memcpy(store_reservation_value(f.worker, reservation), "whole", 5);
	op.reservation = reservation;
	store_do(f.worker, &op);
	CU_ASSERT_EQUAL(op.status, STORE_OK);
	look(&f, "k", 0);
	CU_ASSERT(is(&f, "whole"));
	CU_ASSERT_EQUAL(f.op.cas, 77);
	CU_ASSERT_EQUAL(f.op.options & STORE_BINARY_KEY, STORE_BINARY_KEY);
	op.options = STORE_IF_CAS | STORE_INVALIDATE;
	op.cas = 76;
	CU_ASSERT_EQUAL_FATAL(store_reserve(f.worker, &op, &reservation), 0);
	memcpy(store_reservation_value(f.worker, reservation), "later", 5);
	op.reservation = reservation;
	store_do(f.worker, &op);
	CU_ASSERT_EQUAL(op.status, STORE_OK);
	look(&f, "k", 0);
	CU_ASSERT(is(&f, "later"));
	CU_ASSERT_EQUAL(told(&f), STORE_STALE | STORE_WON);
	fixture_end(&f);
}

/* --- a race ------------------------------------------------------------------------------- */

struct racer {
	pthread_t thread;
	struct store *store;
	unsigned int index;
	pthread_barrier_t *start;
	uint8_t won[RACE_KEYS];
	unsigned int misses;
};

static void *
race(void *argument)
{
	struct racer *racer = argument;
	struct store_worker *worker;
	char key[16];

	if (store_worker_open(racer->store, racer->index, &worker) != 0)
		return NULL;
	for (unsigned int i = 0; i < RACE_KEYS; i++) {
		struct store_op op = {.verb = STORE_GET,
				      .key = (const uint8_t *)key,
				      .recache = 30,
				      .other_exptime = 30,
				      .options = STORE_MAY_WIN | STORE_RECACHE | STORE_CREATE};

		op.key_length = (uint8_t)snprintf(key, sizeof(key), "%u", i);
		if (i % 50 == 0) {
			store_offline(worker);
			pthread_barrier_wait(racer->start);
			store_online(worker);
		}
		store_do(worker, &op);
		racer->misses += op.status != STORE_OK;
		racer->won[i] = (op.options & STORE_WON) != 0;
		store_quiescent(worker);
	}
	store_worker_close(worker);
	return NULL;
}

/* A third of the keys is absent, a third stale, a third about to expire. */
static void
of_racing_workers_one_wins_each_key(void)
{
	struct store_options options = fixture_options(64 << 20);
	static struct racer racers[RACERS];
	pthread_barrier_t start;
	struct fixture f;
	char key[16];

	options.workers = RACERS + 1;
	f = fixture_with(&options);
	for (unsigned int i = 0; i < RACE_KEYS; i++) {
		snprintf(key, sizeof(key), "%u", i);
		if (i % 3 != 0)
			set_for(&f, key, "old", i % 3 == 1 ? 20 : 0);
		if (i % 3 == 2)
			mark(&f, key, STORE_INVALIDATE, 0);
	}
	store_offline(f.worker);
	pthread_barrier_init(&start, NULL, RACERS);
	for (unsigned int i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){.store = f.store, .index = i + 1, .start = &start};
		pthread_create(&racers[i].thread, NULL, race, &racers[i]);
	}
	for (unsigned int i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		CU_ASSERT_EQUAL(racers[i].misses, 0);
	}
	for (unsigned int i = 0; i < RACE_KEYS; i++)
		CU_ASSERT_EQUAL(racers[0].won[i] + racers[1].won[i], 1);
	pthread_barrier_destroy(&start);
	store_online(f.worker);
	fixture_end(&f);
}

SUITE("store refresh", TEST(who_misses_first_makes_an_empty_item_and_wins),
      TEST(one_wins_what_expires_soon), TEST(one_wins_what_was_said_to_be_stale),
      TEST(a_late_refresh_is_stale), TEST(a_delete_may_leave_the_empty_item),
      TEST(what_joins_or_counts_may_begin_it), TEST(a_hit_tells_whether_it_was_read),
      TEST(a_key_keeps_being_shown_in_base64), TEST(a_value_that_arrived_in_pieces_gets_them_too),
      TEST(of_racing_workers_one_wins_each_key))
