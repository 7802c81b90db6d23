/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection as the worker sees it: bytes in, bytes out. */
#include "dataplane/net/tcp_parts.h"

void *
tcp_user(struct tcp_connection *connection)
{
	return connection->user;
}

size_t
tcp_receive(struct tcp_connection *connection, const uint8_t **bytes)
{
	struct rte_mbuf *mbuf = connection->unread;

	if (mbuf == NULL)
		return 0;
	*bytes = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	return mbuf->data_len;
}

void
tcp_take(struct tcp_connection *connection, size_t length)
{
	struct tcp *tcp = connection->tcp;

	connection->unread_length -= (uint32_t)length;
	while (length > 0) {
		struct rte_mbuf *mbuf = connection->unread;
		uint16_t piece = (uint16_t)RTE_MIN(length, mbuf->data_len);

		mbuf->data_off = (uint16_t)(mbuf->data_off + piece);
		mbuf->data_len = (uint16_t)(mbuf->data_len - piece);
		length -= piece;
		if (mbuf->data_len > 0)
			break;
		connection->unread = mbuf->next;
		tcp->held--;
		mbuf->next = tcp->taken;
		tcp->taken = mbuf;
	}
	connection_touch(tcp, connection);
}

bool
tcp_at_end(const struct tcp_connection *connection)
{
	return (connection->flags & TCP_AT_END) != 0 && connection->unread == NULL;
}

bool
tcp_is_open(const struct tcp_connection *connection)
{
	return connection->state == TCP_ESTABLISHED;
}

bool
tcp_is_congested(const struct tcp_connection *connection)
{
	return (connection->flags & TCP_CONGESTED) != 0;
}

void
stream_relieve(struct tcp *tcp, struct tcp_connection *connection)
{
	if ((connection->flags & TCP_CONGESTED) == 0 ||
	    connection->queue.end - connection->snd_una > tcp->options.unsent / 2)
		return;
	connection->flags &= (uint16_t)~TCP_CONGESTED;
	connection_announce(tcp, connection);
}

/*
 * RFC 9293, 3.8.6.2.2: the window grows by steps that are worth a segment. What was offered is never
 * taken back; it closes because rcv_nxt moves and the application takes nothing.
 */
uint32_t
stream_edge(const struct tcp_connection *connection)
{
	const struct tcp *tcp = connection->tcp;
	uint32_t window = tcp->held > tcp->held_max / 2 ? TCP_WINDOW_SCARCE : TCP_WINDOW, edge;

	if (connection_rcv_scale(connection) == 0)
		window = RTE_MIN(window, (uint32_t)UINT16_MAX);
	if (connection->unread_length >= window)
		return connection->rcv_edge;
	edge = connection->rcv_nxt + window - connection->unread_length;
	if ((int32_t)(edge - connection->rcv_edge) <
	    (int32_t)RTE_MIN(window / 2, (uint32_t)connection->mss))
		return connection->rcv_edge;
	return edge;
}

/* After bytes were queued. */
static void
stream_queued(struct tcp_connection *connection, uint32_t length)
{
	struct tcp *tcp = connection->tcp;

	if (length == 0)
		return;
	if (connection->queue.end - length == connection->snd_una)
		connection->progress = tcp->tick;
	if (connection->queue.end - connection->snd_una >= tcp->options.unsent)
		connection->flags |= TCP_CONGESTED;
	connection_touch(tcp, connection);
}

uint8_t *
tcp_write_begin(struct tcp_connection *connection, uint8_t **limit)
{
	return queue_write_begin(&connection->tcp->buffers, &connection->queue, limit);
}

void
tcp_write_end(struct tcp_connection *connection, const uint8_t *end)
{
	stream_queued(connection,
		      queue_write_end(&connection->tcp->buffers, &connection->queue, end));
}

int
tcp_send_pinned(struct tcp_connection *connection, const uint8_t *bytes, uint32_t length,
		uint32_t pin)
{
	int error = queue_pin(&connection->tcp->buffers, &connection->queue, bytes, length, pin);

	if (error == 0)
		stream_queued(connection, length);
	return error;
}

void
tcp_close(struct tcp_connection *connection)
{
	struct tcp *tcp = connection->tcp;

	if ((connection->flags & TCP_CLOSE) != 0 || connection->state == TCP_CLOSED)
		return;
	if (connection->state == TCP_SYN_SENT) {
		connection_destroy(tcp, connection);
		return;
	}
	connection->flags |= TCP_CLOSE;
	connection->state = connection->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1;
	if (connection->queue.end == connection->snd_una)
		connection->progress = tcp->tick;
	reassembly_drop_unread(tcp, connection);
	connection_touch(tcp, connection);
}

void
tcp_abort(struct tcp_connection *connection)
{
	struct tcp *tcp = connection->tcp;

	if (connection->state == TCP_CLOSED)
		return;
	tcp->stats->reset_by_us++;
	connection_reset(tcp, connection);
}

void
tcp_be_patient(struct tcp_connection *connection)
{
	connection->flags |= TCP_PATIENT;
}

uint8_t *
tcp_buffer_take(struct tcp *tcp)
{
	struct tcp_buffer *buffer = buffers_take(&tcp->buffers);

	return buffer == NULL ? NULL : buffer->bytes;
}

void
tcp_buffer_give(struct tcp *tcp, uint8_t *bytes, bool later)
{
	struct tcp_buffer *buffer =
		(struct tcp_buffer *)(void *)(bytes - offsetof(struct tcp_buffer, bytes));

	if (later) {
		buffer->next = tcp->buffers.later;
		tcp->buffers.later = buffer;
	} else {
		buffers_give(&tcp->buffers, buffer);
	}
}
