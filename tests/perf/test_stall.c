/* SPDX-License-Identifier: BSD-3-Clause */
/* Gaps in a loop, whose they are, and how late they make requests. */
#include "perf/stall.h"
#include "tests/suite.h"

enum {
	MS = 1000000, /* ns */
};

static void
add(struct stalls *stalls, uint64_t ns, enum stall_cause cause)
{
	CU_ASSERT_EQUAL_FATAL(stalls_add(stalls, ns, cause), 0);
}

static void
a_cause_is_the_first_that_is_true(void)
{
	const struct stall_witness before = {
		.wall_ns = 100 * MS, .cpu_ns = 50 * MS, .faults = 3, .switches = 4};
	struct stall_witness after = {
		.wall_ns = 110 * MS, .cpu_ns = 60 * MS, .faults = 3, .switches = 4};

	CU_ASSERT_EQUAL(stall_cause(&before, &after, MS), STALL_OWN);
	after.cpu_ns -= MS;
	CU_ASSERT_EQUAL(stall_cause(&before, &after, MS), STALL_STOLEN);
	CU_ASSERT_EQUAL(stall_cause(&before, &after, 3 * MS), STALL_OWN);
	after.switches++;
	CU_ASSERT_EQUAL(stall_cause(&before, &after, MS), STALL_SWITCH);
	after.faults++;
	CU_ASSERT_EQUAL(stall_cause(&before, &after, MS), STALL_FAULT);
	/* the clocks are read one after the other: CPU time may seem the longer */
	after = before;
	after.cpu_ns += MS;
	CU_ASSERT_EQUAL(stall_cause(&before, &after, MS), STALL_OWN);
}

static void
all_are_counted_by_cause(void)
{
	struct stalls stalls = {.seconds = 1};

	for (uint64_t i = 1; i <= 5000; i++)
		add(&stalls, i * 1000, i % 2 == 0 ? STALL_OWN : STALL_SWITCH);
	CU_ASSERT_EQUAL(stalls.count, 5000);
	CU_ASSERT_EQUAL(stalls.of[STALL_OWN].count, 2500);
	CU_ASSERT_EQUAL(stalls.of[STALL_OWN].longest_ns, 5000000);
	CU_ASSERT_EQUAL(stalls.of[STALL_SWITCH].longest_ns, 4999000);
	CU_ASSERT_EQUAL(stalls.of[STALL_OWN].ns + stalls.of[STALL_SWITCH].ns,
			UINT64_C(5000) * 5001 / 2 * 1000);
	CU_ASSERT_EQUAL(stalls_over(&stalls, 0), 5000);
	CU_ASSERT_EQUAL(stalls_over(&stalls, 4000000), 1000);
	CU_ASSERT_EQUAL(stalls_over(&stalls, 5000000), 0);
	stalls_release(&stalls);
	CU_ASSERT_PTR_NULL(stalls.ns);
}

/* Of requests that come evenly within a second, one in a thousand comes in any one ms. */
static void
the_floor_is_what_requests_wait_at_least(void)
{
	struct stalls stalls[2] = {{.seconds = 1}, {.seconds = 1}};

	CU_ASSERT_DOUBLE_EQUAL(stalls_floor(stalls, 2, 0.999, 0), 0, 0);
	add(&stalls[0], MS, STALL_OWN); /* just as many are late as may be */
	CU_ASSERT_DOUBLE_EQUAL(stalls_floor(stalls, 1, 0.999, 0), 0, 2);
	stalls_release(&stalls[0]);
	stalls[0].seconds = 1;
	add(&stalls[0], 10 * MS, STALL_OWN);
	CU_ASSERT_DOUBLE_EQUAL(stalls_floor(stalls, 1, 0.999, 0), 9 * MS, 2);
	/* what comes meanwhile has to be served too: the stall is felt for its length over 0.3 */
	CU_ASSERT_DOUBLE_EQUAL(stalls_floor(stalls, 1, 0.999, 0.7), 9.7 * MS, 2);
	/* another CPU's count as well: 1 ms are shared by both */
	add(&stalls[1], 10 * MS, STALL_SWITCH);
	CU_ASSERT_DOUBLE_EQUAL(stalls_floor(stalls, 2, 0.999, 0), 9.5 * MS, 2);
	/* in twice the time a stall weighs half as much */
	stalls[0].seconds = stalls[1].seconds = 2;
	CU_ASSERT_DOUBLE_EQUAL(stalls_floor(stalls, 2, 0.999, 0), 9 * MS, 2);
	stalls_release(&stalls[0]);
	stalls_release(&stalls[1]);
}

/* However quiet the machine, gaps of the clock's own length are found, and their sum fits. */
static void
a_loop_finds_gaps(void)
{
	struct stalls stalls = {.seconds = 0};
	uint64_t ns = 0;

	CU_ASSERT_EQUAL(stalls_watch(&stalls, 0.02, 1), 0);
	CU_ASSERT(stalls.seconds >= 0.02);
	CU_ASSERT(stalls.count > 0);
	for (size_t i = 0; i < stalls.count; i++)
		ns += stalls.ns[i];
	CU_ASSERT((double)ns <= stalls.seconds * 1e9);
	stalls_release(&stalls);
}

SUITE("stalls", TEST(a_cause_is_the_first_that_is_true), TEST(all_are_counted_by_cause),
      TEST(the_floor_is_what_requests_wait_at_least), TEST(a_loop_finds_gaps))
