/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/text_get.h"

#include "dataplane/proto/text.h"

enum {
	TEXT_GET_MIN = sizeof("get k\n") - 1,
};

/*
 * Takes one line of get or gets, keys with single spaces between them, into *next and what follows
 * before limit. Returns the byte after the line and moves *next, or NULL if it is anything else: then
 * requests from *next on may have been written.
 */
static inline const uint8_t *
text_take_get(const uint8_t *at, const uint8_t *end, struct request **next,
	      const struct request *limit)
{
	struct request *request = *next;
	const uint8_t *key = at + 4;
	uint16_t flags = 0;

	if (end - at < TEXT_GET_MIN || memcmp(at, "get", 3) != 0)
		return NULL;
	if (at[3] == 's') {
		flags = REQUEST_WITH_CAS;
		key++;
	}
	if (key[-1] != ' ')
		return NULL;
	for (; request < limit; request++) {
		const uint8_t *after = scan_control(key, end);
		size_t length = (size_t)(after - key);

		if (length - 1 >= STORE_KEY_MAX || after == end)
			return NULL;
		request_begin_get(request, PROTOCOL_TEXT, key, length);
		request->flags = flags;
		request->op.options = flags != 0 ? STORE_KEEP_CAS : 0;
		if (*after == ' ') {
			key = after + 1;
			continue;
		}
		after = line_end(after, end);
		if (after == NULL)
			return NULL;
		request->flags = flags | REQUEST_LAST;
		*next = request + 1;
		return after;
	}
	return NULL;
}

const uint8_t *
text_take_gets(const uint8_t *at, const uint8_t *end, struct request *requests, unsigned int room,
	       unsigned int *count)
{
	struct request *next = requests + *count;
	const uint8_t *line;

	while ((line = text_take_get(at, end, &next, requests + room)) != NULL)
		at = line;
	*count = (unsigned int)(next - requests);
	return at;
}

/*
 * Writes the reply of a get or gets that found a short value or nothing from `out` on, and returns
 * its end. NULL: it is none of these, or may not fit before limit.
 */
static inline uint8_t *
text_put_get(uint8_t *out, const uint8_t *limit, const struct request *request)
{
	const struct store_op *op = &request->op;
	bool last = (request->flags & REQUEST_LAST) != 0;
	bool found = op->status == STORE_OK;
	uint32_t length = found ? op->value_length : 0;

	if (request->action != REQUEST_STORE || op->verb != STORE_GET || request->verb != 0 ||
	    length > TEXT_VALUE_SHORT ||
	    (size_t)(limit - out) < (size_t)TEXT_VALUE_ROOM + op->key_length + length)
		return NULL;
	if (found) {
		out = text_put_head(out, op, (request->flags & REQUEST_WITH_CAS) != 0);
		out = text_put_value(out, op);
	}
	if (last) {
		memcpy(out, "END\r\n", 5);
		out += 5;
	}
	return out;
}

uint8_t *
text_put_gets(uint8_t *out, const uint8_t *limit, const struct request *requests,
	      unsigned int count)
{
	for (unsigned int i = 0; i < count && out != NULL; i++)
		out = text_put_get(out, limit, requests + i);
	return out;
}

void
text_write_all(struct server *server, const struct request *requests, unsigned int count,
	       struct reply *reply)
{
	uint8_t *out = reply->cursor;

	for (const struct request *request = requests; request < requests + count; request++) {
		uint8_t *end = text_put_get(out, reply->limit, request);

		if (end == NULL) {
			reply->cursor = out;
			text_write(server, request, reply);
			if (reply->failed)
				return;
			end = reply->cursor;
		}
		out = end;
	}
	reply->cursor = out;
}
