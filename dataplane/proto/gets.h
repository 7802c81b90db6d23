/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gets.h - the way of a plain get of the binary protocol, the most common request by far, without a
 * call: for the worker's batch. Whatever is not that goes by request.h.
 */
#ifndef JACKDAW_GETS_H
#define JACKDAW_GETS_H

#include "dataplane/proto/binary.h"

/*
 * Takes the plain gets that a datagram begins with, as requests_parse would, but without a stream, and
 * none with REQUEST_ECHO: returns how many bytes they took. What is left, if anything, is for requests_parse with a stream
 * whose protocol is PROTOCOL_BINARY unless nothing was taken.
 */
static inline size_t
requests_take_gets(const struct parse_limits *limits, const uint8_t *bytes, size_t length,
		   struct request *requests, unsigned int room, unsigned int *count)
{
	enum {
		OPCODES = BINARY_GETS & ~(1 << BINARY_GETK)
	};

	if (limits->users != NULL)
		return 0;
	return (size_t)(binary_take_gets(bytes, bytes + length, OPCODES, requests, room, count) -
			bytes);
}

/*
 * Writes the replies of requests from `out` on if all are gets that found short values, and returns
 * their end. NULL if not, or if they don't fit before limit: then any of them may have been written.
 */
static inline uint8_t *
requests_put_hits(uint8_t *out, const uint8_t *limit, const struct request *requests,
		  unsigned int count)
{
	for (unsigned int i = 0; i < count && out != NULL; i++)
		out = binary_put_hit(out, limit, requests + i);
	return out;
}

/*
 * request_write for a number of requests: replies to plain gets are put where the others' are written,
 * without going by way of *reply for each.
 */
static inline void
requests_write(struct server *server, const struct request *requests, unsigned int count,
	       struct reply *reply)
{
	uint8_t *out = reply->cursor;

	for (const struct request *request = requests; request < requests + count; request++) {
		uint8_t *end = binary_put_hit(out, reply->limit, request);

		if (end == NULL) {
			reply->cursor = out;
			request_write(server, request, reply);
			if (reply->failed)
				return;
			end = reply->cursor;
		}
		out = end;
	}
	reply->cursor = out;
}

#endif
