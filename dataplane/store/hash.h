/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash.h - the keyed hash of a key: XXH3-64 with a secret drawn at start, so that keys which land
 * in one bucket can't be prepared offline (https://github.com/Cyan4973/xxHash, XXH3 with secret).
 *
 *     63    56 55                          22 21            0
 *     +-------+------------------------------+---------------+
 *     | shard |  bucket within a chunk       |      tag      |
 *     +-------+------------------------------+---------------+
 *
 * The lowest bits of the tag also pick the chunk (index.h). No bit is used twice besides those.
 */
#ifndef JACKDAW_STORE_HASH_H
#define JACKDAW_STORE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	HASH_TAG_BITS = 22,
	HASH_SHARD_BITS = 8,
	/* key lengths, bytes, that are hashed without a call */
	HASH_SHORT_MIN = 9,
	HASH_SHORT_MAX = 16,
};

#define HASH_AVALANCHE UINT64_C(0x165667919e3779f9) /* XXH3's */

struct hash_seed {
	const uint8_t *secret; /* the caller's memory */
	size_t secret_size;
	uint64_t low, high; /* what the secret makes of a short key's two words */
};

struct hash_seed hash_seed(const uint8_t secret[], size_t size);

/* The same as hash_key, of keys of any length. */
uint64_t hash_any(const uint8_t *key, size_t length, const struct hash_seed *seed);

/* XXH3 of 9 to 16 bytes: two words, which overlap where there are fewer than 16. */
static inline uint64_t
hash_short(const uint8_t *key, size_t length, const struct hash_seed *seed)
{
	uint64_t low, high, sum;
	unsigned __int128 product;

	memcpy(&low, key, sizeof(low));
	memcpy(&high, key + length - sizeof(high), sizeof(high));
	low ^= seed->low;
	high ^= seed->high;
	product = (unsigned __int128)low * high;
	sum = length + __builtin_bswap64(low) + high +
	      ((uint64_t)product ^ (uint64_t)(product >> 64));
	sum = (sum ^ sum >> 37) * HASH_AVALANCHE;
	return sum ^ sum >> 32;
}

static inline uint64_t
hash_key(const uint8_t *key, size_t length, const struct hash_seed *seed)
{
	if (__builtin_expect(length - HASH_SHORT_MIN <= HASH_SHORT_MAX - HASH_SHORT_MIN, 1))
		return hash_short(key, length, seed);
	return hash_any(key, length, seed);
}

/* Which of `shards` a hash belongs to: a multiplication instead of a division. */
static inline unsigned int
hash_shard(uint64_t hash, unsigned int shards)
{
	return (unsigned int)((hash >> (64 - HASH_SHARD_BITS)) * shards) >> HASH_SHARD_BITS;
}

#endif
