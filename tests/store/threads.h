/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.h - a janitor thread for tests that run workers in earnest.
 */
#ifndef JACKDAW_TESTS_STORE_THREADS_H
#define JACKDAW_TESTS_STORE_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "dataplane/store/store.h"

struct janitor_thread {
	struct store *store;
	pthread_t thread;
	atomic_bool stop;
	uint64_t rounds;
};

static inline void *
janitor_thread_run(void *argument)
{
	struct janitor_thread *janitor = argument;
	struct timespec start, now, pause = {.tv_nsec = 1000000};

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!atomic_load(&janitor->stop)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		store_set_clock(janitor->store,
				(uint64_t)((now.tv_sec - start.tv_sec) * 1000 +
					   (now.tv_nsec - start.tv_nsec) / 1000000));
		janitor->rounds++;
		if (!store_janitor(janitor->store))
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static inline void
janitor_thread_start(struct janitor_thread *janitor, struct store *store)
{
	janitor->store = store;
	janitor->rounds = 0;
	atomic_init(&janitor->stop, false);
	pthread_create(&janitor->thread, NULL, janitor_thread_run, janitor);
}

/*
 * The caller's own worker, or NULL if it has none open. It must not be waited for while it waits: the
 * janitor may be in a grace period that lacks nothing but it.
 */
static inline void
janitor_thread_stop(struct janitor_thread *janitor, struct store_worker *worker)
{
	atomic_store(&janitor->stop, true);
	if (worker != NULL)
		store_offline(worker);
	pthread_join(janitor->thread, NULL);
	if (worker != NULL)
		store_online(worker);
}

#endif
