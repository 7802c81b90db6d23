/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lookups.h - the way of nearly all datagrams: plain frames (net/udp_plain.h) of plain gets of the binary
 * protocol (proto/lookups.h) that find what they ask for. Between the frame that comes and the one that
 * goes, a datagram is sixteen bytes here, and each of its gets a cache line (store/lookup.h):
 *
 *     lookups_take   reads a burst's gets                                (parse)
 *                    hashes and prefetches all, probes all               (probe)
 *                    finds all                                           (execute)
 *                    writes each datagram's answer over it and queues it (write)
 *
 * A burst's other datagrams join the batch (batch.h) meanwhile, and wait: its gets overtake them, but for
 * those of a key that one before them may change (changes.h), which join the batch as well. So does,
 * untouched, a datagram of which not everything is certain after all.
 */
#ifndef JACKDAW_WORKER_LOOKUPS_H
#define JACKDAW_WORKER_LOOKUPS_H

#include <rte_mbuf.h>

#include "dataplane/proto/lookups.h"

enum {
	/* gets from which on they are run: twice as many are slower */
	LOOKUPS_DEPTH = 64,
	LOOKUPS_MAX = 2 * LOOKUPS_DEPTH,
};

struct worker;
struct worker_port;

struct lookups_message {
	struct rte_mbuf *mbuf;
	uint32_t count; /* its lookups follow the last message's */
};

/* Of one port; empty between two calls. */
struct lookups {
	unsigned int messages, count;
	struct lookups_message message[LOOKUPS_DEPTH];
	struct store_lookup lookup[LOOKUPS_MAX];
};

/*
 * Answers the plain datagrams that a burst of the port begins with, or adds them to the batch. A burst
 * keeps its order as far as requests for the same key go: a datagram of many sets alone may be carried out
 * before gets in front of it. Returns how many datagrams these are.
 */
unsigned int lookups_take(struct worker *worker, struct worker_port *port, struct rte_mbuf **mbufs,
			  unsigned int count);

#endif
