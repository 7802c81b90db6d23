/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker.h"

#include <assert.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "dataplane/client.h"
#include "dataplane/idle.h"
#include "dataplane/listing.h"
#include "dataplane/observe.h"

enum {
	TRANSMIT_RETRIES = 8, /* short tx bursts tried again before packets are held back */
	HOLD_US = 10000,      /* for how long a port may take nothing before packets are lost */
	DRAIN_TURNS = 1000,   /* loop turns after stop, at most, to empty the queues */
	DEFENCE_SECONDS = 10, /* RFC 5227, 2.4 (b): DEFEND_INTERVAL */
};

/* --- sending ------------------------------------------------------------------------------ */

/* What a run of packets amounts to. mbuf->hash.usr, unused on transmission, is 1 on an answer. */
struct tally {
	uint64_t packets, bytes, answers;
};

static struct tally
tally_of(struct rte_mbuf *const *mbufs, unsigned int count)
{
	struct tally tally = {.packets = count};

	for (unsigned int i = 0; i < count; i++) {
		tally.bytes += mbufs[i]->pkt_len;
		tally.answers += mbufs[i]->hash.usr;
	}
	return tally;
}

/* Frees packets that nobody took; those that answered another are that one's cause of drop. */
static void
worker_lose(struct worker *worker, struct rte_mbuf **mbufs, unsigned int count, enum net_drop cause)
{
	struct tally lost = tally_of(mbufs, count);

	worker->net.tx_lost += lost.packets;
	worker->net.drops[cause] += lost.answers;
	rte_pktmbuf_free_bulk(mbufs, count);
}

static void
worker_give_up(struct worker *worker, struct worker_port *port)
{
	worker_lose(worker, port->tx, port->tx_count, NET_DROP_transmit_full);
	port->tx_count = 0;
}

/*
 * What the port did not take waits at the head of the queue, and meanwhile nothing is received from it: requests
 * are better left in its ring than answered in vain. Lost is what finds no room, or waits in vain.
 */
static void __attribute__((noinline))
worker_hold(struct worker *worker, struct worker_port *port, unsigned int sent)
{
	uint64_t now = rte_rdtsc(), patience = rte_get_tsc_hz() / 1000000 * HOLD_US;

	port->tx_count -= sent;
	memmove(port->tx, port->tx + sent, port->tx_count * sizeof(port->tx[0]));
	if (sent != 0 || port->held_since == 0)
		port->held_since = now;
	if (port->tx_count < WORKER_BURST_MAX && now - port->held_since < patience)
		return;
	worker_give_up(worker, port);
}

static void
worker_transmit(struct worker *worker, struct worker_port *port)
{
	/* tallied before the burst: afterwards the mbufs are the driver's */
	struct tally all = tally_of(port->tx, port->tx_count), held;
	unsigned int sent = 0;

	for (unsigned int tries = 0; sent < port->tx_count && tries < TRANSMIT_RETRIES; tries++)
		sent += rte_eth_tx_burst(port->id, port->queue, port->tx + sent,
					 (uint16_t)(port->tx_count - sent));
	held = tally_of(port->tx + sent, port->tx_count - sent);
	worker->net.tx_packets += all.packets - held.packets;
	worker->net.tx_bytes += all.bytes - held.bytes;
	worker->net.answered += all.answers - held.answers;
	worker->net.tx_unasked += (all.packets - all.answers) - (held.packets - held.answers);
	if (unlikely(held.packets != 0)) {
		worker_hold(worker, port, sent);
		return;
	}
	port->tx_count = 0;
	port->held_since = 0;
}

/* Gives finished packets to the worker that has a queue of the port. */
static void
worker_pass_replies(struct worker *worker, struct worker_port *port)
{
	unsigned int passed = rte_ring_enqueue_burst(port->sender->replies_in, (void **)port->tx,
						     port->tx_count, NULL);

	worker_lose(worker, port->tx + passed, port->tx_count - passed, NET_DROP_handover_full);
	port->tx_count = 0;
	idle_ring_bell(port->sender);
}

void
worker_flush(struct worker *worker, struct worker_port *port)
{
	if (port->tx_count == 0)
		return;
	if (port->owns_queue)
		worker_transmit(worker, port);
	else
		worker_pass_replies(worker, port);
}

void
worker_drop(struct worker *worker, struct rte_mbuf *mbuf, enum net_drop cause)
{
	worker->net.drops[cause]++;
	rte_pktmbuf_free(mbuf);
}

/* --- TCP ---------------------------------------------------------------------------------- */

static void
worker_transmit_segment(void *worker, struct tcp_port *port, struct rte_mbuf *mbuf)
{
	worker_send(worker, port->owner, mbuf, false);
}

static void
worker_unpin(void *arg, uint32_t pin)
{
	const struct worker *worker = arg;

	store_unpin(worker->server.store, pin);
}

struct tcp_owner
worker_tcp_owner(struct worker *worker)
{
	return (struct tcp_owner){
		.arg = worker,
		.transmit = worker_transmit_segment,
		.opened = observe_opened,
		.refused = client_refuse,
		.closed = client_closed,
		.unpin = worker_unpin,
	};
}

uint64_t
worker_now(const struct worker *worker)
{
	return (uint64_t)(((unsigned __int128)rte_rdtsc() * worker->clock_scale) >> 64);
}

/* --- our address -------------------------------------------------------------------------- */

static void
worker_announce(struct worker *worker, struct worker_port *port)
{
	for (unsigned int step = 0;; step++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(port->pool);

		if (mbuf == NULL)
			return;
		if (announce(&port->interface, mbuf, step) != 0) {
			rte_pktmbuf_free(mbuf);
			return;
		}
		worker_send(worker, port, mbuf, false);
	}
}

/* RFC 5227, 2.4 (b): keep the address, say so, but not in a shouting match. */
static void
worker_defend(struct worker *worker, struct worker_port *port, const struct packet *packet)
{
	uint64_t now = rte_rdtsc(), claimer = 0;

	worker->stats.arp_conflicts++;
	memcpy(&claimer, &packet->peer, sizeof(packet->peer));
	/* relaxed: a hint for the log, ordered with nothing */
	atomic_store_explicit(&port->claimer, claimer, memory_order_relaxed);
	if (port->defended_at != 0 && now - port->defended_at < DEFENCE_SECONDS * rte_get_tsc_hz())
		return;
	port->defended_at = now;
	worker_announce(worker, port);
}

/* --- receiving ---------------------------------------------------------------------------- */

static struct worker_port *
worker_port_of(struct worker *worker, const struct rte_mbuf *mbuf)
{
	unsigned int i = 0;

	while (worker->ports[i].id != mbuf->port) {
		i++;
		assert(i < worker->port_count);
	}
	return &worker->ports[i];
}

/* The worker whose flow this is: a multiplication instead of a division by the count. */
static struct worker *
worker_of_flow(const struct worker *worker, const struct packet *packet)
{
	return worker->peers[((uint64_t)packet_flow_hash(packet) * worker->workers) >> 32];
}

static void
worker_hand_over(struct worker *worker, const struct worker_port *port, struct worker *owner,
		 struct rte_mbuf *mbuf)
{
	mbuf->port = port->id; /* not every driver says */
	if (rte_ring_enqueue(owner->packets_in, mbuf) != 0) {
		worker_drop(worker, mbuf, NET_DROP_handover_full);
		return;
	}
	worker->net.handed_over++;
	idle_ring_bell(owner);
}

/* Takes any packet apart; its requests join the batch. fresh: from our queue, not from a worker. */
static void
worker_input(struct worker *worker, struct worker_port *port, struct rte_mbuf *mbuf, bool fresh)
{
	struct message *message = batch_next(&worker->batch);
	struct packet *packet = &message->udp.packet;
	struct worker *owner;

	switch (net_input(&port->interface, mbuf, packet)) {
	case VERDICT_DROP:
		if (packet->drop == NET_DROP_arp_conflict || packet->drop == NET_DROP_nd_conflict)
			worker_defend(worker, port, packet);
		worker_drop(worker, mbuf, packet->drop);
		return;
	case VERDICT_ANSWERED:
		worker_send(worker, port, mbuf, true);
		return;
	case VERDICT_TOO_BIG:
		tcp_path_mtu(worker->tcp, &port->tcp, packet, packet->mtu);
		worker_drop(worker, mbuf, NET_DROP_icmp_too_big);
		return;
	case VERDICT_SEGMENT:
		owner = fresh && port->strays ? worker_of_flow(worker, packet) : worker;
		if (owner != worker) {
			worker_hand_over(worker, port, owner, mbuf);
			return;
		}
		worker->net.consumed++;
		tcp_input(worker->tcp, &port->tcp, packet);
		return;
	case VERDICT_DATAGRAM:
		owner = fresh && port->spreads ? worker_of_flow(worker, packet) : worker;
		if (owner != worker) {
			worker_hand_over(worker, port, owner, mbuf);
			return;
		}
		batch_add(worker, port);
	}
}

/* Whether gets may go the short way: nobody watches what is got, or must say first who he is. */
static inline bool
worker_is_short(const struct worker *worker)
{
	return worker->limits.users == NULL &&
	       (watch_wanted(worker->watch) & EVENT_OF_REQUESTS) == 0;
}

/*
 * Takes the plain segments that a burst begins with; returns how many these are. Their connections are
 * ours, and no other worker's, whatever queue they came by.
 */
static inline unsigned int
worker_take_segments(struct worker *worker, struct worker_port *port, struct rte_mbuf **mbufs,
		     unsigned int count)
{
	unsigned int taken = tcp_input_plain(worker->tcp, &port->tcp, mbufs, count);

	worker->net.consumed += taken;
	return taken;
}

/*
 * Takes a burst apart, runs of plain datagrams and of plain segments at a time. port: theirs; NULL: each
 * has its own.
 */
static void
worker_parse(struct worker *worker, struct worker_port *port, struct rte_mbuf **mbufs,
	     unsigned int count, bool fresh)
{
	bool plain = port != NULL && !(fresh && port->spreads);
	unsigned int i = 0;

	for (unsigned int j = 0; j < count; j++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[j], void *));
	while (i < count) {
		unsigned int before = i;

		if (plain && worker_is_short(worker))
			i += lookups_take(worker, port, mbufs + i, count - i);
		else if (plain)
			i += batch_add_plain(worker, port, mbufs + i, count - i);
		if (port != NULL)
			i += worker_take_segments(worker, port, mbufs + i, count - i);
		if (i != before)
			continue;
		worker_input(worker, port != NULL ? port : worker_port_of(worker, mbufs[i]),
			     mbufs[i], fresh);
		i++;
	}
}

/* Cycles spent in batches so far: a batch that fills up runs in the midst of parsing. */
static uint64_t
worker_batch_cycles(const struct worker *worker)
{
	return worker->stats.cycles_probe + worker->stats.cycles_execute +
	       worker->stats.cycles_write;
}

static unsigned int
worker_receive(struct worker *worker, struct worker_port *port)
{
	struct rte_mbuf *mbufs[WORKER_BURST_MAX];
	uint64_t started = rte_rdtsc(), received, in_batches;
	uint16_t count = rte_eth_rx_burst(port->id, port->queue, mbufs, (uint16_t)worker->burst);

	if (count == 0)
		return 0;
	received = rte_rdtsc();
	worker->stats.cycles_receive += received - started;
	worker->net.rx_packets += count;
	for (unsigned int i = 0; i < count; i++)
		worker->net.rx_bytes += mbufs[i]->pkt_len;
	in_batches = worker_batch_cycles(worker);
	worker_parse(worker, port, mbufs, count, true);
	worker->stats.cycles_parse +=
		rte_rdtsc() - received - (worker_batch_cycles(worker) - in_batches);
	return count;
}

/* What other workers gave us: packets of our flows, and their replies for our queues. */
static unsigned int
worker_receive_rings(struct worker *worker)
{
	struct rte_mbuf *mbufs[WORKER_BURST_MAX];
	unsigned int packets, replies;

	packets = rte_ring_dequeue_burst(worker->packets_in, (void **)mbufs, worker->burst, NULL);
	worker->net.taken_over += packets;
	worker_parse(worker, NULL, mbufs, packets, false);
	replies = rte_ring_dequeue_burst(worker->replies_in, (void **)mbufs, worker->burst, NULL);
	for (unsigned int i = 0; i < replies; i++)
		worker_send(worker, worker_port_of(worker, mbufs[i]), mbufs[i], mbufs[i]->hash.usr);
	return packets + replies;
}

/* Goes on with replies for which no packet need come. True if there were any. */
static bool
worker_write_long(struct worker *worker)
{
	bool written = client_dump(worker);

	written |= listing_go_on(worker);
	written |= listing_answer(worker);
	return written | (worker->watchers != 0 && observe_send(worker));
}

/*
 * Lets every connection that has news be read; afterwards nothing is left in the batch. True if there was
 * something to write that no packet asked for.
 */
static bool
worker_read_streams(struct worker *worker)
{
	uint64_t started = rte_rdtsc(), in_batches = worker_batch_cycles(worker);
	struct tcp_connection *connection;
	bool written;

	while ((connection = tcp_next_ready(worker->tcp)) != NULL)
		client_read(worker, connection);
	written = worker_write_long(worker);
	if (worker->batch.messages != 0)
		batch_run(worker);
	if (worker->failed != NULL)
		client_reset_failed(worker);
	tcp_flush(worker->tcp);
	worker->stats.cycles_stream +=
		rte_rdtsc() - started - (worker_batch_cycles(worker) - in_batches);
	return written;
}

/* --- the loop ----------------------------------------------------------------------------- */

/* Sends what is queued for a port. Returns how much is held back. */
static inline unsigned int
worker_send_queued(struct worker *worker, struct worker_port *port)
{
	worker_flush(worker, port);
	return port->tx_count;
}

/*
 * One turn, from receiving to sending. Returns how much there was to do: packets, long replies, and what is held
 * back.
 */
static unsigned int
worker_turn(struct worker *worker)
{
	unsigned int packets = 0, held = 0, written;
	uint64_t started;

	tcp_advance(worker->tcp, worker_now(worker));
	for (unsigned int i = 0; i < worker->port_count; i++) {
		struct worker_port *port = &worker->ports[i];

		if (port->owns_queue && worker_send_queued(worker, port) == 0)
			packets += worker_receive(worker, port);
		/* relaxed: the flag carries no data with it */
		if (atomic_load_explicit(&port->announce, memory_order_relaxed)) {
			atomic_store_explicit(&port->announce, false, memory_order_relaxed);
			worker_announce(worker, port);
		}
	}
	if (worker->packets_in != NULL)
		packets += worker_receive_rings(worker);
	written = worker_read_streams(worker);
	started = rte_rdtsc();
	for (unsigned int i = 0; i < worker->port_count; i++)
		held += worker_send_queued(worker, &worker->ports[i]);
	store_quiescent(worker->server.store);
	if (packets != 0)
		worker->stats.cycles_transmit += rte_rdtsc() - started;
	return packets + written + held;
}

/* After stop: what is already in our queues is still answered. */
static void
worker_drain(struct worker *worker)
{
	for (unsigned int turn = 0; turn < DRAIN_TURNS && worker_turn(worker) != 0; turn++)
		;
}

int
worker_run(void *argument)
{
	struct worker *worker = argument;
	struct idle idle;
	int status;

	status = store_worker_open(worker->store, worker->index, &worker->server.store);
	if (status != 0)
		return status;
	for (unsigned int i = 0; i < worker->port_count; i++)
		udp_plain_learn(&worker->ports[i].plain, &worker->ports[i].interface);
	idle_begin(&idle, worker);
	/* relaxed: nothing is read that the stopper wrote before */
	while (!atomic_load_explicit(worker->stop, memory_order_relaxed)) {
		if (worker_turn(worker) != 0) {
			worker->stats.turns++;
			idle_busy(&idle);
		} else {
			worker->stats.empty_turns++;
			idle_pause(&idle, worker);
		}
	}
	worker_drain(worker);
	tcp_reset_all(worker->tcp);
	worker_drain(worker);
	for (unsigned int i = 0; i < worker->port_count; i++)
		worker_give_up(worker, &worker->ports[i]);
	store_worker_close(worker->server.store);
	return 0;
}
