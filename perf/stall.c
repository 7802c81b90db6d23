/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/stall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
	SIZE_MIN = 1024, /* of the list, at first */
};

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct stall_witness
stall_witness_now(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (struct stall_witness){
		.wall_ns = clock_ns(CLOCK_MONOTONIC),
		.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID),
		.faults = usage.ru_minflt + usage.ru_majflt,
		.switches = usage.ru_nvcsw + usage.ru_nivcsw,
	};
}

enum stall_cause
stall_cause(const struct stall_witness *before, const struct stall_witness *after, uint64_t ns)
{
	uint64_t wall = after->wall_ns - before->wall_ns, cpu = after->cpu_ns - before->cpu_ns;

	if (after->faults != before->faults)
		return STALL_FAULT;
	if (after->switches != before->switches)
		return STALL_SWITCH;
	return wall > cpu && wall - cpu >= ns / 2 ? STALL_STOLEN : STALL_OWN;
}

int
stalls_add(struct stalls *stalls, uint64_t ns, enum stall_cause cause)
{
	struct stall_count *of = &stalls->of[cause];

	if (stalls->count == stalls->size) {
		size_t size = stalls->size == 0 ? SIZE_MIN : 2 * stalls->size;
		uint64_t *grown = reallocarray(stalls->ns, size, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		stalls->ns = grown;
		stalls->size = size;
	}
	stalls->ns[stalls->count++] = ns;
	of->count++;
	of->ns += ns;
	if (ns > of->longest_ns)
		of->longest_ns = ns;
	return 0;
}

int
stalls_watch(struct stalls *stalls, double seconds, uint64_t least_ns)
{
	struct stall_witness before = stall_witness_now(), after;
	uint64_t start = clock_ns(CLOCK_MONOTONIC), last = start, now;
	uint64_t end = start + (uint64_t)(seconds * 1e9);
	int status = 0;

	do {
		now = clock_ns(CLOCK_MONOTONIC);
		if (now - last < least_ns) {
			last = now;
			continue;
		}
		after = stall_witness_now();
		status = stalls_add(stalls, now - last, stall_cause(&before, &after, now - last));
		/* what finding out took is no gap */
		before = stall_witness_now();
		last = clock_ns(CLOCK_MONOTONIC);
	} while (now < end && status == 0);
	stalls->seconds += (double)(now - start) / 1e9;
	return status;
}

void
stalls_release(struct stalls *stalls)
{
	free(stalls->ns);
	memset(stalls, 0, sizeof(*stalls));
}

size_t
stalls_over(const struct stalls *stalls, uint64_t ns)
{
	size_t over = 0;

	for (size_t i = 0; i < stalls->count; i++)
		over += stalls->ns[i] > ns;
	return over;
}

/* --- what they mean for requests ------------------------------------------------------------ */

/* The share of requests that come late by more than so many ns. */
static double
share_later(const struct stalls *stalls, size_t cpus, double ns, double load)
{
	double share = 0;

	for (size_t cpu = 0; cpu < cpus; cpu++) {
		double late = 0;

		for (size_t i = 0; i < stalls[cpu].count; i++)
			if ((double)stalls[cpu].ns[i] > ns)
				late += (double)stalls[cpu].ns[i] - ns;
		if (stalls[cpu].seconds > 0)
			share += late / (1 - load) / (stalls[cpu].seconds * 1e9);
	}
	return share;
}

double
stalls_floor(const struct stalls *stalls, size_t cpus, double share, double load)
{
	double low = 0, high = 0;

	for (size_t cpu = 0; cpu < cpus; cpu++)
		for (int cause = 0; cause < STALL_CAUSES; cause++)
			if ((double)stalls[cpu].of[cause].longest_ns > high)
				high = (double)stalls[cpu].of[cause].longest_ns;
	if (share_later(stalls, cpus, 0, load) <= 1 - share)
		return 0;
	while (high - low > 1) { /* later than low: more than 1 - share; than high: no more */
		double middle = (low + high) / 2;

		if (share_later(stalls, cpus, middle, load) > 1 - share)
			low = middle;
		else
			high = middle;
	}
	return high;
}
