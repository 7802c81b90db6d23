/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/meta.h"
#include "dataplane/proto/text.h"
#include "dataplane/proto/text_get.h"

struct answer {
	const char *line;
	size_t length;
};

#define ANSWER(text)                                                                               \
	{                                                                                          \
		text "\r\n", sizeof(text "\r\n") - 1                                               \
	}
#define ANSWER_TOO_LARGE [STORE_TOO_LARGE] = ANSWER("SERVER_ERROR object too large for cache")
#define ANSWER_NO_MEMORY [STORE_NO_MEMORY] = ANSWER("SERVER_ERROR out of memory storing object")
#define ANSWER_NOT_FOUND [STORE_NOT_FOUND] = ANSWER("NOT_FOUND")
#define ANSWERS_IF(status)                                                                         \
	{                                                                                          \
		[STORE_OK] = ANSWER("STORED"), [status] = ANSWER("NOT_STORED"), ANSWER_TOO_LARGE,  \
		ANSWER_NO_MEMORY                                                                   \
	}
/* An addition that makes the value too large is not stored, and no more is said. */
#define ANSWERS_JOIN                                                                               \
	{                                                                                          \
		[STORE_OK] = ANSWER("STORED"), [STORE_NOT_FOUND] = ANSWER("NOT_STORED"),           \
		[STORE_TOO_LARGE] = ANSWER("NOT_STORED"), ANSWER_NO_MEMORY                         \
	}
#define ANSWERS_NUMBER                                                                             \
	{                                                                                          \
		ANSWER_NOT_FOUND, [STORE_NO_MEMORY] = ANSWER("SERVER_ERROR out of memory"),        \
				  [STORE_NOT_A_NUMBER] =                                           \
					  ANSWER("CLIENT_ERROR cannot increment or decrement "     \
						 "non-numeric value")                              \
	}

static const struct answer answers[STORE_DECR + 1][STORE_NOT_A_NUMBER + 1] = {
	[STORE_SET] = {[STORE_OK] = ANSWER("STORED"),
		       ANSWER_NOT_FOUND,
		       [STORE_EXISTS] = ANSWER("EXISTS"),
		       ANSWER_TOO_LARGE,
		       ANSWER_NO_MEMORY},
	[STORE_ADD] = ANSWERS_IF(STORE_EXISTS),
	[STORE_REPLACE] = ANSWERS_IF(STORE_NOT_FOUND),
	[STORE_APPEND] = ANSWERS_JOIN,
	[STORE_PREPEND] = ANSWERS_JOIN,
	[STORE_DELETE] = {[STORE_OK] = ANSWER("DELETED"), ANSWER_NOT_FOUND},
	[STORE_TOUCH] = {[STORE_OK] = ANSWER("TOUCHED"),
			 ANSWER_NOT_FOUND,
			 [STORE_NO_MEMORY] = ANSWER("SERVER_ERROR out of memory")},
	[STORE_INCR] = ANSWERS_NUMBER,
	[STORE_DECR] = ANSWERS_NUMBER,
};

/* A get's or gat's item, and END after the last of a command. */
static void
text_write_value(const struct request *request, struct reply *reply)
{
	const struct store_op *op = &request->op;
	bool last = (request->flags & REQUEST_LAST) != 0;
	bool whole = op->value_length <= TEXT_VALUE_SHORT;
	uint8_t *start = reply_reserve(reply, TEXT_VALUE_ROOM + op->key_length +
						      (whole ? op->value_length : 0));
	uint8_t *out = text_put_head(start, op, (request->flags & REQUEST_WITH_CAS) != 0);

	if (whole) {
		copy_bytes(out, op->value, op->value_length);
		out += op->value_length;
		memcpy(out, "\r\nEND\r\n", 7);
		reply_commit(reply, start, out + (last ? 7 : 2));
	} else {
		reply_commit(reply, start, out);
		reply_put_value(reply, op);
		reply_put(reply, "\r\nEND\r\n", last ? 7 : 2);
	}
}

static void
text_write_op(const struct request *request, struct reply *reply)
{
	const struct store_op *op = &request->op;
	const struct answer *answer;

	if (op->verb == STORE_GET || op->verb == STORE_GAT) {
		if (op->status == STORE_OK)
			text_write_value(request, reply);
		else if ((request->flags & REQUEST_LAST) != 0)
			reply_put(reply, "END\r\n", 5);
		return;
	}
	if ((op->verb == STORE_INCR || op->verb == STORE_DECR) && op->status == STORE_OK) {
		uint8_t *start = reply_reserve(reply, DECIMAL_MAX + 2);
		uint8_t *end = decimal_write(start, op->delta);

		memcpy(end, "\r\n", 2);
		reply_commit(reply, start, end + 2);
		return;
	}
	answer = &answers[op->verb][op->status];
	reply_put(reply, answer->line, answer->length);
}

static void
text_put_line(struct reply *reply, const char *line, size_t length)
{
	reply_put(reply, line, length);
	reply_put(reply, "\r\n", 2);
}

static void
text_emit_stat(void *arg, const char *name, const char *value)
{
	struct reply *reply = arg;

	reply_put(reply, "STAT ", 5);
	reply_put(reply, name, strlen(name));
	reply_put(reply, " ", 1);
	text_put_line(reply, value, strlen(value));
}

/* Anything but what a store operation found. */
static void
text_write_other(struct server *server, const struct request *request, struct reply *reply)
{
	switch (request->action) {
	case REQUEST_FLUSH:
	case REQUEST_MEMORY_LIMIT:
		reply_put(reply, "OK\r\n", 4);
		break;
	case REQUEST_VERSION:
		reply_put(reply, "VERSION ", 8);
		text_put_line(reply, server->version, strlen(server->version));
		break;
	case REQUEST_STATS:
		if (server->report(server->owner, request->text != NULL ? request->text : "",
				   request->text_length, text_emit_stat, reply) == 0)
			text_put_line(reply, "END", 3);
		else
			text_put_line(reply, "ERROR", 5);
		break;
	case REQUEST_CONNECTIONS:
		if (server->list_listeners != NULL)
			server->list_listeners(server->owner, reply);
		text_put_line(reply, "END", 3);
		break;
	case REQUEST_NOOP:
	case REQUEST_DUMP:
	case REQUEST_WATCH:
	case REQUEST_ERROR:
	case REQUEST_RESET:
		text_put_line(reply, request->text, request->text_length);
		break;
	}
}

void
text_write(struct server *server, const struct request *request, struct reply *reply)
{
	if (request->verb != 0)
		meta_write(request, reply);
	else if ((request->flags & (REQUEST_QUIET | REQUEST_SIDE_EFFECT)) != 0)
		return;
	else if (request->action == REQUEST_STORE)
		text_write_op(request, reply);
	else
		text_write_other(server, request, reply);
}
