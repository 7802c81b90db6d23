/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A unique that a reply shows is the item's as long as it lives, wherever it is moved to: every command
 * that shows one must ask the store for that.
 */
#include "tests/proto/session.h"
#include "tests/suite.h"

#include "dataplane/proto/binary.h"

enum {
	MEMORY = 64 << 20,
	EXTRAS_MAX = 20,
};

static uint64_t
unique_of_k(struct session *session)
{
	struct store_op op = {.verb = STORE_GET, .key = (const uint8_t *)"k", .key_length = 1};

	store_do(session->server.store, &op);
	CU_ASSERT_EQUAL(op.status, STORE_OK);
	return op.cas;
}

/* A touch makes a copy of the item, as eviction may. True if it is known by the same unique after it. */
static bool
unique_lasts(struct session *session)
{
	uint64_t before = unique_of_k(session);
	struct store_op op = {
		.verb = STORE_TOUCH, .key = (const uint8_t *)"k", .key_length = 1, .exptime = 100};

	store_do(session->server.store, &op);
	CU_ASSERT_EQUAL(op.status, STORE_OK);
	return unique_of_k(session) == before;
}

static void
send_bytes(struct session *session, const void *bytes, size_t length)
{
	session_restart(session, false);
	session_feed(session, bytes, length, 0);
}

static void
send_text(struct session *session, const char *text)
{
	send_bytes(session, text, strlen(text));
}

static bool
lasts_after(struct session *session, const char *text)
{
	send_text(session, "set k 0 0 1\r\n1\r\n");
	send_text(session, text);
	return unique_lasts(session);
}

static void
text_commands(void)
{
	static const char *const tell[] = {
		"gets k\r\n",	     "gets  k\r\n",	     "gets x k\r\n",   "gats 0 k\r\n",
		"mg k c\r\n",	     "mg k c u\r\n",	     "mg k c v t\r\n", "mg k c T9\r\n",
		"ms k 1 c\r\nx\r\n", "ms k 1 c MA\r\n2\r\n", "ma k c\r\n",     "mg k c N9\r\n",
		"me k\r\n",
	};
	static const char *const do_not[] = {
		"get k\r\n",	"gat 0 k\r\n", "mg k v\r\n",	  "set k 0 0 1\r\n2\r\n",
		"incr k 1\r\n", "ma k v\r\n",  "ms k 1\r\nx\r\n",
	};
	struct session *session = calloc(1, sizeof(*session));

	CU_ASSERT_EQUAL_FATAL(session_open(session, MEMORY, SESSION_START), 0);
	for (size_t i = 0; i < sizeof(tell) / sizeof(tell[0]); i++)
		CU_ASSERT(lasts_after(session, tell[i]));
	for (size_t i = 0; i < sizeof(do_not) / sizeof(do_not[0]); i++)
		CU_ASSERT(!lasts_after(session, do_not[i]));
	session_close(session);
	free(session);
}

static bool
lasts_after_packet(struct session *session, uint8_t opcode, uint8_t extras, const char *value)
{
	struct {
		struct binary_header header;
		uint8_t rest[EXTRAS_MAX + 8];
	} packet = {.header = {.magic = MAGIC_REQUEST,
			       .opcode = opcode,
			       .key_length = htobe16(1),
			       .extras_length = extras,
			       .body_length = htobe32((uint32_t)(extras + 1 + strlen(value)))}};

	packet.rest[extras] = 'k';
	memcpy(packet.rest + extras + 1, value, strlen(value));
	send_bytes(session, &packet, sizeof(packet.header) + extras + 1 + strlen(value));
	return unique_lasts(session);
}

static void
binary_commands(void)
{
	static const struct {
		uint8_t opcode, extras;
		const char *value;
		bool tells;
	} commands[] = {
		{0x00, 0, "", true},   {0x09, 0, "", true},   {0x0c, 0, "", true},
		{0x0d, 0, "", true},   {0x01, 8, "2", true},  {0x11, 8, "2", false},
		{0x03, 8, "2", true},  {0x13, 8, "2", false}, {0x05, 20, "", true},
		{0x15, 20, "", false}, {0x0e, 0, "3", true},  {0x19, 0, "3", false},
		{0x1c, 4, "", true},   {0x1d, 4, "", true},   {0x1e, 4, "", true},
	};
	struct session *session = calloc(1, sizeof(*session));

	CU_ASSERT_EQUAL_FATAL(session_open(session, MEMORY, SESSION_START), 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		send_text(session, "set k 0 0 1\r\n1\r\n");
		CU_ASSERT_EQUAL(lasts_after_packet(session, commands[i].opcode, commands[i].extras,
						   commands[i].value),
				commands[i].tells);
	}
	send_text(session, "delete k\r\n");
	CU_ASSERT(lasts_after_packet(session, 0x02, 8, "2"));
	session_close(session);
	free(session);
}

SUITE("uniques", TEST(text_commands), TEST(binary_commands))
