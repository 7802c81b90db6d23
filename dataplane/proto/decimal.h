/* SPDX-License-Identifier: BSD-3-Clause */
/* decimal.h - unsigned numbers to decimal digits, two at a time. */
#ifndef JACKDAW_DECIMAL_H
#define JACKDAW_DECIMAL_H

#include <stdint.h>
#include <string.h>

enum {
	DECIMAL_MAX = 20 /* digits of 2^64 - 1 */
};

static const char decimal_pairs[200] = {
#define ROW(t) t, '0', t, '1', t, '2', t, '3', t, '4', t, '5', t, '6', t, '7', t, '8', t, '9'
	ROW('0'), ROW('1'), ROW('2'), ROW('3'), ROW('4'),
	ROW('5'), ROW('6'), ROW('7'), ROW('8'), ROW('9'),
#undef ROW
};

static inline unsigned int
decimal_length(uint64_t value)
{
	unsigned int length = 1;

	for (; value >= 10000; value /= 10000)
		length += 4;
	return length + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Writes the digits of value at out (room for DECIMAL_MAX); returns the byte after the last. */
static inline uint8_t *
decimal_write(uint8_t *out, uint64_t value)
{
	unsigned int length;
	uint8_t *at;

	if (value < 10) {
		*out = (uint8_t)('0' + value);
		return out + 1;
	}
	if (value < 100) {
		memcpy(out, decimal_pairs + 2 * value, 2);
		return out + 2;
	}
	length = decimal_length(value);
	at = out + length;
	/* the compiler turns division by a constant into multiplication */
	while (value >= 100) {
		at -= 2;
		memcpy(at, decimal_pairs + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10)
		memcpy(out, decimal_pairs + 2 * value, 2);
	else
		*out = (uint8_t)('0' + value);
	return out + length;
}

#endif
