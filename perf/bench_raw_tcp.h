/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_raw_tcp.h - TCP over a port of our own: the client's side of the TCP that the server runs.
 *
 *     turn:  rx_burst ─▶ tcp_input ─▶ answers of ready connections, each burst of them at once
 *            followed by as many requests ─▶ tcp_flush ─▶ tx_burst
 *
 * Each connection pipelines up to `depth` messages, answered in order. Connection c has the slots
 * c * depth .. (c + 1) * depth - 1. Private to bench_raw_tcp*.c; the client's thread.
 */
#ifndef JACKDAW_PERF_BENCH_RAW_TCP_H
#define JACKDAW_PERF_BENCH_RAW_TCP_H

#include "dataplane/net/tcp.h"
#include "perf/bench_raw.h"
#include "perf/bench_stream.h"

struct raw_connection {
	struct tcp_connection *tcp; /* NULL: there is none */
	struct stream in;	    /* the part of an answer that has come */
	uint16_t *order;	    /* [depth]: slots under way, a ring */
	unsigned int head, under_way;
};

struct raw_tcp {
	struct raw raw; /* client->wire points to it as well */
	struct tcp *tcp;
	struct tcp_port port;
	struct tcp_stats stats;
	struct rte_ring *late; /* packets that the port had no room for yet, in order */
	uint64_t clock_scale;  /* microseconds a tick, times 2^64 */
	unsigned int connection_count, depth;
	struct raw_connection *connections; /* and one more, for questions */
	uint16_t local_port;		    /* the one that was taken last; host order */
	bool lost;			    /* a connection ended that we had not closed */
	size_t scratch_size;
	uint8_t *scratch; /* a message that doesn't fit the buffer it begins in */
	struct rte_ether_addr mac;
};

static inline uint64_t
raw_tcp_now(const struct raw_tcp *wire, uint64_t ticks)
{
	return (uint64_t)(((unsigned __int128)ticks * wire->clock_scale) >> 64);
}

/* Receives a burst and lets timers run; returns the packets. */
unsigned int raw_tcp_poll(struct raw_tcp *wire, uint64_t now);

/* Sends what is queued, as far as the port takes it. True if anything went. */
bool raw_tcp_flush(struct raw_tcp *wire);

/* The struct tcp of the options: 0, or negative errno with client->error. */
int raw_tcp_create(struct raw_tcp *wire, struct client *client);

/* transport.disconnect: resets every connection, and waits until the server knows: it would keep them for long. */
void raw_tcp_disconnect(struct client *client);

/* transport.connect: every connection is established. */
int raw_tcp_connect(struct client *client);

/* transport.ask, over a connection of its own. */
int raw_tcp_ask(struct client *client, const char *question, const char *end, char *answer,
		size_t size);

#endif
