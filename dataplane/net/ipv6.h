/* SPDX-License-Identifier: BSD-3-Clause */
/* ipv6.h - what the files of IPv6, ICMPv6 and neighbour discovery tell one another. */
#ifndef JACKDAW_IPV6_H
#define JACKDAW_IPV6_H

#include "dataplane/net/packet.h"

enum icmpv6_type {
	ICMPV6_TOO_BIG = 2,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMPV6_MLD_QUERY = 130,
	ICMPV6_SOLICITATION = 135, /* of a neighbour */
	ICMPV6_ADVERTISEMENT = 136,
	ICMPV6_MLD2_REPORT = 143,
};

enum {
	IPV6_HOP_LIMIT = 64,
	ND_HOP_LIMIT = 255, /* RFC 4861, 3.1: so it can't have come through a router */
};

/* RFC 4443, 2.1 */
struct icmpv6_header {
	uint8_t type;
	uint8_t code;
	rte_be16_t checksum;
	rte_be32_t word; /* too big: the MTU; advertisement: flags */
} __rte_packed;

/* All nodes of the link, ff02::1. */
extern const struct address nd_all_nodes;

/* The group that is asked for an address: ff02::1:ff00:0/104 and its last three bytes. */
struct address nd_solicited_node(const struct address *address);

/* The MAC address of an IPv6 multicast group (RFC 2464, 7). */
struct rte_ether_addr nd_group_mac(const struct address *group);

bool ipv6_is_ours(const struct interface *interface, const struct address *address);

/*
 * Moves past the IPv6 header at packet->payload and its extension headers, noting both addresses.
 * *protocol is what follows. False with packet->drop.
 */
bool ipv6_take_header(struct packet *packet, uint8_t *protocol);

/* Whether the message at packet->payload is one that RFC 4861, 7.1 calls valid. */
bool nd_is_valid(const struct packet *packet);

/*
 * Makes an answer of packet->payload, an ICMPv6 message whose checksum is yet to be filled in: IPv6
 * and link headers before it, to packet->peer.
 */
enum verdict icmpv6_answer(const struct interface *interface, struct packet *packet,
			   const struct address *from, const struct address *to, uint8_t hops);

/* Fills in the checksum of a message of `length` bytes behind ip, whose addresses are set. */
void icmpv6_fill_checksum(const struct rte_ipv6_hdr *ip, struct icmpv6_header *icmp,
			  uint16_t length);

#endif
