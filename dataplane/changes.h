/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * changes.h - which keys may be changed by requests that wait: a Bloom filter of one hash (Bloom, CACM
 * 1970). A get of a key that is not in it may overtake all of them (lookups.h). Whoever makes keys collide
 * only takes that way from them.
 */
#ifndef JACKDAW_CHANGES_H
#define JACKDAW_CHANGES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	/* bits: of a get in a batch of 64 sets, 6 % are taken for one of a key that is set */
	CHANGES_SHIFT = 10,
	CHANGES_WORDS = (1 << CHANGES_SHIFT) / 64,
};

struct changes {
	uint64_t word[CHANGES_WORDS];
};

/* Of any key: its words, mixed by multiplication with the golden ratio's fraction. The last may overlap. */
static inline unsigned int
changes_bit(const uint8_t *key, unsigned int length)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t word = 0, mixed = length;

	for (unsigned int at = 0; at + sizeof(word) < length; at += sizeof(word)) {
		memcpy(&word, key + at, sizeof(word));
		mixed = (mixed ^ word) * golden;
		mixed ^= mixed >> 32;
	}
	if (length >= sizeof(word))
		memcpy(&word, key + length - sizeof(word), sizeof(word));
	else
		memcpy(&word, key, length);
	return (unsigned int)(((mixed ^ word) * golden) >> (64 - CHANGES_SHIFT));
}

static inline void
changes_clear(struct changes *changes)
{
	memset(changes, 0, sizeof(*changes));
}

static inline void
changes_add(struct changes *changes, const uint8_t *key, unsigned int length)
{
	unsigned int bit = changes_bit(key, length);

	changes->word[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Every key may be changed. */
static inline void
changes_add_all(struct changes *changes)
{
	memset(changes, 0xff, sizeof(*changes));
}

static inline bool
changes_may_have(const struct changes *changes, const uint8_t *key, unsigned int length)
{
	unsigned int bit = changes_bit(key, length);

	return (changes->word[bit / 64] >> bit % 64 & 1) != 0;
}

#endif
