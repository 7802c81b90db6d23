/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Birth and death of a worker's TCP, and the worker's turn.
 *
 * The states of a connection (RFC 9293, 3.3.2) and what has them in memory:
 *
 *      SYN for our port                          tcp_connect: SYN
 *            │                                          │
 *            ▼ SYN-ACK                                  ▼
 *      SYN-RECEIVED  struct tcp_half, or         SYN-SENT
 *            │       nothing: SYN cookie                │ SYN-ACK
 *            │ ACK                                      │
 *            └────────────────▶ ESTABLISHED ◀───────────┘
 *                 FIN received │           │ tcp_close: FIN sent when the queue is empty
 *                              ▼           ▼
 *                      CLOSE-WAIT         FIN-WAIT-1 ──FIN received──▶ CLOSING
 *                              │           │ FIN acknowledged             │
 *             tcp_close: FIN   ▼           ▼                              │ FIN acknowledged
 *                       LAST-ACK          FIN-WAIT-2                      │
 *       FIN acknowledged │                 │ FIN received                 │
 *                        ▼                 ▼                              ▼
 *                     (gone)              TIME-WAIT  struct tcp_rest, 60 s ──▶ (gone)
 *
 * RST at rcv_nxt, tcp_abort, silence and the last retransmission end any of them at once. Simultaneous
 * open, urgent data (ignored) and half-duplex reading after tcp_close are left out.
 */
#include "dataplane/net/tcp.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/net/tcp_segment.h"

enum {
	RESTS_MIN = 4096,
};

/* The secret makes two keys, for the tables and for what others see, and seeds the randomness. */
static void
secret_spread(struct tcp *tcp, const uint8_t secret[TCP_SECRET_SIZE])
{
	uint64_t number;

	memcpy(&tcp->table_key, secret, sizeof(tcp->table_key));
	memcpy(&tcp->number_key, secret + sizeof(tcp->table_key), sizeof(tcp->number_key));
	tcp->random = tcp_hash(&tcp->number_key, tcp->table_key.words, 2) | 1;
	for (number = 0; number < RTE_DIM(tcp->path_key.factors); number++)
		tcp->path_key.factors[number] = tcp_hash(&tcp->table_key, &number, 1);
	tcp->path_key.addend = tcp_hash(&tcp->table_key, &number, 1);
}

/*
 * A table's references aren't 0, nor are those of kinds. Room for a few connections more than the
 * limit: those that ended in this turn still hold their memory.
 */
static int
memory_create(struct tcp *tcp, int node)
{
	const struct tcp_options *options = &tcp->options;
	uint64_t connections = 2ull * options->connections + TCP_REFUSALS;
	uint64_t rests = RTE_MAX(options->connections, (uint32_t)RESTS_MIN);
	size_t size = RTE_ALIGN(sizeof(struct tcp_connection) + options->user_size, 64);
	int error = tcp_pool_create(&tcp->connections, size, connections, node);

	if (error == 0)
		error = tcp_pool_create(&tcp->half_open, sizeof(struct tcp_half),
					options->syn_backlog, node);
	if (error == 0)
		error = tcp_pool_create(&tcp->rests, sizeof(struct tcp_rest), rests, node);
	if (error == 0)
		error = tcp_pool_create(&tcp->clients, sizeof(struct tcp_client), connections,
					node);
	if (error == 0)
		error = tcp_table_create(&tcp->table, connections + rests + options->syn_backlog,
					 node);
	if (error == 0)
		error = tcp_table_create(&tcp->client_table, connections, node);
	if (error == 0)
		error = buffers_create(&tcp->buffers, options->buffered, &tcp->stats->buffered,
				       &tcp->owner, node);
	return error;
}

static void
memory_destroy(struct tcp *tcp)
{
	buffers_destroy(&tcp->buffers);
	tcp_table_destroy(&tcp->client_table);
	tcp_table_destroy(&tcp->table);
	tcp_pool_destroy(&tcp->clients);
	tcp_pool_destroy(&tcp->rests);
	tcp_pool_destroy(&tcp->half_open);
	tcp_pool_destroy(&tcp->connections);
	tcp_memory_release(tcp, sizeof(*tcp));
}

static void
clock_set(struct tcp *tcp, uint64_t now)
{
	tcp->now = now;
	tcp->us = (uint32_t)now;
	tcp->tick = (uint32_t)(now / TCP_TICK_US) + 1;
}

int
tcp_create(struct tcp **created, const struct tcp_options *options, const struct tcp_owner *owner,
	   struct tcp_stats *stats, int node, uint64_t now)
{
	struct tcp *tcp;
	int error;

	if (options->connections == 0 || options->connections > TCP_TABLE_NUMBERS / 8 ||
	    options->buffered < TCP_BUFFER_SIZE)
		return -EINVAL;
	tcp = tcp_memory_reserve(sizeof(*tcp), node);
	if (tcp == NULL)
		return -ENOMEM;
	tcp->options = *options;
	tcp->owner = *owner;
	tcp->stats = stats;
	tcp->ready_last = &tcp->ready;
	tcp->flush_last = &tcp->flush;
	tcp->waits_last = &tcp->waits;
	for (unsigned int i = 0; i <= TCP_SYN_RETRIES; i++)
		tcp->halves_last[i] = &tcp->halves[i];
	secret_spread(tcp, options->secret);
	clock_set(tcp, now);
	tcp->wheel.tick = tcp->tick;
	tcp->challenge_tick = tcp->tick - INT32_MAX;
	error = memory_create(tcp, node);
	if (error != 0) {
		memory_destroy(tcp);
		return error;
	}
	*created = tcp;
	return 0;
}

/* Calls visit for every connection; it may end them. */
static void
connections_visit(struct tcp *tcp,
		  void (*visit)(struct tcp *tcp, void *arg, struct tcp_connection *), void *arg)
{
	uint8_t *piece = tcp->connections.memory;

	for (; piece != tcp->connections.fresh; piece += tcp->connections.piece) {
		struct tcp_connection *connection = (struct tcp_connection *)(void *)piece;

		if (connection->state != TCP_CLOSED)
			visit(tcp, arg, connection);
	}
}

static void
connection_forget(struct tcp *tcp, void *arg, struct tcp_connection *connection)
{
	(void)arg;
	connection_destroy(tcp, connection);
}

static void
connection_stop(struct tcp *tcp, void *arg, struct tcp_connection *connection)
{
	(void)arg;
	tcp->stats->reset_by_us++;
	connection_reset(tcp, connection);
}

void
tcp_destroy(struct tcp *tcp)
{
	connections_visit(tcp, connection_forget, NULL);
	while (tcp->waits != NULL)
		rest_free(tcp, tcp->waits);
	for (unsigned int i = 0; i <= TCP_SYN_RETRIES; i++) {
		while (tcp->halves[i] != NULL)
			half_free(tcp, tcp->halves[i]);
	}
	tcp_flush(tcp);
	memory_destroy(tcp);
}

void
tcp_reset_all(struct tcp *tcp)
{
	connections_visit(tcp, connection_stop, NULL);
}

void
tcp_advance(struct tcp *tcp, uint64_t now)
{
	struct tcp_timer *timer;
	uint32_t before = tcp->tick;

	if (now <= tcp->now)
		return;
	clock_set(tcp, now);
	if (tcp->tick == before)
		return;
	while ((timer = tcp_wheel_expire(&tcp->wheel, tcp->tick)) != NULL)
		expiry_fire(tcp, timer);
	listen_advance(tcp);
	rest_advance(tcp);
}

struct tcp_connection *
tcp_next_ready(struct tcp *tcp)
{
	struct tcp_connection *connection;

	while ((connection = tcp->ready) != NULL) {
		tcp->ready = connection->next_ready;
		if (tcp->ready == NULL)
			tcp->ready_last = &tcp->ready;
		connection->flags &= (uint16_t)~TCP_READY;
		if (connection->state != TCP_CLOSED)
			return connection;
		connection_release(tcp, connection);
	}
	return NULL;
}

static void
taken_free(struct tcp *tcp)
{
	struct rte_mbuf *mbuf = tcp->taken, *next;

	tcp->taken = NULL;
	for (; mbuf != NULL; mbuf = next) {
		next = mbuf->next;
		mbuf->next = NULL;
		rte_pktmbuf_free(mbuf);
	}
}

void
tcp_flush(struct tcp *tcp)
{
	struct tcp_connection *connection;

	while ((connection = tcp->flush) != NULL) {
		tcp->flush = connection->next_flush;
		if (tcp->flush == NULL)
			tcp->flush_last = &tcp->flush;
		connection->flags &= (uint16_t)~TCP_FLUSH;
		if (connection->state == TCP_CLOSED)
			connection_release(tcp, connection);
		else if (connection->state == TCP_SYN_SENT)
			expiry_arm(tcp, connection);
		else
			output_flush(tcp, connection);
	}
	taken_free(tcp);
	buffers_settle(&tcp->buffers);
}

uint64_t
tcp_next_timer(const struct tcp *tcp)
{
	uint32_t earliest = 0, tick, wait = UINT32_MAX;

	if (tcp_wheel_next(&tcp->wheel, &earliest))
		wait = (int32_t)(earliest - tcp->tick) > 0 ? earliest - tcp->tick : 0;
	if (tcp->waits != NULL) {
		tick = tcp->waits->due - tcp->tick;
		wait = RTE_MIN(wait, (int32_t)tick > 0 ? tick : 0);
	}
	for (unsigned int i = 0; i <= TCP_SYN_RETRIES; i++) {
		if (tcp->halves[i] == NULL)
			continue;
		tick = tcp->halves[i]->due - tcp->tick;
		wait = RTE_MIN(wait, (int32_t)tick > 0 ? tick : 0);
	}
	if (wait == UINT32_MAX)
		return UINT64_MAX;
	return wait == 0 ? 0 : (uint64_t)wait * TCP_TICK_US - tcp->now % TCP_TICK_US;
}

/* --- active open ---------------------------------------------------------------------------- */

struct tcp_connection *
tcp_connect(struct tcp *tcp, struct tcp_port *port, const struct rte_ether_addr *mac,
	    const struct address *peer, rte_be16_t peer_port, rte_be16_t local_port)
{
	struct tcp_path path = {
		.local = address_is_ipv4(peer) ? address_ipv4(port->interface->address)
					       : port->interface->address6,
		.peer = *peer,
		.local_port = local_port,
		.peer_port = peer_port,
		.mac = *mac,
		.port = tcp_port_index(tcp, port),
	};
	const struct packet reverse = {.source = *peer,
				       .destination = path.local,
				       .source_port = peer_port,
				       .destination_port = local_port};
	uint32_t hash = tcp_path_hash(tcp, &path.local, peer, local_port, peer_port);
	struct tcp_agreement agreement = {.mss = TCP_MSS_MIN};
	struct tcp_connection *connection;

	if (tcp_find(tcp, &reverse, hash) != 0 || !connection_allowed(tcp, peer))
		return NULL;
	agreement.iss = listen_number(tcp, &path);
	agreement.stamp_offset = listen_stamp_offset(tcp, &path);
	connection = connection_create(tcp, &path, hash, &agreement, 0);
	if (connection == NULL)
		return NULL;
	connection->state = TCP_SYN_SENT;
	connection->flags |= TCP_ACTIVE;
	connection->snd_una = agreement.iss;
	connection->rack_sent = tcp->us;
	output_syn(tcp, connection);
	recovery_arm(tcp, connection, true);
	connection_touch(tcp, connection);
	return connection;
}
