/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frames.h - builds frames for the tests: correct ones, which a test then spoils where it likes.
 */
#ifndef JACKDAW_TESTS_FRAMES_H
#define JACKDAW_TESTS_FRAMES_H

#include <arpa/inet.h>
#include <rte_arp.h>
#include <rte_eal.h>
#include <rte_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/net/udp.h"
#include "perf/eal_end.h"

#define FRAMES_US     RTE_BE32(0x0a4d0001) /* 10.77.0.1 */
#define FRAMES_CLIENT RTE_BE32(0x0a4d0002)
#define FRAMES_PORT   RTE_BE16(11211)

static const struct rte_ether_addr frames_us_mac = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct rte_ether_addr frames_client_mac = {{0x02, 0, 0, 0, 0, 0x02}};

struct frame {
	uint16_t length;
	uint16_t ip; /* offset of the IPv4 header */
	uint8_t bytes[2048];
};

struct frame_spec {
	unsigned int tags;	 /* VLAN tags, the outermost 802.1ad when there are two */
	unsigned int ip_options; /* bytes, a multiple of four */
	uint8_t protocol;	 /* of IPv4; 0: UDP */
	const void *payload;	 /* of UDP or ICMP */
	uint16_t length;
	bool without_checksum; /* UDP: checksum 0 */
};

/* EAL without hugepages or devices, and a pool: once a program. */
static inline struct rte_mempool *
frames_start(void)
{
	char *arguments[] = {"test",	       "--no-huge",   "--no-pci",	   "-m", "64",
			     "--no-telemetry", "--no-shconf", "--log-level=error", "-l", "0"};
	struct rte_mempool *pool = NULL;

	if (rte_eal_init(RTE_DIM(arguments), arguments) >= 0 && atexit(eal_end) == 0)
		pool = rte_pktmbuf_pool_create("frames", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					       SOCKET_ID_ANY);
	if (pool == NULL) {
		fprintf(stderr, "no packet buffers for the test\n");
		exit(2);
	}
	return pool;
}

#define FRAMES_US6	     address6("fd77::1")
#define FRAMES_US_LINK_LOCAL address6("fe80::ff:fe00:1") /* of frames_us_mac */
#define FRAMES_CLIENT6	     address6("fd77::2")
#define FRAMES_US_SOLICITED  address6("ff02::1:ff00:1") /* the group of both of ours */

static inline struct address
address6(const char *text)
{
	struct address address;

	if (inet_pton(AF_INET6, text, address.bytes) != 1)
		abort();
	return address;
}

static inline struct interface
frames_interface(void)
{
	return (struct interface){
		.ipv6 = true,
		.address6 = FRAMES_US6,
		.link_local6 = FRAMES_US_LINK_LOCAL,
		.subnet6 = {.network = address6("fd77::"),
			    .mask = address6("ffff:ffff:ffff:ffff::")},
		.mac = frames_us_mac,
		.address = FRAMES_US,
		.subnet = RTE_BE32(0x0a4d0000),
		.subnet_mask = RTE_BE32(0xffffff00),
		.udp_port = FRAMES_PORT,
		.tcp_port = FRAMES_PORT,
		.mtu = 1500,
	};
}

static inline void
frame_append(struct frame *frame, const void *bytes, size_t length)
{
	memcpy(frame->bytes + frame->length, bytes, length);
	frame->length = (uint16_t)(frame->length + length);
}

static inline void
frame_link(struct frame *frame, unsigned int tags, uint16_t ethertype)
{
	struct rte_ether_hdr ether = {.dst_addr = frames_us_mac, .src_addr = frames_client_mac};
	rte_be16_t type = rte_cpu_to_be_16(ethertype);

	memset(frame, 0, sizeof(*frame));
	frame_append(frame, &ether, sizeof(ether) - sizeof(type));
	for (unsigned int i = tags; i > 0; i--) {
		rte_be16_t tag[2] = {
			rte_cpu_to_be_16(i > 1 ? RTE_ETHER_TYPE_QINQ : RTE_ETHER_TYPE_VLAN),
			rte_cpu_to_be_16((uint16_t)(100 + i))};

		frame_append(frame, tag, sizeof(tag));
	}
	frame_append(frame, &type, sizeof(type));
	frame->ip = frame->length;
}

static inline struct rte_ipv4_hdr *
frame_ip(struct frame *frame)
{
	return (struct rte_ipv4_hdr *)(frame->bytes + frame->ip);
}

static inline void *
frame_l4(struct frame *frame)
{
	return (uint8_t *)frame_ip(frame) + rte_ipv4_hdr_len(frame_ip(frame));
}

/* Makes the IPv4 header checksum right again after a test has changed the header. */
static inline void
frame_fix_ip(struct frame *frame)
{
	struct rte_ipv4_hdr *ip = frame_ip(frame);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
}

static inline void
frame_ipv4(struct frame *frame, const struct frame_spec *spec, uint16_t payload)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = (uint8_t)(0x45 + spec->ip_options / 4),
		.total_length =
			rte_cpu_to_be_16((uint16_t)(sizeof(ip) + spec->ip_options + payload)),
		.time_to_live = 64,
		.next_proto_id = spec->protocol != 0 ? spec->protocol : IPPROTO_UDP,
		.src_addr = FRAMES_CLIENT,
		.dst_addr = FRAMES_US,
	};
	static const uint8_t options[40] = {[0 ... 38] = 1}; /* no-operation, end of list */

	frame_link(frame, spec->tags, RTE_ETHER_TYPE_IPV4);
	frame_append(frame, &ip, sizeof(ip));
	frame_append(frame, options + sizeof(options) - spec->ip_options, spec->ip_options);
	frame_fix_ip(frame);
}

static inline struct frame
frame_udp(struct frame_spec spec)
{
	struct rte_udp_hdr udp = {
		.src_port = RTE_BE16(4000),
		.dst_port = FRAMES_PORT,
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(udp) + spec.length)),
	};
	struct frame frame;

	frame_ipv4(&frame, &spec, (uint16_t)(sizeof(udp) + spec.length));
	frame_append(&frame, &udp, sizeof(udp));
	frame_append(&frame, spec.payload, spec.length);
	if (!spec.without_checksum)
		((struct rte_udp_hdr *)frame_l4(&frame))->dgram_cksum =
			rte_ipv4_udptcp_cksum(frame_ip(&frame), frame_l4(&frame));
	return frame;
}

/* A UDP frame whose payload is memcached's frame header and a text command. */
static inline struct frame
frame_command(const char *command)
{
	static uint8_t payload[1600];
	static const uint8_t header[UDP_FRAME_LENGTH] = {0x12, 0x34, 0, 0, 0, 1, 0, 0};

	memcpy(payload, header, sizeof(header));
	memcpy(payload + sizeof(header), command, strlen(command));
	return frame_udp((struct frame_spec){
		.payload = payload, .length = (uint16_t)(sizeof(header) + strlen(command))});
}

static inline struct frame
frame_echo(unsigned int tags, unsigned int ip_options, uint16_t payload)
{
	struct rte_icmp_hdr icmp = {.icmp_type = RTE_IP_ICMP_ECHO_REQUEST,
				    .icmp_ident = RTE_BE16(7),
				    .icmp_seq_nb = RTE_BE16(9)};
	struct frame_spec spec = {.tags = tags, .ip_options = ip_options, .protocol = IPPROTO_ICMP};
	struct frame frame;
	struct rte_icmp_hdr *at;

	frame_ipv4(&frame, &spec, (uint16_t)(sizeof(icmp) + payload));
	at = frame_l4(&frame);
	frame_append(&frame, &icmp, sizeof(icmp));
	for (uint16_t i = 0; i < payload; i++)
		frame_append(&frame, &(uint8_t){(uint8_t)i}, 1);
	at->icmp_cksum = (uint16_t)~rte_raw_cksum(at, sizeof(icmp) + payload);
	return frame;
}

static inline struct frame
frame_arp(uint16_t operation, rte_be32_t sender, rte_be32_t target)
{
	struct rte_arp_hdr arp = {
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = RTE_ETHER_ADDR_LEN,
		.arp_plen = sizeof(rte_be32_t),
		.arp_opcode = rte_cpu_to_be_16(operation),
		.arp_data = {.arp_sha = frames_client_mac, .arp_sip = sender, .arp_tip = target},
	};
	struct frame frame;

	frame_link(&frame, 0, RTE_ETHER_TYPE_ARP);
	frame_append(&frame, &arp, sizeof(arp));
	memset(frame.bytes, 0xff, RTE_ETHER_ADDR_LEN);
	return frame;
}

/* --- IPv6 --------------------------------------------------------------------------------- */

struct frame6_spec {
	struct address from, to; /* unset: the client, our global one */
	unsigned int tags;
	const void *extensions; /* headers between IPv6's and the payload */
	uint16_t extensions_length;
	uint8_t first;	  /* next header of IPv6's, if there are extensions */
	uint8_t protocol; /* of the payload */
	uint8_t hops;	  /* 0: 64 */
	const void *payload;
	uint16_t length;
	int checksum_at; /* offset in the payload of the checksum to be filled in; 0: none */
};

static inline struct rte_ipv6_hdr *
frame_ip6(struct frame *frame)
{
	return (struct rte_ipv6_hdr *)(frame->bytes + frame->ip);
}

/* The checksum over the last `length` bytes and the pseudo-header, by the words of RFC 8200, 8.1. */
static inline void
frame6_fix(struct frame *frame, uint8_t protocol, uint16_t length, int checksum_at)
{
	uint8_t *payload = frame->bytes + frame->length - length;
	const uint8_t *addresses = frame_ip6(frame)->src_addr;
	uint32_t sum = (uint32_t)length + protocol;

	payload[checksum_at] = payload[checksum_at + 1] = 0;
	for (unsigned int i = 0; i < 32; i += 2)
		sum += (uint32_t)addresses[i] << 8 | addresses[i + 1];
	for (unsigned int i = 0; i < length; i++)
		sum += i % 2 == 0 ? (uint32_t)payload[i] << 8 : payload[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	if (sum == 0 && protocol == IPPROTO_UDP)
		sum = 0xffff;
	payload[checksum_at] = (uint8_t)(sum >> 8);
	payload[checksum_at + 1] = (uint8_t)sum;
}

static inline struct frame
frame6(struct frame6_spec spec)
{
	static const struct address unset;
	struct address from = address_equal(&spec.from, &unset) ? FRAMES_CLIENT6 : spec.from;
	struct address to = address_equal(&spec.to, &unset) ? FRAMES_US6 : spec.to;
	struct rte_ipv6_hdr ip = {
		.vtc_flow = RTE_BE32(6U << 28 | 0x12345),
		.payload_len = rte_cpu_to_be_16((uint16_t)(spec.extensions_length + spec.length)),
		.proto = spec.extensions_length != 0 ? spec.first : spec.protocol,
		.hop_limits = spec.hops != 0 ? spec.hops : 64,
	};
	struct frame frame;

	memcpy(ip.src_addr, from.bytes, sizeof(ip.src_addr));
	memcpy(ip.dst_addr, to.bytes, sizeof(ip.dst_addr));
	frame_link(&frame, spec.tags, RTE_ETHER_TYPE_IPV6);
	if (address_is_multicast6(&to)) {
		memset(frame.bytes, 0x33, 2);
		memcpy(frame.bytes + 2, to.bytes + 12, 4);
	}
	frame_append(&frame, &ip, sizeof(ip));
	if (spec.extensions_length != 0)
		frame_append(&frame, spec.extensions, spec.extensions_length);
	frame_append(&frame, spec.payload, spec.length);
	if (spec.checksum_at != 0)
		frame6_fix(&frame, spec.protocol, spec.length, spec.checksum_at);
	return frame;
}

/* A datagram from port 4000 to ours; spec says what is around it. */
static inline struct frame
frame6_udp(struct frame6_spec spec, const void *payload, uint16_t length)
{
	uint8_t datagram[1600];
	struct rte_udp_hdr udp = {
		.src_port = RTE_BE16(4000),
		.dst_port = FRAMES_PORT,
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(udp) + length)),
	};

	memcpy(datagram, &udp, sizeof(udp));
	memcpy(datagram + sizeof(udp), payload, length);
	spec.protocol = IPPROTO_UDP;
	spec.payload = datagram;
	spec.length = (uint16_t)(sizeof(udp) + length);
	spec.checksum_at = offsetof(struct rte_udp_hdr, dgram_cksum);
	return frame6(spec);
}

/* An ICMPv6 message with its checksum right. */
static inline struct frame
frame6_icmp(struct frame6_spec spec, const void *message, uint16_t length)
{
	spec.protocol = IPPROTO_ICMPV6;
	spec.payload = message;
	spec.length = length;
	spec.checksum_at = 2;
	return frame6(spec);
}

static inline struct rte_mbuf *
frame_mbuf(struct rte_mempool *pool, const struct frame *frame)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(mbuf, frame->length), frame->bytes, frame->length);
	return mbuf;
}

#endif
