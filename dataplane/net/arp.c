/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP for IPv4 over Ethernet (RFC 826), with the conflict rules of RFC 5227. */
#include <errno.h>
#include <rte_arp.h>

#include "dataplane/net/packet.h"

static bool
arp_well_formed(const struct rte_arp_hdr *arp, uint16_t length)
{
	return length >= sizeof(*arp) && arp->arp_hardware == rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) &&
	       arp->arp_protocol == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) &&
	       arp->arp_hlen == RTE_ETHER_ADDR_LEN && arp->arp_plen == sizeof(rte_be32_t) &&
	       rte_is_valid_assigned_ether_addr(&arp->arp_data.arp_sha);
}

static bool
arp_conflicts(const struct interface *interface, const struct rte_arp_hdr *arp)
{
	if (rte_is_same_ether_addr(&arp->arp_data.arp_sha, &interface->mac))
		return false;
	return arp->arp_data.arp_sip == interface->address;
}

enum verdict
arp_input(const struct interface *interface, struct packet *packet)
{
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)packet->payload;
	struct rte_mbuf *mbuf = packet->mbuf;
	uint8_t *start;

	if (!arp_well_formed(arp, packet->payload_length))
		return packet_drop(packet, NET_DROP_arp_malformed);
	if (arp_conflicts(interface, arp))
		return packet_drop(packet, NET_DROP_arp_conflict);
	if (arp->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) ||
	    arp->arp_data.arp_tip != interface->address)
		return packet_drop(packet, NET_DROP_arp_not_for_us);

	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = interface->mac;
	arp->arp_data.arp_sip = interface->address;
	packet->peer = arp->arp_data.arp_tha;
	start = ethernet_answer(interface, packet, RTE_ETHER_TYPE_ARP, packet->payload);
	mbuf->data_off = (uint16_t)(start - (uint8_t *)mbuf->buf_addr);
	mbuf->data_len = (uint16_t)(packet->payload + sizeof(*arp) - start);
	mbuf->pkt_len = mbuf->data_len;
	mbuf->ol_flags = 0;
	return VERDICT_ANSWERED;
}

int
arp_announce(const struct interface *interface, struct rte_mbuf *mbuf, bool probe)
{
	struct rte_ether_hdr *ether;
	struct rte_arp_hdr *arp;

	ether = (struct rte_ether_hdr *)rte_pktmbuf_append(mbuf, sizeof(*ether) + sizeof(*arp));
	if (ether == NULL)
		return -ENOBUFS;
	memset(&ether->dst_addr, 0xff, sizeof(ether->dst_addr));
	ether->src_addr = interface->mac;
	ether->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);
	arp = (struct rte_arp_hdr *)(ether + 1);
	memset(arp, 0, sizeof(*arp));
	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = sizeof(rte_be32_t);
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	arp->arp_data.arp_sha = interface->mac;
	arp->arp_data.arp_sip = probe ? 0 : interface->address;
	arp->arp_data.arp_tip = interface->address;
	return 0;
}

bool
arp_claims_ours(const struct interface *interface, const struct rte_mbuf *mbuf,
		struct rte_ether_addr *claimer)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(ether + 1);
	bool probing;

	if (mbuf->data_len < sizeof(*ether) + sizeof(*arp) ||
	    ether->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP) ||
	    !arp_well_formed(arp, sizeof(*arp)) ||
	    rte_is_same_ether_addr(&arp->arp_data.arp_sha, &interface->mac))
		return false;
	/* RFC 5227, 2.1.1: somebody else probing for the same address counts as a conflict */
	probing = arp->arp_data.arp_sip == 0 &&
		  arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) &&
		  arp->arp_data.arp_tip == interface->address;
	*claimer = arp->arp_data.arp_sha;
	return probing || arp->arp_data.arp_sip == interface->address;
}
