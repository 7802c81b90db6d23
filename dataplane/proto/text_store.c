/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands with data: set, add, replace, append, prepend, cas; and what becomes of data refused. */
#include "dataplane/proto/text.h"

enum {
	PENDING_ERROR = 1, /* stream->pending: stream->complaint is answered */
	PENDING_SILENCE,
};

/* Reads the words after the key. False if one isn't what it should be. */
static bool
store_read_words(const struct line *line, bool compares, struct store_op *op)
{
	int32_t exptime, length;

	if (!token_u32(&line->token[2], &op->flags) || !token_i32(&line->token[3], &exptime) ||
	    !token_i32(&line->token[4], &length))
		return false;
	if (compares && !token_u64(&line->token[5], &op->cas))
		return false;
	if (length < 0 || length > TEXT_DATA_MAX)
		return false;
	op->exptime = exptime;
	op->data_length = (uint32_t)length;
	return true;
}

enum parse_result
text_refuse(struct parser *parser, const uint8_t *data, uint32_t length, const char *error)
{
	struct stream *stream = parser->stream;

	if (stream->datagram && parser_available(parser, data) < (uint64_t)length + 2)
		return parser_more(parser, (uint64_t)(data - parser->cursor) + length + 2);
	parser->cursor = data;
	stream->swallow = (uint64_t)length + 2;
	stream->pending = PENDING_ERROR;
	stream->complaint = error;
	return PARSE_DONE;
}

static const char too_large[] = "SERVER_ERROR object too large for cache";

void
text_add_pending(struct parser *parser)
{
	const struct stream *stream = parser->stream;
	struct request *request = text_say(parser, REQUEST_ERROR,
					   stream->pending == PENDING_SILENCE, stream->complaint);

	if (stream->complaint == too_large)
		request->flags |= REQUEST_TOO_LARGE;
}

void
text_bad_data(struct request *request)
{
	/* q of a meta command silences success alone */
	bool quiet = (request->flags & (REQUEST_QUIET | REQUEST_META)) == REQUEST_QUIET;
	static const char line[] = "CLIENT_ERROR bad data chunk";

	request_clear(request);
	request->action = REQUEST_ERROR;
	request->protocol = PROTOCOL_TEXT;
	request->flags = (uint16_t)(REQUEST_BAD_DATA | (quiet ? REQUEST_QUIET : 0));
	request->text = line;
	request->text_length = sizeof(line) - 1;
}

enum parse_result
text_take_data(struct parser *parser, struct request *request, const uint8_t *data, bool quiet,
	       bool removes)
{
	struct store_op op = request->op;
	size_t length = op.data_length, here = parser_available(parser, data);

	if (value_too_large(parser->limits, op.key_length, length, op.flags)) {
		parser->next = request;
		if (text_refuse(parser, data, op.data_length, too_large) == PARSE_MORE)
			return PARSE_MORE;
		if (quiet)
			parser->stream->pending = PENDING_SILENCE;
		if (removes)
			parser_add_removal(parser, PROTOCOL_TEXT, op.key, op.key_length);
		return PARSE_DONE;
	}
	if (here < length + 2)
		return parser_await_data(parser, data, length + 2);
	parser->cursor = data + length + 2;
	if (memcmp(data + length, "\r\n", 2) != 0)
		text_bad_data(request);
	return PARSE_DONE;
}

enum parse_result
text_store(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool compares = command->name[0] == 'c';
	struct request *request = text_add(parser, REQUEST_STORE, line_is_quiet(line));
	struct store_op *op = &request->op;

	if (line->token[1].length > STORE_KEY_MAX || !store_read_words(line, compares, op)) {
		parser->next = request;
		return text_error(parser, (request->flags & REQUEST_QUIET) != 0, text_bad_format);
	}
	op->verb = command->verb;
	op->options = compares ? STORE_IF_CAS : 0;
	op->key = line->token[1].start;
	op->key_length = (uint8_t)line->token[1].length;
	op->data = line->next;
	return text_take_data(parser, request, line->next, (request->flags & REQUEST_QUIET) != 0,
			      op->verb == STORE_SET && !compares);
}
