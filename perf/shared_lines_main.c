/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shared-lines: two workers that read the same keys out of one store, one after the other, so that
 * perf/shared-lines, which runs this under valgrind and sees every address, can tell which cache
 * lines one of them writes and the other touches.
 *
 * The workers are threads that take turns; a turn lies between two stores to `marker`, whose address
 * is printed first; reads outside of turns are to warm up. Turns 0 and 1 are those of the first reads, 2 and 3 of all later ones.
 *
 *     shared-lines [--spoil]   --spoil: each hit is also counted in one place, which must be found
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/store/store.h"

enum {
	WORKERS = 2,
	KEYS = 128,
	GETS = 512, /* a turn */
	BATCH = 32,
	WARMING = 4, /* turns' worth of reads before the last two turns: recency is settled */
	KEY_LENGTH = 16,
	VALUE_LENGTH = 32,
};

/* Written when a turn begins (1 + its number) and when it ends (0): seen from outside. */
static volatile uint32_t marker;
/* --spoil */
static atomic_ulong hits_of_all;

struct turns {
	struct store *store;
	bool spoil;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned int turn;
};

struct reader {
	struct turns *turns;
	unsigned int index;
	bool failed;
};

static void
put_key(uint8_t key[KEY_LENGTH + 1], unsigned int number)
{
	snprintf((char *)key, KEY_LENGTH + 1, "key-%012u", number);
}

/* Reads GETS keys in batches, as the worker of the data plane does; false if one was missed. */
static bool
reader_read(const struct turns *turns, struct store_worker *worker, uint32_t mark)
{
	static uint8_t keys[KEYS][KEY_LENGTH + 1]; /* equal for both, and written by neither */
	struct store_op ops[BATCH], *batch[BATCH];
	bool hit = true;

	if (keys[0][0] == 0) {
		for (unsigned int i = 0; i < KEYS; i++)
			put_key(keys[i], i);
	}
	if (mark != 0)
		marker = mark;
	for (unsigned int done = 0; done < GETS; done += BATCH) {
		for (unsigned int i = 0; i < BATCH; i++) {
			batch[i] = &ops[i];
			ops[i] = (struct store_op){.verb = STORE_GET,
						   .key = keys[(done + i) * 7 % KEYS],
						   .key_length = KEY_LENGTH};
		}
		store_prepare(worker, batch, BATCH);
		store_probe(worker, batch, BATCH);
		for (unsigned int i = 0; i < BATCH; i++) {
			store_execute(worker, &ops[i]);
			hit &= ops[i].status == STORE_OK;
			if (turns->spoil) /* relaxed: it is only to be seen */
				atomic_fetch_add_explicit(&hits_of_all, 1, memory_order_relaxed);
		}
		store_quiescent(worker);
	}
	if (mark != 0)
		marker = 0;
	return hit;
}

static void
reader_take_turn(struct reader *reader, struct store_worker *worker, unsigned int turn)
{
	struct turns *turns = reader->turns;

	pthread_mutex_lock(&turns->mutex);
	while (turns->turn != turn)
		pthread_cond_wait(&turns->changed, &turns->mutex);
	for (unsigned int i = 0; turn == WORKERS + reader->index && i < WARMING; i++)
		reader->failed |= !reader_read(turns, worker, 0);
	reader->failed |= !reader_read(turns, worker, turn + 1);
	turns->turn++;
	pthread_cond_broadcast(&turns->changed);
	pthread_mutex_unlock(&turns->mutex);
}

static void *
reader_main(void *arg)
{
	struct reader *reader = arg;
	struct store_worker *worker;

	if (store_worker_open(reader->turns->store, reader->index, &worker) != 0) {
		fprintf(stderr, "shared-lines: the store takes no worker\n");
		exit(1);
	}
	store_offline(worker);
	for (unsigned int turn = reader->index; turn < 2 * WORKERS; turn += WORKERS) {
		store_online(worker);
		reader_take_turn(reader, worker, turn);
		store_offline(worker);
	}
	store_online(worker);
	store_worker_close(worker);
	return NULL;
}

static bool
store_keys(struct store *store)
{
	struct store_worker *worker;
	bool stored = store_worker_open(store, 0, &worker) == 0;

	for (unsigned int i = 0; stored && i < KEYS; i++) {
		uint8_t key[KEY_LENGTH + 1], value[VALUE_LENGTH] = {0};
		struct store_op op = {.verb = STORE_SET,
				      .key = key,
				      .key_length = KEY_LENGTH,
				      .data = value,
				      .data_length = VALUE_LENGTH};

		put_key(key, i);
		store_do(worker, &op);
		stored = op.status == STORE_OK;
	}
	if (stored)
		store_worker_close(worker);
	return stored;
}

int
main(int argc, char **argv)
{
	struct store_options options = {.memory = 16 << 20,
					.item_size_max = 64 << 10,
					.workers = WORKERS,
					.shards = 1,
					.numa_nodes = {-1},
					.unix_time = 1000000000};
	struct turns turns = {.mutex = PTHREAD_MUTEX_INITIALIZER,
			      .changed = PTHREAD_COND_INITIALIZER,
			      .spoil = argc == 2 && strcmp(argv[1], "--spoil") == 0};
	struct reader readers[WORKERS];
	pthread_t threads[WORKERS];
	bool failed = false;

	printf("marker %p\n", (void *)&marker);
	fflush(stdout);
	memset(options.secret, 0x5a, sizeof(options.secret));
	if (store_create(&turns.store, &options) != 0 || !store_keys(turns.store)) {
		fprintf(stderr, "shared-lines: the store takes no keys\n");
		return 1;
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		readers[i] = (struct reader){.turns = &turns, .index = i};
		if (pthread_create(&threads[i], NULL, reader_main, &readers[i]) != 0)
			return 1;
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		failed |= readers[i].failed;
	}
	store_destroy(turns.store);
	if (failed)
		fprintf(stderr, "shared-lines: a key was missed\n");
	return failed;
}
