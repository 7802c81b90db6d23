/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/tcp_parts.h"

static unsigned int
flight_capacity(const struct tcp_flight *flight)
{
	return flight->ranges != NULL ? TCP_RANGES_MAX : TCP_RANGES_INLINE;
}

/* Room for one more range behind the last. */
static bool
flight_grow(struct tcp *tcp, struct tcp_connection *connection)
{
	struct tcp_flight *flight = &connection->flight;
	struct tcp_buffer *buffer;

	if (flight->first + flight->count < (int)flight_capacity(flight))
		return true;
	if (flight->first > 0) {
		memmove(flight_ranges(connection) - flight->first, flight_ranges(connection),
			flight->count * sizeof(struct tcp_range));
		flight->first = 0;
		return true;
	}
	if (flight->ranges != NULL)
		return false;
	buffer = buffers_take(&tcp->buffers);
	if (buffer == NULL)
		return false;
	memcpy(buffer->bytes, flight->inlined, sizeof(flight->inlined));
	flight->ranges = (struct tcp_range *)(void *)buffer->bytes;
	return true;
}

void
flight_free(struct tcp *tcp, struct tcp_connection *connection)
{
	struct tcp_flight *flight = &connection->flight;

	if (flight->ranges != NULL)
		buffers_give(&tcp->buffers,
			     (struct tcp_buffer *)(void *)((uint8_t *)flight->ranges -
							   offsetof(struct tcp_buffer, bytes)));
	flight->ranges = NULL;
	flight->count = flight->first = 0;
	connection->sacked = connection->lost = 0;
}

bool
flight_append(struct tcp *tcp, struct tcp_connection *connection, uint32_t begin, uint32_t end)
{
	struct tcp_flight *flight = &connection->flight;
	struct tcp_range *last;

	if (flight->count > 0) {
		last = &flight_ranges(connection)[flight->count - 1];
		if (last->sent == tcp->us && last->flags == 0) {
			last->end = end;
			return true;
		}
	}
	if (!flight_grow(tcp, connection))
		return false;
	flight_ranges(connection)[flight->count++] =
		(struct tcp_range){.begin = begin, .end = end, .sent = tcp->us};
	return true;
}

void
flight_mark(struct tcp_connection *connection, struct tcp_range *range, uint32_t flags)
{
	uint32_t length = range->end - range->begin;

	if ((range->flags & TCP_RANGE_SACKED) != 0)
		connection->sacked -= length;
	if ((range->flags & TCP_RANGE_LOST) != 0)
		connection->lost -= length;
	if ((flags & TCP_RANGE_SACKED) != 0)
		connection->sacked += length;
	if ((flags & TCP_RANGE_LOST) != 0)
		connection->lost += length;
	range->flags = flags;
}

void
flight_acknowledge(struct tcp *tcp, struct tcp_connection *connection, uint32_t ack)
{
	struct tcp_flight *flight = &connection->flight;

	while (flight->count > 0) {
		struct tcp_range *range = flight_ranges(connection);
		uint32_t flags = range->flags;

		if (seq_le(ack, range->begin))
			return;
		flight_mark(connection, range, 0);
		if (seq_lt(ack, range->end)) {
			range->begin = ack;
			flight_mark(connection, range, flags);
			return;
		}
		flight->first++;
		flight->count--;
	}
	flight_free(tcp, connection);
}

int
flight_split(struct tcp *tcp, struct tcp_connection *connection, uint32_t at)
{
	struct tcp_flight *flight = &connection->flight;
	struct tcp_range *ranges = flight_ranges(connection);
	unsigned int i = 0;

	while (i < flight->count && seq_le(ranges[i].end, at))
		i++;
	if (i == flight->count || seq_le(at, ranges[i].begin))
		return (int)i;
	if (!flight_grow(tcp, connection))
		return -1;
	ranges = flight_ranges(connection);
	memmove(&ranges[i + 1], &ranges[i], (flight->count - i) * sizeof(*ranges));
	flight->count++;
	ranges[i].end = at;
	ranges[i + 1].begin = at;
	return (int)i + 1;
}

void
flight_merge(struct tcp_connection *connection)
{
	struct tcp_flight *flight = &connection->flight;
	struct tcp_range *ranges = flight_ranges(connection);
	unsigned int kept = 0;

	for (unsigned int i = 1; i < flight->count; i++) {
		bool sacked = (ranges[i].flags & ranges[kept].flags & TCP_RANGE_SACKED) != 0;

		if (sacked ||
		    (ranges[i].flags == ranges[kept].flags && ranges[i].sent == ranges[kept].sent))
			ranges[kept].end = ranges[i].end;
		else
			ranges[++kept] = ranges[i];
	}
	if (flight->count > 0)
		flight->count = (uint16_t)(kept + 1);
}

uint32_t
flight_pipe(const struct tcp_connection *connection)
{
	uint32_t flight = connection_in_flight(connection);
	uint32_t gone = connection->sacked + connection->lost;

	/* without SACK each duplicate acknowledgement says that a segment has left (RFC 5681, 3.2) */
	if ((connection->flags & TCP_SACK) == 0)
		gone += connection->duplicates * connection_smss(connection);
	return gone < flight ? flight - gone : 0;
}

bool
flight_next_lost(struct tcp_connection *connection, uint32_t *begin, uint32_t *end)
{
	const struct tcp_range *ranges = flight_ranges(connection);
	uint32_t smss = connection_smss(connection);

	if (connection->lost == 0)
		return false;
	while ((ranges->flags & TCP_RANGE_LOST) == 0)
		ranges++;
	*begin = ranges->begin;
	*end = ranges->end - ranges->begin > smss ? ranges->begin + smss : ranges->end;
	return true;
}

void
flight_resent(struct tcp *tcp, struct tcp_connection *connection, uint32_t begin, uint32_t end)
{
	struct tcp_range *ranges;
	int i = 0;

	/* without room for a split all of the range counts as sent: RACK or the timeout finds the rest */
	(void)flight_split(tcp, connection, begin);
	(void)flight_split(tcp, connection, end);
	ranges = flight_ranges(connection);
	while (seq_le(ranges[i].end, begin))
		i++;
	flight_mark(connection, &ranges[i], TCP_RANGE_RETRANSMITTED);
	ranges[i].sent = tcp->us;
	if (i > 0 && ranges[i - 1].flags == ranges[i].flags &&
	    ranges[i - 1].sent == ranges[i].sent) {
		ranges[i - 1].end = ranges[i].end;
		memmove(&ranges[i], &ranges[i + 1],
			(size_t)(connection->flight.count - i - 1) * sizeof(*ranges));
		connection->flight.count--;
	}
}

void
flight_lose_all(struct tcp_connection *connection)
{
	struct tcp_range *ranges = flight_ranges(connection);

	for (unsigned int i = 0; i < connection->flight.count; i++) {
		if ((ranges[i].flags & TCP_RANGE_SACKED) == 0)
			flight_mark(connection, &ranges[i], ranges[i].flags | TCP_RANGE_LOST);
	}
}
