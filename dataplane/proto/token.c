/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/token.h"

/* The end of the line's words: before \n, \r\n (unless that is all there is), or the first NUL. */
static const uint8_t *
line_end(const uint8_t *bytes, const uint8_t *newline)
{
	const uint8_t *end = newline, *nul;

	if (newline - bytes > 1 && newline[-1] == '\r')
		end--;
	nul = memchr(bytes, '\0', (size_t)(end - bytes));
	return nul != NULL ? nul : end;
}

/* The first space from at on, or end. */
static const uint8_t *
word_end(const uint8_t *at, const uint8_t *end)
{
	for (;;) {
		at = scan_control(at, end);
		if (at == end || *at == ' ')
			return at;
		at++;
	}
}

bool
line_split(struct line *line, const uint8_t *bytes, const uint8_t *end)
{
	const uint8_t *newline = memchr(bytes, '\n', (size_t)(end - bytes));
	const uint8_t *at = bytes;

	if (newline == NULL)
		return false;
	line->next = newline + 1;
	line->count = 0;
	end = line_end(bytes, newline);
	while (line->count < LINE_TOKENS_MAX) {
		struct token *token = &line->token[line->count];

		while (at < end && *at == ' ')
			at++;
		if (at == end)
			break;
		token->start = at;
		at = word_end(at, end);
		token->length = (size_t)(at - token->start);
		line->count++;
	}
	return true;
}

static bool
is_white(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Sign and digits; false if there are none, they don't fit 64 bits, or something else follows. */
static bool
token_magnitude(const struct token *token, uint64_t *magnitude, bool *negative)
{
	const uint8_t *at = token->start, *end = at + token->length, *digits;
	uint64_t value = 0;

	while (at < end && is_white(*at))
		at++;
	*negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (digits = at; at < end && *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	}
	*magnitude = value;
	return at > digits && (at == end || is_white(*at));
}

bool
token_u64(const struct token *token, uint64_t *value)
{
	uint64_t magnitude;
	bool negative;

	if (!token_magnitude(token, &magnitude, &negative))
		return false;
	*value = negative ? -magnitude : magnitude;
	/* strtoull negates: -1 is large and refused, -18446744073709551615 is 1 and isn't */
	return (int64_t)*value >= 0 || memchr(token->start, '-', token->length) == NULL;
}

bool
token_u32(const struct token *token, uint32_t *value)
{
	uint64_t wide;

	if (!token_u64(token, &wide))
		return false;
	*value = (uint32_t)wide;
	return true;
}

bool
token_i32(const struct token *token, int32_t *value)
{
	uint64_t magnitude;
	bool negative;

	if (!token_magnitude(token, &magnitude, &negative) ||
	    magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*value = (int32_t)(uint32_t)(negative ? -magnitude : magnitude);
	return true;
}
