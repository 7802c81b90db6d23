/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp_plain.h - nearly every request comes in the same frame: untagged, IPv4 without options or
 * fragments, UDP to our address and port, one datagram of memcached's. Such a frame is taken apart by
 * one comparison of its first 48 bytes with what they must be, and its answer written over it by
 * turning its headers round.
 *
 *     net_input, udp_message_open   ═  udp_plain_open, udp_plain_describe   if it is one
 *     udp_message_close             ═  udp_plain_close   if the answer is one short datagram
 *
 * What this refuses goes the general way, which says what is wrong with it, if anything is.
 */
#ifndef JACKDAW_UDP_PLAIN_H
#define JACKDAW_UDP_PLAIN_H

#include "dataplane/net/ipv4.h"
#include "dataplane/net/udp.h"

struct udp_plain_headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	struct udp_frame frame;
} __rte_packed __rte_aligned(2);

enum {
	PLAIN_WORDS = 6, /* of 64 bits, up to the frame's total */
	/* bytes of payload that are summed here although the port could: asking it takes longer */
	PLAIN_SUM_MAX = 256,
};

_Static_assert(PLAIN_WORDS * sizeof(uint64_t) == offsetof(struct udp_plain_headers, frame.reserved),
	       "all that is compared");
_Static_assert(PLAIN_WORDS % 2 == 0, "compared in pairs");

/* Where udp_plain_close writes words of 64 bits. */
enum {
	PLAIN_TO = 0,
	PLAIN_FROM = RTE_ETHER_ADDR_LEN,
	PLAIN_IP = offsetof(struct udp_plain_headers, ip),
	PLAIN_RESERVED = offsetof(struct udp_plain_headers, frame.reserved),
};

/* What a port's plain frames look like. Set once, then read-only. */
struct udp_plain {
	uint64_t expected[PLAIN_WORDS]; /* those bits of the headers that are always the same */
	uint64_t mask[PLAIN_WORDS];	/* where they are */
	/* an answer's words, but for what the question says: see udp_plain_close */
	uint64_t answer_ether, answer_ip[2];
	uint64_t answer_sum;  /* of its IPv4 header, but for that */
	uint64_t pseudo_sum;  /* of its UDP checksum, but for that */
	uint16_t payload_max; /* bytes of payload a datagram */
	uint16_t length_over; /* a question's bytes of UDP are more; none are where UDP is off */
	uint16_t
		answer_max; /* bytes of an answer's payload, at most, to be ended by udp_plain_close */
};

/* Learns from the interface, which must be as it will stay. */
void udp_plain_learn(struct udp_plain *plain, const struct interface *interface);

static inline uint32_t
plain_load32(const void *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint64_t
plain_load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline void
plain_store(uint8_t *frame, size_t at, uint64_t word)
{
	memcpy(frame + at, &word, sizeof(word));
}

/* Both addresses' sum, which is the same in either order. */
static inline uint64_t
plain_addresses_sum(const struct rte_ipv4_hdr *ip)
{
	return (uint64_t)ip->src_addr + ip->dst_addr;
}

static inline bool
plain_checksum_good(const struct interface *interface, const struct rte_mbuf *mbuf,
		    const struct udp_plain_headers *headers, uint16_t length)
{
	uint64_t told = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, sum;

	if (headers->udp.dgram_cksum == 0 || /* the sender made none: RFC 768 */
	    (interface->rx_l4_checksum && told == RTE_MBUF_F_RX_L4_CKSUM_GOOD))
		return true;
	sum = plain_addresses_sum(&headers->ip) + headers->udp.dgram_len + RTE_BE16(IPPROTO_UDP);
	return checksum_fold(checksum_add(sum, &headers->udp, length)) == 0xffff;
}

/* packet_is_allowed without a packet, where only subnets are. */
static inline bool
plain_is_allowed(const struct interface *interface, struct packet *packet, rte_be32_t source)
{
	if (interface->udp_allow.count == 0)
		return (source & interface->subnet_mask) == interface->subnet;
	packet->ipv6 = false;
	packet->source = address_ipv4(source);
	return packet_is_allowed(interface, &interface->udp_allow, packet);
}

/* Whether the headers are the expected ones where the mask says so: two words at a time. */
static inline bool
plain_looks_right(const struct udp_plain *plain, const struct udp_plain_headers *headers)
{
	typedef uint64_t pair __attribute__((vector_size(16), aligned(2), may_alias));
	const pair *expected = (const pair *)plain->expected, *mask = (const pair *)plain->mask;
	const pair *words = (const pair *)headers;
	pair different = {0};

	for (unsigned int i = 0; i < PLAIN_WORDS / 2; i++)
		different |= (words[i] ^ expected[i]) & mask[i];
	return (different[0] | different[1]) == 0;
}

/* Whether the frame is a plain one with nothing wrong. Its length is the caller's to check. */
static inline bool
plain_is_good(const struct udp_plain *plain, const struct interface *interface,
	      const struct rte_mbuf *mbuf, const struct udp_plain_headers *headers)
{
	unsigned int total = rte_be_to_cpu_16(headers->ip.total_length);
	unsigned int length = rte_be_to_cpu_16(headers->udp.dgram_len);

	return plain_looks_right(plain, headers) && total == length + sizeof(headers->ip) &&
	       total <= mbuf->data_len - sizeof(headers->ether) && length > plain->length_over &&
	       headers->udp.src_port != 0 && ipv4_source_good(interface, headers->ip.src_addr) &&
	       ipv4_checksum_good(interface, mbuf, &headers->ip, sizeof(headers->ip)) &&
	       plain_checksum_good(interface, mbuf, headers, (uint16_t)length);
}

/*
 * If mbuf holds a plain frame from somebody who is allowed, sets the packet's mbuf and payload as
 * net_input and udp_message_open would, and returns true.
 */
static inline bool
udp_plain_open(const struct udp_plain *plain, const struct interface *interface,
	       struct rte_mbuf *mbuf, struct packet *packet)
{
	struct udp_plain_headers *headers = rte_pktmbuf_mtod(mbuf, struct udp_plain_headers *);

	if (mbuf->nb_segs != 1 || mbuf->data_len <= sizeof(*headers) ||
	    !plain_is_good(plain, interface, mbuf, headers) ||
	    !plain_is_allowed(interface, packet, headers->ip.src_addr))
		return false;
	packet->mbuf = mbuf;
	packet->payload = (uint8_t *)(headers + 1);
	packet->payload_length = (uint16_t)(rte_be_to_cpu_16(headers->udp.dgram_len) -
					    sizeof(headers->udp) - sizeof(headers->frame));
	return true;
}

/*
 * Fills in what udp_plain_open left out, from the headers, which must not have been turned round: from
 * then on any function of udp.h may be called.
 */
void udp_plain_describe(const struct udp_plain *plain, const struct interface *interface,
			struct rte_mempool *pool, struct udp_message *message);

/*
 * Ends a message that was opened as plain and whose answer is one datagram: its payload, of `length`
 * bytes whose sum (checksum.h) is `sum`, lies where the question's did; turns the headers round. Sums
 * what is known from registers, as a wide load would have to wait for narrow stores right before it.
 */
static inline void
udp_plain_close(const struct udp_plain *plain, struct rte_mbuf *mbuf, uint16_t payload_length,
		uint64_t sum)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	const struct udp_plain_headers *question = (const struct udp_plain_headers *)(void *)frame;
	uint16_t length =
		(uint16_t)(sizeof(question->udp) + sizeof(question->frame) + payload_length);
	uint64_t udp_length = rte_cpu_to_be_16(length);
	uint64_t ip_length = rte_cpu_to_be_16((uint16_t)(length + sizeof(question->ip)));
	uint64_t client = question->ip.src_addr, request_id = question->frame.request_id;
	uint32_t ports = plain_load32(&question->udp);
	uint16_t ip_sum = checksum_fold(plain->answer_sum + ip_length + client), udp_sum;

	/* none of it so large that there is a carry */
	udp_sum = checksum_fold(sum + plain->pseudo_sum + client + ports + 2 * udp_length +
				request_id);
	/* 0 would mean none: it is sent as its other form (RFC 768) */
	udp_sum = udp_sum == 0xffff ? udp_sum : (uint16_t)~udp_sum;

	plain_store(frame, PLAIN_TO, plain_load64(frame + PLAIN_FROM));
	plain_store(frame, PLAIN_FROM, plain->answer_ether);
	plain_store(frame, PLAIN_IP, plain->answer_ip[0] | ip_length << 16);
	plain_store(frame, PLAIN_IP + 8, plain->answer_ip[1] | (uint64_t)(uint16_t)~ip_sum << 16);
	plain_store(frame, PLAIN_IP + 16, client | (uint64_t)(ports << 16 | ports >> 16) << 32);
	plain_store(frame, PLAIN_IP + 24, udp_length | (uint64_t)udp_sum << 16 | request_id << 32);
	memset(frame + PLAIN_RESERVED, 0, sizeof(question->frame.reserved));
	mbuf->ol_flags = 0;
	mbuf->data_len = (uint16_t)(sizeof(*question) + payload_length);
	mbuf->pkt_len = mbuf->data_len;
}

#endif
