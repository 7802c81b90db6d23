/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_message.h - memcached's binary, text and meta protocols, and redis's, from the client's side:
 * requests to bytes, and bytes to answers. Transports neither known nor needed.
 *
 * A message is what is sent in one go and answered as a whole: over binary any requests, all but
 * the last in their quiet form, each with the message's opaque and its own index in it; over text
 * one `get` of several keys, or one other request; over meta one command, or several quiet ones
 * and `mn`, each with an opaque token as over binary; of redis always one request.
 */
#ifndef JACKDAW_PERF_BENCH_MESSAGE_H
#define JACKDAW_PERF_BENCH_MESSAGE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "perf/bench_load.h"
#include "perf/bench_value.h"

enum {
	BINARY_HEADER = 24,
	BINARY_HIT_EXTRAS = 4, /* the flags */
	/* Besides key and value, of memcached's: "set K 4294967295 4294967295 1048576\r\n\r\n". */
	REQUEST_OVERHEAD_MAX = 48,
	REDIS_OVERHEAD_MAX = 80, /* "*5 $3 SET $250 K $1048576 V $2 EX $10 4294967295", lines all */
	/* What writers may write beyond a message's end: copies go in whole words. */
	MESSAGE_SLACK = 64,
};

enum answer_kind {
	ANSWER_VALUE,	 /* a get's hit */
	ANSWER_MISS,	 /* a get's miss, said aloud */
	ANSWER_END,	 /* text, meta: no more values of this message */
	ANSWER_DONE,	 /* stored, deleted, counted */
	ANSWER_NOT_DONE, /* the key's state forbade it */
	ANSWER_NO_MEMORY,
	ANSWER_REFUSED,
};

struct answer {
	uint8_t kind; /* enum answer_kind */
	uint8_t key_length;
	bool has_opaque; /* meta: not every answer repeats it */
	uint32_t opaque; /* binary, meta */
	uint32_t value_length;
	const uint8_t *key; /* text values */
	const uint8_t *value;
};

/* Bytes of a request, at most: what must be left in a datagram. */
static inline uint32_t
request_size(const struct workload_request *request)
{
	uint32_t size = REQUEST_OVERHEAD_MAX + request->key_length;

	if (request->op == WORKLOAD_GET)
		return BINARY_HEADER + request->key_length;
	return request->op <= WORKLOAD_CAS ? size + request->value_length : size;
}

static inline bool
op_stores(uint8_t op)
{
	return op == WORKLOAD_SET || op == WORKLOAD_ADD || op == WORKLOAD_CAS;
}

/* --- binary ------------------------------------------------------------------------------- */

struct binary_header {
	uint8_t magic, opcode;
	uint16_t key_length; /* this and what follows: big endian */
	uint8_t extras_length, data_type;
	uint16_t status;
	uint32_t body_length;
	uint32_t opaque;
	uint64_t cas;
};

struct binary_opcode {
	uint8_t loud, quiet, extras;
};

/* By enum workload_op. */
static const struct binary_opcode binary_opcodes[WORKLOAD_OPS] = {
	[WORKLOAD_GET] = {0x00, 0x09, 0},    [WORKLOAD_SET] = {0x01, 0x11, 8},
	[WORKLOAD_ADD] = {0x02, 0x12, 8},    [WORKLOAD_CAS] = {0x03, 0x13, 8},
	[WORKLOAD_DELETE] = {0x04, 0x14, 0}, [WORKLOAD_INCR] = {0x05, 0x15, 20},
};

/*
 * The first eight bytes of a header as one number of the machine's own byte order: put together in a
 * register, where fields stored one by one would have to be waited for when they are copied.
 */
static inline uint64_t
binary_start(uint8_t magic, uint8_t opcode, uint16_t key_length, uint8_t extras_length)
{
	return htobe64((uint64_t)magic << 56 | (uint64_t)opcode << 48 | (uint64_t)key_length << 32 |
		       (uint64_t)extras_length << 24);
}

/* Writes the request at out; returns its end. */
static inline uint8_t *
binary_write(const struct load *load, const struct workload_request *request, bool quiet,
	     uint32_t opaque, uint8_t *out)
{
	const struct binary_opcode *opcode = &binary_opcodes[request->op];
	uint32_t value_length = op_stores(request->op) ? request->value_length : 0;
	uint32_t body_length = htobe32(opcode->extras + request->key_length + value_length);
	uint64_t start = binary_start(0x80, quiet ? opcode->quiet : opcode->loud,
				      request->key_length, opcode->extras);
	uint64_t zero = 0;

	memcpy(out, &start, sizeof(start));
	memcpy(out + 8, &body_length, sizeof(body_length));
	memcpy(out + 12, &opaque, sizeof(opaque));
	memcpy(out + 16, &zero, sizeof(zero)); /* CAS unique: none */
	out += BINARY_HEADER;
	if (opcode->extras == 8) {
		uint64_t extras = htobe64((uint64_t)request->ttl); /* flags 0 */

		memcpy(out, &extras, sizeof(extras));
	} else if (opcode->extras == 20) {
		uint64_t one = htobe64(1);

		memcpy(out, &one, sizeof(one));
		memset(out + 8, 0, 12); /* starts from 0, never expires */
	}
	out += opcode->extras;
	load_write_key(load, request, out);
	out += request->key_length;
	if (value_length != 0) {
		value_write(request->key, value_length, out);
		out += value_length;
	}
	return out;
}

/* The kind of a binary status that isn't "no error". */
uint8_t binary_failure(uint16_t status, uint8_t opcode);

/* Takes one answer off the front. Bytes used, 0 if it isn't all there yet, or -EPROTO. */
static inline ssize_t
binary_read(const uint8_t *bytes, size_t length, struct answer *answer)
{
	struct binary_header header;
	uint32_t body, fixed;

	if (length < sizeof(header))
		return 0;
	memcpy(&header, bytes, sizeof(header));
	body = be32toh(header.body_length);
	fixed = header.extras_length + (uint32_t)be16toh(header.key_length);
	if (header.magic != 0x81 || fixed > body)
		return -EPROTO;
	if (length - sizeof(header) < body)
		return 0;
	answer->opaque = header.opaque;
	answer->value = bytes + sizeof(header) + fixed;
	answer->value_length = body - fixed;
	if (header.status != 0)
		answer->kind = binary_failure(be16toh(header.status), header.opcode);
	else
		answer->kind =
			header.opcode == 0x00 || header.opcode == 0x09 ? ANSWER_VALUE : ANSWER_DONE;
	return (ssize_t)(sizeof(header) + body);
}

/* Body length and opaque of a header, which lie side by side, in memory's order. */
static inline uint64_t
binary_middle(uint32_t body_length, uint32_t opaque)
{
	return htole64((uint64_t)le32toh(opaque) << 32 | le32toh(htobe32(body_length)));
}

/*
 * Writes the `count` (> 0) plain GETs of a message, whose keys are all of one length; returns their
 * end. What binary_write would write, in a third of its time.
 */
static inline uint8_t *
binary_write_gets(const struct load *load, const struct workload_request *requests,
		  unsigned int count, uint32_t opaque, uint8_t *out)
{
	const struct binary_opcode *get = &binary_opcodes[WORKLOAD_GET];
	uint8_t key_length = requests->key_length;
	uint64_t start = binary_start(0x80, get->quiet, key_length, 0), zero = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t middle = binary_middle(key_length, opaque | i);

		if (i == count - 1)
			start = binary_start(0x80, get->loud, key_length, 0);
		memcpy(out, &start, sizeof(start));
		memcpy(out + 8, &middle, sizeof(middle));
		memcpy(out + 16, &zero, sizeof(zero)); /* CAS unique: none */
		load_write_key(load, &requests[i], out + BINARY_HEADER);
		out += BINARY_HEADER + key_length;
	}
	return out;
}

/*
 * Whether the bytes are exactly the hits of a message of binary_write_gets, in their order and with
 * values of the right lengths: looked at without deciding anything on the way.
 */
static inline bool
binary_are_hits(const uint8_t *bytes, size_t length, const struct workload_request *requests,
		unsigned int count, uint32_t opaque)
{
	uint64_t start =
		binary_start(0x81, binary_opcodes[WORKLOAD_GET].quiet, 0, BINARY_HIT_EXTRAS);
	uint64_t other = 0, got[2];
	size_t at = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint32_t body_length = BINARY_HIT_EXTRAS + requests[i].value_length;

		if (at + BINARY_HEADER + body_length > length)
			return false;
		if (i == count - 1)
			start = binary_start(0x81, binary_opcodes[WORKLOAD_GET].loud, 0,
					     BINARY_HIT_EXTRAS);
		memcpy(got, bytes + at, sizeof(got));
		other |= (got[0] ^ start) | (got[1] ^ binary_middle(body_length, opaque | i));
		at += BINARY_HEADER + body_length;
	}
	return other == 0 && at == length;
}

/*
 * Whether the bytes are exactly one hit of one plain GET with an opaque and a value of a length:
 * most answers by far.
 */
static inline bool
binary_is_hit(const uint8_t *bytes, size_t length, uint32_t opaque, uint32_t value_length)
{
	uint64_t start;
	uint32_t body_length, got;

	if (length != BINARY_HEADER + BINARY_HIT_EXTRAS + (size_t)value_length)
		return false;
	memcpy(&start, bytes, sizeof(start));
	memcpy(&body_length, bytes + 8, sizeof(body_length));
	memcpy(&got, bytes + 12, sizeof(got));
	return start == binary_start(0x81, 0x00, 0, BINARY_HIT_EXTRAS) &&
	       body_length == htobe32(BINARY_HIT_EXTRAS + value_length) && got == opaque;
}

/* --- text --------------------------------------------------------------------------------- */

/* Writes `count` GETs, or one other request, at out; returns its end. */
uint8_t *text_write(const struct load *load, const struct workload_request *requests,
		    unsigned int count, uint8_t *out);

/* As binary_read. */
ssize_t text_read(const uint8_t *bytes, size_t length, struct answer *answer);

/* --- meta --------------------------------------------------------------------------------- */

/* Writes the requests at out, one alone to be answered aloud; returns its end. */
uint8_t *meta_write(const struct load *load, const struct workload_request *requests,
		    unsigned int count, uint32_t opaque, uint8_t *out);

/* As binary_read. */
ssize_t meta_read(const uint8_t *bytes, size_t length, struct answer *answer);

/* --- redis -------------------------------------------------------------------------------- */

/* Writes the request as an array of strings (RESP2); returns its end. */
uint8_t *redis_write(const struct load *load, const struct workload_request *request, uint8_t *out);

/* As binary_read. */
ssize_t redis_read(const uint8_t *bytes, size_t length, struct answer *answer);

/* --- any of them -------------------------------------------------------------------------- */

static inline ssize_t
answer_read(enum bench_protocol protocol, const uint8_t *bytes, size_t length,
	    struct answer *answer)
{
	if (protocol == BENCH_BINARY)
		return binary_read(bytes, length, answer);
	if (protocol == BENCH_META)
		return meta_read(bytes, length, answer);
	return protocol == BENCH_TEXT ? text_read(bytes, length, answer)
				      : redis_read(bytes, length, answer);
}

#endif
