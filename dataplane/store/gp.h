/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gp.h - grace periods: the janitor waits until every worker has let go of what it found before.
 *
 * The readers are worker threads, by liburcu's QSBR flavour (Desnoyers et al., "User-level
 * implementations of read-copy update", IEEE TPDS 2012): reading costs them nothing, they say once
 * a loop that they hold nothing. gp_wait() blocks and belongs to the janitor alone. This is
 * the only file that knows liburcu; another back end replaces gp.c.
 */
#ifndef JACKDAW_STORE_GP_H
#define JACKDAW_STORE_GP_H

#include <stdatomic.h>
#include <stdint.h>

struct gp {
	_Atomic uint64_t completed; /* grace periods */
	_Atomic uint64_t last_us;   /* how long the last one took */
};

/*
 * Registers the calling thread as a reader, online. A thread may register more than once (it opens
 * two workers); what it announces then holds for all of them.
 */
void gp_register(void);
void gp_unregister(void);

/* The calling reader holds nothing. No wait; at most a futex wake when the janitor sleeps on us. */
void gp_quiescent(void);

/* The calling reader holds nothing until it comes online again. */
void gp_offline(void);
void gp_online(void);

/* Waits until every reader has been quiescent or offline since the call. Any thread. */
void gp_wait(struct gp *gp);

#endif
