/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_message.h - memcached's binary and text protocols from the client's side: requests to
 * bytes, and bytes to answers. Transports neither known nor needed.
 *
 * A message is what is sent in one go and answered as a whole: over binary any requests, all but
 * the last in their quiet form, each with the message's opaque and its own index in it; over text
 * one `get` of several keys, or one other request.
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
	BINARY_EXTRAS_MAX = 20,
	/* Besides key and value, of either protocol: "set K 4294967295 4294967295 1048576\r\n\r\n". */
	REQUEST_OVERHEAD_MAX = 48,
	/* What writers may write beyond a message's end: copies go in whole words. */
	MESSAGE_SLACK = 64,
};

enum answer_kind {
	ANSWER_VALUE,	 /* a get's hit */
	ANSWER_MISS,	 /* a get's miss, said aloud */
	ANSWER_END,	 /* text: no more values of this get */
	ANSWER_DONE,	 /* stored, deleted, counted */
	ANSWER_NOT_DONE, /* the key's state forbade it */
	ANSWER_NO_MEMORY,
	ANSWER_REFUSED,
};

struct answer {
	uint8_t kind; /* enum answer_kind */
	uint8_t key_length;
	uint32_t opaque; /* binary */
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

/* Writes the request at out; returns its end. */
static inline uint8_t *
binary_write(const struct load *load, const struct workload_request *request, bool quiet,
	     uint32_t opaque, uint8_t *out)
{
	const struct binary_opcode *opcode = &binary_opcodes[request->op];
	uint32_t value_length = op_stores(request->op) ? request->value_length : 0;
	struct binary_header header = {
		.magic = 0x80,
		.opcode = quiet ? opcode->quiet : opcode->loud,
		.key_length = htobe16(request->key_length),
		.extras_length = opcode->extras,
		.body_length = htobe32(opcode->extras + request->key_length + value_length),
		.opaque = opaque,
	};

	memcpy(out, &header, sizeof(header));
	out += sizeof(header);
	if (opcode->extras == 8) {
		uint64_t extras = htobe64((uint64_t)request->ttl); /* flags 0 */

		memcpy(out, &extras, sizeof(extras));
		out += sizeof(extras);
	} else if (opcode->extras == 20) {
		uint64_t one = htobe64(1);

		memcpy(out, &one, sizeof(one));
		memset(out + 8, 0, 12); /* starts from 0, never expires */
		out += 20;
	}
	load_write_key(load, request, out);
	out += request->key_length;
	if (op_stores(request->op)) {
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

/* --- text --------------------------------------------------------------------------------- */

/* Writes `count` GETs, or one other request, at out; returns its end. */
uint8_t *text_write(const struct load *load, const struct workload_request *requests,
		    unsigned int count, uint8_t *out);

/* As binary_read. */
ssize_t text_read(const uint8_t *bytes, size_t length, struct answer *answer);

#endif
