/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_monitor.h - sees every frame that an end sends, before the line spoils it, and knows what
 * it must not say.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_MONITOR_H
#define JACKDAW_TESTS_TCP_SIM_MONITOR_H

#include "tests/net/tcp_sim_segment.h"

/* The bytes of all streams: one random string, begun at a place that the stream's key chooses. */
static uint8_t sim_pattern_bytes[2 * SIM_PATTERN];

static inline void
sim_pattern_make(void)
{
	struct random random;

	random_seed(&random, 1);
	for (uint32_t i = 0; i < SIM_PATTERN; i++)
		sim_pattern_bytes[i] = sim_pattern_bytes[i + SIM_PATTERN] =
			(uint8_t)random_next(&random);
}

/* Writes bytes [offset, offset + length) of what an end sends on a connection. */
static inline void
sim_stream_write(const struct sim *sim, uint32_t connection, enum sim_end_name from,
		 uint32_t offset, uint8_t *to, uint32_t length)
{
	uint64_t key = random_mix(sim->plan.seed ^ (uint64_t)connection << 32 ^ from) % SIM_PATTERN;

	for (; from == SIM_CLIENT && offset < SIM_HEADER && length > 0; length--)
		*to++ = (uint8_t)(connection >> 8 * offset++);
	while (length > 0) {
		uint32_t piece = RTE_MIN(length, (uint32_t)SIM_PATTERN);

		memcpy(to, sim_pattern_bytes + (key + offset) % SIM_PATTERN, piece);
		to += piece;
		offset += piece;
		length -= piece;
	}
}

static inline bool
sim_stream_equals(const struct sim *sim, uint32_t connection, enum sim_end_name from,
		  uint32_t offset, const uint8_t *bytes, uint32_t length)
{
	uint64_t key = random_mix(sim->plan.seed ^ (uint64_t)connection << 32 ^ from) % SIM_PATTERN;

	for (; from == SIM_CLIENT && offset < SIM_HEADER && length > 0; length--) {
		if (*bytes++ != (uint8_t)(connection >> 8 * offset++))
			return false;
	}
	while (length > 0) {
		uint32_t piece = RTE_MIN(length, (uint32_t)SIM_PATTERN);

		if (memcmp(bytes, sim_pattern_bytes + (key + offset) % SIM_PATTERN, piece) != 0)
			return false;
		bytes += piece;
		offset += piece;
		length -= piece;
	}
	return true;
}

static inline bool
sim_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline void
sim_flow_begin(struct sim_flow *flow, const struct sim_syn *syn)
{
	flow->syn = *syn;
	flow->next = syn->first + 1;
	flow->stamp = syn->stamp;
}

/* An old SYN that arrives after the end begins something new, which nobody goes on with. */
static inline bool
sim_has_ended(const struct sim *sim, uint32_t connection)
{
	return sim->apps[connection][SIM_CLIENT].gone || sim->apps[connection][SIM_SERVER].gone ||
	       sim->flows[connection][SIM_CLIENT].resets != 0 ||
	       sim->flows[connection][SIM_SERVER].resets != 0;
}

static inline void
sim_monitor_syn(struct sim *sim, uint32_t connection, struct sim_flow *flow,
		const struct sim_segment *segment)
{
	struct sim_syn syn = {
		.first = segment->sequence,
		.mss = segment->has_mss ? segment->mss
		       : sim->plan.ipv6 ? SIM_MSS_IPV6
					: SIM_MSS_IPV4,
		.scale = segment->scale,
		.has_scale = segment->has_scale,
		.has_stamps = segment->has_stamps,
		.has_sack = segment->has_sack_permitted,
		.stamp = segment->stamp,
	};

	for (unsigned int i = 0; i < flow->syn_count; i++) {
		if (flow->syns[i].first == syn.first)
			return;
	}
	flow->another = flow->syn_count > 0 && sim_has_ended(sim, connection);
	if (flow->another)
		return;
	/* before one was answered, a server may have forgotten that it sent one */
	if (flow->syn_taken && sim->ends[SIM_SERVER].stats.cookies_sent == 0)
		sim_fail(sim, "a second SYN with another number");
	if (flow->syn_count < SIM_SYNS_MAX)
		flow->syns[flow->syn_count++] = syn;
	if (!flow->syn_taken)
		sim_flow_begin(flow, &syn);
}

/* The peer has answered one of the SYNs. */
static inline void
sim_monitor_syn_taken(struct sim_flow *flow, uint32_t ack)
{
	for (unsigned int i = 0; i < flow->syn_count; i++) {
		if (flow->syns[i].first + 1 == ack) {
			sim_flow_begin(flow, &flow->syns[i]);
			flow->syn_taken = true;
		}
	}
}

/* What is sent: no hole, nothing the peer has no room for, nothing after the end, the right bytes. */
static inline void
sim_monitor_data(struct sim *sim, uint32_t connection, enum sim_end_name from,
		 const struct sim_segment *segment)
{
	struct sim_flow *flow = &sim->flows[connection][from],
			*peer = &sim->flows[connection][!from];
	uint32_t end = segment->sequence + segment->length, offset;
	bool fin = (segment->flags & RTE_TCP_FIN_FLAG) != 0;

	if (sim_before(flow->next, segment->sequence))
		sim_fail(sim, "sent sequence %u though only %u was reached",
			 segment->sequence - flow->syn.first, flow->next - flow->syn.first);
	if (peer->acked && segment->length > 0 && sim_before(peer->right_edge + 1, end))
		sim_fail(sim, "sent up to %u, beyond the peer's window, which ends at %u",
			 end - flow->syn.first, peer->right_edge - flow->syn.first);
	if (segment->length + segment->options_length > peer->syn.mss)
		sim_fail(sim, "a segment of %u + %u bytes, the peer's MSS is %u", segment->length,
			 segment->options_length, peer->syn.mss);
	if (flow->fin_seen &&
	    ((segment->length > 0 && sim_before(flow->fin, end)) || (fin && end != flow->fin)))
		sim_fail(sim, "sent something after its FIN");
	if (fin) {
		flow->fin_seen = true;
		flow->fin = end;
	}
	offset = segment->sequence - flow->syn.first - 1;
	/* a keepalive may carry one old byte of any value (RFC 9293, 3.8.4); before the first is none */
	if (segment->length > 1 || (segment->length == 1 && segment->sequence == flow->next))
		if (!sim_stream_equals(sim, connection, from, offset, segment->payload,
				       segment->length))
			sim_fail(sim, "sent wrong bytes at %u + %u", offset, segment->length);
	if (sim_before(flow->next, end + fin))
		flow->next = end + fin;
}

/* What is acknowledged: only what was sent, never less than before, and no room taken back. */
static inline void
sim_monitor_ack(struct sim *sim, struct sim_flow *flow, struct sim_flow *peer,
		const struct sim_segment *segment)
{
	bool scaled;
	uint32_t unit, edge;

	if (!peer->syn_taken)
		sim_monitor_syn_taken(peer, segment->ack);
	scaled = flow->syn.has_scale && peer->syn.has_scale &&
		 (segment->flags & RTE_TCP_SYN_FLAG) == 0;
	unit = scaled ? 1u << flow->syn.scale : 1;
	edge = segment->ack + segment->window * unit;
	if (peer->syn_count == 0 || sim_before(peer->next, segment->ack))
		sim_fail(sim, "acknowledged what was never sent");
	if (flow->acked && sim_before(segment->ack, flow->ack))
		sim_fail(sim, "acknowledged %u after %u", segment->ack - peer->syn.first,
			 flow->ack - peer->syn.first);
	/* the window is told in units of 2^scale */
	if (flow->acked && sim_before(edge + unit - 1, flow->right_edge))
		sim_fail(sim, "took the window back from %u to %u",
			 flow->right_edge - peer->syn.first, edge - peer->syn.first);
	for (unsigned int i = 0; i < segment->sacks; i++) {
		uint32_t left = segment->sack[i][0], right = segment->sack[i][1];

		if (!peer->syn.has_sack || !flow->syn.has_sack || !sim_before(left, right) ||
		    sim_before(peer->next, right) || (i > 0 && !sim_before(segment->ack, left)))
			sim_fail(sim, "told of a wrong block %u-%u", left - peer->syn.first,
				 right - peer->syn.first);
	}
	flow->ack = segment->ack;
	if (!flow->acked || sim_before(flow->right_edge, edge))
		flow->right_edge = edge;
	flow->acked = true;
}

static inline void
sim_monitor_stamps(struct sim *sim, struct sim_flow *flow, const struct sim_flow *peer,
		   const struct sim_segment *segment)
{
	bool agreed = flow->syn.has_stamps && peer->syn.has_stamps;

	/* RFC 7323, 3.2: in every segment, or in none */
	if (segment->has_stamps != agreed)
		sim_fail(sim, "timestamps %s though %s", agreed ? "missing" : "sent",
			 agreed ? "agreed on" : "not agreed on");
	if (agreed && sim_before(segment->stamp, flow->stamp))
		sim_fail(sim, "a timestamp went back");
	flow->stamp = segment->stamp;
}

/* A segment of a connection of the plan. */
static inline void
sim_monitor_segment(struct sim *sim, uint32_t connection, enum sim_end_name from,
		    const struct sim_segment *segment)
{
	static const uint8_t known = RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG |
				     RTE_TCP_PSH_FLAG | RTE_TCP_ACK_FLAG;
	struct sim_flow *flow = &sim->flows[connection][from],
			*peer = &sim->flows[connection][!from];
	bool syn = (segment->flags & RTE_TCP_SYN_FLAG) != 0;
	bool ack = (segment->flags & RTE_TCP_ACK_FLAG) != 0;

	flow->frames++;
	if ((segment->flags & ~known) != 0 || (syn && (segment->flags & RTE_TCP_FIN_FLAG) != 0))
		sim_fail(sim, "sent flags %02x", segment->flags);
	if ((segment->flags & RTE_TCP_RST_FLAG) != 0) {
		flow->resets++;
		return;
	}
	/* a cookie that came back late: see sim_identify */
	if (sim->ends[SIM_SERVER].stats.cookies_accepted != 0 && sim_has_ended(sim, connection))
		return;
	if (!ack && !(syn && from == SIM_CLIENT))
		sim_fail(sim, "sent a segment without ACK");
	if (syn)
		sim_monitor_syn(sim, connection, flow, segment);
	if (flow->another || peer->another)
		return;
	if (flow->syn_count == 0)
		sim_fail(sim, "sent a segment before its SYN");
	if (!syn)
		sim_monitor_data(sim, connection, from, segment);
	if (ack)
		sim_monitor_ack(sim, flow, peer, segment);
	if (!syn)
		sim_monitor_stamps(sim, flow, peer, segment);
}

/* The connection of the plan whose client has this port; SIM_CONNECTIONS_MAX: none. */
static inline uint32_t
sim_connection_of(const struct sim *sim, uint16_t port)
{
	uint32_t index = (uint32_t)port - SIM_FIRST_PORT;

	return port >= SIM_FIRST_PORT && index < sim->plan.connections ? index
								       : SIM_CONNECTIONS_MAX;
}

#endif
