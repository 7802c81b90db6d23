/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of plain gets against the codecs': datagrams of gets, of other commands and of bytes with
 * faults are read alike, and replies are the same whatever they are cut into.
 */
#include <stdlib.h>

#include "dataplane/proto/gets.h"
#include "dataplane/proto/lookups.h"
#include "dataplane/proto/token.h"
#include "tests/proto/alike.h"
#include "tests/suite.h"

enum {
	ROUNDS = 20000,
	REQUESTS = 40,
	MESSAGE_MAX = REQUESTS * (24 + STORE_KEY_MAX),
	VALUE_MAX = 300,
	REPLY_MAX = REQUESTS * (TEXT_VALUE_ROOM + STORE_KEY_MAX + VALUE_MAX),
};

static const struct parse_limits limits = {.item_size_max = 1 << 20};
static struct server server = {.version = "1.6.18"};

struct datagram {
	uint8_t bytes[MESSAGE_MAX];
	size_t length;
};

static unsigned int
below(unsigned int bound)
{
	return (unsigned int)random() % bound;
}

static void
datagram_add(struct datagram *datagram, uint8_t opcode, uint16_t key_length)
{
	struct binary_header header = {
		.magic = MAGIC_REQUEST,
		.opcode = opcode,
		.key_length = htobe16(key_length),
		.status = (uint16_t)random(), /* no bucket is a wrong one */
		.body_length = htobe32(key_length),
		.opaque = (uint32_t)random(),
		.cas = below(2),
	};

	memcpy(datagram->bytes + datagram->length, &header, sizeof(header));
	datagram->length += sizeof(header);
	for (unsigned int i = 0; i < key_length; i++)
		datagram->bytes[datagram->length++] = (uint8_t)random();
}

/* Mostly gets, plain: without keys in their answers; now and then another command, a byte that is wrong, or an end before the end. */
static void
datagram_make(struct datagram *datagram, bool plain)
{
	static const uint8_t opcodes[] = {BINARY_GET, BINARY_GETQ, BINARY_GETK, BINARY_GETKQ};
	enum {
		NOOP = 0x0a,
		DELETE = 0x04
	};

	datagram->length = 0;
	for (unsigned int i = 1 + below(REQUESTS / 2); i > 0; i--) {
		uint8_t opcode = opcodes[below(plain ? 2 : sizeof(opcodes))];
		uint16_t key_length = (uint16_t)(1 + below(below(4) == 0 ? STORE_KEY_MAX : 20));

		if (below(plain ? 256 : 16) == 0)
			opcode = below(2) == 0 ? NOOP : DELETE;
		datagram_add(datagram, opcode, opcode == NOOP ? 0 : key_length);
	}
	if (below(4) == 0)
		datagram->bytes[below((unsigned int)datagram->length)] ^= (uint8_t)(1U << below(8));
	if (below(4) == 0)
		datagram->length -= below((unsigned int)datagram->length);
}

static void
requests_are_equal(const struct request *one, const struct request *two, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		request_is_equal(one + i, two + i);
}

static void
datagrams_are_read_alike(void)
{
	static struct request one[REQUESTS], two[REQUESTS];
	static struct datagram datagram;
	unsigned int taken_whole = 0;

	srandom(11211);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int room = 1 + below(REQUESTS), count_one = 0, count_two = 0;
		struct stream stream = {.datagram = true};
		enum parse_result result_one, result_two = PARSE_DONE;
		size_t consumed_one, consumed_two = 0, taken;

		datagram_make(&datagram, false);
		result_one = requests_parse(&stream, &limits, datagram.bytes, datagram.length, one,
					    room, &count_one, &consumed_one);
		taken = requests_take_plain(&limits, datagram.bytes, datagram.length, two, room,
					    &count_two);
		for (unsigned int i = 0; i < count_two; i++)
			CU_ASSERT_EQUAL(two[i].flags & REQUEST_ECHO, 0);
		stream = (struct stream){.datagram = true,
					 .protocol =
						 taken != 0 ? PROTOCOL_BINARY : PROTOCOL_UNKNOWN};
		if (taken != datagram.length)
			result_two = requests_parse(&stream, &limits, datagram.bytes + taken,
						    datagram.length - taken, two, room, &count_two,
						    &consumed_two);
		else
			taken_whole++;
		CU_ASSERT_EQUAL(result_one, result_two);
		CU_ASSERT_EQUAL(consumed_one, taken + consumed_two);
		CU_ASSERT_EQUAL_FATAL(count_one, count_two);
		requests_are_equal(one, two, count_one);
	}
	CU_ASSERT(taken_whole > ROUNDS / 20);
}

/* --- text ---------------------------------------------------------------------------------- */

static void
datagram_add_text(struct datagram *datagram, const char *text)
{
	size_t length = strlen(text);

	memcpy(datagram->bytes + datagram->length, text, length);
	datagram->length += length;
}

static void
datagram_add_keys(struct datagram *datagram)
{
	unsigned int longest = below(64) == 0 ? STORE_KEY_MAX + 2 : 40;

	for (unsigned int keys = below(16) == 0 ? 0 : 1 + below(4); keys > 0; keys--) {
		datagram_add_text(datagram, below(32) == 0 ? "  " : " ");
		for (unsigned int i = below(32) == 0 ? STORE_KEY_MAX : 1 + below(longest); i > 0;
		     i--)
			datagram->bytes[datagram->length++] = (uint8_t)('!' + below(0xff - '!'));
	}
}

/* Lines of gets, mostly; the same mischief as above. */
static void
datagram_make_text(struct datagram *datagram, size_t from)
{
	static const char *const commands[] = {"get",	"get", "gets", "get",  "gets",
					       "gat 1", "Get", "mg",   "geta", "delete"};
	unsigned int most = below(8) == 0 ? REQUESTS / 4 : 2;
	uint8_t *bytes = datagram->bytes + from;

	datagram->length = from;
	for (unsigned int i = 1 + below(most); i > 0; i--) {
		unsigned int usual = below(8) == 0 ? sizeof(commands) / sizeof(commands[0]) : 5;

		datagram_add_text(datagram, commands[below(usual)]);
		datagram_add_keys(datagram);
		datagram_add_text(datagram, below(32) == 0 ? " " : "");
		datagram_add_text(datagram, below(4) == 0 ? "\n" : "\r\n");
	}
	if (below(4) == 0)
		bytes[below((unsigned int)(datagram->length - from))] ^= (uint8_t)(1U << below(8));
	if (below(4) == 0)
		datagram->length -= below((unsigned int)(datagram->length - from));
}

static bool
request_has_words(const struct request *request)
{
	return request->action == REQUEST_ERROR || request->action == REQUEST_NOOP;
}

/*
 * Behind another command no shortcut is taken: what is read there is what must be read at a stream's
 * start, and of a datagram.
 */
static void
text_is_read_alike_behind_another_command(void)
{
	enum {
		BEFORE = sizeof("mn\r\n") - 1
	};
	static struct request one[REQUESTS + 1], two[REQUESTS], quick[REQUESTS];
	static struct datagram datagram;
	unsigned int taken_whole = 0;

	srandom(11211);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int room = 1 + below(REQUESTS), count_one = 0, count_two = 0,
			     count_quick = 0;
		struct stream stream_one = {.datagram = round % 2 == 0}, stream_two = stream_one;
		enum parse_result result_one, result_two;
		size_t consumed_one, consumed_two, length, taken;
		const uint8_t *bytes = datagram.bytes + BEFORE;

		memcpy(datagram.bytes, "mn\r\n", BEFORE);
		datagram_make_text(&datagram, BEFORE);
		length = datagram.length - BEFORE;
		if (*bytes == MAGIC_REQUEST)
			continue;
		result_one = requests_parse(&stream_one, &limits, datagram.bytes, datagram.length,
					    one, room + 1, &count_one, &consumed_one);
		result_two = requests_parse(&stream_two, &limits, bytes, length, two, room,
					    &count_two, &consumed_two);
		CU_ASSERT_EQUAL(result_one, result_two);
		CU_ASSERT_EQUAL(consumed_one, consumed_two + BEFORE);
		CU_ASSERT_EQUAL(stream_one.verb, stream_two.verb);
		CU_ASSERT_EQUAL_FATAL(count_one, count_two + 1);
		for (unsigned int i = 0; i < count_two; i++)
			CU_ASSERT(!request_has_words(&two[i]) || one[i + 1].text == two[i].text);
		requests_are_equal(one + 1, two, count_two);
		taken = requests_take_plain(&limits, bytes, length, quick, room, &count_quick);
		CU_ASSERT(taken == 0 || (taken == length && count_quick == count_two));
		CU_ASSERT(taken != 0 || count_quick == 0);
		requests_are_equal(quick, two, count_quick);
		taken_whole += taken != 0;
	}
	CU_ASSERT(taken_whole > ROUNDS / 4);
}

/* The search for a key's end looks at many bytes at once, and at none behind the last. */
static void
keys_of_every_length_end_where_they_end(void)
{
	static const uint8_t ends[] = {' ', '\r', '\n', '\0', '\t', 0x1f};

	for (size_t length = 0; length < 80; length++) {
		uint8_t *bytes = malloc(length + 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
		memset(bytes, 0xff, length + 1);
		CU_ASSERT_PTR_EQUAL(scan_control(bytes, bytes + length), bytes + length);
		for (size_t i = 0; i < sizeof(ends); i++) {
			memset(bytes, i % 2 == 0 ? 0x80 : '!', length);
			bytes[length] = ends[i];
			CU_ASSERT_PTR_EQUAL(scan_control(bytes, bytes + length + 1),
					    bytes + length);
			CU_ASSERT_PTR_EQUAL(scan_control(bytes, bytes + length), bytes + length);
		}
		free(bytes);
	}
}

static void
strangers_are_not_read(void)
{
	static struct request requests[REQUESTS];
	const struct parse_limits closed = {.users = (const struct user_list *)&closed};
	struct datagram datagram = {.length = 0};
	unsigned int count = 0;

	datagram_add(&datagram, BINARY_GET, 8);
	CU_ASSERT_EQUAL(requests_take_plain(&closed, datagram.bytes, datagram.length, requests,
					    REQUESTS, &count),
			0);
	CU_ASSERT_EQUAL(count, 0);
	datagram.length = 0;
	datagram_add_text(&datagram, "get a\r\n");
	CU_ASSERT_EQUAL(requests_take_plain(&closed, datagram.bytes, datagram.length, requests,
					    REQUESTS, &count),
			0);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT_EQUAL(requests_take_plain(&limits, datagram.bytes, 0, requests, REQUESTS, &count),
			0);
}

/* What lookups_read takes is what the codec reads; what it doesn't isn't all plain gets, or too long. */
static void
lookups_are_read_alike(void)
{
	static struct store_lookup lookups[REQUESTS];
	static struct request requests[REQUESTS];
	static struct datagram datagram;
	unsigned int taken = 0;

	srandom(11212);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int room = 1 + below(REQUESTS), count = 0, read, plain = 0;
		struct stream stream = {.datagram = true};
		enum parse_result result;
		size_t consumed;

		datagram_make(&datagram, round % 2 == 0);
		read = lookups_read(datagram.bytes, datagram.bytes + datagram.length, lookups,
				    room);
		result = requests_parse(&stream, &limits, datagram.bytes, datagram.length, requests,
					REQUESTS, &count, &consumed);
		for (unsigned int i = 0; i < count; i++)
			plain += requests[i].op.verb == STORE_GET &&
				 (requests[i].flags & REQUEST_WITH_KEY) == 0;
		CU_ASSERT_EQUAL(read != 0, result == PARSE_DONE && plain == count && count != 0 &&
						   count <= room);
		if (read == 0)
			continue;
		taken++;
		CU_ASSERT_EQUAL_FATAL(read, count);
		for (unsigned int i = 0; i < count; i++) {
			CU_ASSERT_PTR_EQUAL(lookups[i].key, requests[i].op.key);
			CU_ASSERT_EQUAL(lookups[i].key_length, requests[i].op.key_length);
			CU_ASSERT_EQUAL(lookups[i].opaque, requests[i].opaque);
			CU_ASSERT_EQUAL(lookups[i].verb, requests[i].verb);
		}
	}
	CU_ASSERT(taken > ROUNDS / 20);
}

/* --- replies ------------------------------------------------------------------------------- */

/* A place for a reply that is given out in pieces. */
struct paper {
	struct reply reply;
	uint8_t bytes[REPLY_MAX + 64];
	size_t piece;
};

static int
paper_extend(struct reply *reply)
{
	struct paper *paper = (struct paper *)(void *)reply;

	reply->limit = reply->cursor + paper->piece;
	return 0;
}

static void
paper_begin(struct paper *paper, size_t piece)
{
	paper->piece = piece;
	paper->reply.extend = paper_extend;
	paper->reply.refer = NULL;
	paper->reply.failed = false;
	paper->reply.cursor = paper->bytes;
	paper->reply.limit = paper->bytes + piece;
}

/*
 * A get, of binary or text, that has found what it may. plain: as requests_put_hits can answer it; of text
 * that is also one that found nothing.
 */
static void
request_make(struct request *request, const uint8_t *memory, bool text, bool plain)
{
	static const uint8_t opcodes[] = {BINARY_GET, BINARY_GETQ, BINARY_GETK, BINARY_GETKQ};
	unsigned int opcode = text ? 0 : opcodes[below(plain ? 2 : sizeof(opcodes))];

	request_begin_get(request, text ? PROTOCOL_TEXT : PROTOCOL_BINARY, memory,
			  1 + below(STORE_KEY_MAX));
	request->verb = (uint8_t)opcode;
	request->flags = text ? below(2) * REQUEST_LAST | below(2) * REQUEST_WITH_CAS
			      : binary_get_flags[opcode];
	request->opaque = (uint32_t)random();
	request->op.status = (text || !plain) && below(4) == 0 ? STORE_NOT_FOUND : STORE_OK;
	request->op.value = memory + below(8);
	request->op.value_length = below(plain ? TEXT_VALUE_SHORT + 1 : VALUE_MAX);
	request->op.item_key = memory + below(8);
	request->op.flags = (uint32_t)random() >> below(32);
	request->op.cas = (uint64_t)random() << 32 >> below(64);
}

/* What request_write makes of the requests, on paper without an end. */
static size_t
write_each(struct paper *paper, const struct request *requests, unsigned int count)
{
	paper_begin(paper, sizeof(paper->bytes));
	for (unsigned int i = 0; i < count; i++)
		request_write(&server, requests + i, &paper->reply);
	return (size_t)(paper->reply.cursor - paper->bytes);
}

static void
replies_are_those_of_the_codec(void)
{
	static uint8_t memory[2 * VALUE_MAX];
	static struct paper one, two;
	struct request requests[REQUESTS];

	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)random();
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int count = 1 + below(REQUESTS);
		bool plain = round % 2 == 0, text = round % 4 < 2;
		size_t length, room = text ? TEXT_VALUE_ROOM + STORE_KEY_MAX + TEXT_VALUE_SHORT : 0;
		uint8_t *end;

		for (unsigned int i = 0; i < count; i++)
			request_make(requests + i, memory, text, plain);
		length = write_each(&one, requests, count);
		paper_begin(&two, 1 + below(2000));
		requests_write(&server, requests, count, &two.reply);
		CU_ASSERT_EQUAL_FATAL(two.reply.cursor - two.bytes, (ptrdiff_t)length);
		CU_ASSERT_EQUAL(memcmp(one.bytes, two.bytes, length), 0);
		memset(two.bytes, 0, length);
		end = requests_put_hits(two.bytes, two.bytes + length + room, requests, count);
		CU_ASSERT(!plain || end != NULL);
		CU_ASSERT(end == NULL ||
			  (end == two.bytes + length && memcmp(one.bytes, two.bytes, length) == 0));
		CU_ASSERT_PTR_NULL(requests_put_hits(two.bytes, two.bytes + length - (length != 0),
						     requests, count));
	}
}

/* The head of a hit and its value are the codec's reply. */
static void
heads_are_those_of_the_codec(void)
{
	static uint8_t memory[2 * VALUE_MAX], bytes[LOOKUP_HEAD + VALUE_MAX];
	static struct paper paper;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct request request;
		struct store_lookup lookup;
		size_t length;

		request_make(&request, memory, false, true);
		lookup = (struct store_lookup){.verb = request.verb,
					       .opaque = request.opaque,
					       .value = request.op.value,
					       .value_length = request.op.value_length,
					       .flags = request.op.flags,
					       .cas = request.op.cas};
		length = write_each(&paper, &request, 1);
		CU_ASSERT_PTR_EQUAL(lookup_put_head(bytes, &lookup), bytes + LOOKUP_HEAD);
		memcpy(bytes + LOOKUP_HEAD, lookup.value, lookup.value_length);
		CU_ASSERT_EQUAL_FATAL(length, LOOKUP_HEAD + lookup.value_length);
		CU_ASSERT_EQUAL(memcmp(paper.bytes, bytes, length), 0);
	}
}

/* A text reply's pieces fail: the rest is not written. */
static int
paper_ends(struct reply *reply)
{
	(void)reply;
	return -1;
}

static void
nothing_is_written_after_a_failure(void)
{
	static const uint8_t memory[2 * VALUE_MAX];
	static struct paper paper;
	struct request requests[4];

	for (unsigned int i = 0; i < 4; i++)
		request_make(requests + i, memory, false, true);
	paper_begin(&paper, 40);
	paper.reply.extend = paper_ends;
	memset(paper.bytes, 0xaa, sizeof(paper.bytes));
	for (unsigned int i = 0; i < 4; i++)
		requests[i].op.value_length = 100;
	requests_write(&server, requests, 4, &paper.reply);
	CU_ASSERT_TRUE(paper.reply.failed);
	CU_ASSERT_EQUAL(paper.bytes[40], 0xaa);
}

SUITE("dataplane/proto/gets", TEST(datagrams_are_read_alike),
      TEST(text_is_read_alike_behind_another_command),
      TEST(keys_of_every_length_end_where_they_end), TEST(lookups_are_read_alike),
      TEST(strangers_are_not_read), TEST(replies_are_those_of_the_codec),
      TEST(heads_are_those_of_the_codec), TEST(nothing_is_written_after_a_failure))
