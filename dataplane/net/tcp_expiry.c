/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens when nothing does: each connection's deadlines behind its one timer. */
#include "dataplane/net/tcp_parts.h"

enum {
	LOOK_TICKS = 60000,	 /* at a connection, at the latest */
	KEEPALIVE_TICKS = 75000, /* between probes, as everybody does */
	KEEPALIVE_PROBES = 9,
};

static void
deadline_sooner(uint32_t *earliest, uint32_t tick)
{
	if (tick != 0 && (*earliest == 0 || (int32_t)(tick - *earliest) < 0))
		*earliest = tick;
}

void
expiry_arm(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t earliest = connection->slow_tick;

	deadline_sooner(&earliest, connection->alarm_tick);
	deadline_sooner(&earliest, connection->ack_tick);
	if (earliest != 0)
		tcp_timer_set(&tcp->wheel, &connection->timer, earliest);
}

/* Has `since` been so long ago? If not, *next is when it will be, if that is sooner. */
static bool
has_lasted(const struct tcp *tcp, uint32_t since, uint64_t us, uint32_t *next)
{
	uint32_t ticks = tcp_ticks(us);

	if (us == 0)
		return false;
	if (tcp->tick - since >= ticks)
		return true;
	deadline_sooner(next, since + ticks != 0 ? since + ticks : 1);
	return false;
}

/* Has the peer been silent for as long as is allowed? */
static bool
is_idle(const struct tcp *tcp, const struct tcp_connection *connection, uint32_t *next)
{
	return (connection->flags & TCP_PATIENT) == 0 &&
	       has_lasted(tcp, connection->heard, tcp->options.idle, next);
}

static void
silence_reset(struct tcp *tcp, struct tcp_connection *connection, uint64_t *counter)
{
	(*counter)++;
	connection_reset(tcp, connection);
}

/* RFC 9293, 3.8.4. False: the peer is gone, and so is the connection. */
static bool
keepalive_look(struct tcp *tcp, struct tcp_connection *connection, uint32_t *next)
{
	uint32_t pause = RTE_MIN(tcp_ticks(tcp->options.keepalive), (uint32_t)KEEPALIVE_TICKS);

	if (tcp->options.keepalive == 0 || connection_in_flight(connection) > 0 ||
	    connection->state == TCP_SYN_SENT)
		return true;
	if (tcp->tick - connection->heard < tcp_ticks(tcp->options.keepalive))
		connection->probes = 0;
	if (!has_lasted(tcp, connection->heard + connection->probes * pause, tcp->options.keepalive,
			next))
		return true;
	if (connection->probes == KEEPALIVE_PROBES) {
		silence_reset(tcp, connection, &tcp->stats->reset_timeout);
		return false;
	}
	connection->probes++;
	tcp->stats->keepalive_probes++;
	output_probe(tcp, connection);
	deadline_sooner(next, tcp->tick + pause);
	return true;
}

/* What the peer leaves undone for too long: everything, taking a reply, closing its side. */
static void
silence_look(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t next = tcp->tick + LOOK_TICKS;

	if (is_idle(tcp, connection, &next)) {
		silence_reset(tcp, connection, &tcp->stats->reset_idle);
		return;
	}
	if (connection->queue.end + ((connection->flags & TCP_CLOSE) != 0) != connection->snd_una &&
	    seq_le(connection->snd_una, connection->queue.end) &&
	    has_lasted(tcp, connection->progress, tcp->options.no_progress, &next)) {
		silence_reset(tcp, connection, &tcp->stats->reset_no_progress);
		return;
	}
	if (connection->state == TCP_FIN_WAIT_2 &&
	    has_lasted(tcp, connection->heard, tcp->options.time_wait, &next)) {
		silence_reset(tcp, connection, &tcp->stats->reset_idle);
		return;
	}
	if (!keepalive_look(tcp, connection, &next))
		return;
	connection->slow_tick = next != 0 ? next : 1;
}

void
expiry_begin(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t next = tcp->tick + LOOK_TICKS;

	connection->heard = connection->progress = tcp->tick;
	has_lasted(tcp, tcp->tick, tcp->options.idle, &next);
	has_lasted(tcp, tcp->tick, tcp->options.no_progress, &next);
	has_lasted(tcp, tcp->tick, tcp->options.keepalive, &next);
	connection->slow_tick = next;
	expiry_arm(tcp, connection);
}

void
expiry_fire(struct tcp *tcp, struct tcp_timer *timer)
{
	struct tcp_connection *connection =
		(struct tcp_connection *)(void *)((uint8_t *)timer -
						  offsetof(struct tcp_connection, timer));

	if (tcp_is_due(tcp, connection->ack_tick)) {
		connection->ack_tick = 0;
		connection->flags |= TCP_ACK_NOW;
		connection_touch(tcp, connection);
	}
	if (tcp_is_due(tcp, connection->alarm_tick))
		recovery_alarm(tcp, connection);
	if (connection->state != TCP_CLOSED && tcp_is_due(tcp, connection->slow_tick))
		silence_look(tcp, connection);
	if (connection->state != TCP_CLOSED)
		expiry_arm(tcp, connection);
}
