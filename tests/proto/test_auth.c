/* SPDX-License-Identifier: BSD-3-Clause */
/* Users: how they are read, and how a stream proves to be one of them. */
#include <endian.h>

#include "dataplane/proto/binary.h"
#include "tests/proto/session.h"
#include "tests/suite.h"

enum {
	MEMORY = 32 << 20
};

static const char list[] = "alice:secret\n\nbob:pass word\r\ncarol:";

static void
users_are_read_by_line(void)
{
	struct users users;
	unsigned int line;

	CU_ASSERT(users_read(&users, list, strlen(list), &line) == 0 && users.count == 3);
	CU_ASSERT(users_read(&users, "", 0, &line) == 0 && users.count == 0);
	CU_ASSERT(users_read(&users, "a:b\nnobody\n", 11, &line) == -EINVAL && line == 2);
	CU_ASSERT(users_read(&users, ":b", 2, &line) == -EINVAL && line == 1);
}

static void
too_many_or_too_long_users_are_refused(void)
{
	struct users users;
	struct bytes text = {0};
	unsigned int line;

	for (int i = 0; i < USERS_MAX; i++)
		bytes_add_text(&text, "a:b\n");
	CU_ASSERT(users_read(&users, (char *)text.start, text.length, &line) == 0);
	bytes_add_text(&text, "a:b\n");
	CU_ASSERT(users_read(&users, (char *)text.start, text.length, &line) == -EINVAL);
	CU_ASSERT(line == USERS_MAX + 1);
	text.length = 0;
	for (int i = 0; i < USER_TEXT_MAX; i++)
		bytes_add_text(&text, "n");
	bytes_add_text(&text, ":p");
	CU_ASSERT(users_read(&users, (char *)text.start, text.length, &line) == 0);
	text.length = 0;
	for (int i = 0; i < USER_TEXT_MAX + 1; i++)
		bytes_add_text(&text, "n");
	bytes_add_text(&text, ":p");
	CU_ASSERT(users_read(&users, (char *)text.start, text.length, &line) == -EINVAL);
	bytes_free(&text);
}

static bool
knows(const struct users *users, const char *name, const char *password)
{
	return users_know(users, (const uint8_t *)name, strlen(name), (const uint8_t *)password,
			  strlen(password));
}

static void
only_the_right_password_will_do(void)
{
	struct users users;
	unsigned int line;

	CU_ASSERT_FATAL(users_read(&users, list, strlen(list), &line) == 0);
	CU_ASSERT(knows(&users, "alice", "secret"));
	CU_ASSERT(knows(&users, "bob", "pass word"));
	CU_ASSERT(knows(&users, "carol", ""));
	CU_ASSERT(!knows(&users, "alice", "secre"));
	CU_ASSERT(!knows(&users, "alice", "secrets"));
	CU_ASSERT(!knows(&users, "alice", ""));
	CU_ASSERT(!knows(&users, "alic", "secret"));
	CU_ASSERT(!knows(&users, "bob", "secret"));
	CU_ASSERT(!knows(&users, "", ""));
	CU_ASSERT(!users_know(&users, (const uint8_t *)"carol", 5, (const uint8_t *)"\0", 1));
}

static void
plain_messages_have_three_parts(void)
{
	struct users users;
	unsigned int line;

	CU_ASSERT_FATAL(users_read(&users, list, strlen(list), &line) == 0);
#define PLAIN(message) users_know_plain(&users, (const uint8_t *)(message), sizeof(message) - 1)
	CU_ASSERT(PLAIN("\0alice\0secret"));
	CU_ASSERT(PLAIN("\0bob\0pass word"));
	CU_ASSERT(PLAIN("alice\0alice\0secret"));
	CU_ASSERT(!PLAIN("bob\0alice\0secret"));
	CU_ASSERT(!PLAIN("alic\0alice\0secret"));
	CU_ASSERT(!PLAIN("\0alice\0secret\0"));
	CU_ASSERT(!PLAIN("\0alice\0wrong"));
	CU_ASSERT(!PLAIN("\0alice"));
	CU_ASSERT(!PLAIN("\0"));
	CU_ASSERT(!PLAIN(""));
#undef PLAIN
}

/* --- streams ------------------------------------------------------------------------------ */

static struct session *
open_session(struct users *users, struct user_list *known)
{
	struct session *session = malloc(sizeof(*session));
	unsigned int line;

	CU_ASSERT_FATAL(session != NULL && session_open(session, MEMORY, SESSION_START) == 0);
	CU_ASSERT_FATAL(users_read(users, list, strlen(list), &line) == 0);
	atomic_init(&known->now, users);
	session->limits.users = known;
	return session;
}

static void
close_session(struct session *session)
{
	session_close(session);
	free(session);
}

static bool
answers(struct session *session, const char *asked, const char *wanted)
{
	for (uint32_t cut = 0; cut < 4; cut += 3) {
		session_restart(session, false);
		session_feed(session, (const uint8_t *)asked, strlen(asked), cut);
		if (session->out.length == strlen(wanted) &&
		    memcmp(session->out.start, wanted, strlen(wanted)) == 0)
			continue;
		printf("\nasked    %s\nwanted   %s\nanswered %.*s\n", asked, wanted,
		       (int)session->out.length, session->out.start);
		return false;
	}
	return true;
}

#define UNAUTHENTICATED "CLIENT_ERROR unauthenticated\r\n"

static void
text_users_say_so_first(void)
{
	struct users users;
	struct user_list known;
	struct session *session = open_session(&users, &known);

	CU_ASSERT(answers(session, "set x 0 0 12\r\nalice secret\r\nversion\r\n",
			  "STORED\r\nVERSION 1.6.18\r\n"));
	CU_ASSERT(answers(session, "set x y z 18 foo\nalice secret extra\r\nget a b\r\n",
			  "STORED\r\nEND\r\n"));
	CU_ASSERT(answers(session, "set x 0 0 13\r\n alice secret\r\n", "STORED\r\n"));
	CU_ASSERT(session->stats.auth_cmds == 6 && session->stats.auth_errors == 0);
	close_session(session);
}

static void
text_strangers_get_nothing(void)
{
	struct users users;
	struct user_list known;
	struct session *session = open_session(&users, &known);

	CU_ASSERT(answers(session, "version\r\nget a\r\n", UNAUTHENTICATED UNAUTHENTICATED));
	CU_ASSERT(answers(session, "add x 0 0 12\r\nalice secret\r\n",
			  UNAUTHENTICATED UNAUTHENTICATED));
	CU_ASSERT(answers(session, "set x 0 0 x\r\n", UNAUTHENTICATED));
	CU_ASSERT(answers(session, "set x 0 0 11\r\nalice wrong\r\nversion\r\n",
			  "CLIENT_ERROR authentication failure\r\n" UNAUTHENTICATED));
	CU_ASSERT(answers(session, "set x 0 0 14\r\nalice secret\r\n\r\n",
			  "CLIENT_ERROR authentication failure\r\n"));
	CU_ASSERT(answers(session, "set x 0 0 5\r\nalice\r\n",
			  "CLIENT_ERROR bad authentication token format\r\n"));
	CU_ASSERT(answers(session, "set x 0 0 12\r\nalice secretXX",
			  "CLIENT_ERROR bad command line termination\r\n"));
	CU_ASSERT(answers(session, "set x 0 0 100000\r\n", "CLIENT_ERROR auth token too long\r\n"));
	CU_ASSERT(session->closed);
	CU_ASSERT(answers(session, "mn\r\n\r\n", UNAUTHENTICATED UNAUTHENTICATED));
	CU_ASSERT(session->stats.cmd_get == 0 && session->stats.auth_errors == 4);
	close_session(session);
}

static void
packet_add(struct bytes *out, uint8_t opcode, const char *key, const char *value, size_t length)
{
	struct binary_header header = {
		.magic = MAGIC_REQUEST,
		.opcode = opcode,
		.key_length = htobe16((uint16_t)strlen(key)),
		.body_length = htobe32((uint32_t)(strlen(key) + length)),
	};

	bytes_add(out, &header, sizeof(header));
	bytes_add_text(out, key);
	bytes_add(out, value, length);
}

/* The status and body of the reply at *at, which moves on. */
static bool
next_is(const uint8_t **at, enum binary_status status, const char *body)
{
	struct binary_header header;
	size_t length = strlen(body);
	bool same;

	memcpy(&header, *at, sizeof(header));
	same = be16toh(header.status) == status && be32toh(header.body_length) == length &&
	       memcmp(*at + sizeof(header), body, length) == 0;
	*at += sizeof(header) + be32toh(header.body_length);
	return same;
}

static void
binary_users_say_so_first(void)
{
	struct users users;
	struct user_list known;
	struct session *session = open_session(&users, &known);
	struct bytes asked = {0};
	const uint8_t *at;

	packet_add(&asked, 0x20, "", "", 0);
	packet_add(&asked, 0x0b, "", "", 0);
	packet_add(&asked, 0x21, "PLAIN", "\0alice\0wrong", 12);
	packet_add(&asked, 0x21, "CRAM-MD5", "x", 1);
	packet_add(&asked, 0x22, "PLAIN", "x", 1);
	packet_add(&asked, 0x21, "PLAIN", "\0alice\0secret", 13);
	packet_add(&asked, 0x00, "k", "", 0);
	session_feed(session, asked.start, asked.length, 7);
	at = session->out.start;
	CU_ASSERT(next_is(&at, STATUS_OK, "PLAIN"));
	CU_ASSERT(next_is(&at, STATUS_OK, "1.6.18"));
	CU_ASSERT(next_is(&at, STATUS_AUTH, "Auth failure."));
	CU_ASSERT(next_is(&at, STATUS_AUTH, "Auth failure."));
	CU_ASSERT(next_is(&at, STATUS_AUTH, "Auth failure."));
	CU_ASSERT(next_is(&at, STATUS_OK, "Authenticated"));
	CU_ASSERT(next_is(&at, STATUS_NOT_FOUND, "Not found"));
	CU_ASSERT(session->stats.auth_cmds == 4 && session->stats.auth_errors == 3);
	bytes_free(&asked);
	close_session(session);
}

static void
binary_strangers_are_sent_away(void)
{
	static const uint8_t opcodes[] = {0x00, 0x01, 0x08, 0x0a, 0x10, 0x50};
	struct users users;
	struct user_list known;
	struct session *session = open_session(&users, &known);

	for (size_t i = 0; i < sizeof(opcodes); i++) {
		struct bytes asked = {0};
		const uint8_t *at;

		packet_add(&asked, opcodes[i], "k", "", 0);
		session_restart(session, false);
		session_feed(session, asked.start, asked.length, 0);
		at = session->out.start;
		CU_ASSERT(next_is(&at, STATUS_AUTH, "Auth failure.") && session->closed);
		bytes_free(&asked);
	}
	CU_ASSERT(session->stats.cmd_get == 0 && session->stats.cmd_flush == 0);
	close_session(session);
}

static void
a_datagram_can_not_go_on_from_another(void)
{
	struct users users;
	struct user_list known;
	struct session *session = open_session(&users, &known);
	static const char set[] = "set x 0 0 12\r\nalice secret\r\n";

	session_restart(session, true);
	session_datagram(session, (const uint8_t *)set, sizeof(set) - 1);
	session_restart(session, true);
	session_datagram(session, (const uint8_t *)"get a\r\n", 7);
	CU_ASSERT(session->out.length == strlen(UNAUTHENTICATED) &&
		  memcmp(session->out.start, UNAUTHENTICATED, session->out.length) == 0);
	close_session(session);
}

SUITE("users", TEST(users_are_read_by_line), TEST(too_many_or_too_long_users_are_refused),
      TEST(only_the_right_password_will_do), TEST(plain_messages_have_three_parts),
      TEST(text_users_say_so_first), TEST(text_strangers_get_nothing),
      TEST(binary_users_say_so_first), TEST(binary_strangers_are_sent_away),
      TEST(a_datagram_can_not_go_on_from_another))
