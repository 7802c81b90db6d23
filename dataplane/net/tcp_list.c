/* SPDX-License-Identifier: BSD-3-Clause */
/* All connections, by number: their places in the pool that they are taken from. */
#include "dataplane/net/tcp_connection.h"

void
tcp_describe(const struct tcp_connection *connection, struct tcp_peer *peer)
{
	const struct tcp *tcp = connection->tcp;
	uint32_t silent = tcp->tick - connection->heard;

	*peer = (struct tcp_peer){
		.address = connection->path.peer,
		.local = connection->path.local,
		.port = connection->path.peer_port,
		.local_port = connection->path.local_port,
		.silent_seconds = (uint32_t)((uint64_t)silent * TCP_TICK_US / 1000000),
		.closed = (connection->flags & TCP_CLOSE) != 0,
		.idle = tcp->options.idle != 0 && (connection->flags & TCP_PATIENT) == 0 &&
			(uint64_t)silent * TCP_TICK_US >= tcp->options.idle,
	};
}

uint32_t
tcp_number(const struct tcp_connection *connection)
{
	const struct tcp_pool *pool = &connection->tcp->connections;

	return (uint32_t)((size_t)((const uint8_t *)connection - pool->memory) / pool->piece);
}

struct tcp_connection *
tcp_at(const struct tcp *tcp, uint32_t number)
{
	const struct tcp_pool *pool = &tcp->connections;
	struct tcp_connection *connection =
		(struct tcp_connection *)(void *)(pool->memory + number * pool->piece);

	if (number >= tcp_numbers(tcp) || connection->state == TCP_CLOSED)
		return NULL;
	return connection;
}

uint32_t
tcp_numbers(const struct tcp *tcp)
{
	const struct tcp_pool *pool = &tcp->connections;

	return (uint32_t)((size_t)(pool->fresh - pool->memory) / pool->piece);
}
