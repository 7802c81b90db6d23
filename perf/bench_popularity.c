/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_popularity.h"

#include <math.h>
#include <stdlib.h>

enum {
	SINGLE_RANKS = POPULARITY_CELLS / 2, /* Zipf: ranks with a range of their own */
};

/*
 * Vose's algorithm: pairs each cell that holds less than its share with one that holds more. The
 * weights of the ranges are used up.
 */
static void
popularity_build(struct popularity *popularity, double *weights)
{
	static const uint32_t one = 1U << POPULARITY_COIN_BITS;
	uint32_t small[POPULARITY_CELLS] = {0}, large[POPULARITY_CELLS] = {0};
	uint32_t smalls = 0, larges = 0, cells = 1, bits = 0;
	double sum = 0;

	while (cells < popularity->ranges || bits == 0) {
		cells *= 2;
		bits++;
	}
	popularity->cell_shift = 64 - bits;
	for (uint32_t i = 0; i < popularity->ranges; i++)
		sum += weights[i];
	for (uint32_t i = 0; i < cells; i++) {
		weights[i] = i < popularity->ranges ? weights[i] / sum * cells : 0;
		if (weights[i] < 1)
			small[smalls++] = i;
		else
			large[larges++] = i;
	}
	while (smalls > 0 && larges > 0) {
		uint32_t less = small[--smalls], more = large[larges - 1];

		popularity->cells[less].threshold = (uint32_t)lround(weights[less] * one);
		popularity->cells[less].alias = more;
		weights[more] -= 1 - weights[less];
		if (weights[more] < 1) {
			small[smalls++] = more;
			larges--;
		}
	}
	/* what is left is 1 but for rounding; a cell beyond the ranges never is */
	while (larges > 0)
		popularity->cells[large[--larges]].threshold = one;
	while (smalls > 0) {
		uint32_t cell = small[--smalls];

		popularity->cells[cell].threshold = cell < popularity->ranges ? one : 0;
		popularity->cells[cell].alias = 0;
	}
}

static void
popularity_add(struct popularity *popularity, double *weights, uint64_t first, uint64_t width,
	       double weight)
{
	popularity->of[popularity->ranges] = (struct popularity_range){
		.first = (uint32_t)first,
		.width = (uint32_t)width,
	};
	weights[popularity->ranges++] = weight;
}

void
popularity_uniform(struct popularity *popularity, uint64_t n)
{
	double weights[POPULARITY_CELLS];

	popularity->n = n;
	popularity->ranges = 0;
	popularity_add(popularity, weights, 0, n, 1);
	popularity_build(popularity, weights);
}

void
popularity_hot_spot(struct popularity *popularity, uint64_t n, uint64_t hot_keys, double hot_share)
{
	double weights[POPULARITY_CELLS];

	popularity->n = n;
	popularity->ranges = 0;
	popularity_add(popularity, weights, 0, hot_keys, hot_share);
	popularity_add(popularity, weights, hot_keys, n - hot_keys, 1 - hot_share);
	popularity_build(popularity, weights);
}

/* The integral of x^-exponent from a to b. */
static double
power_integral(double a, double b, double exponent)
{
	double rest = 1 - exponent;

	/* (b^rest - a^rest) / rest, without losing all digits when rest is nearly 0 */
	if (fabs(rest) < 1e-9)
		return log(b / a);
	return pow(a, rest) * expm1(rest * log(b / a)) / rest;
}

void
popularity_zipf(struct popularity *popularity, uint64_t n, double exponent)
{
	double weights[POPULARITY_CELLS], growth;
	uint64_t first = n < SINGLE_RANKS ? n : SINGLE_RANKS;

	popularity->n = n;
	popularity->ranges = 0;
	for (uint64_t rank = 0; rank < first; rank++)
		popularity_add(popularity, weights, rank, 1, pow((double)rank + 1, -exponent));
	/* the rest in equal steps of log(rank) */
	growth = exp(log((double)n / SINGLE_RANKS) / (POPULARITY_CELLS - SINGLE_RANKS));
	while (first < n) {
		uint64_t end = (uint64_t)ceil((double)first * growth);

		if (end <= first)
			end = first + 1;
		if (end > n || popularity->ranges == POPULARITY_CELLS - 1)
			end = n;
		/* midpoint rule: ranks are 1-based in the law, so rank r covers r + 0.5 .. r + 1.5 */
		popularity_add(popularity, weights, first, end - first,
			       power_integral((double)first + 0.5, (double)end + 0.5, exponent));
		first = end;
	}
	popularity_build(popularity, weights);
}
