/* SPDX-License-Identifier: BSD-3-Clause */
/* What an acknowledgement says (RFC 9293, 3.10.7.4, fifth: check the ACK field). */
#include "dataplane/net/tcp_parts.h"

/* Our FIN has arrived. False: the connection is gone. */
static bool
fin_acknowledged(struct tcp *tcp, struct tcp_connection *connection)
{
	if (connection->state == TCP_FIN_WAIT_1) {
		connection->state = TCP_FIN_WAIT_2;
	} else if (connection->state == TCP_CLOSING) {
		connection_time_wait(tcp, connection);
		return false;
	} else if (connection->state == TCP_LAST_ACK && tcp->now < tcp->cookie_until) {
		/* an old segment that returns our cookie would make it rise from the dead */
		connection_time_wait(tcp, connection);
		return false;
	} else if (connection->state == TCP_LAST_ACK) {
		tcp->stats->closed++;
		connection_destroy(tcp, connection);
		return false;
	}
	return true;
}

/*
 * The window, if the segment is not older than the one that told it last (RFC 9293, 3.10.7.4): one that
 * acknowledges more never is, whatever its own number.
 */
static void
ack_window(struct tcp *tcp, struct tcp_connection *connection, const struct tcp_segment *segment)
{
	uint32_t window = (uint32_t)segment->window << connection_snd_scale(connection);

	if (seq_lt(segment->sequence, connection->snd_wl1) && segment->ack == connection->snd_una)
		return;
	connection->snd_wl1 = seq_max(connection->snd_wl1, segment->sequence);
	if (window == connection->snd_wnd)
		return;
	if (connection->snd_wnd == 0)
		connection->backoff = 0;
	connection->snd_wnd = window;
	connection->snd_wnd_max = RTE_MAX(connection->snd_wnd_max, window);
	if (output_is_waiting(connection))
		connection_touch(tcp, connection);
}

static bool
ack_advance(struct tcp *tcp, struct tcp_connection *connection, uint32_t ack)
{
	connection->snd_una = ack;
	connection->backoff = 0;
	connection->progress = tcp->tick;
	queue_acknowledge(&tcp->buffers, &connection->queue, seq_min(ack, connection->queue.end));
	stream_relieve(tcp, connection);
	if (unlikely((connection->flags & TCP_FIN_SENT) != 0) && ack == connection->queue.end + 1)
		return fin_acknowledged(tcp, connection);
	return true;
}

bool
ack_input(struct tcp *tcp, struct tcp_connection *connection, const struct tcp_segment *segment)
{
	struct tcp_delivery delivery = {.acked = 0};
	uint32_t window = connection->snd_wnd;

	if (seq_lt(segment->ack, connection->snd_una))
		return true;
	ack_window(tcp, connection, segment);
	if (connection_in_flight(connection) == 0)
		return true;
	recovery_acknowledge(tcp, connection, segment, &delivery);
	delivery.duplicate = delivery.acked == 0 && segment->length == 0 &&
			     window == connection->snd_wnd &&
			     (segment->flags & RTE_TCP_FIN_FLAG) == 0;
	if (delivery.acked > 0 && !ack_advance(tcp, connection, segment->ack))
		return false;
	if (delivery.acked == 0 && segment->sacks == 0 && !delivery.duplicate)
		return true;
	/* a peer that tells of no room is alive: only its silence counts */
	if (connection->snd_wnd == 0 && connection->backoff > 1)
		connection->backoff = 1;
	recovery_react(tcp, connection, &delivery);
	if (connection->lost > 0 || output_is_waiting(connection))
		connection_touch(tcp, connection);
	return true;
}
