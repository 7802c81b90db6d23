/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text_set.h - a set of the text protocol and its answer, as far as they are like most: whole, with
 * single spaces between its words, nothing wrong, and stored. text_store.c and text_reply.c see to all
 * others, and to whatever has to be said of them.
 */
#ifndef JACKDAW_TEXT_SET_H
#define JACKDAW_TEXT_SET_H

#include "dataplane/proto/codec.h"
#include "dataplane/proto/token.h"

/*
 * Reads a number of digits alone, few enough to be one in 64 bits. Returns the byte after the last, or
 * NULL: it is none, is longer, or goes on to end.
 */
static inline const uint8_t *
text_take_number(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
	enum {
		DIGITS_MAX = 10 /* as 2^32 - 1 has */
	};
	const uint8_t *first = at;
	uint64_t sum = 0;

	for (; at < end; at++) {
		uint8_t digit = (uint8_t)(*at - '0');

		if (digit > 9)
			break;
		sum = sum * 10 + digit; /* of too many digits the sum is of no account */
	}
	*value = sum;
	return (size_t)(at - first) - 1 < DIGITS_MAX && at != end ? at : NULL;
}

/*
 * Reads what may follow the last number of a set's line, "[ noreply]\r\n": returns where its data begins,
 * or NULL if it is anything else.
 */
static inline const uint8_t *
text_take_set_end(const uint8_t *at, const uint8_t *end, uint16_t *flags)
{
	static const char quiet[] = " noreply\r\n";
	size_t left = (size_t)(end - at);

	*flags = 0;
	if (left >= 2 && at[0] == '\r' && at[1] == '\n')
		return at + 2;
	*flags = REQUEST_QUIET;
	if (left < sizeof(quiet) - 1 || memcmp(at, quiet, sizeof(quiet) - 1) != 0)
		return NULL;
	return at + sizeof(quiet) - 1;
}

/*
 * Past the data of a set or ms that begins at `data`; NULL: it is not whole, ends with anything but a line's
 * end, or is too large.
 */
static inline const uint8_t *
text_take_whole(const struct parse_limits *limits, const uint8_t *data, const uint8_t *end,
		size_t key_length, uint64_t length, uint32_t flags)
{
	if ((size_t)(end - data) < length + 2 || memcmp(data + length, "\r\n", 2) != 0 ||
	    value_too_large(limits, key_length, length, flags))
		return NULL;
	return data + length + 2;
}

/*
 * Takes a plain set at `at`, with its data: there must be room for its request. Returns where it ends;
 * `at` if it is anything else: then the request may have been written.
 */
static inline const uint8_t *
text_take_set(const struct parse_limits *limits, const uint8_t *at, const uint8_t *end,
	      struct request *request)
{
	const uint8_t *key = at + 4, *next, *data;
	uint64_t flags, exptime, length;
	uint16_t quiet;
	size_t key_length;

	if (end - at < 4 || memcmp(at, "set ", 4) != 0)
		return at;
	next = scan_control(key, end);
	key_length = (size_t)(next - key);
	if (key_length - 1 >= STORE_KEY_MAX || next == end || *next != ' ')
		return at;
	next = text_take_number(next + 1, end, &flags);
	if (next == NULL || *next != ' ')
		return at;
	next = text_take_number(next + 1, end, &exptime);
	if (next == NULL || *next != ' ')
		return at;
	next = text_take_number(next + 1, end, &length);
	if (next == NULL || (data = text_take_set_end(next, end, &quiet)) == NULL)
		return at;
	next = text_take_whole(limits, data, end, key_length, length, (uint32_t)flags);
	if (next == NULL)
		return at;
	request_begin_set(request, PROTOCOL_TEXT, key, key_length, data, (uint32_t)length);
	request->flags = quiet;
	/* cut to 32 bits, both, as text_store.c does */
	request->op.flags = (uint32_t)flags;
	request->op.exptime = (int32_t)(uint32_t)exptime;
	return next;
}

/*
 * Writes the reply of a text set, or cas, that was stored from `out` on, and returns its end. NULL: it
 * is anything else, is to have none, or it doesn't fit before limit.
 */
static inline uint8_t *
text_put_stored(uint8_t *out, const uint8_t *limit, const struct request *request)
{
	static const char stored[] = "STORED\r\n";
	const struct store_op *op = &request->op;

	if (request->protocol != PROTOCOL_TEXT || request->action != REQUEST_STORE ||
	    op->verb != STORE_SET || op->status != STORE_OK ||
	    (request->flags | request->verb) != 0 || (size_t)(limit - out) < sizeof(stored) - 1)
		return NULL;
	memcpy(out, stored, sizeof(stored) - 1);
	return out + sizeof(stored) - 1;
}

#endif
