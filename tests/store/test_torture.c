/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that fight over a few keys, while others' keys make the index grow and segments be evicted
 * all around them. What they saw must be linearizable, and no value torn.
 *
 * JACKDAW_TORTURE=seconds makes it longer than its few seconds.
 */
#include <sched.h>
#include <stdlib.h>

#include "tests/store/fixture.h"
#include "tests/store/history.h"
#include "tests/store/threads.h"

enum {
	WORKERS = 3,
	HOT_KEYS = 6,
	OWNED_KEYS = 500,
	OWNERS = WORKERS,	   /* one key each */
	ROUND_OPERATIONS = 150000, /* of each worker, in one store */
	VALUE_LENGTH = 40,
	LONG_LENGTH = 320, /* of others' values in the first half of a round */
};

struct player {
	struct store *store;
	unsigned int index;
	uint64_t random;
	uint64_t written; /* values so far */
	struct history history;
	uint64_t torn, refused, failed;
	struct store_stats halfway; /* the first player's: what there was when it was half done */
	pthread_t thread;
};

static uint64_t
next_random(struct player *player)
{
	player->random ^= player->random << 13;
	player->random ^= player->random >> 7;
	player->random ^= player->random << 17;
	return player->random;
}

/* A value carries its number over and over, so that a mixture of two shows. */
static void
write_value(uint8_t *value, uint32_t length, uint64_t number)
{
	for (uint32_t i = 0; i < length; i += 8)
		memcpy(value + i, &number, 8);
}

static uint64_t
read_value(struct player *player, const struct store_op *op)
{
	uint64_t number, other;

	memcpy(&number, op->value, 8);
	for (uint32_t i = 8; i < op->value_length; i += 8) {
		memcpy(&other, op->value + i, 8);
		player->torn += other != number;
	}
	player->torn += op->value_length != VALUE_LENGTH && op->value_length != LONG_LENGTH;
	return number;
}

/* Reads, and maybe replaces what it read by its unique. */
static void
play_read(struct player *player, struct store_worker *worker, struct store_op *op, uint32_t key)
{
	uint64_t begin = history_now(), end, seen = 0;

	op->options = STORE_KEEP_CAS;
	store_do(worker, op);
	end = history_now();
	if (op->status == STORE_OK)
		seen = read_value(player, op);
	history_note(&player->history, key, seen, begin, end);
	if (op->status != STORE_OK || next_random(player) % 4 != 0)
		return;
	/* what stands there is still the value seen, or the set fails */
	{
		uint8_t value[VALUE_LENGTH];
		uint64_t number = ++player->written << 8 | player->index;

		write_value(value, VALUE_LENGTH, number);
		op->verb = STORE_SET;
		op->options = STORE_IF_CAS;
		op->data = value;
		op->data_length = VALUE_LENGTH;
		begin = history_now();
		store_do(worker, op);
		end = history_now();
		if (op->status != STORE_OK)
			return;
		history_note(&player->history, key, seen, begin, end);
		history_note(&player->history, key, number, begin, end);
	}
}

static void
play_write(struct player *player, struct store_worker *worker, struct store_op *op, uint32_t key)
{
	uint8_t value[VALUE_LENGTH];
	uint64_t number = ++player->written << 8 | player->index;
	uint64_t begin, end;

	write_value(value, VALUE_LENGTH, number);
	op->data = value;
	op->data_length = VALUE_LENGTH;
	begin = history_now();
	store_do(worker, op);
	end = history_now();
	if (op->status == STORE_OK)
		history_note(&player->history, key, number, begin, end);
	else if (op->status == STORE_NO_MEMORY && op->verb == STORE_SET)
		history_note(&player->history, key, 0, begin, end);
	player->refused += op->status == STORE_NO_MEMORY;
}

/* Deletes and touches. */
static void
play_other(struct player *player, struct store_worker *worker, struct store_op *op, uint32_t key)
{
	uint64_t begin = history_now(), end;

	op->exptime = 0;
	store_do(worker, op);
	end = history_now();
	if (op->verb == STORE_DELETE)
		history_note(&player->history, key, 0, begin, end);
	else if (op->status == STORE_OK)
		history_note(&player->history, key, read_value(player, op), begin, end);
	else if (op->status == STORE_NOT_FOUND)
		history_note(&player->history, key, 0, begin, end);
}

/*
 * Another key, and enough of them that segments are evicted. The second half's short values take the
 * place of long ones, so the items become more and the index grows while segments are evicted.
 */
static void
play_cold(struct player *player, struct store_worker *worker, bool second_half)
{
	uint64_t key = next_random(player) % 300000 + 1000;
	uint32_t length = second_half ? VALUE_LENGTH : LONG_LENGTH;
	uint8_t value[LONG_LENGTH];
	struct store_op op = {
		.verb = next_random(player) % 4 == 0 ? STORE_GET : STORE_SET,
		.key = (const uint8_t *)&key,
		.key_length = sizeof(key),
		.data = value,
		.data_length = length,
	};

	write_value(value, length, key);
	store_do(worker, &op);
	if (op.verb == STORE_GET && op.status == STORE_OK)
		player->failed += read_value(player, &op) != key;
	player->refused += op.status == STORE_NO_MEMORY;
}

/*
 * A key that only its owner changes: everybody touches it, eviction moves it, and yet a unique that its
 * owner was told is the item's until it goes.
 */
static void
play_owned(struct player *player, struct store_worker *worker)
{
	uint8_t value[VALUE_LENGTH];
	uint32_t key = OWNED_KEYS + (uint32_t)(next_random(player) % OWNERS);
	struct store_op op = {
		.verb = next_random(player) % 2 == 0 ? STORE_GET : STORE_GAT,
		.key = (const uint8_t *)&key,
		.key_length = sizeof(key),
	};
	bool told = next_random(player) % 2 == 0;

	op.options = told ? STORE_KEEP_CAS : 0;
	store_do(worker, &op);
	if (key != OWNED_KEYS + player->index)
		return;
	write_value(value, VALUE_LENGTH, key);
	op.data = value;
	op.data_length = VALUE_LENGTH;
	op.verb = STORE_SET;
	if (op.status != STORE_OK || !told) {
		op.options = next_random(player) % 2 == 0 ? STORE_KEEP_CAS : 0;
		store_do(worker, &op);
		return;
	}
	for (unsigned int i = 0; i < 50; i++)
		play_cold(player, worker, false);
	op.options = STORE_IF_CAS | (next_random(player) % 2 == 0 ? STORE_KEEP_CAS : 0);
	store_do(worker, &op);
	player->failed += op.status == STORE_EXISTS;
}

static void
play_hot(struct player *player, struct store_worker *worker)
{
	static const uint8_t verbs[] = {STORE_GET, STORE_GET,	 STORE_GET,	STORE_SET,
					STORE_SET, STORE_ADD,	 STORE_REPLACE, STORE_DELETE,
					STORE_GAT, STORE_DELETE, STORE_GET,	STORE_SET};
	uint32_t key = (uint32_t)(next_random(player) % HOT_KEYS);
	struct store_op op = {
		.verb = verbs[next_random(player) % sizeof(verbs)],
		.key = (const uint8_t *)&key,
		.key_length = sizeof(key),
	};

	switch (op.verb) {
	case STORE_GET:
		play_read(player, worker, &op, key);
		break;
	case STORE_DELETE:
	case STORE_GAT:
		play_other(player, worker, &op, key);
		break;
	default:
		play_write(player, worker, &op, key);
	}
}

static void *
play(void *argument)
{
	struct player *player = argument;
	struct store_worker *worker;

	if (store_worker_open(player->store, player->index, &worker) != 0)
		abort();
	for (unsigned int i = 0; i < ROUND_OPERATIONS; i++) {
		uint64_t refused = player->refused;

		if (next_random(player) % 64 == 0)
			play_owned(player, worker);
		else if (next_random(player) % 2 == 0)
			play_hot(player, worker);
		else
			play_cold(player, worker, i >= ROUND_OPERATIONS / 2);
		if (i == ROUND_OPERATIONS / 2 && player->index == 0)
			store_read_stats(player->store, &player->halfway);
		if (i % 16 == 0)
			store_quiescent(worker);
		/* a worker that has no CPU holds up the grace period: let it have ours */
		if (player->refused != refused) {
			store_quiescent(worker);
			sched_yield();
		}
	}
	store_worker_close(worker);
	return NULL;
}

struct outcome {
	uint64_t violations, torn, failed, lost, growths, refreshes, evictions, sights, refused;
	uint64_t reused, displaced; /* places; and items that were dropped as they had taken one */
	uint64_t at_once; /* rounds in which the index grew after evictions, and before the last */
};

/* Segments that are not free once everything was flushed: lost by those who evicted them. */
static uint64_t
lost_segments(struct store *store)
{
	struct store_worker *worker;
	struct store_stats stats;

	if (store_worker_open(store, 0, &worker) != 0)
		abort();
	store_flush(worker, 0);
	store_worker_close(worker);
	while (store_janitor(store))
		;
	store_read_stats(store, &stats);
	return stats.segments_sealed + stats.segments_retired;
}

static void
play_round(struct outcome *outcome, unsigned int shards, uint64_t seed)
{
	struct store_options options = fixture_options(8 << 20);
	struct player players[WORKERS];
	struct history histories[WORKERS];
	struct janitor_thread janitor;
	struct store_stats stats;
	struct store *store;

	options.item_size_max = 4096;
	options.workers = WORKERS;
	options.shards = shards;
	if (store_create(&store, &options) != 0)
		abort();
	janitor_thread_start(&janitor, store);
	for (unsigned int i = 0; i < WORKERS; i++) {
		players[i] = (struct player){
			.store = store, .index = i, .random = seed * WORKERS + i + 1};
		pthread_create(&players[i].thread, NULL, play, &players[i]);
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		pthread_join(players[i].thread, NULL);
		histories[i] = players[i].history;
		outcome->torn += players[i].torn;
		outcome->failed += players[i].failed;
		outcome->refused += players[i].refused;
		outcome->sights += players[i].history.count;
	}
	janitor_thread_stop(&janitor, NULL);
	outcome->violations += history_check(histories, WORKERS);
	store_read_stats(store, &stats);
	outcome->at_once += stats.index_slots > players[0].halfway.index_slots &&
			    players[0].halfway.evictions > 0 &&
			    stats.evictions > players[0].halfway.evictions;
	outcome->growths += stats.index_growths;
	outcome->refreshes += stats.index_refreshes;
	outcome->evictions += stats.evictions;
	outcome->reused += stats.places_reused;
	outcome->displaced += stats.places_lost;
	outcome->lost += lost_segments(store);
	for (unsigned int i = 0; i < WORKERS; i++)
		free(players[i].history.sight);
	store_destroy(store);
}

/* All that is to be tortured has come about. A busy machine's janitor may need more rounds for it. */
static bool
has_seen_all(const struct outcome *outcome)
{
	return outcome->growths > 0 && outcome->refreshes > 0 && outcome->evictions > 0 &&
	       outcome->at_once > 0 && outcome->reused > 0;
}

static void
torture(unsigned int shards)
{
	const char *wish = getenv("JACKDAW_TORTURE");
	double passed, seconds = wish != NULL ? atof(wish) : 2;
	struct outcome outcome = {.violations = 0};
	struct timespec start, now;
	uint64_t rounds = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		play_round(&outcome, shards, ++rounds);
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (double)(now.tv_sec - start.tv_sec);
	} while (passed < seconds || (passed < 20 * seconds && !has_seen_all(&outcome)));
	printf("\n    %llu rounds, %llu sights, %llu growths, %llu refreshes, %llu evictions, "
	       "at once with growth in %llu rounds, %llu refusals, %llu places reused, %llu lost",
	       (unsigned long long)rounds, (unsigned long long)outcome.sights,
	       (unsigned long long)outcome.growths, (unsigned long long)outcome.refreshes,
	       (unsigned long long)outcome.evictions, (unsigned long long)outcome.at_once,
	       (unsigned long long)outcome.refused, (unsigned long long)outcome.reused,
	       (unsigned long long)outcome.displaced);
	CU_ASSERT_EQUAL(outcome.violations, 0);
	CU_ASSERT_EQUAL(outcome.torn, 0);
	CU_ASSERT_EQUAL(outcome.failed, 0);
	CU_ASSERT_EQUAL(outcome.lost, 0);
	CU_ASSERT(has_seen_all(&outcome));
}

static void
one_shard_is_linearizable(void)
{
	torture(1);
}

static void
two_shards_are_linearizable(void)
{
	torture(2);
}

/* The checker itself: histories that are, and that are not, linearizable. */
static void
the_checker_tells_right_from_wrong(void)
{
	static const struct {
		bool right;
		struct sight sights[5];
	} table[] = {
		/* written, read, overwritten, read */
		{true, {{1, 0, 1, 0}, {1, 2, 3, 0}, {2, 4, 5, 0}, {2, 6, 7, 0}}},
		/* read after it was overwritten */
		{false, {{1, 0, 1, 0}, {2, 2, 3, 0}, {1, 4, 5, 0}}},
		/* two writes at once may come in either order, but only in one */
		{true, {{1, 0, 9, 0}, {2, 0, 9, 0}, {1, 10, 11, 0}}},
		{false, {{1, 0, 9, 0}, {2, 0, 9, 0}, {1, 10, 11, 0}, {2, 12, 13, 0}}},
		{false, {{1, 0, 3, 0}, {2, 0, 3, 0}, {1, 4, 5, 0}, {2, 6, 7, 0}, {1, 8, 9, 0}}},
		/* forgotten, and remembered */
		{true, {{1, 0, 1, 0}, {1, 2, 3, 0}, {0, 4, 5, 0}, {0, 6, 7, 0}}},
		{false, {{1, 0, 1, 0}, {0, 2, 3, 0}, {1, 4, 5, 0}}},
		/* a miss while it was being written */
		{true, {{1, 0, 9, 0}, {0, 2, 3, 0}, {1, 10, 11, 0}}},
		{false, {{1, 0, 9, 0}, {1, 1, 2, 0}, {0, 3, 4, 0}, {1, 10, 11, 0}}},
		/* a miss that overlaps with the value's time, but may have come after it */
		{true, {{1, 0, 1, 0}, {1, 4, 5, 0}, {0, 3, 6, 0}}},
		/* two keys don't mix */
		{true, {{1, 0, 1, 0}, {2, 2, 3, 1}, {1, 4, 5, 0}}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct history history = {.count = 0};

		for (int k = 0; k < 5 && table[i].sights[k].end != 0; k++) {
			const struct sight *sight = &table[i].sights[k];

			history_note(&history, sight->key, sight->value, sight->begin, sight->end);
		}
		CU_ASSERT_EQUAL(history_check(&history, 1) == 0, table[i].right);
		free(history.sight);
	}
}

SUITE("store torture", TEST(the_checker_tells_right_from_wrong), TEST(one_shard_is_linearizable),
      TEST(two_shards_are_linearizable))
