/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/base64.h"

#include <stdbool.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint8_t *
base64_encode(uint8_t *out, const uint8_t *bytes, size_t length)
{
	for (; length != 0; out += 4) {
		size_t take = length < 3 ? length : 3;
		uint32_t group = (uint32_t)bytes[0] << 16;

		group |= take > 1 ? (uint32_t)bytes[1] << 8 : 0;
		group |= take > 2 ? bytes[2] : 0;
		out[0] = (uint8_t)alphabet[group >> 18];
		out[1] = (uint8_t)alphabet[group >> 12 & 63];
		out[2] = take > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=';
		out[3] = take > 2 ? (uint8_t)alphabet[group & 63] : '=';
		bytes += take;
		length -= take;
	}
	return out;
}

/* The six bits of a character, or 64. */
static uint32_t
sextet(uint8_t character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26u;
	if (character >= '0' && character <= '9')
		return character - '0' + 52u;
	if (character == '+')
		return 62;
	return character == '/' ? 63 : 64;
}

size_t
base64_decode(uint8_t *out, const uint8_t *text, size_t length)
{
	size_t decoded = 0;

	if (length == 0 || length % 4 != 0)
		return 0;
	for (; length != 0; length -= 4, text += 4) {
		bool last = length == 4;
		unsigned int padding =
			last ? (text[3] == '=') + (text[3] == '=' && text[2] == '=') : 0;
		uint32_t group = 0;

		for (unsigned int i = 0; i < 4; i++) {
			uint32_t bits = i < 4 - padding ? sextet(text[i]) : 0;

			if (bits == 64)
				return 0;
			group = group << 6 | bits;
		}
		out[decoded++] = (uint8_t)(group >> 16);
		if (padding < 2)
			out[decoded++] = (uint8_t)(group >> 8);
		if (padding < 1)
			out[decoded++] = (uint8_t)group;
	}
	return decoded;
}
