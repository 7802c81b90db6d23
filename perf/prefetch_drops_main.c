/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prefetch-drops - what becomes of prefetches: asks for random lines of a memory, all at once, waits until they
 * must have come, and times a load of each. Which ones were dropped can be told: they take as long as
 * without.
 *
 *     prefetch-drops MIB LINES [PAUSE]    PAUSE: turns of an empty loop between two prefetches
 *
 * Prints nanoseconds of a load that nobody asked for; and for prefetches into the first-level cache, then for such
 * into the second, nanoseconds of a load that was asked for, and which of these took over half as long as
 * without, %.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "dataplane/store/prefetch.h"
#include "perf/random.h"
#include "perf/store_bench.h"

enum {
	LINE = 64,
	LINES_MAX = 256,
	ROUNDS = 20000,
	ARRIVAL = 3000, /* turns of an empty loop: some microseconds */
};

struct drops {
	struct random random;
	const uint8_t *memory;
	uint64_t lines; /* of the memory */
	const uint8_t *line[LINES_MAX];
	unsigned int count;
	unsigned int pause;
};

enum level {
	UNASKED,
	FIRST_LEVEL,
	SECOND_LEVEL
};

static void
wait_turns(unsigned int turns)
{
	for (unsigned int i = 0; i < turns; i++)
		__asm__ volatile("");
}

static void
choose_lines(struct drops *drops)
{
	for (unsigned int i = 0; i < drops->count; i++)
		drops->line[i] = drops->memory + random_below(&drops->random, drops->lines) * LINE;
	_mm_mfence();
}

static void
ask_for_lines(const struct drops *drops, enum level level)
{
	for (unsigned int i = 0; i < drops->count; i++) {
		if (level == FIRST_LEVEL)
			__builtin_prefetch(drops->line[i]);
		else
			prefetch_line(drops->line[i]);
		wait_turns(drops->pause);
	}
	wait_turns(ARRIVAL);
	_mm_mfence();
}

/* In ticks; nothing else is under way meanwhile. */
static uint64_t
load_ticks(const uint8_t *line)
{
	uint64_t start = __rdtsc();

	_mm_lfence();
	(void)*(const volatile uint8_t *)line;
	_mm_lfence();
	return __rdtsc() - start;
}

/* The mean of all loads; *slow: how many took longer than `limit`. */
static double
load_lines(struct drops *drops, enum level level, uint64_t limit, uint64_t *slow)
{
	uint64_t sum = 0;

	*slow = 0;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		choose_lines(drops);
		if (level != UNASKED)
			ask_for_lines(drops, level);
		for (unsigned int i = 0; i < drops->count; i++) {
			uint64_t ticks = load_ticks(drops->line[i]);

			sum += ticks;
			*slow += ticks > limit;
		}
	}
	return (double)sum / ROUNDS / drops->count;
}

int
main(int argc, char **argv)
{
	struct drops drops = {0};
	double ticks = trial_ticks_per_ns(), unasked;
	uint64_t bytes, slow;

	if (argc < 3 || argc > 4 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1 ||
	    atoi(argv[2]) > LINES_MAX) {
		fprintf(stderr, "usage: prefetch-drops MIB LINES [PAUSE], at most %d lines\n",
			LINES_MAX);
		return 2;
	}
	bytes = strtoull(argv[1], NULL, 10) << 20;
	drops.count = (unsigned int)atoi(argv[2]);
	drops.pause = argc > 3 ? (unsigned int)atoi(argv[3]) : 0;
	drops.lines = bytes / LINE;
	drops.memory = trial_map(bytes, false);
	random_seed(&drops.random, 1);
	unasked = load_lines(&drops, UNASKED, 0, &slow);
	printf("%.0f", unasked / ticks);
	for (enum level level = FIRST_LEVEL; level <= SECOND_LEVEL; level++) {
		double asked = load_lines(&drops, level, (uint64_t)(unasked / 2), &slow);

		printf("  %.0f %.1f", asked / ticks, 100.0 * (double)slow / ROUNDS / drops.count);
	}
	putchar('\n');
	return 0;
}
