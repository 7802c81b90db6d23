/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/gp.h"

#include <time.h>
#include <urcu/urcu-qsbr.h>

#ifdef __SANITIZE_THREAD__
/*
 * ThreadSanitizer can't see through liburcu's own barriers. These tell it of the one order that the
 * store relies on: all that a reader did before it was quiescent happens before the end of gp_wait.
 */
void AnnotateHappensBefore(const char *file, int line, const volatile void *address);
void AnnotateHappensAfter(const char *file, int line, const volatile void *address);
static char readers_done;
#define READER_DONE()  AnnotateHappensBefore(__FILE__, __LINE__, &readers_done)
#define READERS_SEEN() AnnotateHappensAfter(__FILE__, __LINE__, &readers_done)
#else
#define READER_DONE()
#define READERS_SEEN()
#endif

/* How often this thread is registered: liburcu knows it once. */
static _Thread_local unsigned int registrations;

void
gp_register(void)
{
	if (registrations++ == 0)
		urcu_qsbr_register_thread();
}

void
gp_unregister(void)
{
	READER_DONE();
	if (--registrations == 0)
		urcu_qsbr_unregister_thread();
}

void
gp_quiescent(void)
{
	READER_DONE();
	urcu_qsbr_quiescent_state();
}

void
gp_offline(void)
{
	READER_DONE();
	urcu_qsbr_thread_offline();
}

void
gp_online(void)
{
	urcu_qsbr_thread_online();
}

void
gp_wait(struct gp *gp)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	urcu_qsbr_synchronize_rcu();
	READERS_SEEN();
	clock_gettime(CLOCK_MONOTONIC, &end);
	/* relaxed: statistics */
	atomic_store_explicit(&gp->last_us,
			      (uint64_t)((end.tv_sec - start.tv_sec) * 1000000 +
					 (end.tv_nsec - start.tv_nsec) / 1000),
			      memory_order_relaxed);
	atomic_fetch_add_explicit(&gp->completed, 1, memory_order_relaxed);
}
