/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * number.h - decimal numbers as incr and decr know them.
 */
#ifndef JACKDAW_STORE_NUMBER_H
#define JACKDAW_STORE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	NUMBER_DIGITS_MAX = 20, /* of 2^64 - 1 */
};

/*
 * Reads a value as memcached does: white space, a sign, digits, then white space, NUL or the end.
 * Overflow is no number; nor is a negative one (unless it wraps to less than 2^63, as
 * strtoull would have it).
 */
bool number_parse(const uint8_t *text, uint32_t length, uint64_t *number);

/* Writes the digits, no NUL; returns how many. */
uint32_t number_format(uint64_t number, uint8_t digits[NUMBER_DIGITS_MAX]);

#endif
