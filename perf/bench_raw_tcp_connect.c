/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens before and after the loop over our own TCP: connections, and questions. */
#include <rte_cycles.h>
#include <stdlib.h>
#include <sys/random.h>

#include "perf/bench_raw_tcp.h"

enum {
	PORT_LEAST = 16384, /* source ports: from a random one on, for the last run's linger */
	PORT_SPAN = 32768,
	OPENING_MAX = 64, /* handshakes under way at a time: a burst of SYNs is an attack */
	OPEN_SECONDS = 10,
	ASK_SECONDS = 5,
	RESET_US = 20000,
	BUFFERED_LEAST = 64 << 20,
	TIME_WAIT_US = 1000000,
};

#define BUFFERED_MOST (UINT64_C(8) << 30) /* of address space: memory is what gets used of it */

/* --- what TCP asks of us ------------------------------------------------------------------ */

bool
raw_tcp_flush(struct raw_tcp *wire)
{
	struct raw *raw = &wire->raw;
	bool any = raw_flush(raw), more = true;

	while (more && raw->tx_count < RAW_TX_MAX && !rte_ring_empty(wire->late)) {
		raw->tx_count +=
			rte_ring_dequeue_burst(wire->late, (void **)raw->tx + raw->tx_count,
					       RAW_TX_MAX - raw->tx_count, NULL);
		more = raw_flush(raw);
		any |= more;
	}
	return any;
}

/* A full ring must not be waited for here: the server's may be full as well until its answers are taken. */
static void
raw_tcp_transmit(void *arg, struct tcp_port *port, struct rte_mbuf *mbuf)
{
	struct raw_tcp *wire = arg;
	struct raw *raw = &wire->raw;

	(void)port;
	if (raw->tx_count == RAW_TX_MAX)
		raw_tcp_flush(wire);
	if (raw->tx_count < RAW_TX_MAX && rte_ring_empty(wire->late))
		raw->tx[raw->tx_count++] = mbuf;
	else if (rte_ring_enqueue(wire->late, mbuf) != 0)
		rte_pktmbuf_free(mbuf);
}

static void
raw_tcp_closed(void *arg, struct tcp_connection *tcp)
{
	struct raw_connection *connection = *(struct raw_connection **)tcp_user(tcp);
	struct raw_tcp *wire = arg;

	if (connection == NULL || connection->tcp != tcp)
		return; /* we had let go of it */
	connection->tcp = NULL;
	wire->lost = true;
}

static void
raw_tcp_unpin(void *arg, uint32_t pin)
{
	(void)arg; /* the client pins nothing */
	(void)pin;
}

/* Room for all that may be under way, twice: what is acknowledged late is kept meanwhile. */
static uint64_t
raw_tcp_buffered(const struct client *client)
{
	const struct bench_options *options = client->options;
	uint64_t item = (uint64_t)options->workload.key_size + options->value_most;
	uint64_t bytes = (uint64_t)client->flight.slot_count * options->width *
			 (item + REDIS_OVERHEAD_MAX) * 2;

	bytes += (uint64_t)options->connections * 4 * TCP_BUFFER_SIZE;
	if (options->shape[0] != '\0' || bytes > BUFFERED_MOST)
		return BUFFERED_MOST;
	return RTE_MAX(bytes, (uint64_t)BUFFERED_LEAST);
}

int
raw_tcp_create(struct raw_tcp *wire, struct client *client)
{
	const struct bench_options *options = client->options;
	const struct config *config = &wire->raw.config;
	struct tcp_owner owner = {
		.arg = wire,
		.transmit = raw_tcp_transmit,
		.closed = raw_tcp_closed,
		.unpin = raw_tcp_unpin,
	};
	struct tcp_options tcp = {
		.connections = options->connections + OPENING_MAX,
		.syn_backlog = 1,
		.buffered = raw_tcp_buffered(client),
		.unsent = INT32_MAX, /* what may be under way is the depth's to say */
		.user_size = sizeof(struct raw_connection *),
		.rto_min = config->tcp_rto_min,
		.delayed_ack = config->tcp_delayed_ack,
		.no_progress = config->tcp_no_progress,
		.time_wait = TIME_WAIT_US,
	};
	int status;

	wire->clock_scale = (uint64_t)(((unsigned __int128)1000000 << 64) / rte_get_tsc_hz());
	if (getrandom(tcp.secret, sizeof(tcp.secret), 0) != sizeof(tcp.secret))
		return client_fail(client, -errno, "getrandom: %s", strerror(errno));
	wire->local_port = (uint16_t)(PORT_LEAST + (tcp.secret[0] << 7 | tcp.secret[1] >> 1));
	wire->port = (struct tcp_port){
		.interface = &wire->raw.interface,
		.pool = wire->raw.pool,
	};
	wire->late = rte_ring_create("late", rte_align32pow2(wire->raw.pool->size + 1),
				     SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (wire->late == NULL)
		return client_fail(client, -ENOMEM, "no memory for packets that wait");
	status = tcp_create(&wire->tcp, &tcp, &owner, &wire->stats, -1,
			    raw_tcp_now(wire, rte_rdtsc()));
	if (status != 0)
		return client_fail(client, status, "no memory for %u connections",
				   options->connections);
	return 0;
}

/* --- a turn ------------------------------------------------------------------------------- */

static void
raw_tcp_input(struct raw_tcp *wire, struct rte_mbuf *mbuf)
{
	struct packet packet;

	switch (net_input(&wire->raw.interface, mbuf, &packet)) {
	case VERDICT_SEGMENT:
		tcp_input(wire->tcp, &wire->port, &packet);
		return;
	case VERDICT_ANSWERED:
		raw_tcp_transmit(wire, &wire->port, mbuf);
		return;
	case VERDICT_TOO_BIG:
		tcp_path_mtu(wire->tcp, &wire->port, &packet, packet.mtu);
		break;
	case VERDICT_DATAGRAM:
		break;
	case VERDICT_DROP:
		if (!raw_is_of_others(packet.drop))
			wire->raw.meter->malformed++;
		break;
	}
	rte_pktmbuf_free(mbuf);
}

unsigned int
raw_tcp_poll(struct raw_tcp *wire, uint64_t now)
{
	struct rte_mbuf *mbufs[RAW_BURST_MAX];
	uint16_t count = rte_eth_rx_burst(wire->raw.port_id, 0, mbufs, wire->raw.burst);

	tcp_advance(wire->tcp, raw_tcp_now(wire, now));
	for (uint16_t i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned int i = 0; i < count; i++) {
		i += tcp_input_plain(wire->tcp, &wire->port, mbufs + i, count - i);
		if (i < count)
			raw_tcp_input(wire, mbufs[i]);
	}
	return count;
}

/* A turn in which no message is under way: whatever comes is kept for its connection. */
static bool
raw_tcp_turn_quiet(struct raw_tcp *wire)
{
	struct tcp_connection *ready;
	bool kept = true;

	raw_tcp_poll(wire, rte_rdtsc());
	while ((ready = tcp_next_ready(wire->tcp)) != NULL) {
		struct raw_connection *connection = *(struct raw_connection **)tcp_user(ready);
		const uint8_t *bytes;
		size_t length;

		if (connection == NULL || connection->tcp != ready)
			continue;
		while ((length = tcp_receive(ready, &bytes)) > 0) {
			kept &= stream_append(&connection->in, bytes, length);
			tcp_take(ready, length);
		}
		wire->lost |= tcp_at_end(ready);
	}
	tcp_flush(wire->tcp);
	raw_tcp_flush(wire);
	return kept;
}

static bool
raw_tcp_stopped(const struct raw_tcp *wire)
{
	/* relaxed: a wish only */
	return atomic_load_explicit(&wire->raw.client->stop, memory_order_relaxed);
}

/* --- connecting --------------------------------------------------------------------------- */

/* Begins a connection from the next port that is free; false if there is none. */
static bool
raw_tcp_begin(struct raw_tcp *wire, struct raw_connection *connection)
{
	const struct bench_options *options = wire->raw.client->options;
	struct address server = address_ipv4(rte_cpu_to_be_32(options->server));

	for (unsigned int i = 0; i < PORT_SPAN && connection->tcp == NULL; i++) {
		if (++wire->local_port >= PORT_LEAST + PORT_SPAN)
			wire->local_port = PORT_LEAST;
		connection->tcp = tcp_connect(wire->tcp, &wire->port, &wire->mac, &server,
					      rte_cpu_to_be_16(options->server_port),
					      rte_cpu_to_be_16(wire->local_port));
	}
	if (connection->tcp == NULL)
		return false;
	*(struct raw_connection **)tcp_user(connection->tcp) = connection;
	return true;
}

static int
raw_tcp_refused(const struct raw_tcp *wire, unsigned int open)
{
	const struct bench_options *options = wire->raw.client->options;

	if (open == 0)
		return client_fail(wire->raw.client, -ECONNREFUSED,
				   "the server has an address, but accepts no connection on TCP "
				   "port %u",
				   options->server_port);
	return client_fail(wire->raw.client, -ECONNREFUSED,
			   "the server accepts %u of %u connections: is it over its limit?", open,
			   options->connections);
}

/* Opens all, a few at a time, in their order. */
static int
raw_tcp_open_all(struct raw_tcp *wire)
{
	uint64_t end = rte_rdtsc() + OPEN_SECONDS * rte_get_tsc_hz();
	unsigned int open = 0, begun = 0;

	while (open < wire->connection_count) {
		for (; begun < wire->connection_count && begun - open < OPENING_MAX; begun++) {
			if (!raw_tcp_begin(wire, &wire->connections[begun]))
				return raw_tcp_refused(wire, open);
		}
		raw_tcp_turn_quiet(wire);
		if (wire->lost || raw_tcp_stopped(wire) || rte_rdtsc() > end)
			return raw_tcp_refused(wire, open);
		while (open < begun && tcp_is_open(wire->connections[open].tcp)) {
			open++;
			end = rte_rdtsc() + OPEN_SECONDS * rte_get_tsc_hz();
		}
	}
	return 0;
}

void
raw_tcp_disconnect(struct client *client)
{
	struct raw_tcp *wire = client->wire;
	uint64_t patience = rte_get_tsc_hz() / 1000000 * RESET_US, until;

	tcp_reset_all(wire->tcp);
	tcp_flush(wire->tcp);
	until = rte_rdtsc() + patience;
	while (wire->raw.tx_count != 0 && rte_rdtsc() < until) {
		if (raw_tcp_flush(wire))
			until = rte_rdtsc() + patience;
		raw_tcp_poll(wire, rte_rdtsc());
	}
	raw_await_taken(&wire->raw);
}

int
raw_tcp_connect(struct client *client)
{
	struct raw_tcp *wire = client->wire;
	char version[128];
	int status = raw_find_route(client, &wire->mac);

	if (status == 0)
		status = raw_tcp_open_all(wire);
	if (status != 0)
		return status;
	if (raw_tcp_ask(client, "version\r\n", "\r\n", version, sizeof(version)) != 0)
		return client_fail(client, -ETIMEDOUT,
				   "the server accepts connections, but does not answer "
				   "memcached's `version` on TCP port %u",
				   client->options->server_port);
	return 0;
}

/* --- questions ---------------------------------------------------------------------------- */

static bool
raw_tcp_say(struct tcp_connection *connection, const char *question)
{
	uint8_t *limit, *out = tcp_write_begin(connection, &limit);
	size_t length = strlen(question);

	if (out == NULL || (size_t)(limit - out) < length)
		return false;
	memcpy(out, question, length);
	tcp_write_end(connection, out + length);
	return true;
}

static bool
stream_ends_with(const struct stream *stream, const char *end)
{
	size_t length = strlen(end);

	return stream->to - stream->from >= length &&
	       memcmp(stream->bytes + stream->to - length, end, length) == 0;
}

static int
raw_tcp_converse(struct raw_tcp *wire, struct raw_connection *asking, const char *question,
		 const char *end)
{
	uint64_t until = rte_rdtsc() + ASK_SECONDS * rte_get_tsc_hz();
	struct stream *in = &asking->in;
	bool said = false;

	while (rte_rdtsc() < until && !raw_tcp_stopped(wire)) {
		if (!raw_tcp_turn_quiet(wire))
			return -ENOMEM;
		if (asking->tcp == NULL || wire->lost)
			return -ECONNRESET;
		if (!said && tcp_is_open(asking->tcp)) {
			if (!raw_tcp_say(asking->tcp, question))
				return -ENOMEM;
			said = true;
		}
		if (stream_ends_with(in, end))
			return 0;
		if (stream_ends_with(in, "\r\n") && memcmp(in->bytes + in->from, "ERROR", 5) == 0)
			return -EPROTO;
	}
	return -ETIMEDOUT;
}

/* A connection of its own: it may speak text while the others speak binary. */
int
raw_tcp_ask(struct client *client, const char *question, const char *end, char *answer, size_t size)
{
	struct raw_tcp *wire = client->wire;
	struct raw_connection *asking = &wire->connections[wire->connection_count];
	struct tcp_connection *tcp;
	size_t length;
	int status;

	asking->in.from = asking->in.to = 0;
	if (!raw_tcp_begin(wire, asking))
		return -ENOBUFS;
	status = raw_tcp_converse(wire, asking, question, end);
	length = RTE_MIN(asking->in.to - asking->in.from, size - 1);
	if (length > 0)
		memcpy(answer, asking->in.bytes + asking->in.from, length);
	answer[length] = '\0';
	tcp = asking->tcp;
	asking->tcp = NULL;
	if (tcp != NULL)
		tcp_close(tcp);
	tcp_flush(wire->tcp);
	raw_tcp_flush(wire);
	return status;
}
