/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/codec.h"

#include "dataplane/proto/binary.h"
#include "dataplane/proto/meta_plain.h"
#include "dataplane/proto/text.h"
#include "dataplane/proto/text_get.h"

static const struct codec *const codecs[PROTOCOLS] = {
	[PROTOCOL_TEXT] = &text_codec,
	[PROTOCOL_BINARY] = &binary_codec,
};

/* Throws away what a refused command still has coming, then answers it. True when that is done. */
static bool
parser_swallow(struct parser *parser, const struct codec *codec)
{
	struct stream *stream = parser->stream;
	uint64_t here = parser_available(parser, parser->cursor);

	if (here > stream->swallow)
		here = stream->swallow;
	parser->cursor += here;
	stream->swallow -= here;
	if (stream->swallow != 0)
		return false;
	if (stream->pending != 0) {
		codec->refuse(parser);
		stream->pending = 0;
	}
	return true;
}

static enum parse_result
parser_run(struct parser *parser, const struct codec *codec)
{
	struct stream *stream = parser->stream;
	enum parse_result result;

	while (parser->cursor < parser->end || stream->pending != 0) {
		if (parser->next == parser->limit)
			return PARSE_FULL;
		if ((stream->swallow | stream->pending) != 0) {
			if (!parser_swallow(parser, codec))
				break;
			continue;
		}
		result = codec->parse(parser);
		if (result != PARSE_DONE)
			return result;
	}
	return PARSE_DONE;
}

static enum parse_result
requests_parse_any(struct parser *parser, struct request *requests, unsigned int *count,
		   const uint8_t *bytes, size_t *consumed)
{
	struct stream *stream = parser->stream;
	enum parse_result result = PARSE_DONE;

	parser->next = requests + *count;
	if (stream->protocol == PROTOCOL_UNKNOWN && parser->cursor != parser->end)
		stream->protocol =
			*parser->cursor == MAGIC_REQUEST ? PROTOCOL_BINARY : PROTOCOL_TEXT;
	if (stream->protocol != PROTOCOL_UNKNOWN)
		result = parser_run(parser, codecs[stream->protocol]);
	*count = (unsigned int)(parser->next - requests);
	*consumed = (size_t)(parser->cursor - bytes);
	return result;
}

/* Whether a command of a stream like most comes next: nothing is in progress, nothing is in its way. */
static inline bool
stream_is_plain(const struct stream *stream, const struct parse_limits *limits)
{
	return (stream->swallow | stream->pending | stream->verb) == 0 &&
	       (limits->users == NULL || stream->authenticated);
}

/*
 * Takes the gets that the bytes begin with, where they are like most, in whichever protocol it may be.
 * Returns where it stopped.
 */
static inline const uint8_t *
take_gets(struct stream *stream, const uint8_t *bytes, const uint8_t *end, struct request *requests,
	  unsigned int room, unsigned int *count)
{
	const uint8_t *at = bytes;

	if (bytes == end)
		return at;
	if (*bytes == MAGIC_REQUEST && stream->protocol != PROTOCOL_TEXT) {
		stream->protocol = PROTOCOL_BINARY;
		at = binary_take_gets(bytes, end, BINARY_GETS, requests, room, count);
	} else if (*bytes == 'g' && stream->protocol != PROTOCOL_BINARY) {
		stream->protocol = PROTOCOL_TEXT;
		at = text_take_gets(bytes, end, requests, room, count);
	} else if (*bytes == 'm' && stream->protocol != PROTOCOL_BINARY) {
		stream->protocol = PROTOCOL_TEXT;
		at = meta_take_gets(bytes, end, true, requests, room, count);
	}
	return at;
}

enum parse_result
requests_parse(struct stream *stream, const struct parse_limits *limits, const uint8_t *bytes,
	       size_t length, struct request *requests, unsigned int room, unsigned int *count,
	       size_t *consumed)
{
	struct parser parser;
	const uint8_t *at = bytes, *end = bytes + length;

	if (stream_is_plain(stream, limits)) {
		at = take_gets(stream, bytes, end, requests, room, count);
		if (at == end) {
			*consumed = length;
			return PARSE_DONE;
		}
	}
	parser = (struct parser){
		.stream = stream,
		.limits = limits,
		.cursor = at,
		.end = end,
		.limit = requests + room,
	};
	return requests_parse_any(&parser, requests, count, bytes, consumed);
}

void
request_write(struct server *server, const struct request *request, struct reply *reply)
{
	codecs[request->protocol]->write(server, request, reply);
}

void
request_end_data(struct request *request, const uint8_t *trailer)
{
	if (request->protocol == PROTOCOL_TEXT && memcmp(trailer, "\r\n", 2) != 0)
		text_bad_data(request);
}
