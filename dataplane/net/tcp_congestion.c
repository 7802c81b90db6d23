/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much may be in flight: slow start (RFC 5681, counting bytes as RFC 3465 does, so that an
 * acknowledgement in pieces is worth no more than a whole one) and CUBIC (RFC 9438), in integers.
 * What takes a division is done once a millisecond, and only while cwnd is what holds a sender back.
 */
#include "dataplane/net/tcp_parts.h"

enum {
	CUBIC_REACH = 100000, /* milliseconds from K beyond which the curve isn't followed */
};

void
congestion_begin(struct tcp_connection *connection)
{
	uint32_t smss = connection_smss(connection);

	/* RFC 6928, 2 */
	connection->cwnd = clamp(14600, 2 * smss, TCP_INITIAL_SEGMENTS * smss);
	connection->ssthresh = INT32_MAX;
}

/* The integer part of the cube root, a bit at a time from the highest (H. S. Warren, Hacker's Delight). */
static uint32_t
cube_root(uint64_t value)
{
	uint64_t root = 0;

	for (int shift = 63; shift >= 0; shift -= 3) {
		uint64_t step;

		root *= 2;
		step = 3 * root * (root + 1) + 1;
		if ((value >> shift) >= step) {
			value -= step << shift;
			root++;
		}
	}
	return (uint32_t)root;
}

/* W_cubic(t), bytes, t in milliseconds since the epoch (RFC 9438, 4.2); C is 0.4. */
static uint32_t
cubic_window(const struct tcp_connection *connection, uint32_t t)
{
	int64_t distance = (int64_t)t - connection->k;
	int64_t smss = connection_smss(connection), window;

	if (distance > CUBIC_REACH)
		distance = CUBIC_REACH;
	if (distance < -CUBIC_REACH)
		distance = -CUBIC_REACH;
	window = (int64_t)connection->w_max +
		 distance * distance * distance / 5000 * 2 * smss / 1000000;
	if (window < smss)
		return (uint32_t)smss;
	return window > INT32_MAX ? INT32_MAX : (uint32_t)window;
}

static void
cubic_epoch(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t cwnd = connection->cwnd;

	connection->epoch = tcp->tick;
	connection->w_est = cwnd;
	connection->credit = connection->counted = 0;
	connection->k = 0;
	if (cwnd < connection->w_max) /* K = cubic root of (W_max - cwnd) / C, in milliseconds */
		connection->k = cube_root((uint64_t)(connection->w_max - cwnd) * 2500000000u /
					  connection_smss(connection));
	else
		connection->w_max = cwnd;
	connection->growth_tick = tcp->tick - 1;
}

/* How many bytes are to be acknowledged for one more segment. */
static void
cubic_update(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t cwnd = connection->cwnd, smss = connection_smss(connection), target;

	/* RFC 9438, 4.3: what Reno with this decrease would have; alpha = 3 (1 - beta) / (1 + beta) */
	connection->w_est += (uint32_t)((uint64_t)smss * connection->counted * 9 / 17 / cwnd);
	connection->counted = 0;
	connection->growth_tick = tcp->tick;
	target = cubic_window(connection,
			      tcp->tick - connection->epoch + connection->srtt / TCP_TICK_US);
	if (target < connection->w_est)
		target = connection->w_est;
	if (target > cwnd + cwnd / 2)
		target = cwnd + cwnd / 2;
	/* (target - cwnd) / cwnd of a byte for each; where the curve is flat, a hundredth of that */
	if (target > cwnd)
		connection->growth = (uint32_t)((uint64_t)cwnd * smss / (target - cwnd));
	else
		connection->growth = cwnd > UINT32_MAX / 100 ? UINT32_MAX : 100 * cwnd;
	if (connection->growth == 0)
		connection->growth = 1;
}

void
congestion_acked(struct tcp *tcp, struct tcp_connection *connection, uint32_t bytes)
{
	uint32_t smss = connection_smss(connection);

	/* what was not used is not proven (RFC 9293, 3.8.2; RFC 7661) */
	if ((connection->flags & TCP_LIMITED) == 0 || connection->cwnd > INT32_MAX / 2)
		return;
	if (connection->cwnd < connection->ssthresh) {
		/* the limit L: a peer that merges segments acknowledges a train at a time */
		connection->cwnd += RTE_MIN(bytes, TCP_INITIAL_SEGMENTS * smss);
		return;
	}
	if (connection->epoch == 0)
		cubic_epoch(tcp, connection);
	connection->counted += bytes;
	if (connection->growth_tick != tcp->tick)
		cubic_update(tcp, connection);
	connection->credit += bytes;
	while (connection->credit >= connection->growth) {
		connection->credit -= connection->growth;
		connection->cwnd += smss;
	}
}

void
congestion_lost(struct tcp *tcp, struct tcp_connection *connection, bool timeout)
{
	uint32_t cwnd = connection->cwnd, smss = connection_smss(connection);

	(void)tcp;
	/* RFC 9438, 4.7: fast convergence, and 4.6: beta is 0.7 */
	connection->w_max = cwnd < connection->w_max ? cwnd / 20 * 17 : cwnd;
	connection->ssthresh = RTE_MAX(cwnd / 10 * 7, 2 * smss);
	connection->cwnd = timeout ? smss : connection->ssthresh; /* RFC 5681, 3.1 */
	connection->epoch = 0;
}
