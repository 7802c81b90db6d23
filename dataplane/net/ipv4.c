/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 (RFC 791, host requirements of RFC 1122). Fragments are counted and dropped. */
#include "dataplane/net/ipv4.h"

enum verdict
ipv4_input(const struct interface *interface, struct packet *packet)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)packet->payload;
	uint16_t header_length, total_length;

	if (packet->payload_length < sizeof(*ip))
		return packet_drop(packet, NET_DROP_ip_truncated);
	header_length = rte_ipv4_hdr_len(ip);
	if ((ip->version_ihl >> 4) != IPVERSION || header_length < sizeof(*ip))
		return packet_drop(packet, NET_DROP_ip_header);
	total_length = rte_be_to_cpu_16(ip->total_length);
	if (total_length < header_length || total_length > packet->payload_length)
		return packet_drop(packet, NET_DROP_ip_truncated);
	if (!ipv4_checksum_good(interface, packet->mbuf, ip, header_length))
		return packet_drop(packet, NET_DROP_ip_checksum);
	if (ip->dst_addr != interface->address)
		return packet_drop(packet, NET_DROP_ip_not_ours);
	if (!ipv4_source_good(interface, ip->src_addr))
		return packet_drop(packet, NET_DROP_ip_source);
	if ((ip->fragment_offset &
	     rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) != 0)
		return packet_drop(packet, NET_DROP_ip_fragment);

	packet->ip = (uint8_t *)ip;
	packet->ipv6 = false;
	packet->source = address_ipv4(ip->src_addr);
	packet->destination = address_ipv4(ip->dst_addr);
	packet->payload += header_length;
	packet->payload_length = (uint16_t)(total_length - header_length);
	switch (ip->next_proto_id) {
	case IPPROTO_UDP:
		return udp_input(interface, packet);
	case IPPROTO_TCP:
		return segment_input(interface, packet);
	case IPPROTO_ICMP:
		return icmp_input(interface, packet);
	default:
		return packet_drop(packet, NET_DROP_ip_protocol);
	}
}

void
ipv4_answer(const struct interface *interface, const struct packet *packet, struct rte_ipv4_hdr *ip,
	    uint8_t protocol, uint16_t length, struct rte_mbuf *mbuf)
{
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service = 0;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + length));
	/* RFC 6864: an atomic datagram (DF, whole) needs no identification */
	ip->packet_id = 0;
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = IPV4_TTL;
	ip->next_proto_id = protocol;
	ip->hdr_checksum = 0;
	ip->src_addr = interface->address;
	ip->dst_addr = packet->source.quads[3];
	if (interface->tx_ip_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		mbuf->l2_len = (uint64_t)(RTE_ETHER_HDR_LEN + packet->tags_length);
		mbuf->l3_len = sizeof(*ip);
	} else {
		ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	}
}
