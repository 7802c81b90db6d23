/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reply.h - where a codec writes: bytes in order, into pieces that the transport provides.
 *
 * A piece is a run of writable memory (the payload of a datagram, the tail of a TCP segment).
 * When one is full the transport's extend() provides the next. A codec reserves what it is about
 * to format and commits what it used; a reservation that doesn't fit the piece goes through a
 * small bounce buffer, so that every piece but the last is filled to its last byte (memcached's
 * UDP clients count on full datagrams).
 */
#ifndef JACKDAW_REPLY_H
#define JACKDAW_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/store/store.h"

enum {
	REPLY_RESERVE_MAX = 512,
	REPLY_REFER_MIN = STORE_PINNED_MIN, /* bytes of a value that is referred to, not copied */
};

struct reply {
	uint8_t *cursor; /* next byte to be written */
	uint8_t *limit;	 /* end of the piece */
	bool failed;	 /* extend() had nothing: the owner throws the message away */
	/* Hands over the full piece and sets cursor and limit to a fresh one; -ENOBUFS if none. */
	int (*extend)(struct reply *reply);
	/*
	 * Where the transport can send a value from where it lies: queues all that was written, then
	 * op->value, and sets cursor and limit to go on. -ENOBUFS if it can't be done. NULL: it is copied.
	 */
	int (*refer)(struct reply *reply, const struct store_op *op);
	uint8_t bounce[REPLY_RESERVE_MAX];
};

/*
 * Copies `length` bytes that don't overlap. Those of a small item take two or four moves that overlap
 * each other, without a call, or the string instructions that GCC may choose, whose start takes longer
 * than all of it: the length is not known when this is compiled.
 */
static inline void
copy_bytes(uint8_t *to, const uint8_t *from, size_t length)
{
	typedef uint64_t vector __attribute__((vector_size(16), aligned(1), may_alias));
	typedef uint64_t word __attribute__((aligned(1), may_alias));
	vector first, second, third, last;
	word start, end;

	if (length > 4 * sizeof(vector) || length < sizeof(word)) {
		memcpy(to, from, length);
		return;
	}
	if (length < sizeof(vector)) {
		start = *(const word *)from;
		end = *(const word *)(from + length - sizeof(word));
		*(word *)to = start;
		*(word *)(to + length - sizeof(word)) = end;
		return;
	}
	first = *(const vector *)from;
	last = *(const vector *)(from + length - sizeof(vector));
	if (length > 2 * sizeof(vector)) {
		second = *(const vector *)(from + sizeof(vector));
		third = *(const vector *)(from + length - 2 * sizeof(vector));
		*(vector *)(to + sizeof(vector)) = second;
		*(vector *)(to + length - 2 * sizeof(vector)) = third;
	}
	*(vector *)to = first;
	*(vector *)(to + length - sizeof(vector)) = last;
}

/* Appends bytes across as many pieces as they need. */
static inline void
reply_put(struct reply *reply, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	while (length > (size_t)(reply->limit - reply->cursor)) {
		size_t room = (size_t)(reply->limit - reply->cursor);

		memcpy(reply->cursor, from, room);
		reply->cursor += room;
		from += room;
		length -= room;
		if (reply->failed || reply->extend(reply) != 0) {
			reply->failed = true;
			return;
		}
	}
	memcpy(reply->cursor, from, length);
	reply->cursor += length;
}

/* Appends the value that op found: bytes, or a reference to them. */
static inline void
reply_put_value(struct reply *reply, const struct store_op *op)
{
	if (reply->refer == NULL || op->value_length < REPLY_REFER_MIN)
		reply_put(reply, op->value, op->value_length);
	else if (!reply->failed && reply->refer(reply, op) != 0)
		reply->failed = true;
}

/* Room for `length` (at most REPLY_RESERVE_MAX) contiguous bytes, to be committed at once. */
static inline uint8_t *
reply_reserve(struct reply *reply, size_t length)
{
	return (size_t)(reply->limit - reply->cursor) >= length ? reply->cursor : reply->bounce;
}

/* Ends a reservation: `end` is one past the last byte written from `start`. */
static inline void
reply_commit(struct reply *reply, const uint8_t *start, uint8_t *end)
{
	if (start == reply->cursor)
		reply->cursor = end;
	else
		reply_put(reply, start, (size_t)(end - start));
}

#endif
