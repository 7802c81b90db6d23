/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idle.h - what a worker does with a turn that found nothing.
 *
 * Three steps, by the time since the last packet: poll on at once, so that a client at depth one
 * never meets a sleeper; then sleep in naps that double up to a limit, RCU-offline, so that an idle
 * machine is left alone. The first packet after a pause waits for at most one nap.
 */
#ifndef JACKDAW_IDLE_H
#define JACKDAW_IDLE_H

#include <stdint.h>

struct store_worker;
struct worker_stats;

struct idle {
	uint64_t since;		     /* TSC of the first empty turn; 0: busy */
	uint64_t last;		     /* TSC of the last empty turn */
	uint64_t spin;		     /* cycles to poll before the first nap */
	uint32_t nap_us, nap_max_us; /* next nap, longest nap; 0: never sleep */
};

/* Prepares the calling worker thread: naps of at most nap_max_us microseconds (0: spin for ever). */
void idle_begin(struct idle *idle, uint32_t nap_max_us);

/* A turn found packets. */
void idle_busy(struct idle *idle);

/* A turn found none: pauses the CPU or sleeps, as is due. */
void idle_pause(struct idle *idle, struct store_worker *store, struct worker_stats *stats);

#endif
