/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_load.h - what is asked next: the stream of requests of one client, from plain options in a
 * few cycles a request, or of a production shape by workload.h. While it preloads, the stream is one
 * SET a key. Keys' text and all sizes are workload.h's. One thread.
 */
#ifndef JACKDAW_PERF_BENCH_LOAD_H
#define JACKDAW_PERF_BENCH_LOAD_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "perf/bench_options.h"
#include "perf/bench_popularity.h"
#include "perf/workload.h"

enum {
	LOAD_FILLS = 4096, /* SETs after missed GETs that may wait for their turn; a power of two */
	LOAD_PAIR_BITS = 12, /* two digits to base 64 */
	LOAD_PAIRS = 1 << LOAD_PAIR_BITS,
	LOAD_KEY_SLACK = 16, /* bytes that writing a key may write, whatever its length */
};

/* Keys of numbers are apart from the others: incr finds nothing else there. */
#define LOAD_NUMBER_KEY (UINT64_C(1) << 60)

struct load {
	bool shaped;
	bool only_gets;
	bool fill;
	uint8_t key_length;
	uint32_t ttl;
	uint32_t item_most;		  /* key and value: larger values of shapes are cut */
	uint32_t value_least, value_span; /* lengths are least .. least + span - 1 */
	uint32_t op_limits[WORKLOAD_OPS]; /* cumulated shares of 2^32 */
	bool preloading;
	uint64_t preload_next;	       /* the key that comes next */
	uint32_t fill_head, fill_tail; /* of the ring of fills */
	uint64_t fills_dropped;
	struct random random;
	struct popularity popularity;
	struct workload workload;
	struct workload_request fills[LOAD_FILLS];
	uint8_t key_text[256];		/* the text of key 0, */
	uint64_t key_rest;		/* of its first 8 characters the last two, little endian */
	uint16_t key_pairs[LOAD_PAIRS]; /* the text of two digits, little endian */
};

/* 0, -EINVAL or -ENOMEM with one line in error. */
int load_init(struct load *load, const struct bench_options *options, char error[BENCH_ERROR_SIZE]);
void load_release(struct load *load);

/* From now on: one SET for every key, then nothing until load_serve. */
void load_preload(struct load *load);
void load_serve(struct load *load);

/* How many keys a preload stores. */
uint64_t load_keys(const struct load *load);

/* The next request; false when a preload is through. */
static inline bool load_next(struct load *load, struct workload_request *request);

/* Whether all that comes now are GETs of plain options, which nothing follows. */
static inline bool
load_only_gets(const struct load *load)
{
	return load->only_gets && !load->preloading && !load->fill;
}

/* So many of them, if so: as many calls of load_next. */
static inline void load_next_gets(struct load *load, struct workload_request *requests,
				  unsigned int count);

/* A GET missed: remembers to store the key, if the stream reads through. */
static inline void load_missed(struct load *load, const struct workload_request *request);

/* Writes the key's text. May write up to LOAD_KEY_SLACK bytes whatever its length. */
static inline void load_write_key(const struct load *load, const struct workload_request *request,
				  uint8_t *text);

/* --- inline: once a request --------------------------------------------------------------- */

bool load_next_slow(struct load *load, struct workload_request *request);

static inline uint32_t
load_value_length(const struct load *load, uint64_t key)
{
	if (load->value_span == 1)
		return load->value_least;
	return load->value_least +
	       (uint32_t)((random_mix(~key) >> 32) * (uint64_t)load->value_span >> 32);
}

static inline bool
load_next(struct load *load, struct workload_request *request)
{
	uint64_t key;
	uint32_t coin;
	uint8_t op = 0;

	if (load->fill_head != load->fill_tail || load->shaped || load->preloading)
		return load_next_slow(load, request);
	key = popularity_draw(&load->popularity, &load->random);
	if (!load->only_gets) {
		coin = (uint32_t)(random_next(&load->random) >> 32);
		for (unsigned int i = 0; i < WORKLOAD_OPS - 1; i++)
			op = (uint8_t)(op + (coin >= load->op_limits[i]));
		if (op == WORKLOAD_INCR)
			key |= LOAD_NUMBER_KEY;
	}
	*request = (struct workload_request){
		.key = key,
		.ttl = load->ttl,
		.value_length = load_value_length(load, key),
		.key_length = load->key_length,
		.op = op,
		.fill = load->fill,
	};
	return true;
}

static inline void
load_next_gets(struct load *load, struct workload_request *requests, unsigned int count)
{
	struct random random = load->random; /* in registers */

	for (unsigned int i = 0; i < count; i++) {
		uint64_t key = popularity_draw(&load->popularity, &random);

		requests[i] = (struct workload_request){
			.key = key,
			.value_length = load_value_length(load, key),
			.key_length = load->key_length,
			.op = WORKLOAD_GET,
		};
	}
	load->random = random;
}

static inline void
load_missed(struct load *load, const struct workload_request *request)
{
	if (!request->fill)
		return;
	if (load->fill_tail - load->fill_head == LOAD_FILLS) {
		load->fills_dropped++;
		return;
	}
	load->fills[load->fill_tail % LOAD_FILLS] = *request;
	load->fills[load->fill_tail++ % LOAD_FILLS].op = WORKLOAD_SET;
}

static inline void
load_write_key(const struct load *load, const struct workload_request *request, uint8_t *text)
{
	uint64_t key = request->key, first;

	if (__builtin_expect(key >= LOAD_NUMBER_KEY || load->shaped, 0)) {
		workload_key(key, request->key_length, text);
		return;
	}
	/* a key's text is its number to base 64, lowest digit first: six digits, for 2^32 keys. They
	 * are put together in a register: a copy would wait for characters stored one by one. */
	first = load->key_pairs[key % LOAD_PAIRS] |
		(uint64_t)load->key_pairs[key >> LOAD_PAIR_BITS & (LOAD_PAIRS - 1)] << 16 |
		(uint64_t)load->key_pairs[key >> 2 * LOAD_PAIR_BITS & (LOAD_PAIRS - 1)] << 32 |
		load->key_rest;
	first = htole64(first);
	memcpy(text, &first, sizeof(first));
	memcpy(text + 8, load->key_text + 8, 8);
	if (request->key_length > LOAD_KEY_SLACK)
		memcpy(text + 16, load->key_text + 16, request->key_length - 16u);
}

#endif
