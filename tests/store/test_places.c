/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * New versions lie where dead ones lay: they take no memory, disturb no reader, and no unique comes twice.
 */
#include "dataplane/store/index_find.h"
#include "dataplane/store/room.h"
#include "tests/store/fixture.h"

enum {
	KEYS = 100000,
	VALUE_LENGTH = 32,
	SMALL_MEMORY = 16 << 20, /* is soon full */
	BATCH = 32,		 /* operations between two quiescent states */
	SEALED =
		60000, /* keys of which it is certain that their segments were sealed after the first round */
};

static uint32_t flags; /* of what is stored */

/* Stores `key` with a value that says its round. */
static enum store_status
set_round(struct fixture *f, uint64_t key, uint64_t round, uint32_t options)
{
	uint64_t value[VALUE_LENGTH / sizeof(uint64_t)] = {key, round, key, ~round};

	f->op = (struct store_op){
		.verb = STORE_SET,
		.key = (const uint8_t *)&key,
		.key_length = sizeof(key),
		.data = (const uint8_t *)value,
		.data_length = sizeof(value),
		.flags = flags,
		.options = options,
	};
	store_do(f->worker, &f->op);
	return (enum store_status)f->op.status;
}

/* The round of the key's value; 0: it isn't there, or not what was stored. */
static uint64_t
round_told(struct fixture *f, uint64_t key, uint32_t options)
{
	uint64_t value[VALUE_LENGTH / sizeof(uint64_t)];

	f->op = (struct store_op){.verb = STORE_GET,
				  .key = (const uint8_t *)&key,
				  .key_length = sizeof(key),
				  .options = options};
	store_do(f->worker, &f->op);
	if (f->op.status != STORE_OK || f->op.value_length != sizeof(value))
		return 0;
	memcpy(value, f->op.value, sizeof(value));
	return value[0] == key && value[1] == ~value[3] ? value[1] : 0;
}

static uint64_t
round_of(struct fixture *f, uint64_t key)
{
	return round_told(f, key, 0);
}

static void
set_all(struct fixture *f, uint64_t keys, uint64_t round, uint32_t options)
{
	for (uint64_t key = 0; key < keys; key++) {
		if (set_round(f, key, round, options) != STORE_OK)
			CU_FAIL("refused");
		if (key % BATCH == 0)
			store_quiescent(f->worker);
	}
	store_quiescent(f->worker);
	tidy(f);
}

static void
overwriting_takes_no_memory(void)
{
	struct fixture f = fixture_new();
	struct store_stats before, after;
	uint64_t wrong = 0;

	set_all(&f, KEYS, 1, 0);
	before = stats_of(&f);
	for (uint64_t round = 2; round < 12; round++)
		set_all(&f, KEYS, round, 0);
	after = stats_of(&f);
	for (uint64_t key = 0; key < KEYS; key++)
		wrong += round_of(&f, key) != 11;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(after.items, KEYS);
	CU_ASSERT_EQUAL(after.bytes_keys, before.bytes_keys);
	CU_ASSERT_EQUAL(after.bytes_values, before.bytes_values);
	CU_ASSERT_EQUAL(after.evictions, 0);
	CU_ASSERT(after.places_reused > 10 * (uint64_t)SEALED);
	CU_ASSERT(after.memory_used < before.memory_used + 4 * before.segment_size);
	fixture_end(&f);
}

/* Memory that is full of keys which are only overwritten, by values of the same size: nothing is dropped. */
static void
full_memory_is_overwritten_in_place(void)
{
	struct fixture f = fixture_small(SMALL_MEMORY);
	uint64_t keys = 190000, lost = 0, evictions;

	set_all(&f, keys, 1, 0);
	evictions = stats_of(&f).evictions;
	for (uint64_t round = 2; round < 7; round++)
		set_all(&f, keys, round, 0);
	for (uint64_t key = 0; key < keys; key++)
		lost += round_of(&f, key) == 0;
	CU_ASSERT_EQUAL(evictions, 0);
	CU_ASSERT(stats_of(&f).evictions < keys / 100);
	CU_ASSERT(lost < keys / 100);
	CU_ASSERT(stats_of(&f).places_reused > keys);
	fixture_end(&f);
}

static void
a_place_waits_for_all_readers(void)
{
	struct store_options options = fixture_options(64 << 20);
	struct store_worker *reader;
	struct store_op op = {.verb = STORE_GET};
	uint64_t key = 5, value[VALUE_LENGTH / sizeof(uint64_t)];
	struct fixture f;

	options.workers = 2;
	f = fixture_with(&options);
	for (uint64_t k = 0; k < KEYS; k++)
		set_round(&f, k, 1, 0);
	if (store_worker_open(f.store, 1, &reader) != 0)
		abort();
	op.key = (const uint8_t *)&key;
	op.key_length = sizeof(key);
	store_do(reader, &op);
	CU_ASSERT_EQUAL(op.status, STORE_OK);
	for (uint64_t round = 2; round < 5; round++)
		for (uint64_t k = 0; k < KEYS; k++) {
			set_round(&f, k, round, 0);
			if (k % BATCH == 0)
				gp_quiescent(&f.store->gp, f.worker->index);
		}
	CU_ASSERT_EQUAL(stats_of(&f).places_reused, 0);
	memcpy(value, op.value, sizeof(value));
	CU_ASSERT(value[0] == key && value[1] == 1);
	store_worker_close(reader);
	for (uint64_t round = 5; round < 7; round++)
		for (uint64_t k = 0; k < KEYS; k++) {
			set_round(&f, k, round, 0);
			if (k % BATCH == 0)
				store_quiescent(f.worker);
		}
	CU_ASSERT(stats_of(&f).places_reused > SEALED);
	fixture_end(&f);
}

static int
compare_uniques(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Every version's unique is told, by the SET or by a GET, and kept: none comes again. */
static void
no_unique_comes_twice(void)
{
	enum {
		ROUNDS = 12,
		TOLD = 30000,
	};
	static uint64_t uniques[ROUNDS * TOLD];
	struct fixture f = fixture_new();
	uint64_t count = 0, twice = 0, changed = 0;

	set_all(&f, KEYS, 1, 0);
	for (uint64_t round = 2; round < 2 + ROUNDS; round++) {
		for (uint64_t key = 0; key < TOLD; key++) {
			bool by_set = (key + round) % 2 == 0;

			set_round(&f, key, round, by_set ? STORE_KEEP_CAS : 0);
			if (!by_set)
				round_told(&f, key, STORE_KEEP_CAS);
			uniques[count++] = f.op.cas;
			if (key % BATCH == 0)
				store_quiescent(f.worker);
		}
		/* what was told is the item's yet */
		for (uint64_t key = 0; key < TOLD; key++) {
			round_of(&f, key);
			changed += f.op.cas != uniques[count - TOLD + key];
		}
	}
	qsort(uniques, count, sizeof(uniques[0]), compare_uniques);
	for (uint64_t i = 1; i < count; i++)
		twice += uniques[i] == uniques[i - 1];
	CU_ASSERT_EQUAL(twice, 0);
	CU_ASSERT_EQUAL(changed, 0);
	/* four turns of five take a place that was there: an item is as large as six uniques */
	CU_ASSERT(stats_of(&f).places_reused > ROUNDS * TOLD * UINT64_C(7) / 10);
	CU_ASSERT(stats_of(&f).places_reused < ROUNDS * TOLD);
	fixture_end(&f);
}

static void
set_all_for(struct fixture *f, int64_t exptime, uint64_t *missed)
{
	for (int i = 0; i < KEYS; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%08d", i);
		if (missed != NULL)
			*missed += plain(f, STORE_GET, key) != STORE_OK;
		else
			set_for(f, key, "the value of this key", exptime);
		if (i % BATCH == 0)
			store_quiescent(f->worker);
	}
	tidy(f);
}

/* A few keys over and over: all their versions lie in a segment that is far from full. */
static void
an_open_segment_takes_new_versions(void)
{
	enum {
		FEW = 1000,
		ROUNDS = 20,
	};
	struct fixture f = fixture_new();
	uint64_t reused, wrong = 0;

	set_all(&f, KEYS, 1, 0); /* from then on a segment is expected to be renewed */
	reused = stats_of(&f).places_reused;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		for (uint64_t key = KEYS; key < KEYS + FEW; key++)
			set_round(&f, key, round, 0);
		store_quiescent(f.worker);
		tidy(&f);
		for (uint64_t key = KEYS; key < KEYS + FEW; key++)
			wrong += round_of(&f, key) != round;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(stats_of(&f).places_reused - reused > FEW * (ROUNDS - 5));
	fixture_end(&f);
}

/* A place that is 8 bytes too large does, and whoever goes through its segment passes by what is left over. */
static void
a_place_may_be_a_little_too_large(void)
{
	enum {
		FIRST = 60000, /* keys, which take turns having flags: 4 bytes more, 8 in the segment */
		MORE = 300000, /* keys that drive some of them out */
	};
	struct fixture f = fixture_small(SMALL_MEMORY);
	uint64_t found = 0, wrong = 0, reused;

	set_all(&f, FIRST, 1, 0);
	flags = 5;
	set_all(&f, FIRST, 2, 0);
	flags = 0;
	reused = stats_of(&f).places_reused;
	set_all(&f, FIRST, 3,
		0); /* where those with flags lay, as the others' places are used up */
	CU_ASSERT(stats_of(&f).places_reused - reused > FIRST / 2);
	for (uint64_t key = 0; key < FIRST; key++)
		wrong += round_of(&f, key) != 3;
	for (uint64_t key = FIRST; key < FIRST + MORE; key++) {
		set_round(&f, key, 4, 0);
		if (key % BATCH == 0)
			store_quiescent(f.worker);
	}
	for (uint64_t key = 0; key < FIRST + MORE; key++) {
		uint64_t round = round_of(&f, key);

		found += round != 0;
		wrong += round != 0 && round != (key < FIRST ? 3 : 4);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(stats_of(&f).evictions > MORE / 3);
	CU_ASSERT_EQUAL(stats_of(&f).items, found);
	fixture_end(&f);
}

/* Segments of which little is renewed are left to expire as a whole. */
static void
what_is_seldom_renewed_expires_together(void)
{
	struct fixture f = fixture_new();

	for (int i = 0; i < KEYS; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%08d", i);
		set_for(&f, key, "the value of this key", 1000);
		if (i % 8 == 0) {
			snprintf(key, sizeof(key), "%08d", i / 4);
			set_for(&f, key, "the value of this key", 1000);
		}
		if (i % BATCH == 0)
			store_quiescent(f.worker);
	}
	tidy(&f);
	CU_ASSERT_EQUAL(stats_of(&f).places_reused, 0);
	store_set_clock(f.store, 1001000);
	tidy(&f);
	CU_ASSERT(stats_of(&f).items < KEYS - SEALED);
	fixture_end(&f);
}

/* A segment in which items are renewed doesn't expire with those that were there first. */
static void
what_is_renewed_outlives_its_neighbours(void)
{
	enum {
		DAY = 60 * 60 * 24,
	};
	struct fixture f = fixture_new();
	uint64_t missed = 0;

	set_all_for(&f, DAY, NULL);
	set_all_for(&f, DAY, NULL);
	store_set_clock(f.store, DAY * UINT64_C(1000) / 2);
	set_all_for(&f, DAY, NULL);
	CU_ASSERT(stats_of(&f).places_reused > SEALED);
	store_set_clock(f.store, DAY * UINT64_C(1000) + 100000);
	tidy(&f);
	set_all_for(&f, 0, &missed);
	CU_ASSERT_EQUAL(missed, 0);
	store_set_clock(f.store, 2 * DAY * UINT64_C(1000));
	tidy(&f);
	CU_ASSERT(stats_of(&f).items < KEYS - SEALED);
	fixture_end(&f);
}

static void
flushed_segments_take_nothing(void)
{
	struct fixture f = fixture_new();
	uint64_t reused, wrong = 0;

	set_all(&f, KEYS, 1, 0);
	set_all(&f, KEYS, 2, 0);
	reused = stats_of(&f).places_reused;
	store_flush(f.worker, 0);
	for (uint64_t key = 0; key < 1000; key++) {
		set_round(&f, key, 3, 0);
		set_round(&f, key, 4, 0);
		wrong += round_of(&f, key) != 4;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(stats_of(&f).places_reused, reused);
	fixture_end(&f);
}

/* As if an evictor had come to the segment between the look at it and the item's publication. */
static void
an_item_that_an_evictor_may_have_missed_is_dropped(void)
{
	struct fixture f = fixture_new();
	struct shard *shard = f.store->shard[0];
	struct writer *writer = &f.worker->writer[0];
	struct index_entry entry = {.slot = NULL};
	uint64_t key = 7, location;
	struct moment moment = store_moment(f.store);
	struct room room;

	set_all(&f, KEYS, 1, 0);
	set_all(&f, KEYS, 2, 0);
	CU_ASSERT_EQUAL(round_of(&f, key), 2);
	CU_ASSERT_FATAL(
		index_find(&shard->index, f.op.hash, (const uint8_t *)&key, sizeof(key), &entry));
	location = slot_location(entry.word);
	room = (struct room){.location = location, .turn = 1};
	room_settle(shard, writer, &room, f.op.hash, &moment);
	CU_ASSERT_EQUAL(round_of(&f, key), 2);
	heap_set_refill(&shard->heap, heap_segment_of(&shard->heap, location), false);
	room_settle(shard, writer, &room, f.op.hash, &moment);
	CU_ASSERT_EQUAL(round_of(&f, key), 0);
	CU_ASSERT_EQUAL(stats_of(&f).items, KEYS - 1);
	CU_ASSERT_EQUAL(stats_of(&f).evictions, 1);
	CU_ASSERT_EQUAL(stats_of(&f).places_lost, 1);
	room_settle(shard, writer, &room, f.op.hash, &moment); /* the evictor was there first */
	CU_ASSERT_EQUAL(stats_of(&f).places_lost, 1);
	fixture_end(&f);
}

/* More sizes than there are chunks: they are taken away from sizes that don't need them any more. */
static void
sizes_take_turns(void)
{
	enum {
		FEW = 300, /* keys: of a size, three rounds of them are several chunks */
		SIZES = 120,
	};
	static uint8_t value[SIZES * ITEM_ALIGNMENT];
	struct store_stats stats;
	struct fixture f = fixture_small(SMALL_MEMORY);

	for (uint32_t size = 24; size < SIZES * ITEM_ALIGNMENT; size += ITEM_ALIGNMENT) {
		uint64_t before = stats_of(&f).places_reused;

		for (uint64_t i = 0; i < 10 * FEW; i++) {
			uint64_t key = size * UINT64_C(1000) + i % FEW;

			f.op = (struct store_op){.verb = STORE_SET,
						 .key = (const uint8_t *)&key,
						 .key_length = sizeof(key),
						 .data = value,
						 .data_length = size};
			store_do(f.worker, &f.op);
			if (i % BATCH == 0)
				store_quiescent(f.worker);
			if (i % FEW == 0)
				tidy(&f);
		}
		if (size > 500) /* smaller ones' segments are not sealed yet */
			CU_ASSERT(stats_of(&f).places_reused > before);
	}
	stats = stats_of(&f);
	CU_ASSERT_EQUAL(stats.out_of_memory, 0);
	store_flush(f.worker, 0);
	store_worker_close(f.worker); /* which seals what it has open */
	while (store_janitor(f.store))
		;
	stats = stats_of(&f);
	CU_ASSERT_EQUAL(stats.segments_sealed, 0);
	CU_ASSERT(stats.bytes_dead <= stats.segments_open * stats.segment_size);
	store_destroy(f.store);
}

SUITE("dataplane/store/places", TEST(overwriting_takes_no_memory),
      TEST(full_memory_is_overwritten_in_place), TEST(a_place_waits_for_all_readers),
      TEST(no_unique_comes_twice), TEST(an_open_segment_takes_new_versions),
      TEST(a_place_may_be_a_little_too_large), TEST(what_is_seldom_renewed_expires_together),
      TEST(what_is_renewed_outlives_its_neighbours), TEST(flushed_segments_take_nothing),
      TEST(an_item_that_an_evictor_may_have_missed_is_dropped), TEST(sizes_take_turns))
