/* SPDX-License-Identifier: BSD-3-Clause */
/* ipv4.h - what is asked of every IPv4 header, by whichever path it is taken apart. */
#ifndef JACKDAW_IPV4_H
#define JACKDAW_IPV4_H

#include "dataplane/net/checksum.h"
#include "dataplane/net/packet.h"

enum {
	IPV4_TTL = 64
};

static inline bool
ipv4_checksum_good(const struct interface *interface, const struct rte_mbuf *mbuf,
		   const struct rte_ipv4_hdr *ip, uint16_t header_length)
{
	uint64_t told = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	/* only a clear "good" from the port is believed; NONE and UNKNOWN are checked here */
	if (interface->rx_ip_checksum && told == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return true;
	if (header_length == sizeof(*ip)) /* most: the sum of a length known here is unrolled */
		return checksum_fold(checksum_add(0, ip, sizeof(*ip))) == 0xffff;
	return checksum_fold(checksum_add(0, ip, header_length)) == 0xffff;
}

/*
 * Whether a packet may come from that address: not this network's, loopback, multicast, reserved, our
 * own, or the subnet's broadcast address (a /31 or /32 has none).
 */
static inline bool
ipv4_source_good(const struct interface *interface, rte_be32_t address)
{
	uint8_t first = (uint8_t)(rte_be_to_cpu_32(address) >> 24);
	rte_be32_t host_bits = ~interface->subnet_mask;

	if (first == 0 || first == 127 || first >= 224 || address == interface->address)
		return false;
	return (address | interface->subnet_mask) != UINT32_MAX ||
	       (address & interface->subnet_mask) != interface->subnet ||
	       rte_be_to_cpu_32(host_bits) <= 1;
}

#endif
