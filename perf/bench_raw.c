/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_raw.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <stdlib.h>
#include <unistd.h>

#include "perf/bench_transports.h"

enum {
	HOUSEKEEPING_PER_SECOND = 1000,
	SOCKET_WAIT_MS = 3000,
};

/* --- sending ------------------------------------------------------------------------------ */

/* Writes the slot's message into the mbuf and queues it. There must be room in tx. */
static inline void
raw_send(struct raw *raw, unsigned int slot, struct rte_mbuf *mbuf, uint64_t now)
{
	uint8_t *payload = frame_begin(&raw->route, mbuf), *end;

	if (raw->echo)
		end = payload + raw->client->options->echo - FRAME_HEADERS;
	else
		end = flight_write(raw->flight, slot, payload);
	raw->meter->bytes_sent += (uint64_t)(end - payload);
	frame_end(&raw->route, mbuf, end, raw->flight->slots[slot].own, (uint16_t)slot);
	raw->flight->slots[slot].sent = now;
	raw->tx[raw->tx_count++] = mbuf;
}

/* A new message in a free slot, due at `due`; false if there's nothing to ask. */
static inline bool
raw_issue(struct raw *raw, unsigned int slot, struct rte_mbuf *mbuf, uint64_t due, uint64_t now)
{
	if (!flight_draw(raw->flight, slot, due)) {
		raw->client->exhausted = true;
		return false;
	}
	raw_send(raw, slot, mbuf, now);
	return true;
}

/* --- receiving ---------------------------------------------------------------------------- */

static bool
raw_take_piece(struct raw *raw, const struct frame_answer *answer, uint64_t now)
{
	struct reassembly *reassembly = &raw->reassemblies[answer->request_id];
	bool finished;

	if (!reassembly_add(reassembly, answer->sequence, answer->total, answer->payload,
			    answer->length))
		return false;
	finished = flight_take(raw->flight, answer->request_id, reassembly->buffer,
			       reassembly->length, now);
	reassembly_reset(reassembly);
	return finished;
}

/*
 * Takes one packet. True when it finished the message of *slot: the mbuf is still ours then, to be
 * used for the next. Otherwise it is taken care of.
 */
static inline bool
raw_take(struct raw *raw, struct rte_mbuf *mbuf, uint64_t now, unsigned int *slot)
{
	struct frame_answer answer;
	bool finished;

	if (unlikely(!frame_read(mbuf, raw->address, &answer))) {
		raw_other(raw, mbuf);
		return false;
	}
	*slot = answer.request_id;
	if (unlikely(answer.request_id >= raw->flight->slot_count ||
		     answer.port != raw->flight->slots[answer.request_id].own)) {
		raw->meter->late++;
		rte_pktmbuf_free(mbuf);
		return false;
	}
	if (raw->echo)
		finished = flight_echoed(raw->flight, *slot, now);
	else if (likely(answer.total == 1))
		finished = flight_take(raw->flight, *slot, answer.payload, answer.length, now);
	else
		finished = raw_take_piece(raw, &answer, now);
	if (!finished)
		rte_pktmbuf_free(mbuf);
	return finished;
}

/* --- the loop ----------------------------------------------------------------------------- */

/* Takes a burst; in a closed loop each answer's mbuf at once carries the next request. */
static inline uint16_t
raw_receive(struct raw *raw, struct rte_mbuf **mbufs, uint16_t count, uint64_t now)
{
	bool closed = raw->client->options->rate == 0 && !raw->client->draining;

	for (uint16_t i = 0; i < count; i++) {
		unsigned int slot;

		if (i + 2 < count)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + 2], void *));
		if (!raw_take(raw, mbufs[i], now, &slot))
			continue;
		if (closed && raw->tx_count < RAW_TX_MAX &&
		    raw_issue(raw, slot, mbufs[i], now, now))
			continue;
		rte_pktmbuf_free(mbufs[i]);
		client_free_slot(raw->client, slot);
	}
	return count;
}

/* Fills free slots: all at the start of a closed loop, those that are due in an open one. */
static void
raw_issue_free(struct raw *raw, uint64_t now)
{
	struct flight *flight = raw->flight;
	uint64_t due;

	while (flight->free_count > 0 && raw->tx_count < RAW_TX_MAX &&
	       client_due(raw->client, now, &due)) {
		unsigned int slot = flight->free[flight->free_count - 1];
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(raw->pool);

		if (mbuf == NULL)
			return;
		if (!raw_issue(raw, slot, mbuf, due, now)) {
			rte_pktmbuf_free(mbuf);
			return;
		}
		flight->free_count--;
		client_sent(raw->client);
	}
}

/* Sends again what had no answer in time. */
static void
raw_resend_lost(struct raw *raw, uint64_t now)
{
	struct flight *flight = raw->flight;

	for (unsigned int i = 0; i < flight->slot_count && raw->tx_count < RAW_TX_MAX; i++) {
		struct slot *slot = &flight->slots[i];
		struct rte_mbuf *mbuf;

		if (slot->count == 0 || now - slot->sent < raw->client->timeout)
			continue;
		mbuf = rte_pktmbuf_alloc(raw->pool);
		if (mbuf == NULL)
			return;
		raw->meter->lost++;
		/* a new opaque: an answer to the first one that comes yet is not counted twice */
		slot->opaque += 1 << 8;
		slot->answered = 0;
		reassembly_reset(&raw->reassemblies[i]);
		raw_send(raw, i, mbuf, now);
	}
}

/* What the ring never took, and pieces of answers that nobody waits for any more. */
static void
raw_settle(struct raw *raw)
{
	client_end(raw->client);
	for (unsigned int i = 0; i < raw->flight->slot_count; i++)
		reassembly_reset(&raw->reassemblies[i]);
	for (unsigned int i = 0; i < raw->tx_count; i++)
		rte_pktmbuf_free(raw->tx[i]);
	raw->tx_count = 0;
}

static int
raw_run(struct client *client)
{
	struct raw *raw = client->wire;
	struct rte_mbuf *mbufs[RAW_BURST_MAX];
	uint64_t now = rte_rdtsc(), before = now, housekeeping = 0;
	uint64_t period = rte_get_tsc_hz() / HOUSEKEEPING_PER_SECOND;
	bool busy = false;
	int status = 0;

	client_begin(client, now);
	while (!client_finished(client, now) && status == 0) {
		uint16_t count = rte_eth_rx_burst(raw->port_id, 0, mbufs, raw->burst);

		now = rte_rdtsc();
		if (busy && !client->draining)
			raw->meter->ticks_busy += now - before;
		before = now;
		if (count != 0) {
			client->last_answer = now;
			raw_receive(raw, mbufs, count, now);
		}
		if (raw->flight->free_count != 0)
			raw_issue_free(raw, now);
		busy = count != 0;
		if (raw->tx_count != 0)
			busy |= raw_flush(raw);
		if (now - housekeeping > period) {
			housekeeping = now;
			if (!client->draining)
				raw_resend_lost(raw, now);
			status = client_housekeep(client, now);
		}
	}
	raw_settle(raw);
	return status;
}

/* --- birth and death ---------------------------------------------------------------------- */

/* A memif client can't be made before its server's socket is there: the server may be starting. */
static int
raw_await_socket(const struct raw *raw, struct client *client)
{
	const struct config_port *port = &raw->config.ports[0];

	for (unsigned int ms = 0; port->driver == CONFIG_MEMIF && !port->memif_server; ms++) {
		if (access(port->socket, F_OK) == 0)
			return 0;
		if (ms == SOCKET_WAIT_MS)
			return client_fail(client, -ENOENT,
					   "no memif server has made %s: start it first, or be the "
					   "server: --port memif:%s,server",
					   port->socket, port->socket);
		usleep(1000);
	}
	return 0;
}

int
raw_open_port(struct raw *raw, struct client *client, unsigned int messages)
{
	const struct bench_options *options = client->options;
	struct config *config = &raw->config;
	int status;

	config_defaults(config);
	config->workers = 1;
	config->core_count = 1;
	config->cores[0] = client_cpu(options);
	config->burst = options->burst;
	config->port_count = 1;
	config->ports[0] = options->port;
	config->ports[0].queues = 1;
	config->mbufs = 4096 + 2u * options->port.descriptors + messages;
	status = eal_start(&raw->eal, config, client->error);
	if (status != 0)
		return status;
	status = raw_await_socket(raw, client);
	if (status != 0)
		return status;
	status = port_open(&raw->port, config, 0, raw->eal.lcores, client->error);
	raw->port_opened = status == 0;
	if (status != 0)
		return status;
	raw->port_id = raw->port.id;
	raw->pool = raw->port.pools[0];
	raw->address = rte_cpu_to_be_32(options->port.ipv4.address);
	raw->interface = (struct interface){
		.mac = raw->port.mac,
		.address = raw->address,
		.mtu = raw->port.mtu,
		.any_tcp_port = true,
		.rx_ip_checksum = raw->port.rx_ip_checksum,
		.rx_l4_checksum = raw->port.rx_l4_checksum,
		.tx_ip_checksum = raw->port.tx_ip_checksum,
		.tx_tcp_checksum = raw->port.tx_tcp_checksum,
	};
	client_set_clock(client, (double)rte_get_tsc_hz());
	return 0;
}

void
raw_close_port(struct raw *raw)
{
	if (raw->port_opened)
		port_close(&raw->port);
	eal_stop(&raw->eal);
}

static void raw_close(struct client *client);

static int
raw_open(struct client *client)
{
	const struct bench_options *options = client->options;
	unsigned int slots = options->connections * options->depth;
	struct raw *raw = calloc(1, sizeof(*raw));
	uint32_t room = options->port.mtu - (FRAME_HEADERS - RTE_ETHER_HDR_LEN);
	int status;

	if (raw == NULL)
		return client_fail(client, -ENOMEM, "no memory");
	client->wire = raw;
	raw->client = client;
	raw->flight = &client->flight;
	raw->meter = &client->meter;
	raw->echo = options->echo != 0;
	raw->burst = (uint16_t)options->burst;
	status = flight_init(&client->flight, options, &client->load, &client->meter, slots, room);
	raw->reassemblies = calloc(slots, sizeof(*raw->reassemblies));
	if (status != 0 || raw->reassemblies == NULL)
		status = client_fail(client, -ENOMEM, "no memory for %u requests", slots);
	if (status == 0)
		status = raw_open_port(raw, client, slots);
	if (status != 0) {
		raw_close(client);
		flight_release(&client->flight);
		return status;
	}
	for (unsigned int i = 0; i < slots; i++) /* a slot keeps its source port */
		client->flight.slots[i].own = (uint16_t)(FRAME_PORT_BASE + i / options->depth);
	return 0;
}

static int
raw_main(void *client)
{
	return client_run(client);
}

int
raw_start(struct client *client)
{
	const struct raw *raw = client->wire;
	int status = rte_eal_remote_launch(raw_main, client, raw->eal.lcores[0]);

	return status == 0 ? 0 : client_fail(client, status, "the client's core is taken");
}

int
raw_join(struct client *client)
{
	const struct raw *raw = client->wire;

	return rte_eal_wait_lcore(raw->eal.lcores[0]);
}

static void
raw_close(struct client *client)
{
	struct raw *raw = client->wire;

	raw_close_port(raw);
	for (unsigned int i = 0; raw->reassemblies != NULL && i < client->flight.slot_count; i++)
		reassembly_release(&raw->reassemblies[i]);
	free(raw->reassemblies);
	free(raw);
	client->wire = NULL;
}

const struct transport raw_udp_transport = {
	.name = "udp",
	.open = raw_open,
	.start = raw_start,
	.join = raw_join,
	.connect = raw_connect,
	.run = raw_run,
	.ask = raw_ask,
	.close = raw_close,
};
