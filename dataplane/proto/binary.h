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
	STATUS_UNKNOWN_COMMAND = 0x81,
	STATUS_NO_MEMORY = 0x82,
};

/* Writes the reply of an executed request of the binary protocol. */
void binary_write(struct server *server, const struct request *request, struct reply *reply);

#endif
