/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/token.h"

bool
line_split(struct line *line, const uint8_t *bytes, const uint8_t *end)
{
	const uint8_t *at = spaces_skip(bytes, end);

	line->count = 0;
	while (line->count < LINE_TOKENS_MAX) {
		struct token *token = &line->token[line->count];

		token->start = at;
		at = word_end(at, end);
		token->length = (size_t)(at - token->start);
		if (token->length != 0)
			line->count++;
		if (at == end)
			return false;
		if (*at != ' ')
			break;
		at = spaces_skip(at, end);
	}
	line->next = line_skip(at, end);
	return line->next != NULL;
}

static bool
is_white(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Nothing but digits, and so few that they can't overflow: nearly every number there is. */
static inline bool
token_plain(const struct token *token, uint64_t *value)
{
	uint64_t sum = 0;

	if (token->length - 1 >= 19)
		return false;
	for (size_t i = 0; i < token->length; i++) {
		uint8_t digit = (uint8_t)(token->start[i] - '0');

		if (digit > 9)
			return false;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
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

	if (token_plain(token, value))
		return true;
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
	bool negative = false;

	if (!token_plain(token, &magnitude) && !token_magnitude(token, &magnitude, &negative))
		return false;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*value = (int32_t)(uint32_t)(negative ? -magnitude : magnitude);
	return true;
}
