/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum.h - the Internet checksum (RFC 1071), eight bytes at a time. Sums are of 16-bit words in
 * network order as they lie in memory: the arithmetic is the same in either byte order (RFC 1071,
 * 2 (B)). Data may begin anywhere; only the last part of a sum may have an odd length.
 *
 *     ~checksum_fold(checksum_add(checksum_add(0, pseudo, 12), datagram, length))
 */
#ifndef JACKDAW_CHECKSUM_H
#define JACKDAW_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Adds with the carry brought round: the ones' complement sum of 64-bit words. */
static inline uint64_t
checksum_add_word(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static inline uint64_t
checksum_add(uint64_t sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t word;

#pragma GCC unroll 4
	for (; length >= sizeof(word); at += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = checksum_add_word(sum, word);
	}
	if ((length & 4) != 0) {
		uint32_t half;

		memcpy(&half, at, sizeof(half));
		sum = checksum_add_word(sum, half);
		at += sizeof(half);
	}
	if ((length & 2) != 0) {
		uint16_t quarter;

		memcpy(&quarter, at, sizeof(quarter));
		sum = checksum_add_word(sum, quarter);
		at += sizeof(quarter);
	}
	if ((length & 1) != 0) { /* as if a zero followed */
		uint8_t last[2] = {*at, 0};
		uint16_t quarter;

		memcpy(&quarter, last, sizeof(quarter));
		sum = checksum_add_word(sum, quarter);
	}
	return sum;
}

/* The 16-bit sum; its complement is the checksum. 0xffff over data that holds its own is right. */
static inline uint16_t
checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

#endif
