/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gp.h - grace periods: when has every worker let go of what it found before?
 *
 * The readers are workers, by quiescent states (QSBR; Desnoyers et al., "User-level implementations
 * of read-copy update", IEEE TPDS 2012): reading costs them nothing, they say once a loop that they
 * hold nothing. Two kinds of thread want to know:
 *
 *     the janitor   waits, by liburcu:     gp_wait
 *     a worker      must not wait: asks    gp_token ─▶ gp_poll, some loops later ─▶ gp_passed
 *
 * Grace periods are numbered. `started` is the last that began, `done` the last known to have ended.
 * What was unlinked while `started` was n may be reused once `done` exceeds n: the grace period n + 1
 * began after. A reader repeats in `seen` the number it read at its last quiescent state, so
 * a period has ended when all of them have seen its number; liburcu has no such question to ask
 * before 0.14. Nothing here but gp_wait blocks or makes a system call, except that liburcu's
 * quiescent state wakes a janitor who sleeps on it.
 */
#ifndef JACKDAW_STORE_GP_H
#define JACKDAW_STORE_GP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	GP_READERS_MAX = 65, /* STORE_WORKERS_MAX, and the janitor */
};

/* A reader's line: its value is changed by it alone. */
struct gp_reader {
	_Alignas(64) _Atomic uint64_t seen; /* UINT64_MAX: offline */
};

struct gp {
	_Alignas(64) _Atomic uint64_t started;
	_Atomic uint64_t done;
	_Atomic uint64_t waits;	  /* of gp_wait */
	_Atomic uint64_t last_us; /* how long the last one took */
	unsigned int readers;
	struct gp_reader reader[GP_READERS_MAX];
};

void gp_init(struct gp *gp, unsigned int readers);

/*
 * Makes the calling thread a reader, online. A thread may be several (it opens several workers): what it
 * announces to liburcu then holds for all of them.
 */
void gp_register(struct gp *gp, unsigned int reader);
void gp_unregister(struct gp *gp, unsigned int reader);

/*
 * The same without liburcu, for the thread that calls gp_wait, which needn't wait for itself: it is a reader
 * from enter to leave.
 */
void gp_enter(struct gp *gp, unsigned int reader);
void gp_leave(struct gp *gp, unsigned int reader);

/* The calling reader holds nothing. */
void gp_quiescent(struct gp *gp, unsigned int reader);

/* The calling reader holds nothing until it comes online again. */
void gp_offline(struct gp *gp, unsigned int reader);
void gp_online(struct gp *gp, unsigned int reader);

/* To be asked for after something was unlinked: it may be reused once this has passed. */
static inline uint64_t
gp_token(struct gp *gp)
{
	/* Adds nothing, but writes: so whoever starts the next grace period reads from here, and all
	 * who see that period's number see what was unlinked. release: the unlinking; acquire: others'
	 * tokens, in whose place ours now stands */
	return atomic_fetch_add_explicit(&gp->started, 0, memory_order_acq_rel);
}

static inline bool
gp_passed(const struct gp *gp, uint64_t token)
{
	/* acquire: all that readers did before the end of it */
	return atomic_load_explicit(&gp->done, memory_order_acquire) > token;
}

/* Looks whether the grace period that runs has ended; starts the next one if so. Any thread. */
void gp_poll(struct gp *gp);

/* Waits for a grace period. The janitor. */
void gp_wait(struct gp *gp);

#endif
