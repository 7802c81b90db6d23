/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path_streams.h - the other ends of path-bench's TCP connections: a handshake each, and segments
 * made beforehand, whose numbers go on from what the worker will have answered by then. As a client
 * that asks one question at a time, on each of PATH_STREAMS connections in turn.
 */
#ifndef JACKDAW_PERF_PATH_STREAMS_H
#define JACKDAW_PERF_PATH_STREAMS_H

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <stdint.h>

#include "dataplane/worker.h"

enum {
	PATH_STREAMS =
		32, /* connections: as many as a burst has frames, so that a turn serves each once */
};

struct path_stream {
	uint32_t sequence, ack; /* of our next segment */
	uint32_t echo;		/* the worker's last timestamp */
};

struct path_streams {
	struct rte_ether_addr client_mac, our_mac;
	rte_be32_t client_address, our_address;
	rte_be16_t port; /* the worker's */
	struct rte_mempool *pool;
	struct path_stream streams[PATH_STREAMS];
};

/*
 * Establishes all connections with the worker, which is not running, by way of its first port. What
 * the worker sends is taken from that port's queue. 0, or -EPROTO: it did not answer as it should.
 */
int path_streams_connect(struct path_streams *streams, struct worker *worker);

/*
 * The segment number `number` begins, on the connection whose turn it is: returns where its data is
 * to be written. NULL: no packet buffer is left.
 */
uint8_t *path_streams_begin(struct path_streams *streams, unsigned int number,
			    struct rte_mbuf **mbuf);

/* Its data ends at `end`, and will be answered by so many bytes. */
void path_streams_end(struct path_streams *streams, unsigned int number, struct rte_mbuf *mbuf,
		      const uint8_t *end, uint32_t answer);

#endif
