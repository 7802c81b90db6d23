/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values that arrive in pieces, and values that are referred to beyond a quiescent state.
 */
#include <errno.h>

#include "dataplane/store/index_find.h"
#include "dataplane/store/reserve.h"
#include "tests/store/fixture.h"

static struct store_op
wanted(enum store_verb verb, const char *key, uint32_t length)
{
	return (struct store_op){
		.verb = (uint8_t)verb,
		.key = (const uint8_t *)key,
		.key_length = (uint8_t)strlen(key),
		.data_length = length,
	};
}

static uint8_t
pattern(uint32_t i)
{
	return (uint8_t)(i * 131 + (i >> 8));
}

static bool
has_pattern(const struct store_op *op, uint32_t length)
{
	if (op->value_length != length)
		return false;
	for (uint32_t i = 0; i < length; i++)
		if (op->value[i] != pattern(i))
			return false;
	return true;
}

/* Reserves and fills in pieces, with quiescent states between them. */
static uint64_t
receive(struct fixture *f, const struct store_op *op)
{
	uint64_t reservation = 0;
	uint8_t *value;

	CU_ASSERT_EQUAL_FATAL(store_reserve(f->worker, op, &reservation), 0);
	value = store_reservation_value(f->worker, reservation);
	for (uint32_t i = 0; i < op->data_length; i++) {
		value[i] = pattern(i);
		if (i % 1448 == 0) {
			store_quiescent(f->worker);
			if (i % (64 * 1448) == 0)
				store_janitor(f->store);
		}
	}
	return reservation;
}

static void
a_value_received_in_pieces_is_stored(void)
{
	struct fixture f = fixture_new();
	uint32_t length = 1000000;
	struct store_op op = wanted(STORE_SET, "big", length);

	op.flags = 9;
	op.reservation = receive(&f, &op);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "big"), STORE_NOT_FOUND);
	f.op = op;
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "big"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.reservation, 0);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "big"), STORE_OK);
	CU_ASSERT(has_pattern(&f.op, length));
	CU_ASSERT_EQUAL(f.op.flags, 9);
	fixture_end(&f);
}

static void
conditions_hold_for_reserved_values(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "k", "small");
	f.op = wanted(STORE_ADD, "k", 5000);
	f.op.reservation = receive(&f, &f.op);
	CU_ASSERT_EQUAL(run(&f, STORE_ADD, "k"), STORE_EXISTS);
	CU_ASSERT(holds(&f, "k", "small"));
	f.op = wanted(STORE_REPLACE, "j", 5000);
	f.op.reservation = receive(&f, &f.op);
	CU_ASSERT_EQUAL(run(&f, STORE_REPLACE, "j"), STORE_NOT_FOUND);
	f.op = wanted(STORE_APPEND, "k", 5000);
	f.op.reservation = receive(&f, &f.op);
	CU_ASSERT_EQUAL(run(&f, STORE_APPEND, "k"), STORE_OK);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.value_length, 5005);
	CU_ASSERT_EQUAL(memcmp(f.op.value, "small", 5), 0);
	CU_ASSERT_EQUAL(f.op.value[5 + 77], pattern(77));
	fixture_end(&f);
}

static void
abandoned_room_is_reclaimed(void)
{
	struct fixture f = fixture_new();

	for (int i = 0; i < 1000; i++) {
		struct store_op op = wanted(STORE_SET, "k", 500000);
		uint64_t reservation;

		CU_ASSERT_EQUAL_FATAL(store_reserve(f.worker, &op, &reservation), 0);
		store_quiescent(f.worker);
		store_abandon(f.worker, reservation);
		tidy(&f);
	}
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(stats_of(&f).items, 0);
	CU_ASSERT_EQUAL(stats_of(&f).bytes_values, 0);
	fixture_end(&f);
}

/* A reservation outlives the segments that are filled after it, and its own segment isn't evicted. */
static void
a_reservation_survives_eviction_all_around(void)
{
	struct fixture f = fixture_new();
	struct store_op op = wanted(STORE_SET, "slow", 100000);
	uint64_t reservation = receive(&f, &op);
	char key[32];
	static char value[10000];

	memset(value, 'v', sizeof(value) - 1);
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		if (put(&f, STORE_SET, key, value) != STORE_OK)
			tidy(&f);
		if (i % 32 == 0) {
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	CU_ASSERT(stats_of(&f).evictions > 10000);
	f.op = op;
	f.op.reservation = reservation;
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "slow"), STORE_OK);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "slow"), STORE_OK);
	CU_ASSERT(has_pattern(&f.op, op.data_length));
	fixture_end(&f);
}

/* The set comes after the flush, so it must not be flushed, though its bytes came before. */
static void
a_flush_spares_what_is_stored_after_it(void)
{
	struct fixture f = fixture_new();
	struct store_op op = wanted(STORE_SET, "k", 3000);
	uint64_t reservation = receive(&f, &op);

	store_flush(f.worker, 0);
	f.op = op;
	f.op.reservation = reservation;
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_OK);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	CU_ASSERT(has_pattern(&f.op, 3000));
	fixture_end(&f);
}

static void
what_is_too_large_is_not_reserved(void)
{
	struct fixture f = fixture_new();
	struct store_op op = wanted(STORE_SET, "k", (1 << 20) - STORE_ITEM_OVERHEAD);
	uint64_t reservation = 0;

	put(&f, STORE_SET, "k", "old");
	CU_ASSERT_EQUAL(store_reserve(f.worker, &op, &reservation), -E2BIG);
	CU_ASSERT_EQUAL(reservation, 0);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND); /* no stale data */
	put(&f, STORE_SET, "k", "old");
	op.verb = STORE_REPLACE;
	CU_ASSERT_EQUAL(store_reserve(f.worker, &op, &reservation), -E2BIG);
	CU_ASSERT(holds(&f, "k", "old"));
	op.data_length--;
	CU_ASSERT_EQUAL(store_reserve(f.worker, &op, &reservation), 0);
	store_abandon(f.worker, reservation);
	fixture_end(&f);
}

static void
sixteen_mebibytes_are_contiguous(void)
{
	struct store_options options = fixture_options(512 << 20);
	struct fixture f;
	uint32_t length = (16 << 20) - STORE_ITEM_OVERHEAD - 3;

	options.item_size_max = 16 << 20;
	f = fixture_with(&options);
	for (int i = 0; i < 3; i++) {
		f.op = wanted(STORE_SET, "big", length);
		f.op.reservation = receive(&f, &f.op);
		CU_ASSERT_EQUAL(run(&f, STORE_SET, "big"), STORE_OK);
	}
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "big"), STORE_OK);
	CU_ASSERT(has_pattern(&f.op, length));
	put(&f, STORE_SET, "one", "");
	fixture_end(&f);
}

/* Fills the store over and over while a pin refers to a value that was overwritten long ago. */
static void
a_pinned_value_stays(void)
{
	struct fixture f = fixture_new();
	const uint8_t *value;
	uint32_t pin, length = 50000;
	static char other[10000];
	char key[32];
	struct store_op op;

	f.op = wanted(STORE_SET, "k", length);
	f.op.reservation = receive(&f, &f.op);
	run(&f, STORE_SET, "k");
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	pin = store_pin(f.worker, &f.op);
	value = f.op.value;
	plain(&f, STORE_DELETE, "k");
	memset(other, 'v', sizeof(other) - 1);
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		if (put(&f, STORE_SET, key, other) != STORE_OK)
			tidy(&f);
		if (i % 32 == 0) {
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	CU_ASSERT(stats_of(&f).evictions > 10000);
	tidy(&f);
	op.value = value;
	op.value_length = length;
	CU_ASSERT(has_pattern(&op, length));
	CU_ASSERT_EQUAL(stats_of(&f).segments_retired, 1);
	store_unpin(f.worker, pin);
	tidy(&f);
	CU_ASSERT_EQUAL(stats_of(&f).segments_retired, 0);
	fixture_end(&f);
}

/* --- in places that are used again ----------------------------------------------------------- */

enum {
	KEYS = 20000,
	LENGTH = 500,
};

static void
number_key(char key[16], int number)
{
	snprintf(key, 16, "key %08d", number);
}

/* All keys with values of the pattern, three times, so that there are places of their size. */
static void
store_all(struct fixture *f)
{
	uint8_t value[LENGTH];
	char key[16];

	for (uint32_t i = 0; i < LENGTH; i++)
		value[i] = pattern(i);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < KEYS; i++) {
			number_key(key, i);
			f->op = (struct store_op){.data = value, .data_length = LENGTH};
			if (run(f, STORE_SET, key) != STORE_OK)
				CU_FAIL("refused");
			if (i % 32 == 0)
				store_quiescent(f->worker);
		}
		store_quiescent(f->worker);
		tidy(f);
	}
}

static void
a_value_arrives_where_a_dead_one_lay(void)
{
	struct fixture f = fixture_new();
	struct store_stats before, after;
	uint64_t wrong = 0, reused = 0, dead;
	char key[16];

	store_all(&f);
	before = stats_of(&f);
	for (int i = 0; i < 1000; i++) {
		struct store_op op;

		number_key(key, i);
		op = wanted(STORE_SET, key, LENGTH);
		op.reservation = receive(&f, &op);
		reused += reservation_room(op.reservation).turn == 1;
		wrong += plain(&f, STORE_GET, key) != STORE_OK || !has_pattern(&f.op, LENGTH);
		f.op = op;
		wrong += run(&f, STORE_SET, key) != STORE_OK;
		wrong += plain(&f, STORE_GET, key) != STORE_OK || !has_pattern(&f.op, LENGTH);
	}
	after = stats_of(&f);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(reused > 900);
	CU_ASSERT_EQUAL(after.items, before.items);
	CU_ASSERT_EQUAL(after.bytes_values, before.bytes_values);
	CU_ASSERT_EQUAL(after.places_reused - before.places_reused, reused);
	dead = after.bytes_dead;
	number_key(key, 5);
	f.op = wanted(STORE_SET, key, LENGTH);
	store_abandon(f.worker, receive(&f, &f.op));
	CU_ASSERT(stats_of(&f).bytes_dead > dead);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, key), STORE_OK);
	fixture_end(&f);
}

static bool
is_there(struct fixture *f, const char *key)
{
	return plain(f, STORE_GET, key) == STORE_OK;
}

/* The place's segment is evicted while the value arrives: it is not freed before, and the item goes with it. */
static void
a_place_is_kept_while_its_value_arrives(void)
{
	struct fixture f = fixture_new();
	const struct heap *heap = &f.store->shard[0]->heap;
	uint64_t lost, reservation;
	uint32_t segment;
	struct store_op op;
	char key[16];

	store_all(&f);
	op = wanted(STORE_SET, "key 00000007", LENGTH);
	reservation = receive(&f, &op);
	CU_ASSERT_EQUAL_FATAL(reservation_room(reservation).turn, 1);
	segment = heap_segment_of(heap, reservation_room(reservation).location);
	for (int i = 0;
	     counter_read32(&heap->segment[segment].state) != SEGMENT_RETIRED && i < 100 * KEYS;
	     i++) {
		number_key(key, KEYS + i);
		put(&f, STORE_SET, key, "another value that nobody reads");
		if (i % 32 == 0) {
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	CU_ASSERT_EQUAL(counter_read32(&heap->segment[segment].state), SEGMENT_RETIRED);
	tidy(&f);
	CU_ASSERT_EQUAL(counter_read32(&heap->segment[segment].state), SEGMENT_RETIRED);
	lost = stats_of(&f).places_lost;
	put(&f, STORE_SET, "key 00000007", "it was evicted");
	f.op = op;
	f.op.reservation = reservation;
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "key 00000007"), STORE_OK);
	CU_ASSERT_EQUAL(stats_of(&f).places_lost, lost + 1);
	CU_ASSERT_FALSE(is_there(&f, "key 00000007"));
	tidy(&f);
	CU_ASSERT_NOT_EQUAL(counter_read32(&heap->segment[segment].state), SEGMENT_RETIRED);
	fixture_end(&f);
}

/* A value of whatever size stays in the queue of the one before. */
static void
a_reserved_value_stays_in_its_queue(void)
{
	struct fixture f = fixture_new();
	struct shard *shard = f.store->shard[0];
	struct writer *writer = &f.worker->writer[0];
	struct moment moment = store_moment(f.store);
	struct index_entry entry = {.slot = NULL};
	uint64_t location;
	uint8_t *value;

	put(&f, STORE_SET, "k", "v");
	CU_ASSERT_FATAL(index_find(&shard->index, f.op.hash, (const uint8_t *)"k", 1, &entry));
	/* as eviction would copy it */
	location = writer_allocate(writer, CLASS_MAIN, 32, 0, &moment);
	item_copy(heap_item(&shard->heap, location),
		  heap_item(&shard->heap, slot_location(entry.word)), false, 0);
	CU_ASSERT_FATAL(index_replace(&entry, slot_live(f.op.hash, location)));
	f.op = wanted(STORE_SET, "k", 50000);
	f.op.reservation = receive(&f, &f.op);
	value = store_reservation_value(f.worker, f.op.reservation);
	CU_ASSERT_EQUAL(stamp_queue(heap_stamp(&shard->heap,
					       (uint32_t)((uint64_t)(value - shard->heap.base) >>
							  shard->heap.shift))),
			QUEUE_MAIN);
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_OK);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	CU_ASSERT(has_pattern(&f.op, 50000));
	fixture_end(&f);
}

SUITE("store reservations and pins", TEST(a_value_arrives_where_a_dead_one_lay),
      TEST(a_place_is_kept_while_its_value_arrives), TEST(a_reserved_value_stays_in_its_queue),
      TEST(a_value_received_in_pieces_is_stored), TEST(conditions_hold_for_reserved_values),
      TEST(abandoned_room_is_reclaimed), TEST(a_reservation_survives_eviction_all_around),
      TEST(a_flush_spares_what_is_stored_after_it), TEST(what_is_too_large_is_not_reserved),
      TEST(sixteen_mebibytes_are_contiguous), TEST(a_pinned_value_stays))
