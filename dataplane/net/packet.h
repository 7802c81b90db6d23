/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.h - from a received frame to what it asks of us, and the headers of its answer.
 *
 *     net_input ─▶ ethernet_input ─▶ arp_input                              answered in place
 *                                 ├▶ ipv4_input ─▶ icmp_input               answered in place
 *                                 │             ├▶ udp_input                a datagram
 *                                 │             └▶ segment_input            a segment for TCP
 *                                 └▶ ipv6_input ─▶ icmpv6_input ─▶ nd_input answered in place
 *                                               └▶ udp_input, segment_input
 *
 * Every function here runs on a worker, touches one packet and nothing shared but the read-only
 * struct interface. Nothing is resolved or remembered: an answer goes to the MAC address and the
 * VLAN tags that the question came with, so it works through any router and keeps no state.
 */
#ifndef JACKDAW_PACKET_H
#define JACKDAW_PACKET_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "dataplane/net/address.h"
#include "dataplane/net/net_stats.h"

enum {
	INTERFACE_ALLOW_MAX = 32,
	PACKET_TAGS_MAX = 2 * sizeof(struct rte_vlan_hdr),
	/* Ethernet with two tags, IPv6, UDP */
	PACKET_HEADERS_MAX = RTE_ETHER_HDR_LEN + PACKET_TAGS_MAX + sizeof(struct rte_ipv6_hdr) +
			     sizeof(struct rte_udp_hdr),
	PACKET_QUOTED_TCP = 8, /* bytes of TCP that ICMP quotes: ports and sequence number */
	IPV6_MTU_MIN = 1280,   /* RFC 8200, 5: IPv6 is off on a link of less */
};

/* Who is answered. */
struct allow {
	unsigned int count; /* 0: the interface's own subnets, and link-local addresses */
	struct prefix prefix[INTERFACE_ALLOW_MAX];
};

/* Our addresses on one port: made by the control thread, then read-only. */
struct interface {
	struct rte_ether_addr mac;
	rte_be32_t address;
	rte_be32_t subnet, subnet_mask; /* address & subnet_mask == subnet */
	bool ipv6;			/* the following two are ours as well */
	struct address address6;
	struct address link_local6; /* from the MAC: ipv6_link_local() */
	struct prefix subnet6;
	rte_be16_t udp_port; /* 0: UDP is off */
	rte_be16_t tcp_port; /* 0: TCP is off */
	bool any_tcp_port;   /* a client's: every segment to our address is TCP's */
	uint16_t mtu;
	bool rx_ip_checksum; /* what the port verifies and fills in for us */
	bool rx_l4_checksum;
	bool tx_ip_checksum;
	bool tx_udp_checksum;
	bool tx_tcp_checksum;
	bool tso;	  /* it cuts TCP segments that are longer than fits a packet */
	bool tso_shorter; /* to pieces whose Ethernet header counts as part of the MTU */
	struct allow udp_allow, tcp_allow;
};

/* A received frame, taken apart. Valid as long as its mbuf is untouched. */
struct packet {
	struct rte_mbuf *mbuf;
	uint8_t *payload; /* of the innermost layer taken apart so far */
	uint8_t *ip;	  /* IPv4 or IPv6 header, once there is one */
	uint16_t payload_length;
	uint16_t ethertype;  /* host order, after any tags */
	uint8_t tags_length; /* 0, 4 or 8 */
	uint8_t drop;	     /* enum net_drop, when the verdict says so */
	bool ipv6;	     /* of both addresses */
	rte_be16_t source_port;
	rte_be16_t destination_port;
	struct address source, destination;
	uint16_t mtu; /* told by ICMP, with VERDICT_TOO_BIG */
	struct rte_ether_addr peer;
	/* From the first tag's TPID to before the last EtherType: what an answer repeats. */
	uint8_t tags[PACKET_TAGS_MAX];
};

enum verdict {
	VERDICT_DROP,	  /* packet->drop says why; the mbuf is still the caller's */
	VERDICT_ANSWERED, /* the mbuf now holds the answer, ready to be sent */
	VERDICT_DATAGRAM, /* UDP for our port: payload is memcached's frame */
	/* TCP for us: payload is its header, whose length and checksum are right */
	VERDICT_SEGMENT,
	/* a link is too narrow for a packet of our TCP: payload is its IP header, mtu the link's */
	VERDICT_TOO_BIG,
};

/* Takes mbuf apart. *packet is filled as far as it got. */
enum verdict net_input(const struct interface *interface, struct rte_mbuf *mbuf,
		       struct packet *packet);

/* The layers, each given packet->payload as the layer's first byte. */
enum verdict arp_input(const struct interface *interface, struct packet *packet);
enum verdict ipv4_input(const struct interface *interface, struct packet *packet);
/* group: the frame was sent to more than one host */
enum verdict ipv6_input(const struct interface *interface, struct packet *packet, bool group);
enum verdict icmp_input(const struct interface *interface, struct packet *packet);
enum verdict icmpv6_input(const struct interface *interface, struct packet *packet);
enum verdict nd_input(const struct interface *interface, struct packet *packet);
enum verdict udp_input(const struct interface *interface, struct packet *packet);
enum verdict segment_input(const struct interface *interface, struct packet *packet);

/* Whether packet->source is one that we answer. */
static inline bool
packet_is_allowed(const struct interface *interface, const struct allow *allow,
		  const struct packet *packet)
{
	const struct address *source = &packet->source;

	if (allow->count == 0 && !packet->ipv6)
		return (source->quads[3] & interface->subnet_mask) == interface->subnet;
	if (allow->count == 0)
		return prefix_contains(&interface->subnet6, source) ||
		       address_is_link_local(source);
	for (unsigned int i = 0; i < allow->count; i++) {
		/* ::/0 is every IPv6 address, but no IPv4 one in its mapped form */
		if (prefix_contains(&allow->prefix[i], source) &&
		    address_is_ipv4(&allow->prefix[i].network) != packet->ipv6)
			return true;
	}
	return false;
}

/* Bytes of the IP header of an answer: options and extension headers aren't repeated. */
static inline uint16_t
packet_ip_length(const struct packet *packet)
{
	return packet->ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
}

/* Ends a layer's inspection with a cause. */
static inline enum verdict
packet_drop(struct packet *packet, enum net_drop cause)
{
	packet->drop = (uint8_t)cause;
	return VERDICT_DROP;
}

/*
 * Writes the link header of an answer, ending at `end`: to the peer, from us, with the question's
 * tags. Returns its first byte. Needs RTE_ETHER_HDR_LEN + tags_length bytes before `end`.
 */
uint8_t *ethernet_answer(const struct interface *interface, const struct packet *packet,
			 uint16_t ethertype, uint8_t *end);

/*
 * Writes an IPv4 header for `length` bytes of payload of `protocol`, from us to the peer, at `ip`;
 * the checksum is filled in here or left to the port (mbuf flags are set for it).
 */
void ipv4_answer(const struct interface *interface, const struct packet *packet,
		 struct rte_ipv4_hdr *ip, uint8_t protocol, uint16_t length, struct rte_mbuf *mbuf);

/* The same for IPv6 (which has no checksum of its own), between any two addresses. */
void ipv6_answer(const struct address *from, const struct address *to, struct rte_ipv6_hdr *ip,
		 uint8_t protocol, uint16_t length);

/* Sum of the pseudo-header of RFC 8200, 8.1, not folded: to be added to that of the payload. */
uint32_t ipv6_pseudo_sum(const struct rte_ipv6_hdr *ip, uint8_t protocol, uint16_t length);

/* True if UDP's, TCP's or ICMPv6's checksum over packet->payload is right, pseudo-header included. */
bool packet_checksum_good(const struct packet *packet, uint8_t protocol);

/* fe80::/64 with an identifier from the MAC address (RFC 4291, appendix A). */
struct address ipv6_link_local(const struct rte_ether_addr *mac);

/* True if a multicast MAC address is one that neighbour discovery reaches us by (RFC 2464, 7). */
bool nd_listens_to(const struct interface *interface, const struct rte_ether_addr *mac);

/*
 * Turns a fresh mbuf into the announcement number `step` of our addresses, from 0 on: ARP, then of
 * IPv6 an unsolicited neighbour advertisement for each address and a report of the groups that we
 * are in. 0; -ENOENT: there are no more; -ENOBUFS: the mbuf is too small.
 */
int announce(const struct interface *interface, struct rte_mbuf *mbuf, unsigned int step);

/*
 * Turns a fresh mbuf into a neighbour solicitation that probes for our address before we use it
 * (RFC 4862, 5.4). 0, or -ENOBUFS.
 */
int nd_probe(const struct interface *interface, struct rte_mbuf *mbuf,
	     const struct address *address);

/* True if frame is neighbour discovery by another host that uses, or probes for, that address. */
bool nd_claims(const struct interface *interface, const struct rte_mbuf *mbuf,
	       const struct address *address, struct rte_ether_addr *claimer);

/*
 * Turns a fresh mbuf into an advertisement of one of our addresses to all nodes, unasked (RFC 4861,
 * 7.2.6). 0, or -ENOBUFS.
 */
int nd_advertise(const struct interface *interface, struct rte_mbuf *mbuf,
		 const struct address *address);

/* Turns a fresh mbuf into an MLDv2 report that we listen to the solicited-node groups of our
 * addresses (RFC 3810, 5.2). 0, or -ENOBUFS. */
int mld_report(const struct interface *interface, struct rte_mbuf *mbuf);

/*
 * Turns a fresh mbuf into an ARP announcement of our address (probe false) or a probe for it that
 * claims nothing yet (RFC 5227). 0, or -ENOBUFS when the mbuf is too small.
 */
int arp_announce(const struct interface *interface, struct rte_mbuf *mbuf, bool probe);

/*
 * True if frame is ARP by another host that uses, or with a probe of its own is about to use,
 * our address. *claimer is its MAC.
 */
bool arp_claims_ours(const struct interface *interface, const struct rte_mbuf *mbuf,
		     struct rte_ether_addr *claimer);

/* A number that is the same for every packet of one flow and spreads over all 32 bits. */
static inline uint32_t
packet_flow_hash(const struct packet *packet)
{
	uint64_t flow = packet->source.words[0] ^ packet->source.words[1] ^
			(((uint64_t)packet->source_port << 16) | packet->destination_port);

	/* the finaliser of MurmurHash3: every input bit reaches every output bit */
	flow ^= flow >> 33;
	flow *= 0xff51afd7ed558ccdULL;
	flow ^= flow >> 33;
	flow *= 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(flow >> 32);
}

#endif
