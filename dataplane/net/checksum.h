/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum.h - the Internet checksum (RFC 1071), up to 32 bytes at a time. Sums are of 16-bit words in
 * network order as they lie in memory: the arithmetic is the same in either byte order (RFC 1071,
 * 2 (B)). Data may begin anywhere; only the last part of a sum may have an odd length.
 *
 *     ~checksum_fold(checksum_add(checksum_add(0, pseudo, 12), datagram, length))
 */
#ifndef JACKDAW_CHECKSUM_H
#define JACKDAW_CHECKSUM_H

#include <endian.h>
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

/* Of fewer bytes than a block: 8, 4, 2 and 1 at a time. */
static inline uint64_t
checksum_add_short(uint64_t sum, const uint8_t *at, size_t length)
{
	uint64_t word;

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

/*
 * Of a block or more: 32-bit halves gather in four 64-bit lanes, whose carries need no bringing round.
 * What the blocks leave over is the end of a last one that overlaps the one before, masked: 16-bit
 * words stay 16-bit words in it, as an odd byte is added first.
 */
static inline uint64_t
checksum_add_blocks(uint64_t sum, const uint8_t *at, size_t length)
{
	typedef uint64_t block __attribute__((vector_size(32), aligned(1), may_alias));
	static const uint8_t masks[2 * sizeof(block)] = {[sizeof(block)... 2 * sizeof(block) - 1] =
								 0xff};
	const uint8_t *end = at + length;
	block gathered = {0}, last;

	if ((length & 1) != 0)
		sum = checksum_add_short(sum, --end, 1);
	for (; (size_t)(end - at) >= sizeof(block); at += sizeof(block)) {
		block now = *(const block *)at;

		gathered += (now & UINT32_MAX) + (now >> 32);
	}
	last = *(const block *)(end - sizeof(block)) & *(const block *)(masks + (end - at));
	gathered += (last & UINT32_MAX) + (last >> 32);
	return checksum_add_word(sum, gathered[0] + gathered[1] + gathered[2] + gathered[3]);
}

static inline uint64_t
checksum_add(uint64_t sum, const void *bytes, size_t length)
{
	/* one byte more than a block: an odd one is not in the blocks */
	return length > 32 ? checksum_add_blocks(sum, bytes, length)
			   : checksum_add_short(sum, bytes, length);
}

/*
 * The 16-bit sum; its complement is the checksum. 0xffff over data that holds its own is right. Each
 * half is added to the other, and the lower one's carry comes round into the upper, which is kept.
 */
static inline uint16_t
checksum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum >> 32 | sum << 32;
	half = (uint32_t)(sum >> 32);
	half += half >> 16 | half << 16;
	return (uint16_t)(half >> 16);
}

/*
 * Sums that stay so small that some may be added to one another without bringing a carry round: of up to
 * 64 KiB each.
 *
 *     checksum_words   of 32-bit words, a few
 *     checksum_copy    of bytes that are copied on the way, to where they don't overlap
 */
static inline uint64_t
checksum_words(const uint8_t *at, size_t length)
{
	uint64_t sum = 0;

	for (const uint8_t *end = at + length; at < end; at += sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	return sum;
}

/* What a last block has of its own is masked, as in checksum_add_blocks. */
static inline uint64_t
checksum_copy(uint8_t *to, const uint8_t *from, size_t length)
{
	typedef uint64_t block __attribute__((vector_size(16), aligned(1), may_alias));
	static const uint8_t masks[2 * sizeof(block)] = {[sizeof(block)... 2 * sizeof(block) - 1] =
								 0xff};
	size_t even = length & ~(size_t)1, at = 0;
	block gathered = {0}, now;

	if (even < sizeof(block)) {
		memcpy(to, from, length);
		return checksum_fold(checksum_add_short(0, from, length));
	}
	do {
		now = *(const block *)(from + at);
		*(block *)(to + at) = now;
		gathered += (now & UINT32_MAX) + (now >> 32);
		at += sizeof(block);
	} while (at + sizeof(block) <= even);
	if (at != even) {
		now = *(const block *)(from + even - sizeof(block));
		*(block *)(to + even - sizeof(block)) = now;
		now &= *(const block *)(masks + (even - at));
		gathered += (now & UINT32_MAX) + (now >> 32);
	}
	if (even != length) { /* as if a zero followed */
		to[even] = from[even];
		gathered[0] += htole16(from[even]);
	}
	return gathered[0] + gathered[1];
}

/* A sum of bytes that begin at an odd place of the whole (RFC 1071, 2 (B)): what is to be added then. */
static inline uint64_t
checksum_at_odd_place(uint64_t sum)
{
	uint16_t folded = checksum_fold(sum);

	return (uint16_t)(folded << 8 | folded >> 8);
}

#endif
