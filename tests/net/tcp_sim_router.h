/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_router.h - a router on the way whose next link is narrower: it drops what does not fit and
 * says so by ICMP (RFC 1191, RFC 8201).
 */
#ifndef JACKDAW_TESTS_TCP_SIM_ROUTER_H
#define JACKDAW_TESTS_TCP_SIM_ROUTER_H

#include "tests/net/tcp_sim.h"

enum {
	SIM_ROUTER_QUOTED = 48,
	SIM_ICMP_LENGTH = 8
};

static const struct rte_ether_addr sim_router_mac = {{0x02, 0, 0, 0, 0, 0x99}};

/* The ICMP message itself: type, code, checksum (0), MTU, and what it is about. */
static inline uint32_t
sim_router_message(bool ipv6, const uint8_t *frame, uint16_t mtu, uint8_t *icmp)
{
	const uint8_t unreachable[SIM_ICMP_LENGTH] = {
		3, 4, 0, 0, 0, 0, (uint8_t)(mtu >> 8), (uint8_t)mtu};
	const uint8_t too_big[SIM_ICMP_LENGTH] = {2,	       0, 0, 0, 0, 0, (uint8_t)(mtu >> 8),
						  (uint8_t)mtu};

	memcpy(icmp, ipv6 ? too_big : unreachable, SIM_ICMP_LENGTH);
	memcpy(icmp + SIM_ICMP_LENGTH, frame + RTE_ETHER_HDR_LEN, SIM_ROUTER_QUOTED);
	return SIM_ICMP_LENGTH + SIM_ROUTER_QUOTED;
}

static inline uint32_t
sim_router_ipv4(const struct sim_end *to, const uint8_t *frame, uint16_t mtu, uint8_t *ip)
{
	struct rte_ipv4_hdr header = {.version_ihl = 0x45,
				      .time_to_live = 64,
				      .next_proto_id = IPPROTO_ICMP,
				      .src_addr = RTE_BE32(0x0a4d0009),
				      .dst_addr = to->address.quads[3]};
	uint8_t *icmp = ip + sizeof(header);
	uint32_t length = sim_router_message(false, frame, mtu, icmp);
	uint16_t sum = (uint16_t)~rte_raw_cksum(icmp, length);

	memcpy(icmp + 2, &sum, sizeof(sum));
	header.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(header) + length));
	header.hdr_checksum = rte_ipv4_cksum(&header);
	memcpy(ip, &header, sizeof(header));
	return (uint32_t)sizeof(header) + length;
}

static inline uint32_t
sim_router_ipv6(const struct sim_end *to, const uint8_t *frame, uint16_t mtu, uint8_t *ip)
{
	struct rte_ipv6_hdr header = {.vtc_flow = RTE_BE32(0x60000000),
				      .proto = IPPROTO_ICMPV6,
				      .hop_limits = 255,
				      .src_addr = {0xfd, 0x77, [15] = 9}};
	uint8_t *icmp = ip + sizeof(header);
	uint32_t length = sim_router_message(true, frame, mtu, icmp), sum;
	uint16_t folded;

	memcpy(header.dst_addr, to->address.bytes, sizeof(header.dst_addr));
	header.payload_len = rte_cpu_to_be_16((uint16_t)length);
	sum = rte_ipv6_phdr_cksum(&header, 0) + (uint32_t)rte_raw_cksum(icmp, length);
	folded = (uint16_t) ~((sum >> 16) + (sum & 0xffff));
	memcpy(icmp + 2, &folded, sizeof(folded));
	memcpy(ip, &header, sizeof(header));
	return (uint32_t)sizeof(header) + length;
}

/* The whole frame that tells an end that its own was too big; its length. */
static inline uint32_t
sim_router_answer(const struct sim_end *to, const uint8_t *frame, uint16_t mtu, uint8_t *answer)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)answer;
	bool ipv6 = to->sim->plan.ipv6;

	*ether = (struct rte_ether_hdr){.dst_addr = to->mac,
					.src_addr = sim_router_mac,
					.ether_type = ipv6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6)
							   : RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	answer += sizeof(*ether);
	return (uint32_t)sizeof(*ether) + (ipv6 ? sim_router_ipv6(to, frame, mtu, answer)
						: sim_router_ipv4(to, frame, mtu, answer));
}

#endif
