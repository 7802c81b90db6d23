/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.h - a worker: one thread on one core that takes packets from its queue of every port,
 * serves their requests from the store and sends the answers, to completion, without a lock.
 *
 *     worker_turn:  receive ─▶ parse ─▶ probe ─▶ execute ─▶ write ─▶ transmit ─▶ quiescent
 *                          └▶ TCP ─▶ read ─┘ (client.h)
 *
 * The control thread wires the struct up, starts worker_run on an EAL lcore and reads the counters;
 * everything not marked atomic or as a counter belongs to the worker from then on.
 */
#ifndef JACKDAW_WORKER_H
#define JACKDAW_WORKER_H

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdatomic.h>

#include "dataplane/batch.h"
#include "dataplane/client.h"
#include "dataplane/listing.h"
#include "dataplane/lookups.h"
#include "dataplane/net/packet.h"
#include "dataplane/net/tcp.h"
#include "dataplane/net/udp_plain.h"
#include "dataplane/proto/request.h"
#include "dataplane/store/store.h"
#include "dataplane/watch.h"

enum {
	WORKER_PORTS_MAX = 8,
	WORKERS_MAX = STORE_WORKERS_MAX,
	WORKER_BURST_MAX = 64,
};

/* Where a worker's time goes, in TSC cycles, and how it came by it. */
#define WORKER_STATS(X)                                                                            \
	X(turns, "loop turns that found packets")                                                  \
	X(empty_turns, "loop turns that found none")                                               \
	X(requests, "requests executed")                                                           \
	X(batches, "batches of requests run")                                                      \
	X(sleeps, "times the idle worker slept")                                                   \
	X(cycles_receive, "cycles taking packets from ports and rings")                            \
	X(cycles_parse, "cycles taking packets and requests apart")                                \
	X(cycles_probe, "cycles hashing keys and prefetching")                                     \
	X(cycles_execute, "cycles in the store")                                                   \
	X(cycles_write, "cycles writing replies")                                                  \
	X(cycles_stream, "cycles reading from TCP connections, and sending to them")               \
	X(cycles_transmit, "cycles handing packets to ports and rings")                            \
	X(cycles_idle, "cycles polling in vain and sleeping")                                      \
	X(arp_conflicts, "packets by another host that claims our address")

struct worker_stats {
#define X(name, help) uint64_t name;
	WORKER_STATS(X)
#undef X
};

/* A port as one worker sees it. */
struct worker_port {
	struct interface interface;
	struct tcp_port tcp;	  /* the same, as TCP sees it */
	struct udp_plain plain;	  /* the same, as most frames see it: the worker's own */
	struct rte_mempool *pool; /* for fresh reply buffers */
	uint16_t id;		  /* DPDK's */
	uint16_t queue;		  /* ours, or that of the worker that sends for us */
	int wake_fd;		  /* readable when our queue has packets; -1: none */
	bool owns_queue;	  /* we poll it and send by it */
	bool spreads;		  /* fewer queues than workers: flows are handed to owners */
	bool strays; /* a connection's segments may arrive by any queue: handed likewise */
	struct worker *sender;	  /* who sends for us when we own no queue */
	atomic_bool announce;	  /* set by the control thread: send a gratuitous ARP */
	_Atomic uint64_t claimer; /* MAC of the last host that claimed our address; 0: none */
	uint64_t defended_at;	  /* TSC of our last defence (RFC 5227, 2.4) */
	uint64_t held_since;	  /* TSC from which on the port takes nothing; 0: it does */
	unsigned int tx_count;	  /* of a turn, and what was held back before */
	struct rte_mbuf *tx[WORKER_BURST_MAX];
};

struct worker {
	/* set before start */
	unsigned int index;
	unsigned int workers;
	unsigned int port_count;
	unsigned int burst;
	unsigned int nap_us; /* sleep of an idle worker that no packet wakes; 0: never sleep */
	struct store *store;
	struct worker **peers;	     /* [workers], this one among them */
	struct rte_ring *packets_in; /* from other workers: packets of our flows */
	struct rte_ring *replies_in; /* from other workers: packets to be sent by our queues */
	int doorbell; /* eventfd that wakes us for those rings and the like; -1: none */
	const atomic_bool *stop;
	struct parse_limits limits;
	struct server server;
	struct tcp *tcp;	       /* its owner calls are worker_tcp_owner's */
	struct tcp_connection *failed; /* to be reset at the end of the turn (client.h) */
	struct dump dump;
	struct watch *watch; /* NULL: nobody can */
	uint32_t watchers;   /* those that are our connections, a bit for each */
	struct tcp_connection *watcher[WATCHERS_MAX];
	struct listing listing;
	uint64_t clock_scale; /* microseconds a TSC cycle, times 2^64 */
	uint64_t born;	      /* by that clock */

	struct worker_port ports[WORKER_PORTS_MAX];
	struct lookups lookups;
	struct batch batch;

	atomic_bool asleep;		      /* the bell must be rung after filling our rings */
	_Atomic(struct listing_page *) asked; /* another's, to be filled in with our connections */

	/* counters: written here alone, each block on cache lines of its own */
	struct net_stats net __rte_cache_aligned;
	struct tcp_stats tcp_stats __rte_cache_aligned;
	struct proto_stats proto __rte_cache_aligned;
	struct worker_stats stats __rte_cache_aligned;
} __rte_cache_aligned;

/* What the worker's TCP needs to call, for tcp_create. */
struct tcp_owner worker_tcp_owner(struct worker *worker);

/* TCP's clock: microseconds, from the TSC. */
uint64_t worker_now(const struct worker *worker);

/*
 * The thread: registers with the store, loops until *stop, drains its queues, unregisters. For
 * rte_eal_remote_launch; the argument is the struct worker. 0, or negative errno at start.
 */
int worker_run(void *worker);

/*
 * Hands what is queued for the port to it, or to the worker that has a queue of it. What the port doesn't take stays
 * queued, if there is room for more.
 */
void worker_flush(struct worker *worker, struct worker_port *port);

/* Queues an answer (or a packet that answers nothing) for the port; sends when a burst is full. */
static inline void
worker_send(struct worker *worker, struct worker_port *port, struct rte_mbuf *mbuf, bool answers)
{
	mbuf->hash.usr = answers;
	mbuf->port = port->id;
	port->tx[port->tx_count++] = mbuf;
	if (port->tx_count == WORKER_BURST_MAX)
		worker_flush(worker, port);
}

/* Counts why a received packet gets no answer, and frees it. */
void worker_drop(struct worker *worker, struct rte_mbuf *mbuf, enum net_drop cause);

#endif
