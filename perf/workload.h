/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workload.h - an endless stream of cache requests with the popularity, churn, sizes, expiry and
 * operation mix of a production shape, or of plain options. The simulator, the store's benchmark
 * and the load generator draw from the same stream, so what one measures the others can repeat.
 *
 * A request is one of
 *
 *     a birth    the first request for a new key; one_hit of the births are never asked for again,
 *                the others take over one of `keys` ranks, whose former key is asked for no more
 *     a body     a request for the key of a rank drawn by Zipf, or (tail of them) uniformly
 *     an absence a GET for a key that is not in the backing store either
 *
 * A client that reads through stores what it missed: the caller sends a SET after a GET that
 * missed, where request.fill says so. The stream does not contain these SETs.
 *
 * Sizes and TTL are functions of the key alone: whoever knows the key can check the value's length.
 */
#ifndef JACKDAW_PERF_WORKLOAD_H
#define JACKDAW_PERF_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "perf/random.h"
#include "perf/shapes.h"
#include "perf/zipf.h"

enum {
	WORKLOAD_KEY_MIN = 11, /* bytes: enough for any key's number; shorter only without births */
	WORKLOAD_KEY_MAX = 250,
	WORKLOAD_QUANTILES = 1024,
};

enum workload_op {
	WORKLOAD_GET,
	WORKLOAD_SET,
	WORKLOAD_ADD, /* store only if absent */
	WORKLOAD_CAS, /* store only if present */
	WORKLOAD_DELETE,
	WORKLOAD_INCR,
	WORKLOAD_OPS,
};

struct workload_request {
	uint64_t key;	       /* its identity; workload_key() writes the text */
	uint32_t ttl;	       /* seconds, 0: never expires */
	uint32_t value_length; /* bytes */
	uint8_t key_length;    /* bytes */
	uint8_t op;	       /* enum workload_op */
	bool fill;	       /* a GET that misses is followed by a SET */
};

struct workload_options {
	uint64_t keys;	    /* ranks, >= 1 */
	double zipf;	    /* exponent; 0 is uniform */
	double tail;	    /* share of body requests spread uniformly over the ranks */
	double births[2];   /* share of all requests: births by GET, births by SET */
	double one_hit;	    /* share of births never asked for again */
	double absent;	    /* share of all requests: absences */
	double key_size;    /* mean, bytes */
	double key_spread;  /* half the width of the uniform distribution, relative to the mean */
	double value_size;  /* mean, bytes */
	double value_sigma; /* of the log-normal distribution; 0: all of the mean's size */
	uint32_t value_max; /* bytes */
	double ops[WORKLOAD_OPS]; /* weights of the body requests; need not add up to 1 */
	struct shape_ttl ttls[SHAPE_TTLS_MAX];
	unsigned int ttl_count; /* 0: nothing expires */
	double rate;		/* requests a second of the stream's own time */
	uint64_t seed;
};

struct workload {
	struct workload_options options;
	struct random random;
	struct zipf zipf;
	uint32_t *generations; /* a rank: how many keys it has had */
	uint64_t reborn;       /* births that took over a rank */
	uint64_t stride;       /* coprime to keys: the order in which ranks are taken over */
	uint64_t once;	       /* keys made that are asked for once */
	uint64_t requests;     /* drawn so far: requests / rate is the stream's time in seconds */
	uint32_t value_lengths[WORKLOAD_QUANTILES];
	uint32_t ttls[WORKLOAD_QUANTILES];
	double op_limits[WORKLOAD_OPS]; /* cumulated shares */
};

/* Plain defaults: 1 M keys, uniform, 16-byte keys, 32-byte values, GET only, nothing expires. */
void workload_defaults(struct workload_options *options);

/*
 * Options that make a stream like the shape's, scaled down (never up) so that about `objects` keys
 * are alive at a time under its expiry. Where the table is silent, see the top of workload.c.
 */
void workload_from_shape(struct workload_options *options, const struct shape *shape,
			 uint64_t objects);

/* Copies the options. 0, -EINVAL for options that make no sense, -ENOMEM. */
int workload_init(struct workload *workload, const struct workload_options *options);
void workload_release(struct workload *workload);

/* Draws the next request. One thread a workload. */
void workload_next(struct workload *workload, struct workload_request *request);

/* The request for the first key of a rank (0 .. keys-1): what a preload stores, with op SET. */
void workload_preload(const struct workload *workload, uint64_t rank,
		      struct workload_request *request);

/* Writes the key's text (no spaces or controls, distinct keys differ), length bytes, to text. */
void workload_key(uint64_t key, uint8_t length, uint8_t *text);

#endif
