/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/gp.h"

#include <time.h>
#include <urcu/urcu-qsbr.h>

#define OFFLINE UINT64_MAX

#ifdef __SANITIZE_THREAD__
/*
 * ThreadSanitizer can't see through liburcu's own barriers. These tell it of the one order that
 * gp_wait relies on: all that a reader did before it was quiescent happens before the end of it.
 */
void AnnotateHappensBefore(const char *file, int line, const volatile void *address);
void AnnotateHappensAfter(const char *file, int line, const volatile void *address);
#define READER_DONE(gp)	 AnnotateHappensBefore(__FILE__, __LINE__, &(gp)->waits)
#define READERS_SEEN(gp) AnnotateHappensAfter(__FILE__, __LINE__, &(gp)->waits)
#else
#define READER_DONE(gp)
#define READERS_SEEN(gp)
#endif

/* How often this thread is registered: liburcu knows it once. */
static _Thread_local unsigned int registrations;

void
gp_init(struct gp *gp, unsigned int readers)
{
	gp->readers = readers;
	atomic_init(&gp->started, 1);
	atomic_init(&gp->done, 1);
	for (unsigned int i = 0; i < readers; i++)
		atomic_init(&gp->reader[i].seen, OFFLINE);
}

/* --- readers ------------------------------------------------------------------------------- */

/* Repeats the number of the last grace period, if it is a new one. */
static void
reader_see(struct gp *gp, struct gp_reader *reader)
{
	/* acquire: our next reads come after */
	uint64_t started = atomic_load_explicit(&gp->started, memory_order_acquire);

	/* relaxed: ours alone. seq_cst: release of what we read before; and what we read next is read
	 * after others can see this, so that it isn't something unlinked before */
	if (atomic_load_explicit(&reader->seen, memory_order_relaxed) != started)
		atomic_exchange_explicit(&reader->seen, started, memory_order_seq_cst);
}

static void
reader_leave(struct gp_reader *reader)
{
	/* release: all that we read was before */
	atomic_store_explicit(&reader->seen, OFFLINE, memory_order_release);
}

void
gp_register(struct gp *gp, unsigned int reader)
{
	if (registrations++ == 0)
		urcu_qsbr_register_thread();
	reader_see(gp, &gp->reader[reader]);
}

void
gp_unregister(struct gp *gp, unsigned int reader)
{
	reader_leave(&gp->reader[reader]);
	READER_DONE(gp);
	if (--registrations == 0)
		urcu_qsbr_unregister_thread();
}

void
gp_quiescent(struct gp *gp, unsigned int reader)
{
	READER_DONE(gp);
	urcu_qsbr_quiescent_state();
	reader_see(gp, &gp->reader[reader]);
}

void
gp_offline(struct gp *gp, unsigned int reader)
{
	reader_leave(&gp->reader[reader]);
	READER_DONE(gp);
	urcu_qsbr_thread_offline();
}

void
gp_online(struct gp *gp, unsigned int reader)
{
	urcu_qsbr_thread_online();
	reader_see(gp, &gp->reader[reader]);
}

/* --- those who want to know ---------------------------------------------------------------- */

static void
gp_end(struct gp *gp, uint64_t number)
{
	uint64_t done = atomic_load_explicit(&gp->done, memory_order_relaxed);

	/* release: all that readers did before (we acquired it); for gp_passed */
	while (done < number &&
	       !atomic_compare_exchange_weak_explicit(&gp->done, &done, number,
						      memory_order_acq_rel, memory_order_relaxed))
		;
}

static bool
all_have_seen(const struct gp *gp, uint64_t number)
{
	for (unsigned int i = 0; i < gp->readers; i++)
		/* seq_cst: pairs with the exchange in reader_see; acquire of what was read before */
		if (atomic_load_explicit(&gp->reader[i].seen, memory_order_seq_cst) < number)
			return false;
	return true;
}

void
gp_poll(struct gp *gp)
{
	/* seq_cst: in one order with tokens */
	uint64_t started = atomic_load_explicit(&gp->started, memory_order_seq_cst);

	/* relaxed: should it lag, we look once more */
	if (atomic_load_explicit(&gp->done, memory_order_relaxed) < started) {
		if (!all_have_seen(gp, started))
			return;
		gp_end(gp, started);
	}
	/* seq_cst: tokens taken before are smaller. If it fails another has started it */
	atomic_compare_exchange_strong_explicit(&gp->started, &started, started + 1,
						memory_order_seq_cst, memory_order_relaxed);
}

void
gp_wait(struct gp *gp)
{
	struct timespec start, end;
	/* seq_cst: as in gp_poll */
	uint64_t number = atomic_fetch_add_explicit(&gp->started, 1, memory_order_seq_cst) + 1;

	clock_gettime(CLOCK_MONOTONIC, &start);
	urcu_qsbr_synchronize_rcu();
	READERS_SEEN(gp);
	clock_gettime(CLOCK_MONOTONIC, &end);
	gp_end(gp, number);
	/* relaxed, both: statistics */
	atomic_store_explicit(&gp->last_us,
			      (uint64_t)((end.tv_sec - start.tv_sec) * 1000000 +
					 (end.tv_nsec - start.tv_nsec) / 1000),
			      memory_order_relaxed);
	atomic_fetch_add_explicit(&gp->waits, 1, memory_order_relaxed);
}
