/* SPDX-License-Identifier: BSD-3-Clause */
/* The store as a benchmark's subject, with its janitor and clock on a thread of their own. */
#include "perf/store_bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "dataplane/store/store.h"
#include "perf/store_bench_jackdaw.h"

enum {
	ITEM_COST = 8 + 8 + 32,	 /* header, alignment, index: generous */
	ITEM_SIZE_MAX = 1 << 20, /* as the appliance and memcached have it unless told otherwise */
	MEMORY_SPARE = 64 << 20,
	SEGMENTS_A_WORKER = 16,
	LINE = 64,
	HEADER = 8, /* of an item without options */
	/* of the loop beside operations that are timed */
	TURN = 64,	     /* operations between two turns of it */
	TOUCHED = 512 << 20, /* bytes */
	REPEATED_NS = 20000,
};

struct jackdaw {
	struct trial_subject subject;
	struct store *store;
	pthread_t janitor;
	_Atomic bool stop;
	struct timespec start;
};

struct jackdaw_worker {
	struct store_worker *worker;
	struct jackdaw *jackdaw;
	uint8_t *value;
};

static void
set_clock(struct jackdaw *jackdaw)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	store_set_clock(jackdaw->store,
			(uint64_t)(t.tv_sec - jackdaw->start.tv_sec) * 1000 +
				(uint64_t)((t.tv_nsec - jackdaw->start.tv_nsec) / 1000000 + 1000));
}

static void *
keep_house(void *arg)
{
	struct jackdaw *jackdaw = arg;

	trial_keep_off(jackdaw->subject.plan->workers); /* as the appliance's */
	/* relaxed: the join orders what follows */
	while (!atomic_load_explicit(&jackdaw->stop, memory_order_relaxed)) {
		set_clock(jackdaw);
		if (!store_janitor(jackdaw->store))
			usleep(1000);
	}
	return NULL;
}

static uint64_t
memory_for(const struct trial_plan *plan)
{
	uint64_t item = plan->key_size + plan->value_size + ITEM_COST;

	if (plan->memory != 0)
		return plan->memory;
	return plan->items * item + plan->items * item / 8 + MEMORY_SPARE +
	       (uint64_t)plan->workers * SEGMENTS_A_WORKER * (2 << 20);
}

/* What the largest item counts for: it decides how large a small heap's segments must be. */
static uint64_t
item_size_max_for(const struct trial_plan *plan)
{
	uint64_t size = plan->key_size + plan->value_size + STORE_ITEM_OVERHEAD;

	return size > ITEM_SIZE_MAX ? size : ITEM_SIZE_MAX;
}

static struct trial_subject *
jackdaw_create(const struct trial_plan *plan)
{
	struct store_options options = {
		.memory = memory_for(plan),
		.item_size_max = item_size_max_for(plan),
		.workers = plan->workers,
		.shards = 1,
		.numa_nodes = {-1},
		.hugepages = plan->hugepages,
		.unix_time = time(NULL),
	};
	struct jackdaw *jackdaw = calloc(1, sizeof(*jackdaw));
	struct random random;
	int rc;

	random_seed(&random, 0x1234);
	for (size_t i = 0; i < sizeof(options.secret); i++)
		options.secret[i] = (uint8_t)random_next(&random);
	rc = jackdaw == NULL ? -ENOMEM : store_create(&jackdaw->store, &options);
	if (rc != 0) {
		fprintf(stderr, "store-bench: store of %lu MiB: %s\n", options.memory >> 20,
			strerror(-rc));
		free(jackdaw);
		return NULL;
	}
	jackdaw->subject.ops = &trial_jackdaw;
	jackdaw->subject.plan = plan;
	clock_gettime(CLOCK_MONOTONIC, &jackdaw->start);
	set_clock(jackdaw);
	rc = pthread_create(&jackdaw->janitor, NULL, keep_house, jackdaw);
	if (rc != 0) {
		fprintf(stderr, "store-bench: janitor: %s\n", strerror(rc));
		store_destroy(jackdaw->store);
		free(jackdaw);
		return NULL;
	}
	return &jackdaw->subject;
}

static void
jackdaw_destroy(struct trial_subject *subject)
{
	struct jackdaw *jackdaw = (struct jackdaw *)subject;

	atomic_store_explicit(&jackdaw->stop, true, memory_order_relaxed); /* see keep_house */
	pthread_join(jackdaw->janitor, NULL);
	store_destroy(jackdaw->store);
	free(jackdaw);
}

static void *
jackdaw_enter(struct trial_subject *subject, unsigned int index)
{
	struct jackdaw *jackdaw = (struct jackdaw *)subject;
	struct jackdaw_worker *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (w != NULL) {
		w->jackdaw = jackdaw;
		w->value = trial_map(TRIAL_BATCH_MAX * (subject->plan->value_size + 8), false);
		rc = store_worker_open(jackdaw->store, index, &w->worker);
	}
	if (rc != 0) {
		fprintf(stderr, "store-bench: worker %u: %s\n", index, strerror(-rc));
		exit(1);
	}
	store_offline(w->worker); /* it waits for the others */
	return w;
}

static void
jackdaw_leave(void *worker)
{
	struct jackdaw_worker *w = worker;

	store_online(w->worker);
	store_worker_close(w->worker);
	trial_unmap(w->value, TRIAL_BATCH_MAX * (w->jackdaw->subject.plan->value_size + 8), false);
	free(w);
}

/* Writes the value's first bytes, as far as it has them. */
static inline void
fill_value(uint8_t *value, uint32_t size, uint64_t head)
{
	memcpy(value, &head, size < sizeof(head) ? size : sizeof(head));
}

static inline uint64_t
read_head(const uint8_t *value, uint32_t size)
{
	uint64_t head = 0;

	if (__builtin_expect(size >= sizeof(head), 1))
		memcpy(&head, value, sizeof(head)); /* one load, not a copy of some bytes */
	else
		memcpy(&head, value, size);
	return head;
}

/*
 * Reads every key: the first read of an item marks it, a write that no later one repeats. What is measured
 * afterwards is a cache that has been in use.
 */
static void
read_once(struct jackdaw_worker *w, uint64_t from, uint64_t to)
{
	const struct trial_plan *plan = w->jackdaw->subject.plan;
	uint8_t keys[TRIAL_BATCH_MAX][STORE_KEY_MAX];
	struct store_op op[TRIAL_BATCH_MAX], *ops[TRIAL_BATCH_MAX];

	while (from < to) {
		unsigned int n = 0;

		for (; n < TRIAL_BATCH_MAX && from < to; n++, from++) {
			trial_key(plan, from, keys[n]);
			op[n] = (struct store_op){
				.key = keys[n], .key_length = plan->key_size, .verb = STORE_GET};
			ops[n] = &op[n];
		}
		store_prepare(w->worker, ops, n);
		store_probe(w->worker, ops, n);
		for (unsigned int i = 0; i < n; i++)
			store_execute(w->worker, ops[i]);
		store_quiescent(w->worker);
	}
}

static void
jackdaw_load(void *worker, uint64_t from, uint64_t to)
{
	struct jackdaw_worker *w = worker;
	const struct trial_plan *plan = w->jackdaw->subject.plan;
	uint8_t keys[TRIAL_BATCH_MAX][STORE_KEY_MAX];
	struct store_op op[TRIAL_BATCH_MAX], *ops[TRIAL_BATCH_MAX];
	uint64_t refused = 0, start = from;

	store_online(w->worker);
	while (from < to) {
		unsigned int n = 0;

		for (; n < TRIAL_BATCH_MAX && from < to; n++, from++) {
			uint8_t *value = w->value + n * (plan->value_size + 8);

			trial_key(plan, from, keys[n]);
			fill_value(value, plan->value_size, trial_head(from));
			op[n] = (struct store_op){.key = keys[n],
						  .key_length = plan->key_size,
						  .data = value,
						  .data_length = plan->value_size,
						  .verb = STORE_SET};
			ops[n] = &op[n];
		}
		store_prepare(w->worker, ops, n);
		store_probe(w->worker, ops, n);
		for (unsigned int i = 0; i < n; i++) {
			store_execute(w->worker, ops[i]);
			/* the janitor may need a moment for the next segments */
			for (int tries = 0; ops[i]->status == STORE_NO_MEMORY && tries < 1000;
			     tries++) {
				store_quiescent(w->worker);
				usleep(100);
				store_do(w->worker, ops[i]);
			}
			refused += ops[i]->status != STORE_OK;
		}
		store_quiescent(w->worker);
	}
	read_once(w, start, to);
	store_offline(w->worker);
	if (refused > 0)
		fprintf(stderr, "store-bench: %lu keys were not stored\n", refused);
}

/* Sets up n operations from the pool, of which every one is a GET, as the last batch's were. */
static inline void
make_gets(const struct jackdaw_worker *w, const struct trial_pool *pool, size_t first,
	  struct store_op *op, unsigned int n)
{
	size_t key_size = w->jackdaw->subject.plan->key_size;
	const uint8_t *key = pool->keys + first * key_size;

	for (unsigned int i = 0; i < n; i++, key += key_size) {
		op[i].key = key;
		op[i].options = 0;
	}
}

/*
 * Sets up n operations from the pool. All are given what a SET needs: which of them are is not to be
 * foreseen, and a branch that is mispredicted costs more than that.
 */
static inline void
make_ops(const struct jackdaw_worker *w, const struct trial_pool *pool, size_t first,
	 struct store_op *op, unsigned int n)
{
	const struct trial_plan *plan = w->jackdaw->subject.plan;

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *value = w->value + i * (plan->value_size + sizeof(uint64_t));
		bool sets = pool->sets != NULL && pool->sets[first + i];

		memcpy(value, &pool->heads[first + i], sizeof(uint64_t));
		op[i].key = pool->keys + (first + i) * plan->key_size;
		op[i].options = 0;
		op[i].verb = (uint8_t)(STORE_GET + sets * (STORE_SET - STORE_GET));
		op[i].data = value;
		op[i].data_length = plan->value_size;
		op[i].flags = 0;
	}
}

/* Without a branch on what is a GET, for the same reason. */
static inline void
count_op(const struct store_op *op, struct trial_tally *tally)
{
	static const uint64_t none;
	bool hit = (op->status == STORE_OK) & (op->verb == STORE_GET);
	const uint8_t *value[] = {(const uint8_t *)&none, op->value};
	uint32_t length[] = {sizeof(none), op->value_length};

	tally->hits += hit;
	tally->heads_sum += read_head(value[hit], length[hit]);
	tally->refused += op->status == STORE_NO_MEMORY;
}

/* The same of GETs alone. */
static inline void
count_gets(const struct store_op *op, unsigned int n, struct trial_tally *tally)
{
	uint64_t sum = 0, hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (op[i].status != STORE_OK)
			continue;
		sum += read_head(op[i].value, op[i].value_length);
		hits++;
	}
	tally->hits += hits;
	tally->heads_sum += sum;
}

static inline void
count_ops(const struct store_op *op, unsigned int n, struct trial_tally *tally)
{
	struct trial_tally sums = {0};

	for (unsigned int i = 0; i < n; i++)
		count_op(&op[i], &sums);
	tally->hits += sums.hits;
	tally->heads_sum += sums.heads_sum;
	tally->refused += sums.refused;
}

/* The lengths of the operations of a turn, in ticks, which the machine's loop is to repeat. */
struct turn {
	unsigned int count;
	uint64_t ticks[TURN];
};

/*
 * As often as there were operations in the turn, and each time for as long as that one took, touches memory
 * that is nobody else's: it gives the machine as many chances to hold it up as the operations did.
 * Of one that was held up itself, only so much is repeated as an operation takes by itself.
 */
static void
repeat_turn(struct turn *turn, uint8_t *touched, struct random *random, struct trial_tally *tally)
{
	double ticks_per_ns = trial_ticks_per_ns();
	uint64_t most = (uint64_t)(REPEATED_NS * ticks_per_ns);

	for (unsigned int i = 0; i < turn->count; i++) {
		uint64_t wanted = turn->ticks[i] < most ? turn->ticks[i] : most;
		uint64_t start = __rdtsc(), ticks;

		do {
			touched[random_below(random, TOUCHED / LINE) * LINE]++;
			ticks = __rdtsc() - start;
		} while (ticks < wanted);
		histogram_add(&tally->latency->machine, (uint64_t)((double)ticks / ticks_per_ns),
			      1);
	}
	turn->count = 0;
}

/* Every operation by itself: its latency is all of its stages and the quiescent state after it. */
static void
run_timed(struct jackdaw_worker *w, const struct trial_pool *pool, struct trial_tally *tally)
{
	struct store_op op = {.key_length = w->jackdaw->subject.plan->key_size}, *ops = &op;
	bool hugepages = w->jackdaw->subject.plan->hugepages;
	uint8_t *touched = trial_map(TOUCHED, hugepages);
	double ticks_per_ns = trial_ticks_per_ns();
	struct turn turn = {.count = 0};
	struct random random;

	random_seed(&random, 77);
	store_online(w->worker);
	for (size_t i = 0; i < pool->count; i++) {
		uint64_t start, ticks;

		make_ops(w, pool, i, &op, 1);
		start = __rdtsc();
		store_prepare(w->worker, &ops, 1);
		store_probe(w->worker, &ops, 1);
		store_execute(w->worker, &op);
		count_op(&op, tally);
		store_quiescent(w->worker);
		if (op.verb != STORE_SET && pool->sets != NULL)
			continue;
		ticks = __rdtsc() - start;
		histogram_add(&tally->latency->operations, (uint64_t)((double)ticks / ticks_per_ns),
			      1);
		turn.ticks[turn.count++] = ticks;
		if (turn.count == TURN)
			repeat_turn(&turn, touched, &random, tally);
	}
	repeat_turn(&turn, touched, &random, tally);
	store_offline(w->worker);
	trial_unmap(touched, TOUCHED, hugepages);
	tally->ops = pool->count;
}

static void
jackdaw_run(void *worker, const struct trial_pool *pool, struct trial_tally *tally)
{
	struct jackdaw_worker *w = worker;
	const struct trial_plan *plan = w->jackdaw->subject.plan;
	struct store_op op[TRIAL_BATCH_MAX], *ops[TRIAL_BATCH_MAX];

	if (tally->latency != NULL) {
		run_timed(w, pool, tally);
		return;
	}
	memset(op, 0, sizeof(op));
	for (unsigned int i = 0; i < plan->batch; i++) {
		ops[i] = &op[i];
		op[i].key_length = plan->key_size;
		op[i].verb = STORE_GET;
	}
	store_online(w->worker);
	for (size_t first = 0; first < pool->count; first += plan->batch) {
		unsigned int n = plan->batch;

		if (n > pool->count - first)
			n = (unsigned int)(pool->count - first);
		if (pool->sets == NULL)
			make_gets(w, pool, first, op, n);
		else
			make_ops(w, pool, first, op, n);
		store_prepare(w->worker, ops, n);
		store_probe(w->worker, ops, n);
		store_execute_all(w->worker, ops, n);
		if (pool->sets == NULL)
			count_gets(op, n, tally);
		else
			count_ops(op, n, tally);
		store_quiescent(w->worker);
	}
	store_offline(w->worker);
	tally->ops = pool->count;
}

static void
jackdaw_grow(void *worker, struct trial_tally *tally)
{
	struct jackdaw_worker *w = worker;

	growth_run(w->worker, w->jackdaw->subject.plan, w->value, tally);
}

void
trial_jackdaw_stats(const struct trial_subject *subject, struct store_stats *stats)
{
	store_read_stats(((const struct jackdaw *)subject)->store, stats);
}

double
trial_jackdaw_item_lines(struct trial_subject *subject, uint64_t samples)
{
	struct jackdaw_worker *w = jackdaw_enter(subject, 0);
	const struct trial_plan *plan = subject->plan;
	uint8_t key[STORE_KEY_MAX];
	uint64_t lines = 0, hits = 0;
	struct random random;

	random_seed(&random, 5);
	store_online(w->worker);
	for (uint64_t i = 0; i < samples; i++) {
		struct store_op op = {.key = key, .key_length = plan->key_size, .verb = STORE_GET};

		trial_key(plan, random_below(&random, plan->items), key);
		store_do(w->worker, &op);
		if (op.status == STORE_OK) {
			uintptr_t from = (uintptr_t)op.value - plan->key_size - HEADER;
			uintptr_t last = (uintptr_t)op.value + op.value_length - 1;

			lines += last / LINE - from / LINE + 1;
			hits++;
		}
		store_quiescent(w->worker);
	}
	store_offline(w->worker);
	jackdaw_leave(w);
	return hits > 0 ? (double)lines / (double)hits : 0;
}

const struct trial_subject_ops trial_jackdaw = {
	.name = "jackdaw",
	.create = jackdaw_create,
	.destroy = jackdaw_destroy,
	.enter = jackdaw_enter,
	.leave = jackdaw_leave,
	.load = jackdaw_load,
	.run = jackdaw_run,
	.grow = jackdaw_grow,
};
