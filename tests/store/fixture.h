/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fixture.h - a small store and a worker in it, and one-line operations on text keys.
 */
#ifndef JACKDAW_TESTS_STORE_FIXTURE_H
#define JACKDAW_TESTS_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/store/store.h"
#include "tests/suite.h"

enum {
	UNIX_TIME = 1700000000, /* when a fixture's store is created */
};

static inline struct store_options
fixture_options(uint64_t memory)
{
	struct store_options options = {
		.memory = memory,
		.item_size_max = 1 << 20,
		.workers = 1,
		.shards = 1,
		.unix_time = UNIX_TIME,
	};

	for (int i = 0; i < STORE_SHARDS_MAX; i++)
		options.numa_nodes[i] = -1;
	for (int i = 0; i < STORE_SECRET_SIZE; i++)
		options.secret[i] = (uint8_t)(i * 7 + 1);
	return options;
}

struct fixture {
	struct store *store;
	struct store_worker *worker;
	struct store_op op; /* the last operation */
};

static inline struct fixture
fixture_with(const struct store_options *options)
{
	struct fixture fixture = {.store = NULL};

	if (store_create(&fixture.store, options) != 0 ||
	    store_worker_open(fixture.store, 0, &fixture.worker) != 0) {
		fprintf(stderr, "no store\n");
		abort();
	}
	return fixture;
}

static inline struct fixture
fixture_new(void)
{
	struct store_options options = fixture_options(64 << 20);

	return fixture_with(&options);
}

static inline void
fixture_end(struct fixture *fixture)
{
	store_worker_close(fixture->worker);
	store_destroy(fixture->store);
}

/* Memory of which segments are small enough to be many. */
static inline struct fixture
fixture_small(uint64_t memory)
{
	struct store_options options = fixture_options(memory);

	options.item_size_max = 4096;
	return fixture_with(&options);
}

/* Stores `length` bytes under the key that the number's bytes are. */
static inline enum store_status
store_number(struct fixture *f, uint64_t number, const void *value, uint32_t length,
	     int64_t exptime)
{
	f->op = (struct store_op){
		.verb = STORE_SET,
		.key = (const uint8_t *)&number,
		.key_length = sizeof(number),
		.data = value,
		.data_length = length,
		.exptime = exptime,
	};
	store_do(f->worker, &f->op);
	return (enum store_status)f->op.status;
}

/* Any operation on such a key that needs no more. */
static inline enum store_status
run_number(struct fixture *f, enum store_verb verb, uint64_t number)
{
	f->op = (struct store_op){.verb = (uint8_t)verb,
				  .key = (const uint8_t *)&number,
				  .key_length = sizeof(number)};
	store_do(f->worker, &f->op);
	return (enum store_status)f->op.status;
}

/* Executes f->op for a key; returns the status. */
static inline enum store_status
run(struct fixture *f, enum store_verb verb, const char *key)
{
	f->op.verb = (uint8_t)verb;
	f->op.key = (const uint8_t *)key;
	f->op.key_length = (uint8_t)strlen(key);
	store_do(f->worker, &f->op);
	return (enum store_status)f->op.status;
}

/* A verb that stores text. */
static inline enum store_status
put(struct fixture *f, enum store_verb verb, const char *key, const char *value)
{
	f->op = (struct store_op){.data = (const uint8_t *)value,
				  .data_length = (uint32_t)strlen(value)};
	return run(f, verb, key);
}

static inline enum store_status
set_for(struct fixture *f, const char *key, const char *value, int64_t exptime)
{
	f->op = (struct store_op){.data = (const uint8_t *)value,
				  .data_length = (uint32_t)strlen(value),
				  .exptime = exptime};
	return run(f, STORE_SET, key);
}

static inline enum store_status
put_cas(struct fixture *f, enum store_verb verb, const char *key, const char *value, uint64_t cas)
{
	f->op = (struct store_op){.data = (const uint8_t *)value,
				  .data_length = (uint32_t)strlen(value),
				  .cas = cas,
				  .options = STORE_IF_CAS};
	return run(f, verb, key);
}

static inline enum store_status
plain(struct fixture *f, enum store_verb verb, const char *key)
{
	f->op = (struct store_op){.verb = 0};
	return run(f, verb, key);
}

static inline enum store_status
count(struct fixture *f, enum store_verb verb, const char *key, uint64_t delta)
{
	f->op = (struct store_op){.delta = delta};
	return run(f, verb, key);
}

/* True if a get of the key hits and the value is this text. */
static inline bool
holds(struct fixture *f, const char *key, const char *value)
{
	return plain(f, STORE_GET, key) == STORE_OK && f->op.value_length == strlen(value) &&
	       memcmp(f->op.value, value, strlen(value)) == 0;
}

static inline struct store_stats
stats_of(struct fixture *f)
{
	struct store_stats stats;

	store_read_stats(f->store, &stats);
	return stats;
}

/* Lets the janitor do all that it finds to do. */
static inline void
tidy(struct fixture *f)
{
	for (int i = 0; i < 100000 && store_janitor(f->store); i++)
		store_quiescent(f->worker);
}

#endif
