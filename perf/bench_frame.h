/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_frame.h - the headers of the client's UDP datagrams: written from a template of which only
 * lengths, ports, ids and the IPv4 checksum change, and read back from answers.
 */
#ifndef JACKDAW_PERF_BENCH_FRAME_H
#define JACKDAW_PERF_BENCH_FRAME_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <stdbool.h>

#include "dataplane/net/udp.h"

enum {
	FRAME_PORT_BASE = 20000,	      /* source port of the first connection, */
	FRAME_PORT_ASK = FRAME_PORT_BASE - 1, /* and of questions besides */
	FRAME_HEADERS = RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) +
			sizeof(struct rte_udp_hdr) + UDP_FRAME_LENGTH,
	FRAME_LENGTH_MIN = RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN,
};

struct frame_headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	struct udp_frame frame;
} __rte_packed __rte_aligned(2);

/* Where frames go: made once the server's MAC address is known. */
struct route {
	union {
		struct frame_headers headers;
		uint8_t bytes[64]; /* copied whole: what follows the headers is written after */
	} template;
	uint32_t ip_sum; /* of the template's IPv4 header without its length, not yet folded */
};

/* Addresses and ports in network byte order. */
void route_init(struct route *route, const struct rte_ether_addr *from_mac,
		const struct rte_ether_addr *to_mac, rte_be32_t from, rte_be32_t to,
		rte_be16_t to_port);

/*
 * Writes the headers for payload that ends at `end` (it begins FRAME_HEADERS bytes after the start
 * of the mbuf's data) and sets the mbuf's length. No UDP checksum: IPv4 allows that (RFC 768).
 * Writes over the first 14 bytes of payload: to be called before it is written, as frame_begin.
 */
static inline uint8_t *
frame_begin(const struct route *route, struct rte_mbuf *mbuf)
{
	uint8_t *bytes = rte_pktmbuf_mtod(mbuf, uint8_t *);

	memcpy(bytes, route->template.bytes, sizeof(route->template.bytes));
	return bytes + FRAME_HEADERS;
}

static inline void
frame_end(const struct route *route, struct rte_mbuf *mbuf, const uint8_t *end,
	  uint16_t source_port, uint16_t request_id)
{
	struct frame_headers *headers = rte_pktmbuf_mtod(mbuf, struct frame_headers *);
	uint16_t length = (uint16_t)(end - (const uint8_t *)headers);
	uint16_t ip_length = (uint16_t)(length - RTE_ETHER_HDR_LEN);
	uint32_t sum = route->ip_sum + rte_cpu_to_be_16(ip_length);

	/* RFC 1071: two folds, for two carries */
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	headers->ip.total_length = rte_cpu_to_be_16(ip_length);
	headers->ip.hdr_checksum = (uint16_t)~sum;
	headers->udp.src_port = rte_cpu_to_be_16(source_port);
	headers->udp.dgram_len =
		rte_cpu_to_be_16((uint16_t)(ip_length - sizeof(struct rte_ipv4_hdr)));
	headers->frame.request_id = rte_cpu_to_be_16(request_id);
	mbuf->data_len = RTE_MAX(length, (uint16_t)FRAME_LENGTH_MIN);
	mbuf->pkt_len = mbuf->data_len;
}

/* A datagram of memcached's to us, taken apart. */
struct frame_answer {
	const uint8_t *payload;
	uint16_t length;
	uint16_t port; /* ours; host order, as all here */
	uint16_t request_id;
	uint16_t sequence, total;
};

/* False if the frame is anything else. */
static inline bool
frame_read(const struct rte_mbuf *mbuf, rte_be32_t us, struct frame_answer *answer)
{
	const struct frame_headers *headers = rte_pktmbuf_mtod(mbuf, const struct frame_headers *);
	uint16_t length;

	if (mbuf->data_len < FRAME_HEADERS ||
	    headers->ether.ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
	    headers->ip.version_ihl != RTE_IPV4_VHL_DEF ||
	    headers->ip.next_proto_id != IPPROTO_UDP || headers->ip.dst_addr != us)
		return false;
	length = rte_be_to_cpu_16(headers->udp.dgram_len);
	if (length < sizeof(struct rte_udp_hdr) + UDP_FRAME_LENGTH ||
	    length > mbuf->data_len - RTE_ETHER_HDR_LEN - sizeof(struct rte_ipv4_hdr))
		return false;
	answer->payload = (const uint8_t *)(headers + 1);
	answer->length = (uint16_t)(length - sizeof(struct rte_udp_hdr) - UDP_FRAME_LENGTH);
	answer->port = rte_be_to_cpu_16(headers->udp.dst_port);
	answer->request_id = rte_be_to_cpu_16(headers->frame.request_id);
	answer->sequence = rte_be_to_cpu_16(headers->frame.sequence);
	answer->total = rte_be_to_cpu_16(headers->frame.total);
	return true;
}

#endif
