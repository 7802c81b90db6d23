/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * timing.h - what every program that times runs of something needs. Any thread.
 */
#ifndef JACKDAW_PERF_TIMING_H
#define JACKDAW_PERF_TIMING_H

#include <time.h>

/* CLOCK_MONOTONIC. */
static inline double
nanoseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* For qsort of doubles, the least first. */
static inline int
by_value(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

#endif
