/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/codec.h"

#include "dataplane/proto/text.h"

enum {
	BINARY_MAGIC = 0x80
};

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

enum parse_result
requests_parse(struct stream *stream, const struct parse_limits *limits, const uint8_t *bytes,
	       size_t length, struct request *requests, unsigned int room, unsigned int *count,
	       size_t *consumed)
{
	struct parser parser = {
		.stream = stream,
		.limits = limits,
		.cursor = bytes,
		.end = bytes + length,
		.next = requests + *count,
		.limit = requests + room,
	};
	enum parse_result result = PARSE_DONE;

	if (stream->protocol == PROTOCOL_UNKNOWN && length != 0)
		stream->protocol = bytes[0] == BINARY_MAGIC ? PROTOCOL_BINARY : PROTOCOL_TEXT;
	if (stream->protocol != PROTOCOL_UNKNOWN)
		result = parser_run(&parser, codecs[stream->protocol]);
	*count = (unsigned int)(parser.next - requests);
	*consumed = (size_t)(parser.cursor - bytes);
	return result;
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
