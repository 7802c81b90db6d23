/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * relay.h - the thread between workers and those who `watch` (dataplane/watch.h): makes lines of
 * events, and wakes the workers that have some to send.
 */
#ifndef JACKDAW_RELAY_H
#define JACKDAW_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dataplane/watch.h"

struct worker;

struct relay {
	struct watch *watch;
	struct worker **workers;
	pthread_t thread;
	bool running;
	atomic_bool stop;
};

/* What is watched, for so many workers. 0 or -ENOMEM. */
int relay_create(struct relay *relay, unsigned int workers);

/* The thread, when the workers are wired. 0 or negative errno. */
int relay_start(struct relay *relay, struct worker **workers);

/* Ends the thread, if it runs. */
void relay_stop(struct relay *relay);

/* When nobody tells anything any more. Fine if relay_create failed, or was not called. */
void relay_destroy(struct relay *relay);

#endif
