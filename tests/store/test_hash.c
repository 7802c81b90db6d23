/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/hash.h"

#include "tests/suite.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	LENGTHS = 251,
	SECRET_SIZE = 192,
};

/* Bytes without a pattern that the hash could hide. */
static void
fill(uint8_t *bytes, size_t count, uint64_t from)
{
	for (size_t i = 0; i < count; i++) {
		from = from * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		bytes[i] = (uint8_t)(from >> 56);
	}
}

/* Whichever way a key's length takes, it is the published hash. */
static void
every_length_is_xxh3(void)
{
	uint8_t secret[SECRET_SIZE], key[LENGTHS];

	for (uint64_t round = 0; round < 64; round++) {
		struct hash_seed seed;

		fill(secret, sizeof(secret), round);
		fill(key, sizeof(key), ~round);
		seed = hash_seed(secret, sizeof(secret));
		for (size_t length = 0; length < LENGTHS; length++) {
			uint64_t wanted = XXH3_64bits_withSecret(key, length, secret, SECRET_SIZE);

			CU_ASSERT_EQUAL(hash_key(key, length, &seed), wanted);
			CU_ASSERT_EQUAL(hash_any(key, length, &seed), wanted);
		}
	}
}

static void
another_secret_is_another_hash(void)
{
	static const uint8_t key[] = "0123456789abcdef";
	uint8_t one[SECRET_SIZE], two[SECRET_SIZE];
	struct hash_seed first, second;

	fill(one, sizeof(one), 1);
	fill(two, sizeof(two), 2);
	first = hash_seed(one, sizeof(one));
	second = hash_seed(two, sizeof(two));
	for (size_t length = 1; length <= 16; length++)
		CU_ASSERT_NOT_EQUAL(hash_key(key, length, &first), hash_key(key, length, &second));
}

static void
shards_share_all_hashes(void)
{
	for (unsigned int shards = 1; shards <= 8; shards++) {
		CU_ASSERT_EQUAL(hash_shard(0, shards), 0);
		CU_ASSERT_EQUAL(hash_shard(UINT64_MAX, shards), shards - 1);
	}
}

SUITE("store hash", TEST(every_length_is_xxh3), TEST(another_secret_is_another_hash),
      TEST(shards_share_all_hashes))
