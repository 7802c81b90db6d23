/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum against DPDK's, for every length, alignment and carry. */
#include <rte_ip.h>
#include <stdlib.h>

#include "dataplane/net/checksum.h"
#include "tests/suite.h"

enum {
	LENGTH_MAX = 300,
	OFFSETS = 8,
	ROUNDS = 50,
};

static void
compare_all(const uint8_t *bytes)
{
	for (unsigned int offset = 0; offset < OFFSETS; offset++) {
		for (unsigned int length = 0; length <= LENGTH_MAX; length++)
			CU_ASSERT_EQUAL(checksum_fold(checksum_add(0, bytes + offset, length)),
					rte_raw_cksum(bytes + offset, length));
	}
}

static void
sums_are_those_of_16_bit_words(void)
{
	uint8_t bytes[LENGTH_MAX + OFFSETS];

	srandom(1071);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)random();
		compare_all(bytes);
	}
}

static void
carries_come_round(void)
{
	uint8_t bytes[LENGTH_MAX + OFFSETS];

	memset(bytes, 0xff, sizeof(bytes));
	compare_all(bytes);
	memset(bytes, 0, sizeof(bytes));
	compare_all(bytes);
	bytes[OFFSETS] = 1;
	compare_all(bytes);
	CU_ASSERT_EQUAL(checksum_add_word(UINT64_MAX, UINT64_MAX), UINT64_MAX);
	CU_ASSERT_EQUAL(checksum_add_word(UINT64_MAX, 1), 1);
}

static void
parts_add_up_to_the_whole(void)
{
	uint8_t bytes[LENGTH_MAX];
	uint64_t whole;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	whole = checksum_add(0, bytes, sizeof(bytes));
	for (unsigned int cut = 0; cut <= sizeof(bytes); cut += 2) {
		uint64_t sum = checksum_add(0, bytes, cut);

		sum = checksum_add(sum, bytes + cut, sizeof(bytes) - cut);
		CU_ASSERT_EQUAL(checksum_fold(sum), checksum_fold(whole));
	}
}

/* Copies of every length and alignment, odd ones after one another too. */
static void
copies_are_summed(void)
{
	uint8_t bytes[LENGTH_MAX + OFFSETS], copy[LENGTH_MAX + OFFSETS];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(random() | (i % 3 == 0 ? 0xff : 0));
	for (unsigned int length = 0; length <= LENGTH_MAX; length++) {
		unsigned int offset = length % OFFSETS;
		const uint8_t *from = bytes + offset;
		uint64_t sum;

		memset(copy, 0xa5, sizeof(copy));
		sum = checksum_copy(copy, from, length);
		CU_ASSERT_EQUAL(memcmp(copy, from, length), 0);
		CU_ASSERT_EQUAL(copy[length], 0xa5);
		CU_ASSERT_EQUAL(checksum_fold(sum), rte_raw_cksum(from, length));
		for (unsigned int cut = 0; cut <= length; cut++) {
			uint64_t rest = checksum_copy(copy + cut, from + cut, length - cut);

			sum = checksum_copy(copy, from, cut) +
			      (cut % 2 != 0 ? checksum_at_odd_place(rest) : rest);
			CU_ASSERT_EQUAL(checksum_fold(sum), rte_raw_cksum(from, length));
		}
		if (length % sizeof(uint32_t) == 0)
			CU_ASSERT_EQUAL(checksum_fold(checksum_words(from, length)),
					rte_raw_cksum(from, length));
	}
}

SUITE("Internet checksum", TEST(sums_are_those_of_16_bit_words), TEST(carries_come_round),
      TEST(parts_add_up_to_the_whole), TEST(copies_are_summed))
