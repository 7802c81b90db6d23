/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every byte of our replies against those of memcached 1.6.18, run as a child. Hand-written cases
 * first; then generated sequences, which we get three ways at once (whole; cut at random; as a
 * datagram whose reply is written over its request) and memcached whole.
 *
 *     test_differential [--seed N] [--count N] [--states]     count 0: until something differs
 *
 * --states: meta commands also ask for stale items, winners, times to live and since use.
 */
#include <getopt.h>

#include "tests/proto/generate.h"
#include "tests/proto/peer.h"
#include "tests/proto/text_cases.h"
#include "tests/suite.h"

enum {
	MEMORY = 256 << 20,
	CUT_MAX = 40, /* bytes, of the pieces a cut stream comes in */
};

static uint64_t first_seed = 1;
static uint64_t sequences = 4000;
static bool states; /* of items, that only meta commands see */

/* The same stream put to one of the servers. */
struct side {
	const char *name;
	struct session *session; /* NULL: memcached */
	uint32_t cut;
	bool datagram;
	struct uniques uniques;
	struct bytes asked, raw, answer;
};

enum {
	SIDE_PEER,
	SIDE_WHOLE,
	SIDE_CUT,
	SIDE_DATAGRAM,
	SIDES,
};

struct bench {
	struct peer peer;
	struct session session[SIDES];
	struct side side[SIDES];
	struct bytes asked, answered; /* of memcached, since the sequence began */
};

static int
bench_open(struct bench *bench)
{
	static const char *const names[SIDES] = {"memcached", "whole", "cut", "datagram"};

	memset(bench, 0, sizeof(*bench));
	if (peer_start(&bench->peer) != 0) {
		printf("memcached does not start\n");
		return -1;
	}
	for (int i = 0; i < SIDES; i++) {
		bench->side[i].name = names[i];
		if (i == SIDE_PEER)
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
	peer_stop(&bench->peer);
}

static int
side_ask(struct bench *bench, struct side *side, const struct script *script)
{
	side->asked.length = 0;
	side->raw.length = 0;
	side->answer.length = 0;
	script_fill(script, &side->uniques, &side->asked);
	if (side->session == NULL) {
		if (peer_ask(&bench->peer, side->asked.start, side->asked.length, &side->raw) != 0)
			return -1;
	} else {
		session_restart(side->session, side->datagram);
		if (side->datagram)
			session_datagram(side->session, side->asked.start, side->asked.length);
		else
			session_feed(side->session, side->asked.start, side->asked.length,
				     side->cut);
		bytes_add(&side->raw, side->session->out.start, side->session->out.length);
	}
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

/* Puts a script to all sides. True if all answer the same; says what differs otherwise. */
static bool
bench_agrees(struct bench *bench, const struct script *script, const char *name)
{
	struct side *peer = &bench->side[SIDE_PEER];
	bool same = true;

	for (int i = 0; i < SIDES; i++) {
		struct side *side = &bench->side[i];

		if (side_ask(bench, side, script) != 0) {
			printf("\n%s: no answer from memcached", name);
			return false;
		}
		if (side->answer.length == peer->answer.length &&
		    (side->answer.length == 0 ||
		     memcmp(side->answer.start, peer->answer.start, side->answer.length) == 0))
			continue;
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

		snprintf(name, sizeof(name), "--seed %" PRIu64 " --count 1, part %u", seed, part);
		generate_script(&script, &random, states);
		generate_inventory(&inventory);
		same = bench_agrees(bench, &script, name) && bench_agrees(bench, &inventory, name);
		script_free(&script);
		script_free(&inventory);
	}
	return same;
}

static void
generated_sequences_agree(void)
{
	struct bench bench;
	uint64_t done = 0;

	CU_ASSERT_FATAL(bench_open(&bench) == 0);
	while (sequences == 0 || done < sequences) {
		if (!sequence_agrees(&bench, first_seed + done))
			break;
		done++;
	}
	printf("%" PRIu64 " sequences ", done);
	CU_ASSERT(done == sequences);
	for (int i = SIDE_WHOLE; i < SIDES; i++)
		CU_ASSERT(counters_agree(&bench, &bench.session[i]));
	bench_close(&bench);
}

SUITE_FUNCTION(suite_run, "against memcached", TEST(cases_by_hand_agree),
	       TEST(generated_sequences_agree))

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"count", required_argument, NULL, 'c'},
						{"states", no_argument, NULL, 't'},
						{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			first_seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			sequences = strtoull(optarg, NULL, 0);
		else if (option == 't')
			states = true;
		else
			return 2;
	}
	return suite_run();
}
