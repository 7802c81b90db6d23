/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * codec.h - what a codec is to its callers in this folder: a row of functions in codec.c's table.
 *
 * A new protocol is one file that exports a struct codec, one value of enum protocol and one row.
 */
#ifndef JACKDAW_CODEC_H
#define JACKDAW_CODEC_H

#include "dataplane/proto/request.h"

/* A call of requests_parse in progress. */
struct parser {
	struct stream *stream;
	const struct parse_limits *limits;
	const uint8_t *cursor; /* first byte not used yet */
	const uint8_t *end;
	struct request *next; /* place of the next request */
	struct request *limit;
};

struct codec {
	/*
	 * Takes one command: there is at least one byte and room for one request, and nothing to be
	 * swallowed. PARSE_DONE moves the cursor past the command and may have added requests;
	 * PARSE_MORE changes neither, unless a multi-get is longer than can be put together;
	 * PARSE_PAUSE is PARSE_DONE otherwise; PARSE_FULL leaves a multi-key command to be gone on with; PARSE_DATA moves the cursor to
	 * where the data of the request it added will begin.
	 */
	enum parse_result (*parse)(struct parser *parser);
	/* Adds the error stream->pending, whose command's data has now been swallowed. */
	void (*refuse)(struct parser *parser);
	/* request_write for this codec's requests. */
	void (*write)(struct server *server, const struct request *request, struct reply *reply);
};

extern const struct codec text_codec;
extern const struct codec binary_codec;

/*
 * Zeroes a request with vector stores: for this size GCC would choose rep stos, whose start alone
 * takes longer.
 */
static inline void
request_clear(struct request *request)
{
	typedef uint64_t vector __attribute__((vector_size(32), aligned(8), may_alias));
	enum {
		WHOLE = sizeof(*request) / sizeof(vector) * sizeof(vector)
	};
	uint8_t *at = (uint8_t *)request;

	for (unsigned int i = 0; i < WHOLE; i += sizeof(vector))
		*(vector *)(at + i) = (vector){0};
	for (unsigned int i = WHOLE; i < sizeof(*request); i += sizeof(uint64_t))
		memcpy(at + i, &(uint64_t){0}, sizeof(uint64_t));
}

/*
 * Sets up a plain get. Of the operation only what a get without options has to do with is zeroed: the
 * rest, in cache lines of its own, is left as it was.
 */
static inline void
request_begin_get(struct request *request, enum protocol protocol, const uint8_t *key,
		  size_t key_length)
{
	typedef uint64_t vector __attribute__((vector_size(32), aligned(8), may_alias));
	enum {
		FRONT = offsetof(struct request, op.status) + sizeof(request->op.status),
		WHOLE = (FRONT + sizeof(vector) - 1) / sizeof(vector) * sizeof(vector)
	};
	uint8_t *at = (uint8_t *)request;

	_Static_assert(WHOLE <= sizeof(*request), "zeroed in whole vectors");
	for (unsigned int i = 0; i < WHOLE; i += sizeof(vector))
		*(vector *)(at + i) = (vector){0};
	request->action = REQUEST_STORE;
	request->protocol = (uint8_t)protocol;
	request->op.key = key;
	request->op.key_length = (uint8_t)key_length;
	request->op.verb = STORE_GET;
}

/* Likewise for a plain set: what it reads, or its reply, is set to nothing. */
static inline void
request_begin_set(struct request *request, enum protocol protocol, const uint8_t *key,
		  size_t key_length, const uint8_t *data, uint32_t data_length)
{
	request_begin_get(request, protocol, key, key_length);
	request->op.verb = STORE_SET;
	request->op.data = data;
	request->op.data_length = data_length;
	request->op.exptime = 0;
	request->op.reservation = 0;
}

/* The next request, zeroed but for its action and protocol. There must be room for it. */
static inline struct request *
parser_add(struct parser *parser, enum protocol protocol, enum request_action action)
{
	struct request *request = parser->next++;

	request_clear(request);
	request->action = (uint8_t)action;
	request->protocol = (uint8_t)protocol;
	return request;
}

static inline size_t
parser_available(const struct parser *parser, const uint8_t *from)
{
	return (size_t)(parser->end - from);
}

/* Records how long the incomplete command at the cursor is, if that is known (else 0). */
static inline enum parse_result
parser_more(struct parser *parser, uint64_t wanted)
{
	parser->stream->wanted = wanted;
	return PARSE_MORE;
}

/* The command at the cursor is too long to be put together by the stream's owner. */
static inline bool
parser_is_outgrown(const struct parser *parser, uint64_t length)
{
	return !parser->stream->datagram && parser->limits->assembled_max != 0 &&
	       length > parser->limits->assembled_max;
}

/* Data of the request added last is missing; it and its trailer end at `end`, counted from `data`. */
static inline enum parse_result
parser_await_data(struct parser *parser, const uint8_t *data, uint64_t end)
{
	uint64_t wanted = (uint64_t)(data - parser->cursor) + end;

	if (parser_is_outgrown(parser, wanted)) {
		parser->cursor = data;
		return PARSE_DATA;
	}
	parser->next--;
	return parser_more(parser, wanted);
}

/* memcached's rule: a value that this makes too large is swallowed, whatever the command. */
static inline bool
value_too_large(const struct parse_limits *limits, size_t key_length, uint64_t data_length,
		uint32_t flags)
{
	return STORE_ITEM_OVERHEAD + key_length + data_length + (flags != 0 ? sizeof(flags) : 0) >
	       limits->item_size_max;
}

/*
 * A SET that is refused still removes the old value: nobody may go on reading what its owner
 * believes to have replaced.
 */
static inline void
parser_add_removal(struct parser *parser, enum protocol protocol, const uint8_t *key,
		   uint8_t key_length)
{
	struct request *request = parser_add(parser, protocol, REQUEST_STORE);

	request->op.verb = STORE_DELETE;
	request->op.key = key;
	request->op.key_length = key_length;
	request->flags = REQUEST_SIDE_EFFECT;
}

#endif
