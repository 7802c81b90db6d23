/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * normalise.h - makes two servers' replies comparable. The rules, and there are no others:
 *
 *     unique     CAS uniques are renamed by the order of their first appearance in a sequence
 *     padding    spaces behind a value that is a number are dropped: memcached leaves them when a
 *                counter gets shorter, unless an unsent reply still holds the item
 *
 * Versions are equal (1.6.18), and statistics are compared elsewhere.
 */
#ifndef JACKDAW_TESTS_NORMALISE_H
#define JACKDAW_TESTS_NORMALISE_H

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>

#include "dataplane/proto/binary.h"
#include "tests/proto/session.h"

enum {
	UNIQUES_MAX = 4096,
	KEYS_MAX = 16, /* keys whose last unique is remembered, by the digit that ends them */
};

/* The uniques one server has shown in a sequence. */
struct uniques {
	unsigned int count;
	uint64_t unique[UNIQUES_MAX];
	uint64_t of_key[KEYS_MAX];
};

static inline unsigned int
unique_name(struct uniques *uniques, uint64_t unique)
{
	unsigned int i = 0;

	while (i < uniques->count && uniques->unique[i] != unique)
		i++;
	if (i == uniques->count && i < UNIQUES_MAX)
		uniques->unique[uniques->count++] = unique;
	return i + 1;
}

/* Keys are k0.. and n0..: their uniques can be asked for later. */
static inline int
key_number(const uint8_t *key, size_t length)
{
	if (length != 2 || (key[0] != 'k' && key[0] != 'n') || key[1] < '0' || key[1] > '7')
		return -1;
	return key[1] - '0' + (key[0] == 'n' ? KEYS_MAX / 2 : 0);
}

static inline void
unique_remember(struct uniques *uniques, const uint8_t *key, size_t length, uint64_t unique)
{
	int number = key_number(key, length);

	if (number >= 0)
		uniques->of_key[number] = unique;
}

/* The length of a value without the spaces behind a number. */
static inline size_t
unpadded(const uint8_t *value, size_t length)
{
	size_t digits = 0, all;

	while (digits < length && value[digits] >= '0' && value[digits] <= '9')
		digits++;
	for (all = digits; all < length && value[all] == ' '; all++)
		;
	return digits != 0 && all == length ? digits : length;
}

/* A VALUE line as written; only spaces separate its words. */
struct value_line {
	const uint8_t *key;
	size_t key_length;
	unsigned long flags, size;
	uint64_t unique;
	bool has_unique;
};

/* Takes `line` apart, which ends with \r\n and a NUL. */
static inline bool
value_line_read(char *line, struct value_line *value)
{
	char *key = line + 6, *end = strchr(key, ' ');

	if (end == NULL)
		return false;
	value->key = (uint8_t *)key;
	value->key_length = (size_t)(end - key);
	value->flags = strtoul(end + 1, &end, 10);
	if (*end != ' ')
		return false;
	value->size = strtoul(end + 1, &end, 10);
	value->has_unique = *end == ' ';
	value->unique = value->has_unique ? strtoull(end + 1, &end, 10) : 0;
	return strcmp(end, "\r\n") == 0;
}

/* One VALUE line and its data. Returns the bytes used, 0 if it isn't one. */
static inline size_t
normalise_value(const uint8_t *in, size_t length, struct uniques *uniques, struct bytes *out)
{
	char line[512];
	const uint8_t *newline = memchr(in, '\n', length);
	size_t head = newline == NULL ? 0 : (size_t)(newline - in) + 1, kept;
	struct value_line value;

	if (head == 0 || head >= sizeof(line))
		return 0;
	memcpy(line, in, head);
	line[head] = '\0';
	if (!value_line_read(line, &value) || length < head + value.size + 2)
		return 0;
	kept = unpadded(in + head, value.size);
	bytes_add(out, line, (size_t)(value.key - (uint8_t *)line) + value.key_length);
	if (value.has_unique)
		unique_remember(uniques, value.key, value.key_length, value.unique);
	snprintf(line, sizeof(line), " %lu %zu", value.flags, kept);
	bytes_add_text(out, line);
	if (value.has_unique) {
		snprintf(line, sizeof(line), " unique-%u", unique_name(uniques, value.unique));
		bytes_add_text(out, line);
	}
	bytes_add(out, "\r\n", 2);
	bytes_add(out, in + head, kept);
	bytes_add(out, in + head + value.size, 2);
	return head + value.size + 2;
}

static inline void
normalise_text(const uint8_t *in, size_t length, struct uniques *uniques, struct bytes *out)
{
	while (length != 0) {
		const uint8_t *newline;
		size_t used = 0;

		if (length >= 6 && memcmp(in, "VALUE ", 6) == 0)
			used = normalise_value(in, length, uniques, out);
		if (used == 0) {
			newline = memchr(in, '\n', length);
			used = newline == NULL ? length : (size_t)(newline - in) + 1;
			bytes_add(out, in, used);
		}
		in += used;
		length -= used;
	}
}

static inline void
normalise_packet(const struct binary_header *header, const uint8_t *body, size_t length,
		 struct uniques *uniques, struct bytes *out)
{
	size_t key_length = be16toh(header->key_length);
	size_t head = header->extras_length + key_length, kept = length;
	uint64_t unique = be64toh(header->cas);
	char line[128];

	if (header->extras_length == 4 && head <= length)
		kept = head + unpadded(body + head, length - head);
	if (unique != 0 && key_length != 0 && head <= length)
		unique_remember(uniques, body + header->extras_length, key_length, unique);
	snprintf(line, sizeof(line),
		 "[%02x %02x key %zu extras %u type %u status %04x body %zu %08x", header->magic,
		 header->opcode, key_length, header->extras_length, header->type,
		 be16toh(header->status), kept, header->opaque);
	bytes_add_text(out, line);
	if (unique != 0) {
		snprintf(line, sizeof(line), " unique-%u", unique_name(uniques, unique));
		bytes_add_text(out, line);
	}
	bytes_add_text(out, "] ");
	bytes_add(out, body, kept);
	bytes_add_text(out, "\n");
}

static inline void
normalise_binary(const uint8_t *in, size_t length, struct uniques *uniques, struct bytes *out)
{
	struct binary_header header;
	size_t body;

	while (length >= sizeof(header)) {
		memcpy(&header, in, sizeof(header));
		body = be32toh(header.body_length);
		if (body > length - sizeof(header))
			break;
		normalise_packet(&header, in + sizeof(header), body, uniques, out);
		in += sizeof(header) + body;
		length -= sizeof(header) + body;
	}
	bytes_add(out, in, length);
}

#endif
