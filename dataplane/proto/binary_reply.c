/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/binary.h"

struct phrase {
	const char *text;
	uint8_t length;
};

static struct phrase
status_phrase(enum binary_status status)
{
#define PHRASE(text) ((struct phrase){text, sizeof(text) - 1})
	switch (status) {
	case STATUS_NOT_FOUND:
		return PHRASE(BINARY_NOT_FOUND);
	case STATUS_EXISTS:
		return PHRASE("Data exists for key.");
	case STATUS_TOO_LARGE:
		return PHRASE("Too large.");
	case STATUS_INVALID:
		return PHRASE("Invalid arguments");
	case STATUS_NOT_STORED:
		return PHRASE("Not stored.");
	case STATUS_NOT_A_NUMBER:
		return PHRASE("Non-numeric server-side value for incr or decr");
	case STATUS_AUTH:
		return PHRASE("Auth failure.");
	case STATUS_UNKNOWN_COMMAND:
		return PHRASE("Unknown command");
	case STATUS_NO_MEMORY:
		return PHRASE("Out of memory allocating item");
	case STATUS_OK:
	case STATUS_CONTINUE:
		break;
	}
	return PHRASE("");
#undef PHRASE
}

/* A header and a body of at most a few hundred bytes. */
static void
binary_write_short(const struct request *request, struct reply *reply, enum binary_status status,
		   const void *body, size_t length, uint64_t cas)
{
	uint8_t *start = reply_reserve(reply, sizeof(struct binary_header) + length);
	uint8_t *out = binary_put_header(start, request, status, 0, 0, (uint32_t)length, cas);

	memcpy(out, body, length);
	reply_commit(reply, start, out + length);
}

static void
binary_write_status(const struct request *request, struct reply *reply, enum binary_status status)
{
	struct phrase phrase = status_phrase(status);

	binary_write_short(request, reply, status, phrase.text, phrase.length, 0);
}

static void
binary_write_value(const struct request *request, struct reply *reply)
{
	const struct store_op *op = &request->op;
	unsigned int key_length = (request->flags & REQUEST_WITH_KEY) != 0 ? op->key_length : 0;
	uint32_t flags = htobe32(op->flags);
	bool whole = op->value_length <= BINARY_VALUE_SHORT;
	size_t head = sizeof(struct binary_header) + sizeof(flags) + key_length;
	uint8_t *start = reply_reserve(reply, head + (whole ? op->value_length : 0));
	uint8_t *out =
		binary_put_header(start, request, STATUS_OK, sizeof(flags), key_length,
				  (uint32_t)sizeof(flags) + key_length + op->value_length, op->cas);

	memcpy(out, &flags, sizeof(flags));
	out += sizeof(flags);
	if (key_length != 0) {
		copy_bytes(out, op->item_key, key_length);
		out += key_length;
	}
	if (whole) {
		copy_bytes(out, op->value, op->value_length);
		reply_commit(reply, start, out + op->value_length);
	} else {
		reply_commit(reply, start, out);
		reply_put_value(reply, op);
	}
}

/* A miss of a get; with a key it is the key that is sent back, and no phrase. */
static void
binary_write_miss(const struct request *request, struct reply *reply)
{
	const struct store_op *op = &request->op;
	uint8_t *start, *out;

	if ((request->flags & REQUEST_QUIET) != 0)
		return;
	if ((request->flags & REQUEST_WITH_KEY) == 0) {
		binary_write_status(request, reply, STATUS_NOT_FOUND);
		return;
	}
	start = reply_reserve(reply, sizeof(struct binary_header) + op->key_length);
	out = binary_put_header(start, request, STATUS_NOT_FOUND, 0, op->key_length, op->key_length,
				0);
	memcpy(out, op->key, op->key_length);
	reply_commit(reply, start, out + op->key_length);
}

static void
binary_write_touched(const struct request *request, struct reply *reply)
{
	uint32_t flags = htobe32(request->op.flags);
	uint8_t *start = reply_reserve(reply, sizeof(struct binary_header) + sizeof(flags));
	uint8_t *out = binary_put_header(start, request, STATUS_OK, sizeof(flags), 0, sizeof(flags),
					 request->op.cas);

	memcpy(out, &flags, sizeof(flags));
	reply_commit(reply, start, out + sizeof(flags));
}

static enum binary_status
op_status(const struct store_op *op)
{
	bool joins = op->verb == STORE_APPEND || op->verb == STORE_PREPEND;

	switch (op->status) {
	case STORE_NOT_FOUND:
		return joins ? STATUS_NOT_STORED : STATUS_NOT_FOUND;
	case STORE_EXISTS:
		return STATUS_EXISTS;
	case STORE_TOO_LARGE:
		return joins ? STATUS_NOT_STORED : STATUS_TOO_LARGE;
	case STORE_NO_MEMORY:
		return STATUS_NO_MEMORY;
	case STORE_NOT_A_NUMBER:
		return STATUS_NOT_A_NUMBER;
	}
	return STATUS_OK;
}

static void
binary_write_op(const struct request *request, struct reply *reply)
{
	const struct store_op *op = &request->op;
	bool gets = op->verb == STORE_GET || op->verb == STORE_GAT;
	uint64_t number;

	if (gets && op->status == STORE_OK) {
		binary_write_value(request, reply);
		return;
	}
	if (gets) {
		binary_write_miss(request, reply);
		return;
	}
	if ((request->flags & REQUEST_SIDE_EFFECT) != 0)
		return;
	if (op->status != STORE_OK) {
		binary_write_status(request, reply, op_status(op));
		return;
	}
	if ((request->flags & REQUEST_QUIET) != 0)
		return;
	switch (op->verb) {
	case STORE_TOUCH:
		binary_write_touched(request, reply);
		break;
	case STORE_INCR:
	case STORE_DECR:
		number = htobe64(op->delta);
		binary_write_short(request, reply, STATUS_OK, &number, sizeof(number), op->cas);
		break;
	case STORE_DELETE:
		binary_write_short(request, reply, STATUS_OK, "", 0, 0);
		break;
	default:
		binary_write_short(request, reply, STATUS_OK, "", 0, op->cas);
	}
}

struct stat_writer {
	const struct request *request;
	struct reply *reply;
};

static void
binary_emit_stat(void *arg, const char *name, const char *value)
{
	struct stat_writer *writer = arg;
	size_t name_length = strlen(name), value_length = strlen(value);
	struct reply *reply = writer->reply;
	uint8_t *start = reply_reserve(reply, sizeof(struct binary_header));

	reply_commit(reply, start,
		     binary_put_header(start, writer->request, STATUS_OK, 0,
				       (unsigned int)name_length,
				       (uint32_t)(name_length + value_length), 0));
	reply_put(reply, name, name_length);
	reply_put(reply, value, value_length);
}

static void
binary_write_stats(struct server *server, const struct request *request, struct reply *reply)
{
	struct stat_writer writer = {.request = request, .reply = reply};

	if (server->report(server->owner, request->text, request->text_length, binary_emit_stat,
			   &writer) == 0)
		binary_write_short(request, reply, STATUS_OK, "", 0, 0);
	else
		binary_write_status(request, reply, STATUS_NOT_FOUND);
}

void
binary_write(struct server *server, const struct request *request, struct reply *reply)
{
	if (request->action == REQUEST_STORE) {
		binary_write_op(request, reply);
		return;
	}
	switch (request->action) {
	case REQUEST_ERROR:
		binary_write_status(request, reply, request->code);
		break;
	case REQUEST_VERSION:
		binary_write_short(request, reply, STATUS_OK, server->version,
				   strlen(server->version), 0);
		break;
	case REQUEST_STATS:
		binary_write_stats(server, request, reply);
		break;
	case REQUEST_NOOP:
		binary_write_short(request, reply, STATUS_OK,
				   request->text != NULL ? request->text : "", request->text_length,
				   0);
		break;
	default:
		if ((request->flags & REQUEST_QUIET) == 0)
			binary_write_short(request, reply, STATUS_OK, "", 0, 0);
	}
}
