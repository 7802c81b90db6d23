/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 (RFC 8200). Hop-by-hop and destination options are skipped as far as they say that they may
 * be; fragments and routing headers are counted and dropped, as no client of ours has a use for
 * them and both have been used to get past filters (RFC 5095, RFC 9099).
 */
#include "dataplane/net/ipv6.h"

#include "dataplane/net/checksum.h"

enum {
	IPV6_VERSION = 6,
	EXTENSIONS_MAX = 4, /* RFC 8200, 4.1 knows of three before the payload that we take */
	EXTENSION_UNIT = 8,
	OPTION_PAD1 = 0,
	OPTION_ACTION = 0xc0, /* RFC 8200, 4.2: 00 says skip, all others discard */
};

struct extension {
	uint8_t next;
	uint8_t units; /* of 8 bytes, besides the first */
};

/* Whether every option in the bytes may be skipped by who doesn't know it, and fits. */
static bool
ipv6_options_skippable(const uint8_t *option, size_t left)
{
	while (left > 0) {
		size_t length;

		if (*option == OPTION_PAD1) {
			option++;
			left--;
			continue;
		}
		if (left < 2)
			return false;
		length = 2U + option[1];
		if (length > left || (*option & OPTION_ACTION) != 0)
			return false;
		option += length;
		left -= length;
	}
	return true;
}

/* Moves past one header of options; false if it is malformed or must not be skipped. */
static bool
ipv6_take_options(struct packet *packet, uint8_t *next)
{
	const struct extension *extension = (const struct extension *)packet->payload;
	size_t length;

	if (packet->payload_length < EXTENSION_UNIT)
		return false;
	length = (extension->units + 1U) * EXTENSION_UNIT;
	if (length > packet->payload_length ||
	    !ipv6_options_skippable(packet->payload + sizeof(*extension),
				    length - sizeof(*extension)))
		return false;
	*next = extension->next;
	packet->payload += length;
	packet->payload_length = (uint16_t)(packet->payload_length - length);
	return true;
}

/* Moves past all extension headers; *protocol is what follows them. */
static bool
ipv6_take_extensions(struct packet *packet, uint8_t *protocol)
{
	uint8_t next = *protocol;

	for (unsigned int taken = 0;; taken++) {
		switch (next) {
		case IPPROTO_HOPOPTS:
			if (taken != 0) { /* RFC 8200, 4.1: only ever the first */
				packet->drop = NET_DROP_ip_extension;
				return false;
			}
			break;
		case IPPROTO_DSTOPTS:
			break;
		case IPPROTO_ROUTING:
			packet->drop = NET_DROP_ip_routing;
			return false;
		case IPPROTO_FRAGMENT:
			packet->drop = NET_DROP_ip_fragment;
			return false;
		default:
			*protocol = next;
			return true;
		}
		if (taken == EXTENSIONS_MAX || !ipv6_take_options(packet, &next)) {
			packet->drop = NET_DROP_ip_extension;
			return false;
		}
	}
}

/* Loopback and IPv4 in disguise, which would pass for an IPv4 client (RFC 4291, 2.5). */
static bool
ipv6_is_impossible(const struct address *source)
{
	static const struct address loopback = {.bytes = {[15] = 1}};

	return address_is_multicast6(source) || address_is_ipv4(source) ||
	       address_equal(source, &loopback);
}

bool
ipv6_is_ours(const struct interface *interface, const struct address *address)
{
	return address_equal(address, &interface->address6) ||
	       address_equal(address, &interface->link_local6);
}

/* Groups that neighbour discovery uses: all nodes, and the solicited-node ones of our addresses. */
static bool
ipv6_is_our_group(const struct interface *interface, const struct address *address)
{
	struct address ours = nd_solicited_node(&interface->address6);
	struct address link_local = nd_solicited_node(&interface->link_local6);

	return address_equal(address, &nd_all_nodes) || address_equal(address, &ours) ||
	       address_equal(address, &link_local);
}

bool
ipv6_take_header(struct packet *packet, uint8_t *protocol)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)packet->payload;
	uint16_t length;

	if (packet->payload_length < sizeof(*ip)) {
		packet->drop = NET_DROP_ip_truncated;
		return false;
	}
	if (packet->payload[0] >> 4 != IPV6_VERSION) {
		packet->drop = NET_DROP_ip_header;
		return false;
	}
	length = rte_be_to_cpu_16(ip->payload_len);
	if (length > packet->payload_length - sizeof(*ip)) {
		packet->drop = NET_DROP_ip_truncated;
		return false;
	}
	packet->ip = packet->payload;
	packet->ipv6 = true;
	packet->source = address_ipv6(ip->src_addr);
	packet->destination = address_ipv6(ip->dst_addr);
	packet->payload += sizeof(*ip);
	packet->payload_length = length;
	*protocol = ip->proto;
	return ipv6_take_extensions(packet, protocol);
}

enum verdict
ipv6_input(const struct interface *interface, struct packet *packet, bool group)
{
	uint8_t protocol;

	if (!ipv6_take_header(packet, &protocol))
		return VERDICT_DROP;
	if (ipv6_is_impossible(&packet->source))
		return packet_drop(packet, NET_DROP_ip_source);
	if (protocol == IPPROTO_ICMPV6) {
		if (!ipv6_is_ours(interface, &packet->destination) &&
		    !ipv6_is_our_group(interface, &packet->destination))
			return packet_drop(packet, NET_DROP_ip_not_ours);
		return icmpv6_input(interface, packet);
	}
	/* a request to many hosts at once is not ours to answer */
	if (group || !ipv6_is_ours(interface, &packet->destination))
		return packet_drop(packet, NET_DROP_ip_not_ours);
	if (address_is_unspecified(&packet->source) || ipv6_is_ours(interface, &packet->source))
		return packet_drop(packet, NET_DROP_ip_source);
	if (protocol == IPPROTO_UDP)
		return udp_input(interface, packet);
	if (protocol == IPPROTO_TCP)
		return segment_input(interface, packet);
	return packet_drop(packet, NET_DROP_ip_protocol);
}

void
ipv6_answer(const struct address *from, const struct address *to, struct rte_ipv6_hdr *ip,
	    uint8_t protocol, uint16_t length)
{
	ip->vtc_flow = RTE_BE32(IPV6_VERSION << 28);
	ip->payload_len = rte_cpu_to_be_16(length);
	ip->proto = protocol;
	ip->hop_limits = IPV6_HOP_LIMIT;
	memcpy(ip->src_addr, from->bytes, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, to->bytes, sizeof(ip->dst_addr));
}

uint32_t
ipv6_pseudo_sum(const struct rte_ipv6_hdr *ip, uint8_t protocol, uint16_t length)
{
	uint32_t sum = rte_raw_cksum(ip->src_addr, sizeof(ip->src_addr) + sizeof(ip->dst_addr));

	return sum + rte_cpu_to_be_16(length) + rte_cpu_to_be_16(protocol);
}

bool
packet_checksum_good(const struct packet *packet, uint8_t protocol)
{
	/* of the addresses, which lie one after the other */
	size_t offset = packet->ipv6 ? offsetof(struct rte_ipv6_hdr, src_addr)
				     : offsetof(struct rte_ipv4_hdr, src_addr);
	size_t length = packet->ipv6 ? 2 * sizeof(struct address) : 2 * sizeof(rte_be32_t);
	uint64_t sum =
		(uint64_t)rte_cpu_to_be_16(packet->payload_length) + rte_cpu_to_be_16(protocol);

	sum = checksum_add(sum, packet->ip + offset, length);
	sum = checksum_add(sum, packet->payload, packet->payload_length);
	return checksum_fold(sum) == 0xffff;
}

struct address
ipv6_link_local(const struct rte_ether_addr *mac)
{
	const uint8_t *m = mac->addr_bytes;

	return (struct address){.bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff,
					  0xfe, m[3], m[4], m[5]}};
}
