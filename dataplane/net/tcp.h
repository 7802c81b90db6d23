/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp.h - TCP-lite: a worker's own TCP (RFC 9293), strict and small, for stock clients. No socket
 * API: the worker is called for connections that have something for it, reads bytes where they
 * arrived, and writes replies into the connection's send queue.
 *
 *     a turn of the worker:
 *
 *       tcp_advance(tcp, now)            the clock; timers that are due
 *       tcp_input_plain(tcp, port, mbufs, count)    received frames    (takes some, or none)
 *       tcp_input(tcp, port, packet)     every other segment           (takes the packet)
 *       tcp_next_ready(tcp)              connections with news, each once:
 *           tcp_receive, tcp_take            bytes in order, in place
 *           tcp_write…, tcp_send_pinned      replies
 *           tcp_close, tcp_abort
 *       tcp_flush(tcp)                   one acknowledgement or train of segments a connection;
 *                                        frees what was taken
 *
 * Everything here belongs to one worker's thread; nothing logs, allocates from the system, locks,
 * blocks or makes a system call, except tcp_create and tcp_destroy. Time and randomness are passed
 * in, so a test runs it with a virtual clock.
 */
#ifndef JACKDAW_TCP_H
#define JACKDAW_TCP_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/packet.h"

enum {
	TCP_SECRET_SIZE = 32,
	TCP_BUFFER_SIZE = 4096, /* bytes of data a buffer (tcp_buffer_take) */
};

struct tcp;
struct tcp_connection;

/* A port as TCP sees it. It stays in place while the struct tcp lives. */
struct tcp_port {
	const struct interface *interface;
	struct rte_mempool *pool; /* for segments that are sent */
	void *owner;		  /* for transmit() */
};

/* What TCP asks of its owner: called from within the functions below. */
struct tcp_owner {
	void *arg;
	/* A whole frame to be sent by the port. Takes the mbuf. */
	void (*transmit)(void *arg, struct tcp_port *port, struct rte_mbuf *mbuf);
	/* A client's connection is established. NULL: not asked for. */
	void (*opened)(void *arg, struct tcp_connection *connection);
	/* One was established that is over the limit: it should be told so, and closed (tcp_close). NULL:
	 * there are none, their SYNs get RST. */
	void (*refused)(void *arg, struct tcp_connection *connection);
	/* The connection is about to go, however it ended: the user area must let go of what it holds. */
	void (*closed)(void *arg, struct tcp_connection *connection);
	/* Bytes given by tcp_send_pinned are acknowledged, or never will be. */
	void (*unpin)(void *arg, uint32_t pin);
};

/* All limits hold for one worker. Times in microseconds unless said. */
struct tcp_options {
	uint32_t connections; /* established at a time; a few more are refused, then SYNs get RST */
	uint32_t connections_a_client; /* of one address; 0: no limit of its own */
	uint32_t syn_backlog;	       /* half-open ones before SYN cookies answer */
	uint64_t buffered;	       /* bytes of buffers for all connections together */
	uint32_t unsent;    /* queued reply bytes at which a connection isn't read from */
	uint32_t user_size; /* bytes of the user area of a connection */
	uint32_t rto_min;   /* RFC 6298 (2.4) says 1 s, Linux and we 200 ms */
	uint32_t delayed_ack;
	uint64_t idle;	      /* silence after which one that is not patient is reset; 0: never */
	uint64_t no_progress; /* of a peer that takes no reply byte, before it is reset */
	uint64_t keepalive;   /* silence before probes (RFC 9293, 3.8.4); 0: none are sent */
	uint64_t time_wait;
	uint8_t secret[TCP_SECRET_SIZE]; /* random at start: sequence numbers, cookies, table */
};

/* Counters that only the worker writes and anybody may read. */
#define TCP_STATS(X)                                                                               \
	X(connections, "connections established now")                                              \
	X(half_open, "connections in handshake now")                                               \
	X(time_waits, "connections in TIME_WAIT now")                                              \
	X(buffered, "bytes of buffers in use now")                                                 \
	X(accepted, "connections accepted")                                                        \
	X(connected, "connections made by us")                                                     \
	X(closed, "connections closed in order")                                                   \
	X(reset_by_peer, "connections reset by the peer")                                          \
	X(reset_idle, "connections reset after the idle time")                                     \
	X(reset_no_progress, "connections reset because the peer took no reply")                   \
	X(reset_timeout, "connections reset after the last retransmission")                        \
	X(reset_by_us, "connections reset by the application or for want of buffers")              \
	X(refused_connections, "connections and SYNs refused: connection limit")                   \
	X(refused_client, "SYNs refused: limit of the client's address")                           \
	X(cookies_sent, "SYN cookies sent")                                                        \
	X(cookies_accepted, "connections accepted by a SYN cookie")                                \
	X(cookies_wrong, "acknowledgements of no connection and no cookie")                        \
	X(segments_in, "segments received for a connection or a listener")                         \
	X(segments_out, "segments sent")                                                           \
	X(trains_out, "of those, longer than fits a packet: cut by the port (TSO)")                \
	X(bytes_in, "payload bytes received in order")                                             \
	X(bytes_out, "payload bytes sent, retransmissions included")                               \
	X(duplicate_bytes, "payload bytes received again")                                         \
	X(out_of_order, "segments kept until a gap is filled")                                     \
	X(out_of_order_dropped, "segments beyond a gap for which there was no room")               \
	X(out_of_window, "segments outside the receive window")                                    \
	X(paws_dropped, "segments with an old timestamp (RFC 7323)")                               \
	X(bad_ack, "segments that acknowledge what was never sent, or long ago (RFC 5961)")        \
	X(bad_flags, "segments with flags that make no sense")                                     \
	X(challenge_acks, "challenge ACKs sent (RFC 5961)")                                        \
	X(challenge_acks_limited, "challenge ACKs not sent: over the rate")                        \
	X(resets_sent, "RST segments sent")                                                        \
	X(retransmits, "segments sent again")                                                      \
	X(fast_retransmits, "of those, in loss recovery by ACKs (RACK or duplicate ACKs)")         \
	X(tail_loss_probes, "tail loss probes (RFC 8985)")                                         \
	X(timeouts, "retransmission timeouts (RFC 6298)")                                          \
	X(window_probes, "zero-window probes")                                                     \
	X(keepalive_probes, "keepalive probes")                                                    \
	X(pmtu_lowered, "path MTU lowered by ICMP")                                                \
	X(no_buffer, "segments not sent or kept for want of a packet buffer")

struct tcp_stats {
#define X(name, help) uint64_t name;
	TCP_STATS(X)
#undef X
};

/* --- birth and death ----------------------------------------------------------------------- */

/*
 * Makes a worker's TCP on memory of NUMA node `node` (-1: any), all of it reserved here and touched
 * when first used. stats, owner and ports outlive it. `now` in microseconds starts its clock.
 * 0 and *tcp, or -ENOMEM, -EINVAL. Control thread.
 */
int tcp_create(struct tcp **tcp, const struct tcp_options *options, const struct tcp_owner *owner,
	       struct tcp_stats *stats, int node, uint64_t now);

/* Frees everything; connections that are left are forgotten in silence, after closed(). */
void tcp_destroy(struct tcp *tcp);

/* --- the worker's turn --------------------------------------------------------------------- */

/* Sets the clock (microseconds, never backwards) and runs the timers that are due. */
void tcp_advance(struct tcp *tcp, uint64_t now);

/*
 * A received segment (VERDICT_SEGMENT: checksum and lengths are right, source is allowed). Takes
 * packet->mbuf. *packet itself is not kept.
 */
void tcp_input(struct tcp *tcp, struct tcp_port *port, struct packet *packet);

/*
 * Received frames, nothing of which was looked at. Takes those that a burst begins with and that are segments of
 * established connections in which everything is as expected: does what net_input and tcp_input
 * would do, at a fraction of the price, and takes their mbufs. Leaves the first that is not as it was. Returns
 * how many were taken; it may be asked again for those that are left.
 */
unsigned int tcp_input_plain(struct tcp *tcp, struct tcp_port *port, struct rte_mbuf **mbufs,
			     unsigned int count);

/* ICMP said that a packet was too big for a link of this MTU (RFC 1191, 8201): packet->payload is
 * the quoted IP header. The mbuf stays the caller's. */
void tcp_path_mtu(struct tcp *tcp, struct tcp_port *port, const struct packet *packet,
		  uint16_t mtu);

/* A connection with news since the last flush, each at most once; NULL: none is left. News are bytes
 * to read, the peer's end, room to write after there was none, or tcp_connect's success. */
struct tcp_connection *tcp_next_ready(struct tcp *tcp);

/* Sends what is due, and frees what was taken. */
void tcp_flush(struct tcp *tcp);

/* RST to every connection, each of which is gone then: the worker is about to stop. */
void tcp_reset_all(struct tcp *tcp);

/* Microseconds until tcp_advance has something to do; UINT64_MAX: nothing is planned. */
uint64_t tcp_next_timer(const struct tcp *tcp);

/* --- a connection -------------------------------------------------------------------------- */

/* The user area: user_size bytes, zeroed when the connection came to be, 8-aligned. */
void *tcp_user(struct tcp_connection *connection);

/* The first run of received bytes that were not taken yet: length, 0 if there are none. */
size_t tcp_receive(struct tcp_connection *connection, const uint8_t **bytes);

/* Takes the first `length` of them. They stay in place until tcp_flush(). */
void tcp_take(struct tcp_connection *connection, size_t length);

/* The peer has closed its side, and every byte before was taken. */
bool tcp_at_end(const struct tcp_connection *connection);

/* True while so many replies are unsent that no request should be read; news come when it changes. */
bool tcp_is_congested(const struct tcp_connection *connection);

/*
 * Where the next bytes to be sent are written: *limit is past the last byte of room (at least one).
 * NULL: no buffer is left (the connection should be aborted). tcp_write_end(…, end) makes what lies
 * before `end` part of the queue; between the two no other function may be called for it.
 */
uint8_t *tcp_write_begin(struct tcp_connection *connection, uint8_t **limit);
void tcp_write_end(struct tcp_connection *connection, const uint8_t *end);

/*
 * Queues bytes that stay in place and unchanged until owner->unpin(pin): large values, sent from
 * where they lie. -ENOBUFS: there was no buffer to note it in (nothing was queued, unpin is the
 * caller's).
 */
int tcp_send_pinned(struct tcp_connection *connection, const uint8_t *bytes, uint32_t length,
		    uint32_t pin);

/* No more will be written: FIN after what is queued. What still arrives is acknowledged and dropped. */
void tcp_close(struct tcp_connection *connection);

/* From now on the peer's silence is no reason to reset the connection (options.idle): it listens, as
 * memcached's watchers do. What ends one whose host is gone is keepalive. */
void tcp_be_patient(struct tcp_connection *connection);

/* RST at once; the connection is gone when this returns. */
void tcp_abort(struct tcp_connection *connection);

/*
 * A piece of memory of TCP_BUFFER_SIZE bytes out of the same pool and budget as the send queues, for
 * the owner's own use (a request that came in pieces). NULL: the budget is used up.
 */
uint8_t *tcp_buffer_take(struct tcp *tcp);

/* Gives it back: at once, or (later) at the next tcp_flush, because replies still refer to it. */
void tcp_buffer_give(struct tcp *tcp, uint8_t *buffer, bool later);

/* --- all connections: tcp_list.c ------------------------------------------------------------ */

/* What there is to tell of a connection; ports in network order. */
struct tcp_peer {
	struct address address, local;
	rte_be16_t port, local_port;
	uint32_t silent_seconds; /* since the peer was heard of */
	bool closed; /* by us, in order: replies and acknowledgements may be under way */
	bool idle;   /* silent for as long as is allowed */
};

void tcp_describe(const struct tcp_connection *connection, struct tcp_peer *peer);

/* A connection's number while it lives: it is below tcp_numbers(). */
uint32_t tcp_number(const struct tcp_connection *connection);

/* The connection of this number; NULL if there is none now. */
struct tcp_connection *tcp_at(const struct tcp *tcp, uint32_t number);

/* No connection has this number or a higher one. */
uint32_t tcp_numbers(const struct tcp *tcp);

/* --- active open: the load generator's, and the tests' ------------------------------------- */

/*
 * Begins a connection from our address and `local_port` to the peer. NULL: no room, or the
 * four-tuple is in use. It is ready (tcp_next_ready) and tcp_is_open once it is established; refused,
 * or not answered by eight SYNs more, it ends with closed().
 * The peer's MAC is the caller's to know.
 */
struct tcp_connection *tcp_connect(struct tcp *tcp, struct tcp_port *port,
				   const struct rte_ether_addr *mac, const struct address *peer,
				   rte_be16_t peer_port, rte_be16_t local_port);

/* Established, and neither side has closed. */
bool tcp_is_open(const struct tcp_connection *connection);

#endif
