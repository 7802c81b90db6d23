/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP (RFC 792): echo, whose reply is the request with its type and addresses turned round, and word
 * of a link that is too narrow for our packets (RFC 1191).
 */
#include <rte_icmp.h>

#include "dataplane/net/packet.h"

enum {
	ICMP_UNREACHABLE = 3,
	ICMP_FRAGMENT_NEEDED = 4,
	IPV4_MTU_MIN = 68, /* RFC 791, 3.2 */
};

/* RFC 1624, equation 3: the checksum after the type went from echo request to echo reply. */
static rte_be16_t
icmp_checksum_of_reply(rte_be16_t checksum)
{
	uint32_t sum = (uint16_t)~rte_be_to_cpu_16(checksum);

	sum += (uint16_t) ~(RTE_IP_ICMP_ECHO_REQUEST << 8);
	sum += RTE_IP_ICMP_ECHO_REPLY << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return rte_cpu_to_be_16((uint16_t)~sum);
}

/* Heard only about a TCP segment of ours; a router older than RFC 1191 doesn't tell the MTU. */
static enum verdict
icmp_too_big(const struct interface *interface, struct packet *packet)
{
	const struct rte_icmp_hdr *icmp = (const struct rte_icmp_hdr *)packet->payload;
	const struct rte_ipv4_hdr *quoted = (const struct rte_ipv4_hdr *)(icmp + 1);
	size_t length;

	if (packet->payload_length < sizeof(*icmp) + sizeof(*quoted))
		return packet_drop(packet, NET_DROP_icmp_malformed);
	length = rte_ipv4_hdr_len(quoted);
	packet->mtu = rte_be_to_cpu_16(icmp->icmp_seq_nb);
	if (quoted->version_ihl >> 4 != IPVERSION || length < sizeof(*quoted) ||
	    packet->payload_length < sizeof(*icmp) + length + PACKET_QUOTED_TCP ||
	    quoted->next_proto_id != IPPROTO_TCP || quoted->src_addr != interface->address ||
	    (quoted->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK)) != 0 ||
	    packet->mtu < IPV4_MTU_MIN)
		return packet_drop(packet, NET_DROP_icmp_malformed);
	packet->payload += sizeof(*icmp);
	packet->payload_length = (uint16_t)(packet->payload_length - sizeof(*icmp));
	return VERDICT_TOO_BIG;
}

enum verdict
icmp_input(const struct interface *interface, struct packet *packet)
{
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)packet->payload;
	struct rte_mbuf *mbuf = packet->mbuf;
	struct rte_ipv4_hdr *ip;
	uint8_t *start;

	if (packet->payload_length < sizeof(*icmp))
		return packet_drop(packet, NET_DROP_icmp_malformed);
	if (rte_raw_cksum(icmp, packet->payload_length) != 0xffff)
		return packet_drop(packet, NET_DROP_icmp_checksum);
	if (icmp->icmp_type == ICMP_UNREACHABLE && icmp->icmp_code == ICMP_FRAGMENT_NEEDED)
		return icmp_too_big(interface, packet);
	if (icmp->icmp_type != RTE_IP_ICMP_ECHO_REQUEST || icmp->icmp_code != 0)
		return packet_drop(packet, NET_DROP_icmp_type);

	icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	icmp->icmp_cksum = icmp_checksum_of_reply(icmp->icmp_cksum);
	/* the answer's IPv4 header has no options: it stands right before the ICMP header */
	ip = (struct rte_ipv4_hdr *)(packet->payload - sizeof(*ip));
	mbuf->ol_flags = 0;
	ipv4_answer(interface, packet, ip, IPPROTO_ICMP, packet->payload_length, mbuf);
	start = ethernet_answer(interface, packet, RTE_ETHER_TYPE_IPV4, (uint8_t *)ip);
	mbuf->data_off = (uint16_t)(start - (uint8_t *)mbuf->buf_addr);
	mbuf->data_len = (uint16_t)(packet->payload + packet->payload_length - start);
	mbuf->pkt_len = mbuf->data_len;
	return VERDICT_ANSWERED;
}
