/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP segments up to TCP's door, and ICMP about those that we sent; over IPv4 and IPv6. */
#include <rte_tcp.h>

#include "tests/net/frames.h"
#include "tests/suite.h"

static struct rte_mempool *pool;

static enum verdict
take_apart(const struct interface *interface, const struct frame *frame, struct packet *packet)
{
	if (pool == NULL)
		pool = frames_start();
	return net_input(interface, frame_mbuf(pool, frame), packet);
}

static void
dropped(const struct frame *frame, enum net_drop cause)
{
	struct interface interface = frames_interface();
	struct packet packet;

	CU_ASSERT_EQUAL_FATAL(take_apart(&interface, frame, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, cause);
	rte_pktmbuf_free(packet.mbuf);
}

struct segment {
	struct rte_tcp_hdr tcp;
	uint8_t rest[12]; /* options, data */
};

static struct segment
good_segment(void)
{
	return (struct segment){.tcp = {.src_port = RTE_BE16(4000),
					.dst_port = FRAMES_PORT,
					.data_off = (sizeof(struct rte_tcp_hdr) + 8) / 4 << 4},
				.rest = "\1\1\1\1\1\1\1\0data"};
}

static struct frame
frame_of(const struct segment *segment, bool ipv6, uint16_t length)
{
	struct frame_spec spec = {.protocol = IPPROTO_TCP};
	struct frame frame;

	if (ipv6)
		return frame6((struct frame6_spec){
			.protocol = IPPROTO_TCP,
			.payload = segment,
			.length = length,
			.checksum_at = length >= sizeof(struct rte_tcp_hdr) ? 16 : 0});
	frame_ipv4(&frame, &spec, length);
	frame_append(&frame, segment, length);
	if (length >= sizeof(struct rte_tcp_hdr))
		((struct rte_tcp_hdr *)frame_l4(&frame))->cksum =
			rte_ipv4_udptcp_cksum(frame_ip(&frame), frame_l4(&frame));
	return frame;
}

static void
segments_reach_tcp(void)
{
	struct interface interface = frames_interface();
	struct segment segment = good_segment();
	struct packet packet;

	for (unsigned int ipv6 = 0; ipv6 <= 1; ipv6++) {
		struct frame frame = frame_of(&segment, ipv6 != 0, sizeof(segment));

		CU_ASSERT_EQUAL_FATAL(take_apart(&interface, &frame, &packet), VERDICT_SEGMENT);
		CU_ASSERT_EQUAL(packet.ipv6, ipv6 != 0);
		CU_ASSERT_EQUAL(packet.payload_length, sizeof(segment));
		CU_ASSERT_EQUAL(memcmp(packet.payload + 20, segment.rest, 12), 0);
		CU_ASSERT_EQUAL(packet.source_port, RTE_BE16(4000));
		CU_ASSERT_EQUAL(packet.destination_port, FRAMES_PORT);
		CU_ASSERT_EQUAL(address_is_ipv4(&packet.source), ipv6 == 0);
		rte_pktmbuf_free(packet.mbuf);
	}
}

static void
spoiled(const struct segment *segment, enum net_drop cause)
{
	struct frame frame = frame_of(segment, false, sizeof(*segment));

	dropped(&frame, cause);
	frame = frame_of(segment, true, sizeof(*segment));
	dropped(&frame, cause);
}

static void
faults_of_tcp(void)
{
	struct segment segment = good_segment();

	for (uint16_t length = 0; length < 28; length++) {
		for (unsigned int ipv6 = 0; ipv6 <= 1; ipv6++) {
			struct frame frame = frame_of(&segment, ipv6 != 0, length);

			dropped(&frame, NET_DROP_tcp_truncated);
		}
	}
	for (unsigned int ipv6 = 0; ipv6 <= 1; ipv6++) {
		struct frame frame = frame_of(&segment, ipv6 != 0, sizeof(segment));

		frame.bytes[frame.length - 1] ^= 1;
		dropped(&frame, NET_DROP_tcp_checksum);
	}
	segment.tcp.data_off = 4 << 4;
	spoiled(&segment, NET_DROP_tcp_truncated);
	segment.tcp.data_off = 9 << 4;
	spoiled(&segment, NET_DROP_tcp_truncated);
	segment = good_segment();
	segment.tcp.dst_port = RTE_BE16(80);
	spoiled(&segment, NET_DROP_tcp_port);
	segment = good_segment();
	segment.tcp.src_port = 0;
	spoiled(&segment, NET_DROP_tcp_port);
}

static void
allow_of_tcp_is_its_own(void)
{
	struct interface interface = frames_interface();
	struct segment segment = good_segment();
	struct packet packet;

	interface.tcp_allow.count = 1;
	interface.tcp_allow.prefix[0] =
		(struct prefix){FRAMES_CLIENT6, address6("ffff:ffff:ffff:ffff::")};
	for (unsigned int ipv6 = 0; ipv6 <= 1; ipv6++) {
		struct frame frame = frame_of(&segment, ipv6 != 0, sizeof(segment));

		interface.tcp_allow.prefix[0].network = address6("fd77::");
		CU_ASSERT_EQUAL(take_apart(&interface, &frame, &packet),
				ipv6 != 0 ? VERDICT_SEGMENT : VERDICT_DROP);
		CU_ASSERT(ipv6 != 0 || packet.drop == NET_DROP_tcp_not_allowed);
		rte_pktmbuf_free(packet.mbuf);
		interface.tcp_allow.prefix[0].network = address6("fd78::");
		CU_ASSERT_EQUAL(take_apart(&interface, &frame, &packet), VERDICT_DROP);
		CU_ASSERT_EQUAL(packet.drop, NET_DROP_tcp_not_allowed);
		rte_pktmbuf_free(packet.mbuf);
	}
}

/* --- too big ------------------------------------------------------------------------------ */

struct too_big4 {
	struct rte_icmp_hdr icmp; /* its sequence number is where the MTU is */
	struct rte_ipv4_hdr ip;
	uint8_t tcp[8];
};

static struct too_big4
good_too_big4(void)
{
	return (struct too_big4){
		.icmp = {.icmp_type = 3, .icmp_code = 4, .icmp_seq_nb = RTE_BE16(1280)},
		.ip = {.version_ihl = 0x45,
		       .total_length = RTE_BE16(1500),
		       .next_proto_id = IPPROTO_TCP,
		       .src_addr = FRAMES_US,
		       .dst_addr = FRAMES_CLIENT},
		.tcp = "12345678"};
}

static struct frame
frame_of4(const struct too_big4 *told, uint16_t length)
{
	struct frame_spec spec = {.protocol = IPPROTO_ICMP};
	struct rte_icmp_hdr *icmp;
	struct frame frame;

	frame_ipv4(&frame, &spec, length);
	frame_append(&frame, told, length);
	icmp = frame_l4(&frame);
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, length);
	return frame;
}

static void
spoiled4(const struct too_big4 *told)
{
	struct frame frame = frame_of4(told, sizeof(*told));

	dropped(&frame, NET_DROP_icmp_malformed);
}

static void
too_big_over_ipv4(void)
{
	struct interface interface = frames_interface();
	struct too_big4 told = good_too_big4();
	struct frame frame = frame_of4(&told, sizeof(told));
	struct packet packet;

	CU_ASSERT_EQUAL_FATAL(take_apart(&interface, &frame, &packet), VERDICT_TOO_BIG);
	CU_ASSERT_EQUAL(packet.mtu, 1280);
	CU_ASSERT_EQUAL(packet.payload_length, sizeof(told.ip) + sizeof(told.tcp));
	CU_ASSERT_EQUAL(memcmp(packet.payload, &told.ip, sizeof(told.ip) + sizeof(told.tcp)), 0);
	rte_pktmbuf_free(packet.mbuf);
	for (size_t length = 8; length < sizeof(told); length++) {
		frame = frame_of4(&told, length);
		dropped(&frame, NET_DROP_icmp_malformed);
	}
	told.icmp.icmp_seq_nb = RTE_BE16(67);
	spoiled4(&told);
	told = good_too_big4();
	told.ip.src_addr = FRAMES_CLIENT;
	spoiled4(&told);
	told = good_too_big4();
	told.ip.next_proto_id = IPPROTO_UDP;
	spoiled4(&told);
	told = good_too_big4();
	told.ip.version_ihl = 0x65;
	spoiled4(&told);
	told.ip.version_ihl = 0x44;
	spoiled4(&told);
	told.ip.version_ihl = 0x46; /* options that leave too little of TCP */
	spoiled4(&told);
	told = good_too_big4();
	told.ip.fragment_offset = RTE_BE16(1);
	spoiled4(&told);
	told = good_too_big4();
	told.icmp.icmp_code = 3;
	frame = frame_of4(&told, sizeof(told));
	dropped(&frame, NET_DROP_icmp_type);
}

struct too_big6 {
	uint8_t type, code, checksum[2];
	rte_be32_t mtu;
	struct rte_ipv6_hdr ip;
	uint8_t tcp[8];
};

static struct too_big6
good_too_big6(void)
{
	struct address us = FRAMES_US6, client = FRAMES_CLIENT6;
	struct too_big6 told = {.type = 2,
				.mtu = RTE_BE32(1400),
				.ip = {.vtc_flow = RTE_BE32(6U << 28), .proto = IPPROTO_TCP},
				.tcp = "12345678"};

	memcpy(told.ip.src_addr, us.bytes, 16);
	memcpy(told.ip.dst_addr, client.bytes, 16);
	return told;
}

static void
spoiled6(const struct too_big6 *told)
{
	struct frame frame = frame6_icmp((struct frame6_spec){0}, told, sizeof(*told));

	dropped(&frame, NET_DROP_icmp_malformed);
}

static void
too_big_over_ipv6(void)
{
	struct interface interface = frames_interface();
	struct too_big6 told = good_too_big6();
	struct frame frame;
	struct packet packet;

	/* by a router that we know nothing of */
	frame = frame6_icmp((struct frame6_spec){.from = address6("2001:db8::1")}, &told,
			    sizeof(told));
	CU_ASSERT_EQUAL_FATAL(take_apart(&interface, &frame, &packet), VERDICT_TOO_BIG);
	CU_ASSERT_EQUAL(packet.mtu, 1400);
	CU_ASSERT_EQUAL(packet.payload_length, sizeof(told.ip) + sizeof(told.tcp));
	CU_ASSERT_EQUAL(memcmp(packet.payload, &told.ip, sizeof(told.ip) + sizeof(told.tcp)), 0);
	rte_pktmbuf_free(packet.mbuf);
	told.mtu = RTE_BE32(0x10500);
	frame = frame6_icmp((struct frame6_spec){0}, &told, sizeof(told));
	CU_ASSERT_EQUAL_FATAL(take_apart(&interface, &frame, &packet), VERDICT_TOO_BIG);
	CU_ASSERT_EQUAL(packet.mtu, UINT16_MAX);
	rte_pktmbuf_free(packet.mbuf);
	for (size_t length = 8; length < sizeof(told); length++) {
		frame = frame6_icmp((struct frame6_spec){0}, &told, length);
		dropped(&frame, NET_DROP_icmp_malformed);
	}
	told.mtu = RTE_BE32(1279); /* RFC 8201, 4: no link of IPv6 is narrower */
	spoiled6(&told);
	told = good_too_big6();
	told.ip.src_addr[15] ^= 4;
	spoiled6(&told);
	told = good_too_big6();
	told.ip.proto = IPPROTO_UDP;
	spoiled6(&told);
	told = good_too_big6();
	told.ip.vtc_flow = RTE_BE32(4U << 28);
	spoiled6(&told);
}

static void
no_buffer_is_lost(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

SUITE("segments", TEST(segments_reach_tcp), TEST(faults_of_tcp), TEST(allow_of_tcp_is_its_own),
      TEST(too_big_over_ipv4), TEST(too_big_over_ipv6), TEST(no_buffer_is_lost))
