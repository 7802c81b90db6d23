/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real store behind the simulator's interface: the stream's time is its clock, and its janitor makes
 * a round every few requests. In service that has a millisecond between two rounds, in which fewer
 * requests come than a replay makes in a microsecond each: on a thread of its own it would be late, and keep
 * more of the memory in reserve.
 */
#include "perf/cache_sim.h"

#include <stdio.h>
#include <string.h>

#include "dataplane/store/store.h"
#include "perf/sim_table.h"

enum {
	RELATIVE_MAX = 30 * 86400, /* longer expiries are given as Unix times */
	UNIX_TIME = 1600000000,
	ROUND_REQUESTS = 32,
	TRIES = 1000,
};

struct real {
	struct sim_cache cache;
	struct store *store;
	struct store_worker *worker;
	uint8_t *value; /* what every item holds the first bytes of */
	uint32_t value_size;
	uint32_t time;
	uint64_t operations, refused;
};

/* Runs one operation at the request's time. */
static enum store_status
operate(struct real *real, const struct sim_request *request, enum store_verb verb)
{
	uint8_t key[WORKLOAD_KEY_MAX];
	struct store_op op = {.key = key, .key_length = request->key_length, .verb = (uint8_t)verb};

	if (request->time != real->time) {
		real->time = request->time;
		store_set_clock(real->store, (uint64_t)request->time * 1000);
	}
	workload_key(request->key, request->key_length, key);
	if (verb == STORE_SET) {
		uint32_t ttl = request->expires - request->time;

		op.data = real->value;
		op.data_length = request->value_length;
		if (request->expires != 0)
			op.exptime = ttl <= RELATIVE_MAX ? ttl : UNIX_TIME + request->expires;
	}
	store_do(real->worker, &op);
	store_quiescent(real->worker);
	if (++real->operations % ROUND_REQUESTS == 0)
		store_janitor(real->store);
	for (int i = 0; op.status == STORE_NO_MEMORY && i < TRIES; i++) {
		store_janitor(real->store);
		store_do(real->worker, &op);
	}
	return (enum store_status)op.status;
}

static bool
real_get(struct sim_cache *cache, const struct sim_request *request)
{
	return operate((struct real *)cache, request, STORE_GET) == STORE_OK;
}

static void
real_set(struct sim_cache *cache, const struct sim_request *request)
{
	struct real *real = (struct real *)cache;

	cache->stored += request->key_length + request->value_length;
	real->refused += operate(real, request, STORE_SET) == STORE_NO_MEMORY;
}

static void
real_erase(struct sim_cache *cache, const struct sim_request *request)
{
	operate((struct real *)cache, request, STORE_DELETE);
}

/* A number of the value's size would be changed by incr; here: a new version of the same size. */
static void
real_change(struct sim_cache *cache, const struct sim_request *request)
{
	real_set(cache, request);
}

static void
real_settle(struct sim_cache *cache, uint32_t now)
{
	struct store_stats stats;

	(void)now;
	store_read_stats(((struct real *)cache)->store, &stats);
	cache->live_items = stats.items;
	cache->live_bytes = stats.bytes_keys + stats.bytes_values;
}

static void
real_destroy(struct sim_cache *cache)
{
	struct real *real = (struct real *)cache;

	if (real->refused > 0)
		fprintf(stderr, "cache-sim: the store refused %lu items\n", real->refused);
	store_worker_close(real->worker);
	store_destroy(real->store);
	free(real->value);
	free(real);
}

struct sim_cache *
sim_store_create(const struct sim_budget *budget)
{
	static const struct sim_cache_ops ops = {
		.get = real_get,
		.set = real_set,
		.erase = real_erase,
		.change = real_change,
		.settle = real_settle,
		.destroy = real_destroy,
	};
	struct store_options options = {
		.memory = budget->memory,
		.item_size_max = budget->largest_item + STORE_ITEM_OVERHEAD,
		.workers = 1,
		.shards = 1,
		.numa_nodes = {-1},
		.unix_time = UNIX_TIME,
	};
	struct real *real = sim_realloc(NULL, 1, sizeof(*real));
	int rc;

	memset(real, 0, sizeof(*real));
	memset(options.secret, 0x5a, sizeof(options.secret));
	real->cache.ops = &ops;
	real->value_size = budget->largest_item;
	real->value = sim_realloc(NULL, real->value_size + 1, 1);
	memset(real->value, 'x', real->value_size);
	rc = store_create(&real->store, &options);
	if (rc == 0)
		rc = store_worker_open(real->store, 0, &real->worker);
	if (rc != 0) {
		fprintf(stderr, "cache-sim: a store of %lu bytes: %s\n", budget->memory,
			strerror(-rc));
		exit(1);
	}
	return &real->cache;
}
