/* SPDX-License-Identifier: BSD-3-Clause */
/* Warnings of what is counted: none is lost, and none comes too soon after another. */
#include "control/warning.h"
#include "tests/suite.h"

enum {
	START = 1000 /* seconds */
};

static void
nothing_is_warned_of_while_nothing_happens(void)
{
	struct warning warning = {0};

	for (int64_t now = 0; now < 10 * WARNING_SECONDS; now++)
		CU_ASSERT_EQUAL(warning_due(&warning, 0, now), 0);
}

static void
the_first_is_warned_of_at_once(void)
{
	struct warning warning = {0}, at_boot = {0};

	CU_ASSERT_EQUAL(warning_due(&warning, 3, START), 3);
	CU_ASSERT_EQUAL(warning_due(&at_boot, 1, 0), 1);
}

static void
further_ones_wait_for_the_minute_to_end(void)
{
	struct warning warning = {0};

	CU_ASSERT_EQUAL(warning_due(&warning, 1, START), 1);
	for (int64_t second = 0; second < WARNING_SECONDS; second++)
		CU_ASSERT_EQUAL(warning_due(&warning, 2 + (uint64_t)second, START + second), 0);
	/* all of them at once, and then not again */
	CU_ASSERT_EQUAL(warning_due(&warning, 61, START + WARNING_SECONDS), 60);
	CU_ASSERT_EQUAL(warning_due(&warning, 62, START + WARNING_SECONDS + 1), 0);
	CU_ASSERT_EQUAL(warning_due(&warning, 62, START + 2 * WARNING_SECONDS), 1);
	CU_ASSERT_EQUAL(warning_due(&warning, 62, START + 9 * WARNING_SECONDS), 0);
}

static void
a_flood_is_one_line_a_minute(void)
{
	struct warning warning = {0};
	uint64_t lines = 0, told = 0, count = 0;

	for (int64_t now = START; now < START + 10 * WARNING_SECONDS; now++) {
		uint64_t due = warning_due(&warning, count += 1000, now);

		lines += due != 0;
		told += due;
	}
	CU_ASSERT_EQUAL(lines, 10);
	CU_ASSERT_EQUAL(told, warning.told);
}

SUITE("warnings", TEST(nothing_is_warned_of_while_nothing_happens),
      TEST(the_first_is_warned_of_at_once), TEST(further_ones_wait_for_the_minute_to_end),
      TEST(a_flood_is_one_line_a_minute))
