/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_attack.h - third parties: one that floods the server with SYNs from forged addresses, and
 * one that knows a connection's addresses and ports but sees none of its packets (RFC 5961). Neither
 * may change what the applications read, or end a connection.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_ATTACK_H
#define JACKDAW_TESTS_TCP_SIM_ATTACK_H

#include "tests/net/tcp_sim_net.h"

static const struct rte_ether_addr sim_attacker_mac = {{0x02, 0, 0, 0, 0, 0x66}};

struct sim_forgery {
	struct address source, destination;
	uint16_t source_port, destination_port;
	uint32_t sequence, ack;
	uint16_t window;
	uint8_t flags;
	bool has_stamps;
	uint32_t stamp, echo;
	uint16_t length; /* of payload, each byte 'X' */
};

static inline void
sim_forge_ip(const struct sim *sim, const struct sim_forgery *forgery, uint8_t *ip, uint16_t length)
{
	struct rte_tcp_hdr *tcp;

	if (sim->plan.ipv6) {
		struct rte_ipv6_hdr header = {.vtc_flow = RTE_BE32(0x60000000),
					      .payload_len = rte_cpu_to_be_16(length),
					      .proto = IPPROTO_TCP,
					      .hop_limits = 64};

		memcpy(header.src_addr, forgery->source.bytes, sizeof(header.src_addr));
		memcpy(header.dst_addr, forgery->destination.bytes, sizeof(header.dst_addr));
		memcpy(ip, &header, sizeof(header));
		tcp = (struct rte_tcp_hdr *)(ip + sizeof(header));
		tcp->cksum = rte_ipv6_udptcp_cksum(&header, tcp);
	} else {
		struct rte_ipv4_hdr header = {
			.version_ihl = 0x45,
			.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(header) + length)),
			.time_to_live = 64,
			.next_proto_id = IPPROTO_TCP,
			.src_addr = forgery->source.quads[3],
			.dst_addr = forgery->destination.quads[3]};

		header.hdr_checksum = rte_ipv4_cksum(&header);
		memcpy(ip, &header, sizeof(header));
		tcp = (struct rte_tcp_hdr *)(ip + sizeof(header));
		tcp->cksum = rte_ipv4_udptcp_cksum(&header, tcp);
	}
}

/* Lays a forged frame at an end's port. */
static inline void
sim_forge(struct sim *sim, enum sim_end_name to, const struct sim_forgery *forgery)
{
	uint8_t frame[SIM_FRAME_MAX] = {0};
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;
	uint32_t ip_length = sim->plan.ipv6 ? 40 : 20, options = forgery->has_stamps ? 12 : 0;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(frame + RTE_ETHER_HDR_LEN + ip_length);
	rte_be32_t stamps[3] = {RTE_BE32(0x0101080a), rte_cpu_to_be_32(forgery->stamp),
				rte_cpu_to_be_32(forgery->echo)};
	uint32_t length = (uint32_t)sizeof(*tcp) + options + forgery->length, number;

	*ether = (struct rte_ether_hdr){.dst_addr = sim->ends[to].mac,
					.src_addr = sim_attacker_mac,
					.ether_type = sim->plan.ipv6
							      ? RTE_BE16(RTE_ETHER_TYPE_IPV6)
							      : RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	*tcp = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(forgery->source_port),
				    .dst_port = rte_cpu_to_be_16(forgery->destination_port),
				    .sent_seq = rte_cpu_to_be_32(forgery->sequence),
				    .recv_ack = rte_cpu_to_be_32(forgery->ack),
				    .data_off = (uint8_t)((sizeof(*tcp) + options) << 2),
				    .tcp_flags = forgery->flags,
				    .rx_win = rte_cpu_to_be_16(forgery->window)};
	memcpy(tcp + 1, stamps, options);
	memset((uint8_t *)(tcp + 1) + options, 'X', forgery->length);
	sim_forge_ip(sim, forgery, frame + RTE_ETHER_HDR_LEN, (uint16_t)length);
	number = sim_net_hold(sim, to, frame, RTE_ETHER_HDR_LEN + ip_length + length, IMPAIR_WHOLE);
	if (number == SIM_FLIGHT_MAX)
		return;
	sim->frames[number].forged = true;
	sim->ends[to].queue[sim->ends[to].waiting++] = number;
	if (sim->trace)
		printf("%11.6f forged, to %s: %u->%u flags %02x seq %u len %u ack %u\n",
		       (double)sim->now / 1e6, to == SIM_CLIENT ? "client" : "server",
		       forgery->source_port, forgery->destination_port, forgery->flags,
		       forgery->sequence, forgery->length, forgery->ack);
}

/* A SYN from an address that is somebody else's. */
static inline void
sim_attack_flood(struct sim *sim)
{
	struct sim_forgery forgery = {
		.source = sim->ends[SIM_CLIENT].address,
		.destination = sim->ends[SIM_SERVER].address,
		.source_port = (uint16_t)sim_between(&sim->random, 1024, 65535),
		.destination_port = SIM_SERVICE_PORT,
		.sequence = (uint32_t)random_next(&sim->random),
		.window = 65535,
		.flags = RTE_TCP_SYN_FLAG,
	};

	forgery.source.bytes[15] = (uint8_t)sim_between(&sim->random, 3, 250);
	sim_forge(sim, SIM_SERVER, &forgery);
	sim->floods_left--;
	sim->next_flood = sim->now + random_below(&sim->random, 2000);
}

/*
 * A segment that a blind attacker could send, at its luckiest: the timestamps are right, and of
 * sequence and acknowledgement number just one is wrong. `from` is whom it claims to be.
 */
static inline void
sim_blind_forgery(struct sim *sim, struct sim_forgery *forgery, const struct sim_flow *from,
		  const struct sim_flow *to)
{
	static const uint8_t senseless[] = {0, 0x29, 0x03, 0x28, 0x0a};
	uint32_t room = to->right_edge - from->next;

	forgery->sequence = from->next;
	forgery->ack = to->next;
	forgery->flags = RTE_TCP_ACK_FLAG;
	switch (random_below(&sim->random, 6)) {
	case 0: /* RST outside the window */
		forgery->flags = RTE_TCP_RST_FLAG;
		forgery->sequence = to->right_edge + sim_between(&sim->random, 1, 1u << 30);
		break;
	case 1: /* RST inside the window, but not at its beginning (RFC 5961, 3.2) */
		if (room < 2 || room > 1u << 30)
			return;
		forgery->flags = RTE_TCP_RST_FLAG;
		forgery->sequence = from->next + sim_between(&sim->random, 1, room - 1);
		break;
	case 2: /* SYN, anywhere (4.2) */
		forgery->flags = RTE_TCP_SYN_FLAG;
		forgery->sequence = (uint32_t)random_next(&sim->random);
		break;
	case 3: /* data that acknowledges what was never sent (5.2) */
		forgery->length = (uint16_t)sim_between(&sim->random, 1, 400);
		forgery->ack = to->next + sim_between(&sim->random, 1, 1u << 30);
		break;
	case 4: /* … or what was sent long ago */
		forgery->length = (uint16_t)sim_between(&sim->random, 1, 400);
		forgery->ack = from->ack - sim_between(&sim->random, 1u << 30, (1u << 31) - 1);
		break;
	default:
		forgery->flags = senseless[random_below(&sim->random, sizeof(senseless))];
		forgery->length = 10;
	}
}

static inline void
sim_attack_blind(struct sim *sim)
{
	uint32_t connection = (uint32_t)random_below(&sim->random, sim->plan.connections);
	enum sim_end_name to = (enum sim_end_name)random_below(&sim->random, SIM_ENDS);
	const struct sim_flow *flows = sim->flows[connection];
	uint16_t client_port = (uint16_t)(SIM_FIRST_PORT + connection);
	struct sim_forgery forgery = {
		.source = sim->ends[!to].address,
		.destination = sim->ends[to].address,
		.source_port = to == SIM_SERVER ? client_port : SIM_SERVICE_PORT,
		.destination_port = to == SIM_SERVER ? SIM_SERVICE_PORT : client_port,
		.window = 1000,
		.has_stamps = flows[0].syn.has_stamps && flows[1].syn.has_stamps,
		.stamp = flows[!to].stamp,
		.echo = flows[to].stamp,
	};

	sim->blinds_left--;
	sim->next_blind = sim->now + random_below(&sim->random, 20000);
	/* both are established, and neither has begun to close */
	if (!flows[SIM_CLIENT].acked || !flows[SIM_SERVER].acked || flows[SIM_CLIENT].fin_seen ||
	    flows[SIM_SERVER].fin_seen || sim->apps[connection][SIM_CLIENT].connection == NULL ||
	    sim->apps[connection][SIM_SERVER].connection == NULL)
		return;
	sim_blind_forgery(sim, &forgery, &flows[!to], &flows[to]);
	if (forgery.flags != RTE_TCP_ACK_FLAG || forgery.length != 0)
		sim_forge(sim, to, &forgery);
}

/* When a third party does something next. */
static inline uint64_t
sim_attack_next(const struct sim *sim)
{
	uint64_t next = sim->floods_left > 0 ? sim->next_flood : SIM_NEVER;

	return sim->blinds_left > 0 ? RTE_MIN(next, sim->next_blind) : next;
}

static inline void
sim_attack_run(struct sim *sim)
{
	while (sim->floods_left > 0 && sim->next_flood <= sim->now)
		sim_attack_flood(sim);
	while (sim->blinds_left > 0 && sim->next_blind <= sim->now)
		sim_attack_blind(sim);
}

#endif
