/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/dump.h"
#include "dataplane/proto/event.h"
#include "dataplane/proto/text.h"

#include <errno.h>
#include <stdlib.h>

enum {
	MEMORY_LIMIT_MIN = 8,	       /* MB, memcached's */
	MEMORY_LIMIT_MAX = 1000000000, /* MB: whoever says more means bytes */
	CRAWLER_SLEEP_MAX = 1000000,   /* microseconds */
	PERCENT_MAX = 80,
	CLASSES_MAX = 64,
	CLASS_LAST = 39, /* of items, in a memcached as it comes; 0 is that of free pages */
};

static enum parse_result
admin_ok(struct parser *parser, bool quiet)
{
	text_say(parser, REQUEST_NOOP, quiet, "OK");
	return PARSE_DONE;
}

/* A decimal fraction, by strtod's rules, that may end at any white space within the word. */
static bool
token_fraction(const struct token *token, double *value)
{
	char text[64], *end;

	if (token->length >= sizeof(text))
		return false;
	memcpy(text, token->start, token->length);
	text[token->length] = '\0';
	errno = 0;
	*value = strtod(text, &end);
	return errno != ERANGE && end != text && (*end == '\0' || (*end >= '\t' && *end <= '\r'));
}

/* --- slabs -------------------------------------------------------------------------------- */

static bool
class_is_known(int32_t class)
{
	return class >= 0 && class <= CLASS_LAST;
}

static enum parse_result
slabs_reassign(struct parser *parser, const struct line *line)
{
	int32_t from, to;

	if (!token_i32(&line->token[2], &from) || !token_i32(&line->token[3], &to))
		return text_error(parser, false, text_bad_format);
	if (from == to)
		return text_error(parser, false, "SAME src and dst class are identical");
	if (!class_is_known(from) || !class_is_known(to))
		return text_error(parser, false, "BADCLASS invalid src or dst class id");
	return text_error(parser, false, "NOSPARE source class has no spare pages");
}

static enum parse_result
slabs_automove(struct parser *parser, const struct line *line, bool quiet)
{
	uint32_t level;
	double ratio;

	if (token_is(&line->token[2], "ratio")) {
		if (line->count < 4 || !token_fraction(&line->token[3], &ratio))
			return text_error(parser, quiet, "ERROR");
		return admin_ok(parser, quiet);
	}
	if (!token_u32(&line->token[2], &level))
		return text_error(parser, quiet, text_bad_format);
	if (level > 2)
		return text_error(parser, quiet, "ERROR");
	return admin_ok(parser, quiet);
}

enum parse_result
text_slabs(struct parser *parser, const struct text_command *command, const struct line *line)
{
	(void)command;
	if (line->count == 4 && token_is(&line->token[1], "reassign"))
		return slabs_reassign(parser, line);
	if (token_is(&line->token[1], "automove"))
		return slabs_automove(parser, line, line_is_quiet(line));
	return text_error(parser, false, "ERROR");
}

/* --- lru ---------------------------------------------------------------------------------- */

static enum parse_result
lru_tune(struct parser *parser, const struct line *line, bool quiet)
{
	uint32_t hot, warm;
	double hot_factor, warm_factor;

	if (line->count < 6 || !token_u32(&line->token[2], &hot) ||
	    !token_u32(&line->token[3], &warm) || !token_fraction(&line->token[4], &hot_factor) ||
	    !token_fraction(&line->token[5], &warm_factor))
		return text_error(parser, quiet, "ERROR");
	if (hot + warm > PERCENT_MAX) /* in 32 bits, as there */
		return text_error(parser, quiet, "ERROR hot and warm pcts must not exceed 80");
	if (hot_factor <= 0 || warm_factor <= 0)
		return text_error(parser, quiet,
				  "ERROR hot/warm age factors must be greater than 0");
	return admin_ok(parser, quiet);
}

enum parse_result
text_lru(struct parser *parser, const struct text_command *command, const struct line *line)
{
	const struct token *word = &line->token[1], *argument = &line->token[2];
	bool quiet = line_is_quiet(line);
	int32_t seconds;

	(void)command;
	if (token_is(word, "tune"))
		return lru_tune(parser, line, quiet);
	if ((token_is(word, "mode") &&
	     (token_is(argument, "flat") || token_is(argument, "segmented"))) ||
	    (token_is(word, "temp_ttl") && token_i32(argument, &seconds)))
		return admin_ok(parser, quiet);
	return text_error(parser, quiet, "ERROR");
}

/* --- lru_crawler -------------------------------------------------------------------------- */

enum classes {
	CLASSES_BAD,
	CLASSES_NONE,
	CLASSES_SOME,
};

/* "all", or numbers of slab classes with any commas between them. */
static enum classes
token_classes(const struct token *token)
{
	const uint8_t *at = token->start, *end = at + token->length;
	enum classes classes = CLASSES_NONE;

	if (token_is(token, "all"))
		return CLASSES_SOME;
	while (at < end) {
		const uint8_t *comma = memchr(at, ',', (size_t)(end - at));
		struct token word = {.start = at};
		uint32_t class;

		word.length = (size_t)((comma != NULL ? comma : end) - at);
		at += word.length + 1;
		if (word.length == 0)
			continue;
		if (!token_u32(&word, &class) || class == 0 || class >= CLASSES_MAX)
			return CLASSES_BAD;
		classes = CLASSES_SOME;
	}
	return classes;
}

/* The answer to classes that nothing can be done with; NULL if there are some. */
static const char *
classes_complaint(enum classes classes)
{
	return classes == CLASSES_BAD	 ? "BADCLASS invalid class id"
	       : classes == CLASSES_NONE ? "NOTSTARTED no items to crawl"
					 : NULL;
}

static enum parse_result
crawler_set(struct parser *parser, const struct token *argument, uint32_t most)
{
	uint32_t value;

	if (!token_u32(argument, &value))
		return text_error(parser, false, text_bad_format);
	if (value > most)
		return text_error(parser, false, "CLIENT_ERROR sleep must be one second or less");
	return admin_ok(parser, false);
}

/* There is one class of items, so that any class is all of them. Too much for datagrams. */
static enum parse_result
crawler_dump(struct parser *parser, const struct token *argument, enum dump_kind kind)
{
	const char *complaint = classes_complaint(token_classes(argument));

	if (!token_is(argument, "hash") && complaint != NULL)
		return text_error(parser, false, complaint);
	if (parser->stream->datagram)
		return text_error(parser, false, "ERROR metadump not allowed");
	text_say(parser, REQUEST_DUMP, false, "BUSY currently processing crawler request")->code =
		(uint16_t)kind;
	return PARSE_PAUSE;
}

enum parse_result
text_crawler(struct parser *parser, const struct text_command *command, const struct line *line)
{
	const struct token *word = &line->token[1], *argument = &line->token[2];
	const char *complaint;

	(void)command;
	if (line->count == 2 && (token_is(word, "enable") || token_is(word, "disable")))
		return admin_ok(parser, false);
	if (line->count != 3)
		return text_error(parser, false, "ERROR");
	if (token_is(word, "sleep"))
		return crawler_set(parser, argument, CRAWLER_SLEEP_MAX);
	if (token_is(word, "tocrawl"))
		return crawler_set(parser, argument, UINT32_MAX);
	if (token_is(word, "metadump") || token_is(word, "mgdump"))
		return crawler_dump(parser, argument,
				    token_is(word, "mgdump") ? DUMP_KEYS : DUMP_META);
	if (!token_is(word, "crawl"))
		return text_error(parser, false, "ERROR");
	if (token_is(argument, "hash"))
		return text_error(parser, false, "ERROR an unknown error happened");
	complaint = classes_complaint(token_classes(argument));
	return complaint != NULL ? text_error(parser, false, complaint) : admin_ok(parser, false);
}

/* --- the others --------------------------------------------------------------------------- */

/* Whether a setting of storage on disk is one, and its value of the right kind. */
static bool
extstore_is_good(const struct line *line)
{
	static const char *const counts[] = {"item_size",    "item_age",      "low_ttl",
					     "recache_rate", "compact_under", "drop_under",
					     "max_sleep",    "drop_unread"};
	const struct token *setting = &line->token[1], *argument = &line->token[2];
	uint32_t class, value;
	double fraction;

	if (token_is(setting, "free_memchunks"))
		return line->count > 3 && token_u32(argument, &class) && class < CLASSES_MAX &&
		       token_u32(&line->token[3], &value);
	if (token_is(setting, "max_frag"))
		return token_fraction(argument, &fraction);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (token_is(setting, counts[i]))
			return token_u32(argument, &value);
	}
	return false;
}

enum parse_result
text_extstore(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool quiet = line_is_quiet(line);

	(void)command;
	return extstore_is_good(line) ? admin_ok(parser, quiet)
				      : text_error(parser, quiet, "ERROR");
}

enum parse_result
text_memory_limit(struct parser *parser, const struct text_command *command,
		  const struct line *line)
{
	bool quiet = line_is_quiet(line);
	uint32_t megabytes;

	(void)command;
	if (!token_u32(&line->token[1], &megabytes))
		return text_error(parser, quiet, "ERROR");
	if (megabytes < MEMORY_LIMIT_MIN)
		return text_error(parser, quiet,
				  "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m");
	if (megabytes > MEMORY_LIMIT_MAX)
		return text_error(parser, quiet,
				  "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes");
	/* the line of a failure: execute_any */
	text_say(parser, REQUEST_MEMORY_LIMIT, quiet,
		 "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust")
		->argument = (int64_t)megabytes << 20;
	return PARSE_DONE;
}

/* What a word of `watch` asks for; 0: no such word. */
static uint32_t
watch_kind(const struct token *word)
{
	static const struct {
		const char *name;
		uint32_t kind;
	} words[] = {
		{"fetchers", EVENT_FETCHERS},	{"mutations", EVENT_MUTATIONS},
		{"evictions", EVENT_EVICTIONS}, {"connevents", EVENT_CONNECTIONS},
		{"deletions", EVENT_DELETIONS}, {"rawcmds", EVENT_NOTHING},
		{"sysevents", EVENT_NOTHING},	{"proxyreqs", EVENT_NOTHING},
		{"proxyevents", EVENT_NOTHING}, {"proxyuser", EVENT_NOTHING},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (token_is(word, words[i].name))
			return words[i].kind;
	}
	return 0;
}

enum parse_result
text_watch(struct parser *parser, const struct text_command *command, const struct line *line)
{
	bool quiet = line_is_quiet(line);
	uint32_t kinds = 0;

	(void)command;
	/* datagrams have no end that could be told when a watcher goes */
	if (parser->stream->datagram)
		return text_error(parser, quiet, "CLIENT_ERROR watch commands not allowed");
	for (unsigned int i = 1; i < line->count; i++) {
		uint32_t kind = watch_kind(&line->token[i]);

		if (kind == 0)
			return text_error(parser, quiet, "ERROR");
		kinds |= kind;
	}
	text_say(parser, REQUEST_WATCH, false, "WATCHER_TOO_MANY log watcher limit reached")
		->argument = kinds != 0 ? kinds : EVENT_FETCHERS;
	return PARSE_PAUSE;
}

enum parse_result
text_shutdown(struct parser *parser, const struct text_command *command, const struct line *line)
{
	(void)command;
	(void)line;
	return text_error(parser, false, "ERROR: shutdown not enabled");
}
