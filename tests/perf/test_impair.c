/* SPDX-License-Identifier: BSD-3-Clause */
/* A bad line does what its words say, as often as they say, and the same for the same seed. */
#include <string.h>

#include "perf/impair_words.h"
#include "perf/time_queue.h"
#include "tests/suite.h"

enum {
	FRAMES = 200000,
	WORDS_MAX = 16
};

static int
read_words(const char *line, struct impairment *what, uint32_t *limit)
{
	char copy[200], error[200] = "", *words[WORDS_MAX], *rest = copy;
	int count = 0, status;

	snprintf(copy, sizeof(copy), "%s", line);
	while (count < WORDS_MAX && (words[count] = strsep(&rest, " ")) != NULL)
		count++;
	status = impair_words_read(words, count, what, limit, error, sizeof(error));
	/* whoever is refused is told why */
	CU_ASSERT_EQUAL(error[0] != '\0', status != 0);
	return status;
}

static void
words_are_read(void)
{
	struct impairment what;
	uint32_t limit = 1000;

	CU_ASSERT_EQUAL(read_words("loss random 1% duplicate 2% corrupt 0.1% reorder 25% gap 5 "
				   "delay 20ms 500us limit 7",
				   &what, &limit),
			0);
	CU_ASSERT_DOUBLE_EQUAL(what.loss, 0.01, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(what.duplicate, 0.02, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(what.corrupt, 0.001, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(what.reorder, 0.25, 1e-9);
	CU_ASSERT_EQUAL(what.gap, 5);
	CU_ASSERT_EQUAL(what.delay, 20000);
	CU_ASSERT_EQUAL(what.jitter, 500);
	CU_ASSERT_EQUAL(limit, 7);
	CU_ASSERT_EQUAL(read_words("delay 1.5s loss gemodel 1% 20%", &what, &limit), 0);
	CU_ASSERT_EQUAL(what.delay, 1500000);
	CU_ASSERT_EQUAL(what.jitter, 0);
	CU_ASSERT_DOUBLE_EQUAL(what.burst_begin, 0.01, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(what.burst_end, 0.2, 1e-9);
}

static void
wrong_words_are_refused(void)
{
	static const char *const lines[] = {"loss",	     "loss x",
					    "loss 101%",     "loss -1%",
					    "loss 1%%",	     "loss nan",
					    "delay",	     "delay 20m",
					    "delay 2h",	     "delay 4000s",
					    "delay -1ms",    "delay nanms",
					    "reorder 25%",   "gap 0",
					    "gap 1x",	     "limit 0",
					    "limit 1000001", "limit -1",
					    "rate 1mbit",    "",
					    "loss gemodel",  "loss gemodel 1% 0%"};
	struct impairment what;
	uint32_t limit = 1;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CU_ASSERT_NOT_EQUAL(read_words(lines[i], &what, &limit), 0);
}

static struct impair_counts
play(const struct impairment *what, uint64_t seed, uint64_t *sum)
{
	struct impair_fate fates[IMPAIR_COPIES_MAX];
	struct impair_counts counts = {0};
	struct impair_line line;

	*sum = 0;
	impair_line_start(&line, what, seed);
	for (uint64_t now = 0; now < FRAMES; now++) {
		unsigned int copies = impair_frame(&line, 100, now, fates, &counts);

		for (unsigned int i = 0; i < copies; i++) {
			CU_ASSERT(fates[i].arrival >= now);
			CU_ASSERT(fates[i].flipped_bit < 800 ||
				  fates[i].flipped_bit == IMPAIR_WHOLE);
			*sum = random_mix(*sum ^ fates[i].arrival ^ fates[i].flipped_bit);
		}
	}
	return counts;
}

static void
fates_are_as_frequent_as_said(void)
{
	struct impairment what = {.loss = 0.05,
				  .duplicate = 0.02,
				  .corrupt = 0.01,
				  .reorder = 0.25,
				  .delay = 100,
				  .jitter = 200};
	uint64_t sum;
	struct impair_counts counts = play(&what, 1, &sum);
	double copies = FRAMES * 1.02, arriving = copies * 0.95;

	CU_ASSERT_EQUAL(counts.frames, FRAMES);
	CU_ASSERT_DOUBLE_EQUAL((double)counts.duplicated, FRAMES * 0.02, FRAMES * 0.002);
	CU_ASSERT_DOUBLE_EQUAL((double)counts.lost, copies * 0.05, copies * 0.003);
	CU_ASSERT_DOUBLE_EQUAL((double)counts.corrupted, arriving * 0.01, arriving * 0.002);
	CU_ASSERT_DOUBLE_EQUAL((double)counts.overtaking, arriving * 0.25, arriving * 0.005);
}

static void
a_good_line_changes_nothing(void)
{
	struct impairment what = {0};
	struct impair_fate fates[IMPAIR_COPIES_MAX];
	struct impair_counts counts = {0};
	struct impair_line line;

	impair_line_start(&line, &what, 1);
	for (uint64_t now = 0; now < 1000; now++) {
		CU_ASSERT_EQUAL_FATAL(impair_frame(&line, 60, now, fates, &counts), 1);
		CU_ASSERT_EQUAL(fates[0].arrival, now);
		CU_ASSERT_EQUAL(fates[0].flipped_bit, IMPAIR_WHOLE);
	}
}

static void
the_same_seed_is_the_same_line(void)
{
	struct impairment what = {.loss = 0.05, .duplicate = 0.02, .corrupt = 0.01, .jitter = 200};
	uint64_t first, again, other;

	play(&what, 1, &first);
	play(&what, 1, &again);
	play(&what, 2, &other);
	CU_ASSERT_EQUAL(first, again);
	CU_ASSERT_NOT_EQUAL(first, other);
}

/* Gilbert and Elliott: 1 % begin, 20 % end: bursts of 5 frames on average, 1/21 of all frames. */
static void
bursts_are_as_long_as_said(void)
{
	struct impairment what = {.burst_begin = 0.01, .burst_end = 0.2};
	struct impair_fate fates[IMPAIR_COPIES_MAX];
	struct impair_counts counts = {0};
	struct impair_line line;
	unsigned int bursts = 0;
	bool before = false;

	impair_line_start(&line, &what, 1);
	for (uint64_t now = 0; now < FRAMES; now++) {
		bool lost = impair_frame(&line, 60, now, fates, &counts) == 0;

		bursts += lost && !before;
		before = lost;
	}
	CU_ASSERT_DOUBLE_EQUAL((double)counts.lost, FRAMES / 21.0, FRAMES / 210.0);
	CU_ASSERT_DOUBLE_EQUAL((double)counts.lost / bursts, 5.0, 0.5);
}

static void
flipping_twice_changes_nothing(void)
{
	uint8_t frame[4] = {1, 2, 3, 4}, before[4];

	memcpy(before, frame, sizeof(frame));
	impair_flip(frame, IMPAIR_WHOLE);
	CU_ASSERT_EQUAL(memcmp(frame, before, sizeof(frame)), 0);
	impair_flip(frame, 17);
	CU_ASSERT_EQUAL(frame[2], 3 ^ 2);
	impair_flip(frame, 17);
	CU_ASSERT_EQUAL(memcmp(frame, before, sizeof(frame)), 0);
}

static void
the_queue_is_in_order_of_time_then_of_arrival(void)
{
	enum {
		COUNT = 1000
	};
	static struct time_entry entries[COUNT];
	struct time_queue queue = {.entries = entries, .room = COUNT};
	uint64_t times[COUNT], last = 0;
	uint32_t last_number = 0;
	struct random random;

	random_seed(&random, 1);
	CU_ASSERT_EQUAL(time_queue_next(&queue), UINT64_MAX);
	for (uint32_t i = 0; i < COUNT; i++) {
		times[i] = random_below(&random, 50);
		CU_ASSERT(time_queue_put(&queue, times[i], i));
	}
	CU_ASSERT_FALSE(time_queue_put(&queue, 1, 0));
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t time = time_queue_next(&queue);
		uint32_t number = time_queue_take(&queue);

		CU_ASSERT_EQUAL(time, times[number]);
		CU_ASSERT(i == 0 || time > last || (time == last && number > last_number));
		last = time;
		last_number = number;
	}
	CU_ASSERT_EQUAL(time_queue_next(&queue), UINT64_MAX);
}

SUITE("impaired line", TEST(words_are_read), TEST(wrong_words_are_refused),
      TEST(fates_are_as_frequent_as_said), TEST(a_good_line_changes_nothing),
      TEST(the_same_seed_is_the_same_line), TEST(bursts_are_as_long_as_said),
      TEST(flipping_twice_changes_nothing), TEST(the_queue_is_in_order_of_time_then_of_arrival))
