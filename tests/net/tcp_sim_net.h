/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_net.h - the two ports and the lines between them.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_NET_H
#define JACKDAW_TESTS_TCP_SIM_NET_H

#include "tests/net/tcp_sim_monitor.h"
#include "tests/net/tcp_sim_router.h"

enum {
	SIM_BURST_BYTES = 66000
};

/* Puts a copy of a frame on its way; `number` of it in sim->frames, or SIM_FLIGHT_MAX: no room. */
static inline uint32_t
sim_net_hold(struct sim *sim, enum sim_end_name to, const uint8_t *frame, uint32_t length,
	     uint32_t flipped_bit)
{
	uint32_t number = sim->free;
	struct sim_frame *held;

	if (number != SIM_FLIGHT_MAX)
		sim->free = sim->frames[number].next_free;
	else if (sim->touched < SIM_FLIGHT_MAX)
		number = sim->touched++;
	else
		return number;
	held = &sim->frames[number];
	held->to = to;
	held->length = (uint16_t)length;
	held->flipped_bit = flipped_bit;
	held->forged = false;
	memcpy(held->bytes, frame, length);
	impair_flip(held->bytes, flipped_bit);
	return number;
}

static inline void
sim_net_release(struct sim *sim, uint32_t number)
{
	sim->frames[number].next_free = sim->free;
	sim->free = number;
}

static inline bool
sim_is_dark(const struct sim *sim)
{
	return sim->now >= sim->plan.dark_from && sim->now < sim->plan.dark_until;
}

/* What the line does with a whole frame that has left an end. */
static inline const char *
sim_net_carry(struct sim *sim, enum sim_end_name from, const uint8_t *frame, uint32_t length)
{
	struct impair_fate fates[IMPAIR_COPIES_MAX];
	struct sim_end *to = &sim->ends[!from];
	unsigned int copies = impair_frame(&to->line, length, sim->now, fates, &sim->counts);

	if (copies == 0 || sim_is_dark(sim))
		return "lost";
	for (unsigned int i = 0; i < copies; i++) {
		uint32_t number;

		/* the link's own checksum finds what is wrong in its header */
		if (fates[i].flipped_bit < 8 * RTE_ETHER_HDR_LEN)
			continue;
		number = sim_net_hold(sim, to->name, frame, length, fates[i].flipped_bit);
		if (number == SIM_FLIGHT_MAX)
			return "lost, no room";
		time_queue_put(&sim->flight, fates[i].arrival, number);
	}
	if (copies > 1)
		return "twice";
	return fates[0].flipped_bit == IMPAIR_WHOLE ? "" : "spoiled";
}

/* True if a router on the way drops the frame; it tells its sender. */
static inline bool
sim_net_is_too_big(struct sim_end *end, const uint8_t *frame, uint32_t length)
{
	uint8_t answer[256];
	struct sim *sim = end->sim;
	uint32_t number;

	if (sim->plan.path_mtu == 0 || length <= (uint32_t)sim->plan.path_mtu + RTE_ETHER_HDR_LEN)
		return false;
	length = sim_router_answer(end, frame, sim->plan.path_mtu, answer);
	number = sim_net_hold(sim, end->name, answer, length, IMPAIR_WHOLE);
	if (number == SIM_FLIGHT_MAX)
		return true;
	time_queue_put(&sim->flight, sim->now + sim->plan.lines[end->name].delay, number);
	return true;
}

static inline bool
sim_is_to_peer(const struct sim_end *end, const uint8_t *frame)
{
	const struct address *peer = &end->sim->ends[!end->name].address;

	if (end->sim->plan.ipv6)
		return memcmp(frame + RTE_ETHER_HDR_LEN + 24, peer->bytes, 16) == 0;
	return memcmp(frame + RTE_ETHER_HDR_LEN + 16, &peer->quads[3], 4) == 0;
}

/* A frame as it is on the wire. */
static inline void
sim_net_send(struct sim_end *end, const uint8_t *frame, uint32_t length)
{
	const struct rte_ether_hdr *ether = (const struct rte_ether_hdr *)frame;
	struct sim *sim = end->sim;
	struct sim_segment segment;
	uint32_t connection;
	const char *fate = "to nobody";

	sim->frames_sent++;
	if (length > (uint32_t)RTE_ETHER_HDR_LEN + sim->plan.mtu[end->name])
		sim_fail(sim, "sent a frame of %u bytes", length);
	if (!rte_is_same_ether_addr(&ether->src_addr, &end->mac))
		sim_fail(sim, "sent a frame from another MAC address");
	if (!sim_segment_read(&segment, frame, length, sim->plan.ipv6)) {
		sim_fail(sim, "sent a malformed segment");
		return;
	}
	/* what answers a flood's forged address */
	if (!sim_is_to_peer(end, frame))
		return;
	connection = sim_connection_of(sim, end->name == SIM_CLIENT ? segment.source_port
								    : segment.destination_port);
	if (connection == SIM_CONNECTIONS_MAX) {
		sim_fail(sim, "sent a segment of no connection");
		return;
	}
	sim_monitor_segment(sim, connection, end->name, &segment);
	if (sim_net_is_too_big(end, frame, length))
		fate = "too big";
	/* what answers a spoiled source MAC goes nowhere */
	else if (rte_is_same_ether_addr(&ether->dst_addr, &sim->ends[!end->name].mac))
		fate = sim_net_carry(sim, end->name, frame, length);
	if (sim->trace)
		sim_segment_print(sim, end->name, &segment,
				  sim->flows[connection][end->name].syn.first,
				  sim->flows[connection][!end->name].syn.first, fate);
}

/* What a port with checksum offload fills in; the pseudo-header's sum must be there already. */
static inline void
sim_port_checksums(struct sim *sim, uint64_t flags, uint8_t *frame, uint32_t length)
{
	uint8_t *ip = frame + RTE_ETHER_HDR_LEN;
	struct rte_tcp_hdr *tcp =
		(struct rte_tcp_hdr *)(ip + (sim->plan.ipv6 ? sizeof(struct rte_ipv6_hdr)
							    : sizeof(struct rte_ipv4_hdr)));

	if ((flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM) {
		uint16_t pseudo = sim->plan.ipv6 ? rte_ipv6_phdr_cksum((void *)ip, 0)
						 : rte_ipv4_phdr_cksum((void *)ip, 0);

		if (tcp->cksum != pseudo)
			sim_fail(sim, "the pseudo-header's sum is not where the port needs it");
		tcp->cksum = (uint16_t)~rte_raw_cksum(
			tcp, (size_t)(frame + length - (const uint8_t *)tcp));
	}
	if ((flags & RTE_MBUF_F_TX_IP_CKSUM) != 0) {
		struct rte_ipv4_hdr *header = (struct rte_ipv4_hdr *)ip;

		header->hdr_checksum = 0;
		header->hdr_checksum = rte_ipv4_cksum(header);
	}
}

/* The port reads an mbuf, whatever it is made of, and is done with it. */
static inline void
sim_port_send(struct sim_end *end, struct rte_mbuf *mbuf)
{
	uint8_t frame[SIM_BURST_BYTES];
	uint32_t length = rte_pktmbuf_pkt_len(mbuf);
	const uint8_t *bytes;

	if (length < RTE_ETHER_HDR_LEN || length > SIM_FRAME_MAX) {
		sim_fail(end->sim, "sent an mbuf of %u bytes", length);
	} else {
		bytes = rte_pktmbuf_read(mbuf, 0, length, frame);
		if (bytes != frame)
			memcpy(frame, bytes, length);
		if (mbuf->ol_flags != 0 && !end->sim->plan.offload)
			sim_fail(end->sim, "asked the port for what it can't do");
		sim_port_checksums(end->sim, mbuf->ol_flags, frame, length);
		sim_net_send(end, frame, length);
	}
	rte_pktmbuf_free(mbuf);
}

/* struct tcp_owner's */
static inline void
sim_transmit(void *arg, struct tcp_port *port, struct rte_mbuf *mbuf)
{
	struct sim_end *end = arg;

	if (port != &end->port)
		sim_fail(end->sim, "sent by another port");
	if (end->sim->plan.late_dma && end->unsent < SIM_MBUFS)
		end->sending[end->unsent++] = mbuf;
	else
		sim_port_send(end, mbuf);
}

static inline void
sim_port_flush(struct sim_end *end)
{
	for (uint32_t i = 0; i < end->unsent; i++)
		sim_port_send(end, end->sending[i]);
	end->unsent = 0;
}

/* Frames that are due lie at their ends' ports from now on. */
static inline void
sim_net_arrive(struct sim *sim)
{
	while (time_queue_next(&sim->flight) <= sim->now) {
		uint32_t number = time_queue_take(&sim->flight);
		struct sim_end *end = &sim->ends[sim->frames[number].to];

		end->queue[end->waiting++] = number;
	}
}

/* A bit that no checksum covers may be wrong in a frame that is taken. */
static inline bool
sim_flip_is_silent(const struct sim *sim, uint32_t bit)
{
	uint32_t byte = bit / 8, ip = RTE_ETHER_HDR_LEN;

	return sim->plan.ipv6 && ((byte >= ip && byte < ip + 4) || byte == ip + 7);
}

static inline void
sim_port_check(struct sim *sim, const struct sim_frame *frame)
{
	if (frame->flipped_bit != IMPAIR_WHOLE && !frame->forged &&
	    !sim_flip_is_silent(sim, frame->flipped_bit))
		sim_fail(sim, "took a segment whose bit %u is wrong", frame->flipped_bit);
}

/* One frame into an end, the way a worker does it. */
static inline void
sim_port_receive(struct sim_end *end, uint32_t number)
{
	struct sim *sim = end->sim;
	struct sim_frame *frame = &sim->frames[number];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(end->pool);
	struct packet packet;
	enum verdict verdict;

	if (mbuf == NULL) {
		sim_fail(sim, "all of the port's packet buffers are held");
		return;
	}
	memcpy(rte_pktmbuf_append(mbuf, frame->length), frame->bytes, frame->length);
	if (sim->plan.offload)
		mbuf->ol_flags |=
			frame->flipped_bit == IMPAIR_WHOLE
				? RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD
				: RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_BAD;
	if (!sim->general && tcp_input_plain(end->tcp, &end->port, &mbuf, 1) == 1) {
		sim_port_check(sim, frame);
		sim->plain_frames++;
		return;
	}
	verdict = net_input(&end->interface, mbuf, &packet);
	if (verdict == VERDICT_SEGMENT) {
		sim_port_check(sim, frame);
		tcp_input(end->tcp, &end->port, &packet);
		return;
	}
	if (verdict == VERDICT_TOO_BIG)
		tcp_path_mtu(end->tcp, &end->port, &packet, packet.mtu);
	else if (frame->flipped_bit == IMPAIR_WHOLE && !frame->forged)
		sim_fail(sim, "dropped a good frame, cause %u", packet.drop);
	rte_pktmbuf_free(mbuf);
}

#endif
