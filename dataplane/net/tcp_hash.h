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

/*
 * Of three 32-bit words, for a table alone: strongly universal, as the words are multiplied by numbers
 * that nobody knows and the upper half of the sum is taken (vector multiply-shift: M. Thorup, "High Speed
 * Hashing for Integers and Strings", 2015, 3.2). A bijection behind it (MurmurHash3's) breaks up the
 * runs that numbers in sequence, as ports are, may make of neighbours.
 */
struct tcp_words_key {
	uint64_t factors[3], addend;
};

static inline uint32_t
tcp_hash_words(const struct tcp_words_key *key, uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t sum =
		key->addend + key->factors[0] * a + key->factors[1] * b + key->factors[2] * c;
	uint32_t hash = (uint32_t)(sum >> 32);

	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	return hash ^ hash >> 16;
}

#endif
