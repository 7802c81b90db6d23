/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * token.h - a text command line taken apart into words, and words into numbers, by the rules of
 * memcached 1.6.18: a line ends with \n, a \r before it belongs to the end, a NUL ends it early;
 * words are separated by spaces alone; at most 23 are looked at. Numbers follow strtol(3) and
 * strtoull(3) and may end at any white space within the word.
 */
#ifndef JACKDAW_TOKEN_H
#define JACKDAW_TOKEN_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	LINE_TOKENS_MAX = 23
};

struct token {
	const uint8_t *start;
	size_t length;
};

struct line {
	struct token token[LINE_TOKENS_MAX];
	unsigned int count;
	const uint8_t *next; /* the byte after the line's \n */
};

/* Takes apart the line that starts at bytes. False if it has no \n yet. */
bool line_split(struct line *line, const uint8_t *bytes, const uint8_t *end);

/* A whole number in 64 bits, unsigned: strtoull, but for what would have to be negative. */
bool token_u64(const struct token *token, uint64_t *value);

/* The same, cut to 32 bits. */
bool token_u32(const struct token *token, uint32_t *value);

/* strtol, cut to 32 bits. */
bool token_i32(const struct token *token, int32_t *value);

static inline bool
token_is(const struct token *token, const char *word)
{
	size_t length = strlen(word);

	return token->length == length && memcmp(token->start, word, length) == 0;
}

/* The first byte from at on that is a space or a control character, or end. */
static inline const uint8_t *
scan_control(const uint8_t *at, const uint8_t *end)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

#ifdef __SSE2__
	const __m128i spaces = _mm_set1_epi8(' ');

	for (; end - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i below = _mm_cmpeq_epi8(_mm_min_epu8(bytes, spaces), bytes);
		int found = _mm_movemask_epi8(below);

		if (found != 0)
			return at + __builtin_ctz((unsigned int)found);
	}
#endif
	for (; end - at >= 8; at += 8) {
		uint64_t word, below;

		memcpy(&word, at, sizeof(word));
		word = le64toh(word);
		/*
		 * Subtracting 0x21 sets the top bit of each smaller byte. The borrow may set those
		 * of later bytes too, so only the first is certain: the one that is wanted.
		 */
		below = (word - ones * 0x21) & ~word & tops;
		if (below != 0)
			return at + (__builtin_ctzll(below) >> 3);
	}
	while (at<end && * at> ' ')
		at++;
	return at;
}

/* The end of the word at `at`: a space, the line's end (\n, \r\n, or a NUL), or end. */
static inline const uint8_t *
word_end(const uint8_t *at, const uint8_t *end)
{
	for (;;) {
		at = scan_control(at, end);
		if (at == end || *at == ' ' || *at == '\n' || *at == '\0' ||
		    (*at == '\r' && end - at > 1 && at[1] == '\n'))
			return at;
		at++;
	}
}

/* Past a line's end that is at `at`, \n or \r\n; NULL if none is. */
static inline const uint8_t *
line_end(const uint8_t *at, const uint8_t *end)
{
	if (at == end)
		return NULL;
	at += *at == '\r';
	return at != end && *at == '\n' ? at + 1 : NULL;
}

/* Past the line that `at` is in, or NULL if its \n hasn't come yet. */
static inline const uint8_t *
line_skip(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *newline;

	if (end - at > 1 && at[0] == '\r' && at[1] == '\n')
		return at + 2;
	newline = memchr(at, '\n', (size_t)(end - at));
	return newline != NULL ? newline + 1 : NULL;
}

static inline const uint8_t *
spaces_skip(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at == ' ')
		at++;
	return at;
}

#endif
