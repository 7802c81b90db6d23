/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gets.h - the way of a plain get, the most common request by far, and of a plain set, the next, without
 * a call: for the worker's batch. Whatever is neither goes by request.h.
 */
#ifndef JACKDAW_GETS_H
#define JACKDAW_GETS_H

#include "dataplane/proto/binary.h"
#include "dataplane/proto/meta_plain.h"
#include "dataplane/proto/text_get.h"
#include "dataplane/proto/text_set.h"

/* The text protocol's part of requests_take_plain: whole datagrams of get, or of mg, or of one set or ms. */
static inline size_t
text_take_plain(const struct parse_limits *limits, const uint8_t *bytes, size_t length,
		struct request *requests, unsigned int room, unsigned int *count)
{
	const uint8_t *at = bytes, *end = bytes + length;
	unsigned int more = *count;

	if (*bytes == 'g') {
		at = text_take_gets(bytes, end, requests, room, &more);
	} else if (length > 1 && bytes[0] == 'm' && bytes[1] == 'g') {
		at = meta_take_gets(bytes, end, false, requests, room, &more);
	} else if (more < room) {
		at = *bytes == 'm' ? meta_take_set(limits, bytes, end, false, requests + more)
				   : text_take_set(limits, bytes, end, requests + more);
		more++;
	}
	if (at != end)
		return 0;
	*count = more;
	return length;
}

/*
 * Takes the plain gets that a datagram begins with, and a plain set that follows them, as requests_parse
 * would, but without a stream, and none with REQUEST_ECHO: returns how many bytes they took. What is left,
 * if anything, is for requests_parse with a stream whose protocol is PROTOCOL_BINARY unless nothing was
 * taken: text is taken whole or not at all.
 */
static inline size_t
requests_take_plain(const struct parse_limits *limits, const uint8_t *bytes, size_t length,
		    struct request *requests, unsigned int room, unsigned int *count)
{
	enum {
		OPCODES = BINARY_GETS & ~(1 << BINARY_GETK)
	};
	const uint8_t *at, *end = bytes + length;

	if (limits->users != NULL || length == 0)
		return 0;
	if (*bytes != MAGIC_REQUEST)
		return text_take_plain(limits, bytes, length, requests, room, count);
	at = binary_take_gets(bytes, end, OPCODES, requests, room, count);
	if (at != end)
		at = binary_take_set(limits, at, end, requests, room, count);
	return (size_t)(at - bytes);
}

/*
 * The reply to a plain get of the binary protocol that hit, to a set of either that was stored, or to a meta
 * request with a short answer; else NULL.
 */
static inline uint8_t *
request_put_plain(uint8_t *out, const uint8_t *limit, const struct request *request)
{
	if (request->protocol == PROTOCOL_TEXT)
		return request_is_meta(request) ? meta_put_plain(out, limit, request)
						: text_put_stored(out, limit, request);
	if (request->op.verb == STORE_GET)
		return binary_put_hit(out, limit, request);
	return binary_put_stored(out, limit, request);
}

/* A get of the text protocol: what text_get.h knows how to answer. */
static inline bool
request_is_text_get(const struct request *request)
{
	return request->protocol == PROTOCOL_TEXT && request->action == REQUEST_STORE &&
	       request->op.verb == STORE_GET && request->verb == 0;
}

/*
 * Writes the replies of requests of one stream or datagram from `out` on if all are gets with short
 * answers, of binary ones hits, or sets that were stored, and returns their end. NULL if not, or if they
 * may not fit before limit: then any of them may have been written.
 */
static inline uint8_t *
requests_put_hits(uint8_t *out, const uint8_t *limit, const struct request *requests,
		  unsigned int count)
{
	if (count != 0 && request_is_text_get(requests))
		return text_put_gets(out, limit, requests, count);
	for (unsigned int i = 0; i < count && out != NULL; i++)
		out = request_put_plain(out, limit, requests + i);
	return out;
}

/*
 * request_write for a number of requests of one stream or datagram: replies to plain gets and sets
 * are put where the others' are written, without going by way of *reply for each.
 */
static inline void
requests_write(struct server *server, const struct request *requests, unsigned int count,
	       struct reply *reply)
{
	uint8_t *out = reply->cursor;

	if (count != 0 && request_is_text_get(requests)) {
		text_write_all(server, requests, count, reply);
		return;
	}
	for (const struct request *request = requests; request < requests + count; request++) {
		uint8_t *end = request_put_plain(out, reply->limit, request);

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
