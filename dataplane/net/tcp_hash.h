/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_hash.h - SipHash-1-3 of a few words: the keyed hash for everything that an attacker must not
 * foresee (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012; one round a
 * word and three at the end are what Linux and Rust use for their tables).
 */
#ifndef JACKDAW_TCP_HASH_H
#define JACKDAW_TCP_HASH_H

#include <stdint.h>

struct tcp_hash_key {
	uint64_t words[2];
};

static inline uint64_t
tcp_hash_rotate(uint64_t word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void
tcp_hash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = tcp_hash_rotate(v[1], 13) ^ v[0];
	v[0] = tcp_hash_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = tcp_hash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = tcp_hash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = tcp_hash_rotate(v[1], 17) ^ v[2];
	v[2] = tcp_hash_rotate(v[2], 32);
}

/* The number of words must be the same for all hashes made with one key for one purpose. */
static inline uint64_t
tcp_hash(const struct tcp_hash_key *key, const uint64_t *words, unsigned int count)
{
	uint64_t v[4] = {
		key->words[0] ^ 0x736f6d6570736575ULL,
		key->words[1] ^ 0x646f72616e646f6dULL,
		key->words[0] ^ 0x6c7967656e657261ULL,
		key->words[1] ^ 0x7465646279746573ULL,
	};
	uint64_t length = (uint64_t)count << 59; /* bytes modulo 256, in the last word's top byte */

	for (unsigned int i = 0; i < count; i++) {
		v[3] ^= words[i];
		tcp_hash_round(v);
		v[0] ^= words[i];
	}
	v[3] ^= length;
	tcp_hash_round(v);
	v[0] ^= length;
	v[2] ^= 0xff;
	tcp_hash_round(v);
	tcp_hash_round(v);
	tcp_hash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
