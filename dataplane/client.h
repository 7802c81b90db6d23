/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.h - a TCP connection's bytes to requests of the batch, and replies into its send queue.
 *
 *     tcp_receive ─▶ whole commands    parsed where they arrived
 *                 ─▶ a cut command     its head is put together in a buffer, byte by byte no further
 *                                      than its end, and parsed there
 *                 ─▶ a large value     received straight into its place in the store
 *
 * A reply's value is copied into the send queue if it is short; a long one is sent from the store,
 * whose segment is pinned until the last byte is acknowledged.
 */
#ifndef JACKDAW_CLIENT_H
#define JACKDAW_CLIENT_H

#include "dataplane/net/tcp.h"
#include "dataplane/proto/request.h"

struct worker;
struct message;
struct stream_reply;

/* A value on its way into the store (PARSE_DATA). */
struct upload {
	struct request request; /* its key and words lie in `bytes` behind */
	uint32_t received;	/* of the data and its trailer */
	uint8_t trailer[2];
};

/* What is kept of a request that is not complete. */
struct head {
	struct upload upload;
	uint32_t length; /* of bytes */
	uint8_t bytes[];
};

enum {
	CLIENT_HEAD_MAX = TCP_BUFFER_SIZE - sizeof(struct head),
};

/* All items told to one connection, bit by bit. */
struct dump {
	struct tcp_connection *connection; /* NULL: none */
	struct store_cursor cursor;
	uint8_t kind; /* enum dump_kind */
};

/* The user area of a connection: all zero at its start. */
struct client {
	struct stream stream;
	struct head *head; /* in a buffer of TCP's; NULL: nothing is pending */
	struct tcp_connection *next_failed;
	struct tcp_connection *next_listed; /* listing.h */
	bool uploading;			    /* head holds an upload */
	bool paused;	 /* a long reply is written: nothing is read before its end */
	bool listed;	 /* it is the list of connections (listing.h) */
	uint8_t watcher; /* it has no end: number of the watcher (observe.h), plus 1; 0: none */
	bool failed;	 /* no buffer was left: it is reset at the end of the turn */
	bool closing;	 /* the stream has ended: nothing more is read */
	bool refused;	 /* one too many: it never was a client */
};

/* Reads all that the connection has, as far as its unsent replies allow; runs batches as they fill up. */
void client_read(struct worker *worker, struct tcp_connection *connection);

/* Writes the replies of a message's executed requests to its connection. */
void client_write(struct worker *worker, const struct message *message);

/* Goes on with the worker's dump, as far as its connection takes it. False: nothing was to be done. */
bool client_dump(struct worker *worker);

/*
 * Where a connection's next bytes are written, until client_reply_close(): reply.failed if there is no
 * buffer. One at a time. Closing is false if the connection has failed.
 */
struct stream_reply *client_reply_open(struct worker *worker, struct tcp_connection *connection);
bool client_reply_close(struct worker *worker, struct stream_reply *stream);

/* A long reply has been written: goes on reading. */
void client_resume(struct worker *worker, struct tcp_connection *connection);

/* Resets the connections that found no buffer. Between two batches. */
void client_reset_failed(struct worker *worker);

/* TCP's owner->refused: says as memcached does that it is one too many, and closes. arg is the worker. */
void client_refuse(void *arg, struct tcp_connection *connection);

/* TCP's owner->closed: lets go of what a connection holds. arg is the worker. */
void client_closed(void *arg, struct tcp_connection *connection);

#endif
