/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way of a text set reads nothing that the long way reads differently. The long way is taken
 * by two spaces behind the command.
 */
#include "dataplane/proto/text_set.h"
#include "tests/proto/session.h"
#include "tests/suite.h"

enum {
	LINE_MAX = 512,
	VALUE_MAX = 1024, /* limits.item_size_max */
	MUTATIONS = 200000,
};

static const struct parse_limits limits = {.item_size_max = VALUE_MAX};

#define KEY_250                                                                                    \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	"kkkk"                                                                                     \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" \
	"kkkk"                                                                                     \
	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

/* What follows "set ". */
static const char *const good[] = {
	"k 0 0 1\r\nv\r\n",
	"k 0 0 0\r\n\r\n",
	"key 4294967295 4294967295 5\r\n\r\n\r\n\r\r\n",
	"k 007 00 03\r\nabc\r\n",
	"k 1 2 3 noreply\r\nabc\r\n",
	"k 0 0 1\r\nv\r\nget k\r\n",
	KEY_250 " 0 0 1\r\nv\r\n",
};

static const char *const other[] = {
	"",
	"k",
	"k 0 0 1",
	"k 0 0 1\r\n",
	"k 0 0 1\r\nv",
	"k 0 0 1\r\nv\r",
	"k 0 0 1\nv\r\n",
	"k 0 0 1\r\nv\n\n",
	"k 0 0 1\r\nvv\r\n",
	"k  0 0 1\r\nv\r\n",
	"k 0 0 1 \r\nv\r\n",
	"k 0 0 1 noreplY\r\nv\r\n",
	"k 0 0 1 noreply \r\nv\r\n",
	"k -1 0 1\r\nv\r\n",
	"k 0 -1 1\r\nv\r\n",
	"k 0 0 -1\r\nv\r\n",
	"k 0 0 +1\r\nv\r\n",
	"k 0 0 x\r\nv\r\n",
	"k 0 0\r\nv\r\n",
	"k 0 0 00000000001\r\nv\r\n",
	"k 0 0 9999999999\r\nv\r\n",
	"k 0 0 4294967297\r\nv\r\n",
	"k\t0 0 1\r\nv\r\n",
	" 0 0 1\r\nv\r\n",
	"k" KEY_250 " 0 0 1\r\nv\r\n",
};

static size_t
take(const char *rest, size_t length, struct request *request)
{
	uint8_t line[LINE_MAX] = "set ";

	memcpy(line + 4, rest, length);
	return (size_t)(text_take_set(&limits, line, line + 4 + length, request) - line);
}

/* The same by the long way; its request's pointers as if there were one space. */
static size_t
parse(const char *rest, size_t length, struct request *request)
{
	uint8_t line[LINE_MAX] = "set  ";
	struct stream stream = {.datagram = false};
	unsigned int count = 0;
	size_t consumed;

	memcpy(line + 5, rest, length);
	requests_parse(&stream, &limits, line, 5 + length, request, 1, &count, &consumed);
	return count == 1 && request->action == REQUEST_STORE ? consumed - 1 : 0;
}

/* True if the short way refuses, or both read the same. */
static bool
are_alike(const char *rest, size_t length)
{
	struct request one, two;
	size_t taken = take(rest, length, &one), consumed;

	if (taken == 0)
		return true;
	consumed = parse(rest, length, &two);
	return taken == consumed && one.protocol == two.protocol && one.action == two.action &&
	       one.flags == two.flags && one.verb == two.verb && one.op.verb == two.op.verb &&
	       one.op.options == two.op.options && one.op.key_length == two.op.key_length &&
	       one.op.data_length == two.op.data_length && one.op.flags == two.op.flags &&
	       one.op.exptime == two.op.exptime && one.op.reservation == two.op.reservation;
}

static void
good_ones_are_taken(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct request request;

		CU_ASSERT(take(good[i], strlen(good[i]), &request) != 0);
		CU_ASSERT(are_alike(good[i], strlen(good[i])));
	}
}

static void
others_are_left(void)
{
	char large[64];
	struct request request;

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		CU_ASSERT_EQUAL(take(other[i], strlen(other[i]), &request), 0);
	snprintf(large, sizeof(large), "k 0 0 %d\r\n", VALUE_MAX);
	CU_ASSERT_EQUAL(take(large, strlen(large), &request), 0);
}

static void
whatever_is_taken_is_read_alike(void)
{
	uint64_t random = 1;
	unsigned int taken = 0;

	for (unsigned int i = 0; i < MUTATIONS; i++) {
		const char *from = good[random_below(&random, sizeof(good) / sizeof(good[0]) - 1)];
		size_t length = strlen(from);
		char rest[LINE_MAX];
		struct request request;

		memcpy(rest, from, length);
		for (unsigned int k = random_below(&random, 3); k > 0; k--)
			rest[random_below(&random, (uint32_t)length)] =
				"0123456789 \r\n-kn\t\0\x80"[random_below(&random, 19)];
		if (random_below(&random, 4) == 0)
			length = random_below(&random, (uint32_t)length + 1);
		taken += take(rest, length, &request) != 0;
		CU_ASSERT(are_alike(rest, length));
	}
	CU_ASSERT(taken > MUTATIONS / 20);
}

static void
only_a_stored_set_is_answered(void)
{
	struct request request;
	uint8_t out[8];

	request_begin_set(&request, PROTOCOL_TEXT, (const uint8_t *)"k", 1, NULL, 0);
	request.op.status = STORE_OK;
	CU_ASSERT_PTR_EQUAL(text_put_stored(out, out + 8, &request), out + 8);
	CU_ASSERT(memcmp(out, "STORED\r\n", 8) == 0);
	CU_ASSERT_PTR_NULL(text_put_stored(out, out + 7, &request));
	request.op.status = STORE_EXISTS;
	CU_ASSERT_PTR_NULL(text_put_stored(out, out + 8, &request));
	request.op.status = STORE_OK;
	request.flags = REQUEST_QUIET;
	CU_ASSERT_PTR_NULL(text_put_stored(out, out + 8, &request));
}

SUITE("text set", TEST(good_ones_are_taken), TEST(others_are_left),
      TEST(whatever_is_taken_is_read_alike), TEST(only_a_stored_set_is_answered))
