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

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	HASH_TAG_BITS = 22,
	HASH_SHARD_BITS = 8,
};

static inline uint64_t
hash_key(const uint8_t *key, size_t length, const uint8_t secret[], size_t secret_size)
{
	/* the same, without its call and its longer paths: most keys are short */
	if (__builtin_expect(length <= 16, 1))
		return XXH3_len_0to16_64b(key, length, secret, 0);
	return XXH3_64bits_withSecret(key, length, secret, secret_size);
}

/* Which of `shards` a hash belongs to: a multiplication instead of a division. */
static inline unsigned int
hash_shard(uint64_t hash, unsigned int shards)
{
	return (unsigned int)((hash >> (64 - HASH_SHARD_BITS)) * shards) >> HASH_SHARD_BITS;
}

#endif
