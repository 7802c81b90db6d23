/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every command, flag, opcode and tuning word by name (named_cases.h): our answer is the one written
 * there, whole and cut to pieces, and memcached 1.6.18's is too where it is to be.
 *
 *     test_named [--list] [--only NAME]
 */
#include <ctype.h>
#include <getopt.h>

#include "tests/proto/named_cases.h"
#include "tests/proto/normalise.h"
#include "tests/proto/peer.h"
#include "tests/suite.h"

enum {
	MEMORY = 64 << 20,
	CUT = 3, /* bytes at most of a piece of a stream that comes in pieces */
	ASSEMBLED_MAX = 100,
	PACKETS_MAX = 8,
};

static const char *only;

/* Who is asked. */
enum side {
	SIDE_PEER,
	SIDE_WHOLE,
	SIDE_CUT,
	SIDE_AS_IT_COMES, /* data is received in pieces, straight to its place */
	SIDES,
};

static const char *const side_names[SIDES] = {"memcached", "whole", "cut", "as it comes"};

struct bench {
	struct peer peer;
	struct session session[SIDES];
	struct uniques uniques[SIDES];
	struct bytes asked, raw, answer, wanted;
	bool binary;
};

/* --- what is asked ------------------------------------------------------------------------ */

/* The unique that k0 was last shown with. */
static uint64_t
unique_of_k0(const struct bench *bench, enum side side)
{
	return bench->uniques[side].of_key[0];
}

static void
text_fill(struct bench *bench, enum side side, const char *text)
{
	char number[24];

	for (; *text != '\0'; text++) {
		if (*text != '\1') {
			bytes_add(&bench->asked, text, 1);
			continue;
		}
		snprintf(number, sizeof(number), "%" PRIu64, unique_of_k0(bench, side));
		bytes_add_text(&bench->asked, number);
	}
}

static void
hex_add(struct bytes *out, const char *digits, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2) {
		char pair[3] = {digits[i], digits[i + 1], '\0'};
		uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);

		bytes_add(out, &byte, 1);
	}
}

/* One packet, of a line as named_cases.h has them. */
static void
packet_fill(struct bench *bench, enum side side, const char *line, size_t length)
{
	struct binary_header header = {.magic = MAGIC_REQUEST};
	struct bytes extras = {0}, key = {0}, value = {0};
	const char *at = line, *end = line + length;

	header.opcode = (uint8_t)strtoul(line, NULL, 16);
	for (at += 2; at < end;) {
		const char *word = ++at;

		while (at < end && (*at != ' ' || *word == '='))
			at++;
		if (*word == '[')
			hex_add(&extras, word + 1, (size_t)(at - word) - 2);
		else if (*word == '=')
			bytes_add(&value, word + 1, (size_t)(at - word) - 1);
		else if (strncmp(word, "cas:k0", 6) == 0)
			header.cas = htobe64(unique_of_k0(bench, side));
		else if (strncmp(word, "cas:", 4) == 0)
			header.cas = htobe64(strtoull(word + 4, NULL, 10));
		else
			bytes_add(&key, word, (size_t)(at - word));
	}
	header.extras_length = (uint8_t)extras.length;
	header.key_length = htobe16((uint16_t)key.length);
	header.body_length = htobe32((uint32_t)(extras.length + key.length + value.length));
	header.opaque = 0x01020304;
	bytes_add(&bench->asked, &header, sizeof(header));
	bytes_add(&bench->asked, extras.start, extras.length);
	bytes_add(&bench->asked, key.start, key.length);
	bytes_add(&bench->asked, value.start, value.length);
	bytes_free(&extras);
	bytes_free(&key);
	bytes_free(&value);
}

static void
binary_fill(struct bench *bench, enum side side, const char *lines)
{
	while (*lines != '\0') {
		size_t length = strcspn(lines, "\n");

		packet_fill(bench, side, lines, length);
		lines += length + (lines[length] == '\n');
	}
}

/* --- what is answered --------------------------------------------------------------------- */

static void
body_show(struct bytes *out, const uint8_t *body, size_t length)
{
	bool text = true;
	char digits[3];

	if (length == 0)
		return;
	for (size_t i = 0; i < length; i++)
		text &= isprint(body[i]) != 0;
	bytes_add_text(out, text ? " =" : " #");
	for (size_t i = 0; i < length; i++) {
		snprintf(digits, sizeof(digits), "%02x", body[i]);
		bytes_add(out, text ? (const char *)body + i : digits, text ? 1 : 2);
	}
}

/* The reply at `at` as a line. Its bytes; 0 if it is none, which is shown too. */
static size_t
packet_show(struct bytes *out, const uint8_t *at, size_t length)
{
	struct binary_header header = {0};
	size_t body, key;
	char text[16];

	memcpy(&header, at, length < sizeof(header) ? 0 : sizeof(header));
	body = length < sizeof(header) ? SIZE_MAX : be32toh(header.body_length);
	if (body > length - sizeof(header) || header.magic != MAGIC_REPLY ||
	    header.opaque != 0x01020304) {
		bytes_add_text(out, "no packet\n");
		return 0;
	}
	snprintf(text, sizeof(text), "%02x %02x", header.opcode, be16toh(header.status));
	bytes_add_text(out, text);
	at += sizeof(header);
	if (header.extras_length != 0)
		bytes_add_text(out, " [");
	for (unsigned int i = 0; i < header.extras_length; i++) {
		snprintf(text, sizeof(text), "%02x", *at++);
		bytes_add_text(out, text);
	}
	if (header.extras_length != 0)
		bytes_add_text(out, "]");
	key = be16toh(header.key_length);
	if (key != 0)
		bytes_add_text(out, " ");
	bytes_add(out, at, key);
	/* what follows the number in a version is its own */
	if (header.opcode == OPCODE_OF_VERSION && be16toh(header.status) == 0)
		body_show(out, at, 6);
	else
		body_show(out, at + key, body - key - header.extras_length);
	bytes_add_text(out, "\n");
	return sizeof(header) + body;
}

static void
answer_show(struct bench *bench, enum side side)
{
	const uint8_t *at = bench->raw.start;
	size_t length = bench->raw.length, used = 1;

	bench->answer.length = 0;
	if (!bench->binary)
		normalise_text(at, length, &bench->uniques[side], &bench->answer);
	while (bench->binary && length != 0 && used != 0) {
		used = packet_show(&bench->answer, at, length);
		at += used;
		length -= used;
	}
}

/* The answer written down, as those of servers are shown. */
static void
wanted_show(struct bench *bench, const char *answer)
{
	struct uniques uniques = {0};

	bench->wanted.length = 0;
	if (bench->binary)
		bytes_add_text(&bench->wanted, answer);
	else
		normalise_text((const uint8_t *)answer, strlen(answer), &uniques, &bench->wanted);
}

/* --- asking ------------------------------------------------------------------------------- */

static void
bench_ask(struct bench *bench, enum side side, const char *what)
{
	struct session *session = &bench->session[side];

	bench->asked.length = 0;
	bench->raw.length = 0;
	if (bench->binary && *what >= '0' && *what <= '9')
		binary_fill(bench, side, what);
	else
		text_fill(bench, side, what);
	if (side == SIDE_PEER) {
		CU_ASSERT(peer_ask(&bench->peer, bench->asked.start, bench->asked.length,
				   &bench->raw) == 0);
		return;
	}
	session_restart(session, false);
	session_feed(session, bench->asked.start, bench->asked.length,
		     side == SIDE_WHOLE ? 0 : CUT);
	bytes_add(&bench->raw, session->out.start, session->out.length);
}

/* Empties the cache, but by no command that a case may be about. */
static void
bench_forget(struct bench *bench, enum side side)
{
	bool binary = bench->binary;

	bench->binary = false;
	bench_ask(bench, side, "flush_all\r\n");
	bench->binary = binary;
	memset(&bench->uniques[side], 0, sizeof(bench->uniques[side]));
}

static bool
side_answers(struct bench *bench, enum side side, const struct named_case *what)
{
	bench_forget(bench, side);
	if (what->before[0] != '\0') {
		bench_ask(bench, side, what->before);
		answer_show(bench, side);
	}
	bench->uniques[side].count = 0;
	bench_ask(bench, side, what->asked);
	answer_show(bench, side);
	wanted_show(bench, what->answer);
	if (bench->answer.length == bench->wanted.length &&
	    (bench->answer.length == 0 ||
	     memcmp(bench->answer.start, bench->wanted.start, bench->wanted.length) == 0))
		return true;
	printf("\n%s, %s:\n%.*swanted:\n%s", what->name, side_names[side],
	       (int)bench->answer.length, bench->answer.start, what->answer);
	return false;
}

static bool
case_is_asked_for(const struct named_case *what)
{
	return only == NULL || strcmp(only, what->name) == 0;
}

static void
cases_hold(bool binary, const struct named_case *cases, size_t count)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	CU_ASSERT_FATAL(bench != NULL && peer_start(&bench->peer) == 0);
	bench->binary = binary;
	for (enum side side = SIDE_WHOLE; side < SIDES; side++)
		CU_ASSERT_FATAL(session_open(&bench->session[side], MEMORY, time(NULL)) == 0);
	bench->session[SIDE_AS_IT_COMES].limits.assembled_max = ASSEMBLED_MAX;
	for (size_t i = 0; i < count; i++) {
		bool judged_by_peer = cases[i].judge == JUDGED_BY_MEMCACHED;

		for (enum side side = judged_by_peer ? SIDE_PEER : SIDE_WHOLE; side < SIDES; side++)
			if (case_is_asked_for(&cases[i]))
				CU_ASSERT(side_answers(bench, side, &cases[i]));
	}
	for (enum side side = SIDE_WHOLE; side < SIDES; side++)
		session_close(&bench->session[side]);
	bytes_free(&bench->asked);
	bytes_free(&bench->raw);
	bytes_free(&bench->answer);
	bytes_free(&bench->wanted);
	peer_stop(&bench->peer);
	free(bench);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void
text_commands_by_name(void)
{
	cases_hold(false, text_cases_named, COUNT_OF(text_cases_named));
}

static void
meta_flags_by_name(void)
{
	cases_hold(false, meta_cases_named, COUNT_OF(meta_cases_named));
}

static void
binary_opcodes_by_name(void)
{
	cases_hold(true, binary_cases_named, COUNT_OF(binary_cases_named));
}

static void
list_names(const struct named_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		puts(cases[i].name);
}

SUITE_FUNCTION(suite_run, "commands by name", TEST(text_commands_by_name), TEST(meta_flags_by_name),
	       TEST(binary_opcodes_by_name))

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"list", no_argument, NULL, 'l'},
						{"only", required_argument, NULL, 'o'},
						{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o') {
			only = optarg;
			continue;
		}
		if (option != 'l')
			return 2;
		list_names(text_cases_named, COUNT_OF(text_cases_named));
		list_names(meta_cases_named, COUNT_OF(meta_cases_named));
		list_names(binary_cases_named, COUNT_OF(binary_cases_named));
		return 0;
	}
	return suite_run();
}
