/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meta.h - the meta commands mg ms md ma me, as memcached 1.6.45 speaks them: meta.c reads, and
 * meta_reply.c writes. They belong to the text protocol, and their requests are told from the
 * others by request->verb, which is the command's second letter.
 *
 *     mg <key> <flag>*                    read, and more
 *     ms <key> <bytes> <flag>*            store; the data follows as with set
 *     md <key> <flag>*                    delete, or mark stale
 *     ma <key> <flag>*                    count
 *     me <key>                            show what is known of an item
 *
 * A flag is a letter, with its argument right behind it.
 */
#ifndef JACKDAW_META_H
#define JACKDAW_META_H

#include "dataplane/proto/codec.h"
#include "dataplane/proto/token.h"

/*
 * What the reply shows, in the order it was asked for: four bits each in request->argument, the
 * first lowest.
 */
enum meta_return {
	META_END,
	META_UNIQUE, /* c */
	META_FLAGS,  /* f */
	META_HIT,    /* h */
	META_KEY,    /* k */
	META_IDLE,   /* l */
	META_OPAQUE, /* O: request->text */
	META_SIZE,   /* s */
	META_TTL,    /* t */
	META_TOUCH,  /* T, N: a t before them shows the time to live as it was */
	META_RETURN_BITS = 4,
};

enum {
	META_GET_MIN = sizeof("mg k\n") - 1,
	META_OPAQUE_MAX = 32, /* bytes, with the O */
};

/* request->code: what else the reply depends on. */
enum meta_wish {
	META_VALUE = 1 << 0,	    /* v */
	META_BINARY_KEY = 1 << 1,   /* b: the key was given in base64 */
	META_UNLESS_EQUAL = 1 << 2, /* mg C: no value if the unique is still op.initial */
};

/*
 * Parses the meta command of this letter in a complete line; the cursor is at its start. As
 * struct codec's parse, but the cursor is only moved for ms.
 *
 * A key in base64 is decoded where it stands, once the command is complete: the bytes given to
 * requests_parse must be writable.
 */
enum parse_result meta_parse(struct parser *parser, char letter, const struct line *line);

/* Bytes that the line of a meta request's reply may take. */
size_t meta_line_room(const struct request *request);

/* Write the line that answers an mg, or an ms that was stored, in meta_line_room() bytes, and return its end. */
uint8_t *meta_put_hit(uint8_t *out, const struct request *request);
uint8_t *meta_put_miss(uint8_t *out, const struct request *request);
uint8_t *meta_put_stored(uint8_t *out, const struct request *request);

/* True if the value follows the line of an mg's hit. */
static inline bool
meta_shows_value(const struct request *request)
{
	return (request->code & META_VALUE) != 0 && !((request->code & META_UNLESS_EQUAL) != 0 &&
						      request->op.cas == request->op.initial);
}

/* Writes the answer of an executed meta request. */
void meta_write(const struct request *request, struct reply *reply);

#endif
