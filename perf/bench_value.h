/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_value.h - the value of a key: bytes that follow from the key alone, so that whoever reads a
 * value can check every one of them. Word i (8 bytes, little endian) is mix(key) + i * step.
 */
#ifndef JACKDAW_PERF_BENCH_VALUE_H
#define JACKDAW_PERF_BENCH_VALUE_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "perf/random.h"

#define VALUE_STEP UINT64_C(0x9e3779b97f4a7c15)

static inline void
value_write(uint64_t key, uint32_t length, uint8_t *out)
{
	uint64_t word = random_mix(key), bytes;
	uint32_t i = 0;

	for (; i + sizeof(word) <= length; i += sizeof(word), word += VALUE_STEP) {
		bytes = htole64(word);
		memcpy(out + i, &bytes, sizeof(bytes));
	}
	bytes = htole64(word);
	memcpy(out + i, &bytes, length - i);
}

static inline bool
value_check(uint64_t key, uint32_t length, const uint8_t *value)
{
	uint64_t word = random_mix(key), bytes;
	uint32_t i = 0;

	for (; i + sizeof(word) <= length; i += sizeof(word), word += VALUE_STEP) {
		bytes = htole64(word);
		if (memcmp(value + i, &bytes, sizeof(bytes)) != 0)
			return false;
	}
	bytes = htole64(word);
	return memcmp(value + i, &bytes, length - i) == 0;
}

#endif
