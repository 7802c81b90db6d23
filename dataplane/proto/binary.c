/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/binary.h"

#include <endian.h>

enum opcode {
	OP_GET = 0x00,
	OP_SET = 0x01,
	OP_ADD = 0x02,
	OP_REPLACE = 0x03,
	OP_DELETE = 0x04,
	OP_INCREMENT = 0x05,
	OP_DECREMENT = 0x06,
	OP_QUIT = 0x07,
	OP_FLUSH = 0x08,
	OP_GETQ = 0x09,
	OP_NOOP = 0x0a,
	OP_VERSION = 0x0b,
	OP_GETK = 0x0c,
	OP_GETKQ = 0x0d,
	OP_APPEND = 0x0e,
	OP_PREPEND = 0x0f,
	OP_STAT = 0x10,
	OP_SETQ = 0x11,
	OP_ADDQ = 0x12,
	OP_REPLACEQ = 0x13,
	OP_DELETEQ = 0x14,
	OP_INCREMENTQ = 0x15,
	OP_DECREMENTQ = 0x16,
	OP_QUITQ = 0x17,
	OP_FLUSHQ = 0x18,
	OP_APPENDQ = 0x19,
	OP_PREPENDQ = 0x1a,
	OP_TOUCH = 0x1c,
	OP_GAT = 0x1d,
	OP_GATQ = 0x1e,
	OP_SASL_LIST = 0x20,
	OP_SASL_AUTH = 0x21,
	OP_SASL_STEP = 0x22,
	OP_GATK = 0x23,
	OP_GATKQ = 0x24,
	OPCODES,
};

/* A body over this is no request that could ever be answered otherwise. */
static const uint32_t body_length_max = 1u << 30;

static inline uint32_t
load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static inline uint64_t
load64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

/* --- requests ----------------------------------------------------------------------------- */

/* What the body of an opcode's request must be. */
enum shape {
	SHAPE_UNKNOWN,
	SHAPE_EMPTY, /* nothing at all */
	SHAPE_KEY,   /* a key and nothing else */
	SHAPE_STORE, /* flags and exptime, key, value */
	SHAPE_JOIN,  /* key, value */
	SHAPE_COUNT, /* delta, initial, exptime; key */
	SHAPE_TOUCH, /* exptime; key */
	SHAPE_FLUSH, /* delay or nothing */
	SHAPE_STAT,  /* key or nothing */
	SHAPE_SASL,  /* key, value */
};

struct operation {
	uint8_t shape;
	uint8_t action; /* enum request_action */
	uint8_t verb;	/* enum store_verb */
	uint8_t flags;	/* enum request_flag */
};

#define STORES(shape, verb, flags)                                                                 \
	{                                                                                          \
		shape, REQUEST_STORE, verb, flags                                                  \
	}
#define WITH_KEY (REQUEST_WITH_KEY | REQUEST_ECHO)

static const struct operation operations[OPCODES] = {
	[OP_GET] = STORES(SHAPE_KEY, STORE_GET, 0),
	[OP_GETQ] = STORES(SHAPE_KEY, STORE_GET, REQUEST_QUIET),
	[OP_GETK] = STORES(SHAPE_KEY, STORE_GET, WITH_KEY),
	[OP_GETKQ] = STORES(SHAPE_KEY, STORE_GET, REQUEST_WITH_KEY | REQUEST_QUIET),
	[OP_SET] = STORES(SHAPE_STORE, STORE_SET, 0),
	[OP_SETQ] = STORES(SHAPE_STORE, STORE_SET, REQUEST_QUIET),
	[OP_ADD] = STORES(SHAPE_STORE, STORE_ADD, 0),
	[OP_ADDQ] = STORES(SHAPE_STORE, STORE_ADD, REQUEST_QUIET),
	[OP_REPLACE] = STORES(SHAPE_STORE, STORE_REPLACE, 0),
	[OP_REPLACEQ] = STORES(SHAPE_STORE, STORE_REPLACE, REQUEST_QUIET),
	[OP_APPEND] = STORES(SHAPE_JOIN, STORE_APPEND, 0),
	[OP_APPENDQ] = STORES(SHAPE_JOIN, STORE_APPEND, REQUEST_QUIET),
	[OP_PREPEND] = STORES(SHAPE_JOIN, STORE_PREPEND, 0),
	[OP_PREPENDQ] = STORES(SHAPE_JOIN, STORE_PREPEND, REQUEST_QUIET),
	[OP_DELETE] = STORES(SHAPE_KEY, STORE_DELETE, 0),
	[OP_DELETEQ] = STORES(SHAPE_KEY, STORE_DELETE, REQUEST_QUIET),
	[OP_INCREMENT] = STORES(SHAPE_COUNT, STORE_INCR, 0),
	[OP_INCREMENTQ] = STORES(SHAPE_COUNT, STORE_INCR, REQUEST_QUIET),
	[OP_DECREMENT] = STORES(SHAPE_COUNT, STORE_DECR, 0),
	[OP_DECREMENTQ] = STORES(SHAPE_COUNT, STORE_DECR, REQUEST_QUIET),
	[OP_TOUCH] = STORES(SHAPE_TOUCH, STORE_TOUCH, 0),
	[OP_GAT] = STORES(SHAPE_TOUCH, STORE_GAT, 0),
	[OP_GATQ] = STORES(SHAPE_TOUCH, STORE_GAT, REQUEST_QUIET),
	[OP_GATK] = STORES(SHAPE_TOUCH, STORE_GAT, WITH_KEY),
	[OP_GATKQ] = STORES(SHAPE_TOUCH, STORE_GAT, REQUEST_WITH_KEY | REQUEST_QUIET),
	[OP_FLUSH] = {SHAPE_FLUSH, REQUEST_FLUSH, STORE_NONE, 0},
	[OP_FLUSHQ] = {SHAPE_FLUSH, REQUEST_FLUSH, STORE_NONE, REQUEST_QUIET},
	[OP_NOOP] = {SHAPE_EMPTY, REQUEST_NOOP, STORE_NONE, 0},
	[OP_VERSION] = {SHAPE_EMPTY, REQUEST_VERSION, STORE_NONE, 0},
	[OP_QUIT] = {SHAPE_EMPTY, REQUEST_QUIT, STORE_NONE, REQUEST_CLOSE},
	[OP_QUITQ] = {SHAPE_EMPTY, REQUEST_QUIT, STORE_NONE, REQUEST_CLOSE | REQUEST_QUIET},
	[OP_STAT] = {SHAPE_STAT, REQUEST_STATS, STORE_NONE, REQUEST_ECHO},
	[OP_SASL_LIST] = {SHAPE_EMPTY, REQUEST_ERROR, STORE_NONE, 0},
	[OP_SASL_AUTH] = {SHAPE_SASL, REQUEST_ERROR, STORE_NONE, 0},
	[OP_SASL_STEP] = {SHAPE_SASL, REQUEST_ERROR, STORE_NONE, 0},
};

/* The parts of a request, in host order. `value` may not be there yet. */
struct frame {
	const uint8_t *extras, *key, *value;
	uint32_t value_length;
	uint16_t key_length;
	uint8_t extras_length;
	uint8_t opcode;
	uint32_t opaque;
	uint64_t cas;
};

/* Only these two have a use for what follows the key. */
static inline bool
shape_has_value(enum shape shape)
{
	return shape == SHAPE_STORE || shape == SHAPE_JOIN;
}

static bool
frame_fits(const struct frame *frame, enum shape shape)
{
	bool bare = frame->extras_length == 0, keyed = frame->key_length != 0,
	     ended = frame->value_length == 0;

	switch (shape) {
	case SHAPE_EMPTY:
		return bare && !keyed && ended;
	case SHAPE_KEY:
		return bare && keyed && ended;
	case SHAPE_STORE:
		return frame->extras_length == 8 && keyed;
	case SHAPE_JOIN:
	case SHAPE_SASL:
		return bare && keyed;
	case SHAPE_COUNT:
		return frame->extras_length == 20 && keyed && ended;
	case SHAPE_TOUCH:
		return frame->extras_length == 4 && keyed;
	case SHAPE_FLUSH:
		return (bare || frame->extras_length == 4) && !keyed && ended;
	case SHAPE_STAT:
		return bare;
	case SHAPE_UNKNOWN:
		break;
	}
	return false;
}

static struct request *
binary_error(struct parser *parser, uint8_t opcode, uint32_t opaque, enum binary_status status)
{
	struct request *request = parser_add(parser, PROTOCOL_BINARY, REQUEST_ERROR);

	request->code = (uint16_t)status;
	request->verb = opcode;
	request->opaque = opaque;
	return request;
}

/* memcached's answer to bytes that it can't make sense of: an error, and the end. */
static enum parse_result
binary_reject(struct parser *parser, const struct binary_header *header, enum binary_status status)
{
	parser->cursor += sizeof(*header);
	binary_error(parser, header->opcode, header->opaque, status)->flags = REQUEST_CLOSE;
	return PARSE_CLOSE;
}

/* The answer waits until the rest of the command, which begins at the cursor, is swallowed. */
static enum parse_result
binary_refuse_later(struct parser *parser, const struct frame *frame, enum binary_status status)
{
	struct stream *stream = parser->stream;

	stream->swallow = frame->value_length;
	stream->pending = (uint16_t)status;
	stream->verb = frame->opcode;
	stream->opaque = frame->opaque;
	return PARSE_DONE;
}

static void
binary_refuse(struct parser *parser)
{
	struct stream *stream = parser->stream;
	struct request *request =
		binary_error(parser, stream->verb, stream->opaque, stream->pending);

	if (stream->pending == STATUS_TOO_LARGE)
		request->flags |= REQUEST_TOO_LARGE;
	else if (stream->pending == STATUS_AUTH)
		request->flags |= REQUEST_AUTH;
}

/* Fills in what the extras say. */
static void
binary_read_extras(struct request *request, const struct frame *frame, enum shape shape)
{
	struct store_op *op = &request->op;
	uint32_t exptime;

	switch (shape) {
	case SHAPE_STORE:
		op->flags = load32(frame->extras);
		op->exptime = load32(frame->extras + 4);
		break;
	case SHAPE_TOUCH:
		op->exptime = load32(frame->extras);
		break;
	case SHAPE_COUNT:
		op->delta = load64(frame->extras);
		op->initial = load64(frame->extras + 8);
		exptime = load32(frame->extras + 16);
		if (exptime != UINT32_MAX)
			op->options |= STORE_CREATE;
		op->exptime = exptime;
		break;
	case SHAPE_FLUSH:
		if (frame->extras_length != 0)
			request->argument = load32(frame->extras);
		break;
	default:
		break;
	}
}

static void
binary_read_op(struct request *request, const struct frame *frame,
	       const struct operation *operation)
{
	struct store_op *op = &request->op;

	op->verb = operation->verb;
	op->key = frame->key;
	op->key_length = (uint8_t)frame->key_length;
	op->cas = frame->cas;
	/* every reply has the unique, but those that are not sent */
	if (op->verb == STORE_GET || op->verb == STORE_GAT || (request->flags & REQUEST_QUIET) == 0)
		op->options |= STORE_KEEP_CAS;
	if (shape_has_value(operation->shape)) {
		op->data = frame->value;
		op->data_length = frame->value_length;
	}
	if (frame->cas == 0 || operation->shape == SHAPE_TOUCH || operation->verb == STORE_GET)
		return;
	op->options |= STORE_IF_CAS;
	/* with a unique, add and replace are compare-and-swap as well */
	if (operation->shape == SHAPE_STORE)
		op->verb = STORE_SET;
}

/* The group's name; of some, memcached looks at no more than the first letters. */
static void
binary_read_group(struct request *request, const struct frame *frame)
{
	static const char *const beginnings[] = {"reset", "settings", "detail on", "detail off",
						 "detail dump"};

	request->text = (const char *)frame->key;
	request->text_length = frame->key_length;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		uint16_t length = (uint16_t)strlen(beginnings[i]);

		if (frame->key_length >= length && memcmp(frame->key, beginnings[i], length) == 0)
			request->text_length = length;
	}
	if (request->text_length == 5 && memcmp(frame->key, "reset", 5) == 0)
		request->action = REQUEST_RESET;
}

static bool
frame_too_large(const struct parser *parser, const struct frame *frame, enum shape shape)
{
	uint32_t flags = shape == SHAPE_STORE ? load32(frame->extras) : 0;

	return value_too_large(parser->limits, frame->key_length, frame->value_length, flags);
}

static enum parse_result
binary_add(struct parser *parser, const struct frame *frame, const struct operation *operation)
{
	struct request *request = parser_add(parser, PROTOCOL_BINARY, operation->action);

	request->verb = frame->opcode;
	request->opaque = frame->opaque;
	request->flags = operation->flags;
	parser->cursor = frame->value;
	if (shape_has_value(operation->shape))
		parser->cursor += frame->value_length;
	else
		parser->stream->swallow = frame->value_length;
	binary_read_extras(request, frame, operation->shape);
	if (operation->action == REQUEST_STORE)
		binary_read_op(request, frame, operation);
	else if (operation->action == REQUEST_STATS)
		binary_read_group(request, frame);
	return operation->action == REQUEST_QUIT ? PARSE_CLOSE : PARSE_DONE;
}

/* --- SASL --------------------------------------------------------------------------------- */

enum {
	CREDENTIALS_MAX = 1024,
	MECHANISM_MAX = 32,
};

static const char mechanism[] = "PLAIN"; /* the only one, RFC 4616 */

static void
binary_say(struct parser *parser, const struct frame *frame, const char *text)
{
	struct request *request = parser_add(parser, PROTOCOL_BINARY, REQUEST_NOOP);

	request->verb = frame->opcode;
	request->opaque = frame->opaque;
	request->text = text;
	request->text_length = (uint16_t)strlen(text);
}

/* Answers an attempt: the stream is its user's, or from now on a stranger's. */
static enum parse_result
binary_admit(struct parser *parser, const struct frame *frame, bool known)
{
	struct stream *stream = parser->stream;

	stream->authenticated = known;
	if (frame->opcode == OP_SASL_AUTH)
		stream->challenged = stream->proved = known;
	stream->proved |= known;
	if (!known) {
		parser->cursor = frame->value;
		return binary_refuse_later(parser, frame, STATUS_AUTH);
	}
	parser->cursor = frame->value + frame->value_length;
	binary_say(parser, frame, "Authenticated");
	parser->next[-1].flags |= REQUEST_AUTH;
	return PARSE_DONE;
}

/*
 * AUTH with the message, or without and then STEP brings it. After a success the next attempt fails,
 * even a good one, and one by AUTH makes all as it was at first: so it is with memcached's libsasl.
 */
static enum parse_result
binary_authenticate(struct parser *parser, const struct frame *frame)
{
	struct stream *stream = parser->stream;
	bool starts = frame->opcode == OP_SASL_AUTH;
	bool plain = frame->key_length == sizeof(mechanism) - 1 &&
		     memcmp(frame->key, mechanism, sizeof(mechanism) - 1) == 0;

	if (frame->key_length > MECHANISM_MAX) {
		parser->cursor = frame->value;
		return binary_refuse_later(parser, frame, STATUS_INVALID);
	}
	if (starts && plain && frame->value_length == 0) {
		stream->authenticated = false;
		stream->challenged = true;
		parser->cursor = frame->value;
		binary_error(parser, frame->opcode, frame->opaque, STATUS_CONTINUE);
		return PARSE_DONE;
	}
	if (stream->proved || !(starts ? plain : stream->challenged) ||
	    frame->value_length > CREDENTIALS_MAX)
		return binary_admit(parser, frame, false);
	if (parser_available(parser, frame->value) < frame->value_length)
		return parser_more(parser,
				   (uint64_t)(frame->value - parser->cursor) + frame->value_length);
	return binary_admit(parser, frame,
			    users_know_plain(user_list_now(parser->limits->users), frame->value,
					     frame->value_length));
}

/* The SASL opcodes, where there are users. To ask how is to be a stranger again. */
static enum parse_result
binary_sasl(struct parser *parser, const struct frame *frame)
{
	if (frame->opcode != OP_SASL_LIST)
		return binary_authenticate(parser, frame);
	parser->stream->authenticated = false;
	parser->cursor = frame->value;
	binary_say(parser, frame, mechanism);
	return PARSE_DONE;
}

/* True where users must make themselves known, and this one hasn't. */
static inline bool
binary_is_stranger(const struct parser *parser)
{
	return parser->limits->users != NULL && !parser->stream->authenticated;
}

/* The SASL opcodes, which are errors where there are no users, and VERSION. */
static inline bool
operation_is_open(const struct operation *operation)
{
	return operation->shape != SHAPE_UNKNOWN &&
	       (operation->action == REQUEST_ERROR || operation->action == REQUEST_VERSION);
}

/* --- which request ------------------------------------------------------------------------ */

/* All but the value is there. */
static enum parse_result
binary_await_value(struct parser *parser, const struct frame *frame,
		   const struct operation *operation)
{
	const uint8_t *start = parser->cursor;

	binary_add(parser, frame, operation);
	parser->cursor = start;
	return parser_await_data(parser, frame->value, frame->value_length);
}

/* A whole header, and extras and key behind it, are there. */
static enum parse_result
binary_dispatch(struct parser *parser, const struct binary_header *header,
		const struct frame *frame)
{
	static const struct operation unknown = {.shape = SHAPE_UNKNOWN};
	const struct operation *operation =
		frame->opcode < OPCODES ? &operations[frame->opcode] : &unknown;
	bool stores = shape_has_value(operation->shape);

	if (frame->key_length > STORE_KEY_MAX)
		return binary_reject(parser, header, STATUS_INVALID);
	if (binary_is_stranger(parser) && !operation_is_open(operation))
		return binary_reject(parser, header, STATUS_AUTH);
	if (operation->shape != SHAPE_UNKNOWN && !frame_fits(frame, operation->shape))
		return binary_reject(parser, header, STATUS_INVALID);
	if (operation->action == REQUEST_ERROR && parser->limits->users != NULL)
		return binary_sasl(parser, frame);
	if (operation->shape == SHAPE_UNKNOWN || operation->action == REQUEST_ERROR) {
		parser->cursor = frame->value;
		return binary_refuse_later(parser, frame, STATUS_UNKNOWN_COMMAND);
	}
	if (stores && frame_too_large(parser, frame, operation->shape)) {
		parser->cursor = frame->value;
		if (operation->verb == STORE_SET)
			parser_add_removal(parser, PROTOCOL_BINARY, frame->key,
					   (uint8_t)frame->key_length);
		return binary_refuse_later(parser, frame, STATUS_TOO_LARGE);
	}
	if (stores && parser_available(parser, frame->value) < frame->value_length)
		return binary_await_value(parser, frame, operation);
	return binary_add(parser, frame, operation);
}

static enum parse_result
binary_parse_any(struct parser *parser)
{
	const uint8_t *at = parser->cursor;
	size_t here = parser_available(parser, at), head;
	struct binary_header header;
	struct frame frame;
	uint32_t body;

	memcpy(&header, at, sizeof(header));
	body = be32toh(header.body_length);
	frame.key_length = be16toh(header.key_length);
	frame.extras_length = header.extras_length;
	head = (size_t)frame.extras_length + frame.key_length;
	if (here - sizeof(header) < head)
		return parser_more(parser, sizeof(header) + head);
	if (head > body)
		return binary_reject(parser, &header, STATUS_UNKNOWN_COMMAND);
	if (body > body_length_max)
		return binary_reject(parser, &header, STATUS_INVALID);
	if (parser->stream->datagram && here - sizeof(header) < body)
		return parser_more(parser, sizeof(header) + (uint64_t)body);
	frame.extras = at + sizeof(header);
	frame.key = frame.extras + frame.extras_length;
	frame.value = frame.key + frame.key_length;
	frame.value_length = body - (uint32_t)head;
	frame.opcode = header.opcode;
	frame.opaque = header.opaque;
	frame.cas = be64toh(header.cas);
	return binary_dispatch(parser, &header, &frame);
}

/* Gets that follow something else. */
static bool
binary_parse_gets(struct parser *parser)
{
	unsigned int taken = 0;

	parser->cursor = binary_take_gets(parser->cursor, parser->end, BINARY_GETS, parser->next,
					  (unsigned int)(parser->limit - parser->next), &taken);
	parser->next += taken;
	return taken != 0;
}

static enum parse_result
binary_parse(struct parser *parser)
{
	if (!binary_is_stranger(parser) && binary_parse_gets(parser))
		return PARSE_DONE;
	if (*parser->cursor != MAGIC_REQUEST)
		return PARSE_CLOSE;
	if (parser_available(parser, parser->cursor) < sizeof(struct binary_header))
		return parser_more(parser, sizeof(struct binary_header));
	return binary_parse_any(parser);
}

const struct codec binary_codec = {
	.parse = binary_parse,
	.refuse = binary_refuse,
	.write = binary_write,
};
