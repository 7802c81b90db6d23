/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/relay.h"

#include <rte_cycles.h>
#include <sys/prctl.h>
#include <time.h>

#include "dataplane/idle.h"

enum {
	PAUSE_US = 1000,	/* between two rounds while there are watchers */
	PAUSE_ALONE_US = 50000, /* while there are none */
};

static struct watch_clock
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (struct watch_clock){
		.tsc = rte_rdtsc(),
		.tsc_hz = rte_get_tsc_hz(),
		.unix_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
	};
}

/* One round. True if there may be more to do at once. */
static bool
relay_round(struct relay *relay)
{
	struct watch_clock clock = clock_now();
	uint64_t wake;
	bool more = watch_relay(relay->watch, &clock, &wake);

	for (; wake != 0; wake &= wake - 1)
		idle_ring_bell(relay->workers[__builtin_ctzll(wake)]);
	return more;
}

static void *
relay_run(void *argument)
{
	struct relay *relay = argument;
	struct timespec pause = {.tv_sec = 0};

	prctl(PR_SET_NAME, "jackdaw-relay");
	/* relaxed: nothing is read that the stopper wrote before */
	while (!atomic_load_explicit(&relay->stop, memory_order_relaxed)) {
		if (relay_round(relay))
			continue;
		pause.tv_nsec = 1000L * (watch_is_idle(relay->watch) ? PAUSE_ALONE_US : PAUSE_US);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int
relay_create(struct relay *relay, unsigned int workers)
{
	return watch_create(&relay->watch, workers);
}

int
relay_start(struct relay *relay, struct worker **workers)
{
	int status;

	relay->workers = workers;
	atomic_init(&relay->stop, false);
	status = pthread_create(&relay->thread, NULL, relay_run, relay);
	relay->running = status == 0;
	return -status;
}

void
relay_stop(struct relay *relay)
{
	if (!relay->running)
		return;
	atomic_store_explicit(&relay->stop, true, memory_order_relaxed);
	pthread_join(relay->thread, NULL);
	relay->running = false;
}

void
relay_destroy(struct relay *relay)
{
	watch_destroy(relay->watch);
	relay->watch = NULL;
}
