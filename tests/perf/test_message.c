/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's side of the protocols: bytes of requests, answers whole and in pieces, and to which
 * request an answer belongs. */
#include "tests/suite.h"

#include <errno.h>
#include <string.h>

#include "perf/bench_flight.h"

enum {
	OPAQUE = 0x12345600,
};

static struct load load;
static struct meter meter;

static void
load_start(struct bench_options *options)
{
	char error[BENCH_ERROR_SIZE];
	char *argv[] = {"jackdaw-bench", "--keys", "1000", "--value-size", "3"};
	enum bench_action action;

	CU_ASSERT_EQUAL_FATAL(bench_options_read(options, &action, 5, argv, error), 0);
	CU_ASSERT_EQUAL_FATAL(load_init(&load, options, error), 0);
}

static struct workload_request
request_of(uint8_t op)
{
	return (struct workload_request){
		.op = op, .key = 7, .ttl = 60, .value_length = 3, .key_length = 16};
}

/* What is written for a request, with <key> and <value> put in by the test. */
static void
meta_is_written(void)
{
	static const struct {
		uint8_t op;
		const char *format;
	} cases[] = {
		{WORKLOAD_GET, "mg %s v O12345600\r\n"},
		{WORKLOAD_SET, "ms %s 3 T60 O12345600\r\n%s\r\n"},
		{WORKLOAD_ADD, "ms %s 3 T60 ME O12345600\r\n%s\r\n"},
		{WORKLOAD_CAS, "ms %s 3 T60 MR O12345600\r\n%s\r\n"},
		{WORKLOAD_DELETE, "md %s O12345600\r\n"},
		{WORKLOAD_INCR, "ma %s N0 J0 O12345600\r\n"},
	};
	struct bench_options options;

	load_start(&options);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct workload_request request = request_of(cases[i].op);
		char key[17 + MESSAGE_SLACK] = "", value[4] = "", want[256];
		uint8_t out[512];
		size_t length;

		load_write_key(&load, &request, (uint8_t *)key);
		key[16] = '\0';
		value_write(request.key, 3, (uint8_t *)value);
		snprintf(want, sizeof(want), cases[i].format, key, value);
		length = (size_t)(meta_write(&load, &request, 1, OPAQUE, out) - out);
		CU_ASSERT_EQUAL(length, strlen(want));
		CU_ASSERT_EQUAL(memcmp(out, want, strlen(want)), 0);
		CU_ASSERT(length <= request_size(&request));
	}
	load_release(&load);
}

static void
several_meta_commands_are_quiet_and_end_with_mn(void)
{
	struct workload_request requests[2] = {request_of(WORKLOAD_GET), request_of(WORKLOAD_GET)};
	struct bench_options options;
	uint8_t out[512];
	char text[513];
	size_t length;

	load_start(&options);
	length = (size_t)(meta_write(&load, requests, 2, OPAQUE, out) - out);
	memcpy(text, out, length);
	text[length] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " v O12345600 q\r\nmg "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " v O12345601 q\r\nmn\r\n"));
	load_release(&load);
}

struct reading {
	enum bench_protocol protocol;
	const char *bytes;
	ssize_t used; /* as answer_read */
	uint8_t kind;
	uint32_t value_length;
};

static const struct reading readings[] = {
	{BENCH_META, "VA 3 O12345601\r\nabc\r\n", 21, ANSWER_VALUE, 3},
	{BENCH_META, "VA 0\r\n\r\n", 8, ANSWER_VALUE, 0},
	{BENCH_META, "EN\r\nHD\r\n", 4, ANSWER_MISS, 0},
	{BENCH_META, "HD O1\r\n", 7, ANSWER_DONE, 0},
	{BENCH_META, "NS O1\r\n", 7, ANSWER_NOT_DONE, 0},
	{BENCH_META, "NF\r\n", 4, ANSWER_NOT_DONE, 0},
	{BENCH_META, "MN\r\n", 4, ANSWER_END, 0},
	{BENCH_META, "SERVER_ERROR out of memory storing object\r\n", 43, ANSWER_NO_MEMORY, 0},
	{BENCH_META, "CLIENT_ERROR bad data chunk\r\n", 29, ANSWER_REFUSED, 0},
	{BENCH_META, "VA 3\r\nabcde", -EPROTO, 0, 0},
	{BENCH_META, "VA x\r\n", -EPROTO, 0, 0},
	{BENCH_META, "VA 99999999999999999999\r\n", -EPROTO, 0, 0},
	{BENCH_META, "HDX\r\n", -EPROTO, 0, 0},
	{BENCH_META, "\r\n", -EPROTO, 0, 0},
	{BENCH_TEXT, "VALUE k 0 3\r\nabc\r\n", 18, ANSWER_VALUE, 3},
	{BENCH_TEXT, "VALUE k 0 3\r\nabcd\r", -EPROTO, 0, 0},
	{BENCH_TEXT, "END\r\n", 5, ANSWER_END, 0},
	{BENCH_TEXT, "17\r\n", 4, ANSWER_DONE, 0},
	{BENCH_TEXT, "NOT_STORED\r\n", 12, ANSWER_NOT_DONE, 0},
	{BENCH_TEXT, "SERVER_ERROR object too large for cache\r\n", 41, ANSWER_REFUSED, 0},
	{BENCH_TEXT, "STORED!\r\n", -EPROTO, 0, 0},
	{BENCH_REDIS, "$3\r\nabc\r\n", 9, ANSWER_VALUE, 3},
	{BENCH_REDIS, "$-1\r\n", 5, ANSWER_MISS, 0},
	{BENCH_REDIS, "-OOM command not allowed\r\n", 26, ANSWER_NO_MEMORY, 0},
	{BENCH_REDIS, "?\r\n", -EPROTO, 0, 0},
};

static void
answers_are_read_whole_or_not_at_all(void)
{
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		const struct reading *reading = &readings[i];
		struct answer answer;
		ssize_t used = answer_read(reading->protocol, (const uint8_t *)reading->bytes,
					   strlen(reading->bytes), &answer);

		CU_ASSERT_EQUAL(used, reading->used);
		if (used != reading->used)
			fprintf(stderr, "%s: %zd\n", reading->bytes, used);
		if (reading->used < 0)
			continue;
		CU_ASSERT_EQUAL(answer.kind, reading->kind);
		CU_ASSERT_EQUAL(answer.value_length, reading->value_length);
		for (size_t length = 0; length < (size_t)reading->used; length++) {
			CU_ASSERT_EQUAL(answer_read(reading->protocol,
						    (const uint8_t *)reading->bytes, length,
						    &answer),
					0);
		}
	}
}

/* --- whose answer it is ------------------------------------------------------------------- */

static void
flight_start(struct flight *flight, struct bench_options *options, enum bench_protocol protocol,
	     unsigned int width)
{
	load_start(options);
	memset(&meter, 0, sizeof(meter));
	options->protocol = protocol;
	options->width = width;
	options->verify = true;
	CU_ASSERT_EQUAL_FATAL(flight_init(flight, options, &load, &meter, 2, UINT32_MAX), 0);
	CU_ASSERT(flight_draw(flight, 0, 1));
}

static void
flight_end(struct flight *flight)
{
	flight_release(flight);
	load_release(&load);
}

/* A meta hit for request `which` of slot 0, of the message `age` messages before. */
static bool
meta_hit(struct flight *flight, unsigned int which, unsigned int age, bool wrong)
{
	const struct workload_request *request = &flight_requests(flight, 0)[which];
	uint32_t opaque = (flight->slots[0].opaque - (age << 8)) | which;
	char bytes[64];
	size_t start;

	snprintf(bytes, sizeof(bytes), "VA 3 O%08x\r\n", opaque);
	start = strlen(bytes);
	value_write(request->key, 3, (uint8_t *)bytes + start);
	bytes[start] = (char)(bytes[start] + wrong);
	memcpy(bytes + start + 3, "\r\n", 2);
	return flight_take(flight, 0, (const uint8_t *)bytes, start + 5, 10);
}

static bool
take_text(struct flight *flight, const char *text)
{
	return flight_take(flight, 0, (const uint8_t *)text, strlen(text), 10);
}

static void
a_meta_message_ends_with_its_answer(void)
{
	struct bench_options options;
	struct flight flight;

	flight_start(&flight, &options, BENCH_META, 1);
	CU_ASSERT_FALSE(meta_hit(&flight, 0, 1, false));
	CU_ASSERT_EQUAL(meter.late, 1);
	CU_ASSERT(meta_hit(&flight, 0, 0, false));
	CU_ASSERT_EQUAL(meter.hits, 1);
	CU_ASSERT_EQUAL(meter.wrong, 0);
	CU_ASSERT_FALSE(meta_hit(&flight, 0, 0, false)); /* again: nobody waits for it */
	CU_ASSERT(flight_draw(&flight, 0, 1));
	CU_ASSERT(take_text(&flight, "EN\r\n"));
	CU_ASSERT_EQUAL(meter.misses, 1);
	CU_ASSERT(flight_draw(&flight, 0, 1));
	CU_ASSERT(meta_hit(&flight, 0, 0, true));
	CU_ASSERT_EQUAL(meter.wrong, 1);
	CU_ASSERT_EQUAL(meter.messages, 3);
	flight_end(&flight);
}

static void
silence_is_a_miss_in_a_meta_message_of_several(void)
{
	struct bench_options options;
	struct flight flight;

	flight_start(&flight, &options, BENCH_META, 4);
	CU_ASSERT_EQUAL(flight.slots[0].count, 4);
	CU_ASSERT_FALSE(meta_hit(&flight, 2, 0, false));
	CU_ASSERT_FALSE(meta_hit(&flight, 0, 0, false));
	CU_ASSERT(take_text(&flight, "MN\r\n"));
	CU_ASSERT_EQUAL(meter.hits, 2);
	CU_ASSERT_EQUAL(meter.misses, 2);
	CU_ASSERT_EQUAL(meter.requests, 4);
	CU_ASSERT(flight_draw(&flight, 0, 1));
	CU_ASSERT_FALSE(take_text(&flight, "SERVER_ERROR out of memory\r\n"));
	CU_ASSERT(take_text(&flight, "MN\r\n"));
	CU_ASSERT_EQUAL(meter.out_of_memory, 1);
	CU_ASSERT_EQUAL(meter.misses, 5);
	flight_end(&flight);
}

/* An answer that names a request beyond the message is none of its answers. */
static void
an_answer_to_no_request_is_wrong(void)
{
	struct bench_options options;
	struct flight flight;
	char bytes[32];

	flight_start(&flight, &options, BENCH_META, 2);
	snprintf(bytes, sizeof(bytes), "HD O%08x\r\n", flight.slots[0].opaque | 9);
	CU_ASSERT_FALSE(take_text(&flight, bytes));
	CU_ASSERT_EQUAL(meter.wrong, 1);
	CU_ASSERT_EQUAL(meter.stored, 0);
	CU_ASSERT_FALSE(take_text(&flight, "nonsense\r\n"));
	CU_ASSERT_EQUAL(meter.malformed, 1);
	flight_end(&flight);
}

static void
a_text_get_of_several_ends_with_end(void)
{
	struct bench_options options;
	struct flight flight;
	char bytes[64 + MESSAGE_SLACK] = "VALUE ";
	const struct workload_request *request;

	flight_start(&flight, &options, BENCH_TEXT, 3);
	request = &flight_requests(&flight, 0)[1];
	load_write_key(&load, request, (uint8_t *)bytes + 6);
	memcpy(bytes + 22, " 0 3\r\n", 6);
	value_write(request->key, 3, (uint8_t *)bytes + 28);
	memcpy(bytes + 31, "\r\nEND\r\n", 8);
	CU_ASSERT(take_text(&flight, bytes));
	CU_ASSERT_EQUAL(meter.hits, 1);
	CU_ASSERT_EQUAL(meter.misses, 2);
	CU_ASSERT_EQUAL(meter.wrong, 0);
	flight_end(&flight);
}

static void
gets_of_a_message_are_as_each_alone(void)
{
	struct workload_request requests[4];
	uint8_t out[256] = {0}, want[256] = {0}, *end, *at = want;
	struct bench_options options;

	load_start(&options);
	load_next_gets(&load, requests, 4);
	requests[3].key = UINT32_MAX - 1; /* all six digits */
	for (unsigned int i = 0; i < 4; i++)
		at = binary_write(&load, &requests[i], i < 3, OPAQUE | i, at);
	end = binary_write_gets(&load, requests, 4, OPAQUE, out);
	CU_ASSERT_EQUAL(end - out, at - want);
	CU_ASSERT_EQUAL(memcmp(out, want, (size_t)(at - want)), 0);
	workload_key(requests[3].key, requests[3].key_length, want);
	CU_ASSERT_EQUAL(memcmp(end - requests[3].key_length, want, requests[3].key_length), 0);
	load_release(&load);
}

/* Writes the hits that answer a flight's message of GETs; their end. */
static uint8_t *
put_hits(const struct flight *flight, uint8_t *out)
{
	const struct slot *slot = &flight->slots[0];

	for (unsigned int i = 0; i < slot->count; i++) {
		uint32_t length = flight_requests(flight, 0)[i].value_length;
		uint64_t start = binary_start(0x81, i + 1u < slot->count ? 0x09 : 0x00, 0, 4);
		uint64_t middle = binary_middle(4 + length, slot->opaque | i);

		memset(out, 0, BINARY_HEADER + 4 + length);
		memcpy(out, &start, sizeof(start));
		memcpy(out + 8, &middle, sizeof(middle));
		out += BINARY_HEADER + 4 + length;
	}
	return out;
}

static void
hits_of_a_message_are_taken_at_a_glance_or_one_by_one(void)
{
	struct bench_options options;
	struct flight flight;
	uint8_t bytes[512], *end;
	size_t first;

	flight_start(&flight, &options, BENCH_BINARY, 3);
	end = put_hits(&flight, bytes);
	CU_ASSERT(binary_are_hits(bytes, (size_t)(end - bytes), flight_requests(&flight, 0), 3,
				  flight.slots[0].opaque));
	CU_ASSERT_FALSE(binary_are_hits(bytes, (size_t)(end - bytes) - 1,
					flight_requests(&flight, 0), 3, flight.slots[0].opaque));
	CU_ASSERT(flight_take(&flight, 0, bytes, (size_t)(end - bytes), 2));
	CU_ASSERT_EQUAL(meter.hits, 3);
	CU_ASSERT(flight_draw(&flight, 0, 3));
	end = put_hits(&flight, bytes); /* of a message whose first GET missed */
	first = BINARY_HEADER + 4 + flight_requests(&flight, 0)->value_length;
	CU_ASSERT(flight_take(&flight, 0, bytes + first, (size_t)(end - bytes) - first, 4));
	CU_ASSERT_EQUAL(meter.hits, 5);
	CU_ASSERT_EQUAL(meter.misses, 1);
	CU_ASSERT_EQUAL(meter.requests, 6);
	flight_end(&flight);
}

SUITE("messages of the load generator", TEST(meta_is_written),
      TEST(several_meta_commands_are_quiet_and_end_with_mn),
      TEST(answers_are_read_whole_or_not_at_all), TEST(a_meta_message_ends_with_its_answer),
      TEST(silence_is_a_miss_in_a_meta_message_of_several), TEST(an_answer_to_no_request_is_wrong),
      TEST(a_text_get_of_several_ends_with_end), TEST(gets_of_a_message_are_as_each_alone),
      TEST(hits_of_a_message_are_taken_at_a_glance_or_one_by_one))
