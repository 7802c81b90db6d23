/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_raw.h - UDP over a port of our own: frames written and read here, no kernel between.
 *
 *     turn:  rx_burst ─▶ take answers ─▶ the next requests into the same mbufs ─▶ tx_burst
 *
 * The slot of a message is the request id in memcached's UDP frame. Private to bench_raw*.c.
 */
#ifndef JACKDAW_PERF_BENCH_RAW_H
#define JACKDAW_PERF_BENCH_RAW_H

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

/* Learns the server's MAC address by ARP (RFC 826) and makes the route. */
int raw_connect(struct client *client);

/* One question of the text protocol: transport.ask. */
int raw_ask(struct client *client, const char *question, const char *end, char *answer,
	    size_t size);

#endif
