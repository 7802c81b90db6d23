/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be sent now: lost data first, then new data, else an acknowledgement that is due. */
#include "dataplane/net/tcp_segment.h"

enum {
	TRAIN_MAX =
		48 << 10, /* bytes: IP's total length, and 64 pieces of TAP's driver, are more */
};

uint16_t
output_window(struct tcp_connection *connection)
{
	uint32_t window;

	if (connection_receives(connection))
		connection->rcv_edge = stream_edge(connection);
	window = connection->rcv_edge - connection->rcv_nxt;
	if ((int32_t)window < 0)
		return 0;
	/* rounded down: what falls short of rcv_edge is still taken (RFC 7323, 2.4) */
	window >>= connection_rcv_scale(connection);
	return (uint16_t)RTE_MIN(window, (uint32_t)UINT16_MAX);
}

static uint8_t *
output_stamps(const struct tcp *tcp, const struct tcp_connection *connection, uint8_t *option)
{
	if ((connection->flags & TCP_STAMPS) == 0)
		return option;
	return segment_stamps(option, tcp_stamp(tcp, connection->stamp_offset),
			      connection->ts_recent);
}

/* Bytes of each piece of a segment that the port cuts; without TSO of any segment. */
static uint32_t
output_piece(const struct tcp *tcp, const struct tcp_connection *connection)
{
	const struct interface *interface = tcp->ports[connection->path.port]->interface;
	uint32_t smss = connection_smss(connection);

	if (interface->tso_shorter)
		smss -= RTE_ETHER_HDR_LEN + connection->path.tags_length;
	return smss;
}

/*
 * [sequence, end) to the peer: data, and FIN if `end` is past it. `fresh`: for the first time, to be
 * noted in the flight. False: no buffer.
 */
static bool
output_segment(struct tcp *tcp, struct tcp_connection *connection, uint32_t sequence, uint32_t end,
	       bool fresh)
{
	uint32_t queued = connection->queue.end;
	bool fin = seq_lt(queued, end);
	uint32_t length = end - sequence - fin;
	uint32_t piece = connection_smss(connection);
	uint8_t flags = RTE_TCP_ACK_FLAG;
	struct tcp_draft draft;

	if (unlikely(length > piece))
		piece = output_piece(tcp, connection);
	if (!segment_begin(tcp, &connection->path, connection_options_length(connection), &draft))
		return false;
	if (length > 0 && !segment_fill(tcp, connection, &draft, sequence, length, piece))
		return false;
	if (fresh && !flight_append(tcp, connection, sequence, end)) {
		rte_pktmbuf_free(draft.mbuf);
		return false;
	}
	if (length > 0 && sequence + length == queued)
		flags |= RTE_TCP_PSH_FLAG;
	if (fin) {
		flags |= RTE_TCP_FIN_FLAG;
		connection->flags |= TCP_FIN_SENT;
	}
	output_stamps(tcp, connection, (uint8_t *)(draft.header + 1));
	segment_fields(&draft, sequence, connection->rcv_nxt, flags, output_window(connection));
	output_acknowledged(connection);
	tcp->stats->bytes_out += length;
	segment_send(tcp, &connection->path, &draft, (uint16_t)length, (uint16_t)piece);
	return true;
}

bool
output_ack(struct tcp *tcp, struct tcp_connection *connection)
{
	uint8_t options[TCP_STAMPS_LENGTH + 4 + 8 * TCP_SACKS_MAX];
	uint8_t *at = output_stamps(tcp, connection, options);
	uint32_t blocks[TCP_SACKS_MAX][2];
	unsigned int count = 0;

	if ((connection->flags & TCP_SACK) != 0 &&
	    (connection->early != NULL || (connection->flags & TCP_DSACK) != 0))
		count = reassembly_blocks(connection, blocks,
					  at == options ? TCP_SACKS_MAX : TCP_SACKS_MAX - 1);
	if (count > 0)
		at = segment_sacks(at, blocks, count);
	if (!segment_send_plain(tcp, &connection->path, connection->snd_nxt, connection->rcv_nxt,
				RTE_TCP_ACK_FLAG, output_window(connection), options,
				(uint16_t)(at - options)))
		return false;
	output_acknowledged(connection);
	return true;
}

bool
output_probe(struct tcp *tcp, struct tcp_connection *connection)
{
	uint8_t options[TCP_STAMPS_LENGTH];
	uint8_t *end = output_stamps(tcp, connection, options);

	return segment_send_plain(tcp, &connection->path, connection->snd_una - 1,
				  connection->rcv_nxt, RTE_TCP_ACK_FLAG, output_window(connection),
				  options, (uint16_t)(end - options));
}

bool
output_syn(struct tcp *tcp, struct tcp_connection *connection)
{
	const struct tcp_agreement offer = {.stamps = true, .sack = true};
	uint8_t options[TCP_SYN_OPTIONS_MAX];
	unsigned int length =
		segment_syn_options(options,
				    listen_mss(tcp->ports[connection->path.port],
					       address_is_ipv4(&connection->path.peer)),
				    &offer, true, tcp_stamp(tcp, connection->stamp_offset));

	return segment_send_plain(tcp, &connection->path, connection->snd_una, 0, RTE_TCP_SYN_FLAG,
				  UINT16_MAX, options, (uint16_t)length);
}

bool
output_is_waiting(const struct tcp_connection *connection)
{
	return seq_lt(connection->snd_nxt, connection->queue.end) ||
	       (connection->flags & (TCP_CLOSE | TCP_FIN_SENT)) == TCP_CLOSE;
}

/*
 * RFC 9293, 3.8.6.2.1: how much of `waiting` bytes goes into the next segment; 0: none is worth it.
 * There is no Nagle here: the last bytes of a turn's replies go out as they are.
 */
static uint32_t
output_worth(const struct tcp_connection *connection, uint32_t waiting, bool patient)
{
	uint32_t length = RTE_MIN(waiting, connection_smss(connection));
	int32_t usable = (int32_t)(connection->snd_una + connection->snd_wnd - connection->snd_nxt);

	if (usable <= 0)
		return 0;
	if (length <= (uint32_t)usable)
		return length;
	if (patient && (uint32_t)usable < connection->snd_wnd_max / 2)
		return 0;
	return (uint32_t)usable;
}

/*
 * A port that cuts segments takes many at once: how much of `waiting` bytes, of which a segment's worth
 * is to be sent, within the peer's window and `room`. All of it, or whole pieces.
 */
static uint32_t
output_train(const struct tcp *tcp, const struct tcp_connection *connection, uint32_t waiting,
	     uint32_t room)
{
	uint32_t usable = connection->snd_una + connection->snd_wnd - connection->snd_nxt;
	uint32_t piece = output_piece(tcp, connection);
	uint32_t length = RTE_MIN(waiting, usable);

	length = RTE_MIN(length, room);
	length = RTE_MIN(length, (uint32_t)TRAIN_MAX);
	if (length <= connection_smss(connection))
		return connection_smss(connection);
	return length == waiting ? length : length - length % piece;
}

bool
output_new(struct tcp *tcp, struct tcp_connection *connection, uint32_t room, bool patient)
{
	bool tso = tcp->ports[connection->path.port]->interface->tso, sent = false;

	connection->flags &= (uint16_t)~TCP_LIMITED;
	while (output_is_waiting(connection)) {
		uint32_t waiting = connection->queue.end - connection->snd_nxt;
		uint32_t length = output_worth(connection, waiting, patient);
		uint32_t end;

		if (length == 0 && waiting > 0)
			break;
		if (length > room) {
			connection->flags |= TCP_LIMITED;
			break;
		}
		if (tso && length == connection_smss(connection))
			length = output_train(tcp, connection, waiting, room);
		end = connection->snd_nxt + length;
		if (length == waiting && (connection->flags & TCP_CLOSE) != 0)
			end++;
		if (!output_segment(tcp, connection, connection->snd_nxt, end, true))
			break;
		connection->snd_nxt = end;
		room -= length;
		sent = true;
	}
	return sent;
}

bool
output_last(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t end = connection->snd_nxt, begin = end - connection_smss(connection);

	begin = seq_max(begin, connection->snd_una);
	if (begin == end || !output_segment(tcp, connection, begin, end, false))
		return false;
	flight_resent(tcp, connection, begin, end);
	tcp->stats->retransmits++;
	return true;
}

/* Lost data again, as far as cwnd allows; true if any was sent. */
static bool
output_lost(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t begin, end;
	bool sent = false;

	while (flight_next_lost(connection, &begin, &end)) {
		uint32_t pipe = flight_pipe(connection);

		if (pipe > 0 && pipe + (end - begin) > connection->cwnd) {
			connection->flags |= TCP_LIMITED;
			break;
		}
		if (!output_segment(tcp, connection, begin, end, false))
			break;
		flight_resent(tcp, connection, begin, end);
		tcp->stats->retransmits++;
		if (connection->phase == TCP_RECOVERY)
			tcp->stats->fast_retransmits++;
		sent = true;
	}
	return sent;
}

/* RFC 5681, 4.1: after a silence nothing is known of the path. */
static void
output_after_idle(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t initial = TCP_INITIAL_SEGMENTS * connection_smss(connection);

	if (connection->cwnd <= initial ||
	    tcp->tick - connection->heard < tcp_ticks(recovery_rto(tcp, connection)))
		return;
	connection->cwnd = initial;
	connection->epoch = 0;
}

static bool
output_data(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t pipe;
	bool sent = false, fresh = false;

	if (connection_in_flight(connection) == 0 && output_is_waiting(connection))
		output_after_idle(tcp, connection);
	if (unlikely(connection->lost > 0))
		sent = output_lost(tcp, connection);
	if (connection->lost == 0 && output_is_waiting(connection)) {
		pipe = flight_pipe(connection);
		fresh = output_new(tcp, connection,
				   connection->cwnd > pipe ? connection->cwnd - pipe : 0, true);
	}
	if (sent || fresh || output_is_waiting(connection))
		recovery_arm(tcp, connection, sent || fresh);
	return sent || fresh;
}

/* True if the peer should learn of more room now, rather than with what is sent next. */
static bool
output_window_opens(const struct tcp_connection *connection)
{
	uint32_t left = connection->rcv_edge - connection->rcv_nxt;

	return connection_receives(connection) && (int32_t)left < TCP_WINDOW / 4 &&
	       stream_edge(connection) - connection->rcv_edge >= RTE_MAX(left, 1u);
}

/* RFC 9293, 3.8.6.3: an acknowledgement for every second segment, else one that waits a moment. */
static void
output_acknowledgement(struct tcp *tcp, struct tcp_connection *connection)
{
	if ((connection->flags & TCP_ACK_NOW) != 0 ||
	    connection->unacked >= 2u * connection->rcv_mss || output_window_opens(connection))
		output_ack(tcp, connection);
	else if (connection->unacked > 0 && connection->ack_tick == 0)
		connection->ack_tick = tcp_deadline(tcp, tcp->options.delayed_ack);
}

void
output_flush(struct tcp *tcp, struct tcp_connection *connection)
{
	if (likely(plain_flush(tcp, connection)))
		return;
	/* blocks travel in segments of their own: then the others needn't be shorter for them */
	if (unlikely((connection->flags & TCP_ACK_NOW) != 0 &&
		     (connection->early != NULL || (connection->flags & TCP_DSACK) != 0)))
		output_ack(tcp, connection);
	if (!output_data(tcp, connection))
		output_acknowledgement(tcp, connection);
	expiry_arm(tcp, connection);
}
