/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idle.h - what a worker does with a turn that found nothing.
 *
 * It polls on for a while, so that a client at depth one never meets a sleeper; then it sleeps,
 * RCU-offline, until a packet arrives (where the port lies on a descriptor that can be polled),
 * another worker rings its bell, or a nap is over (where it can't be woken: memif).
 */
#ifndef JACKDAW_IDLE_H
#define JACKDAW_IDLE_H

#include <poll.h>
#include <stdint.h>

#include "dataplane/worker.h"

struct idle {
	uint64_t since;		   /* TSC of the first empty turn; 0: busy */
	uint64_t last;		   /* TSC of the last empty turn */
	uint64_t reaped;	   /* TSC of the last idle_reap */
	uint64_t spin, spin_again; /* cycles to poll before sleeping; after waking in vain */
	unsigned int vain;	   /* times in a row that a descriptor woke us for nothing */
	uint32_t sleep_us;	   /* at a time, at most */
	unsigned int count;
	struct pollfd fds[WORKER_PORTS_MAX + 1];
};

/* Prepares the calling worker's thread. */
void idle_begin(struct idle *idle, const struct worker *worker);

/* A turn found packets. */
static inline void
idle_busy(struct idle *idle)
{
	idle->since = 0;
	idle->vain = 0;
}

/* A turn found none: pauses the CPU or sleeps, as is due. */
void idle_pause(struct idle *idle, struct worker *worker);

/* Wakes a worker that sleeps, after something was put in one of its rings. Any worker. */
void idle_ring_bell(struct worker *worker);

#endif
