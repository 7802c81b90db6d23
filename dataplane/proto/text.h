/* SPDX-License-Identifier: BSD-3-Clause */
/* text.h - the text codec's two halves: text.c reads commands, text_reply.c writes answers. */
#ifndef JACKDAW_TEXT_H
#define JACKDAW_TEXT_H

#include "dataplane/proto/codec.h"

enum {
	TEXT_DATA_MAX = INT32_MAX - 2, /* bytes: what memcached can count, with the \r\n */
};

#define text_bad_format "CLIENT_ERROR bad command line format"

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
 * removed if a value too large `removes` it. PARSE_DONE, or PARSE_MORE if data is missing.
 */
enum parse_result text_take_data(struct parser *parser, struct request *request,
				 const uint8_t *data, bool quiet, bool removes);

/* Writes the answer of an executed request of the text protocol. */
void text_write(struct server *server, const struct request *request, struct reply *reply);

#endif
