/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_stream.h - a run of bytes that grows at its end and is used up at its front: what a
 * connection has received and not yet understood, or has to send. One thread.
 */
#ifndef JACKDAW_PERF_BENCH_STREAM_H
#define JACKDAW_PERF_BENCH_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Zeroed at birth; bytes[from .. to - 1] are in it. Freed by free(bytes). */
struct stream {
	uint8_t *bytes;
	size_t from, to, capacity;
};

/* At least `room` bytes after `to`; false if there's no memory. */
static inline bool
stream_make_room(struct stream *stream, size_t room)
{
	uint8_t *larger;

	if (stream->from == stream->to)
		stream->from = stream->to = 0;
	if (stream->capacity - stream->to >= room)
		return true;
	if (stream->from > 0) {
		memmove(stream->bytes, stream->bytes + stream->from, stream->to - stream->from);
		stream->to -= stream->from;
		stream->from = 0;
	}
	if (stream->capacity - stream->to >= room)
		return true;
	larger = realloc(stream->bytes, 2 * (stream->to + room));
	if (larger == NULL)
		return false;
	stream->bytes = larger;
	stream->capacity = 2 * (stream->to + room);
	return true;
}

/* Puts bytes at the end; false if there's no memory. */
static inline bool
stream_append(struct stream *stream, const uint8_t *bytes, size_t length)
{
	if (!stream_make_room(stream, length))
		return false;
	memcpy(stream->bytes + stream->to, bytes, length);
	stream->to += length;
	return true;
}

#endif
