/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way of mg reads nothing that the long way reads differently, and writes nothing else. The long
 * way is taken behind another command.
 */
#include "dataplane/proto/gets.h"
#include "dataplane/proto/meta.h"
#include "tests/proto/alike.h"
#include "tests/suite.h"

#include <stdlib.h>

enum {
	LINES_MAX = 4,
	BYTES_MAX = 4096,
	ROUNDS = 300000,
	VALUE_MAX = 2 * TEXT_VALUE_SHORT,
	REPLY_MAX = LINES_MAX * (1024 + VALUE_MAX),
};

static const struct parse_limits limits = {.item_size_max = 1 << 20};
static struct server server;

static unsigned int
below(unsigned int n)
{
	return (unsigned int)random() % n;
}

/* --- requests ------------------------------------------------------------------------------ */

struct lines {
	uint8_t bytes[BYTES_MAX];
	size_t length;
};

static void
add(struct lines *lines, const char *text)
{
	memcpy(lines->bytes + lines->length, text, strlen(text));
	lines->length += strlen(text);
}

static void
add_bytes(struct lines *lines, unsigned int count)
{
	while (count-- > 0)
		lines->bytes[lines->length++] = (uint8_t)('!' + below('~' - '!'));
}

/* Flags that are taken as a rule; now and then any other letter, or two of one, or an argument. */
static void
add_flags(struct lines *lines)
{
	const char *letters = "vcfhklqstuvvkvvv";

	for (unsigned int i = below(6); i > 0; i--) {
		char flag[] = {' ', letters[below(16)], '\0'};

		if (below(24) == 0)
			flag[1] = (char)('A' + below('z' - 'A' + 1));
		add(lines, below(48) == 0 ? " " : "");
		if (below(6) == 0) {
			add(lines, " O");
			add_bytes(lines, below(8) == 0 ? 28 + below(8) : below(8));
		} else {
			add(lines, flag);
			add_bytes(lines, below(32) == 0 ? 1 + below(3) : 0);
		}
	}
}

/* Lines of mg, most of them good, after as many bytes; some are damaged, or cut off. */
static void
make_lines(struct lines *lines, size_t from)
{
	lines->length = from;
	for (unsigned int i = 1 + below(LINES_MAX); i > 0; i--) {
		add(lines, below(32) == 0 ? "md " : "mg ");
		add_bytes(lines, below(32) == 0 ? STORE_KEY_MAX - 1 + below(4) : 1 + below(40));
		add_flags(lines);
		add(lines, below(32) == 0 ? " " : "");
		add(lines, below(4) == 0 ? "\n" : "\r\n");
	}
	if (below(4) == 0)
		lines->bytes[from + below((unsigned int)(lines->length - from))] ^=
			(uint8_t)(1U << below(8));
	if (below(4) == 0)
		lines->length -= below((unsigned int)(lines->length - from));
}

static void
are_equal(const struct request *one, const struct request *two)
{
	request_is_equal(one, two);
	CU_ASSERT_EQUAL(one->code, two->code);
	CU_ASSERT_EQUAL(one->argument, two->argument);
	CU_ASSERT_EQUAL(one->text_length, two->text_length);
	CU_ASSERT_PTR_EQUAL(one->text, two->text);
	CU_ASSERT_EQUAL(one->op.initial, two->op.initial);
	CU_ASSERT_EQUAL(one->op.cas, two->op.cas);
	CU_ASSERT_PTR_NULL(one->op.item_key);
}

static void
lines_are_read_alike(void)
{
	enum {
		BEFORE = sizeof("mn\r\n") - 1
	};
	static struct request quick[LINES_MAX], whole[LINES_MAX + 1];
	static struct lines lines;
	unsigned int all = 0, echoed = 0;

	memset(quick, 0xa5, sizeof(quick));
	srandom(11211);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int taken = 0, plain = 0, count = 0, room = 1 + below(LINES_MAX);
		struct stream stream = {.datagram = true};
		const uint8_t *at, *start = lines.bytes + BEFORE;
		size_t consumed;

		memcpy(lines.bytes, "mn\r\n", BEFORE);
		make_lines(&lines, BEFORE);
		at = meta_take_gets(start, lines.bytes + lines.length, true, quick, room, &taken);
		CU_ASSERT_FATAL(at >= start && at <= lines.bytes + lines.length);
		CU_ASSERT_FATAL(taken <= room);
		requests_parse(&stream, &limits, lines.bytes, (size_t)(at - lines.bytes), whole,
			       LINES_MAX + 1, &count, &consumed);
		CU_ASSERT_EQUAL(consumed, (size_t)(at - lines.bytes));
		CU_ASSERT_EQUAL_FATAL(count, taken + 1);
		for (unsigned int i = 0; i < taken; i++)
			are_equal(&quick[i], &whole[i + 1]);
		all += at == lines.bytes + lines.length;
		/* without those that repeat what they were asked */
		meta_take_gets(start, lines.bytes + lines.length, false, quick, room, &plain);
		CU_ASSERT(plain <= taken);
		echoed += plain < taken;
		for (unsigned int i = 0; i < plain; i++)
			CU_ASSERT_EQUAL(quick[i].flags & REQUEST_ECHO, 0);
	}
	CU_ASSERT(all > ROUNDS / 10);
	CU_ASSERT(echoed > ROUNDS / 20);
}

static bool
is_taken(const char *line)
{
	struct request request;
	unsigned int count = 0;
	const uint8_t *start = (const uint8_t *)line, *end = start + strlen(line);

	return meta_take_gets(start, end, true, &request, 1, &count) == end;
}

static void
what_does_more_than_read_is_left(void)
{
	static const char *const left[] = {
		"mg k T30\r\n", "mg k N30\r\n",	  "mg k R30\r\n", "mg k E5\r\n", "mg k b\r\n",
		"mg k C5\r\n",	"mg k v v\r\n",	  "mg k  v\r\n",  "mg k v \r\n", "mg  k v\r\n",
		"mg k v",	"mg k v\r",	  "mg k\t v\r\n", "mg \r\n",	 "md k q\r\n",
		"mg k v1\r\n",	"mg k Oa Ob\r\n",
	};
	static const char *const taken[] = {
		"mg k\r\n",   "mg k\n", "mg k v\r\n", "mg k s v t f c k h l u q Oabc\r\n",
		"mg k O\r\n",
	};

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		CU_ASSERT_FALSE(is_taken(left[i]));
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		CU_ASSERT(is_taken(taken[i]));
}

/* --- ms ------------------------------------------------------------------------------------- */

/* An ms from two bytes behind the first on, so that the long way can be given another space. */
static void
make_set(struct lines *lines)
{
	unsigned int length = below(16) == 0 ? below(2000) : below(40);
	char number[16];

	lines->length = 0;
	add(lines, "ms ");
	add_bytes(lines, below(32) == 0 ? STORE_KEY_MAX - 1 + below(4) : 1 + below(40));
	snprintf(number, sizeof(number), below(32) == 0 ? " %03u" : " %u", length);
	add(lines, number);
	for (unsigned int i = below(5); i > 0; i--) {
		static const char *const flags[] = {" q",	    " c",   " k",   " s",
						    " T0",	    " T5",  " F77", " T2147483647",
						    " F4294967295", " O12", " Oabc"};
		static const char *const others[] = {" I",	     " C7",	     " ME",  " T",
						     " F",	     " T-1",	     " q q", "  q",
						     " T2147483648", " F4294967296", " b",   " N3"};

		add(lines, below(16) == 0 ? others[below(sizeof(others) / sizeof(others[0]))]
					  : flags[below(sizeof(flags) / sizeof(flags[0]))]);
	}
	add(lines, below(4) == 0 ? "\n" : "\r\n");
	add_bytes(lines, length);
	add(lines, "\r\n");
	if (below(4) == 0)
		lines->bytes[3 + below((unsigned int)lines->length - 3)] ^=
			(uint8_t)(1U << below(8));
	if (below(4) == 0)
		lines->length -= below((unsigned int)lines->length);
}

static void
sets_are_read_alike(void)
{
	static struct lines lines;
	static uint8_t wide[BYTES_MAX + 1];
	const struct parse_limits narrow = {.item_size_max = 1500};
	unsigned int all = 0;

	srandom(11212);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct stream stream = {.datagram = true};
		struct request quick, whole;
		unsigned int count = 0;
		const uint8_t *at;
		size_t consumed;

		memset(&quick, 0xa5, sizeof(quick));
		make_set(&lines);
		at = meta_take_set(&narrow, lines.bytes, lines.bytes + lines.length, true, &quick);
		if (at == lines.bytes)
			continue;
		CU_ASSERT_EQUAL(meta_take_set(&narrow, lines.bytes, lines.bytes + lines.length,
					      false, &whole) == at,
				(quick.flags & REQUEST_ECHO) == 0);
		all++;
		memcpy(wide, "ms ", 3);
		memcpy(wide + 3, lines.bytes + 2, lines.length - 2);
		requests_parse(&stream, &narrow, wide, lines.length + 1, &whole, 1, &count,
			       &consumed);
		CU_ASSERT_EQUAL_FATAL(count, 1);
		CU_ASSERT_EQUAL(consumed, (size_t)(at - lines.bytes) + 1);
		/* as if there were one space */
		CU_ASSERT_EQUAL(whole.op.data - wide, quick.op.data - lines.bytes + 1);
		CU_ASSERT_EQUAL(whole.op.key - wide, quick.op.key - lines.bytes + 1);
		whole.op.key = quick.op.key;
		if (whole.text != NULL)
			CU_ASSERT_EQUAL((const uint8_t *)whole.text - wide,
					(const uint8_t *)quick.text - lines.bytes + 1);
		whole.text = quick.text;
		quick.op.initial = whole.op.initial;
		are_equal(&quick, &whole);
		CU_ASSERT_EQUAL(quick.op.exptime, whole.op.exptime);
		CU_ASSERT_EQUAL(quick.op.flags, whole.op.flags);
		CU_ASSERT_EQUAL(quick.op.data_length, whole.op.data_length);
		CU_ASSERT_EQUAL(quick.op.reservation, 0);
	}
	CU_ASSERT(all > ROUNDS / 10);
}

/* --- replies ------------------------------------------------------------------------------- */

static int
no_more(struct reply *reply)
{
	reply->failed = true;
	return -1;
}

static struct reply
reply_on(uint8_t *bytes, size_t length)
{
	return (struct reply){.extend = no_more, .cursor = bytes, .limit = bytes + length};
}

/* As if the store had carried it out. */
static void
answer(struct request *request, const uint8_t *memory)
{
	struct store_op *op = &request->op;

	op->status = below(4) == 0 ? STORE_NOT_FOUND : STORE_OK;
	if (op->status != STORE_OK)
		return;
	op->value = memory + below(8);
	op->value_length = below(VALUE_MAX);
	op->item_key = op->key;
	op->flags = (uint32_t)random() >> below(32);
	op->cas = (uint64_t)random() << 32 >> below(64);
	op->ttl = op->ttl_before = (int64_t)below(1000) - 1;
	op->idle = below(1000);
	op->options |= below(2) * STORE_FETCHED | (below(8) == 0 ? STORE_WON : 0) |
		       (below(8) == 0 ? STORE_STALE : 0) | (below(8) == 0 ? STORE_TOKEN_SENT : 0);
}

static void
replies_are_written_alike(void)
{
	static uint8_t memory[VALUE_MAX + 8], one[REPLY_MAX], two[REPLY_MAX], three[REPLY_MAX];
	static struct request requests[LINES_MAX];
	static struct lines lines;
	unsigned int at_once = 0;

	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)random();
	for (unsigned int round = 0; round < ROUNDS / 4; round++) {
		struct reply long_way = reply_on(one, sizeof(one));
		struct reply short_way = reply_on(two, sizeof(two));
		unsigned int count = 0;
		uint8_t *end;
		size_t length;

		if (round % 4 == 0) {
			make_set(&lines);
			count = meta_take_set(&limits, lines.bytes, lines.bytes + lines.length,
					      true, requests) != lines.bytes;
		} else {
			make_lines(&lines, 0);
			meta_take_gets(lines.bytes, lines.bytes + lines.length, true, requests,
				       LINES_MAX, &count);
		}
		for (unsigned int i = 0; i < count; i++) {
			answer(&requests[i], memory);
			request_write(&server, &requests[i], &long_way);
		}
		length = (size_t)(long_way.cursor - one);
		requests_write(&server, requests, count, &short_way);
		CU_ASSERT_EQUAL_FATAL((size_t)(short_way.cursor - two), length);
		CU_ASSERT_EQUAL(memcmp(one, two, length), 0);
		end = requests_put_hits(three, three + sizeof(three), requests, count);
		if (end == NULL)
			continue;
		at_once += length != 0;
		CU_ASSERT_EQUAL_FATAL((size_t)(end - three), length);
		CU_ASSERT_EQUAL(memcmp(one, three, length), 0);
		CU_ASSERT(length == 0 ||
			  requests_put_hits(three, three + length - 1, requests, count) == NULL);
	}
	CU_ASSERT(at_once > ROUNDS / 40);
}

SUITE("dataplane/proto/meta_plain", TEST(lines_are_read_alike),
      TEST(what_does_more_than_read_is_left), TEST(sets_are_read_alike),
      TEST(replies_are_written_alike))
