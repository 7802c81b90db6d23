/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_popularity.h - draws ranks 0 .. n-1 of a given popularity in a few cycles whatever n is, so
 * that the load generator is never what a measurement measures.
 *
 * The distribution is cut into at most 8192 ranges of ranks: the most popular ranks have one each,
 * the others share ranges whose width grows with the rank, within which ranks are taken for equally
 * popular (Zipf: the first and the last rank of a range differ by less than half a percent). Which
 * range is drawn by Walker's alias method (A. J. Walker, "An efficient method for generating
 * discrete random variables with general distributions", ACM TOMS 1977; tables by Vose's algorithm,
 * IEEE TSE 1991), the rank within it by a multiplication.
 */
#ifndef JACKDAW_PERF_BENCH_POPULARITY_H
#define JACKDAW_PERF_BENCH_POPULARITY_H

#include <stdint.h>

#include "perf/random.h"

enum {
	POPULARITY_CELL_BITS = 13,
	POPULARITY_CELLS = 1 << POPULARITY_CELL_BITS,
	POPULARITY_COIN_BITS =
		19, /* the rest of a random number's 64 bits, beside 32 for the rank */
};

struct popularity_range {
	uint32_t first, width;
};

struct popularity {
	uint64_t n;
	uint32_t ranges;     /* in use, from the front */
	uint32_t cell_shift; /* 64 - log2(cells in use) */
	struct {
		uint32_t threshold; /* a coin below it stays in this cell, */
		uint32_t alias;	    /* others go to this one */
	} cells[POPULARITY_CELLS];
	struct popularity_range of[POPULARITY_CELLS];
};

/* All of n ranks alike; 1 <= n <= 2^32 - 1. */
void popularity_uniform(struct popularity *popularity, uint64_t n);

/* Probability proportional to (rank + 1)^-exponent, exponent >= 0. */
void popularity_zipf(struct popularity *popularity, uint64_t n, double exponent);

/* The first hot_keys ranks (1 .. n-1) get hot_share (0 .. 1) of the draws, the others the rest. */
void popularity_hot_spot(struct popularity *popularity, uint64_t n, uint64_t hot_keys,
			 double hot_share);

static inline uint64_t
popularity_draw(const struct popularity *popularity, struct random *random)
{
	uint64_t bits = random_next(random);
	/* the top bits pick a cell, those in the middle are its coin, the low 32 pick the rank */
	uint32_t cell = (uint32_t)(bits >> popularity->cell_shift);
	uint32_t coin = (uint32_t)(bits >> 32) & ((1U << POPULARITY_COIN_BITS) - 1);
	/* as often as not it doesn't stay: a branch would be mispredicted, so all bits or none */
	uint32_t leave = -(uint32_t)(coin >= popularity->cells[cell].threshold);
	const struct popularity_range *range =
		&popularity->of[cell ^ ((cell ^ popularity->cells[cell].alias) & leave)];

	return range->first + ((uint64_t)range->width * (uint32_t)bits >> 32);
}

#endif
