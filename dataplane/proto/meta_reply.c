/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/meta.h"

#include "dataplane/proto/base64.h"
#include "dataplane/proto/decimal.h"

enum {
	LINE_ROOM = 160, /* bytes of a reply's line besides key and opaque token */
};

/* What a command's reply may show: one bit an enum meta_return. */
enum {
	SHOW_UNIQUE = 1 << META_UNIQUE,
	SHOW_KEY = 1 << META_KEY,
	SHOW_OPAQUE = 1 << META_OPAQUE,
	SHOW_SIZE = 1 << META_SIZE,
	SHOW_TTL = 1 << META_TTL,
	SHOW_STORED = SHOW_UNIQUE | SHOW_KEY | SHOW_OPAQUE | SHOW_SIZE,
	SHOW_ALL = (1 << META_TOUCH) - 1,
};

static inline uint8_t *
append(uint8_t *out, const void *bytes, size_t length)
{
	memcpy(out, bytes, length);
	return out + length;
}

static inline uint8_t *
append_number(uint8_t *out, char letter, uint64_t number)
{
	*out++ = ' ';
	*out++ = (uint8_t)letter;
	return decimal_write(out, number);
}

/* A time to live; -1 is for ever. */
static uint8_t *
append_ttl(uint8_t *out, int64_t ttl)
{
	if (ttl < 0)
		return append(out, "-1", 2);
	return decimal_write(out, (uint64_t)ttl);
}

/* The key as the client is to see it: a hit's own, as the bytes of the request may be gone. */
static uint8_t *
append_key(uint8_t *out, const struct request *request, bool binary)
{
	const struct store_op *op = &request->op;
	const uint8_t *key = op->item_key != NULL ? op->item_key : op->key;

	out = append(out, " k", 2);
	if (!binary)
		return append(out, key, op->key_length);
	out = base64_encode(out, key, op->key_length);
	return append(out, " b", 2);
}

static inline bool
meta_hits(const struct request *request)
{
	return request->op.status == STORE_OK;
}

/* What was asked to be shown. Which of it a command has, and when, differs. */
static uint8_t *
append_returns(uint8_t *out, const struct request *request, unsigned int shows)
{
	const struct store_op *op = &request->op;
	bool binary = (request->code & META_BINARY_KEY) != 0, touched = false;

	if (request->verb == 'g' && meta_hits(request))
		binary = (op->options & STORE_BINARY_KEY) != 0;
	for (uint64_t rest = (uint64_t)request->argument; rest != 0; rest >>= META_RETURN_BITS) {
		enum meta_return what = rest & ((1 << META_RETURN_BITS) - 1);

		touched |= what == META_TOUCH;
		if ((shows >> what & 1) == 0)
			continue;
		switch (what) {
		case META_UNIQUE:
			out = append_number(out, 'c', op->cas);
			break;
		case META_FLAGS:
			out = append_number(out, 'f', op->flags);
			break;
		case META_HIT:
			out = append_number(out, 'h', (op->options & STORE_FETCHED) != 0);
			break;
		case META_KEY:
			out = append_key(out, request, binary);
			break;
		case META_IDLE:
			out = append_number(out, 'l', op->idle);
			break;
		case META_OPAQUE:
			*out++ = ' ';
			out = append(out, request->text, request->text_length);
			break;
		case META_SIZE:
			out = append_number(out, 's', op->value_length);
			break;
		case META_TTL:
			out = append(out, " t", 2);
			out = append_ttl(out, touched ? op->ttl : op->ttl_before);
			break;
		default:
			break;
		}
	}
	return out;
}

size_t
meta_line_room(const struct request *request)
{
	return LINE_ROOM + BASE64_LENGTH(request->op.key_length) + request->text_length;
}

static uint8_t *
meta_reserve(const struct request *request, struct reply *reply)
{
	return reply_reserve(reply, meta_line_room(request));
}

/* A two-letter code and what was asked to be shown with it. */
static uint8_t *
put_code(uint8_t *out, const struct request *request, const char *code, unsigned int shows)
{
	out = append_returns(append(out, code, 2), request, shows);
	return append(out, "\r\n", 2);
}

static void
meta_write_code(const struct request *request, struct reply *reply, const char *code,
		unsigned int shows)
{
	uint8_t *start = meta_reserve(request, reply);

	reply_commit(reply, start, put_code(start, request, code, shows));
}

static void
meta_write_error(struct reply *reply, const char *line)
{
	reply_put(reply, line, strlen(line));
	reply_put(reply, "\r\n", 2);
}

/* --- mg ----------------------------------------------------------------------------------- */

uint8_t *
meta_put_hit(uint8_t *out, const struct request *request)
{
	const struct store_op *op = &request->op;

	if (meta_shows_value(request)) {
		out = append(out, "VA ", 3);
		out = decimal_write(out, op->value_length);
	} else {
		out = append(out, "HD", 2);
	}
	out = append_returns(out, request, SHOW_ALL);
	if ((op->options & STORE_TOKEN_SENT) != 0)
		out = append(out, " Z", 2);
	if ((op->options & STORE_STALE) != 0)
		out = append(out, " X", 2);
	if ((op->options & STORE_WON) != 0)
		out = append(out, " W", 2);
	return append(out, "\r\n", 2);
}

uint8_t *
meta_put_miss(uint8_t *out, const struct request *request)
{
	return put_code(out, request, "EN", SHOW_KEY | SHOW_OPAQUE);
}

/* One of these lines. */
static void
write_line(const struct request *request, struct reply *reply,
	   uint8_t *(*put)(uint8_t *out, const struct request *request))
{
	uint8_t *start = meta_reserve(request, reply);

	reply_commit(reply, start, put(start, request));
}

static void
meta_write_hit(const struct request *request, struct reply *reply)
{
	write_line(request, reply, meta_put_hit);
	if (meta_shows_value(request)) {
		reply_put_value(reply, &request->op);
		reply_put(reply, "\r\n", 2);
	}
}

static void
meta_write_get(const struct request *request, struct reply *reply)
{
	if (meta_hits(request))
		meta_write_hit(request, reply);
	else if ((request->flags & REQUEST_QUIET) == 0)
		write_line(request, reply, meta_put_miss);
}

/* --- ms, md, ma --------------------------------------------------------------------------- */

uint8_t *
meta_put_stored(uint8_t *out, const struct request *request)
{
	return put_code(out, request, "HD", SHOW_STORED);
}

static const char *
store_code(const struct store_op *op)
{
	bool compares = (op->options & STORE_IF_CAS) != 0;

	switch (op->status) {
	case STORE_OK:
		return "HD";
	case STORE_NOT_FOUND:
		return compares && op->verb == STORE_SET ? "NF" : "NS";
	case STORE_EXISTS:
		return compares ? "EX" : "NS";
	}
	return "NS";
}

static void
meta_write_store(const struct request *request, struct reply *reply)
{
	if (request->op.status == STORE_NO_MEMORY)
		meta_write_error(reply, "SERVER_ERROR out of memory storing object");
	else if (!meta_hits(request) || (request->flags & REQUEST_QUIET) == 0)
		meta_write_code(request, reply, store_code(&request->op), SHOW_STORED);
}

static void
meta_write_delete(const struct request *request, struct reply *reply)
{
	switch (request->op.status) {
	case STORE_OK:
		if ((request->flags & REQUEST_QUIET) == 0)
			meta_write_code(request, reply, "HD", SHOW_KEY | SHOW_OPAQUE);
		break;
	case STORE_EXISTS:
		meta_write_code(request, reply, "EX", SHOW_KEY | SHOW_OPAQUE);
		break;
	case STORE_NO_MEMORY:
		meta_write_error(reply, "SERVER_ERROR out of memory");
		break;
	default:
		meta_write_code(request, reply, "NF", SHOW_KEY | SHOW_OPAQUE);
	}
}

static void
meta_write_number(const struct request *request, struct reply *reply)
{
	uint8_t digits[DECIMAL_MAX], *start = meta_reserve(request, reply), *out = start;
	size_t length = (size_t)(decimal_write(digits, request->op.delta) - digits);
	bool valued = (request->code & META_VALUE) != 0;

	out = append(out, valued ? "VA " : "HD", valued ? 3 : 2);
	if (valued)
		out = decimal_write(out, length);
	out = append_returns(out, request, SHOW_UNIQUE | SHOW_KEY | SHOW_OPAQUE | SHOW_TTL);
	out = append(out, "\r\n", 2);
	if (valued) {
		out = append(out, digits, length);
		out = append(out, "\r\n", 2);
	}
	reply_commit(reply, start, out);
}

static void
meta_write_count(const struct request *request, struct reply *reply)
{
	switch (request->op.status) {
	case STORE_OK:
		/* a counter that was created is told even so */
		if ((request->flags & REQUEST_QUIET) == 0 ||
		    (request->op.options & STORE_CREATED) != 0)
			meta_write_number(request, reply);
		break;
	case STORE_EXISTS:
		meta_write_code(request, reply, "EX", SHOW_KEY | SHOW_OPAQUE);
		break;
	case STORE_NOT_A_NUMBER:
		meta_write_error(reply, "CLIENT_ERROR cannot increment or decrement "
					"non-numeric value");
		break;
	case STORE_NO_MEMORY:
		meta_write_error(reply, "SERVER_ERROR out of memory");
		break;
	default:
		meta_write_code(request, reply, "NF", SHOW_KEY | SHOW_OPAQUE);
	}
}

/* --- me ----------------------------------------------------------------------------------- */

static void
meta_write_examined(const struct request *request, struct reply *reply)
{
	const struct store_op *op = &request->op;
	bool binary = (op->options & STORE_BINARY_KEY) != 0;
	uint8_t *start, *out;

	if (!meta_hits(request)) {
		reply_put(reply, "EN\r\n", 4);
		return;
	}
	start = meta_reserve(request, reply);
	out = append(start, "ME ", 3);
	out = binary ? base64_encode(out, op->item_key, op->key_length)
		     : append(out, op->item_key, op->key_length);
	out = append(out, " exp=", 5);
	out = append_ttl(out, op->ttl);
	out = append(out, " la=", 4);
	out = decimal_write(out, op->idle);
	out = append(out, " cas=", 5);
	out = decimal_write(out, op->cas);
	out = (op->options & STORE_FETCHED) != 0 ? append(out, " fetch=yes", 10)
						 : append(out, " fetch=no", 9);
	out = append(out, " cls=1 size=", 12);
	out = decimal_write(out, STORE_ITEM_OVERHEAD + (uint64_t)op->key_length + op->value_length +
					 (op->flags != 0 ? sizeof(op->flags) : 0));
	reply_commit(reply, start, append(out, "\r\n", 2));
}

void
meta_write(const struct request *request, struct reply *reply)
{
	switch (request->verb) {
	case 'g':
		meta_write_get(request, reply);
		break;
	case 's':
		meta_write_store(request, reply);
		break;
	case 'd':
		meta_write_delete(request, reply);
		break;
	case 'a':
		meta_write_count(request, reply);
		break;
	case 'e':
		meta_write_examined(request, reply);
		break;
	}
}
