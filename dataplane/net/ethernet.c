/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/packet.h"

/* Moves past 802.1Q and 802.1ad tags (IEEE 802.1Q clause 9), keeping them for the answer. */
static bool
ethernet_take_tags(struct packet *packet, uint16_t *ethertype)
{
	while (*ethertype == RTE_ETHER_TYPE_VLAN || *ethertype == RTE_ETHER_TYPE_QINQ) {
		const struct rte_vlan_hdr *tag = (const struct rte_vlan_hdr *)packet->payload;
		rte_be16_t tpid = rte_cpu_to_be_16(*ethertype);

		if (packet->tags_length == PACKET_TAGS_MAX) {
			packet->drop = NET_DROP_vlan_too_deep;
			return false;
		}
		if (packet->payload_length < sizeof(*tag)) {
			packet->drop = NET_DROP_frame_truncated;
			return false;
		}
		memcpy(packet->tags + packet->tags_length, &tpid, sizeof(tpid));
		memcpy(packet->tags + packet->tags_length + sizeof(tpid), &tag->vlan_tci,
		       sizeof(tag->vlan_tci));
		packet->tags_length = (uint8_t)(packet->tags_length + sizeof(*tag));
		*ethertype = rte_be_to_cpu_16(tag->eth_proto);
		packet->payload += sizeof(*tag);
		packet->payload_length = (uint16_t)(packet->payload_length - sizeof(*tag));
	}
	return true;
}

static enum verdict
ethernet_input(const struct interface *interface, struct packet *packet)
{
	const struct rte_ether_hdr *ether = (const struct rte_ether_hdr *)packet->payload;
	bool group = false;

	if (packet->payload_length < sizeof(*ether))
		return packet_drop(packet, NET_DROP_frame_truncated);
	if (!rte_is_same_ether_addr(&ether->dst_addr, &interface->mac)) {
		group = rte_is_broadcast_ether_addr(&ether->dst_addr) ||
			nd_listens_to(interface, &ether->dst_addr);
		if (!group)
			return packet_drop(packet, NET_DROP_frame_not_ours);
	}

	packet->peer = ether->src_addr;
	packet->ethertype = rte_be_to_cpu_16(ether->ether_type);
	packet->payload += sizeof(*ether);
	packet->payload_length = (uint16_t)(packet->payload_length - sizeof(*ether));
	if (!ethernet_take_tags(packet, &packet->ethertype))
		return VERDICT_DROP;

	if (packet->ethertype == RTE_ETHER_TYPE_ARP)
		return arp_input(interface, packet);
	if (packet->ethertype == RTE_ETHER_TYPE_IPV6 && interface->ipv6)
		return ipv6_input(interface, packet, group);
	if (packet->ethertype != RTE_ETHER_TYPE_IPV4)
		return packet_drop(packet, NET_DROP_ethertype);
	/* RFC 1122, 3.3.6: a link-layer broadcast to a unicast address is not ours to answer */
	if (group)
		return packet_drop(packet, NET_DROP_ip_not_ours);
	return ipv4_input(interface, packet);
}

enum verdict
net_input(const struct interface *interface, struct rte_mbuf *mbuf, struct packet *packet)
{
	packet->mbuf = mbuf;
	packet->payload = rte_pktmbuf_mtod(mbuf, uint8_t *);
	packet->payload_length = mbuf->data_len;
	packet->tags_length = 0;
	if (mbuf->nb_segs != 1)
		return packet_drop(packet, NET_DROP_frame_segmented);
	return ethernet_input(interface, packet);
}

uint8_t *
ethernet_answer(const struct interface *interface, const struct packet *packet, uint16_t ethertype,
		uint8_t *end)
{
	uint8_t *start = end - RTE_ETHER_HDR_LEN - packet->tags_length;
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)start;
	rte_be16_t type = rte_cpu_to_be_16(ethertype);

	ether->dst_addr = packet->peer;
	ether->src_addr = interface->mac;
	if (packet->tags_length != 0)
		memcpy(&ether->ether_type, packet->tags, packet->tags_length);
	memcpy(end - sizeof(type), &type, sizeof(type));
	return start;
}
