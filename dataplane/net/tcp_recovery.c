/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which bytes are lost: RACK-TLP (RFC 8985) where the peer tells SACK blocks, NewReno (RFC 6582)
 * where not, and the retransmission timeout (RFC 6298) behind both.
 *
 *     OPEN ──loss found by acknowledgements──▶ RECOVERY ──snd_una reaches `recover`──▶ OPEN
 *       └──────────timeout──────────▶ LOSS ◀──timeout──┘ LOSS ──snd_una reaches `recover`──▶ OPEN
 */
#include "dataplane/net/tcp_parts.h"

enum {
	DUPLICATES = 3,			 /* DupThresh (RFC 5681, 3.2) */
	CLOCK_GRANULARITY = TCP_TICK_US, /* G of RFC 6298 */
	PEER_DELAYED_ACK =
		50000, /* TLP.max_ack_delay: what Linux delays one by, and a little, us */
	PROBE_MIN = 2000,
	MIN_RTT_TICKS = 300000, /* after which a smaller round trip is forgotten */
	REORDER_PERSIST =
		16, /* recoveries for which a wider reordering window lasts (RFC 8985, 6.2) */
};

uint32_t
recovery_rto(const struct tcp *tcp, const struct tcp_connection *connection)
{
	uint32_t variance = RTE_MAX(4 * connection->rttvar, (uint32_t)CLOCK_GRANULARITY);

	if (connection->srtt == 0)
		return RTE_MAX((uint32_t)TCP_INITIAL_RTO, tcp->options.rto_min);
	return clamp(connection->srtt + variance, tcp->options.rto_min, TCP_RTO_MAX);
}

/* RFC 6298 (2.2) and (2.3). */
void
recovery_sample(struct tcp *tcp, struct tcp_connection *connection, uint32_t rtt)
{
	uint32_t difference;

	rtt = clamp(rtt, 1, TCP_RTO_MAX);
	if (connection->min_rtt == 0 || rtt <= connection->min_rtt ||
	    tcp->tick - connection->min_rtt_tick > MIN_RTT_TICKS) {
		connection->min_rtt = rtt;
		connection->min_rtt_tick = tcp->tick;
	}
	if (connection->srtt == 0) {
		connection->srtt = rtt;
		connection->rttvar = rtt / 2;
		return;
	}
	difference = rtt > connection->srtt ? rtt - connection->srtt : connection->srtt - rtt;
	connection->rttvar += difference / 4 - connection->rttvar / 4;
	connection->srtt += rtt / 8 - connection->srtt / 8;
	connection->srtt = RTE_MAX(connection->srtt, 1u);
}

/* --- what an acknowledgement delivers ------------------------------------------------------- */

/* True if the acknowledgement may be for an earlier transmission of the range (RFC 8985, 6.2 step 2). */
static bool
delivery_is_ambiguous(const struct tcp *tcp, const struct tcp_connection *connection,
		      const struct tcp_range *range, const struct tcp_segment *segment)
{
	uint32_t age = tcp->us - range->sent;

	if ((range->flags & TCP_RANGE_RETRANSMITTED) == 0)
		return false;
	if ((connection->flags & TCP_STAMPS) != 0 && segment->has_stamps &&
	    seq_lt(segment->echo, tcp_stamp(tcp, connection->stamp_offset) - age / TCP_TICK_US - 1))
		return true;
	return age < connection->min_rtt;
}

/* RFC 8985, 6.2 step 2: of all that was delivered, what was sent last is what others are judged by. */
static inline void
rack_note(const struct tcp *tcp, struct tcp_connection *connection, uint32_t sent, uint32_t end)
{
	if (connection->rack_valid &&
	    ((int32_t)(sent - connection->rack_sent) < 0 ||
	     (sent == connection->rack_sent && seq_lt(end, connection->rack_end))))
		return;
	connection->rack_valid = true;
	connection->rack_sent = sent;
	connection->rack_end = end;
	connection->rack_rtt = tcp->us - sent;
}

void
recovery_deliver(struct tcp *tcp, struct tcp_connection *connection, uint32_t sent)
{
	recovery_sample(tcp, connection, tcp->us - sent);
	connection->fack = connection->snd_nxt;
	rack_note(tcp, connection, sent, connection->snd_nxt);
}

/* A range, or its front up to `end`, was delivered that was not known to be. */
static void
delivery_note(const struct tcp *tcp, struct tcp_connection *connection,
	      const struct tcp_range *range, uint32_t end, const struct tcp_segment *segment,
	      struct tcp_delivery *delivery)
{
	bool resent = (range->flags & TCP_RANGE_RETRANSMITTED) != 0;

	/* Karn: only what was sent once is timed; of those the one sent last */
	if (!resent && (!delivery->sampled || (int32_t)(range->sent - delivery->sent) > 0)) {
		delivery->sampled = true;
		delivery->sent = range->sent;
		delivery->rtt = tcp->us - range->sent;
	}
	if (seq_lt(connection->fack, end))
		connection->fack = end;
	else if (seq_lt(end, connection->fack) && !resent)
		connection->reordering = true; /* RFC 8985, 6.2 step 3 */
	if (!delivery_is_ambiguous(tcp, connection, range, segment))
		rack_note(tcp, connection, range->sent, end);
}

static void
delivery_in_order(struct tcp *tcp, struct tcp_connection *connection,
		  const struct tcp_segment *segment, struct tcp_delivery *delivery)
{
	const struct tcp_range *ranges = flight_ranges(connection);

	for (unsigned int i = 0;
	     i < connection->flight.count && seq_lt(ranges[i].begin, segment->ack); i++) {
		if ((ranges[i].flags & TCP_RANGE_SACKED) == 0)
			delivery_note(tcp, connection, &ranges[i],
				      seq_min(ranges[i].end, segment->ack), segment, delivery);
	}
	flight_acknowledge(tcp, connection, segment->ack);
}

static void
delivery_block(struct tcp *tcp, struct tcp_connection *connection, uint32_t begin, uint32_t end,
	       const struct tcp_segment *segment, struct tcp_delivery *delivery)
{
	int first = flight_split(tcp, connection, begin), last;
	struct tcp_range *ranges;

	if (first < 0)
		return; /* no room for another range: it will be sent again */
	last = flight_split(tcp, connection, end);
	if (last < 0)
		return;
	ranges = flight_ranges(connection);
	for (int i = first; i < last; i++) {
		if ((ranges[i].flags & TCP_RANGE_SACKED) != 0)
			continue;
		delivery_note(tcp, connection, &ranges[i], ranges[i].end, segment, delivery);
		flight_mark(connection, &ranges[i], TCP_RANGE_SACKED);
		delivery->sacked = true;
	}
}

/* RFC 2883, 4: the first block tells of a duplicate if it is acknowledged, or in the second one. */
static bool
delivery_is_dsack(const struct tcp_segment *segment)
{
	if (seq_le(segment->sack[0][1], segment->ack))
		return true;
	return segment->sacks > 1 && seq_le(segment->sack[1][0], segment->sack[0][0]) &&
	       seq_le(segment->sack[0][1], segment->sack[1][1]);
}

static void
delivery_blocks(struct tcp *tcp, struct tcp_connection *connection,
		const struct tcp_segment *segment, struct tcp_delivery *delivery)
{
	unsigned int i = 0;

	delivery->dsack = delivery_is_dsack(segment);
	if (delivery->dsack)
		i++;
	for (; i < segment->sacks; i++) {
		uint32_t begin = segment->sack[i][0], end = segment->sack[i][1];

		if (seq_lt(begin, end) && seq_lt(segment->ack, begin) &&
		    seq_le(end, connection->snd_nxt))
			delivery_block(tcp, connection, begin, end, segment, delivery);
	}
	if (delivery->sacked)
		flight_merge(connection);
}

void
recovery_acknowledge(struct tcp *tcp, struct tcp_connection *connection,
		     const struct tcp_segment *segment, struct tcp_delivery *delivery)
{
	delivery->acked = segment->ack - connection->snd_una;
	if (delivery->acked > 0)
		delivery_in_order(tcp, connection, segment, delivery);
	if (segment->sacks > 0 && (connection->flags & TCP_SACK) != 0)
		delivery_blocks(tcp, connection, segment, delivery);
	if (delivery->sampled) {
		recovery_sample(tcp, connection, delivery->rtt);
	} else if (delivery->acked > 0 && (connection->flags & TCP_STAMPS) != 0 &&
		   segment->has_stamps) {
		/* RFC 7323, 4.1: a timestamp tells which transmission it was */
		uint32_t ticks = tcp_stamp(tcp, connection->stamp_offset) - segment->echo;

		if (ticks < TCP_RTO_MAX / TCP_TICK_US)
			recovery_sample(tcp, connection, ticks * TCP_TICK_US);
	}
}

/* --- RACK ----------------------------------------------------------------------------------- */

/* RFC 8985, 6.2 step 4: how long to wait for what may only be late. */
static uint32_t
rack_window(const struct tcp_connection *connection)
{
	if (!connection->reordering &&
	    (connection->phase != TCP_OPEN ||
	     connection->sacked >= DUPLICATES * connection_smss(connection)))
		return 0;
	return RTE_MIN(connection->min_rtt / 4 * connection->reorder_steps, connection->srtt);
}

/* A spurious retransmission widens the window by a step a round trip (RFC 8985, 6.2 step 4). */
static void
rack_widen(struct tcp_connection *connection)
{
	if (seq_lt(connection->snd_una, connection->reorder_round))
		return;
	connection->reorder_round = connection->snd_nxt;
	connection->reorder_persist = REORDER_PERSIST;
	if (connection->reorder_steps < UINT8_MAX)
		connection->reorder_steps++;
}

/*
 * RFC 8985, 6.2 step 5: lost is what was sent long enough before something that was delivered. True if
 * anything was found; *wait: when to look again, 0: not.
 */
static bool
rack_detect(struct tcp *tcp, struct tcp_connection *connection, uint32_t *wait)
{
	struct tcp_range *ranges = flight_ranges(connection);
	uint32_t window = rack_window(connection);
	bool found = false;

	*wait = 0;
	for (unsigned int i = 0; connection->rack_valid && i < connection->flight.count; i++) {
		struct tcp_range *range = &ranges[i];
		int32_t younger = (int32_t)(range->sent - connection->rack_sent);
		int32_t left;

		if ((range->flags & (TCP_RANGE_SACKED | TCP_RANGE_LOST)) != 0 || younger > 0 ||
		    (younger == 0 && !seq_lt(range->begin, connection->rack_end)))
			continue;
		left = (int32_t)(range->sent + connection->rack_rtt + window - tcp->us);
		if (left <= 0) {
			flight_mark(connection, range, range->flags | TCP_RANGE_LOST);
			found = true;
		} else {
			*wait = RTE_MAX(*wait, (uint32_t)left);
		}
	}
	return found;
}

static void
alarm_set(struct tcp *tcp, struct tcp_connection *connection, enum tcp_alarm alarm, uint32_t us)
{
	connection->alarm = (uint8_t)alarm;
	connection->alarm_tick = alarm == TCP_ALARM_NONE ? 0 : tcp_deadline(tcp, us);
}

static void
recovery_begin(struct tcp *tcp, struct tcp_connection *connection)
{
	connection->phase = TCP_RECOVERY;
	connection->recover = connection->snd_nxt;
	congestion_lost(tcp, connection, false);
}

static void
recovery_end(struct tcp_connection *connection)
{
	connection->phase = TCP_OPEN;
	connection->duplicates = 0;
	if (connection->reorder_persist > 0 && --connection->reorder_persist == 0)
		connection->reorder_steps = 1;
}

/* RFC 8985, 7.4: was the tail loss probe needed? */
static void
probe_judge(struct tcp *tcp, struct tcp_connection *connection, const struct tcp_delivery *delivery)
{
	if (!connection->probing || seq_lt(connection->snd_una, connection->probe_end))
		return;
	connection->probing = false;
	if (connection->probe_repeats && !delivery->dsack && delivery->acked > 0 &&
	    seq_lt(connection->probe_end, connection->snd_una))
		congestion_lost(tcp, connection, false); /* it repaired a loss in silence */
}

static void
react_by_rack(struct tcp *tcp, struct tcp_connection *connection,
	      const struct tcp_delivery *delivery)
{
	uint32_t wait;

	if (delivery->dsack)
		rack_widen(connection);
	probe_judge(tcp, connection, delivery);
	if (rack_detect(tcp, connection, &wait) && connection->phase == TCP_OPEN)
		recovery_begin(tcp, connection);
	if (wait > 0)
		alarm_set(tcp, connection, TCP_ALARM_REORDER, wait);
	else if (connection->alarm == TCP_ALARM_REORDER)
		recovery_arm(tcp, connection, true);
}

/* --- NewReno -------------------------------------------------------------------------------- */

/* The first segment in flight is lost. */
static void
first_is_lost(struct tcp *tcp, struct tcp_connection *connection)
{
	struct tcp_range *range;

	if (connection->flight.count == 0)
		return;
	(void)flight_split(tcp, connection, connection->snd_una + connection_smss(connection));
	range = flight_ranges(connection);
	flight_mark(connection, range, range->flags | TCP_RANGE_LOST);
}

static void
react_by_reno(struct tcp *tcp, struct tcp_connection *connection,
	      const struct tcp_delivery *delivery)
{
	if (delivery->duplicate && connection->duplicates < UINT8_MAX)
		connection->duplicates++;
	/* RFC 6582, 3.2 step 2: not for what was lost before the last recovery */
	if (connection->phase == TCP_OPEN && connection->duplicates == DUPLICATES &&
	    seq_le(connection->recover, connection->snd_una)) {
		recovery_begin(tcp, connection);
		first_is_lost(tcp, connection);
	} else if (delivery->acked > 0 && connection->phase == TCP_RECOVERY) {
		/* step 3, a partial acknowledgement: the next hole */
		uint32_t segments = delivery->acked / connection_smss(connection);

		connection->duplicates = (uint8_t)(connection->duplicates > segments
							   ? connection->duplicates - segments
							   : 0);
		first_is_lost(tcp, connection);
	} else if (delivery->acked > 0) {
		connection->duplicates = 0;
	}
}

void
recovery_react(struct tcp *tcp, struct tcp_connection *connection,
	       const struct tcp_delivery *delivery)
{
	if (connection->phase != TCP_OPEN && seq_le(connection->recover, connection->snd_una))
		recovery_end(connection);
	if (connection->flight.count > 0 && (connection->flags & TCP_SACK) == 0)
		react_by_reno(tcp, connection, delivery);
	else if (connection->flight.count > 0)
		react_by_rack(tcp, connection, delivery);
	if (delivery->acked > 0 && connection->phase != TCP_RECOVERY)
		congestion_acked(tcp, connection, delivery->acked);
	if (delivery->acked > 0 && connection->alarm != TCP_ALARM_REORDER)
		recovery_arm(tcp, connection, true);
	if (connection->flight.count == 0) {
		connection->probing = false;
		connection->duplicates = 0;
		recovery_arm(tcp, connection, true);
	}
}

/* --- alarms --------------------------------------------------------------------------------- */

/* RFC 8985, 7.2 */
static bool
probe_is_wanted(const struct tcp_connection *connection)
{
	return (connection->flags & TCP_SACK) != 0 && connection->phase == TCP_OPEN &&
	       connection->sacked == 0 && connection->lost == 0 && !connection->probing &&
	       connection->backoff == 0 && connection->srtt != 0;
}

static uint32_t
backed_off(uint32_t rto, unsigned int backoff)
{
	uint64_t us = (uint64_t)rto << RTE_MIN(backoff, 16u);

	return us > TCP_RTO_MAX ? TCP_RTO_MAX : (uint32_t)us;
}

void
recovery_arm(struct tcp *tcp, struct tcp_connection *connection, bool restart)
{
	uint32_t rto = recovery_rto(tcp, connection), probe;

	if (connection_in_flight(connection) == 0) {
		if (!output_is_waiting(connection))
			alarm_set(tcp, connection, TCP_ALARM_NONE, 0);
		else if (connection->alarm != TCP_ALARM_PERSIST)
			alarm_set(tcp, connection, TCP_ALARM_PERSIST,
				  backed_off(rto, connection->backoff));
		return;
	}
	if (!restart && (connection->alarm == TCP_ALARM_REORDER ||
			 (connection->alarm == TCP_ALARM_RTO && !probe_is_wanted(connection))))
		return;
	if (probe_is_wanted(connection)) {
		probe = 2 * connection->srtt + PROBE_MIN;
		if (connection_in_flight(connection) <= connection_smss(connection))
			probe += PEER_DELAYED_ACK;
		if (probe < rto) {
			alarm_set(tcp, connection, TCP_ALARM_PROBE, probe);
			return;
		}
	}
	alarm_set(tcp, connection, TCP_ALARM_RTO, backed_off(rto, connection->backoff));
}

/* RFC 8985, 7.3: new data, else the last segment again. */
static void
probe_fire(struct tcp *tcp, struct tcp_connection *connection)
{
	bool sent = output_new(tcp, connection, connection_smss(connection), true);

	connection->probe_repeats = !sent;
	if (!sent)
		sent = output_last(tcp, connection);
	if (sent) {
		tcp->stats->tail_loss_probes++;
		connection->probing = true;
		connection->probe_end = connection->snd_nxt;
	}
	alarm_set(tcp, connection, TCP_ALARM_RTO, recovery_rto(tcp, connection));
}

/* The peer has dropped what it had told of (RFC 2018, 8). */
static void
forget_blocks(struct tcp_connection *connection)
{
	struct tcp_range *ranges = flight_ranges(connection);

	for (unsigned int i = 0; i < connection->flight.count; i++) {
		if ((ranges[i].flags & TCP_RANGE_SACKED) != 0)
			flight_mark(connection, &ranges[i], 0);
	}
}

/* RFC 6298, 5.4 to 5.7, and RFC 8985, 6.3. */
static void
timeout_fire(struct tcp *tcp, struct tcp_connection *connection)
{
	struct tcp_range *ranges;

	if (connection->backoff >= TCP_RETRIES && connection->snd_wnd > 0) {
		tcp->stats->reset_timeout++;
		connection_reset(tcp, connection);
		return;
	}
	tcp->stats->timeouts++;
	if (connection->state == TCP_SYN_SENT) {
		connection->backoff++;
		output_syn(tcp, connection);
		recovery_arm(tcp, connection, true);
		return;
	}
	if (connection->phase != TCP_LOSS)
		congestion_lost(tcp, connection, true);
	else
		connection->cwnd = connection_smss(connection);
	connection->phase = TCP_LOSS;
	connection->recover = connection->snd_nxt;
	connection->duplicates = 0;
	connection->probing = false;
	if (connection->backoff < UINT8_MAX)
		connection->backoff++;
	if (connection->flight.count > 0) {
		ranges = flight_ranges(connection);
		if ((ranges->flags & TCP_RANGE_SACKED) != 0)
			forget_blocks(connection);
		flight_lose_all(connection);
	}
	recovery_arm(tcp, connection, true);
	connection_touch(tcp, connection);
}

static void
persist_fire(struct tcp *tcp, struct tcp_connection *connection)
{
	/* the override timeout of RFC 9293, 3.8.6.2.1: what fits a window that stays small */
	if (!output_new(tcp, connection, connection_smss(connection), false)) {
		tcp->stats->window_probes++;
		output_probe(tcp, connection);
	}
	if (connection->backoff < UINT8_MAX)
		connection->backoff++;
	connection->alarm = TCP_ALARM_NONE;
	recovery_arm(tcp, connection, true);
}

void
recovery_alarm(struct tcp *tcp, struct tcp_connection *connection)
{
	enum tcp_alarm alarm = (enum tcp_alarm)connection->alarm;
	uint32_t wait;

	alarm_set(tcp, connection, TCP_ALARM_NONE, 0);
	switch (alarm) {
	case TCP_ALARM_RTO:
		timeout_fire(tcp, connection);
		break;
	case TCP_ALARM_PROBE:
		probe_fire(tcp, connection);
		break;
	case TCP_ALARM_REORDER:
		if (rack_detect(tcp, connection, &wait) && connection->phase == TCP_OPEN)
			recovery_begin(tcp, connection);
		if (wait > 0)
			alarm_set(tcp, connection, TCP_ALARM_REORDER, wait);
		else
			recovery_arm(tcp, connection, true);
		connection_touch(tcp, connection);
		break;
	case TCP_ALARM_PERSIST:
		persist_fire(tcp, connection);
		break;
	default:
		break;
	}
}
