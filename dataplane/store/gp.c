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

/*
 * Repeats the number of the last grace period, if it is a new one. Not to be ordered with what the
 * reader does next: who read the number has read all that was unlinked before it (gp_token).
 */
static void
reader_see(struct gp *gp, struct gp_reader *reader)
{
	/* acquire: our next reads come after what was unlinked before that period began */
	uint64_t started = atomic_load_explicit(&gp->started, memory_order_acquire);

	/* relaxed: ours alone. release: what we read before was before */
	if (atomic_load_explicit(&reader->seen, memory_order_relaxed) != started)
		atomic_store_explicit(&reader->seen, started, memory_order_release);
}

void
gp_enter(struct gp *gp, unsigned int reader)
{
	/* From now on this reader is waited for. acquire, as reader_see; if another period has
	 * begun since, we see it at the next quiescent state */
	uint64_t started = atomic_load_explicit(&gp->started, memory_order_acquire);

	/* acquire: if somebody found us offline just before, and ended a period without us, all
	 * that was unlinked before it (reader_is_past); release: so that the next one finds us */
	atomic_exchange_explicit(&gp->reader[reader].seen, started, memory_order_acq_rel);
}

void
gp_leave(struct gp *gp, unsigned int reader)
{
	/* release: all that we read was before */
	atomic_store_explicit(&gp->reader[reader].seen, OFFLINE, memory_order_release);
}

void
gp_register(struct gp *gp, unsigned int reader)
{
	if (registrations++ == 0)
		urcu_qsbr_register_thread();
	gp_enter(gp, reader);
}

void
gp_unregister(struct gp *gp, unsigned int reader)
{
	gp_leave(gp, reader);
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
	gp_leave(gp, reader);
	READER_DONE(gp);
	urcu_qsbr_thread_offline();
}

void
gp_online(struct gp *gp, unsigned int reader)
{
	urcu_qsbr_thread_online();
	gp_enter(gp, reader);
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
reader_is_past(struct gp_reader *reader, uint64_t number)
{
	/* acquire: what the reader read before; pairs with reader_see and reader_leave */
	uint64_t seen = atomic_load_explicit(&reader->seen, memory_order_acquire);

	/* It may be coming back. A write, though it adds nothing: either this finds it online, or
	 * it finds, by its exchange, what we know. acquire, as above; release, for that exchange */
	if (seen == OFFLINE)
		seen = atomic_fetch_add_explicit(&reader->seen, 0, memory_order_acq_rel);
	return seen >= number;
}

static bool
all_have_seen(struct gp *gp, uint64_t number)
{
	for (unsigned int i = 0; i < gp->readers; i++)
		if (!reader_is_past(&gp->reader[i], number))
			return false;
	return true;
}

void
gp_poll(struct gp *gp)
{
	/* acquire: what was unlinked before that period began */
	uint64_t started = atomic_load_explicit(&gp->started, memory_order_acquire);

	/* relaxed: should it lag, we look once more */
	if (atomic_load_explicit(&gp->done, memory_order_relaxed) < started) {
		if (!all_have_seen(gp, started))
			return;
		gp_end(gp, started);
	}
	/* acquire: whoever took a smaller token has unlinked before; release: so that readers know.
	 * If it fails another has started it */
	atomic_compare_exchange_strong_explicit(&gp->started, &started, started + 1,
						memory_order_acq_rel, memory_order_relaxed);
}

void
gp_wait(struct gp *gp)
{
	struct timespec start, end;
	/* acq_rel: as in gp_poll */
	uint64_t number = atomic_fetch_add_explicit(&gp->started, 1, memory_order_acq_rel) + 1;

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
