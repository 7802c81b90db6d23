/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meta_get.h - mg and its answer, as far as they are like most: single spaces, nothing wrong, no flag that
 * changes or creates anything, and a short value. meta.c and meta_reply.c see to all others.
 */
#ifndef JACKDAW_META_GET_H
#define JACKDAW_META_GET_H

#include "dataplane/proto/codec.h"

/*
 * Takes the lines of mg that come first at `at`, as text_take_gets does those of get. echo: also those
 * whose reply repeats bytes of the request (REQUEST_ECHO).
 */
const uint8_t *meta_take_gets(const uint8_t *at, const uint8_t *end, bool echo,
			      struct request *requests, unsigned int room, unsigned int *count);

/* True of an executed mg, whether it was taken here or not. */
static inline bool
request_is_meta_get(const struct request *request)
{
	return request->verb == 'g' && request->protocol == PROTOCOL_TEXT &&
	       request->action == REQUEST_STORE;
}

/*
 * Writes the reply of a request of which request_is_meta_get() from `out` on, and returns its end. NULL: its
 * value is long, or it may not fit before limit.
 */
uint8_t *meta_put_get(uint8_t *out, const uint8_t *limit, const struct request *request);

#endif
