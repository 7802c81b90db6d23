/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zipf.h - ranks 1 .. n with probability proportional to rank^-exponent, in constant time and space
 * whatever n is, for any exponent >= 0: rejection-inversion (Hörmann and Derflinger,
 * "Rejection-inversion to generate variates from monotone discrete distributions", ACM TOMACS 1996).
 * Read-only after zipf_init: threads may share one, each with a random source of its own.
 */
#ifndef JACKDAW_PERF_ZIPF_H
#define JACKDAW_PERF_ZIPF_H

#include "perf/random.h"

struct zipf {
	uint64_t n;
	double exponent;
	double area_first; /* H(1.5) - h(1) */
	double area_last;  /* H(n + 0.5) */
	double shortcut;   /* accepted without evaluating H where the rank is this close */
};

/* n >= 1; exponent >= 0 (0 is uniform, 1 is allowed). 0, or -EINVAL. */
int zipf_init(struct zipf *zipf, uint64_t n, double exponent);

/* A rank, 1 .. n. */
uint64_t zipf_draw(const struct zipf *zipf, struct random *random);

/* Sum of rank^-exponent over 1 .. n: divide by it to get probabilities. Slow for a hot path. */
double zipf_sum(uint64_t n, double exponent);

#endif
