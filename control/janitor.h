/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * janitor.h - the thread that advances the store's clock and does its housekeeping: grace periods,
 * expiry, the reserve of free segments. It never runs on a worker's core where there is another.
 */
#ifndef JACKDAW_JANITOR_H
#define JACKDAW_JANITOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "dataplane/store/store.h"

struct janitor {
	struct store *store;
	pthread_t thread;
	bool running;
	atomic_bool stop;
};

/* Starts the thread. 0 or negative errno. Control thread. */
int janitor_start(struct janitor *janitor, struct store *store);

/* Ends the thread, if it was started; all workers must have ended. Control thread. */
void janitor_stop(struct janitor *janitor);

#endif
