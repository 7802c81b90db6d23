/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The classic text protocol, as memcached 1.6.18 speaks it: doc/protocol.txt, and what the server
 * itself answers where that says less.
 */
#include "dataplane/proto/text.h"

#include "dataplane/proto/meta.h"
#include "dataplane/proto/meta_plain.h"
#include "dataplane/proto/text_set.h"
#include "dataplane/proto/token.h"

enum {
	UNFINISHED_MAX = 2048, /* bytes of a line without \n; only get and gets may be longer */
	UNFINISHED_SPACES = 100,
};

/* Commands that read keys until the line ends: stream->verb while one is in progress. */
enum keys_verb {
	KEYS_NONE,
	KEYS_GET,
	KEYS_GETS,
	KEYS_GAT,
	KEYS_GATS,
	KEYS_BAD, /* the rest of the line is skipped, then refused */
};

/* --- requests ----------------------------------------------------------------------------- */

struct request *
text_add(struct parser *parser, enum request_action action, bool quiet)
{
	struct request *request = parser_add(parser, PROTOCOL_TEXT, action);

	request->flags = quiet ? REQUEST_QUIET : 0;
	return request;
}

struct request *
text_say(struct parser *parser, enum request_action action, bool quiet, const char *line)
{
	struct request *request = text_add(parser, action, quiet);

	request->text = line;
	request->text_length = (uint16_t)strlen(line);
	return request;
}

enum parse_result
text_error(struct parser *parser, bool quiet, const char *line)
{
	text_say(parser, REQUEST_ERROR, quiet, line);
	return PARSE_DONE;
}

bool
line_is_quiet(const struct line *line)
{
	return token_is(&line->token[line->count - 1], "noreply");
}

/* --- get, gets, gat, gats ----------------------------------------------------------------- */

enum keys_verdict {
	KEYS_GOOD,
	KEYS_TOO_LONG,
	KEYS_UNFINISHED
};

/* Looks over the keys from `at` to the end of the line. */
static enum keys_verdict
keys_check(const uint8_t *at, const uint8_t *end)
{
	for (;;) {
		const uint8_t *key = spaces_skip(at, end);

		at = word_end(key, end);
		if (at - key > STORE_KEY_MAX)
			return KEYS_TOO_LONG;
		if (at == end)
			return KEYS_UNFINISHED;
		if (*at != ' ')
			return line_skip(at, end) != NULL ? KEYS_GOOD : KEYS_UNFINISHED;
	}
}

/*
 * The line's end isn't here. It is awaited, unless so much is here that the owner of the stream can't
 * keep it: then the keys so far are answered, and `verb` goes on at `at`.
 */
static enum parse_result
keys_await_line(struct parser *parser, enum keys_verb verb, const uint8_t *at, int64_t exptime)
{
	if (parser_is_outgrown(parser, parser_available(parser, parser->cursor) + 1)) {
		parser->stream->verb = (uint8_t)verb;
		parser->stream->exptime = exptime;
		parser->cursor = verb == KEYS_BAD ? parser->end : at;
	}
	return parser_more(parser, 0);
}

/* Takes back the requests of this line: all it is answered with is an error. */
static enum parse_result
keys_refuse(struct parser *parser, struct request *first, const uint8_t *at)
{
	const uint8_t *next = line_skip(at, parser->end);

	parser->next = first;
	if (next == NULL)
		return keys_await_line(parser, KEYS_BAD, at, 0);
	parser->stream->verb = KEYS_NONE;
	parser->cursor = next;
	return text_error(parser, false, text_bad_format);
}

/* The array is full and a key is left: the rest of the line must be good before any is answered. */
static enum parse_result
keys_pause(struct parser *parser, struct request *first, const uint8_t *key, enum keys_verb verb,
	   int64_t exptime)
{
	struct stream *stream = parser->stream;
	bool checked = stream->verb != KEYS_NONE;

	switch (checked ? KEYS_GOOD : keys_check(key, parser->end)) {
	case KEYS_TOO_LONG:
		return keys_refuse(parser, first, key);
	case KEYS_UNFINISHED:
		if (keys_await_line(parser, verb, key, exptime) == PARSE_MORE &&
		    parser->cursor == key)
			return PARSE_FULL;
		parser->next = first;
		return PARSE_MORE;
	case KEYS_GOOD:
		break;
	}
	stream->verb = (uint8_t)verb;
	stream->exptime = exptime;
	parser->cursor = key;
	return PARSE_FULL;
}

static inline void
keys_add(struct parser *parser, const uint8_t *key, size_t length, enum keys_verb verb,
	 int64_t exptime)
{
	bool told = verb == KEYS_GETS || verb == KEYS_GATS;
	struct request *request;

	if (verb <= KEYS_GETS) {
		request = parser->next++;
		request_begin_get(request, PROTOCOL_TEXT, key, length);
	} else {
		request = parser_add(parser, PROTOCOL_TEXT, REQUEST_STORE);
		request->op.key = key;
		request->op.key_length = (uint8_t)length;
		request->op.verb = STORE_GAT;
		request->op.exptime = exptime;
	}
	request->flags = told ? REQUEST_WITH_CAS : 0;
	request->op.options = told ? STORE_KEEP_CAS : 0;
}

/*
 * Reads keys from `at` until the line ends. Requests are added as keys are met and taken back
 * should the line turn out to be unfinished or to hold a key that is too long.
 */
static inline enum parse_result
keys_parse(struct parser *parser, const uint8_t *at, enum keys_verb verb, int64_t exptime)
{
	const uint8_t *end = parser->end, *key = spaces_skip(at, end);
	struct request *first = parser->next;

	for (;;) {
		at = word_end(key, end);
		if (at - key > STORE_KEY_MAX)
			return keys_refuse(parser, first, key);
		if (at == end)
			break;
		if (at != key) {
			if (parser->next == parser->limit)
				return keys_pause(parser, first, key, verb, exptime);
			keys_add(parser, key, (size_t)(at - key), verb, exptime);
		}
		if (*at == ' ') {
			key = spaces_skip(at, end);
			continue;
		}
		at = line_skip(at, end);
		if (at == NULL)
			break;
		parser->stream->verb = KEYS_NONE;
		parser->cursor = at;
		if (parser->next == first)
			return text_error(parser, false, "ERROR");
		parser->next[-1].flags |= REQUEST_LAST;
		return PARSE_DONE;
	}
	if (keys_await_line(parser, verb, key, exptime) == PARSE_MORE && parser->cursor != key)
		parser->next = first;
	return PARSE_MORE;
}

/* A key was too long: skips to the line's end, where that is said. */
static enum parse_result
keys_skip(struct parser *parser)
{
	const uint8_t *next = line_skip(parser->cursor, parser->end);

	if (next == NULL) {
		parser->cursor = parser->end;
		return PARSE_DONE;
	}
	parser->cursor = next;
	parser->stream->verb = KEYS_NONE;
	return text_error(parser, false, text_bad_format);
}

static enum parse_result
text_get(struct parser *parser, const struct text_command *command, const struct line *line)
{
	return keys_parse(parser, line->token[1].start, command->verb, 0);
}

static enum parse_result
text_gat(struct parser *parser, const struct text_command *command, const struct line *line)
{
	int32_t exptime;

	if (!token_i32(&line->token[1], &exptime))
		return text_error(parser, false, "CLIENT_ERROR invalid exptime argument");
	if (line->count == 2) {
		text_say(parser, REQUEST_NOOP, false, "END");
		return PARSE_DONE;
	}
	return keys_parse(parser, line->token[2].start, command->verb, exptime);
}

/* --- commands on one key ------------------------------------------------------------------ */

static struct request *
text_add_op(struct parser *parser, const struct text_command *command, const struct line *line,
	    bool quiet)
{
	struct request *request = text_add(parser, REQUEST_STORE, quiet);

	request->op.verb = command->verb;
	request->op.key = line->token[1].start;
	request->op.key_length = (uint8_t)line->token[1].length;
	return request;
}

static enum parse_result
text_delete(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool quiet = line->count > 2 && line_is_quiet(line);
	/* an ancient argument, the time to hold the key: it may only be 0 */
	bool held = line->count > 2 && token_is(&line->token[2], "0");

	if (line->count > 2 + (unsigned int)held + (unsigned int)quiet)
		return text_error(parser, quiet,
				  "CLIENT_ERROR bad command line format.  "
				  "Usage: delete <key> [noreply]");
	if (line->token[1].length > STORE_KEY_MAX)
		return text_error(parser, quiet, text_bad_format);
	text_add_op(parser, command, line, quiet);
	return PARSE_DONE;
}

static enum parse_result
text_arithmetic(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool quiet = line_is_quiet(line);
	uint64_t delta;

	if (line->token[1].length > STORE_KEY_MAX)
		return text_error(parser, quiet, text_bad_format);
	if (!token_u64(&line->token[2], &delta))
		return text_error(parser, quiet, "CLIENT_ERROR invalid numeric delta argument");
	text_add_op(parser, command, line, quiet)->op.delta = delta;
	return PARSE_DONE;
}

static enum parse_result
text_touch(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool quiet = line_is_quiet(line);
	int32_t exptime;

	if (line->token[1].length > STORE_KEY_MAX)
		return text_error(parser, quiet, text_bad_format);
	if (!token_i32(&line->token[2], &exptime))
		return text_error(parser, quiet, "CLIENT_ERROR invalid exptime argument");
	text_add_op(parser, command, line, quiet)->op.exptime = exptime;
	return PARSE_DONE;
}

/* --- commands on the server --------------------------------------------------------------- */

static enum parse_result
text_flush(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool quiet = line_is_quiet(line);
	int32_t delay = 0;

	(void)command;
	if (line->count > 1 + (unsigned int)quiet && !token_i32(&line->token[1], &delay)) {
		text_say(parser, REQUEST_ERROR, quiet, "CLIENT_ERROR invalid exptime argument")
			->flags |= REQUEST_BAD_FLUSH;
		return PARSE_DONE;
	}
	text_add(parser, REQUEST_FLUSH, quiet)->argument = delay;
	return PARSE_DONE;
}

static enum parse_result
text_verbosity(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool quiet = line_is_quiet(line);
	uint32_t level;

	(void)command;
	if (!token_u32(&line->token[1], &level))
		return text_error(parser, quiet, text_bad_format);
	text_say(parser, REQUEST_NOOP, quiet, "OK");
	return PARSE_DONE;
}

static enum parse_result
text_meta(struct parser *parser, const struct text_command *command, const struct line *line)
{
	return meta_parse(parser, command->name[1], line);
}

/* The end of a batch of quiet meta commands. */
static enum parse_result
text_meta_noop(struct parser *parser, const struct text_command *command, const struct line *line)
{
	(void)command;
	(void)line;
	text_say(parser, REQUEST_NOOP, false, "MN");
	return PARSE_DONE;
}

static enum parse_result
text_version(struct parser *parser, const struct text_command *command, const struct line *line)
{
	(void)command;
	(void)line;
	text_add(parser, REQUEST_VERSION, false);
	return PARSE_DONE;
}

static enum parse_result
text_quit(struct parser *parser, const struct text_command *command, const struct line *line)
{
	(void)command;
	(void)line;
	text_add(parser, REQUEST_QUIT, true)->flags |= REQUEST_CLOSE;
	return PARSE_CLOSE;
}

/* `stats detail` counts by key prefix in memcached; here it is understood and counts nothing. */
static enum parse_result
text_stats_detail(struct parser *parser, const struct line *line)
{
	const struct token *word = &line->token[2];

	if (line->count > 2 && (token_is(word, "on") || token_is(word, "off")))
		text_say(parser, REQUEST_NOOP, false, "OK");
	else if (line->count > 2 && token_is(word, "dump"))
		text_say(parser, REQUEST_NOOP, false, "END");
	else
		text_error(parser, false, "CLIENT_ERROR usage: stats detail on|off|dump");
	return PARSE_DONE;
}

static enum parse_result
text_stats(struct parser *parser, const struct text_command *command, const struct line *line)
{
	const struct token *group = &line->token[1];
	struct request *request;

	(void)command;
	if (line->count > 1 && token_is(group, "reset")) {
		text_say(parser, REQUEST_RESET, false, "RESET");
		return PARSE_DONE;
	}
	if (line->count > 1 && token_is(group, "detail"))
		return text_stats_detail(parser, line);
	if (line->count > 1 && token_is(group, "cachedump"))
		return text_error(parser, false, "CLIENT_ERROR stats cachedump not allowed");
	/* no storage on disk, as in a memcached started without */
	if (line->count > 1 && token_is(group, "extstore")) {
		text_say(parser, REQUEST_NOOP, false, "END");
		return PARSE_DONE;
	}
	if (line->count > 1 && token_is(group, "conns")) {
		text_add(parser, REQUEST_CONNECTIONS, false);
		return parser->stream->datagram ? PARSE_DONE : PARSE_PAUSE;
	}
	request = text_add(parser, REQUEST_STATS, false);
	if (line->count > 1) {
		request->text = (const char *)group->start;
		request->text_length = (uint16_t)(group->length & UINT16_MAX);
		request->flags |= REQUEST_ECHO;
	}
	return PARSE_DONE;
}

/* --- which command ------------------------------------------------------------------------ */

/* Most used first: it is searched in this order. */
static const struct text_command commands[] = {
#define COMMAND(name, ...)                                                                         \
	{                                                                                          \
		name, sizeof(name) - 1, __VA_ARGS__                                                \
	}
	COMMAND("set", 5, 6, STORE_SET, text_store),
	COMMAND("mg", 1, UINT8_MAX, 0, text_meta),
	COMMAND("ms", 1, UINT8_MAX, 0, text_meta),
	COMMAND("md", 1, UINT8_MAX, 0, text_meta),
	COMMAND("ma", 1, UINT8_MAX, 0, text_meta),
	COMMAND("me", 1, UINT8_MAX, 0, text_meta),
	COMMAND("delete", 2, 4, STORE_DELETE, text_delete),
	COMMAND("add", 5, 6, STORE_ADD, text_store),
	COMMAND("cas", 6, 7, STORE_SET, text_store),
	COMMAND("incr", 3, 4, STORE_INCR, text_arithmetic),
	COMMAND("decr", 3, 4, STORE_DECR, text_arithmetic),
	COMMAND("touch", 3, 4, STORE_TOUCH, text_touch),
	COMMAND("gat", 2, UINT8_MAX, KEYS_GAT, text_gat),
	COMMAND("gats", 2, UINT8_MAX, KEYS_GATS, text_gat),
	COMMAND("replace", 5, 6, STORE_REPLACE, text_store),
	COMMAND("append", 5, 6, STORE_APPEND, text_store),
	COMMAND("prepend", 5, 6, STORE_PREPEND, text_store),
	COMMAND("get", 2, UINT8_MAX, KEYS_GET, text_get),
	COMMAND("gets", 2, UINT8_MAX, KEYS_GETS, text_get),
	COMMAND("bget", 2, UINT8_MAX, KEYS_GET, text_get),
	COMMAND("version", 1, UINT8_MAX, 0, text_version),
	COMMAND("stats", 1, UINT8_MAX, 0, text_stats),
	COMMAND("quit", 1, UINT8_MAX, 0, text_quit),
	COMMAND("mn", 1, UINT8_MAX, 0, text_meta_noop),
	COMMAND("flush_all", 1, 3, 0, text_flush),
	COMMAND("verbosity", 2, 3, 0, text_verbosity),
	COMMAND("slabs", 3, UINT8_MAX, 0, text_slabs),
	COMMAND("lru", 3, UINT8_MAX, 0, text_lru),
	COMMAND("lru_crawler", 2, UINT8_MAX, 0, text_crawler),
	COMMAND("extstore", 3, UINT8_MAX, 0, text_extstore),
	COMMAND("cache_memlimit", 2, 3, 0, text_memory_limit),
	COMMAND("watch", 1, UINT8_MAX, 0, text_watch),
	COMMAND("shutdown", 1, UINT8_MAX, 0, text_shutdown),
#undef COMMAND
};

static const struct text_command *
command_find(const struct token *word)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct text_command *command = &commands[i];

		if (command->length == word->length && command->name[0] == (char)*word->start &&
		    memcmp(command->name, word->start, word->length) == 0)
			return command;
	}
	return NULL;
}

/* No \n yet. A line that gets this long must be a multi-get, or it is no memcached client. */
static enum parse_result
text_unfinished(struct parser *parser)
{
	size_t here = parser_available(parser, parser->cursor);
	const uint8_t *at = spaces_skip(parser->cursor, parser->end);

	if (here > UNFINISHED_MAX &&
	    (at - parser->cursor > UNFINISHED_SPACES || parser_available(parser, at) < 5 ||
	     (memcmp(at, "get ", 4) != 0 && memcmp(at, "gets ", 5) != 0)))
		return PARSE_CLOSE;
	return parser_more(parser, 0);
}

static enum parse_result
text_line(struct parser *parser)
{
	const uint8_t *start = parser->cursor;
	const struct text_command *command = NULL;
	enum parse_result result;
	struct line line;

	if (!line_split(&line, start, parser->end))
		return text_unfinished(parser);
	if (line.count != 0)
		command = command_find(&line.token[0]);
	if (command == NULL && line.count != 0 && line.token[line.count - 1].length >= 5 &&
	    memcmp(line.token[line.count - 1].start, "HTTP/", 5) == 0)
		return PARSE_CLOSE;
	if (command == NULL || line.count < command->words_min || line.count > command->words_max) {
		parser->cursor = line.next;
		return text_error(parser, false, "ERROR");
	}
	result = command->parse(parser, command, &line);
	/* a handler that went further, or is to be gone on with, has moved the cursor itself */
	if (parser->cursor == start &&
	    (result == PARSE_DONE || result == PARSE_PAUSE || result == PARSE_CLOSE))
		parser->cursor = line.next;
	return result;
}

static enum parse_result
text_parse(struct parser *parser)
{
	const uint8_t *at = parser->cursor;
	size_t here = parser_available(parser, at);

	if (parser->limits->users != NULL && !parser->stream->authenticated)
		return text_authenticate(parser);
	if (parser->stream->verb == KEYS_BAD)
		return keys_skip(parser);
	if (parser->stream->verb != KEYS_NONE)
		return keys_parse(parser, at, parser->stream->verb, parser->stream->exptime);
	if (here > 4 && memcmp(at, "get ", 4) == 0)
		return keys_parse(parser, at + 4, KEYS_GET, 0);
	if (here > 5 && memcmp(at, "gets ", 5) == 0)
		return keys_parse(parser, at + 5, KEYS_GETS, 0);
	parser->cursor =
		*at == 'm' ? meta_take_set(parser->limits, at, parser->end, true, parser->next)
			   : text_take_set(parser->limits, at, parser->end, parser->next);
	if (parser->cursor == at)
		return text_line(parser);
	parser->next++;
	return PARSE_DONE;
}

const struct codec text_codec = {
	.parse = text_parse,
	.refuse = text_add_pending,
	.write = text_write,
};
