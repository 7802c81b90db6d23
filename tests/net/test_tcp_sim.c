/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP against TCP over bad lines, many seeded runs in virtual time.
 *
 *     test_tcp_sim                          the suite: seeds that once failed, and some thousands
 *     test_tcp_sim --seed N [--runs N]      these, however many
 *                  [--general]              … without the plain way (tcp_plain.c)
 *                  [--verbose]              … with the plan and every segment of each run
 */
#include <getopt.h>
#include <time.h>

#include "tests/net/frames.h"
#include "tests/net/tcp_sim_verdict.h"
#include "tests/suite.h"

enum {
	SUITE_RUNS = 3000,
	COMPARED_RUNS = 300,
	FAILURES_SHOWN = 20
};

static struct rte_mempool *pools[SIM_ENDS];
static struct sim sim;

static void
start(void)
{
	static const char *const names[] = {"client", "server"};

	if (pools[0] != NULL)
		return;
	frames_start();
	sim_pattern_make();
	/* one thread: no cache and no atomics make a light pool */
	for (int i = 0; i < SIM_ENDS; i++)
		pools[i] = rte_pktmbuf_pool_create_by_ops(names[i], SIM_MBUFS, 0, 0,
							  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY,
							  "ring_sp_sc");
	if (pools[0] == NULL || pools[1] == NULL) {
		fprintf(stderr, "no packet buffers for the test\n");
		exit(2);
	}
}

static void
print_tally(const struct sim_tally *tally, double seconds)
{
	printf("%llu runs, %llu failed, in %.1f s; %llu connections, %llu gave up on "
	       "heavy loss, "
	       "%llu ghosts; %llu frames, %llu of them the plain way, %llu bytes read, "
	       "%.0f virtual hours\n",
	       (unsigned long long)tally->runs, (unsigned long long)tally->failures, seconds,
	       (unsigned long long)tally->connections, (unsigned long long)tally->gave_up,
	       (unsigned long long)tally->ghosts, (unsigned long long)tally->frames,
	       (unsigned long long)tally->plain_frames, (unsigned long long)tally->bytes,
	       (double)tally->virtual_time / 3600e6);
#define X(name, help) printf("  %s %llu", #name, (unsigned long long)tally->stats.name);
	TCP_STATS(X)
#undef X
	printf("\n");
}

/* Runs seeds from `seed` on, tells which failed, and stops after some. */
static void
play(uint64_t seed, uint64_t runs, bool general, bool verbose, struct sim_tally *tally)
{
	start();
	for (uint64_t i = 0; i < runs && tally->failures < FAILURES_SHOWN; i++) {
		bool good;

		if (verbose) {
			static struct sim_plan plan;

			sim_plan_draw(&plan, seed + i);
			sim_plan_print(&plan);
		}
		good = sim_play(&sim, seed + i, pools, general, verbose, tally);
		if (!good)
			printf("seed %lu: %s\n", seed + i, sim.failure);
	}
}

static void
all_runs_are_clean(void)
{
	struct sim_tally tally = {0};

	play(1, SUITE_RUNS, false, false, &tally);
	CU_ASSERT_EQUAL(tally.failures, 0);
	/* on lines this bad some connections are given up, but they are rare */
	CU_ASSERT(tally.gave_up * 500 <= tally.connections);
	/* the runs did meet what they are for */
#define X(name) CU_ASSERT(tally.stats.name > 0);
	X(fast_retransmits)
	X(tail_loss_probes)
	X(timeouts)
	X(window_probes)
	X(keepalive_probes)
	X(cookies_accepted)
	X(out_of_order)
	X(duplicate_bytes)
	X(challenge_acks)
	X(bad_ack)
#undef X
}

/* Each once failed, for the reason told. */
static void
seeds_that_failed_are_clean(void)
{
	static const struct {
		uint64_t seed;
		const char *reason;
	} seeds[] = {
		{8434, "data that overtook the cookie's ACK was answered by a reset"},
		{297, "the same, with two of them"},
		{30274, "a cookie's ACK that came again made a connection that nobody has"},
		{4031, "that connection's segments were held against the one before"},
		{326559, "a copy of a SYN opened half of what a cookie had been sent for"},
		{78212, "400,104 bytes, one every 18 ms, take more than two hours"},
	};

	for (size_t i = 0; i < RTE_DIM(seeds); i++) {
		struct sim_tally tally = {0};

		play(seeds[i].seed, 1, false, false, &tally);
		if (tally.failures != 0)
			printf("again: %s\n", seeds[i].reason);
		CU_ASSERT_EQUAL(tally.failures, 0);
	}
}

/* The same seed is the same run, to the last segment. */
static void
a_run_repeats_itself(void)
{
	for (uint64_t seed = 100; seed < 120; seed++) {
		struct sim_tally first = {0}, second = {0};

		play(seed, 1, false, false, &first);
		play(seed, 1, false, false, &second);
		CU_ASSERT_EQUAL(memcmp(&first, &second, sizeof(first)), 0);
	}
}

/* What goes the plain way, segment by segment, comes to what the general way would have done with it. */
static void
the_plain_way_changes_nothing(void)
{
	uint64_t frames = 0, plain_frames = 0;

	for (uint64_t seed = 1; seed <= COMPARED_RUNS; seed++) {
		struct sim_tally plain = {0}, general = {0};

		play(seed, 1, false, false, &plain);
		play(seed, 1, true, false, &general);
		CU_ASSERT_EQUAL(general.plain_frames, 0);
		frames += plain.frames;
		plain_frames += plain.plain_frames;
		plain.plain_frames = 0;
		CU_ASSERT_EQUAL(memcmp(&plain, &general, sizeof(plain)), 0);
	}
	CU_ASSERT(plain_frames * 10 > frames);
}

SUITE_FUNCTION(suite_run, "TCP over bad lines", TEST(seeds_that_failed_are_clean),
	       TEST(a_run_repeats_itself), TEST(the_plain_way_changes_nothing),
	       TEST(all_runs_are_clean))

int
main(int argc, char *argv[])
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"runs", required_argument, NULL, 'r'},
						{"general", no_argument, NULL, 'g'},
						{"verbose", no_argument, NULL, 'v'},
						{0}};
	struct sim_tally tally = {0};
	uint64_t seed = 1, runs = 1;
	bool general = false, verbose = false;
	clock_t begin = clock();
	int option;

	if (argc == 1)
		return suite_run();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			runs = strtoull(optarg, NULL, 0);
			break;
		case 'g':
			general = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	}
	play(seed, runs, general, verbose, &tally);
	print_tally(&tally, (double)(clock() - begin) / CLOCKS_PER_SEC);
	return tally.failures != 0;
}
