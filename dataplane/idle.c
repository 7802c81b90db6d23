/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/idle.h"

#include "dataplane/listing.h"
#include "dataplane/observe.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

enum {
	SPIN_US = 2000,	    /* polling goes on this long before the first sleep */
	SPIN_AGAIN_US = 50, /* and this long after waking, in case the packet is on its way */
	SLEEP_US = 50000,   /* for a worker that everything can wake; stopping is noticed then */
	REAP_US = 1000,	    /* between two looks for sent packets */
	VAIN_MAX = 3,	    /* wakings for nothing before a descriptor is mistrusted */
};

static void
idle_watch(struct idle *idle, int fd)
{
	idle->fds[idle->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

void
idle_begin(struct idle *idle, const struct worker *worker)
{
	*idle = (struct idle){.sleep_us = SLEEP_US};
	idle->spin = rte_get_tsc_hz() / 1000000 * SPIN_US;
	idle->spin_again = rte_get_tsc_hz() / 1000000 * SPIN_AGAIN_US;
	for (unsigned int i = 0; i < worker->port_count; i++) {
		const struct worker_port *port = &worker->ports[i];

		if (port->owns_queue && port->wake_fd >= 0)
			idle_watch(idle, port->wake_fd);
		else if (port->owns_queue)
			idle->sleep_us = worker->nap_us;
	}
	if (worker->doorbell >= 0)
		idle_watch(idle, worker->doorbell);
	/* the kernel's default slack of 50 us would lengthen every nap */
	prctl(PR_SET_TIMERSLACK, 1UL);
}

/* True if something is there for us that was put there before the bell could be rung. */
static bool
idle_has_mail(const struct worker *worker)
{
	if (worker->packets_in != NULL &&
	    (!rte_ring_empty(worker->packets_in) || !rte_ring_empty(worker->replies_in)))
		return true;
	return listing_has_mail(worker) || observe_has_mail(worker);
}

/*
 * Drivers look for the buffers of sent packets only when they send: af_xdp's leaves as many as its ring
 * has places, and receives nothing for want of buffers while it has nothing to send either.
 */
static void
idle_reap(struct idle *idle, struct worker *worker, uint64_t now)
{
	if (now - idle->reaped < rte_get_tsc_hz() / 1000000 * REAP_US)
		return;
	idle->reaped = now;
	for (unsigned int i = 0; i < worker->port_count; i++) {
		const struct worker_port *port = &worker->ports[i];

		if (port->owns_queue)
			rte_eth_tx_burst(port->id, port->queue, NULL, 0);
	}
}

static void
idle_sleep(struct idle *idle, struct worker *worker)
{
	/* a descriptor that is always ready (an interface that went down) must not keep us awake */
	bool mistrusted = idle->vain >= VAIN_MAX;
	uint64_t timer_us = tcp_next_timer(worker->tcp);
	uint64_t sleep_us = RTE_MIN(mistrusted ? worker->nap_us : idle->sleep_us, timer_us);
	struct timespec timeout = {.tv_nsec = (long)sleep_us * 1000};
	eventfd_t rings;

	/* relaxed, then a full fence: pairs with the one in idle_ring_bell, so that either we see
	 * what was put in our rings or the other sees that we sleep */
	atomic_store_explicit(&worker->asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (!idle_has_mail(worker)) {
		worker->stats.sleeps++;
		store_offline(worker->server.store);
		if (ppoll(idle->fds, mistrusted ? 0 : idle->count, &timeout, NULL) > 0)
			idle->vain++;
		store_online(worker->server.store);
	}
	/* relaxed: only says that a bell is no longer needed; a late one is harmless */
	atomic_store_explicit(&worker->asleep, false, memory_order_relaxed);
	if (worker->doorbell >= 0)
		eventfd_read(worker->doorbell, &rings);
	idle->since = rte_rdtsc() - idle->spin + idle->spin_again;
}

void
idle_pause(struct idle *idle, struct worker *worker)
{
	uint64_t now = rte_rdtsc();

	if (idle->since == 0)
		idle->since = now;
	else
		worker->stats.cycles_idle += now - idle->last;
	idle->last = now;
	idle_reap(idle, worker, now);
	if (worker->nap_us == 0 || now - idle->since < idle->spin)
		rte_pause();
	else
		idle_sleep(idle, worker);
}

void
idle_ring_bell(struct worker *worker)
{
	/* pairs with the fence in idle_sleep */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&worker->asleep, memory_order_relaxed))
		eventfd_write(worker->doorbell, 1);
}
