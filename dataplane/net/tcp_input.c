/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A received segment: which connection is it for, and is it acceptable there. The checks are those of
 * RFC 9293 (3.10.7.4) as hardened by RFC 5961 and RFC 7323 (PAWS); what is in order on an established
 * connection passes them all in one comparison chain.
 */
#include "dataplane/net/tcp_segment.h"

enum {
	CHALLENGE_PAUSE = 100, /* ticks between two of a connection, and as many again at random */
	CHALLENGE_PERIOD = 1000,
	CHALLENGES_A_PERIOD = 500, /* of a worker, and as many again at random */
	PAWS_IDLE =
		24 * 86400 * 1000u, /* ticks after which ts_recent means nothing (RFC 7323, 5.5) */
};

uint8_t
tcp_port_index(struct tcp *tcp, struct tcp_port *port)
{
	uint32_t i = 0;

	while (i < tcp->port_count && tcp->ports[i] != port)
		i++;
	if (i == tcp->port_count && i < TCP_PORTS_MAX) {
		/* of the packets that a port has, connections may keep a quarter, gaps a sixteenth */
		tcp->ports[tcp->port_count++] = port;
		tcp->held_max += port->pool->size / 4;
		tcp->early_max += port->pool->size / 16;
	}
	return (uint8_t)i;
}

void
tcp_path_of(struct tcp *tcp, const struct tcp_segment *segment, struct tcp_path *path)
{
	const struct packet *packet = segment->packet;

	path->local = packet->destination;
	path->peer = packet->source;
	path->local_port = packet->destination_port;
	path->peer_port = packet->source_port;
	path->mac = packet->peer;
	path->tags_length = packet->tags_length;
	memcpy(path->tags, packet->tags, sizeof(path->tags));
	path->port = tcp_port_index(tcp, segment->port);
}

uint32_t
tcp_path_hash(const struct tcp *tcp, const struct address *local, const struct address *peer,
	      rte_be16_t local_port, rte_be16_t peer_port)
{
	uint64_t words[5] = {(uint64_t)local_port << 16 | peer_port};

	if (address_is_ipv4(peer))
		return tcp_path_hash4(tcp, local->quads[3], peer->quads[3], local_port, peer_port);
	memcpy(&words[1], local->words, sizeof(local->words));
	memcpy(&words[3], peer->words, sizeof(peer->words));
	return (uint32_t)tcp_hash(&tcp->table_key, words, RTE_DIM(words));
}

/* --- challenges ----------------------------------------------------------------------------- */

/*
 * RFC 5961, 7: a limit, for each connection and for all; both at random, so that nobody learns by
 * using them up whether a connection exists (Y. Cao et al., "Off-Path TCP Exploits", 2016).
 */
bool
input_challenge(struct tcp *tcp, struct tcp_connection *connection)
{
	if (tcp->tick - tcp->challenge_tick >= CHALLENGE_PERIOD) {
		tcp->challenge_tick = tcp->tick;
		tcp->challenges_left =
			CHALLENGES_A_PERIOD +
			(uint32_t)((uint64_t)tcp_random(tcp) * CHALLENGES_A_PERIOD >> 32);
	}
	if (tcp->challenges_left == 0 ||
	    (connection->challenge_pause != 0 &&
	     tcp->tick - connection->challenge_tick < connection->challenge_pause)) {
		tcp->stats->challenge_acks_limited++;
		return false;
	}
	tcp->challenges_left--;
	tcp->stats->challenge_acks++;
	connection->challenge_tick = tcp->tick;
	connection->challenge_pause =
		(uint16_t)(CHALLENGE_PAUSE +
			   (uint32_t)((uint64_t)tcp_random(tcp) * CHALLENGE_PAUSE >> 32));
	connection->flags |= TCP_ACK_NOW;
	connection_touch(tcp, connection);
	return true;
}

/* Something is answered by an ACK: data always (its sender waits), else within the limits. */
static bool
input_refuse(struct tcp *tcp, struct tcp_connection *connection, const struct tcp_segment *segment,
	     uint64_t *counter)
{
	(*counter)++;
	if (segment->length == 0 && (segment->flags & RTE_TCP_FIN_FLAG) == 0) {
		input_challenge(tcp, connection);
		return false;
	}
	connection->flags |= TCP_ACK_NOW;
	connection_touch(tcp, connection);
	return false;
}

/* --- is it acceptable ----------------------------------------------------------------------- */

/* RFC 5961, 3.2: only the exact number resets. */
static void
input_rst(struct tcp *tcp, struct tcp_connection *connection, const struct tcp_segment *segment)
{
	if (segment->sequence == connection->rcv_nxt) {
		tcp->stats->reset_by_peer++;
		connection_destroy(tcp, connection);
	} else if (seq_lt(connection->rcv_nxt, segment->sequence) &&
		   seq_le(segment->sequence, connection->rcv_edge)) {
		input_challenge(tcp, connection);
	} else {
		tcp->stats->out_of_window++;
	}
}

/*
 * RFC 9293, 3.10.7.4, first; but what begins at rcv_nxt is acceptable even if there is no room, for
 * its acknowledgement's sake, and so is an empty segment at the very edge of a full window.
 */
static bool
sequence_is_acceptable(const struct tcp_connection *connection, const struct tcp_segment *segment)
{
	uint32_t length = segment->length + ((segment->flags & RTE_TCP_FIN_FLAG) != 0);
	uint32_t begin = segment->sequence;

	if (length == 0)
		return seq_le(connection->rcv_nxt, begin) && seq_le(begin, connection->rcv_edge);
	return (begin == connection->rcv_nxt || seq_lt(begin, connection->rcv_edge)) &&
	       seq_lt(connection->rcv_nxt, begin + length);
}

/* RFC 7323, 5.3 R1; and 3.2: where they are agreed on, a segment without a timestamp is dropped. */
static bool
paws_rejects(const struct tcp *tcp, const struct tcp_connection *connection,
	     const struct tcp_segment *segment)
{
	if ((connection->flags & TCP_STAMPS) == 0)
		return false;
	return !segment->has_stamps || (seq_lt(segment->stamp, connection->ts_recent) &&
					tcp->tick - connection->heard < PAWS_IDLE);
}

/* False: it was answered as it deserves; the connection may be gone. */
static bool
input_check(struct tcp *tcp, struct tcp_connection *connection, const struct tcp_segment *segment)
{
	struct tcp_stats *stats = tcp->stats;

	if ((segment->flags & RTE_TCP_RST_FLAG) != 0) {
		input_rst(tcp, connection, segment);
		return false;
	}
	if ((segment->flags & RTE_TCP_SYN_FLAG) != 0) { /* RFC 5961, 4.2 */
		input_challenge(tcp, connection);
		return false;
	}
	if (paws_rejects(tcp, connection, segment)) {
		if (segment->has_stamps)
			return input_refuse(tcp, connection, segment, &stats->paws_dropped);
		stats->paws_dropped++;
		return false;
	}
	if (!sequence_is_acceptable(connection, segment)) {
		if (segment->length > 0 &&
		    seq_le(segment->sequence + segment->length, connection->rcv_nxt))
			stats->duplicate_bytes += segment->length;
		return input_refuse(tcp, connection, segment, &stats->out_of_window);
	}
	/* RFC 5961, 5.2: nothing that was never sent, nothing older than a window */
	if (seq_lt(connection->snd_nxt, segment->ack) ||
	    seq_lt(segment->ack, connection->snd_una - connection->snd_wnd_max)) {
		stats->bad_ack++;
		input_challenge(tcp, connection);
		return false;
	}
	return true;
}

/* The common case: in order, nothing missing, nothing odd. */
static inline bool
input_is_plain(const struct tcp_connection *connection, const struct tcp_segment *segment)
{
	return (segment->flags & ~RTE_TCP_PSH_FLAG) == RTE_TCP_ACK_FLAG &&
	       segment->sequence == connection->rcv_nxt &&
	       segment->ack - connection->snd_una <= connection->snd_nxt - connection->snd_una &&
	       segment->has_stamps == ((connection->flags & TCP_STAMPS) != 0) &&
	       (!segment->has_stamps || seq_le(connection->ts_recent, segment->stamp)) &&
	       connection->state >= TCP_ESTABLISHED;
}

/*
 * The segments' way back has changed, or a bit of one frame's source: no checksum covers that. What two
 * segments in a row say is believed.
 */
static void
input_doubt_way(struct tcp_connection *connection, const struct packet *packet)
{
	if (rte_is_same_ether_addr(&connection->heard_mac, &packet->peer))
		connection->path.mac = packet->peer;
	connection->heard_mac = packet->peer;
}

/* An acceptable segment shows the way back to its sender, and that it lives. */
static void
input_learn(struct tcp *tcp, struct tcp_connection *connection, const struct tcp_segment *segment)
{
	const struct packet *packet = segment->packet;

	connection->heard = tcp->tick;
	if (unlikely(!rte_is_same_ether_addr(&connection->path.mac, &packet->peer))) {
		input_doubt_way(connection, packet);
		plain_learn(tcp, connection);
	}
	if (unlikely((packet->tags_length | connection->path.tags_length) != 0)) {
		connection->path.tags_length = packet->tags_length;
		memcpy(connection->path.tags, packet->tags, sizeof(packet->tags));
		plain_learn(tcp, connection);
	}
	/* RFC 7323, 4.3 */
	if (segment->has_stamps && seq_le(segment->sequence, connection->last_ack) &&
	    seq_le(connection->ts_recent, segment->stamp))
		connection->ts_recent = segment->stamp;
}

static void
connection_input(struct tcp *tcp, struct tcp_connection *connection, struct tcp_segment *segment)
{
	if (unlikely(!input_is_plain(connection, segment)) &&
	    !input_check(tcp, connection, segment))
		return;
	input_learn(tcp, connection, segment);
	if (!ack_input(tcp, connection, segment))
		return;
	if (segment->length == 0 && (segment->flags & RTE_TCP_FIN_FLAG) == 0)
		return;
	if (likely(connection_receives(connection))) {
		reassembly_input(tcp, connection, segment);
	} else { /* the FIN again */
		connection->flags |= TCP_ACK_NOW;
		connection_touch(tcp, connection);
	}
}

/* --- SYN-SENT: RFC 9293, 3.10.7.3, without simultaneous open --------------------------------- */

static void
syn_sent_input(struct tcp *tcp, struct tcp_connection *connection,
	       const struct tcp_segment *segment)
{
	bool ack = (segment->flags & RTE_TCP_ACK_FLAG) != 0;
	struct tcp_agreement agreement = {
		.iss = connection->snd_una,
		.irs = segment->sequence,
		.stamp_offset = connection->stamp_offset,
		.ts_recent = segment->has_stamps ? segment->stamp : 0,
		.window = segment->window,
		.snd_scale = segment->has_scale ? segment->scale : 0,
		.rcv_scale = segment->has_scale ? TCP_WINDOW_SCALE : 0,
		.stamps = segment->has_stamps,
		.sack = segment->sack_permitted,
	};
	uint32_t sent = connection->rack_sent;
	bool once = connection->backoff == 0;

	if (!ack || segment->ack != connection->snd_nxt) {
		tcp->stats->bad_ack++;
		if (ack)
			reset_answer(tcp, segment);
		return;
	}
	if ((segment->flags & RTE_TCP_RST_FLAG) != 0) {
		tcp->stats->reset_by_peer++;
		connection_destroy(tcp, connection);
		return;
	}
	if ((segment->flags & RTE_TCP_SYN_FLAG) == 0)
		return;
	agreement.mss = segment->mss != 0 ? RTE_MAX(segment->mss, (uint16_t)TCP_MSS_MIN)
			: address_is_ipv4(&connection->path.peer) ? TCP_MSS_IPV4
								  : TCP_MSS_IPV6;
	connection_establish(tcp, connection, &agreement);
	if (once)
		recovery_sample(tcp, connection, tcp->us - sent);
	connection->heard = tcp->tick;
	connection->flags |= TCP_ACK_NOW;
	tcp->stats->connected++;
	connection_announce(tcp, connection);
	connection_touch(tcp, connection);
}

/* --- whom is it for ------------------------------------------------------------------------- */

static bool
reference_is(const struct tcp *tcp, uint32_t reference, const struct packet *packet)
{
	const struct address *local, *peer;
	rte_be16_t local_port, peer_port;

	if (tcp_reference_kind(reference) == TCP_KIND_REST) {
		const struct tcp_rest *rest = tcp_referent(&tcp->rests, reference);

		local = &rest->local;
		peer = &rest->peer;
		local_port = rest->local_port;
		peer_port = rest->peer_port;
	} else {
		const struct tcp_connection *connection =
			tcp_referent(&tcp->connections, reference);
		const struct tcp_half *half = tcp_referent(&tcp->half_open, reference);
		const struct tcp_path *path = tcp_reference_kind(reference) == TCP_KIND_HALF
						      ? &half->path
						      : &connection->path;

		local = &path->local;
		peer = &path->peer;
		local_port = path->local_port;
		peer_port = path->peer_port;
	}
	return peer_port == packet->source_port && local_port == packet->destination_port &&
	       address_equal(peer, &packet->source) && address_equal(local, &packet->destination);
}

uint32_t
tcp_find(const struct tcp *tcp, const struct packet *packet, uint32_t hash)
{
	uint32_t at = hash, reference;

	while ((reference = tcp_table_find(&tcp->table, hash, &at)) != 0) {
		if (reference_is(tcp, reference, packet))
			break;
	}
	return reference;
}

static void
listener_input(struct tcp *tcp, struct tcp_segment *segment, uint32_t hash, struct tcp_rest *rest)
{
	static const uint8_t control = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG;
	const struct interface *interface = segment->port->interface;
	struct tcp_connection *connection;

	if (interface->any_tcp_port || interface->tcp_port != segment->packet->destination_port) {
		reset_answer(tcp, segment);
	} else if ((segment->flags & control) == RTE_TCP_SYN_FLAG) {
		listen_syn(tcp, segment, hash, rest);
	} else {
		connection = listen_cookie(tcp, segment, hash);
		if (connection != NULL)
			connection_input(tcp, connection, segment);
	}
}

static void
segment_deliver(struct tcp *tcp, struct tcp_segment *segment, uint32_t hash, uint32_t reference)
{
	struct tcp_connection *connection;
	struct tcp_rest *rest;

	switch (tcp_reference_kind(reference)) {
	case TCP_KIND_CONNECTION:
		connection = tcp_referent(&tcp->connections, reference);
		if (unlikely(connection->state == TCP_SYN_SENT))
			syn_sent_input(tcp, connection, segment);
		else
			connection_input(tcp, connection, segment);
		break;
	case TCP_KIND_HALF:
		connection = half_input(tcp, tcp_referent(&tcp->half_open, reference), segment);
		if (connection != NULL)
			connection_input(tcp, connection, segment);
		break;
	case TCP_KIND_REST:
		rest = tcp_referent(&tcp->rests, reference);
		if (!rest_input(tcp, rest, segment))
			listener_input(tcp, segment, hash, rest);
		break;
	default:
		listener_input(tcp, segment, hash, NULL);
		break;
	}
}

void
tcp_input(struct tcp *tcp, struct tcp_port *port, struct packet *packet)
{
	struct tcp_segment segment;
	uint32_t hash;

	tcp->stats->segments_in++;
	if (likely(segment_read(&segment, port, packet))) {
		hash = tcp_path_hash(tcp, &packet->destination, &packet->source,
				     packet->destination_port, packet->source_port);
		segment_deliver(tcp, &segment, hash, tcp_find(tcp, packet, hash));
	} else {
		tcp->stats->bad_flags++;
	}
	if (segment.mbuf != NULL)
		rte_pktmbuf_free(segment.mbuf);
}
