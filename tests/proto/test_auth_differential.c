/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a stream proves whose it is, byte for byte against memcached 1.6.18 with a file of users (-Y,
 * for the text protocol) and with SASL (-S, for the binary one), and what is counted of it.
 *
 *     test_auth_differential [--seed N] [--sequences N]
 *
 * Over text the commands go one by one, each when the one before is answered: memcached's refusals
 * overwrite those not sent yet.
 */
#include <getopt.h>
#include <inttypes.h>

#include "tests/proto/normalise.h"
#include "tests/proto/peer.h"
#include "tests/suite.h"

enum {
	MEMORY = 32 << 20,
	STEPS_MAX = 12,
	LINE_MAX_BYTES = 2048,
};

static uint64_t first_seed = 1;
static uint64_t sequences = 400;

static const char list[] = "alice:secret\nbob:pass word\ncarol:\ndave:x:y\n";

struct bench {
	struct peer peer;
	struct session session;
	struct users users;
	struct user_list known;
	uint64_t random;
};

static int
bench_open_session(struct bench *bench, const char *users)
{
	unsigned int line;

	if (users_read(&bench->users, users, strlen(users), &line) != 0)
		return -1;
	atomic_init(&bench->known.now, &bench->users);
	if (session_open(&bench->session, MEMORY, time(NULL)) != 0)
		return -1;
	bench->session.limits.users = &bench->known;
	return 0;
}

static void
bench_close(struct bench *bench)
{
	session_close(&bench->session);
	peer_stop(&bench->peer);
	free(bench);
}

/* A path in the peer's directory. */
static const char *
peer_path(const struct peer *peer, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", peer->directory, name);
	return path;
}

static void
peer_write(const struct peer *peer, const char *name, const char *text)
{
	char path[128];
	FILE *file = fopen(peer_path(peer, name, path), "w");

	CU_ASSERT_FATAL(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
	CU_ASSERT_FATAL(chmod(path, 0644) == 0);
}

static void
peer_unlink(const struct peer *peer, const char *name)
{
	char path[128];

	CU_ASSERT(unlink(peer_path(peer, name, path)) == 0);
}

static bool
counters_agree(const struct bytes *stats, const struct session *session)
{
	static const char commands[] = "auth_cmds ", errors[] = "auth_errors ";
	const char *cmds = strstr((const char *)stats->start, commands);
	const char *errs = strstr((const char *)stats->start, errors);

	if (cmds == NULL || errs == NULL)
		return false;
	printf("(%" PRIu64 " attempts, %" PRIu64 " failed) ", session->stats.auth_cmds,
	       session->stats.auth_errors);
	return strtoull(cmds + strlen(commands), NULL, 10) == session->stats.auth_cmds &&
	       strtoull(errs + strlen(errors), NULL, 10) == session->stats.auth_errors;
}

/* --- text --------------------------------------------------------------------------------- */

/* Each is answered with one line. */
static const char *const stranger_steps[] = {
	"version\r\n",
	"get k\r\n",
	"get k\n",
	"mn\r\n",
	"\r\n",
	" \r\n",
	"quit\r\n",
	"stats\r\n",
	"set x 0 0 12\r\nalice secret\r\n",
	"set x 0 0 12\nalice secret\r\n",
	"set x y z 18 foo\r\nalice secret extra\r\n",
	"set x 0 0 12 noreply\r\nalice secret\r\n",
	"set x 0 0 14\r\n alice  secret\r\n",
	"set x 0 0 14\r\nalice secret  \r\n",
	"set x 0 0 +12\r\nalice secret\r\n",
	"  set   x  0 0   12  \r\nalice secret\r\n",
	"set x 0 0 8\r\ndave x:y\r\n",
	"set x 0 0 11\r\nalice wrong\r\n",
	"set x 0 0 12\r\nalice\tsecret\r\n",
	"set x 0 0 11\r\nalice secre\r\n",
	"set x 0 0 13\r\nalice secrets\r\n",
	"set x 0 0 12\r\nAlice secret\r\n",
	"set x 0 0 12\r\nsecret alice\r\n",
	"set x 0 0 12\r\nalice:secret\r\n",
	"set x 0 0 14\r\nalice secret\r\n\r\n",
	"set x 0 0 8\r\nbob pass\r\n",
	"set x 0 0 13\r\nbob pass word\r\n",
	"set x 0 0 6\r\ncarol \r\n",
	"set x 0 0 5\r\ncarol\r\n",
	"set x 0 0 0\r\n\r\n",
	"set x 0 0 3\r\n   \r\n",
	"set x 0 0 12\r\nalice secretXX",
	"set x 0 0 x\r\n",
	"set x 0 0 -1\r\n",
	"set x 0 0\r\n",
	"set\r\n",
	"SET x 0 0 12\r\n",
	"add x 0 0 12\r\n",
	"alice secret\r\n",
};
static const char *const user_steps[] = {
	"version\r\n",
	"get k\r\n",
	"mn\r\n",
	"set k 0 0 12\r\nalice secret\r\n",
	"set x 0 0 11\r\nalice wrong\r\n",
	"add k 0 0 1\r\na\r\n",
	"delete k\r\n",
	"x\r\n",
};

/* Sends a step and awaits its line; what came before an end counts too. -1: neither in time. */
static int
step_ask(int fd, const char *step, struct bytes *answer)
{
	answer->length = 0;
	if (send(fd, step, strlen(step), MSG_NOSIGNAL) != (ssize_t)strlen(step))
		return -1;
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&wait, 1, PEER_PATIENCE_MS) <= 0)
			return -1;
		bytes_make_room(answer, LINE_MAX_BYTES);
		got = recv(fd, answer->start + answer->length, LINE_MAX_BYTES, 0);
		if (got <= 0)
			return 0;
		answer->length += (size_t)got;
		if (answer->start[answer->length - 1] == '\n')
			return 0;
	}
}

/* Our answer alone to a step, put to the session at once or in pieces. */
static void
step_feed(struct bench *bench, const char *step)
{
	struct session *session = &bench->session;

	session->out.length = 0;
	session->reply.cursor = session->reply.limit = session->out.start;
	session_extend(&session->reply);
	session_feed(session, (const uint8_t *)step, strlen(step),
		     random_below(&bench->random, 2) * 5);
}

static bool
step_agrees(struct bench *bench, int fd, const char *step, struct bytes *theirs)
{
	const struct bytes *ours = &bench->session.out;

	step_feed(bench, step);
	if (step_ask(fd, step, theirs) != 0) {
		printf("\nno answer from memcached to %s", step);
		return false;
	}
	if (ours->length == theirs->length && memcmp(ours->start, theirs->start, ours->length) == 0)
		return true;
	printf("\nasked %smemcached %.*sours %.*s", step, (int)theirs->length, theirs->start,
	       (int)ours->length, ours->start);
	return false;
}

static bool
text_conversation_agrees(struct bench *bench)
{
	unsigned int steps = 1 + random_below(&bench->random, STEPS_MAX);
	struct bytes theirs = {0};
	int fd = peer_connect(&bench->peer);
	bool same = fd >= 0;

	session_restart(&bench->session, false);
	for (unsigned int i = 0; i < steps && same; i++) {
		bool known = bench->session.stream.authenticated;
		uint32_t count = known ? sizeof(user_steps) / sizeof(user_steps[0])
				       : sizeof(stranger_steps) / sizeof(stranger_steps[0]);
		uint32_t which = random_below(&bench->random, count);

		same = step_agrees(bench, fd, known ? user_steps[which] : stranger_steps[which],
				   &theirs);
	}
	if (fd >= 0)
		close(fd);
	bytes_free(&theirs);
	return same;
}

static struct bench *
text_bench_open(void)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char path[128];

	CU_ASSERT_FATAL(bench != NULL && peer_prepare(&bench->peer) == 0);
	peer_write(&bench->peer, "users", list);
	CU_ASSERT_FATAL(
		peer_launch(&bench->peer,
			    (const char *const[]){"-Y", peer_path(&bench->peer, "users", path),
						  NULL}) == 0);
	peer_unlink(&bench->peer, "users");
	CU_ASSERT_FATAL(bench_open_session(bench, list) == 0);
	return bench;
}

static void
text_conversations_agree(void)
{
	static const char login[] = "set x 0 0 12\r\nalice secret\r\n";
	struct bench *bench = text_bench_open();
	struct bytes stats = {0};
	uint64_t done = 0;

	do
		bench->random = first_seed + done;
	while (text_conversation_agrees(bench) && ++done < sequences);
	printf("%" PRIu64 " conversations ", done);
	CU_ASSERT(done == sequences);
	bytes_add_text(&stats, login);
	session_restart(&bench->session, false);
	session_feed(&bench->session, stats.start, stats.length, 0);
	bytes_add_text(&stats, "stats\r\n");
	peer_ask(&bench->peer, stats.start, stats.length, &stats);
	bytes_add(&stats, "", 1);
	CU_ASSERT(counters_agree(&stats, &bench->session));
	bytes_free(&stats);
	bench_close(bench);
}

/* --- binary ------------------------------------------------------------------------------- */

static const struct {
	const char *mechanism, *message;
	size_t length;
} credentials[] = {
#define MESSAGE(text) text, sizeof(text) - 1
	{"PLAIN", MESSAGE("\0alice\0secret")},
	{"PLAIN", MESSAGE("\0alice\0secret")},
	{"PLAIN", MESSAGE("alice\0alice\0secret")},
	{"PLAIN", MESSAGE("bob\0alice\0secret")},
	{"PLAIN", MESSAGE("\0alice\0wrong")},
	{"PLAIN", MESSAGE("\0alice\0secre")},
	{"PLAIN", MESSAGE("\0alice\0")},
	{"PLAIN", MESSAGE("\0nobody\0secret")},
	{"PLAIN", MESSAGE("\0\0secret")},
	{"PLAIN", MESSAGE("\0alice")},
	{"PLAIN", MESSAGE("alice")},
	{"PLAIN", MESSAGE("")},
	{"CRAM-MD5", MESSAGE("")},
	{"CRAM-MD5", MESSAGE("x")},
	{"plain!", MESSAGE("\0alice\0secret")},
	{"a mechanism whose name has 34 bytes", MESSAGE("\0alice\0secret")},
#undef MESSAGE
};

static void
packet_add(struct bytes *out, uint64_t *random, uint8_t opcode, const char *key, const char *value,
	   size_t length)
{
	struct binary_header header = {
		.magic = MAGIC_REQUEST,
		.opcode = opcode,
		.key_length = htobe16((uint16_t)strlen(key)),
		.body_length = htobe32((uint32_t)(strlen(key) + length)),
		.opaque = (uint32_t)random_next(random),
	};

	bytes_add(out, &header, sizeof(header));
	bytes_add_text(out, key);
	bytes_add(out, value, length);
}

/* LIST, AUTH, STEP and others, in any order. */
static void
packet_generate(struct bytes *out, uint64_t *random)
{
	static const uint8_t others[] = {0x0a, 0x0b, 0x0b, 0x20, 0x20, 0x50};
	uint32_t die = random_below(random, 16);
	uint32_t which = random_below(random, sizeof(credentials) / sizeof(credentials[0]));

	if (die < 9)
		packet_add(out, random, die < 7 ? 0x21 : 0x22, credentials[which].mechanism,
			   credentials[which].message, credentials[which].length);
	else if (die < 15)
		packet_add(out, random, others[random_below(random, sizeof(others))], "", "", 0);
	else
		packet_add(out, random, 0x00, "k", "", 0);
}

/* Opcode, status and body of each packet. */
static void
packets_print(const char *name, const struct bytes *packets)
{
	printf("\n%s:", name);
	for (size_t at = 0; at + sizeof(struct binary_header) <= packets->length;) {
		const struct binary_header *header = (const void *)(packets->start + at);

		printf("\n  0x%02x 0x%02x ", header->opcode, be16toh(header->status));
		at += sizeof(*header);
		for (uint32_t i = be32toh(header->body_length); i != 0; i--, at++)
			putchar(packets->start[at] < ' ' ? '.' : packets->start[at]);
	}
}

static bool
binary_stream_agrees(struct bench *bench)
{
	struct uniques uniques[2] = {{0}, {0}};
	struct bytes asked = {0}, raw = {0}, theirs = {0}, ours = {0};
	bool same;

	for (unsigned int n = 1 + random_below(&bench->random, STEPS_MAX); n != 0; n--)
		packet_generate(&asked, &bench->random);
	same = peer_ask(&bench->peer, asked.start, asked.length, &raw) == 0;
	normalise_binary(raw.start, raw.length, &uniques[0], &theirs);
	session_restart(&bench->session, false);
	session_feed(&bench->session, asked.start, asked.length,
		     random_below(&bench->random, 2) * 30);
	normalise_binary(bench->session.out.start, bench->session.out.length, &uniques[1], &ours);
	same = same && ours.length == theirs.length &&
	       memcmp(ours.start, theirs.start, ours.length) == 0;
	if (!same) {
		packets_print("asked", &asked);
		packets_print("memcached", &raw);
		packets_print("ours", &bench->session.out);
	}
	bytes_free(&asked);
	bytes_free(&raw);
	bytes_free(&theirs);
	bytes_free(&ours);
	return same;
}

/* A memcached whose SASL knows alice. NULL if that can't be had. */
static struct bench *
binary_bench_open(void)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char text[512];

	CU_ASSERT_FATAL(bench != NULL && peer_prepare(&bench->peer) == 0);
	snprintf(text, sizeof(text),
		 "mech_list: plain\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
		 "sasldb_path: %s/db\n",
		 bench->peer.directory);
	peer_write(&bench->peer, "memcached.conf", text);
	snprintf(text, sizeof(text),
		 "printf secret | saslpasswd2 -p -c -a memcached -u \"$(uname -n)\" -f %s/db alice "
		 "&& "
		 "chmod 644 %s/db",
		 bench->peer.directory, bench->peer.directory);
	CU_ASSERT_FATAL(system(text) == 0);
	CU_ASSERT_FATAL(setenv("SASL_CONF_PATH", bench->peer.directory, 1) == 0);
	CU_ASSERT_FATAL(peer_launch(&bench->peer, (const char *const[]){"-S", NULL}) == 0);
	CU_ASSERT_FATAL(bench_open_session(bench, "alice:secret\n") == 0);
	return bench;
}

/* The figures of `stats` in binary, as lines would have them. */
static void
binary_stats_to_text(const struct bytes *raw, struct bytes *text)
{
	for (size_t at = 0; at + 24 <= raw->length;) {
		const struct binary_header *header = (const void *)(raw->start + at);
		size_t body = be32toh(header->body_length), key = be16toh(header->key_length);

		bytes_add(text, raw->start + at + 24, key);
		bytes_add_text(text, " ");
		bytes_add(text, raw->start + at + 24 + key, body - key);
		bytes_add_text(text, "\n");
		at += 24 + body;
	}
	bytes_add(text, "", 1);
}

static void
binary_streams_agree(void)
{
	struct bench *bench = binary_bench_open();
	struct bytes asked = {0}, raw = {0}, stats = {0};
	uint64_t done = 0;

	do
		bench->random = first_seed + done;
	while (binary_stream_agrees(bench) && ++done < sequences);
	printf("%" PRIu64 " streams ", done);
	CU_ASSERT(done == sequences);
	packet_add(&asked, &bench->random, 0x21, "PLAIN", "\0alice\0secret", 13);
	session_restart(&bench->session, false);
	session_feed(&bench->session, asked.start, asked.length, 0);
	packet_add(&asked, &bench->random, 0x10, "", "", 0);
	CU_ASSERT(peer_ask(&bench->peer, asked.start, asked.length, &raw) == 0);
	binary_stats_to_text(&raw, &stats);
	CU_ASSERT(counters_agree(&stats, &bench->session));
	bytes_free(&asked);
	bytes_free(&raw);
	bytes_free(&stats);
	peer_unlink(&bench->peer, "memcached.conf");
	peer_unlink(&bench->peer, "db");
	bench_close(bench);
}

SUITE_FUNCTION(suite_run, "users, against memcached", TEST(text_conversations_agree),
	       TEST(binary_streams_agree))

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"sequences", required_argument, NULL, 'c'},
						{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			first_seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			sequences = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	return suite_run();
}
