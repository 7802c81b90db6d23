/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_arrivals.h - when the next request of an open loop is due: gaps are exponential, so that
 * arrivals are a Poisson process. Gaps come from the inverse of the law at 4096 evenly spaced
 * points, linear between them; the last interval, which has no upper end, is computed exactly.
 */
#ifndef JACKDAW_PERF_BENCH_ARRIVALS_H
#define JACKDAW_PERF_BENCH_ARRIVALS_H

#include <math.h>
#include <stdint.h>

#include "perf/random.h"

enum {
	ARRIVALS_POINT_BITS = 12,
	ARRIVALS_POINTS = 1 << ARRIVALS_POINT_BITS,
};

struct arrivals {
	double due;	 /* tick of the next arrival */
	double mean_gap; /* ticks */
	struct random random;
	double points[ARRIVALS_POINTS]; /* -log(1 - i / POINTS) */
};

static inline void
arrivals_init(struct arrivals *arrivals, double mean_gap, uint64_t seed)
{
	arrivals->mean_gap = mean_gap;
	random_seed(&arrivals->random, ~seed);
	for (int i = 0; i < ARRIVALS_POINTS; i++)
		arrivals->points[i] = -log1p(-(double)i / ARRIVALS_POINTS);
}

/* Moves on to the arrival after this one. */
static inline void
arrivals_next(struct arrivals *arrivals)
{
	uint64_t bits = random_next(&arrivals->random);
	unsigned int point = (unsigned int)(bits >> (64 - ARRIVALS_POINT_BITS));
	double part = random_unit_of(bits << ARRIVALS_POINT_BITS), gap;

	if (point == ARRIVALS_POINTS - 1) /* memoryless: beyond the last point it begins anew */
		gap = arrivals->points[point] - log1p(-part);
	else
		gap = arrivals->points[point] +
		      part * (arrivals->points[point + 1] - arrivals->points[point]);
	arrivals->due += gap * arrivals->mean_gap;
}

#endif
