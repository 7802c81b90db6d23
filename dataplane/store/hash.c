/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash_seed
hash_seed(const uint8_t secret[], size_t size)
{
	return (struct hash_seed){
		.secret = secret,
		.secret_size = size,
		/* where the algorithm takes them from for this length */
		.low = XXH_readLE64(secret + 24) ^ XXH_readLE64(secret + 32),
		.high = XXH_readLE64(secret + 40) ^ XXH_readLE64(secret + 48),
	};
}

uint64_t
hash_any(const uint8_t *key, size_t length, const struct hash_seed *seed)
{
	return XXH3_64bits_withSecret(key, length, seed->secret, seed->secret_size);
}
