/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * line-transfer - how long a cache line takes from one CPU to another: what a packet costs, a few times over,
 * between two processes that share memory. Virtual CPUs wander over a host's cores, and it goes up and down by
 * a factor of six as they come to share a cache or not.
 *
 *     line-transfer CPU CPU    prints nanoseconds one way, the median of several runs
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/timing.h"

enum {
	RUNS = 15,
	ROUNDS = 2000, /* there and back */
	STOP = -1,
	LINE = 128, /* two lines: neighbours are fetched with each other */
};

/* Whose turn it is: 0 or 1, or STOP. */
static _Alignas(LINE) atomic_int turn;

static void __attribute__((noreturn)) fail(const char *what, int error)
{
	fprintf(stderr, "line-transfer: %s: %s\n", what, strerror(error));
	exit(1);
}

static void
run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		fail("pinning", errno);
}

/* Waits for our turn and gives it back; false: it is over. */
static bool
answer_once(void)
{
	int now;

	while ((now = atomic_load_explicit(&turn, memory_order_acquire)) == 0)
		;
	if (now == STOP)
		return false;
	atomic_store_explicit(&turn, 0, memory_order_release);
	return true;
}

static void *
answer(void *cpu)
{
	run_on(*(const int *)cpu);
	while (answer_once())
		;
	return NULL;
}

static double
one_way(void)
{
	double start = nanoseconds_now();

	for (int i = 0; i < ROUNDS; i++) {
		atomic_store_explicit(&turn, 1, memory_order_release);
		while (atomic_load_explicit(&turn, memory_order_acquire) != 0)
			;
	}
	return (nanoseconds_now() - start) / ROUNDS / 2;
}

int
main(int argc, char **argv)
{
	double run[RUNS];
	pthread_t thread;
	int rc, other;

	if (argc != 3) {
		fprintf(stderr, "usage: line-transfer CPU CPU\n");
		return 2;
	}
	run_on(atoi(argv[1]));
	other = atoi(argv[2]);
	rc = pthread_create(&thread, NULL, answer, &other);
	if (rc != 0)
		fail("a thread", rc);
	for (int i = 0; i < RUNS; i++)
		run[i] = one_way();
	atomic_store_explicit(&turn, STOP, memory_order_release);
	rc = pthread_join(thread, NULL);
	if (rc != 0)
		fail("joining", rc);
	qsort(run, RUNS, sizeof(run[0]), by_value);
	printf("%.1f\n", run[RUNS / 2]);
	return 0;
}
