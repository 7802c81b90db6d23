/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prefetch-levels - what it is worth where prefetches go: a loop of two stages, as a batch of GETs has them (a line
 * of a bucket says where an item of 56 bytes lies), with computing beside the second that depends on nothing.
 *
 *     prefetch-levels ITEMS ADDITIONS    additions beside each item that is read
 *
 * Prints nanoseconds an item, with lines asked for into the first-level cache, and into the second. Batches of 32;
 * the median of some rounds in turn.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/store/prefetch.h"
#include "perf/random.h"
#include "perf/store_bench.h"
#include "perf/timing.h"

enum {
	BATCH = 32,
	HITS = BATCH << 16,
	ROUNDS = 5,
	LINE = 64,
	ITEM = 56,
	ITEM_LAST = ITEM - sizeof(uint64_t),
	ITEMS_A_BUCKET = 4,
};

enum level {
	FIRST_LEVEL,
	SECOND_LEVEL,
	LEVELS
};

/* What a hit needs: a bucket, and an item's number less what the bucket says, which is nothing. */
struct hit {
	uint32_t bucket, item;
};

struct levels {
	unsigned int additions;
	const uint8_t *bucket, *item; /* memory */
	struct hit *hits;	      /* [HITS], drawn beforehand */
};

static inline void
ask(const void *at, enum level level)
{
	if (level == FIRST_LEVEL)
		__builtin_prefetch(at);
	else
		prefetch_line(at);
}

static inline uint64_t
load(const uint8_t *at)
{
	return *(const volatile uint64_t *)(const void *)at;
}

static inline void
compute(unsigned int additions)
{
	uint64_t sums[4] = {0};

	for (unsigned int i = 0; i < additions; i += 4)
		__asm__ volatile("add $1, %0\n\tadd $1, %1\n\tadd $1, %2\n\tadd $1, %3"
				 : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3]));
}

static inline __attribute__((always_inline)) void
read_batch(const struct levels *levels, const struct hit *hits, enum level level)
{
	const uint8_t *item[BATCH];

	for (unsigned int i = 0; i < BATCH; i++)
		ask(levels->bucket + (size_t)hits[i].bucket * LINE, level);
	for (unsigned int i = 0; i < BATCH; i++) {
		uint64_t more = load(levels->bucket + (size_t)hits[i].bucket * LINE);

		item[i] = levels->item + (hits[i].item + more) * ITEM;
		ask(item[i], level);
		ask(item[i] + ITEM - 1, level);
	}
	for (unsigned int i = 0; i < BATCH; i++) {
		load(item[i]);
		load(item[i] + ITEM_LAST);
		compute(levels->additions);
	}
}

/* Nanoseconds an item. */
static double
measure(const struct levels *levels, enum level level)
{
	double began = nanoseconds_now();

	for (unsigned int i = 0; i < HITS; i += BATCH) {
		if (level == FIRST_LEVEL)
			read_batch(levels, levels->hits + i, FIRST_LEVEL);
		else
			read_batch(levels, levels->hits + i, SECOND_LEVEL);
	}
	return (nanoseconds_now() - began) / HITS;
}

static void
prepare(struct levels *levels, uint64_t items)
{
	uint64_t buckets = items / ITEMS_A_BUCKET + 1;
	struct random random;

	levels->bucket = trial_map(buckets * LINE, false);
	levels->item = trial_map(items * ITEM, false);
	levels->hits = trial_map(HITS * sizeof(*levels->hits), false);
	random_seed(&random, 1);
	for (unsigned int i = 0; i < HITS; i++)
		levels->hits[i] = (struct hit){
			.bucket = (uint32_t)random_below(&random, buckets),
			.item = (uint32_t)random_below(&random, items),
		};
}

int
main(int argc, char **argv)
{
	uint64_t items = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	double rounds[LEVELS][ROUNDS];
	struct levels levels;

	if (items < 1 || items > UINT32_MAX) {
		fprintf(stderr, "usage: prefetch-levels ITEMS ADDITIONS\n");
		return 2;
	}
	levels.additions = (unsigned int)strtoul(argv[2], NULL, 10);
	prepare(&levels, items);
	for (unsigned int i = 0; i < ROUNDS; i++)
		for (enum level level = FIRST_LEVEL; level < LEVELS; level++)
			rounds[level][i] = measure(&levels, level);
	for (enum level level = FIRST_LEVEL; level < LEVELS; level++)
		qsort(rounds[level], ROUNDS, sizeof(double), by_value);
	printf("%.1f %.1f\n", rounds[FIRST_LEVEL][ROUNDS / 2], rounds[SECOND_LEVEL][ROUNDS / 2]);
	return 0;
}
