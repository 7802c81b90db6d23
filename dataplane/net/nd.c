/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery (RFC 4861) as far as a host without a neighbour cache needs it: it answers who
 * asks for its addresses, announces them, and notices who else uses them (RFC 4862, 5.4).
 */
#include <errno.h>

#include "dataplane/net/ipv6.h"

enum {
	ND_OPTION_SOURCE = 1, /* link-layer addresses: RFC 4861, 4.6.1 */
	ND_OPTION_TARGET = 2,
	ND_OPTION_UNIT = 8,
	/* flags of an advertisement, in the first byte of the header's word */
	ND_SOLICITED = 0x40,
	ND_OVERRIDE = 0x20,
};

struct nd_option {
	uint8_t type;
	uint8_t units; /* of 8 bytes, all of it */
	struct rte_ether_addr mac;
};

/* A solicitation or advertisement (RFC 4861, 4.3 and 4.4); options follow. */
struct nd_message {
	struct icmpv6_header icmp;
	uint8_t target[16];
};

/* What we send: with our MAC as its one option. */
struct nd_ours {
	struct nd_message message;
	struct nd_option option;
};

const struct address nd_all_nodes = {.bytes = {0xff, 0x02, [15] = 1}};

struct address
nd_solicited_node(const struct address *address)
{
	return (struct address){.bytes = {0xff, 0x02, [11] = 1, 0xff, address->bytes[13],
					  address->bytes[14], address->bytes[15]}};
}

struct rte_ether_addr
nd_group_mac(const struct address *group)
{
	struct rte_ether_addr mac = {.addr_bytes = {0x33, 0x33}};

	memcpy(mac.addr_bytes + 2, group->bytes + 12, 4);
	return mac;
}

bool
nd_listens_to(const struct interface *interface, const struct rte_ether_addr *mac)
{
	const uint8_t *m = mac->addr_bytes;

	if (!interface->ipv6 || m[0] != 0x33 || m[1] != 0x33)
		return false;
	if (m[2] == 0xff)
		return memcmp(m + 3, interface->address6.bytes + 13, 3) == 0 ||
		       memcmp(m + 3, interface->link_local6.bytes + 13, 3) == 0;
	return m[2] == 0 && m[3] == 0 && m[4] == 0 && m[5] == 1;
}

/* --- received ----------------------------------------------------------------------------- */

/* The option of that type, or NULL. The message is valid, so its options fit. */
static const struct nd_option *
nd_find_option(const struct packet *packet, uint8_t type)
{
	const uint8_t *at = packet->payload + sizeof(struct nd_message);
	const uint8_t *end = packet->payload + packet->payload_length;

	while (at < end) {
		const struct nd_option *option = (const struct nd_option *)at;

		if (option->type == type && option->units == 1)
			return option;
		at += option->units * ND_OPTION_UNIT;
	}
	return NULL;
}

static bool
nd_options_are_valid(const struct packet *packet)
{
	const uint8_t *at = packet->payload + sizeof(struct nd_message);
	const uint8_t *end = packet->payload + packet->payload_length;

	while (at < end) {
		const struct nd_option *option = (const struct nd_option *)at;

		if (end - at < ND_OPTION_UNIT || option->units == 0 ||
		    option->units * ND_OPTION_UNIT > end - at)
			return false;
		at += option->units * ND_OPTION_UNIT;
	}
	return true;
}

bool
nd_is_valid(const struct packet *packet)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)packet->ip;
	const struct nd_message *message = (const struct nd_message *)packet->payload;
	struct address target, asked;

	if (packet->payload_length < sizeof(*message) || ip->hop_limits != ND_HOP_LIMIT ||
	    message->icmp.code != 0 || !nd_options_are_valid(packet))
		return false;
	target = address_ipv6(message->target);
	if (address_is_multicast6(&target))
		return false;
	if (message->icmp.type == ICMPV6_ADVERTISEMENT) {
		bool solicited = (*(const uint8_t *)&message->icmp.word & ND_SOLICITED) != 0;

		return !address_is_unspecified(&packet->source) &&
		       !(solicited && address_is_multicast6(&packet->destination));
	}
	if (!address_is_unspecified(&packet->source))
		return true;
	/* somebody asks before using the address: to its group, and without saying who */
	asked = nd_solicited_node(&target);
	return address_equal(&packet->destination, &asked) &&
	       nd_find_option(packet, ND_OPTION_SOURCE) == NULL;
}

/* The solicitation becomes our advertisement of the same target (RFC 4861, 7.2.4). */
static enum verdict
nd_answer(const struct interface *interface, struct packet *packet)
{
	struct nd_ours *answer = (struct nd_ours *)packet->payload;
	const struct nd_option *theirs = nd_find_option(packet, ND_OPTION_SOURCE);
	struct address target = address_ipv6(answer->message.target), to = packet->source;
	uint8_t flags = ND_SOLICITED | ND_OVERRIDE;
	const uint8_t *buffer_end = (const uint8_t *)packet->mbuf->buf_addr + packet->mbuf->buf_len;

	if ((const uint8_t *)(answer + 1) > buffer_end)
		return packet_drop(packet, NET_DROP_nd_malformed);
	if (address_is_unspecified(&to)) {
		to = nd_all_nodes;
		packet->peer = nd_group_mac(&nd_all_nodes);
		flags = ND_OVERRIDE;
	} else if (theirs != NULL) {
		if (!rte_is_valid_assigned_ether_addr(&theirs->mac))
			return packet_drop(packet, NET_DROP_nd_malformed);
		packet->peer = theirs->mac;
	}
	answer->message.icmp = (struct icmpv6_header){
		.type = ICMPV6_ADVERTISEMENT, .word = rte_cpu_to_be_32((uint32_t)flags << 24)};
	answer->option = (struct nd_option){ND_OPTION_TARGET, 1, interface->mac};
	packet->payload_length = sizeof(*answer);
	return icmpv6_answer(interface, packet, &target, &to, ND_HOP_LIMIT);
}

enum verdict
nd_input(const struct interface *interface, struct packet *packet)
{
	const struct nd_message *message = (const struct nd_message *)packet->payload;
	/* Our own frame that a switch sent back; a TAP device's kernel side has our MAC, too. */
	bool own = rte_is_same_ether_addr(&packet->peer, &interface->mac);
	struct address target;

	if (!nd_is_valid(packet))
		return packet_drop(packet, NET_DROP_nd_malformed);
	target = address_ipv6(message->target);
	if (!ipv6_is_ours(interface, &target))
		return packet_drop(packet, NET_DROP_nd_not_for_us);
	if (message->icmp.type == ICMPV6_ADVERTISEMENT || ipv6_is_ours(interface, &packet->source))
		return packet_drop(packet, own ? NET_DROP_nd_not_for_us : NET_DROP_nd_conflict);
	if (own && address_is_unspecified(&packet->source))
		return packet_drop(packet, NET_DROP_nd_not_for_us);
	return nd_answer(interface, packet);
}

bool
nd_claims(const struct interface *interface, const struct rte_mbuf *mbuf,
	  const struct address *address, struct rte_ether_addr *claimer)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	const struct nd_message *message;
	struct packet packet;
	struct address target;
	uint8_t protocol;

	if (mbuf->data_len < sizeof(*ether) ||
	    ether->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6) ||
	    rte_is_same_ether_addr(&ether->src_addr, &interface->mac))
		return false;
	packet.payload = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, sizeof(*ether));
	packet.payload_length = (uint16_t)(mbuf->data_len - sizeof(*ether));
	if (!ipv6_take_header(&packet, &protocol) || protocol != IPPROTO_ICMPV6 ||
	    packet.payload_length < sizeof(*message) ||
	    !packet_checksum_good(&packet, IPPROTO_ICMPV6))
		return false;
	message = (const struct nd_message *)packet.payload;
	if ((message->icmp.type != ICMPV6_SOLICITATION &&
	     message->icmp.type != ICMPV6_ADVERTISEMENT) ||
	    !nd_is_valid(&packet))
		return false;
	target = address_ipv6(message->target);
	*claimer = ether->src_addr;
	/* RFC 4862, 5.4.3: another host that asks for itself is about to use it */
	return address_equal(&target, address) && (message->icmp.type == ICMPV6_ADVERTISEMENT ||
						   address_is_unspecified(&packet.source));
}

/* --- sent unasked ------------------------------------------------------------------------- */

/* Begins a frame to a group: link header, IPv6 header, `length` zeros. NULL if it doesn't fit. */
static struct rte_ipv6_hdr *
nd_group_frame(const struct interface *interface, struct rte_mbuf *mbuf, const struct address *from,
	       const struct address *group, uint8_t protocol, uint16_t length)
{
	struct rte_ether_hdr *ether;
	struct rte_ipv6_hdr *ip;

	ether = (struct rte_ether_hdr *)rte_pktmbuf_append(
		mbuf, (uint16_t)(sizeof(*ether) + sizeof(*ip) + length));
	if (ether == NULL)
		return NULL;
	ether->dst_addr = nd_group_mac(group);
	ether->src_addr = interface->mac;
	ether->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6);
	ip = (struct rte_ipv6_hdr *)(ether + 1);
	ipv6_answer(from, group, ip, protocol, length);
	memset(ip + 1, 0, length);
	return ip;
}

int
nd_probe(const struct interface *interface, struct rte_mbuf *mbuf, const struct address *address)
{
	static const struct address unspecified;
	struct address group = nd_solicited_node(address);
	struct nd_message *message;
	struct rte_ipv6_hdr *ip;

	ip = nd_group_frame(interface, mbuf, &unspecified, &group, IPPROTO_ICMPV6,
			    sizeof(*message));
	if (ip == NULL)
		return -ENOBUFS;
	ip->hop_limits = ND_HOP_LIMIT;
	message = (struct nd_message *)(ip + 1);
	message->icmp.type = ICMPV6_SOLICITATION;
	memcpy(message->target, address->bytes, sizeof(message->target));
	icmpv6_fill_checksum(ip, &message->icmp, sizeof(*message));
	return 0;
}

int
nd_advertise(const struct interface *interface, struct rte_mbuf *mbuf,
	     const struct address *address)
{
	struct nd_ours *ours;
	struct rte_ipv6_hdr *ip;

	ip = nd_group_frame(interface, mbuf, address, &nd_all_nodes, IPPROTO_ICMPV6, sizeof(*ours));
	if (ip == NULL)
		return -ENOBUFS;
	ip->hop_limits = ND_HOP_LIMIT;
	ours = (struct nd_ours *)(ip + 1);
	ours->message.icmp.type = ICMPV6_ADVERTISEMENT;
	ours->message.icmp.word = rte_cpu_to_be_32((uint32_t)ND_OVERRIDE << 24);
	memcpy(ours->message.target, address->bytes, sizeof(ours->message.target));
	ours->option = (struct nd_option){ND_OPTION_TARGET, 1, interface->mac};
	icmpv6_fill_checksum(ip, &ours->message.icmp, sizeof(*ours));
	return 0;
}

/*
 * MLDv2 (RFC 3810): switches that snoop send a group's frames only where somebody reported it. The
 * report is behind a hop-by-hop header with the router alert (RFC 2711) that makes routers look.
 */
int
mld_report(const struct interface *interface, struct rte_mbuf *mbuf)
{
	static const struct address all_routers = {.bytes = {0xff, 0x02, [15] = 0x16}};
	static const uint8_t alert[8] = {IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
	enum {
		EXCLUDE_NOTHING = 4 /* CHANGE_TO_EXCLUDE_MODE: everybody's packets to the group */
	};
	struct mld_record {
		uint8_t type, aux_length;
		rte_be16_t sources;
		uint8_t group[16];
	};
	struct mld {
		struct icmpv6_header icmp; /* the word's second half counts the records */
		struct mld_record record[2];
	} * mld;
	struct address group[] = {nd_solicited_node(&interface->address6),
				  nd_solicited_node(&interface->link_local6)};
	uint16_t groups = address_equal(&group[0], &group[1]) ? 1 : 2;
	uint16_t length = (uint16_t)(sizeof(mld->icmp) + groups * sizeof(mld->record[0]));
	struct rte_ipv6_hdr *ip;

	ip = nd_group_frame(interface, mbuf, &interface->link_local6, &all_routers, IPPROTO_HOPOPTS,
			    (uint16_t)(sizeof(alert) + length));
	if (ip == NULL)
		return -ENOBUFS;
	ip->hop_limits = 1;
	memcpy(ip + 1, alert, sizeof(alert));
	mld = (struct mld *)((uint8_t *)(ip + 1) + sizeof(alert));
	mld->icmp.type = ICMPV6_MLD2_REPORT;
	mld->icmp.word = rte_cpu_to_be_32(groups);
	for (unsigned int i = 0; i < groups; i++) {
		mld->record[i].type = EXCLUDE_NOTHING;
		memcpy(mld->record[i].group, group[i].bytes, sizeof(mld->record[i].group));
	}
	icmpv6_fill_checksum(ip, &mld->icmp, length);
	return 0;
}

int
announce(const struct interface *interface, struct rte_mbuf *mbuf, unsigned int step)
{
	if (step == 0)
		return arp_announce(interface, mbuf, false);
	if (!interface->ipv6)
		return -ENOENT;
	switch (step) {
	case 1:
		return nd_advertise(interface, mbuf, &interface->address6);
	case 2:
		return nd_advertise(interface, mbuf, &interface->link_local6);
	case 3:
		return mld_report(interface, mbuf);
	default:
		return -ENOENT;
	}
}
