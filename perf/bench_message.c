/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_message.h"

#include <stdio.h>
#include <stdlib.h>

/* Status codes of memcached's binary protocol. */
enum {
	STATUS_NOT_FOUND = 0x01,
	STATUS_EXISTS = 0x02,
	STATUS_NOT_STORED = 0x05,
	STATUS_NOT_A_NUMBER = 0x06,
	STATUS_NO_MEMORY = 0x82,
};

uint8_t
binary_failure(uint16_t status, uint8_t opcode)
{
	bool get = opcode == binary_opcodes[WORKLOAD_GET].loud ||
		   opcode == binary_opcodes[WORKLOAD_GET].quiet;

	switch (status) {
	case STATUS_NOT_FOUND:
		return get ? ANSWER_MISS : ANSWER_NOT_DONE;
	case STATUS_EXISTS:
	case STATUS_NOT_STORED:
	case STATUS_NOT_A_NUMBER:
		return ANSWER_NOT_DONE;
	case STATUS_NO_MEMORY:
		return ANSWER_NO_MEMORY;
	default:
		return ANSWER_REFUSED;
	}
}

static uint8_t *
put_text(uint8_t *out, const char *text)
{
	while (*text != '\0')
		*out++ = (uint8_t)*text++;
	return out;
}

static uint8_t *
put_number(uint8_t *out, uint32_t number)
{
	char digits[10];
	int count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	while (count > 0)
		*out++ = (uint8_t)digits[--count];
	return out;
}

static uint8_t *
put_key(const struct load *load, const struct workload_request *request, uint8_t *out)
{
	*out++ = ' ';
	load_write_key(load, request, out);
	return out + request->key_length;
}

uint8_t *
text_write(const struct load *load, const struct workload_request *requests, unsigned int count,
	   uint8_t *out)
{
	static const char *const verbs[WORKLOAD_OPS] = {
		[WORKLOAD_GET] = "get",	    [WORKLOAD_SET] = "set",	  [WORKLOAD_ADD] = "add",
		[WORKLOAD_CAS] = "replace", [WORKLOAD_DELETE] = "delete", [WORKLOAD_INCR] = "incr",
	};

	out = put_text(out, verbs[requests->op]);
	for (unsigned int i = 0; i < count; i++)
		out = put_key(load, &requests[i], out);
	if (requests->op == WORKLOAD_INCR)
		out = put_text(out, " 1");
	if (op_stores(requests->op)) {
		out = put_text(out, " 0 ");
		out = put_number(out, requests->ttl);
		*out++ = ' ';
		out = put_number(out, requests->value_length);
		out = put_text(out, "\r\n");
		value_write(requests->key, requests->value_length, out);
		out += requests->value_length;
	}
	return put_text(out, "\r\n");
}

/* VALUE <key> <flags> <bytes>[ <cas>]\r\n<data>\r\n */
static ssize_t
text_read_value(const uint8_t *bytes, size_t length, const uint8_t *line_end, struct answer *answer)
{
	const uint8_t *key = bytes + strlen("VALUE "), *at, *data = line_end + 1;
	uint64_t value_length = 0;

	at = memchr(key, ' ', (size_t)(line_end - key));
	if (at == NULL || at == key || at - key > WORKLOAD_KEY_MAX)
		return -EPROTO;
	answer->key = key;
	answer->key_length = (uint8_t)(at - key);
	at = memchr(at + 1, ' ', (size_t)(line_end - at - 1));
	if (at == NULL)
		return -EPROTO;
	for (at++; *at >= '0' && *at <= '9' && value_length <= 1 << 30; at++)
		value_length = value_length * 10 + (uint64_t)(*at - '0');
	if (value_length > 1 << 30 || (*at != '\r' && *at != ' '))
		return -EPROTO;
	if (length - (size_t)(data - bytes) < value_length + 2)
		return 0;
	if (memcmp(data + value_length, "\r\n", 2) != 0)
		return -EPROTO;
	answer->kind = ANSWER_VALUE;
	answer->value = data;
	answer->value_length = (uint32_t)value_length;
	return data - bytes + (ssize_t)value_length + 2;
}

struct text_line {
	const char *start;
	uint8_t kind;
};

/* A line that ends at `end` and is of one of these kinds: its length, or -EPROTO. */
static ssize_t
text_match(const struct text_line *lines, size_t count, const uint8_t *bytes, const uint8_t *end,
	   struct answer *answer)
{
	for (size_t i = 0; i < count; i++) {
		size_t start = strlen(lines[i].start);

		if ((size_t)(end + 1 - bytes) >= start &&
		    memcmp(bytes, lines[i].start, start) == 0) {
			answer->kind = lines[i].kind;
			answer->value_length = 0;
			return end + 1 - bytes;
		}
	}
	return -EPROTO;
}

static ssize_t
text_read_error(const uint8_t *bytes, const uint8_t *end, struct answer *answer)
{
	static const struct text_line lines[] = {
		{"SERVER_ERROR out of memory", ANSWER_NO_MEMORY},
		{"SERVER_ERROR", ANSWER_REFUSED},
		{"CLIENT_ERROR", ANSWER_REFUSED},
		{"ERROR", ANSWER_REFUSED},
	};

	return text_match(lines, sizeof(lines) / sizeof(lines[0]), bytes, end, answer);
}

ssize_t
text_read(const uint8_t *bytes, size_t length, struct answer *answer)
{
	static const struct text_line lines[] = {
		{"END\r\n", ANSWER_END},
		{"STORED\r\n", ANSWER_DONE},
		{"DELETED\r\n", ANSWER_DONE},
		{"NOT_STORED\r\n", ANSWER_NOT_DONE},
		{"NOT_FOUND\r\n", ANSWER_NOT_DONE},
		{"EXISTS\r\n", ANSWER_NOT_DONE},
	};
	const uint8_t *end = memchr(bytes, '\n', length);
	ssize_t used;

	if (end == NULL)
		return length > 2048 ? -EPROTO : 0;
	if (end - bytes > 6 && memcmp(bytes, "VALUE ", 6) == 0)
		return text_read_value(bytes, length, end, answer);
	answer->value_length = 0;
	if (bytes[0] >= '0' && bytes[0] <= '9') { /* incr's new number */
		answer->kind = ANSWER_DONE;
		return end + 1 - bytes;
	}
	used = text_match(lines, sizeof(lines) / sizeof(lines[0]), bytes, end, answer);
	return used > 0 ? used : text_read_error(bytes, end, answer);
}

/* --- meta --------------------------------------------------------------------------------- */

static uint8_t *
put_opaque(uint8_t *out, uint32_t opaque)
{
	out = put_text(out, " O");
	for (int shift = 28; shift >= 0; shift -= 4)
		*out++ = (uint8_t) "0123456789abcdef"[opaque >> shift & 15];
	return out;
}

static uint8_t *
meta_write_one(const struct load *load, const struct workload_request *request, bool quiet,
	       uint32_t opaque, uint8_t *out)
{
	static const char *const verbs[WORKLOAD_OPS] = {
		[WORKLOAD_GET] = "mg", [WORKLOAD_SET] = "ms",	 [WORKLOAD_ADD] = "ms",
		[WORKLOAD_CAS] = "ms", [WORKLOAD_DELETE] = "md", [WORKLOAD_INCR] = "ma",
	};
	static const char *const flags[WORKLOAD_OPS] = {
		[WORKLOAD_GET] = " v",	[WORKLOAD_SET] = "",	[WORKLOAD_ADD] = " ME",
		[WORKLOAD_CAS] = " MR", [WORKLOAD_DELETE] = "", [WORKLOAD_INCR] = " N0 J0",
	};
	bool stores = op_stores(request->op);

	out = put_key(load, request, put_text(out, verbs[request->op]));
	if (stores) {
		*out++ = ' ';
		out = put_number(out, request->value_length);
		out = put_number(put_text(out, " T"), request->ttl);
	}
	out = put_opaque(put_text(out, flags[request->op]), opaque);
	out = put_text(out, quiet ? " q\r\n" : "\r\n");
	if (stores) {
		value_write(request->key, request->value_length, out);
		out = put_text(out + request->value_length, "\r\n");
	}
	return out;
}

uint8_t *
meta_write(const struct load *load, const struct workload_request *requests, unsigned int count,
	   uint32_t opaque, uint8_t *out)
{
	if (count == 1)
		return meta_write_one(load, requests, false, opaque, out);
	for (unsigned int i = 0; i < count; i++)
		out = meta_write_one(load, &requests[i], true, opaque | i, out);
	return put_text(out, "mn\r\n");
}

/* Looks for O<hexadecimal> among the words from `at` on. */
static void
meta_read_opaque(const uint8_t *at, const uint8_t *line_end, struct answer *answer)
{
	answer->has_opaque = false;
	for (; at + 1 < line_end; at++) {
		if (at[0] != ' ' || at[1] != 'O')
			continue;
		answer->has_opaque = true;
		answer->opaque = 0;
		for (at += 2; at<line_end && * at> ' '; at++)
			answer->opaque = answer->opaque << 4 |
					 (uint32_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
		return;
	}
}

/* VA <bytes> [flags]\r\n<data>\r\n */
static ssize_t
meta_read_value(const uint8_t *bytes, size_t length, const uint8_t *line_end, struct answer *answer)
{
	const uint8_t *at = bytes + strlen("VA "), *data = line_end + 1;
	uint64_t value_length = 0;

	for (; *at >= '0' && *at <= '9' && value_length <= 1 << 30; at++)
		value_length = value_length * 10 + (uint64_t)(*at - '0');
	if (value_length > 1 << 30 || (*at != '\r' && *at != ' '))
		return -EPROTO;
	if (length - (size_t)(data - bytes) < value_length + 2)
		return 0;
	if (memcmp(data + value_length, "\r\n", 2) != 0)
		return -EPROTO;
	meta_read_opaque(at, line_end, answer);
	answer->kind = ANSWER_VALUE;
	answer->value = data;
	answer->value_length = (uint32_t)value_length;
	return data - bytes + (ssize_t)value_length + 2;
}

ssize_t
meta_read(const uint8_t *bytes, size_t length, struct answer *answer)
{
	static const struct {
		const char *start;
		uint8_t kind;
	} lines[] = {
		{"HD", ANSWER_DONE},	 {"EN", ANSWER_MISS},	  {"MN", ANSWER_END},
		{"NS", ANSWER_NOT_DONE}, {"NF", ANSWER_NOT_DONE}, {"EX", ANSWER_NOT_DONE},
	};
	const uint8_t *end = memchr(bytes, '\n', length);

	if (end == NULL)
		return length > 2048 ? -EPROTO : 0;
	if (end - bytes > 3 && memcmp(bytes, "VA ", 3) == 0)
		return meta_read_value(bytes, length, end, answer);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (end - bytes < 3 || memcmp(bytes, lines[i].start, 2) != 0 ||
		    (bytes[2] != ' ' && bytes[2] != '\r'))
			continue;
		answer->kind = lines[i].kind;
		answer->value_length = 0;
		meta_read_opaque(bytes + 2, end, answer);
		return end + 1 - bytes;
	}
	answer->has_opaque = false;
	return text_read_error(bytes, end, answer);
}

/* --- redis -------------------------------------------------------------------------------- */

static uint8_t *
put_length(uint8_t *out, char mark, uint32_t length)
{
	*out++ = (uint8_t)mark;
	return put_text(put_number(out, length), "\r\n");
}

static uint8_t *
put_word(uint8_t *out, const char *word)
{
	return put_text(put_text(put_length(out, '$', (uint32_t)strlen(word)), word), "\r\n");
}

uint8_t *
redis_write(const struct load *load, const struct workload_request *request, uint8_t *out)
{
	static const char *const verbs[WORKLOAD_OPS] = {
		[WORKLOAD_GET] = "GET", [WORKLOAD_SET] = "SET",	   [WORKLOAD_ADD] = "SET",
		[WORKLOAD_CAS] = "SET", [WORKLOAD_DELETE] = "DEL", [WORKLOAD_INCR] = "INCR",
	};
	static const char *const conditions[WORKLOAD_OPS] = {
		[WORKLOAD_ADD] = "NX",
		[WORKLOAD_CAS] = "XX",
	};
	const char *condition = conditions[request->op];
	bool stores = op_stores(request->op), expires = stores && request->ttl != 0;
	char ttl[16];

	out = put_length(out, '*',
			 2u + stores + (condition != NULL ? 1u : 0u) + (expires ? 2u : 0u));
	out = put_word(out, verbs[request->op]);
	out = put_length(out, '$', request->key_length);
	load_write_key(load, request, out);
	out = put_text(out + request->key_length, "\r\n");
	if (stores) {
		out = put_length(out, '$', request->value_length);
		value_write(request->key, request->value_length, out);
		out = put_text(out + request->value_length, "\r\n");
	}
	if (condition != NULL)
		out = put_word(out, condition);
	if (expires) {
		snprintf(ttl, sizeof(ttl), "%u", request->ttl);
		out = put_word(put_word(out, "EX"), ttl);
	}
	return out;
}

/* $<bytes>\r\n<data>\r\n, or $-1\r\n: `data` is what follows the first line */
static ssize_t
redis_read_value(const uint8_t *bytes, size_t length, const uint8_t *data, struct answer *answer)
{
	const uint8_t *at = bytes + 1;
	uint64_t value_length = 0;

	answer->value_length = 0;
	answer->kind = ANSWER_MISS;
	if (*at == '-')
		return data - bytes;
	for (; *at >= '0' && *at <= '9' && value_length <= 1 << 30; at++)
		value_length = value_length * 10 + (uint64_t)(*at - '0');
	if (value_length > 1 << 30 || *at != '\r')
		return -EPROTO;
	if (length - (size_t)(data - bytes) < value_length + 2)
		return 0;
	if (memcmp(data + value_length, "\r\n", 2) != 0)
		return -EPROTO;
	answer->kind = ANSWER_VALUE;
	answer->value = data;
	answer->value_length = (uint32_t)value_length;
	return data - bytes + (ssize_t)value_length + 2;
}

ssize_t
redis_read(const uint8_t *bytes, size_t length, struct answer *answer)
{
	static const char out_of_memory[] = "-OOM";
	const uint8_t *end = memchr(bytes, '\n', length);

	if (end == NULL)
		return length > 2048 ? -EPROTO : 0;
	switch (bytes[0]) {
	case '$':
		return redis_read_value(bytes, length, end + 1, answer);
	case '+':
		answer->kind = ANSWER_DONE;
		break;
	case ':': /* of what was deleted: how many */
		answer->kind = bytes[1] == '0' ? ANSWER_NOT_DONE : ANSWER_DONE;
		break;
	case '-':
		answer->kind = memcmp(bytes, out_of_memory, sizeof(out_of_memory) - 1) == 0
				       ? ANSWER_NO_MEMORY
				       : ANSWER_REFUSED;
		break;
	default:
		return -EPROTO;
	}
	answer->value_length = 0;
	return end + 1 - bytes;
}
