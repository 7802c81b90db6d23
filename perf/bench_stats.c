/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
server_stats_parse(struct server_stats *stats, const char *answer)
{
	while (answer != NULL && stats->count < STATS_MAX) {
		struct server_stat *stat = &stats->stats[stats->count];
		char value[32], *end;

		if (sscanf(answer, "STAT %63s %31s", stat->name, value) == 2) {
			stat->value = strtod(value, &end);
			if (*end == '\0')
				stats->count++;
		}
		answer = strchr(answer, '\n');
		if (answer != NULL)
			answer++;
	}
}

bool
server_stats_find(const struct server_stats *stats, const char *name, double *value)
{
	for (unsigned int i = 0; i < stats->count; i++) {
		if (strcmp(stats->stats[i].name, name) == 0) {
			*value = stats->stats[i].value;
			return true;
		}
	}
	return false;
}

double
server_stats_change(const struct server_stats *before, const struct server_stats *after,
		    const char *name)
{
	double first, last;

	if (!server_stats_find(before, name, &first) || !server_stats_find(after, name, &last))
		return 0;
	return last - first;
}
