/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text_get.h - gets and their answers in the text protocol, as far as they are like most: lines of
 * get and gets with nothing wrong, and short values. text.c and text_reply.c see to all others.
 */
#ifndef JACKDAW_TEXT_GET_H
#define JACKDAW_TEXT_GET_H

#include "dataplane/proto/codec.h"
#include "dataplane/proto/decimal.h"

enum {
	TEXT_VALUE_SHORT = 128, /* bytes of a value that is written at once with its line */
	/* of a reply, besides key and value */
	TEXT_VALUE_ROOM = sizeof("VALUE    \r\n") + 3 * DECIMAL_MAX + sizeof("\r\nEND\r\n"),
};

/*
 * Takes the lines of get and gets that come first at `at`, where they are whole, have single spaces
 * between their keys, nothing wrong, and room: adds requests from [*count] on. Returns where it stopped.
 * Requests beyond *count may have been written.
 */
const uint8_t *text_take_gets(const uint8_t *at, const uint8_t *end, struct request *requests,
			      unsigned int room, unsigned int *count);

/*
 * Writes the replies of text requests from `out` on if all are gets that found short values or
 * nothing, and returns their end. NULL: they are not, or may not fit before limit; then any of them
 * may have been written.
 */
uint8_t *text_put_gets(uint8_t *out, const uint8_t *limit, const struct request *requests,
		       unsigned int count);

/* request_write for a number of text requests; stops where reply fails. */
void text_write_all(struct server *server, const struct request *requests, unsigned int count,
		    struct reply *reply);

/* Writes a short value and the end of its line, and returns where that ends. */
static inline uint8_t *
text_put_value(uint8_t *out, const struct store_op *op)
{
	copy_bytes(out, op->value, op->value_length);
	memcpy(out + op->value_length, "\r\n", 2);
	return out + op->value_length + 2;
}

/* Writes VALUE <key> <flags> <bytes>[ <unique>]\r\n and returns its end. */
static inline uint8_t *
text_put_head(uint8_t *out, const struct store_op *op, bool with_cas)
{
	memcpy(out, "VALUE ", 6);
	copy_bytes(out + 6, op->item_key, op->key_length);
	out += 6 + op->key_length;
	*out++ = ' ';
	out = decimal_write(out, op->flags);
	*out++ = ' ';
	out = decimal_write(out, op->value_length);
	if (with_cas) {
		*out++ = ' ';
		out = decimal_write(out, op->cas);
	}
	memcpy(out, "\r\n", 2);
	return out + 2;
}

#endif
