/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lookups.h - the binary protocol's plain gets as what the store's shortest way is asked, and its answers
 * as theirs: for the worker's burst of datagrams (dataplane/lookups.h).
 */
#ifndef JACKDAW_LOOKUPS_H
#define JACKDAW_LOOKUPS_H

#include "dataplane/proto/binary.h"
#include "dataplane/store/lookup.h"

enum {
	LOOKUP_HEAD = sizeof(struct binary_header) + sizeof(uint32_t), /* before a hit's value */
	LOOKUP_MISS = sizeof(struct binary_header) + sizeof(BINARY_NOT_FOUND) - 1,
};

/* Reads a plain get without a key in its answer; returns where the next one is. NULL: it is something else. */
static inline const uint8_t *
lookup_read(const uint8_t *at, const uint8_t *end, struct store_lookup *lookup)
{
	unsigned int opcode;
	uint32_t key_length = binary_plain_get(at, (size_t)(end - at),
					       1 << BINARY_GET | 1 << BINARY_GETQ, &opcode);

	if (key_length == 0)
		return NULL;
	lookup->key = at + sizeof(struct binary_header);
	lookup->key_length = (uint8_t)key_length;
	lookup->verb = (uint8_t)opcode;
	memcpy(&lookup->opaque, at + offsetof(struct binary_header, opaque),
	       sizeof(lookup->opaque));
	return at + sizeof(struct binary_header) + key_length;
}

/*
 * Reads gets from `at` to the end, `room` at most, into lookups: how many. 0: there is something else, too
 * many, or nothing.
 */
static inline unsigned int
lookups_read(const uint8_t *at, const uint8_t *end, struct store_lookup *lookups, unsigned int room)
{
	unsigned int count = 0;

	while (at != end) {
		at = count < room ? lookup_read(at, end, &lookups[count++]) : NULL;
		if (at == NULL)
			return 0;
	}
	return count;
}

/* Bytes of its answer; a quiet get that found nothing has none. */
static inline size_t
lookup_answer_length(const struct store_lookup *lookup)
{
	if (__builtin_expect(lookup->value != NULL, 1))
		return LOOKUP_HEAD + lookup->value_length;
	return lookup->verb == BINARY_GETQ ? 0 : LOOKUP_MISS;
}

/* Writes the LOOKUP_MISS bytes of a get that found nothing. */
static inline void
lookup_put_miss(uint8_t *out, const struct store_lookup *lookup)
{
	const struct binary_header header = {
		.magic = MAGIC_REPLY,
		.opcode = lookup->verb,
		.status = htobe16(STATUS_NOT_FOUND),
		.body_length = htobe32(LOOKUP_MISS - sizeof(header)),
		.opaque = lookup->opaque,
	};

	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), BINARY_NOT_FOUND, LOOKUP_MISS - sizeof(header));
}

/*
 * Writes the LOOKUP_HEAD bytes that come before a hit's value, and returns their end. In words, put
 * together in registers.
 */
static inline uint8_t *
lookup_put_head(uint8_t *out, const struct store_lookup *lookup)
{
	enum {
		EXTRAS_SHIFT = 32,
		OPAQUE_SHIFT = 32
	};
	uint32_t flags = htobe32(lookup->flags);
	uint32_t body = htobe32((uint32_t)sizeof(flags) + lookup->value_length);
	uint64_t start = htole64((uint64_t)sizeof(flags) << EXTRAS_SHIFT |
				 (uint64_t)lookup->verb << 8 | MAGIC_REPLY);
	uint64_t middle =
		htole64((uint64_t)le32toh(lookup->opaque) << OPAQUE_SHIFT | le32toh(body));
	uint64_t unique = htobe64(lookup->cas);

	memcpy(out, &start, sizeof(start));
	memcpy(out + offsetof(struct binary_header, body_length), &middle, sizeof(middle));
	memcpy(out + offsetof(struct binary_header, cas), &unique, sizeof(unique));
	memcpy(out + sizeof(struct binary_header), &flags, sizeof(flags));
	return out + LOOKUP_HEAD;
}

#endif
