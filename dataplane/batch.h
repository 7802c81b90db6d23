/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * batch.h - the requests of many packets, run through the store's stages together.
 *
 *     batch_add      a datagram's requests join the batch          (parse)
 *     client_read    so do those of a TCP connection
 *     batch_run      hash and prefetch all, probe all              (probe)
 *                    execute all in order                          (execute)
 *                    write every message's reply and queue it      (write)
 *
 * Memory latency is hidden whether the requests came in one packet or in sixty-four. A message
 * whose requests outnumber the batch is run in parts; its reply goes on where it stopped.
 */
#ifndef JACKDAW_BATCH_H
#define JACKDAW_BATCH_H

#include "dataplane/changes.h"
#include "dataplane/net/udp.h"
#include "dataplane/proto/request.h"

enum {
	BATCH_MESSAGES = 64,
	BATCH_REQUESTS = 256,
	/* requests from which on a batch is run: 32 and 256 are slower (docs/performance.md) */
	BATCH_DEPTH = 64,
};

struct worker;
struct worker_port;
struct tcp_connection;

/* A datagram, or a run of a connection's bytes, and the part of the batch that it asked for. */
struct message {
	struct udp_message udp;
	struct worker_port *port;
	struct tcp_connection *connection; /* NULL: it is a datagram */
	unsigned int first, count;	   /* requests[first .. first + count - 1] */
	uint8_t *end;  /* datagram: of the reply written; NULL: no buffer was left */
	bool plain;    /* datagram: opened by udp_plain_open; to be ended by udp_plain_close */
	bool in_place; /* datagram: the reply may be written over the question */
	bool begun;    /* datagram: an earlier part of the reply is written */
	bool ends;     /* connection: it is closed after the replies */
};

/* A reply that goes to a UDP message. */
struct udp_reply {
	struct reply reply;
	struct udp_message *message;
};

/* A reply that goes to a TCP connection. */
struct stream_reply {
	struct reply reply;
	struct tcp_connection *connection;
	struct store_worker *store;
};

struct batch {
	unsigned int messages;
	unsigned int requests;
	unsigned int noted;	       /* requests that are in changes */
	unsigned int prepared, probed; /* requests whose operations have been */
	struct message message[BATCH_MESSAGES];
	struct request request[BATCH_REQUESTS];
	struct store_op *op[BATCH_REQUESTS];
	struct changes changes; /* what they may change */
	struct udp_reply reply;
	struct stream_reply stream_reply;
};

/* True when no further message may be added before the batch is run. */
static inline bool
batch_full(const struct batch *batch)
{
	return batch->messages == BATCH_MESSAGES || batch->requests >= BATCH_DEPTH;
}

/* True if it will be full soon, as far as that can be known of a message before it is parsed. */
static inline bool
batch_nearly_full(const struct batch *batch)
{
	return batch->messages + 1 == BATCH_MESSAGES || batch->requests + 1 >= BATCH_DEPTH;
}

/* Brings batch->changes up to date. */
static inline void
batch_note_changes(struct batch *batch)
{
	for (; batch->noted < batch->requests; batch->noted++) {
		const struct request *request = &batch->request[batch->noted];
		const struct store_op *op = &request->op;

		if (request->action == REQUEST_FLUSH)
			changes_add_all(&batch->changes);
		else if (request->action == REQUEST_STORE &&
			 (op->verb != STORE_GET || (op->options & STORE_CREATE) != 0))
			changes_add(&batch->changes, op->key, op->key_length);
	}
}

/* The place for the next message's packet: net_input fills message->udp.packet there. */
static inline struct message *
batch_next(struct batch *batch)
{
	return &batch->message[batch->messages];
}

/*
 * Adds the plain datagrams (udp_plain.h) that a burst begins with; returns how many these are. Runs the
 * batch whenever that makes it full, as the others do.
 */
unsigned int batch_add_plain(struct worker *worker, struct worker_port *port,
			     struct rte_mbuf **mbufs, unsigned int count);

/* Adds a datagram that udp_plain_open has opened, as batch_add_plain would. */
void batch_add_opened(struct worker *worker, struct worker_port *port, const struct packet *packet);

/* Parses the datagram that net_input left in batch_next() and adds it, or drops it with a cause. */
void batch_add(struct worker *worker, struct worker_port *port);

/*
 * Adds requests [first, batch->requests), just parsed, as a message of the connection. There must be
 * room for a message.
 */
struct message *batch_add_stream(struct worker *worker, struct tcp_connection *connection,
				 unsigned int first);

/*
 * The first two stages, of all that was added since: for whoever has something to do until the memory that
 * they ask for has come. batch_run does them where that hasn't been done.
 */
void batch_prepare(struct worker *worker);
void batch_probe(struct worker *worker);

/* Runs everything that was added: afterwards the batch is empty and its replies are queued. */
void batch_run(struct worker *worker);

#endif
