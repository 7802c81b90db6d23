/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meta_plain.h - mg and ms and their answers, as far as they are like most: single spaces, nothing wrong, no
 * flag that makes anything else of them than a get or a set, and a short value. meta.c and meta_reply.c see to
 * all others.
 */
#ifndef JACKDAW_META_PLAIN_H
#define JACKDAW_META_PLAIN_H

#include "dataplane/proto/codec.h"

/*
 * Takes the lines of mg that come first at `at`, as text_take_gets does those of get. echo: also those
 * whose reply repeats bytes of the request (REQUEST_ECHO).
 */
const uint8_t *meta_take_gets(const uint8_t *at, const uint8_t *end, bool echo,
			      struct request *requests, unsigned int room, unsigned int *count);

/* Takes an ms with its data, as text_take_set does a set. */
const uint8_t *meta_take_set(const struct parse_limits *limits, const uint8_t *at,
			     const uint8_t *end, bool echo, struct request *request);

/* True of an executed mg or ms, whether it was taken here or not. */
static inline bool
request_is_meta(const struct request *request)
{
	return (request->verb == 'g' || request->verb == 's') &&
	       request->protocol == PROTOCOL_TEXT && request->action == REQUEST_STORE;
}

/*
 * Writes the reply of a request of which request_is_meta() from `out` on, and returns its end. NULL: its value
 * is long, it was not stored, or it may not fit before limit.
 */
uint8_t *meta_put_plain(uint8_t *out, const uint8_t *limit, const struct request *request);

#endif
