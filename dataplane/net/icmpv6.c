/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMPv6 (RFC 4443): echo, who listens to our groups, and word of a link that is too narrow for our
 * packets.
 */
#include "dataplane/net/ipv6.h"

void
icmpv6_fill_checksum(const struct rte_ipv6_hdr *ip, struct icmpv6_header *icmp, uint16_t length)
{
	uint32_t sum;

	icmp->checksum = 0;
	sum = rte_raw_cksum(icmp, length) + ipv6_pseudo_sum(ip, IPPROTO_ICMPV6, length);
	icmp->checksum = (rte_be16_t)~__rte_raw_cksum_reduce(sum);
}

enum verdict
icmpv6_answer(const struct interface *interface, struct packet *packet, const struct address *from,
	      const struct address *to, uint8_t hops)
{
	/* the answer has no extension headers: IPv6's stands right before the message */
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)packet->payload - 1;
	struct rte_mbuf *mbuf = packet->mbuf;
	uint8_t *start;

	ipv6_answer(from, to, ip, IPPROTO_ICMPV6, packet->payload_length);
	ip->hop_limits = hops;
	icmpv6_fill_checksum(ip, (struct icmpv6_header *)packet->payload, packet->payload_length);
	start = ethernet_answer(interface, packet, RTE_ETHER_TYPE_IPV6, (uint8_t *)ip);
	mbuf->ol_flags = 0;
	mbuf->data_off = (uint16_t)(start - (uint8_t *)mbuf->buf_addr);
	mbuf->data_len = (uint16_t)(packet->payload + packet->payload_length - start);
	mbuf->pkt_len = mbuf->data_len;
	return VERDICT_ANSWERED;
}

/* RFC 4443, 4.2: a question to a group is answered by one of our own addresses. */
static enum verdict
icmpv6_echo(const struct interface *interface, struct packet *packet)
{
	struct icmpv6_header *icmp = (struct icmpv6_header *)packet->payload;
	const struct address source = packet->source;
	struct address from = packet->destination;

	if (address_is_unspecified(&source) || ipv6_is_ours(interface, &source))
		return packet_drop(packet, NET_DROP_ip_source);
	if (address_is_multicast6(&from))
		from = address_is_link_local(&source) ? interface->link_local6
						      : interface->address6;
	icmp->type = ICMPV6_ECHO_REPLY;
	return icmpv6_answer(interface, packet, &from, &source, IPV6_HOP_LIMIT);
}

/* RFC 8201: heard only about a TCP segment of ours, and of a link that IPv6 may have. */
static enum verdict
icmpv6_too_big(const struct interface *interface, struct packet *packet)
{
	const struct icmpv6_header *icmp = (const struct icmpv6_header *)packet->payload;
	const struct rte_ipv6_hdr *quoted = (const struct rte_ipv6_hdr *)(icmp + 1);
	uint32_t mtu = rte_be_to_cpu_32(icmp->word);
	struct address from;

	if (packet->payload_length < sizeof(*icmp) + sizeof(*quoted) + PACKET_QUOTED_TCP ||
	    mtu < IPV6_MTU_MIN || *(const uint8_t *)quoted >> 4 != 6 ||
	    quoted->proto != IPPROTO_TCP)
		return packet_drop(packet, NET_DROP_icmp_malformed);
	from = address_ipv6(quoted->src_addr);
	if (!ipv6_is_ours(interface, &from))
		return packet_drop(packet, NET_DROP_icmp_malformed);
	packet->mtu = (uint16_t)RTE_MIN(mtu, (uint32_t)UINT16_MAX);
	packet->payload += sizeof(*icmp);
	packet->payload_length = (uint16_t)(packet->payload_length - sizeof(*icmp));
	return VERDICT_TOO_BIG;
}

/*
 * RFC 3810, 6.2: a query of any kind is answered with all our groups, of which there are two, at once:
 * who asks for one of them alone, or for another, is told what it knows.
 */
static enum verdict
icmpv6_mld_query(const struct interface *interface, struct packet *packet)
{
	enum {
		QUERY_LENGTH = 24 /* of MLDv1's, which MLDv2's begins with */
	};
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)packet->ip;

	if (packet->payload_length < QUERY_LENGTH || ip->hop_limits != 1 ||
	    !address_is_link_local(&packet->source))
		return packet_drop(packet, NET_DROP_icmp_malformed);
	/* reports are sent to a group, without tags: as those at the start are */
	if (packet->tags_length != 0)
		return packet_drop(packet, NET_DROP_icmp_type);
	rte_pktmbuf_reset(packet->mbuf);
	if (mld_report(interface, packet->mbuf) != 0)
		return packet_drop(packet, NET_DROP_reply_no_buffer);
	return VERDICT_ANSWERED;
}

enum verdict
icmpv6_input(const struct interface *interface, struct packet *packet)
{
	const struct icmpv6_header *icmp = (const struct icmpv6_header *)packet->payload;

	if (packet->payload_length < sizeof(*icmp))
		return packet_drop(packet, NET_DROP_icmp_malformed);
	if (!packet_checksum_good(packet, IPPROTO_ICMPV6))
		return packet_drop(packet, NET_DROP_icmp_checksum);
	switch (icmp->type) {
	case ICMPV6_SOLICITATION:
	case ICMPV6_ADVERTISEMENT:
		return nd_input(interface, packet);
	case ICMPV6_ECHO_REQUEST:
		return icmpv6_echo(interface, packet);
	case ICMPV6_MLD_QUERY:
		return icmpv6_mld_query(interface, packet);
	case ICMPV6_TOO_BIG:
		return icmpv6_too_big(interface, packet);
	default:
		return packet_drop(packet, NET_DROP_icmp_type);
	}
}
