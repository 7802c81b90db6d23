/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/janitor.h"

#include <sys/prctl.h>
#include <time.h>

enum {
	PAUSE_MIN_US = 1000, /* between two rounds when the last one had work */
	PAUSE_MAX_US = 8000, /* when there was none for a while; also the clock's grain */
};

static uint64_t
milliseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - start->tv_sec) * 1000 +
			  (now.tv_nsec - start->tv_nsec) / 1000000);
}

static void *
janitor_run(void *argument)
{
	struct janitor *janitor = argument;
	struct timespec start, pause = {.tv_nsec = 0};
	long pause_us = PAUSE_MIN_US;

	prctl(PR_SET_NAME, "jackdaw-janitor");
	clock_gettime(CLOCK_MONOTONIC, &start);
	/* relaxed: nothing is read that the stopper wrote before */
	while (!atomic_load_explicit(&janitor->stop, memory_order_relaxed)) {
		store_set_clock(janitor->store, milliseconds_since(&start));
		if (store_janitor(janitor->store)) {
			pause_us = PAUSE_MIN_US;
			continue;
		}
		pause.tv_nsec = pause_us * 1000;
		nanosleep(&pause, NULL);
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
