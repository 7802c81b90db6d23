/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every byte of our replies against those of memcached 1.6.18, run as a child. Hand-written cases
 * first, which are then also cut in two at every byte; then generated sequences, which we get three
 * ways at once (whole; cut at random; as a datagram whose reply is written over its request) and
 * memcached whole. With --server a fourth way goes to a Jackdaw over the network: at random as one
 * UDP datagram, or over TCP in segments cut at random.
 *
 *     test_differential [--seed N] [--sequences N] [--server ADDRESS[:PORT]]
 *
 * --sequences 0 goes on until something differs.
 */
#include <getopt.h>
#include <unistd.h>

#include "tests/proto/generate.h"
#include "tests/proto/peer.h"
#include "tests/proto/text_cases.h"
#include "tests/proto/wire.h"
#include "tests/suite.h"

enum {
	MEMORY = 256 << 20,
	CUT_MAX = 40,	    /* bytes, of the pieces a cut stream comes in */
	CASE_CUT_MAX = 600, /* bytes of a case that is cut everywhere */
	REPEATS_MAX = 100,  /* sequences put again because the server at the other end was full */
	REPEAT_AFTER_US = 10000,
};

static uint64_t first_seed = 1;
static uint64_t sequences = 4000;
static const char *server;

/* The same stream put to one of the servers. */
struct side {
	const char *name;
	struct session *session; /* NULL: memcached, or at the end of a wire */
	struct wire *wire;
	uint32_t cut;
	size_t cut_at; /* the one cut there is; 0: as above */
	bool datagram;
	struct uniques uniques;
	struct bytes asked, raw, answer;
};

enum {
	SIDE_PEER,
	SIDE_WHOLE,
	SIDE_CUT,
	SIDE_DATAGRAM,
	SIDE_WIRE, /* where there is a server */
	SIDES,
};

struct bench {
	struct peer peer;
	struct session session[SIDES];
	struct wire wire;
	unsigned int sides; /* in use, from the first on */
	struct side side[SIDES];
	struct bytes asked, answered; /* of memcached, since the sequence began */
	bool starved;		      /* the server at the other end had no room for an item */
};

static int
bench_open(struct bench *bench)
{
	static const char *const names[SIDES] = {"memcached", "whole", "cut", "datagram", "wire"};

	memset(bench, 0, sizeof(*bench));
	bench->sides = server == NULL ? SIDE_WIRE : SIDES;
	if (server != NULL && wire_open(&bench->wire, server, first_seed) != 0) {
		printf("no way to %s\n", server);
		return -1;
	}
	if (peer_start(&bench->peer) != 0) {
		printf("memcached does not start\n");
		return -1;
	}
	bench->side[SIDE_WIRE].wire = &bench->wire;
	for (int i = 0; i < SIDES; i++) {
		bench->side[i].name = names[i];
		if (i == SIDE_PEER || i == SIDE_WIRE)
			continue;
		if (session_open(&bench->session[i], MEMORY, time(NULL)) != 0)
			return -1;
		bench->side[i].session = &bench->session[i];
	}
	bench->side[SIDE_CUT].cut = CUT_MAX;
	bench->session[SIDE_CUT].room = 0;
	bench->session[SIDE_CUT].piece = 0;
	bench->side[SIDE_DATAGRAM].datagram = true;
	return 0;
}

static void
bench_close(struct bench *bench)
{
	for (int i = 0; i < SIDES; i++) {
		struct side *side = &bench->side[i];

		if (side->session != NULL)
			session_close(side->session);
		bytes_free(&side->asked);
		bytes_free(&side->raw);
		bytes_free(&side->answer);
	}
	bytes_free(&bench->asked);
	bytes_free(&bench->answered);
	if (server != NULL)
		wire_close(&bench->wire);
	peer_stop(&bench->peer);
}

static void
side_ask_session(struct side *side)
{
	const uint8_t *bytes = side->asked.start;
	size_t length = side->asked.length;

	session_restart(side->session, side->datagram);
	if (side->datagram)
		session_datagram(side->session, bytes, length);
	else if (side->cut_at != 0)
		session_feed_in_two(side->session, bytes, length, side->cut_at);
	else
		session_feed(side->session, bytes, length, side->cut);
	bytes_add(&side->raw, side->session->out.start, side->session->out.length);
}

/* memcached goes first: whether it answers says whether a datagram on the wire is to be answered. */
static int
side_ask(struct bench *bench, struct side *side, const struct script *script)
{
	bool answers = bench->side[SIDE_PEER].raw.length != 0;
	int status = 0;

	side->asked.length = 0;
	side->raw.length = 0;
	side->answer.length = 0;
	script_fill(script, &side->uniques, &side->asked);
	if (side->session != NULL)
		side_ask_session(side);
	else if (side->wire != NULL)
		status = wire_ask(side->wire, side->asked.start, side->asked.length, answers,
				  &side->raw);
	else
		status = peer_ask(&bench->peer, side->asked.start, side->asked.length, &side->raw);
	if (status != 0)
		return status;
	if (script->binary)
		normalise_binary(side->raw.start, side->raw.length, &side->uniques, &side->answer);
	else
		normalise_text(side->raw.start, side->raw.length, &side->uniques, &side->answer);
	return 0;
}

static void
print_bytes(const char *name, const struct bytes *bytes)
{
	printf("\n%s: ", name);
	for (size_t i = 0; i < bytes->length && i < 6000; i++) {
		uint8_t byte = bytes->start[i];

		if (byte == '\n')
			printf("\\n\n    ");
		else if (byte < ' ' || byte > '~')
			printf("\\x%02x", byte);
		else
			putchar(byte);
	}
}

/*
 * Whether a server at the other end had no room for an item. Where the machine has no time for its
 * janitor, room comes later than a memcached beside the client wants it: that is no matter of protocol.
 */
static bool
side_is_starved(const struct side *side)
{
	static const char complaint[] = "ut of memory";

	return side->wire != NULL &&
	       memmem(side->raw.start, side->raw.length, complaint, sizeof(complaint) - 1) != NULL;
}

/*
 * Puts a script to all sides. True if all answer the same; says what differs otherwise, unless a side
 * is starved.
 */
static bool
bench_agrees(struct bench *bench, const struct script *script, const char *name)
{
	struct side *peer = &bench->side[SIDE_PEER];
	bool same = true;

	for (unsigned int i = 0; i < bench->sides; i++) {
		struct side *side = &bench->side[i];

		if (side_ask(bench, side, script) != 0) {
			printf("\n%s: no answer, or not as it should be, from %s", name,
			       side->name);
			print_bytes("asked", &side->asked);
			return false;
		}
		if (side->answer.length == peer->answer.length &&
		    (side->answer.length == 0 ||
		     memcmp(side->answer.start, peer->answer.start, side->answer.length) == 0))
			continue;
		if (side_is_starved(side)) {
			bench->starved = true;
			return false;
		}
		if (same) {
			printf("\n%s differs", name);
			print_bytes("asked before", &bench->asked);
			print_bytes("answered", &bench->answered);
			print_bytes("asked", &side->asked);
			print_bytes(peer->name, &peer->answer);
		}
		print_bytes(side->name, &side->answer);
		same = false;
	}
	bytes_add(&bench->asked, peer->asked.start, peer->asked.length);
	bytes_add(&bench->answered, peer->answer.start, peer->answer.length);
	return same;
}

static bool
bench_agrees_on_text(struct bench *bench, const char *text, const char *name)
{
	struct script script = {.bytes = {.start = (uint8_t *)text, .length = strlen(text)}};

	return bench_agrees(bench, &script, name);
}

static void
bench_forget(struct bench *bench)
{
	for (int i = 0; i < SIDES; i++)
		memset(&bench->side[i].uniques, 0, sizeof(bench->side[i].uniques));
	bench->asked.length = 0;
	bench->answered.length = 0;
}

/* --- cases written by hand ---------------------------------------------------------------- */

static void
cases_by_hand_agree(void)
{
	struct bench bench;

	CU_ASSERT_FATAL(bench_open(&bench) == 0);
	for (size_t i = 0; i < sizeof(text_cases) / sizeof(text_cases[0]); i++)
		CU_ASSERT(bench_agrees_on_text(&bench, text_cases[i], text_cases[i]));
	bench_close(&bench);
}

/* Wherever a segment ends: each case again, in two pieces, for every place there is to cut it. */
static void
cases_cut_anywhere_agree(void)
{
	struct bench bench;
	bool same = true;

	CU_ASSERT_FATAL(bench_open(&bench) == 0);
	bench.sides = SIDE_DATAGRAM;
	for (size_t i = 0; i < sizeof(text_cases) / sizeof(text_cases[0]) && same; i++) {
		const char *text = text_cases[i];
		size_t length = strlen(text);

		for (size_t cut = 1; cut < length && length <= CASE_CUT_MAX && same; cut++) {
			bench_forget(&bench);
			bench.side[SIDE_CUT].cut_at = 0;
			same = bench_agrees_on_text(&bench, "flush_all\r\n", "flush_all");
			bench.side[SIDE_CUT].cut_at = cut;
			same = same && bench_agrees_on_text(&bench, text, text);
		}
	}
	CU_ASSERT(same);
	bench_close(&bench);
}

/* --- counters ----------------------------------------------------------------------------- */

/* What memcached's `stats` says of a counter. */
static uint64_t
peer_counter(const struct bytes *stats, const char *name)
{
	char line[64];
	const char *found;

	snprintf(line, sizeof(line), "STAT %s ", name);
	found = strstr((const char *)stats->start, line);
	return found == NULL ? UINT64_MAX : strtoull(found + strlen(line), NULL, 10);
}

/* memcached counts what it meets that has expired or been flushed, in any command but not always. */
static bool
counter_is_loose(const char *name)
{
	return strcmp(name, "get_expired") == 0 || strcmp(name, "get_flushed") == 0;
}

static bool
counters_agree(struct bench *bench, const struct session *session)
{
	static const struct {
		const char *name;
		size_t offset;
	} counters[] = {
#define X(name, help) {#name, offsetof(struct proto_stats, name)},
		PROTO_STATS(X)
#undef X
	};
	struct bytes stats = {0};
	bool same = peer_ask(&bench->peer, (const uint8_t *)"stats\r\n", 7, &stats) == 0;

	bytes_add(&stats, "", 1);
	for (size_t i = 0; same && i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t ours, theirs = peer_counter(&stats, counters[i].name);

		memcpy(&ours, (const char *)&session->stats + counters[i].offset, sizeof(ours));
		if (theirs == UINT64_MAX || theirs == ours || counter_is_loose(counters[i].name))
			continue;
		printf("\n%s: memcached %" PRIu64 ", ours %" PRIu64, counters[i].name, theirs,
		       ours);
		same = false;
	}
	bytes_free(&stats);
	return same;
}

/* --- generated sequences ------------------------------------------------------------------ */

static bool
sequence_agrees(struct bench *bench, uint64_t seed)
{
	uint64_t random = seed;
	bool same = true;
	char name[64];

	bench_forget(bench);
	same = bench_agrees_on_text(bench, "flush_all\r\n", "flush_all");
	for (unsigned int part = 0; part < 2 && same; part++) {
		struct script script, inventory;

		snprintf(name, sizeof(name), "--seed %" PRIu64 " --sequences 1, part %u", seed,
			 part);
		generate_script(&script, &random);
		generate_inventory(&inventory);
		same = bench_agrees(bench, &script, name) && bench_agrees(bench, &inventory, name);
		script_free(&script);
		script_free(&inventory);
	}
	return same;
}

/* A sequence that there was no room for is put again, but not for ever. */
static void
generated_sequences_agree(void)
{
	struct bench bench;
	uint64_t done = 0;
	unsigned int repeats = 0;

	CU_ASSERT_FATAL(bench_open(&bench) == 0);
	while (sequences == 0 || done < sequences) {
		bench.starved = false;
		if (sequence_agrees(&bench, first_seed + done))
			done++;
		else if (!bench.starved || repeats++ == REPEATS_MAX)
			break;
		else
			usleep(REPEAT_AFTER_US);
	}
	printf("%" PRIu64 " sequences ", done);
	if (server != NULL)
		printf("(%" PRIu64 " TCP streams, %" PRIu64
		       " UDP datagrams, %u repeated for want of "
		       "memory) ",
		       bench.wire.streams, bench.wire.datagrams, repeats);
	CU_ASSERT(done == sequences);
	for (int i = SIDE_WHOLE; i < SIDE_WIRE; i++)
		CU_ASSERT(counters_agree(&bench, &bench.session[i]));
	bench_close(&bench);
}

SUITE_FUNCTION(suite_run, "against memcached", TEST(cases_by_hand_agree),
	       TEST(cases_cut_anywhere_agree), TEST(generated_sequences_agree))

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"sequences", required_argument, NULL, 'c'},
						{"server", required_argument, NULL, 'w'},
						{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			first_seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			sequences = strtoull(optarg, NULL, 0);
		else if (option == 'w')
			server = optarg;
		else
			return 2;
	}
	return suite_run();
}
