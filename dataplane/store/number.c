/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/number.h"

#include <string.h>

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
number_parse(const uint8_t *text, uint32_t length, uint64_t *number)
{
	uint32_t i = 0, first;
	uint64_t sum = 0;
	bool negative = false;

	while (i < length && is_space(text[i]))
		i++;
	if (i < length && (text[i] == '+' || text[i] == '-'))
		negative = text[i++] == '-';
	for (first = i; i < length && is_digit(text[i]); i++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(text[i] - '0'), &sum))
			return false;
	if (i == first || (i < length && !is_space(text[i]) && text[i] != '\0'))
		return false;
	*number = negative ? -sum : sum;
	return !negative || (int64_t)*number >= 0;
}

uint32_t
number_format(uint64_t number, uint8_t digits[NUMBER_DIGITS_MAX])
{
	uint8_t reversed[NUMBER_DIGITS_MAX];
	uint32_t count = 0;

	do {
		reversed[count++] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	for (uint32_t i = 0; i < count; i++)
		digits[i] = reversed[count - 1 - i];
	return count;
}
