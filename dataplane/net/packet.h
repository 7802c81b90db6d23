/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.h - from a received frame to what it asks of us, and the headers of its answer.
 *
 *     net_input ─▶ ethernet_input ─▶ arp_input                     answered in place
 *                                 └▶ ipv4_input ─▶ icmp_input      answered in place
 *                                               ├▶ udp_input       a datagram for the worker
 *                                               └▶ segment_input   a segment for its TCP
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
	/* Ethernet with two tags, IPv4, UDP */
	PACKET_HEADERS_MAX = RTE_ETHER_HDR_LEN + PACKET_TAGS_MAX + sizeof(struct rte_ipv4_hdr) +
			     sizeof(struct rte_udp_hdr),
};

/* One of our addresses on one port: made by the control thread, then read-only. */
struct interface {
	struct rte_ether_addr mac;
	rte_be32_t address;
	rte_be32_t subnet, subnet_mask; /* address & subnet_mask == subnet */
	rte_be16_t udp_port;		/* 0: UDP is off */
	rte_be16_t tcp_port;		/* 0: TCP is off */
	bool any_tcp_port;		/* a client's: every segment to our address is TCP's */
	uint16_t mtu;
	bool rx_ip_checksum; /* what the port verifies and fills in for us */
	bool rx_l4_checksum;
	bool tx_ip_checksum;
	bool tx_udp_checksum;
	bool tx_tcp_checksum;
	unsigned int allow_count; /* 0: the subnet alone */
	struct prefix allow[INTERFACE_ALLOW_MAX];
};

/* A received frame, taken apart. Valid as long as its mbuf is untouched. */
struct packet {
	struct rte_mbuf *mbuf;
	uint8_t *payload; /* of the innermost layer taken apart so far */
	uint16_t payload_length;
	uint16_t ethertype;  /* host order, after any tags */
	uint8_t tags_length; /* 0, 4 or 8 */
	uint8_t drop;	     /* enum net_drop, when the verdict says so */
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
enum verdict icmp_input(const struct interface *interface, struct packet *packet);
enum verdict udp_input(const struct interface *interface, struct packet *packet,
		       const struct rte_ipv4_hdr *ip);
enum verdict segment_input(const struct interface *interface, struct packet *packet,
			   const struct rte_ipv4_hdr *ip);

/* True if an IPv4 source is one that we answer. */
bool ipv4_is_allowed(const struct interface *interface, rte_be32_t source);

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
