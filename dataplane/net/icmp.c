/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP echo (RFC 792): the reply is the request with its type and addresses turned round. */
#include <rte_icmp.h>

#include "dataplane/net/packet.h"

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
