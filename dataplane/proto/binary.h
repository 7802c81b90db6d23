/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * binary.h - the binary protocol (doc/protocol-binary.txt of memcached), as memcached 1.6.18 speaks
 * it: binary.c reads requests, binary_reply.c writes replies. All numbers are big-endian:
 *
 *      0      1       2          4      5      6              8       12       16       24
 *     ┌──────┬───────┬──────────┬──────┬──────┬──────────────┬────────┬────────┬────────┬─ ─ ─
 *     │magic │opcode │key length│extras│ type │vbucket/status│ body   │ opaque │  cas   │ body
 *     └──────┴───────┴──────────┴──────┴──────┴──────────────┴────────┴────────┴────────┴─ ─ ─
 *     body: extras, key, value
 */
#ifndef JACKDAW_BINARY_H
#define JACKDAW_BINARY_H

#include <endian.h>

#include "dataplane/proto/codec.h"

enum binary_magic {
	MAGIC_REQUEST = 0x80,
	MAGIC_REPLY = 0x81,
};

struct binary_header {
	uint8_t magic;
	uint8_t opcode;
	uint16_t key_length;
	uint8_t extras_length;
	uint8_t type;
	uint16_t status; /* vbucket in a request */
	uint32_t body_length;
	uint32_t opaque; /* never converted: echoed as it came */
	uint64_t cas;
} __attribute__((packed));

_Static_assert(sizeof(struct binary_header) == 24, "the protocol's own length");

enum binary_status {
	STATUS_OK = 0x00,
	STATUS_NOT_FOUND = 0x01,
	STATUS_EXISTS = 0x02,
	STATUS_TOO_LARGE = 0x03,
	STATUS_INVALID = 0x04,
	STATUS_NOT_STORED = 0x05,
	STATUS_NOT_A_NUMBER = 0x06,
	STATUS_AUTH = 0x20,
	STATUS_CONTINUE = 0x21,
	STATUS_UNKNOWN_COMMAND = 0x81,
	STATUS_NO_MEMORY = 0x82,
};

#define BINARY_NOT_FOUND "Not found" /* the body of a reply of that status */

enum {
	BINARY_VALUE_SHORT = 192 /* bytes of a value that is written at once with its header */
};

enum binary_get {
	BINARY_GET = 0x00,
	BINARY_GETQ = 0x09,
	BINARY_GETK = 0x0c,
	BINARY_GETKQ = 0x0d,
	BINARY_GETS = 1 << BINARY_GET | 1 << BINARY_GETQ | 1 << BINARY_GETK | 1 << BINARY_GETKQ,
};

/* What a get of the opcode asks for besides. A miss of getk sends the request's key back. */
static const uint8_t binary_get_flags[] = {
	[BINARY_GET] = 0,
	[BINARY_GETQ] = REQUEST_QUIET,
	[BINARY_GETK] = REQUEST_WITH_KEY | REQUEST_ECHO,
	[BINARY_GETKQ] = REQUEST_WITH_KEY | REQUEST_QUIET,
};

enum binary_set {
	BINARY_SET = 0x01,
	BINARY_SETQ = 0x11,
	BINARY_SET_EXTRAS = 8, /* bytes: flags and expiry */
};

/*
 * The key length of the most common request by far, a get with nothing wrong; 0: it needs a closer look,
 * or is none of `opcodes` (of BINARY_GETS). All that there is to check is in the header's first twelve
 * bytes; *opcode is told.
 */
static inline uint32_t
binary_plain_get(const uint8_t *at, size_t left, unsigned int opcodes, unsigned int *opcode)
{
	enum {
		KEY_LENGTH_SHIFT =
			24, /* of its lower byte: the upper is 0 in any that is allowed */
		BODY_SHIFT = 24
	};
	/* magic, upper byte of the key's length, extras length */
	const uint64_t fixed = UINT64_C(0xff00ff00ff), wanted = MAGIC_REQUEST;
	uint64_t start;
	uint32_t body, key_length;

	if (left <= sizeof(struct binary_header))
		return 0;
	memcpy(&start, at, sizeof(start));
	memcpy(&body, at + offsetof(struct binary_header, body_length), sizeof(body));
	start = le64toh(start);
	key_length = start >> KEY_LENGTH_SHIFT & 0xff;
	*opcode = start >> 8 & 0xff;
	if ((start & fixed) != wanted || *opcode > BINARY_GETKQ || (opcodes >> *opcode & 1) == 0 ||
	    le32toh(body) != key_length << BODY_SHIFT || key_length > STORE_KEY_MAX ||
	    left < sizeof(struct binary_header) + key_length)
		return 0;
	return key_length;
}

/*
 * Takes as many plain gets as come one after the other at `at` into requests[*count .. room - 1];
 * returns where it stopped.
 */
static inline const uint8_t *
binary_take_gets(const uint8_t *at, const uint8_t *end, unsigned int opcodes,
		 struct request *requests, unsigned int room, unsigned int *count)
{
	struct request *request = requests + *count;
	unsigned int next = *count;

	for (; next < room; next++, request++) {
		unsigned int opcode;
		uint32_t key_length = binary_plain_get(at, (size_t)(end - at), opcodes, &opcode);

		if (key_length == 0)
			break;
		request_begin_get(request, PROTOCOL_BINARY, at + sizeof(struct binary_header),
				  key_length);
		request->op.options = STORE_KEEP_CAS;
		request->flags = binary_get_flags[opcode];
		request->verb = (uint8_t)opcode;
		memcpy(&request->opaque, at + offsetof(struct binary_header, opaque),
		       sizeof(request->opaque));
		at += sizeof(struct binary_header) + key_length;
	}
	*count = next;
	return at;
}

/*
 * Takes a plain SET, or SETQ, at `at`: whole, of a value that isn't too large, comparing nothing. Returns
 * where it ends; `at` if it is anything else, or there is no room for it.
 */
static inline const uint8_t *
binary_take_set(const struct parse_limits *limits, const uint8_t *at, const uint8_t *end,
		struct request *requests, unsigned int room, unsigned int *count)
{
	struct request *request = requests + *count;
	size_t left = (size_t)(end - at);
	struct binary_header header;
	uint32_t key_length, head, body, flags, exptime;
	const uint8_t *key;

	if (left < sizeof(header) + BINARY_SET_EXTRAS || *count == room)
		return at;
	memcpy(&header, at, sizeof(header));
	key_length = be16toh(header.key_length);
	body = be32toh(header.body_length);
	head = BINARY_SET_EXTRAS + key_length;
	if (header.magic != MAGIC_REQUEST ||
	    (header.opcode != BINARY_SET && header.opcode != BINARY_SETQ) ||
	    key_length - 1 >= STORE_KEY_MAX || header.extras_length != BINARY_SET_EXTRAS ||
	    header.cas != 0 || body < head || left - sizeof(header) < body)
		return at;
	memcpy(&flags, at + sizeof(header), sizeof(flags));
	memcpy(&exptime, at + sizeof(header) + sizeof(flags), sizeof(exptime));
	if (value_too_large(limits, key_length, body - head, flags))
		return at;
	key = at + sizeof(header) + BINARY_SET_EXTRAS;
	request_begin_set(request, PROTOCOL_BINARY, key, key_length, key + key_length, body - head);
	request->op.flags = be32toh(flags);
	request->op.exptime = be32toh(exptime);
	request->op.options = header.opcode == BINARY_SETQ ? 0 : STORE_KEEP_CAS;
	request->flags = header.opcode == BINARY_SETQ ? REQUEST_QUIET : 0;
	request->verb = header.opcode;
	request->opaque = header.opaque;
	++*count;
	return at + sizeof(header) + body;
}

static inline uint8_t *
binary_put_header(uint8_t *out, const struct request *request, enum binary_status status,
		  unsigned int extras_length, unsigned int key_length, uint32_t body_length,
		  uint64_t cas)
{
	/* in words, put together in registers */
	uint64_t start = htobe64((uint64_t)MAGIC_REPLY << 56 | (uint64_t)request->verb << 48 |
				 (uint64_t)key_length << 32 | (uint64_t)extras_length << 24 |
				 (uint64_t)status);
	uint64_t unique = htobe64(cas);
	uint32_t body = htobe32(body_length);

	memcpy(out, &start, sizeof(start));
	memcpy(out + offsetof(struct binary_header, body_length), &body, sizeof(body));
	memcpy(out + offsetof(struct binary_header, opaque), &request->opaque,
	       sizeof(request->opaque));
	memcpy(out + offsetof(struct binary_header, cas), &unique, sizeof(unique));
	return out + sizeof(struct binary_header);
}

/*
 * The most common replies by far: writes that of a get without a key which found a short value from
 * `out` on, and returns its end. NULL: it is none of these, or doesn't fit before limit.
 */
static inline uint8_t *
binary_put_hit(uint8_t *out, const uint8_t *limit, const struct request *request)
{
	enum {
		HEAD = sizeof(struct binary_header) + sizeof(uint32_t)
	};
	const struct store_op *op = &request->op;
	uint32_t flags = htobe32(op->flags), length = op->value_length;

	if (request->protocol != PROTOCOL_BINARY || request->action != REQUEST_STORE ||
	    op->verb != STORE_GET || op->status != STORE_OK ||
	    (request->flags & REQUEST_WITH_KEY) != 0 || length > BINARY_VALUE_SHORT ||
	    (size_t)(limit - out) < HEAD + length)
		return NULL;
	out = binary_put_header(out, request, STATUS_OK, sizeof(flags), 0,
				(uint32_t)sizeof(flags) + length, op->cas);
	memcpy(out, &flags, sizeof(flags));
	copy_bytes(out + sizeof(flags), op->value, length);
	return out + sizeof(flags) + length;
}

/* The same of a plain SET that was stored, and of nothing else. */
static inline uint8_t *
binary_put_stored(uint8_t *out, const uint8_t *limit, const struct request *request)
{
	const struct store_op *op = &request->op;

	if (request->protocol != PROTOCOL_BINARY || request->action != REQUEST_STORE ||
	    op->verb != STORE_SET || op->status != STORE_OK || request->flags != 0 ||
	    (size_t)(limit - out) < sizeof(struct binary_header))
		return NULL;
	return binary_put_header(out, request, STATUS_OK, 0, 0, 0, op->cas);
}

/* Writes the reply of an executed request of the binary protocol. */
void binary_write(struct server *server, const struct request *request, struct reply *reply);

#endif
