/* SPDX-License-Identifier: BSD-3-Clause */
/* A TCP segment before TCP sees it: lengths, checksum (RFC 9293, 3.1), and whether it is for us. */
#include <rte_tcp.h>

#include "dataplane/net/packet.h"

static bool
segment_checksum_good(const struct interface *interface, const struct rte_mbuf *mbuf,
		      const struct rte_ipv4_hdr *ip, const struct packet *packet)
{
	uint64_t told = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint32_t sum;

	if (interface->rx_l4_checksum && told == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	sum = rte_raw_cksum(packet->payload, packet->payload_length);
	sum += rte_ipv4_phdr_cksum(ip, 0);
	return __rte_raw_cksum_reduce(sum) == 0xffff;
}

enum verdict
segment_input(const struct interface *interface, struct packet *packet,
	      const struct rte_ipv4_hdr *ip)
{
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)packet->payload;
	uint16_t header_length;

	if (packet->payload_length < sizeof(*tcp))
		return packet_drop(packet, NET_DROP_tcp_truncated);
	header_length = (uint16_t)((tcp->data_off >> 4) * 4);
	if (header_length < sizeof(*tcp) || header_length > packet->payload_length)
		return packet_drop(packet, NET_DROP_tcp_truncated);
	if (!interface->any_tcp_port) {
		if (tcp->dst_port != interface->tcp_port || tcp->dst_port == 0 ||
		    tcp->src_port == 0)
			return packet_drop(packet, NET_DROP_tcp_port);
		if (!ipv4_is_allowed(interface, ip->src_addr))
			return packet_drop(packet, NET_DROP_tcp_not_allowed);
	}
	if (!segment_checksum_good(interface, packet->mbuf, ip, packet))
		return packet_drop(packet, NET_DROP_tcp_checksum);
	packet->source_port = tcp->src_port;
	packet->destination_port = tcp->dst_port;
	return VERDICT_SEGMENT;
}
