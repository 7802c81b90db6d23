/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h - workers on a port made of two rings: a test puts frames in, lets the workers run until
 * nothing is left, and takes the answers out. Everything runs on the test's one thread.
 */
#ifndef JACKDAW_TESTS_RIG_H
#define JACKDAW_TESTS_RIG_H

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/client.h"
#include "dataplane/worker.h"
#include "tests/net/frames.h"

enum {
	RIG_WORKERS_MAX = 2
};

struct rig {
	struct rte_mempool *pool;
	struct rte_ring *in, *out;
	uint16_t port;
	atomic_bool stop;
	struct store *store;
	unsigned int workers;
	struct worker *worker[RIG_WORKERS_MAX];
};

static inline struct rte_ring *
rig_ring(const char *name, unsigned int count)
{
	return rte_ring_create(name, count, SOCKET_ID_ANY, 0);
}

static inline void
rig_port(struct rig *rig, unsigned int out_size)
{
	static unsigned int rigs; /* a device's name can't be used again */
	struct rte_eth_conf conf = {0};
	char name[16];
	int port;

	rig->in = rig_ring("in", 4096);
	rig->out = rig_ring("out", out_size);
	snprintf(name, sizeof(name), "rig%u", rigs++);
	port = rte_eth_from_rings(name, &rig->in, 1, &rig->out, 1, 0);
	rig->port = (uint16_t)port;
	if (port < 0 || rte_eth_dev_configure(rig->port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(rig->port, 0, 64, 0, NULL, rig->pool) != 0 ||
	    rte_eth_tx_queue_setup(rig->port, 0, 64, 0, NULL) != 0 ||
	    rte_eth_dev_start(rig->port) != 0)
		exit(2);
}

static inline void
rig_tcp(struct worker *worker)
{
	struct tcp_owner owner = worker_tcp_owner(worker);
	struct tcp_options options = {.connections = 16,
				      .syn_backlog = 16,
				      .buffered = 1 << 20,
				      .unsent = 256 << 10,
				      .user_size = sizeof(struct client),
				      .rto_min = 200000,
				      .delayed_ack = 5000,
				      .no_progress = 30000000,
				      .time_wait = 60000000};

	worker->clock_scale = (uint64_t)(((unsigned __int128)1000000 << 64) / rte_get_tsc_hz());
	if (tcp_create(&worker->tcp, &options, &owner, &worker->tcp_stats, -1,
		       worker_now(worker)) != 0)
		exit(2);
}

static inline void
rig_worker(struct rig *rig, unsigned int index)
{
	struct worker *worker = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*worker));
	struct worker_port *port = &worker->ports[0];
	char name[16];

	memset(worker, 0, sizeof(*worker));
	worker->index = index;
	worker->workers = rig->workers;
	worker->port_count = 1;
	worker->burst = 32;
	worker->store = rig->store;
	worker->peers = rig->worker;
	worker->stop = &rig->stop;
	worker->limits.item_size_max = 1 << 20;
	worker->server.stats = &worker->proto;
	worker->server.version = "1.6.18";
	port->interface = frames_interface();
	port->pool = rig->pool;
	port->tcp.interface = &port->interface;
	port->tcp.pool = rig->pool;
	port->tcp.owner = port;
	port->id = rig->port;
	port->wake_fd = -1;
	port->owns_queue = index == 0;
	port->spreads = rig->workers > 1;
	port->strays = port->spreads;
	port->sender = rig->worker[0];
	worker->doorbell = -1;
	if (rig->workers > 1) {
		snprintf(name, sizeof(name), "packets%u", index);
		worker->packets_in = rig_ring(name, 64);
		snprintf(name, sizeof(name), "replies%u", index);
		worker->replies_in = rig_ring(name, 64);
		worker->doorbell = eventfd(0, EFD_NONBLOCK);
	}
	rig->worker[index] = worker;
	rig_tcp(worker);
}

/* One or two workers over a store of 64 MiB; the port takes out_size - 1 packets unfetched. */
static inline struct rig *
rig_start(unsigned int workers, unsigned int out_size)
{
	static struct rte_mempool *pool;
	struct rig *rig = calloc(1, sizeof(*rig));
	struct store_options options = {.memory = 64 << 20,
					.item_size_max = 1 << 20,
					.workers = workers,
					.shards = 1,
					.numa_nodes = {-1},
					.unix_time = 1000000000};

	if (pool == NULL)
		pool = frames_start();
	rig->pool = pool;
	rig->workers = workers;
	/* stopped from the start: worker_run serves what is there and returns */
	atomic_init(&rig->stop, true);
	if (store_create(&rig->store, &options) != 0)
		exit(2);
	rig_port(rig, out_size);
	for (unsigned int i = 0; i < workers; i++)
		rig_worker(rig, i);
	return rig;
}

/* Lets the workers run in turn until all that was put in is answered or dropped. */
static inline void
rig_run(struct rig *rig)
{
	for (unsigned int i = 0; i < rig->workers + 1; i++) {
		if (worker_run(rig->worker[i % rig->workers]) != 0)
			exit(2);
	}
}

static inline void
rig_put(struct rig *rig, const struct frame *frame)
{
	if (rte_ring_enqueue(rig->in, frame_mbuf(rig->pool, frame)) != 0)
		exit(2);
}

/* The next answer, or NULL. The caller frees it. */
static inline struct rte_mbuf *
rig_take(struct rig *rig)
{
	struct rte_mbuf *mbuf = NULL;

	rte_ring_dequeue(rig->out, (void **)&mbuf);
	return mbuf;
}

static inline uint64_t
rig_drops(const struct rig *rig)
{
	uint64_t drops = 0;

	for (unsigned int w = 0; w < rig->workers; w++) {
		for (unsigned int i = 0; i < NET_DROP_CAUSES; i++)
			drops += rig->worker[w]->net.drops[i];
	}
	return drops;
}

/* rx = answered + consumed + handed over but not taken + dropped, and no buffer is lost. */
static inline bool
rig_conserves(const struct rig *rig)
{
	uint64_t received = 0, accounted = rig_drops(rig);

	for (unsigned int w = 0; w < rig->workers; w++) {
		const struct net_stats *net = &rig->worker[w]->net;

		received += net->rx_packets + net->taken_over;
		accounted += net->answered + net->consumed + net->handed_over;
	}
	return received == accounted;
}

static inline void
rig_stop(struct rig *rig)
{
	struct rte_mbuf *mbuf;

	while ((mbuf = rig_take(rig)) != NULL)
		rte_pktmbuf_free(mbuf);
	rte_eth_dev_stop(rig->port);
	rte_eth_dev_close(rig->port);
	for (unsigned int i = 0; i < rig->workers; i++) {
		if (rig->workers > 1)
			close(rig->worker[i]->doorbell);
		tcp_destroy(rig->worker[i]->tcp);
		rte_ring_free(rig->worker[i]->packets_in);
		rte_ring_free(rig->worker[i]->replies_in);
		free(rig->worker[i]);
	}
	rte_ring_free(rig->in);
	rte_ring_free(rig->out);
	store_destroy(rig->store);
	free(rig);
}

#endif
