/* SPDX-License-Identifier: BSD-3-Clause */
/* tcp_parts.h - what each file of TCP-lite does for the others (tcp_connection.h lists them). */
#ifndef JACKDAW_TCP_PARTS_H
#define JACKDAW_TCP_PARTS_H

#include "dataplane/net/tcp_connection.h"

/* --- tcp_stream.c --------------------------------------------------------------------------- */

/* Ends the back-pressure if enough of the queue was acknowledged. */
void stream_relieve(struct tcp *tcp, struct tcp_connection *connection);

/* Room that can be offered now: past the last sequence number. Never before rcv_edge. */
uint32_t stream_edge(const struct tcp_connection *connection);

/* --- tcp_input.c ---------------------------------------------------------------------------- */

/* Answers what is not acceptable, within the limits of RFC 5961 (7); true if it will. */
bool input_challenge(struct tcp *tcp, struct tcp_connection *connection);

/* --- tcp_listen.c --------------------------------------------------------------------------- */

/* A SYN for a listening port, of no connection. rest: what is left of the one before (it goes), or
 * NULL. */
void listen_syn(struct tcp *tcp, const struct tcp_segment *segment, uint32_t hash,
		struct tcp_rest *rest);

/* A segment for a half-open connection. The connection, if it is established by it now. */
struct tcp_connection *half_input(struct tcp *tcp, struct tcp_half *half,
				  const struct tcp_segment *segment);

/* An ACK of no connection: established if it returns our cookie. */
struct tcp_connection *listen_cookie(struct tcp *tcp, const struct tcp_segment *segment,
				     uint32_t hash);

/* SYN-ACKs that are due again. */
void listen_advance(struct tcp *tcp);

void half_free(struct tcp *tcp, struct tcp_half *half);

/* What we tell of ourselves in a SYN: the MSS that the port's link allows. */
uint16_t listen_mss(const struct tcp_port *port, bool ipv4);

/* The initial sequence number of a four-tuple at this time (RFC 6528). */
uint32_t listen_number(const struct tcp *tcp, const struct tcp_path *path);
uint32_t listen_stamp_offset(const struct tcp *tcp, const struct tcp_path *path);

/* --- tcp_ack.c ------------------------------------------------------------------------------ */

/* A segment's acknowledgement, window and SACK blocks; it is in range. False: the connection ended. */
bool ack_input(struct tcp *tcp, struct tcp_connection *connection,
	       const struct tcp_segment *segment);

/* --- tcp_reassembly.c ----------------------------------------------------------------------- */

/* A segment's data and FIN, acceptable; takes its mbuf if it keeps it. */
void reassembly_input(struct tcp *tcp, struct tcp_connection *connection,
		      struct tcp_segment *segment);

/* Data that begins at rcv_nxt joins what may be read; takes the mbuf, which counts as held. */
void reassembly_append(struct tcp *tcp, struct tcp_connection *connection, struct rte_mbuf *mbuf);

/* SACK blocks to be told, at most `max`, D-SACK first; their number. */
unsigned int reassembly_blocks(struct tcp_connection *connection, uint32_t blocks[][2],
			       unsigned int max);

/* Received bytes are let go of: those out of order, and those not taken (at the next flush). */
void reassembly_drop_early(struct tcp *tcp, struct tcp_connection *connection);
void reassembly_drop_unread(struct tcp *tcp, struct tcp_connection *connection);

/* --- tcp_plain.c ---------------------------------------------------------------------------- */

/* After the path or what was agreed on has changed: are the connection's segments plain, and how do
 * they begin? */
void plain_learn(struct tcp *tcp, struct tcp_connection *connection);

/* As output_flush, if it is one segment of new data that is due, and nothing out of the ordinary.
 * False: nothing was done. */
bool plain_flush(struct tcp *tcp, struct tcp_connection *connection);

/* --- tcp_output.c --------------------------------------------------------------------------- */

/* Sends what may be sent: lost data, new data, else an acknowledgement that is due. */
void output_flush(struct tcp *tcp, struct tcp_connection *connection);

/* The window field of a segment that goes out now; what it tells becomes rcv_edge. */
uint16_t output_window(struct tcp_connection *connection);

/* Everything received so far is acknowledged by what goes out now. */
static inline void
output_acknowledged(struct tcp_connection *connection)
{
	connection->flags &= (uint16_t)~TCP_ACK_NOW;
	connection->unacked = 0;
	connection->ack_tick = 0;
	connection->last_ack = connection->rcv_nxt;
}

/* What is due at once: an acknowledgement, the first segment of a connection that we make. */
bool output_ack(struct tcp *tcp, struct tcp_connection *connection);
bool output_syn(struct tcp *tcp, struct tcp_connection *connection);

/* New data, so much that the flight grows by `room` bytes at most; true if any was sent. `patient`:
 * only segments that are worth it (RFC 9293, 3.8.6.2.1). */
bool output_new(struct tcp *tcp, struct tcp_connection *connection, uint32_t room, bool patient);

/* The last segment in flight once more (RFC 8985, 7.3). */
bool output_last(struct tcp *tcp, struct tcp_connection *connection);

/* A segment that a living peer must answer, as it is outside the window: keepalive and zero-window
 * probe (RFC 9293, 3.8.4 and 3.8.6.1). */
bool output_probe(struct tcp *tcp, struct tcp_connection *connection);

/* Something is queued, or FIN is due, that was never sent. */
bool output_is_waiting(const struct tcp_connection *connection);

/* --- tcp_flight.c --------------------------------------------------------------------------- */

static inline struct tcp_range *
flight_ranges(struct tcp_connection *connection)
{
	struct tcp_flight *flight = &connection->flight;

	return (flight->ranges != NULL ? flight->ranges : flight->inlined) + flight->first;
}

/* Notes that [begin, end) is sent now for the first time; false: no memory to note it in. */
bool flight_append(struct tcp *tcp, struct tcp_connection *connection, uint32_t begin,
		   uint32_t end);

/* Strikes out what lies before `ack`. */
void flight_acknowledge(struct tcp *tcp, struct tcp_connection *connection, uint32_t ack);

/* Splits the range that has `at` inside, so that one begins there; its index, or where one begins at
 * or after `at`. -1: there is no room. */
int flight_split(struct tcp *tcp, struct tcp_connection *connection, uint32_t at);

/* Gives a range its new flags, and counts. */
void flight_mark(struct tcp_connection *connection, struct tcp_range *range, uint32_t flags);

/* Neighbours with one fate become one. */
void flight_merge(struct tcp_connection *connection);

void flight_free(struct tcp *tcp, struct tcp_connection *connection);

/* Bytes that are thought to be on their way (RFC 6675, 4). */
uint32_t flight_pipe(const struct tcp_connection *connection);

/* The next lost range to be sent again: at most one segment. False: none. */
bool flight_next_lost(struct tcp_connection *connection, uint32_t *begin, uint32_t *end);

/* Notes that [begin, end), part of one range, was sent again now. */
void flight_resent(struct tcp *tcp, struct tcp_connection *connection, uint32_t begin,
		   uint32_t end);

/* Everything in flight counts as lost. */
void flight_lose_all(struct tcp_connection *connection);

/* --- tcp_recovery.c ------------------------------------------------------------------------- */

/* What a segment's acknowledgement delivered. */
struct tcp_delivery {
	uint32_t acked; /* bytes newly acknowledged in order */
	uint32_t rtt;	/* sample, microseconds */
	uint32_t sent;	/* of the segment that the sample is of */
	bool sampled;
	bool sacked;	/* something was newly delivered out of order */
	bool dsack;	/* the peer got something twice */
	bool duplicate; /* a duplicate acknowledgement (RFC 5681, 2) */
};

/* Before snd_una moves: strikes out what the segment acknowledges, and fills in *delivery. */
void recovery_acknowledge(struct tcp *tcp, struct tcp_connection *connection,
			  const struct tcp_segment *segment, struct tcp_delivery *delivery);

/* Instead, of that, if all in flight was sent once, together at `sent`, and is acknowledged. */
void recovery_deliver(struct tcp *tcp, struct tcp_connection *connection, uint32_t sent);

/* After snd_una moved: finds losses, begins and ends recovery, and sets the alarm. */
void recovery_react(struct tcp *tcp, struct tcp_connection *connection,
		    const struct tcp_delivery *delivery);

/* Sets the alarm that the flight needs; restart: its time begins now. */
void recovery_arm(struct tcp *tcp, struct tcp_connection *connection, bool restart);

/* The alarm has gone off. The connection may have ended. */
void recovery_alarm(struct tcp *tcp, struct tcp_connection *connection);

/* RFC 6298: the timeout without backoff, microseconds; and a sample for it. */
uint32_t recovery_rto(const struct tcp *tcp, const struct tcp_connection *connection);
void recovery_sample(struct tcp *tcp, struct tcp_connection *connection, uint32_t rtt);

/* --- tcp_congestion.c ----------------------------------------------------------------------- */

void congestion_begin(struct tcp_connection *connection);
void congestion_acked(struct tcp *tcp, struct tcp_connection *connection, uint32_t bytes);
void congestion_lost(struct tcp *tcp, struct tcp_connection *connection, bool timeout);

/* --- tcp_expiry.c --------------------------------------------------------------------------- */

/* Sets the timer for the earliest deadline. */
void expiry_arm(struct tcp *tcp, struct tcp_connection *connection);

/* Begins to watch over silence. */
void expiry_begin(struct tcp *tcp, struct tcp_connection *connection);

void expiry_fire(struct tcp *tcp, struct tcp_timer *timer);

/* --- tcp_end.c ------------------------------------------------------------------------------ */

/*
 * A connection as the SYNs agreed, ESTABLISHED. NULL: no room (counted). It replaces `old` in the
 * table; 0: it is new there.
 */
struct tcp_connection *connection_create(struct tcp *tcp, const struct tcp_path *path,
					 uint32_t hash, const struct tcp_agreement *agreement,
					 uint32_t old);

/* The answer to the SYN of one that we make has come. */
void connection_establish(struct tcp *tcp, struct tcp_connection *connection,
			  const struct tcp_agreement *agreement);

/* Lets go of everything and tells the owner. The memory stays until no list refers to it. */
void connection_destroy(struct tcp *tcp, struct tcp_connection *connection);

/* Frees the memory of a destroyed one, unless it is in a list. */
void connection_release(struct tcp *tcp, struct tcp_connection *connection);

/* RST, and the end. */
void connection_reset(struct tcp *tcp, struct tcp_connection *connection);

/* What is left is a struct tcp_rest. */
void connection_time_wait(struct tcp *tcp, struct tcp_connection *connection);

void rest_free(struct tcp *tcp, struct tcp_rest *rest);
void rest_advance(struct tcp *tcp);

/* A segment for a connection in TIME_WAIT. False: it is a SYN that may begin a new one. */
bool rest_input(struct tcp *tcp, struct tcp_rest *rest, const struct tcp_segment *segment);

/*
 * Limits: false, and counted, if a client at `peer` may not have one more. True also of the few that
 * are over the limit of connections and will be refused in words (connections_are_too_many).
 */
bool connection_allowed(struct tcp *tcp, const struct address *peer);

/* There are more connections than the limit: the one established last is to be refused. */
bool connections_are_too_many(const struct tcp *tcp);

/* RST in answer to a segment of no connection (RFC 9293, 3.10.7.1). */
void reset_answer(struct tcp *tcp, const struct tcp_segment *segment);

/* --- where segments come from --------------------------------------------------------------- */

/* The reference of what a packet is for; 0: nothing. */
uint32_t tcp_find(const struct tcp *tcp, const struct packet *packet, uint32_t hash);

/* The index of a port, noted when first seen. */
uint8_t tcp_port_index(struct tcp *tcp, struct tcp_port *port);

/* The path back to where a segment came from. */
void tcp_path_of(struct tcp *tcp, const struct tcp_segment *segment, struct tcp_path *path);

static inline uint32_t
tcp_path_hash4(const struct tcp *tcp, rte_be32_t local, rte_be32_t peer, rte_be16_t local_port,
	       rte_be16_t peer_port)
{
	return tcp_hash_words(&tcp->path_key, local, peer, (uint32_t)local_port << 16 | peer_port);
}

uint32_t tcp_path_hash(const struct tcp *tcp, const struct address *local,
		       const struct address *peer, rte_be16_t local_port, rte_be16_t peer_port);

#endif
