/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_raw.h - UDP and TCP over a port of our own: frames written and read here, no kernel between.
 * What both share is here; bench_raw.c is UDP's loop, bench_raw_tcp.c TCP's. UDP's:
 *
 *     turn:  rx_burst ─▶ take answers ─▶ the next requests into the same mbufs ─▶ tx_burst
 *
 * The slot of a message is the request id in memcached's UDP frame. Private to bench_raw*.c.
 */
#ifndef JACKDAW_PERF_BENCH_RAW_H
#define JACKDAW_PERF_BENCH_RAW_H

#include <rte_ethdev.h>

#include "dataplane/net/packet.h"
#include "drivers/eal.h"
#include "drivers/port.h"
#include "perf/bench_client.h"
#include "perf/bench_frame.h"
#include "perf/bench_reassembly.h"

enum {
	RAW_BURST_MAX = 64,
	RAW_TX_MAX = 2 * RAW_BURST_MAX,
};

struct raw {
	struct client *client;
	/* read in every turn */
	uint16_t port_id;
	uint16_t burst;
	bool echo;
	rte_be32_t address;
	struct rte_mempool *pool;
	struct flight *flight;
	struct meter *meter;
	struct route route;
	unsigned int tx_count;
	struct rte_mbuf *tx[RAW_TX_MAX];
	struct reassembly *reassemblies; /* [slots] */

	/* seldom */
	struct interface interface; /* for ARP and ping */
	struct config config;
	struct eal eal;
	struct port port;
	bool port_opened;
};

/* Whatever is no answer to the flight: ARP and ping are answered, the rest is counted. */
void raw_other(struct raw *raw, struct rte_mbuf *mbuf);

/* Whether a dropped packet was just not for us, as announcements to all are. */
static inline bool
raw_is_of_others(uint8_t drop)
{
	return drop == NET_DROP_frame_not_ours || drop == NET_DROP_ethertype ||
	       drop == NET_DROP_arp_not_for_us || drop == NET_DROP_nd_not_for_us ||
	       drop == NET_DROP_ip_not_ours;
}

/* Hands what is queued in raw->tx to the port. What the ring didn't take stays for the next turn;
 * true if anything went. */
static inline bool raw_flush(struct raw *raw);

/* --- before and after the loop: client->wire is a struct raw, or begins with one ----------- */

/* Starts DPDK and opens the port with a pool for so many messages. 0, or negative errno with
 * client->error. */
int raw_open_port(struct raw *raw, struct client *client, unsigned int messages);
void raw_close_port(struct raw *raw);

/* transport.start and transport.join. */
int raw_start(struct client *client);
int raw_join(struct client *client);

/* Waits for the link, learns the server's MAC address by ARP (RFC 826) and makes the route. */
int raw_find_route(struct client *client, struct rte_ether_addr *mac);

/*
 * Waits until the server has taken what was sent before, but not for long: it answers ARP in its turn. What still lies
 * in the ring of a memif port when that is closed is lost.
 */
void raw_await_taken(struct raw *raw);

/* UDP's transport.connect: the route, and the server answers. */
int raw_connect(struct client *client);

/* One question of the text protocol: transport.ask. */
int raw_ask(struct client *client, const char *question, const char *end, char *answer,
	    size_t size);

/* --- inline: once a turn ------------------------------------------------------------------ */

static inline bool
raw_flush(struct raw *raw)
{
	unsigned int sent = 0;

	while (sent < raw->tx_count) {
		uint16_t count = rte_eth_tx_burst(raw->port_id, 0, raw->tx + sent,
						  (uint16_t)(raw->tx_count - sent));

		if (count == 0)
			break;
		sent += count;
	}
	raw->tx_count -= sent;
	if (raw->tx_count != 0)
		memmove(raw->tx, raw->tx + sent, raw->tx_count * sizeof(raw->tx[0]));
	return sent != 0;
}

#endif
