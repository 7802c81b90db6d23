/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's rte_hash as a peer: lock-free readers, CRC32C of the key (its fastest), bulk lookups, and
 * the value read through the pointer that it returns. It evicts nothing, expires nothing and stores
 * no values: a bound more than a peer. Its memory is an external heap over pages like ours.
 */
#include "perf/store_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>

#include "dataplane/store/prefetch.h"
#include "perf/eal_end.h"

static const char heap_name[] = "bench";
enum {
	PAGE = 2 << 20
};

struct rte {
	struct trial_subject subject;
	struct rte_hash *table;
	uint8_t *values;
	size_t value_room;
	void *heap;
	size_t heap_size;
};

/* The EAL pins who starts it to one CPU, and every thread that is made later would be there with it. */
static int
start_eal(void)
{
	static int started;
	char *args[] = {
		"store-bench",	  "--no-huge",		 "-m", "64", "--no-pci", "--no-shconf",
		"--no-telemetry", "--log-level=*:error", NULL};
	cpu_set_t cpus;

	if (started != 0)
		return started;
	started = -1;
	if (pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus) == 0 &&
	    rte_eal_init((int)(sizeof(args) / sizeof(args[0])) - 1, args) >= 0 &&
	    pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus) == 0 &&
	    atexit(eal_end) == 0)
		started = 1;
	return started;
}

/* Generous: buckets and key store of the rounded-up number of entries. */
static size_t
heap_for(const struct rte_hash_parameters *params)
{
	size_t entries = 1;

	while (entries < params->entries)
		entries *= 2;
	return (entries * (64 / 8 + 4 + 8) +
		(size_t)params->entries * ((params->key_len + 8 + 31u) & ~15u) + (64u << 20) +
		PAGE - 1) &
	       ~(size_t)(PAGE - 1);
}

static int
add_heap(struct rte *rte)
{
	rte->heap = trial_map(rte->heap_size, rte->subject.plan->hugepages);
	if (rte_malloc_heap_create(heap_name) != 0 ||
	    rte_malloc_heap_memory_add(heap_name, rte->heap, rte->heap_size, NULL, 0, PAGE) != 0)
		return -1;
	return rte_malloc_heap_get_socket(heap_name);
}

static struct trial_subject *
rte_create(const struct trial_plan *plan)
{
	struct rte_hash_parameters params = {
		.name = "bench",
		.entries = (uint32_t)(plan->items + plan->items / 16 + 1024),
		.key_len = plan->key_size,
		.hash_func = rte_hash_crc,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF |
			      RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD,
	};
	struct rte *rte = calloc(1, sizeof(*rte));

	if (rte == NULL || start_eal() < 0) {
		fprintf(stderr, "store-bench: rte_hash: no EAL: %s\n", rte_strerror(rte_errno));
		free(rte);
		return NULL;
	}
	rte->subject.ops = &trial_rte_hash;
	rte->subject.plan = plan;
	rte->heap_size = heap_for(&params);
	params.socket_id = add_heap(rte);
	rte->table = params.socket_id < 0 ? NULL : rte_hash_create(&params);
	if (rte->table == NULL) {
		fprintf(stderr, "store-bench: rte_hash: %s\n", rte_strerror(rte_errno));
		trial_unmap(rte->heap, rte->heap_size, plan->hugepages);
		free(rte);
		return NULL;
	}
	/* what an item's value takes of whole lines' parts: never straddling for small ones */
	rte->value_room = 8;
	while (rte->value_room < plan->value_size && rte->value_room < 64)
		rte->value_room *= 2;
	if (plan->value_size > 64)
		rte->value_room = (plan->value_size + 63) & ~63ul;
	rte->values = trial_map(plan->items * rte->value_room, plan->hugepages);
	return &rte->subject;
}

static void
rte_destroy(struct trial_subject *subject)
{
	struct rte *rte = (struct rte *)subject;

	rte_hash_free(rte->table);
	rte_malloc_heap_memory_remove(heap_name, rte->heap, rte->heap_size);
	rte_malloc_heap_destroy(heap_name);
	trial_unmap(rte->heap, rte->heap_size, subject->plan->hugepages);
	trial_unmap(rte->values, subject->plan->items * rte->value_room, subject->plan->hugepages);
	free(rte);
}

static void *
rte_enter(struct trial_subject *subject, unsigned int worker)
{
	(void)worker;
	rte_thread_register();
	return subject;
}

static void
rte_leave(void *worker)
{
	(void)worker;
	rte_thread_unregister();
}

static void
rte_load(void *worker, uint64_t from, uint64_t to)
{
	struct rte *rte = worker;
	const struct trial_plan *plan = rte->subject.plan;
	uint64_t refused = 0;

	for (uint64_t rank = from; rank < to; rank++) {
		uint8_t *value = rte->values + rank * rte->value_room, key[256];
		uint64_t head = trial_head(rank);

		trial_key(plan, rank, key);
		memcpy(value, &head, plan->value_size < 8 ? plan->value_size : 8);
		refused += rte_hash_add_key_data(rte->table, key, value) != 0;
	}
	if (refused > 0)
		fprintf(stderr, "store-bench: rte_hash refused %lu keys\n", refused);
}

static void
rte_run(void *worker, const struct trial_pool *pool, struct trial_tally *tally)
{
	struct rte *rte = worker;
	const struct trial_plan *plan = rte->subject.plan;
	size_t head_size = plan->value_size < 8 ? plan->value_size : 8;
	const void *keys[TRIAL_BATCH_MAX];
	void *data[TRIAL_BATCH_MAX];

	for (size_t first = 0; first < pool->count; first += plan->batch) {
		uint32_t n = plan->batch;
		uint64_t hits = 0;

		if (n > pool->count - first)
			n = (uint32_t)(pool->count - first);
		for (uint32_t i = 0; i < n; i++)
			keys[i] = pool->keys + (first + i) * plan->key_size;
		rte_hash_lookup_bulk_data(rte->table, keys, n, &hits, data);
		for (uint32_t i = 0; i < n; i++) {
			if (hits >> i & 1)
				prefetch_line(data[i]);
		}
		for (uint32_t i = 0; i < n; i++) {
			uint64_t head = 0;

			if (!(hits >> i & 1))
				continue;
			if (__builtin_expect(head_size == sizeof(head), 1))
				memcpy(&head, data[i], sizeof(head)); /* one load */
			else
				memcpy(&head, data[i], head_size);
			tally->heads_sum += head;
			tally->hits++;
		}
	}
	tally->ops = pool->count;
}

const struct trial_subject_ops trial_rte_hash = {
	.name = "rte_hash",
	.create = rte_create,
	.destroy = rte_destroy,
	.enter = rte_enter,
	.leave = rte_leave,
	.load = rte_load,
	.run = rte_run,
};
