/* SPDX-License-Identifier: BSD-3-Clause */
/* A TCP segment before TCP sees it: lengths, checksum (RFC 9293, 3.1), and whether it is for us. */
#include <rte_tcp.h>

#include "dataplane/net/packet.h"

static bool
segment_checksum_good(const struct interface *interface, const struct packet *packet)
{
	uint64_t told = packet->mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	return (interface->rx_l4_checksum && told == RTE_MBUF_F_RX_L4_CKSUM_GOOD) ||
	       packet_checksum_good(packet, IPPROTO_TCP);
}

enum verdict
segment_input(const struct interface *interface, struct packet *packet)
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
		if (!packet_is_allowed(interface, &interface->tcp_allow, packet))
			return packet_drop(packet, NET_DROP_tcp_not_allowed);
	}
	if (!segment_checksum_good(interface, packet))
		return packet_drop(packet, NET_DROP_tcp_checksum);
	packet->source_port = tcp->src_port;
	packet->destination_port = tcp->dst_port;
	return VERDICT_SEGMENT;
}
