/* SPDX-License-Identifier: BSD-3-Clause */
/* The binary protocol, opcode by opcode: what is right, what is wrong, and what can be cut. */
#include <endian.h>

#include "dataplane/proto/binary.h"
#include "tests/proto/session.h"
#include "tests/suite.h"

enum {
	MEMORY = 64 << 20,
	OPAQUE = 0x12345678,
};

/* A request: what of it is not given is empty. */
struct ask {
	uint8_t opcode;
	const char *extras;
	uint8_t extras_length;
	const char *key, *value;
	uint64_t cas;
	size_t value_length; /* 0: strlen(value) */
};

static size_t
length_of(const char *text)
{
	return text == NULL ? 0 : strlen(text);
}

static void
packet_add(struct bytes *out, const struct ask *ask)
{
	size_t key = length_of(ask->key);
	size_t value = ask->value_length != 0 ? ask->value_length : length_of(ask->value);
	struct binary_header header = {
		.magic = MAGIC_REQUEST,
		.opcode = ask->opcode,
		.key_length = htobe16((uint16_t)key),
		.extras_length = ask->extras_length,
		.body_length = htobe32((uint32_t)(ask->extras_length + key + value)),
		.opaque = htobe32(OPAQUE),
		.cas = htobe64(ask->cas),
	};

	bytes_add(out, &header, sizeof(header));
	bytes_add(out, ask->extras, ask->extras_length);
	bytes_add(out, ask->key, key);
	if (ask->value_length == 0) {
		bytes_add(out, ask->value, value);
		return;
	}
	bytes_make_room(out, value);
	memset(out->start + out->length, 'x', value);
	out->length += value;
}

/* One reply of those in the session's output, taken apart. */
struct answer {
	bool there;
	struct binary_header header; /* in host order */
	const uint8_t *body;
};

static struct answer
answer_at(const struct session *session, unsigned int index)
{
	const uint8_t *at = session->out.start, *end = at + session->out.length;
	struct answer answer = {0};

	for (;; index--) {
		if ((size_t)(end - at) < sizeof(answer.header))
			return (struct answer){0};
		memcpy(&answer.header, at, sizeof(answer.header));
		answer.header.key_length = be16toh(answer.header.key_length);
		answer.header.status = be16toh(answer.header.status);
		answer.header.body_length = be32toh(answer.header.body_length);
		answer.header.opaque = be32toh(answer.header.opaque);
		answer.header.cas = be64toh(answer.header.cas);
		answer.body = at + sizeof(answer.header);
		if (index == 0)
			break;
		at = answer.body + answer.header.body_length;
	}
	answer.there = (size_t)(end - answer.body) >= answer.header.body_length;
	return answer;
}

static struct answer
put(struct session *session, const struct ask *ask)
{
	struct bytes asked = {0};

	packet_add(&asked, ask);
	session_restart(session, false);
	session_feed(session, asked.start, asked.length, 0);
	bytes_free(&asked);
	return answer_at(session, 0);
}

#define PUT(session, op, ...) put(session, &(struct ask){.opcode = (op), ##__VA_ARGS__})

/* True if it is a status with this body, echoing opcode and opaque. */
static bool
says(struct answer answer, uint8_t opcode, enum binary_status status, const char *body,
     size_t length)
{
	return answer.there && answer.header.magic == MAGIC_REPLY &&
	       answer.header.opcode == opcode && answer.header.opaque == OPAQUE &&
	       answer.header.status == status && answer.header.body_length == length &&
	       memcmp(answer.body, body, length) == 0;
}

#define SAYS(answer, opcode, status, body) says(answer, opcode, status, body, sizeof(body) - 1)

static struct session *
open_session(void)
{
	struct session *session = malloc(sizeof(*session));

	CU_ASSERT_FATAL(session != NULL && session_open(session, MEMORY, SESSION_START) == 0);
	return session;
}

static void
close_session(struct session *session)
{
	session_close(session);
	free(session);
}

#define FLAGS5	   "\0\0\0\5"
#define STORE5	   FLAGS5 "\0\0\0\0"
#define STORING	   .extras = STORE5, .extras_length = 8
#define TOUCHING   .extras = "\0\0\0\0", .extras_length = 4
#define NOT_FOUND  "Not found"
#define EXISTS	   "Data exists for key."
#define INVALID	   "Invalid arguments"
#define NOT_STORED "Not stored."

/* --- reading ------------------------------------------------------------------------------ */

static void
get_and_its_forms_answer(void)
{
	struct session *session = open_session();
	struct answer answer;

	PUT(session, 0x01, STORING, .key = "k", .value = "v");
	for (uint8_t opcode = 0; opcode <= 9; opcode += 9) {
		answer = PUT(session, opcode, .key = "k");
		CU_ASSERT(SAYS(answer, opcode, STATUS_OK, FLAGS5 "v"));
		CU_ASSERT(answer.header.cas != 0 && answer.header.extras_length == 4);
		CU_ASSERT(answer.header.key_length == 0);
	}
	for (uint8_t opcode = 0x0c; opcode <= 0x0d; opcode++) {
		answer = PUT(session, opcode, .key = "k");
		CU_ASSERT(SAYS(answer, opcode, STATUS_OK, FLAGS5 "kv"));
		CU_ASSERT(answer.header.key_length == 1);
	}
	CU_ASSERT(session->stats.get_hits == 4 && session->stats.cmd_get == 4);
	close_session(session);
}

static void
get_and_its_forms_miss(void)
{
	struct session *session = open_session();
	struct answer answer;

	CU_ASSERT(SAYS(PUT(session, 0x00, .key = "k"), 0x00, STATUS_NOT_FOUND, NOT_FOUND));
	answer = PUT(session, 0x0c, .key = "key");
	CU_ASSERT(SAYS(answer, 0x0c, STATUS_NOT_FOUND, "key") && answer.header.key_length == 3);
	CU_ASSERT(!PUT(session, 0x09, .key = "k").there);
	CU_ASSERT(!PUT(session, 0x0d, .key = "k").there);
	CU_ASSERT(session->stats.get_misses == 4);
	CU_ASSERT(SAYS(PUT(session, 0x00), 0x00, STATUS_INVALID, INVALID) && session->closed);
	CU_ASSERT(SAYS(PUT(session, 0x00, TOUCHING, .key = "k"), 0x00, STATUS_INVALID, INVALID));
	CU_ASSERT(
		SAYS(PUT(session, 0x0c, .key = "k", .value = "v"), 0x0c, STATUS_INVALID, INVALID));
	close_session(session);
}

static void
touch_and_gat_answer(void)
{
	static const uint8_t gats[] = {0x1d, 0x1e}, gatks[] = {0x23, 0x24};
	struct session *session = open_session();
	struct answer answer;

	PUT(session, 0x01, STORING, .key = "k", .value = "v");
	answer = PUT(session, 0x1c, TOUCHING, .key = "k");
	CU_ASSERT(SAYS(answer, 0x1c, STATUS_OK, FLAGS5) && answer.header.extras_length == 4);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT(SAYS(PUT(session, gats[i], TOUCHING, .key = "k"), gats[i], STATUS_OK,
			       FLAGS5 "v"));
		CU_ASSERT(SAYS(PUT(session, gatks[i], TOUCHING, .key = "k"), gatks[i], STATUS_OK,
			       FLAGS5 "kv"));
	}
	CU_ASSERT(
		SAYS(PUT(session, 0x1c, TOUCHING, .key = "m"), 0x1c, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(
		SAYS(PUT(session, 0x1d, TOUCHING, .key = "m"), 0x1d, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(SAYS(PUT(session, 0x23, TOUCHING, .key = "m"), 0x23, STATUS_NOT_FOUND, "m"));
	CU_ASSERT(!PUT(session, 0x1e, TOUCHING, .key = "m").there);
	CU_ASSERT(!PUT(session, 0x24, TOUCHING, .key = "m").there);
	CU_ASSERT(SAYS(PUT(session, 0x1c, .key = "k"), 0x1c, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x1d, .key = "k"), 0x1d, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x1d, TOUCHING), 0x1d, STATUS_INVALID, INVALID));
	CU_ASSERT(session->stats.cmd_touch == 10 && session->stats.touch_hits == 5);
	close_session(session);
}

/* --- storing ------------------------------------------------------------------------------ */

static void
storage_opcodes_store_on_their_condition(void)
{
	struct session *session = open_session();
	struct answer answer = PUT(session, 0x02, STORING, .key = "k", .value = "v");

	CU_ASSERT(SAYS(answer, 0x02, STATUS_OK, "") && answer.header.cas != 0);
	CU_ASSERT(SAYS(PUT(session, 0x02, STORING, .key = "k"), 0x02, STATUS_EXISTS, EXISTS));
	CU_ASSERT(SAYS(PUT(session, 0x03, STORING, .key = "k", .value = "w"), 0x03, STATUS_OK, ""));
	CU_ASSERT(SAYS(PUT(session, 0x03, STORING, .key = "m"), 0x03, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(SAYS(PUT(session, 0x0e, .key = "k", .value = ">"), 0x0e, STATUS_OK, ""));
	CU_ASSERT(SAYS(PUT(session, 0x0f, .key = "k", .value = "<"), 0x0f, STATUS_OK, ""));
	CU_ASSERT(SAYS(PUT(session, 0x0e, .key = "m", .value = ">"), 0x0e, STATUS_NOT_STORED,
		       NOT_STORED));
	CU_ASSERT(SAYS(PUT(session, 0x0f, .key = "m", .value = "<"), 0x0f, STATUS_NOT_STORED,
		       NOT_STORED));
	CU_ASSERT(SAYS(PUT(session, 0x00, .key = "k"), 0x00, STATUS_OK, FLAGS5 "<w>"));
	close_session(session);
}

static void
quiet_storage_is_silent_but_for_errors(void)
{
	struct session *session = open_session();

	CU_ASSERT(!PUT(session, 0x11, STORING, .key = "k", .value = "v").there);
	CU_ASSERT(!PUT(session, 0x12, STORING, .key = "l", .value = "v").there);
	CU_ASSERT(!PUT(session, 0x13, STORING, .key = "k", .value = "v").there);
	CU_ASSERT(!PUT(session, 0x19, .key = "k", .value = "v").there);
	CU_ASSERT(!PUT(session, 0x1a, .key = "k", .value = "v").there);
	CU_ASSERT(!PUT(session, 0x14, .key = "l").there);
	CU_ASSERT(SAYS(PUT(session, 0x12, STORING, .key = "k"), 0x12, STATUS_EXISTS, EXISTS));
	CU_ASSERT(SAYS(PUT(session, 0x13, STORING, .key = "m"), 0x13, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(SAYS(PUT(session, 0x19, .key = "m"), 0x19, STATUS_NOT_STORED, NOT_STORED));
	CU_ASSERT(SAYS(PUT(session, 0x1a, .key = "m"), 0x1a, STATUS_NOT_STORED, NOT_STORED));
	CU_ASSERT(SAYS(PUT(session, 0x14, .key = "m"), 0x14, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(SAYS(PUT(session, 0x11, STORING), 0x11, STATUS_INVALID, INVALID));
	close_session(session);
}

static void
a_unique_in_the_header_is_compared(void)
{
	struct session *session = open_session();
	uint64_t unique = PUT(session, 0x01, STORING, .key = "k", .value = "v").header.cas;

	/* add and replace with a unique are compare-and-swap as well */
	for (uint8_t opcode = 1; opcode <= 3; opcode++) {
		struct answer answer;

		CU_ASSERT(SAYS(PUT(session, opcode, STORING, .key = "k", .cas = unique + 99),
			       opcode, STATUS_EXISTS, EXISTS));
		CU_ASSERT(SAYS(PUT(session, opcode, STORING, .key = "m", .cas = unique), opcode,
			       STATUS_NOT_FOUND, NOT_FOUND));
		answer = PUT(session, opcode, STORING, .key = "k", .cas = unique);
		CU_ASSERT(SAYS(answer, opcode, STATUS_OK, "") && answer.header.cas != unique);
		unique = answer.header.cas;
	}
	CU_ASSERT(session->stats.cas_hits == 3 && session->stats.cas_misses == 3 &&
		  session->stats.cas_badval == 3);
	CU_ASSERT(SAYS(PUT(session, 0x0e, .key = "k", .value = "v", .cas = unique + 99), 0x0e,
		       STATUS_EXISTS, EXISTS));
	CU_ASSERT(SAYS(PUT(session, 0x04, .key = "k", .cas = unique + 99), 0x04, STATUS_EXISTS,
		       EXISTS));
	CU_ASSERT(SAYS(PUT(session, 0x04, .key = "k", .cas = unique), 0x04, STATUS_OK, ""));
	close_session(session);
}

static void
storage_opcodes_refuse_wrong_bodies(void)
{
	struct session *session = open_session();
	char key[252];

	memset(key, 'k', 251);
	key[251] = '\0';
	for (uint8_t opcode = 1; opcode <= 3; opcode++) {
		CU_ASSERT(SAYS(PUT(session, opcode, .key = "k", .value = "v"), opcode,
			       STATUS_INVALID, INVALID) &&
			  session->closed);
		CU_ASSERT(SAYS(PUT(session, opcode, STORING, .key = key), opcode, STATUS_INVALID,
			       INVALID));
	}
	CU_ASSERT(SAYS(PUT(session, 0x0e, STORING, .key = "k", .value = "v"), 0x0e, STATUS_INVALID,
		       INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x04, STORING, .key = "k"), 0x04, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x04), 0x04, STATUS_INVALID, INVALID));
	close_session(session);
}

static void
a_value_too_large_is_swallowed(void)
{
	struct session *session = open_session();

	CU_ASSERT(SAYS(PUT(session, 0x02, .extras = "\0\0\0\0\0\0\0\0", .extras_length = 8,
			   .key = "a", .value_length = 1048516),
		       0x02, STATUS_OK, ""));
	CU_ASSERT(SAYS(PUT(session, 0x02, STORING, .key = "k", .value_length = 1048513), 0x02,
		       STATUS_TOO_LARGE, "Too large.") &&
		  !session->closed);
	PUT(session, 0x01, STORING, .key = "k", .value = "v");
	CU_ASSERT(SAYS(PUT(session, 0x0e, .key = "k", .value_length = 1048517), 0x0e,
		       STATUS_TOO_LARGE, "Too large."));
	CU_ASSERT(SAYS(PUT(session, 0x0e, .key = "k", .value_length = 1048512), 0x0e,
		       STATUS_NOT_STORED, NOT_STORED));
	CU_ASSERT(SAYS(PUT(session, 0x00, .key = "k"), 0x00, STATUS_OK, FLAGS5 "v"));
	CU_ASSERT(SAYS(PUT(session, 0x11, STORING, .key = "k", .value_length = 1048513), 0x11,
		       STATUS_TOO_LARGE, "Too large."));
	CU_ASSERT(SAYS(PUT(session, 0x00, .key = "k"), 0x00, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(session->stats.store_too_large >= 3);
	close_session(session);
}

/* --- counting ----------------------------------------------------------------------------- */

#define ONE	 "\0\0\0\0\0\0\0\1"
#define SEVEN	 "\0\0\0\0\0\0\0\7"
#define CREATING .extras = ONE SEVEN "\0\0\0\0", .extras_length = 20
#define COUNTING .extras = ONE SEVEN "\xff\xff\xff\xff", .extras_length = 20

static void
counters_count_and_are_created(void)
{
	struct session *session = open_session();
	struct answer answer;

	for (uint8_t opcode = 5; opcode <= 6; opcode++)
		CU_ASSERT(SAYS(PUT(session, opcode, COUNTING, .key = "n"), opcode, STATUS_NOT_FOUND,
			       NOT_FOUND));
	answer = PUT(session, 0x05, CREATING, .key = "n");
	CU_ASSERT(SAYS(answer, 0x05, STATUS_OK, SEVEN) && answer.header.cas != 0);
	CU_ASSERT(session->stats.incr_hits == 0 && session->stats.incr_misses == 1);
	CU_ASSERT(SAYS(PUT(session, 0x05, COUNTING, .key = "n"), 0x05, STATUS_OK,
		       "\0\0\0\0\0\0\0\x8"));
	CU_ASSERT(SAYS(PUT(session, 0x06, COUNTING, .key = "n"), 0x06, STATUS_OK, SEVEN));
	CU_ASSERT(!PUT(session, 0x15, COUNTING, .key = "n").there);
	CU_ASSERT(!PUT(session, 0x16, COUNTING, .key = "n").there);
	CU_ASSERT(SAYS(PUT(session, 0x00, .key = "n"), 0x00, STATUS_OK, "\0\0\0\0007"));
	CU_ASSERT(SAYS(PUT(session, 0x05, COUNTING, .key = "n", .cas = answer.header.cas), 0x05,
		       STATUS_EXISTS, EXISTS));
	PUT(session, 0x01, STORING, .key = "n", .value = "x");
	CU_ASSERT(SAYS(PUT(session, 0x05, COUNTING, .key = "n"), 0x05, STATUS_NOT_A_NUMBER,
		       "Non-numeric server-side value for incr or decr"));
	CU_ASSERT(
		SAYS(PUT(session, 0x15, COUNTING, .key = "m"), 0x15, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(SAYS(PUT(session, 0x16, .key = "n"), 0x16, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x06, COUNTING, .key = "n", .value = "v"), 0x06, STATUS_INVALID,
		       INVALID));
	close_session(session);
}

/* --- the server --------------------------------------------------------------------------- */

static void
noop_version_and_quit_answer(void)
{
	struct session *session = open_session();

	CU_ASSERT(SAYS(PUT(session, 0x0a), 0x0a, STATUS_OK, "") && !session->closed);
	CU_ASSERT(SAYS(PUT(session, 0x0b), 0x0b, STATUS_OK, "1.6.18"));
	CU_ASSERT(SAYS(PUT(session, 0x07), 0x07, STATUS_OK, "") && session->closed);
	CU_ASSERT(!PUT(session, 0x17).there && session->closed);
	CU_ASSERT(SAYS(PUT(session, 0x0a, .key = "k"), 0x0a, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x0b, .value = "v"), 0x0b, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x07, .key = "k"), 0x07, STATUS_INVALID, INVALID));
	close_session(session);
}

static void
flush_empties(void)
{
	struct session *session = open_session();

	PUT(session, 0x01, STORING, .key = "k", .value = "v");
	CU_ASSERT(SAYS(PUT(session, 0x08), 0x08, STATUS_OK, ""));
	CU_ASSERT(SAYS(PUT(session, 0x00, .key = "k"), 0x00, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(SAYS(PUT(session, 0x08, TOUCHING), 0x08, STATUS_OK, ""));
	CU_ASSERT(!PUT(session, 0x18).there);
	CU_ASSERT(SAYS(PUT(session, 0x08, STORING), 0x08, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x18, .key = "k"), 0x18, STATUS_INVALID, INVALID));
	CU_ASSERT(session->stats.cmd_flush == 3);
	close_session(session);
}

static void
stat_sends_a_packet_each(void)
{
	struct session *session = open_session();
	struct answer answer = PUT(session, 0x10);

	CU_ASSERT(SAYS(answer, 0x10, STATUS_OK, "pid7") && answer.header.key_length == 3);
	CU_ASSERT(SAYS(answer_at(session, 1), 0x10, STATUS_OK, "version1.6.18"));
	CU_ASSERT(SAYS(answer_at(session, 2), 0x10, STATUS_OK, ""));
	CU_ASSERT(SAYS(PUT(session, 0x10, .key = "items"), 0x10, STATUS_OK, ""));
	CU_ASSERT(SAYS(PUT(session, 0x10, .key = "foo"), 0x10, STATUS_NOT_FOUND, NOT_FOUND));
	PUT(session, 0x00, .key = "k");
	CU_ASSERT(SAYS(PUT(session, 0x10, .key = "reset"), 0x10, STATUS_OK, ""));
	CU_ASSERT(session->stats.cmd_get == 0);
	PUT(session, 0x00, .key = "k");
	CU_ASSERT(SAYS(PUT(session, 0x10, .key = "resetting"), 0x10, STATUS_OK, ""));
	CU_ASSERT(session->stats.cmd_get == 0);
	CU_ASSERT(SAYS(PUT(session, 0x10, .key = "rese"), 0x10, STATUS_NOT_FOUND, NOT_FOUND));
	PUT(session, 0x10, .key = "settingsx");
	CU_ASSERT(session->request[0].text_length == strlen("settings"));
	PUT(session, 0x10, .key = "detail only");
	CU_ASSERT(session->request[0].text_length == strlen("detail on"));
	PUT(session, 0x10, .key = "itemsx");
	CU_ASSERT(session->request[0].text_length == strlen("itemsx"));
	CU_ASSERT(SAYS(PUT(session, 0x10, TOUCHING), 0x10, STATUS_INVALID, INVALID));
	close_session(session);
}

static void
without_sasl_its_opcodes_are_unknown(void)
{
	struct session *session = open_session();

	CU_ASSERT(SAYS(PUT(session, 0x20), 0x20, STATUS_UNKNOWN_COMMAND, "Unknown command"));
	CU_ASSERT(SAYS(PUT(session, 0x21, .key = "PLAIN", .value = "a"), 0x21,
		       STATUS_UNKNOWN_COMMAND, "Unknown command"));
	CU_ASSERT(SAYS(PUT(session, 0x22, .key = "PLAIN", .value = "a"), 0x22,
		       STATUS_UNKNOWN_COMMAND, "Unknown command"));
	CU_ASSERT(!session->closed);
	CU_ASSERT(SAYS(PUT(session, 0x20, .key = "k"), 0x20, STATUS_INVALID, INVALID));
	CU_ASSERT(SAYS(PUT(session, 0x21), 0x21, STATUS_INVALID, INVALID));
	close_session(session);
}

/* --- streams ------------------------------------------------------------------------------ */

static void
an_unknown_opcode_takes_just_its_body(void)
{
	struct session *session = open_session();
	struct bytes asked = {0};

	packet_add(&asked, &(struct ask){.opcode = 0x50, TOUCHING, .key = "key", .value = "value"});
	packet_add(&asked, &(struct ask){.opcode = 0x1c, TOUCHING, .key = "key", .value = "value"});
	packet_add(&asked, &(struct ask){.opcode = 0x10, .key = "items", .value = "value"});
	packet_add(&asked, &(struct ask){.opcode = 0x0a});
	session->room = 0;
	session_feed(session, asked.start, asked.length, 5);
	CU_ASSERT(SAYS(answer_at(session, 0), 0x50, STATUS_UNKNOWN_COMMAND, "Unknown command"));
	CU_ASSERT(SAYS(answer_at(session, 1), 0x1c, STATUS_NOT_FOUND, NOT_FOUND));
	CU_ASSERT(SAYS(answer_at(session, 2), 0x10, STATUS_OK, ""));
	CU_ASSERT(SAYS(answer_at(session, 3), 0x0a, STATUS_OK, ""));
	bytes_free(&asked);
	close_session(session);
}

static void
bytes_that_make_no_sense_end_the_stream(void)
{
	struct session *session = open_session();
	struct binary_header header = {.magic = MAGIC_REQUEST,
				       .opcode = 0x01,
				       .key_length = htobe16(4),
				       .extras_length = 4,
				       .body_length = htobe32(7),
				       .opaque = htobe32(OPAQUE)};
	struct bytes asked = {0};

	bytes_add(&asked, &header, sizeof(header));
	bytes_add(&asked, "12345678", 8);
	session_feed(session, asked.start, asked.length, 0);
	CU_ASSERT(SAYS(answer_at(session, 0), 0x01, STATUS_UNKNOWN_COMMAND, "Unknown command"));
	CU_ASSERT(session->closed);

	header.extras_length = 8;
	header.body_length = htobe32((1u << 30) + 1);
	memcpy(asked.start, &header, sizeof(header));
	bytes_add(&asked, "1234", 4);
	session_restart(session, false);
	session_feed(session, asked.start, asked.length, 0);
	CU_ASSERT(SAYS(answer_at(session, 0), 0x01, STATUS_INVALID, INVALID) && session->closed);

	asked.length = 0;
	packet_add(&asked, &(struct ask){.opcode = 0x0a});
	bytes_add_text(&asked, "version\r\n");
	session_restart(session, false);
	session_feed(session, asked.start, asked.length, 0);
	CU_ASSERT(SAYS(answer_at(session, 0), 0x0a, STATUS_OK, "") && session->closed);
	CU_ASSERT(!answer_at(session, 1).there);
	bytes_free(&asked);
	close_session(session);
}

static void
an_unfinished_packet_asks_for_more(void)
{
	struct session *session = open_session();
	struct bytes asked = {0};

	packet_add(&asked, &(struct ask){.opcode = 0x01, STORING, .key = "key", .value = "value"});
	for (size_t length = 1; length < asked.length; length++) {
		const size_t header = sizeof(struct binary_header), head = header + 8 + 3;

		session_restart(session, false);
		session_feed(session, asked.start, length, 0);
		CU_ASSERT(session->out.length == 0 && session->last == PARSE_MORE);
		CU_ASSERT(session->stream.wanted == (length < header ? header
						     : length < head ? head
								     : asked.length));
		session_restart(session, true);
		session_datagram(session, asked.start, length);
		CU_ASSERT(session->out.length == 0 && session->last == PARSE_MORE);
	}
	CU_ASSERT(session->stats.cmd_set == 0);
	bytes_free(&asked);
	close_session(session);
}

static void
keys_may_hold_any_byte(void)
{
	struct session *session = open_session();
	static const uint8_t stream[] =
		"\x80\x11\0\4\x8\0\0\0\0\0\0\x0d\0\0\0\0\0\0\0\0\0\0\0\0"
		"\0\0\0\0\0\0\0\0a\0 \nv"
		"\x80\x0c\0\4\0\0\0\0\0\0\0\4\x12\x34\x56\x78\0\0\0\0\0\0\0\0"
		"a\0 \n";

	session_feed(session, stream, sizeof(stream) - 1, 0);
	CU_ASSERT(says(answer_at(session, 0), 0x0c, STATUS_OK, "\0\0\0\0a\0 \nv", 9));
	close_session(session);
}

SUITE("binary protocol", TEST(get_and_its_forms_answer), TEST(get_and_its_forms_miss),
      TEST(touch_and_gat_answer), TEST(storage_opcodes_store_on_their_condition),
      TEST(quiet_storage_is_silent_but_for_errors), TEST(a_unique_in_the_header_is_compared),
      TEST(storage_opcodes_refuse_wrong_bodies), TEST(a_value_too_large_is_swallowed),
      TEST(counters_count_and_are_created), TEST(noop_version_and_quit_answer), TEST(flush_empties),
      TEST(stat_sends_a_packet_each), TEST(without_sasl_its_opcodes_are_unknown),
      TEST(an_unknown_opcode_takes_just_its_body), TEST(bytes_that_make_no_sense_end_the_stream),
      TEST(an_unfinished_packet_asks_for_more), TEST(keys_may_hold_any_byte))
