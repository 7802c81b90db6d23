/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/janitor.h"

#include <sys/prctl.h>
#include <time.h>

enum {
	PAUSE_MIN_US = 1000, /* between two rounds when the last one had work */
	PAUSE_MAX_US = 8000, /* when there was none for a while; also the clock's grain */
	STINT_US = 50,	     /* of rounds without a rest */
	REST_MAX_US = 1000,
};

static int64_t
microseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)(now.tv_sec - start->tv_sec) * 1000000 +
	       (now.tv_nsec - start->tv_nsec) / 1000;
}

static void
sleep_us(int64_t us)
{
	const struct timespec pause = {.tv_nsec = us * 1000};

	nanosleep(&pause, NULL);
}

/*
 * Rounds until there is no work, or for one stint and a rest as long as it was. What needs the CPU as
 * well (a worker on a machine of one CPU, a client on the test bench) then waits for microseconds, where
 * the scheduler, left to itself, would let it wait for its slice: milliseconds. True if there was work.
 */
static bool
work_and_rest(struct janitor *janitor, const struct timespec *start)
{
	int64_t began = microseconds_since(start), worked;
	bool worked_at_all = false;

	do {
		store_set_clock(janitor->store, (uint64_t)microseconds_since(start) / 1000);
		if (!store_janitor(janitor->store))
			return worked_at_all;
		worked_at_all = true;
		worked = microseconds_since(start) - began;
	} while (worked < STINT_US);
	sleep_us(worked < REST_MAX_US ? worked : REST_MAX_US);
	return true;
}

static void *
janitor_run(void *argument)
{
	struct janitor *janitor = argument;
	struct timespec start;
	int64_t pause_us = PAUSE_MIN_US;

	prctl(PR_SET_NAME, "jackdaw-janitor");
	/* the kernel's default slack of 50 us would double a rest */
	prctl(PR_SET_TIMERSLACK, 1UL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	/* relaxed: nothing is read that the stopper wrote before */
	while (!atomic_load_explicit(&janitor->stop, memory_order_relaxed)) {
		if (work_and_rest(janitor, &start)) {
			pause_us = PAUSE_MIN_US;
			continue;
		}
		sleep_us(pause_us);
		if (pause_us < PAUSE_MAX_US)
			pause_us *= 2;
	}
	return NULL;
}

int
janitor_start(struct janitor *janitor, struct store *store)
{
	int status;

	janitor->store = store;
	atomic_init(&janitor->stop, false);
	status = pthread_create(&janitor->thread, NULL, janitor_run, janitor);
	janitor->running = status == 0;
	return -status;
}

void
janitor_stop(struct janitor *janitor)
{
	if (!janitor->running)
		return;
	atomic_store_explicit(&janitor->stop, true, memory_order_relaxed);
	pthread_join(janitor->thread, NULL);
	janitor->running = false;
}
