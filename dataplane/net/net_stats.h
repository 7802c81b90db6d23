/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_stats.h - what one worker counted of packets. Only the worker writes; anybody may read.
 *
 * The law of conservation: over all workers at rest,
 *
 *     rx_packets = answered + consumed + (handed_over - taken_over) + the sum of all drops
 *
 * so a packet that vanishes always moved a counter that says why.
 */
#ifndef JACKDAW_NET_STATS_H
#define JACKDAW_NET_STATS_H

#include <stdint.h>

/* Why a received packet got no answer. */
#define NET_DROPS(X)                                                                               \
	X(frame_truncated, "shorter than an Ethernet header and its tags")                         \
	X(frame_segmented, "arrived in several buffers: larger than a packet may be")              \
	X(frame_not_ours, "sent to another MAC address")                                           \
	X(vlan_too_deep, "more than two VLAN tags")                                                \
	X(ethertype, "neither ARP nor IP")                                                         \
	X(arp_malformed, "ARP of a wrong length, type or source")                                  \
	X(arp_not_for_us, "ARP about another host")                                                \
	X(arp_conflict, "ARP by another host that claims our address")                             \
	X(ip_truncated, "IP lengths that don't fit the frame")                                     \
	X(ip_header, "IP version or header length is wrong")                                       \
	X(ip_checksum, "IPv4 header checksum is wrong")                                            \
	X(ip_fragment, "IP fragment")                                                              \
	X(ip_extension, "IPv6 extension headers that are malformed, too many or not understood")   \
	X(ip_routing, "IPv6 routing header")                                                       \
	X(ip_not_ours, "sent to another IP address, broadcast or multicast")                       \
	X(ip_source, "source address that no host may have")                                       \
	X(ip_protocol, "neither TCP, UDP nor ICMP")                                                \
	X(icmp_malformed, "ICMP too short, or about no packet of ours")                            \
	X(icmp_checksum, "ICMP checksum is wrong")                                                 \
	X(icmp_type, "ICMP of a kind that we have no use for")                                     \
	X(icmp_too_big, "ICMP about a packet of ours that was too big for a link")                 \
	X(nd_malformed, "neighbour discovery that RFC 4861 calls invalid")                         \
	X(nd_not_for_us, "neighbour discovery about another host")                                 \
	X(nd_conflict, "neighbour discovery by another host that claims our address")              \
	X(tcp_truncated, "TCP header that doesn't fit the packet")                                 \
	X(tcp_checksum, "TCP checksum is wrong")                                                   \
	X(tcp_port, "no service on this TCP port, or source port 0")                               \
	X(tcp_not_allowed, "source address outside the allowed prefixes")                          \
	X(udp_length, "UDP length that doesn't fit the packet")                                    \
	X(udp_checksum, "UDP checksum is wrong")                                                   \
	X(udp_port, "no service on this UDP port, or source port 0")                               \
	X(udp_not_allowed, "source address outside the allowed prefixes")                          \
	X(udp_frame_short, "datagram with nothing after memcached's frame header")                 \
	X(udp_frame_total, "request split over several datagrams")                                 \
	X(request_incomplete, "datagram that ends inside a command")                               \
	X(no_reply, "request that asked for no reply or has none")                                 \
	X(reply_no_buffer, "no packet buffer for the reply")                                       \
	X(handover_full, "the owning worker's ring was full")                                      \
	X(transmit_full, "the port stayed full")

#define NET_STATS(X)                                                                               \
	X(rx_packets, "packets received from ports")                                               \
	X(rx_bytes, "bytes received from ports")                                                   \
	X(tx_packets, "packets sent")                                                              \
	X(tx_bytes, "bytes sent")                                                                  \
	X(answered, "received packets whose whole answer was sent")                                \
	X(consumed, "received TCP segments given to their connection")                             \
	X(handed_over, "packets given to the worker that owns their flow")                         \
	X(taken_over, "packets received from another worker")                                      \
	X(tx_unasked, "packets sent that answer none: announcements, earlier parts of a reply")    \
	X(tx_lost, "packets that the port did not take, of all kinds")

enum net_drop {
#define X(name, help) NET_DROP_##name,
	NET_DROPS(X)
#undef X
	NET_DROP_CAUSES,
};

struct net_stats {
#define X(name, help) uint64_t name;
	NET_STATS(X)
#undef X
	uint64_t drops[NET_DROP_CAUSES];
};

#endif
