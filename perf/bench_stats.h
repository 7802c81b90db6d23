/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_stats.h - the numbers that a server tells of itself ("STAT name value"), and what became of
 * them between two moments.
 */
#ifndef JACKDAW_PERF_BENCH_STATS_H
#define JACKDAW_PERF_BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	STATS_MAX = 512,
	STATS_NAME_SIZE = 64,
};

struct server_stat {
	char name[STATS_NAME_SIZE];
	double value;
};

struct server_stats {
	unsigned int count;
	struct server_stat stats[STATS_MAX];
};

/* Adds the numeric lines of an answer; what isn't a number is passed over. */
void server_stats_parse(struct server_stats *stats, const char *answer);

/* True and *value, if the server told it. */
bool server_stats_find(const struct server_stats *stats, const char *name, double *value);

/* after - before of one counter; 0 if either lacks it. */
double server_stats_change(const struct server_stats *before, const struct server_stats *after,
			   const char *name);

#endif
