/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/text.h"

enum {
	UNFINISHED_MAX = 2048, /* bytes of a line without \n */
	CREDENTIALS_MAX = 1024,
};

static enum parse_result
auth_refuse(struct parser *parser, const uint8_t *next, const char *error)
{
	parser->cursor = next;
	return text_error(parser, false, error);
}

/* Takes the next word between spaces. False if there is none. */
static bool
word_take(struct token *word, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *space;

	word->start = spaces_skip(*at, end);
	space = memchr(word->start, ' ', (size_t)(end - word->start));
	*at = space != NULL ? space : end;
	word->length = (size_t)(*at - word->start);
	return word->length != 0;
}

/* Name and password, with \r\n behind. */
static enum parse_result
auth_check(struct parser *parser, const uint8_t *credentials, size_t length)
{
	const uint8_t *at = credentials, *end = at + length, *next = end + 2;
	struct stream *stream = parser->stream;
	struct token name, password;

	if (memcmp(end, "\r\n", 2) != 0)
		return auth_refuse(parser, next, "CLIENT_ERROR bad command line termination");
	if (!word_take(&name, &at, end) || !word_take(&password, &at, end))
		return auth_refuse(parser, next, "CLIENT_ERROR bad authentication token format");
	stream->authenticated = users_know(user_list_now(parser->limits->users), name.start,
					   name.length, password.start, password.length);
	if (stream->authenticated) {
		parser->cursor = next;
		text_say(parser, REQUEST_NOOP, false, "STORED");
	} else {
		auth_refuse(parser, next, "CLIENT_ERROR authentication failure");
	}
	parser->next[-1].flags |= REQUEST_AUTH;
	return PARSE_DONE;
}

enum parse_result
text_authenticate(struct parser *parser)
{
	const uint8_t *start = parser->cursor;
	struct line line;
	uint32_t length;

	if (!line_split(&line, start, parser->end))
		return parser_available(parser, start) > UNFINISHED_MAX ? PARSE_CLOSE
									: parser_more(parser, 0);
	if (line.count < 5 || !token_is(&line.token[0], "set") ||
	    !token_u32(&line.token[4], &length))
		return auth_refuse(parser, line.next, "CLIENT_ERROR unauthenticated");
	if (length > CREDENTIALS_MAX) {
		auth_refuse(parser, line.next, "CLIENT_ERROR auth token too long");
		parser->next[-1].flags |= REQUEST_CLOSE;
		return PARSE_CLOSE;
	}
	if (parser_available(parser, line.next) < (size_t)length + 2)
		return parser_more(parser, (uint64_t)(line.next - start) + length + 2);
	return auth_check(parser, line.next, length);
}
