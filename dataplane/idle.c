/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/idle.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#include "dataplane/store/store.h"
#include "dataplane/worker.h"

enum {
	SPIN_US = 2000, /* polling goes on this long before the first nap */
	NAP_FIRST_US = 20,
};

void
idle_begin(struct idle *idle, uint32_t nap_max_us)
{
	idle->since = 0;
	idle->spin = rte_get_tsc_hz() / 1000000 * SPIN_US;
	idle->nap_max_us = nap_max_us;
	/* the kernel's default slack of 50 us would double the shorter naps */
	prctl(PR_SET_TIMERSLACK, 1UL);
}

void
idle_busy(struct idle *idle)
{
	idle->since = 0;
}

static void
idle_nap(struct idle *idle, struct store_worker *store, struct worker_stats *stats)
{
	struct timespec nap = {.tv_nsec = (long)idle->nap_us * 1000};

	stats->naps++;
	store_offline(store);
	nanosleep(&nap, NULL);
	store_online(store);
	idle->nap_us *= 2;
	if (idle->nap_us > idle->nap_max_us)
		idle->nap_us = idle->nap_max_us;
}

void
idle_pause(struct idle *idle, struct store_worker *store, struct worker_stats *stats)
{
	uint64_t now = rte_rdtsc();

	if (idle->since == 0) {
		idle->since = now;
		idle->nap_us = idle->nap_max_us < NAP_FIRST_US ? idle->nap_max_us : NAP_FIRST_US;
	} else {
		stats->cycles_idle += now - idle->last;
	}
	idle->last = now;
	if (idle->nap_max_us == 0 || now - idle->since < idle->spin)
		rte_pause();
	else
		idle_nap(idle, store, stats);
}
