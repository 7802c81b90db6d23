/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_segment.h - a frame on the simulator's wire as the TCP segment that it holds.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_SEGMENT_H
#define JACKDAW_TESTS_TCP_SIM_SEGMENT_H

#include <rte_tcp.h>

#include "tests/net/tcp_sim.h"

enum {
	SIM_SACKS_MAX = 4,
	SIM_MSS_IPV4 = 536,
	SIM_MSS_IPV6 = 1220
};

struct sim_segment {
	uint16_t l4_offset;
	uint16_t source_port, destination_port;
	uint8_t flags;
	uint32_t sequence, ack;
	uint16_t window;
	uint16_t length; /* of the payload */
	uint16_t options_length;
	const uint8_t *payload;
	bool has_mss, has_scale, has_sack_permitted, has_stamps;
	uint16_t mss;
	uint8_t scale;
	uint32_t stamp, echo;
	unsigned int sacks;
	uint32_t sack[SIM_SACKS_MAX][2];
};

static inline uint32_t
sim_get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline bool
sim_segment_option(struct sim_segment *segment, uint8_t kind, const uint8_t *body,
		   unsigned int size)
{
	switch (kind) {
	case 2:
		segment->has_mss = true;
		segment->mss = size == 2 ? (uint16_t)(body[0] << 8 | body[1]) : 0;
		return size == 2;
	case 3:
		segment->has_scale = true;
		segment->scale = body[0];
		return size == 1 && body[0] <= 14;
	case 4:
		segment->has_sack_permitted = true;
		return size == 0;
	case 5:
		for (; segment->sacks < size / 8 && segment->sacks < SIM_SACKS_MAX;
		     segment->sacks++) {
			segment->sack[segment->sacks][0] = sim_get32(body + 8 * segment->sacks);
			segment->sack[segment->sacks][1] = sim_get32(body + 8 * segment->sacks + 4);
		}
		return size != 0 && size % 8 == 0 && size <= 8 * SIM_SACKS_MAX;
	case 8:
		segment->has_stamps = true;
		segment->stamp = sim_get32(body);
		segment->echo = sim_get32(body + 4);
		return size == 8;
	default:
		return false;
	}
}

/* Only what RFC 9293 and 7323 and 2018 know, well-formed: ours sends nothing else. */
static inline bool
sim_segment_options(struct sim_segment *segment, const uint8_t *at, const uint8_t *end)
{
	while (at < end && at[0] != 0) {
		if (at[0] == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at ||
		    !sim_segment_option(segment, at[0], at + 2, at[1] - 2u))
			return false;
		at += at[1];
	}
	return true;
}

/* True if addresses, lengths and both checksums of the IP packet are right. */
static inline bool
sim_segment_ip(const uint8_t *frame, uint32_t length, bool ipv6, uint16_t *l4_offset)
{
	const uint8_t *ip = frame + RTE_ETHER_HDR_LEN;

	if (ipv6) {
		const struct rte_ipv6_hdr *header = (const struct rte_ipv6_hdr *)ip;

		*l4_offset = RTE_ETHER_HDR_LEN + sizeof(*header);
		return frame[12] == 0x86 && frame[13] == 0xdd && ip[0] >> 4 == 6 &&
		       header->proto == IPPROTO_TCP && header->hop_limits > 0 &&
		       (uint32_t)rte_be_to_cpu_16(header->payload_len) + *l4_offset == length &&
		       rte_ipv6_udptcp_cksum(header, frame + *l4_offset) == 0;
	}
	const struct rte_ipv4_hdr *header = (const struct rte_ipv4_hdr *)ip;

	*l4_offset = RTE_ETHER_HDR_LEN + sizeof(*header);
	return frame[12] == 0x08 && frame[13] == 0x00 && header->version_ihl == 0x45 &&
	       header->next_proto_id == IPPROTO_TCP && header->time_to_live > 0 &&
	       header->fragment_offset == RTE_BE16(RTE_IPV4_HDR_DF_FLAG) &&
	       (uint32_t)rte_be_to_cpu_16(header->total_length) + RTE_ETHER_HDR_LEN == length &&
	       rte_raw_cksum(header, sizeof(*header)) == 0xffff &&
	       rte_ipv4_udptcp_cksum(header, frame + *l4_offset) == 0;
}

/* False: no well-formed TCP segment. */
static inline bool
sim_segment_read(struct sim_segment *segment, const uint8_t *frame, uint32_t length, bool ipv6)
{
	const struct rte_tcp_hdr *tcp;
	uint32_t header;

	*segment = (struct sim_segment){0};
	if (length < RTE_ETHER_HDR_LEN + (ipv6 ? 40 : 20) + sizeof(*tcp) ||
	    !sim_segment_ip(frame, length, ipv6, &segment->l4_offset))
		return false;
	tcp = (const struct rte_tcp_hdr *)(frame + segment->l4_offset);
	header = (uint32_t)(tcp->data_off >> 4) * 4;
	if (header < sizeof(*tcp) || segment->l4_offset + header > length ||
	    (tcp->data_off & 0x0f) != 0 || tcp->tcp_urp != 0)
		return false;
	segment->source_port = rte_be_to_cpu_16(tcp->src_port);
	segment->destination_port = rte_be_to_cpu_16(tcp->dst_port);
	segment->flags = tcp->tcp_flags;
	segment->sequence = rte_be_to_cpu_32(tcp->sent_seq);
	segment->ack = rte_be_to_cpu_32(tcp->recv_ack);
	segment->window = rte_be_to_cpu_16(tcp->rx_win);
	segment->options_length = (uint16_t)(header - sizeof(*tcp));
	segment->payload = (const uint8_t *)tcp + header;
	segment->length = (uint16_t)(length - segment->l4_offset - header);
	return sim_segment_options(segment, (const uint8_t *)(tcp + 1), segment->payload);
}

static inline void
sim_segment_print(const struct sim *sim, enum sim_end_name from, const struct sim_segment *segment,
		  uint32_t first, uint32_t peer_first, const char *fate)
{
	static const char letters[] = "FSRPAUEC";
	char flags[9] = "";
	unsigned int count = 0;

	for (unsigned int i = 0; i < 8; i++) {
		if ((segment->flags >> i & 1) != 0)
			flags[count++] = letters[i];
	}
	printf("%11.6f %s %u->%u %s seq %u len %u ack %u win %u", (double)sim->now / 1e6,
	       from == SIM_CLIENT ? "C>S" : "S>C", segment->source_port, segment->destination_port,
	       flags, segment->sequence - first, segment->length, segment->ack - peer_first,
	       segment->window);
	if (segment->has_mss)
		printf(" mss %u", segment->mss);
	if (segment->has_scale)
		printf(" scale %u", segment->scale);
	if (segment->has_sack_permitted)
		printf(" sack");
	if (segment->has_stamps)
		printf(" ts %u/%u", segment->stamp, segment->echo);
	for (unsigned int i = 0; i < segment->sacks; i++)
		printf(" [%u-%u]", segment->sack[i][0] - peer_first,
		       segment->sack[i][1] - peer_first);
	printf(" %s\n", fate);
}

#endif
