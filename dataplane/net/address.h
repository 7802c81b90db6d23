/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * address.h - an IPv4 or IPv6 address in one form, so that whatever keeps or compares addresses
 * (connections, allowed prefixes, limits a client) exists once.
 */
#ifndef JACKDAW_ADDRESS_H
#define JACKDAW_ADDRESS_H

#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Network byte order. IPv4 is IPv4-mapped, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct address {
	union {
		uint8_t bytes[16];
		uint64_t words[2];
		rte_be32_t quads[4]; /* quads[3] is the IPv4 address */
	};
};

/* Addresses with address & mask == network. */
struct prefix {
	struct address network;
	struct address mask;
};

static inline struct address
address_ipv4(rte_be32_t ipv4)
{
	return (struct address){.quads = {0, 0, RTE_BE32(0xffff), ipv4}};
}

static inline struct address
address_ipv6(const uint8_t bytes[16])
{
	struct address address;

	memcpy(address.bytes, bytes, sizeof(address.bytes));
	return address;
}

static inline bool
address_is_ipv4(const struct address *address)
{
	return address->words[0] == 0 && address->quads[2] == RTE_BE32(0xffff);
}

static inline bool
address_is_multicast6(const struct address *address)
{
	return address->bytes[0] == 0xff;
}

/* :: */
static inline bool
address_is_unspecified(const struct address *address)
{
	return (address->words[0] | address->words[1]) == 0;
}

/* fe80::/10 */
static inline bool
address_is_link_local(const struct address *address)
{
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static inline bool
address_equal(const struct address *a, const struct address *b)
{
	return ((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1])) == 0;
}

static inline bool
prefix_contains(const struct prefix *prefix, const struct address *address)
{
	return (((address->words[0] & prefix->mask.words[0]) ^ prefix->network.words[0]) |
		((address->words[1] & prefix->mask.words[1]) ^ prefix->network.words[1])) == 0;
}

#endif
