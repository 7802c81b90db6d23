/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.h - the parts of the text codec: text.c reads commands, text_store.c those with data,
 * text_admin.c those that administrate, text_auth.c the only one that may come first where there are
 * users, meta.c the meta commands; text_reply.c writes answers.
 */
#ifndef JACKDAW_TEXT_H
#define JACKDAW_TEXT_H

#include "dataplane/proto/codec.h"
#include "dataplane/proto/token.h"

enum {
	TEXT_DATA_MAX = INT32_MAX - 2, /* bytes: what memcached can count, with the \r\n */
};

#define text_bad_format "CLIENT_ERROR bad command line format"

struct text_command {
	const char *name;
	uint8_t length;
	uint8_t words_min, words_max; /* with the command itself; others are answered ERROR */
	uint8_t verb;		      /* enum store_verb or keys_verb */
	/* As struct codec's parse, for a complete line; moves the cursor only to go beyond it. */
	enum parse_result (*parse)(struct parser *parser, const struct text_command *command,
				   const struct line *line);
};

/* True if the line's last word is noreply. */
bool line_is_quiet(const struct line *line);

struct request *text_add(struct parser *parser, enum request_action action, bool quiet);

/* Adds a request that answers one line (without its \r\n), which lives for ever. */
struct request *text_say(struct parser *parser, enum request_action action, bool quiet,
			 const char *line);

/* Adds an error, a line that lives for ever; quiet ones are only counted. PARSE_DONE. */
enum parse_result text_error(struct parser *parser, bool quiet, const char *line);

/*
 * Refuses a command whose `length` bytes of data begin at `data`: the error is answered when they
 * and their \r\n have been swallowed. PARSE_DONE, or PARSE_MORE in a datagram they aren't all in.
 */
enum parse_result text_refuse(struct parser *parser, const uint8_t *data, uint32_t length,
			      const char *error);

/*
 * Gives a storage request, the last one added, its op.data_length bytes of data. If they are too
 * many, or don't end in \r\n, an error takes the request's place (quiet: unsaid), and the key is
 * removed if a value too large `removes` it. PARSE_DONE, or PARSE_MORE or PARSE_DATA if data is
 * missing.
 */
enum parse_result text_take_data(struct parser *parser, struct request *request,
				 const uint8_t *data, bool quiet, bool removes);

/* set, add, replace, append, prepend, cas */
enum parse_result text_store(struct parser *parser, const struct text_command *command,
			     const struct line *line);

/* struct codec's refuse: adds the error that has waited for the data to be swallowed. */
void text_add_pending(struct parser *parser);

/* The data of a storage request didn't end in \r\n: it becomes that error. */
void text_bad_data(struct request *request);

/*
 * What a stream may say before it has authenticated itself: parses the command at the cursor, as
 * struct codec's parse.
 */
enum parse_result text_authenticate(struct parser *parser);

/*
 * Commands that tune what memcached is made of: slab classes, LRU queues, a crawler, storage on
 * disk. Nothing of the kind exists here; they are checked and answered as there, and do nothing.
 */
enum parse_result text_slabs(struct parser *parser, const struct text_command *command,
			     const struct line *line);
enum parse_result text_lru(struct parser *parser, const struct text_command *command,
			   const struct line *line);
enum parse_result text_crawler(struct parser *parser, const struct text_command *command,
			       const struct line *line);
enum parse_result text_extstore(struct parser *parser, const struct text_command *command,
				const struct line *line);

/* Commands that a memcached may be started without: answered as by one that was. */
enum parse_result text_memory_limit(struct parser *parser, const struct text_command *command,
				    const struct line *line);
enum parse_result text_watch(struct parser *parser, const struct text_command *command,
			     const struct line *line);
enum parse_result text_shutdown(struct parser *parser, const struct text_command *command,
				const struct line *line);

/* Writes the answer of an executed request of the text protocol. */
void text_write(struct server *server, const struct request *request, struct reply *reply);

#endif
