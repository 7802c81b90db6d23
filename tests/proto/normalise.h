/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * normalise.h - makes two servers' replies comparable. The rules, and there are no others:
 *
 *     unique     CAS uniques are renamed by the order of their first appearance in a sequence
 *     padding    spaces behind a value that is a number are dropped: memcached leaves them when a
 *                counter gets shorter, unless an unsent reply still holds the item
 *
 *     time       times to live in meta replies are rounded to ten seconds, or to far off; of the
 *                time since an item was used only the letter is kept
 *     examined   in replies to me, class and size are dropped, and the sign of the time to live
 *                (1.6.18 has it wrong)
 *
 *     version    what follows the number in a version is dropped
 *
 * Statistics are compared elsewhere.
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
	OPCODE_OF_VERSION = 0x0b,
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

/* Seconds to live, as near as two clocks agree; of a Unix time only that it is far off. */
static inline unsigned long
normalise_seconds(const char *digits)
{
	unsigned long seconds = strtoul(digits, NULL, 10);

	return seconds > 3000000 ? 3000000 : (seconds + 5) / 10 * 10;
}

/* One word of a meta reply's line. */
static inline void
normalise_meta_word(const char *word, struct uniques *uniques, struct bytes *out)
{
	char text[64];

	bytes_add(out, " ", 1);
	if (word[0] == 'c' && word[1] >= '0' && word[1] <= '9')
		snprintf(text, sizeof(text), "c-unique-%u",
			 unique_name(uniques, strtoull(word + 1, NULL, 10)));
	else if (strncmp(word, "cas=", 4) == 0)
		snprintf(text, sizeof(text), "cas=unique-%u",
			 unique_name(uniques, strtoull(word + 4, NULL, 10)));
	else if (word[0] == 't' && word[1] >= '0' && word[1] <= '9')
		snprintf(text, sizeof(text), "t%lu", normalise_seconds(word + 1));
	else if (strncmp(word, "exp=", 4) == 0)
		snprintf(text, sizeof(text), "exp=%lu",
			 normalise_seconds(word + 4 + (word[4] == '-')));
	else if (word[0] == 'l' && word[1] >= '0' && word[1] <= '9')
		snprintf(text, sizeof(text), "l");
	else if (strncmp(word, "la=", 3) == 0 || strncmp(word, "cls=", 4) == 0 ||
		 strncmp(word, "size=", 5) == 0)
		snprintf(text, sizeof(text), "%.3s", word);
	else {
		bytes_add_text(out, word);
		return;
	}
	bytes_add_text(out, text);
}

/* One line of a meta reply, and its data. Returns the bytes used, 0 if it isn't one. */
static inline size_t
normalise_meta(const uint8_t *in, size_t length, struct uniques *uniques, struct bytes *out)
{
	char line[1024], *word, *rest;
	const uint8_t *newline = memchr(in, '\n', length);
	size_t head = newline == NULL ? 0 : (size_t)(newline - in) + 1, size = 0, kept = 0;
	bool valued = head > 3 && memcmp(in, "VA ", 3) == 0;

	if (head < 2 || head >= sizeof(line))
		return 0;
	memcpy(line, in, head - 2);
	line[head - 2] = '\0';
	bytes_add(out, line, 2);
	word = strtok_r(line + 2, " ", &rest);
	if (valued && word != NULL) {
		size = strtoul(word, NULL, 10);
		if (length < head + size + 2)
			return 0;
		kept = unpadded(in + head, size);
		word = strtok_r(NULL, " ", &rest);
	}
	for (; word != NULL; word = strtok_r(NULL, " ", &rest))
		normalise_meta_word(word, uniques, out);
	bytes_add(out, "\r\n", 2);
	if (!valued)
		return head;
	bytes_add(out, in + head, kept);
	bytes_add(out, "\r\n", 2);
	return head + size + 2;
}

static const char version_line[] = "VERSION 1.6.18";

/* A reply to version. Returns the bytes used, 0 if it isn't one. */
static inline size_t
normalise_version(const uint8_t *in, size_t length, struct bytes *out)
{
	const uint8_t *newline = memchr(in, '\n', length);
	size_t fixed = sizeof(version_line) - 1;

	if (newline == NULL || length < fixed || memcmp(in, version_line, fixed) != 0)
		return 0;
	bytes_add_text(out, version_line);
	bytes_add(out, "\r\n", 2);
	return (size_t)(newline - in) + 1;
}

static inline bool
is_meta_line(const uint8_t *in, size_t length)
{
	static const char codes[][3] = {"VA", "HD", "EN", "NS", "EX", "NF", "ME"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (length > 4 && memcmp(in, codes[i], 2) == 0 && (in[2] == ' ' || in[2] == '\r'))
			return true;
	return false;
}

static inline void
normalise_text(const uint8_t *in, size_t length, struct uniques *uniques, struct bytes *out)
{
	while (length != 0) {
		const uint8_t *newline;
		size_t used = 0;

		if (length >= 6 && memcmp(in, "VALUE ", 6) == 0)
			used = normalise_value(in, length, uniques, out);
		else if (is_meta_line(in, length))
			used = normalise_meta(in, length, uniques, out);
		else
			used = normalise_version(in, length, out);
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

	if (header->opcode == OPCODE_OF_VERSION && header->status == 0)
		kept = sizeof(version_line) - 1 - strlen("VERSION ");
	else if (header->extras_length == 4 && head <= length)
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
