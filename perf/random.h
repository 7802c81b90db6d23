/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * random.h - seeded random numbers for workloads: xoshiro256** (Blackman and Vigna, "Scrambled
 * linear pseudorandom number generators", ACM TOMS 2021), seeded by splitmix64. The same seed gives
 * the same numbers on every machine. Not for secrets. A struct random belongs to one thread.
 */
#ifndef JACKDAW_PERF_RANDOM_H
#define JACKDAW_PERF_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* splitmix64's finaliser: a bijection of 64-bit numbers that looks random. */
static inline uint64_t
random_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static inline void
random_seed(struct random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		random->state[i] = random_mix(seed + (uint64_t)i * 0x9e3779b97f4a7c15u);
}

static inline uint64_t
random_rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline uint64_t
random_next(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = random_rotate(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = random_rotate(s[3], 45);
	return result;
}

/* 0 .. n-1, n > 0. Lemire's multiplication without the rejection: the bias is below n / 2^64. */
static inline uint64_t
random_below(struct random *random, uint64_t n)
{
	return (uint64_t)((unsigned __int128)random_next(random) * n >> 64);
}

/* A double in [0, 1) made of the top 53 bits. */
static inline double
random_unit_of(uint64_t bits)
{
	return (double)(bits >> 11) * 0x1p-53;
}

static inline double
random_unit(struct random *random)
{
	return random_unit_of(random_next(random));
}

#endif
