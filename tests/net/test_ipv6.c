/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6: what gets through, and every way to be malformed; UDP over it; ICMPv6 but for neighbours. */
#include "dataplane/net/ipv6.h"
#include "tests/net/frames.h"
#include "tests/suite.h"

static struct rte_mempool *pool;

static enum verdict
take_apart(const struct frame *frame, struct packet *packet)
{
	struct interface interface = frames_interface();

	if (pool == NULL)
		pool = frames_start();
	return net_input(&interface, frame_mbuf(pool, frame), packet);
}

/* Asserts that the frame is dropped for this cause and no other. */
static void
dropped(const struct frame *frame, enum net_drop cause)
{
	struct packet packet;

	CU_ASSERT_EQUAL_FATAL(take_apart(frame, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, cause);
	rte_pktmbuf_free(packet.mbuf);
}

static struct frame
datagram(void)
{
	return frame6_udp((struct frame6_spec){0}, "12345678x", 9);
}

/* --- the header --------------------------------------------------------------------------- */

static void
a_datagram_is_taken_apart(void)
{
	const struct address client = FRAMES_CLIENT6, us = FRAMES_US6;
	struct packet packet;

	for (unsigned int tags = 0; tags <= 2; tags++) {
		struct frame frame =
			frame6_udp((struct frame6_spec){.tags = tags}, "12345678xy", 10);

		frame_append(&frame, "padding", 7);
		CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_DATAGRAM);
		CU_ASSERT_EQUAL(packet.payload_length, 10);
		CU_ASSERT_EQUAL(memcmp(packet.payload, "12345678xy", 10), 0);
		CU_ASSERT_EQUAL(packet.tags_length, 4 * tags);
		CU_ASSERT(packet.ipv6);
		CU_ASSERT(address_equal(&packet.source, &client));
		CU_ASSERT(address_equal(&packet.destination, &us));
		CU_ASSERT_EQUAL(packet.source_port, RTE_BE16(4000));
		rte_pktmbuf_free(packet.mbuf);
	}
}

static void
without_ipv6_there_is_none(void)
{
	struct interface interface = frames_interface();
	struct frame frame = datagram();
	struct packet packet;

	interface.ipv6 = false;
	CU_ASSERT_EQUAL(net_input(&interface, frame_mbuf(pool, &frame), &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, NET_DROP_ethertype);
	rte_pktmbuf_free(packet.mbuf);
	frame.bytes[0] = frame.bytes[1] = 0x33;
	CU_ASSERT_EQUAL(net_input(&interface, frame_mbuf(pool, &frame), &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, NET_DROP_frame_not_ours);
	rte_pktmbuf_free(packet.mbuf);
}

static const uint8_t pads[] = {IPPROTO_DSTOPTS,
			       0,
			       1,
			       4,
			       0,
			       0,
			       0,
			       0, /* hop-by-hop: PadN */
			       IPPROTO_UDP,
			       1,
			       0,
			       0,
			       0,
			       0,
			       0,
			       0, /* destination: Pad1 … */
			       0x1e,
			       6,
			       1,
			       2,
			       3,
			       4,
			       5,
			       6}; /* and one to be skipped */

static void
every_truncation_is_dropped(void)
{
	struct frame whole = frame6_udp((struct frame6_spec){.tags = 2,
							     .extensions = pads,
							     .extensions_length = sizeof(pads),
							     .first = IPPROTO_HOPOPTS},
					"12345678get k\r\n", 15);
	struct packet packet;

	CU_ASSERT_EQUAL(take_apart(&whole, &packet), VERDICT_DATAGRAM);
	rte_pktmbuf_free(packet.mbuf);
	for (uint16_t length = 0; length < whole.length; length++) {
		struct frame stump = whole;

		stump.length = length;
		CU_ASSERT_EQUAL(take_apart(&stump, &packet), VERDICT_DROP);
		CU_ASSERT(packet.drop == NET_DROP_frame_truncated ||
			  packet.drop == NET_DROP_ip_truncated);
		rte_pktmbuf_free(packet.mbuf);
	}
	/* the same with IPv6's length cut short instead of the frame: the layers inside notice */
	for (uint16_t length = 0; length + 40 < whole.length - whole.ip; length++) {
		struct frame stump = whole;

		frame_ip6(&stump)->payload_len = rte_cpu_to_be_16(length);
		CU_ASSERT_EQUAL(take_apart(&stump, &packet), VERDICT_DROP);
		CU_ASSERT(packet.drop == NET_DROP_ip_extension ||
			  packet.drop == NET_DROP_udp_length);
		rte_pktmbuf_free(packet.mbuf);
	}
}

static void
faults_of_the_header(void)
{
	struct frame frame = datagram();

	frame.bytes[frame.ip] = 0x45;
	dropped(&frame, NET_DROP_ip_header);
	frame = datagram();
	frame_ip6(&frame)->payload_len = RTE_BE16(18);
	dropped(&frame, NET_DROP_ip_truncated);
	frame = datagram();
	frame_ip6(&frame)->payload_len = 0; /* a jumbogram, if anything */
	dropped(&frame, NET_DROP_udp_length);
	frame = datagram();
	frame_ip6(&frame)->proto = 132;
	dropped(&frame, NET_DROP_ip_protocol);
	frame = datagram();
	frame_ip6(&frame)->proto = IPPROTO_NONE;
	dropped(&frame, NET_DROP_ip_protocol);
}

static void
addressed(const char *from, const char *to, enum net_drop cause)
{
	struct frame6_spec spec = {.from = address6(from), .to = address6(to)};
	struct frame frame = frame6_udp(spec, "12345678x", 9);

	memcpy(frame.bytes, &frames_us_mac, sizeof(frames_us_mac));
	dropped(&frame, cause);
}

static void
addresses_that_are_not_answered(void)
{
	struct frame frame = datagram();

	addressed("fd77::2", "fd77::3", NET_DROP_ip_not_ours);
	addressed("fd77::2", "ff02::1", NET_DROP_ip_not_ours);
	addressed("fd77::2", "ff02::1:ff00:1", NET_DROP_ip_not_ours);
	addressed("fd77::2", "::1", NET_DROP_ip_not_ours);
	addressed("ff02::1", "fd77::1", NET_DROP_ip_source);
	addressed("::1", "fd77::1", NET_DROP_ip_source);
	addressed("fd77::1", "fd77::1", NET_DROP_ip_source);
	addressed("fe80::ff:fe00:1", "fd77::1", NET_DROP_ip_source);
	/* an IPv4 client's address, in the guise of which limits and prefixes would be met */
	addressed("::ffff:10.77.0.2", "fd77::1", NET_DROP_ip_source);
	/* (:: is for neighbour discovery alone) */
	frame = frame6_udp((struct frame6_spec){0}, "12345678x", 9);
	memset(frame_ip6(&frame)->src_addr, 0, 16);
	dropped(&frame, NET_DROP_ip_source);
	/* a frame to many hosts with one of them as its target */
	frame = datagram();
	memcpy(frame.bytes, "\x33\x33\0\0\0\1", 6);
	dropped(&frame, NET_DROP_ip_not_ours);
	frame = datagram();
	memset(frame.bytes, 0xff, 6);
	dropped(&frame, NET_DROP_ip_not_ours);
	/* groups that we are not in */
	frame = datagram();
	memcpy(frame.bytes, "\x33\x33\xff\0\0\2", 6);
	dropped(&frame, NET_DROP_frame_not_ours);
	memcpy(frame.bytes, "\x33\x33\0\0\0\2", 6);
	dropped(&frame, NET_DROP_frame_not_ours);
}

/* --- extension headers -------------------------------------------------------------------- */

static struct frame
extended(uint8_t first, const void *extensions, uint16_t length)
{
	return frame6_udp((struct frame6_spec){.extensions = extensions,
					       .extensions_length = length,
					       .first = first},
			  "12345678x", 9);
}

static void
bad_extension(uint8_t first, const void *extensions, uint16_t length, enum net_drop cause)
{
	struct frame frame = extended(first, extensions, length);

	dropped(&frame, cause);
}

static void
options_are_skipped(void)
{
	struct frame frame = extended(IPPROTO_HOPOPTS, pads, sizeof(pads));
	struct packet packet;

	CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_DATAGRAM);
	CU_ASSERT_EQUAL(packet.payload_length, 9);
	rte_pktmbuf_free(packet.mbuf);
}

static void
faults_of_extension_headers(void)
{
	static const uint8_t chain[] = {
		IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0, IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0,
		IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0, IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0,
		IPPROTO_UDP,	 0, 1, 4, 0, 0, 0, 0};
	static const uint8_t late[] = {IPPROTO_HOPOPTS, 0, 1, 4, 0, 0, 0, 0,
				       IPPROTO_UDP,	0, 1, 4, 0, 0, 0, 0};
	static const uint8_t too_long[] = {IPPROTO_UDP, 255, 1, 4, 0, 0, 0, 0};
	static const uint8_t overrun[] = {IPPROTO_UDP, 0, 1, 5, 0, 0, 0, 0};
	static const uint8_t stump[] = {IPPROTO_UDP, 0, 1, 3, 0, 0, 0, 1};
	static const uint8_t jumbo[] = {IPPROTO_UDP, 0, 0xc2, 4, 0, 1, 0, 0};
	static const uint8_t unknown[] = {IPPROTO_UDP, 0, 0x40, 4, 0, 0, 0, 0};
	static const uint8_t fragment[] = {IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 7};
	static const uint8_t routing[] = {IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 0};

	bad_extension(IPPROTO_DSTOPTS, chain, sizeof(chain), NET_DROP_ip_extension);
	bad_extension(IPPROTO_DSTOPTS, late, sizeof(late), NET_DROP_ip_extension);
	bad_extension(IPPROTO_HOPOPTS, late, sizeof(late), NET_DROP_ip_extension);
	bad_extension(IPPROTO_DSTOPTS, too_long, sizeof(too_long), NET_DROP_ip_extension);
	bad_extension(IPPROTO_DSTOPTS, overrun, sizeof(overrun), NET_DROP_ip_extension);
	bad_extension(IPPROTO_HOPOPTS, stump, sizeof(stump), NET_DROP_ip_extension);
	bad_extension(IPPROTO_HOPOPTS, jumbo, sizeof(jumbo), NET_DROP_ip_extension);
	bad_extension(IPPROTO_DSTOPTS, unknown, sizeof(unknown), NET_DROP_ip_extension);
	bad_extension(IPPROTO_FRAGMENT, fragment, sizeof(fragment), NET_DROP_ip_fragment);
	bad_extension(IPPROTO_ROUTING, routing, sizeof(routing), NET_DROP_ip_routing);
}

/* --- UDP ---------------------------------------------------------------------------------- */

static void
faults_of_udp(void)
{
	struct frame frame = datagram();
	size_t at = frame.ip + sizeof(struct rte_ipv6_hdr);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame.bytes + at);

	udp->dgram_cksum ^= 1;
	dropped(&frame, NET_DROP_udp_checksum);
	udp->dgram_cksum = 0; /* which over IPv4 says that there is none */
	dropped(&frame, NET_DROP_udp_checksum);
	frame = datagram();
	frame_ip6(&frame)->src_addr[15] ^= 4; /* the pseudo-header counts */
	dropped(&frame, NET_DROP_udp_checksum);
	frame = datagram();
	udp->dgram_len = RTE_BE16(16);
	dropped(&frame, NET_DROP_udp_length);
	frame = datagram();
	udp->dst_port = RTE_BE16(53);
	dropped(&frame, NET_DROP_udp_port);
	frame = frame6_udp((struct frame6_spec){.from = address6("fd78::2")}, "12345678x", 9);
	dropped(&frame, NET_DROP_udp_not_allowed);
}

static bool
is_allowed(const struct interface *interface, const char *from)
{
	struct frame frame =
		frame6_udp((struct frame6_spec){.from = address6(from)}, "12345678x", 9);
	struct packet packet;
	enum verdict verdict = net_input(interface, frame_mbuf(pool, &frame), &packet);

	CU_ASSERT(verdict == VERDICT_DATAGRAM || packet.drop == NET_DROP_udp_not_allowed);
	rte_pktmbuf_free(packet.mbuf);
	return verdict == VERDICT_DATAGRAM;
}

static void
allow_lists_prefixes_of_both_families(void)
{
	struct interface interface = frames_interface();

	CU_ASSERT(is_allowed(&interface, "fd77::ffff"));
	CU_ASSERT(is_allowed(&interface, "fe80::1"));
	CU_ASSERT_FALSE(is_allowed(&interface, "fd77:0:0:1::2"));
	interface.udp_allow.count = 2;
	interface.udp_allow.prefix[0] =
		(struct prefix){address_ipv4(0), address6("ffff:ffff:ffff:ffff:ffff:ffff::")};
	interface.udp_allow.prefix[1] =
		(struct prefix){address6("2001:db8::"), address6("ffff:ffff::")};
	CU_ASSERT_FALSE(is_allowed(&interface, "fd77::2"));
	CU_ASSERT_FALSE(is_allowed(&interface, "fe80::1"));
	CU_ASSERT(is_allowed(&interface, "2001:db8:1::9"));
	CU_ASSERT_FALSE(is_allowed(&interface, "2001:db9::"));
	interface.udp_allow.prefix[1] = (struct prefix){.mask = {.words = {0}}}; /* ::/0 */
	CU_ASSERT(is_allowed(&interface, "2001:db9::"));
}

/* The whole frame of an answer, as the client's kernel would look at it. */
static void
check_answer(const struct rte_mbuf *mbuf, const struct address *from, unsigned int tags)
{
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(
		mbuf, const struct rte_ipv6_hdr *, 14 + tags * sizeof(struct rte_vlan_hdr));
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	const struct address client = FRAMES_CLIENT6;
	size_t length = mbuf->data_len - 14U - tags * 4 - sizeof(*ip);
	uint32_t sum = ipv6_pseudo_sum(ip, IPPROTO_UDP, (uint16_t)length);

	CU_ASSERT_EQUAL(((const uint8_t *)ip)[0], 0x60);
	CU_ASSERT_EQUAL(((const uint8_t *)ip)[-2], 0x86);
	CU_ASSERT_EQUAL(((const uint8_t *)ip)[-1], 0xdd);
	CU_ASSERT_EQUAL(rte_be_to_cpu_16(ip->payload_len), length);
	CU_ASSERT_EQUAL(rte_be_to_cpu_16(udp->dgram_len), length);
	CU_ASSERT_EQUAL(memcmp(ip->src_addr, from->bytes, 16), 0);
	CU_ASSERT_EQUAL(memcmp(ip->dst_addr, client.bytes, 16), 0);
	CU_ASSERT_EQUAL(udp->dst_port, RTE_BE16(4000));
	CU_ASSERT_EQUAL(udp->src_port, FRAMES_PORT);
	CU_ASSERT_NOT_EQUAL(udp->dgram_cksum, 0);
	CU_ASSERT_EQUAL(__rte_raw_cksum_reduce(sum + rte_raw_cksum(udp, length)), 0xffff);
}

/* An answer over several datagrams, the first in the question's place; to either of our addresses. */
static void
answers_go_back_the_way_they_came(void)
{
	const struct address ours[] = {FRAMES_US6, FRAMES_US_LINK_LOCAL};
	struct interface interface = frames_interface();
	struct udp_message message;
	uint8_t *at, *limit;

	for (unsigned int i = 0; i < 4; i++) {
		const struct address *to = &ours[i % 2];
		struct frame frame = frame6_udp((struct frame6_spec){.to = *to, .tags = i / 2},
						"\x12\x34\0\0\0\1\0\0get k\r\n", 15);

		interface.mtu = i == 3 ? IPV6_MTU_MIN : 1500;
		CU_ASSERT_EQUAL_FATAL(
			net_input(&interface, frame_mbuf(pool, &frame), &message.packet),
			VERDICT_DATAGRAM);
		CU_ASSERT_EQUAL(udp_message_open(&message, &interface, pool), VERDICT_DATAGRAM);
		at = udp_message_begin(&message, true, &limit);
		CU_ASSERT_EQUAL(limit - at, i == 3 ? IPV6_MTU_MIN - 40 - 8 - 8 : 1400 - 8);
		memset(at, 'a', (size_t)(limit - at));
		at = udp_message_extend(&message, &limit);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		memset(at, 'b', 3);
		udp_message_close(&message, at + 3);
		CU_ASSERT_EQUAL(message.datagrams, 2);
		check_answer(message.first, to, i / 2);
		CU_ASSERT(message.first->data_len <= interface.mtu + 14U + 4 * (i / 2));
		check_answer(message.first->next, to, i / 2);
		udp_message_abandon(&message);
		rte_pktmbuf_free(message.packet.mbuf);
	}
}

/* --- ICMPv6 ------------------------------------------------------------------------------- */

static void
echo_is_answered(const char *from, const char *to, const char *answerer)
{
	static const uint8_t question[] = {128, 0, 0, 0, 0, 7, 0, 9, 'a', 'b', 'c'};
	struct frame frame =
		frame6_icmp((struct frame6_spec){.from = address6(from), .to = address6(to)},
			    question, sizeof(question));
	const struct address us = address6(answerer), peer = address6(from);
	const struct rte_ipv6_hdr *ip;
	struct packet packet, read;
	uint8_t protocol;

	CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_ANSWERED);
	ip = rte_pktmbuf_mtod_offset(packet.mbuf, const struct rte_ipv6_hdr *, 14);
	CU_ASSERT_EQUAL(packet.mbuf->data_len, 14 + 40 + sizeof(question));
	read.payload = (uint8_t *)(uintptr_t)ip;
	read.payload_length = (uint16_t)(packet.mbuf->data_len - 14);
	CU_ASSERT_FATAL(ipv6_take_header(&read, &protocol));
	CU_ASSERT(address_equal(&read.source, &us));
	CU_ASSERT(address_equal(&read.destination, &peer));
	CU_ASSERT(packet_checksum_good(&read, IPPROTO_ICMPV6));
	CU_ASSERT_EQUAL(read.payload[0], ICMPV6_ECHO_REPLY);
	CU_ASSERT_EQUAL(memcmp(read.payload + 4, question + 4, sizeof(question) - 4), 0);
	CU_ASSERT(rte_is_same_ether_addr(rte_pktmbuf_mtod(packet.mbuf, struct rte_ether_addr *),
					 &frames_client_mac));
	rte_pktmbuf_free(packet.mbuf);
}

static void
echo(void)
{
	echo_is_answered("fd77::2", "fd77::1", "fd77::1");
	echo_is_answered("fe80::2", "fe80::ff:fe00:1", "fe80::ff:fe00:1");
	/* a group's answer is by one of us, of the asker's scope */
	echo_is_answered("fe80::2", "ff02::1", "fe80::ff:fe00:1");
	echo_is_answered("fd77::2", "ff02::1", "fd77::1");
}

static void
faults_of_icmpv6(void)
{
	static const uint8_t question[] = {128, 0, 0, 0, 0, 7, 0, 9}, report[] = {131, [27] = 0};
	struct frame frame = frame6_icmp((struct frame6_spec){0}, question, sizeof(question));

	frame.bytes[frame.length - 1] ^= 1;
	dropped(&frame, NET_DROP_icmp_checksum);
	frame = frame6_icmp((struct frame6_spec){0}, question, 7);
	dropped(&frame, NET_DROP_icmp_malformed);
	frame = frame6_icmp((struct frame6_spec){0}, report, sizeof(report));
	dropped(&frame, NET_DROP_icmp_type);
	frame = frame6_icmp((struct frame6_spec){.to = address6("ff02::2")}, question,
			    sizeof(question));
	memcpy(frame.bytes, "\x33\x33\0\0\0\1", 6);
	dropped(&frame, NET_DROP_ip_not_ours);
	frame = frame6_icmp((struct frame6_spec){.from = FRAMES_US6}, question, sizeof(question));
	dropped(&frame, NET_DROP_ip_source);
	frame = frame6_icmp((struct frame6_spec){0}, question, sizeof(question));
	memset(frame_ip6(&frame)->src_addr, 0, 16);
	frame6_fix(&frame, IPPROTO_ICMPV6, sizeof(question), 2);
	dropped(&frame, NET_DROP_ip_source);
}

static void
no_buffer_is_lost(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

SUITE("IPv6", TEST(a_datagram_is_taken_apart), TEST(without_ipv6_there_is_none),
      TEST(every_truncation_is_dropped), TEST(faults_of_the_header),
      TEST(addresses_that_are_not_answered), TEST(options_are_skipped),
      TEST(faults_of_extension_headers), TEST(faults_of_udp),
      TEST(allow_lists_prefixes_of_both_families), TEST(answers_go_back_the_way_they_came),
      TEST(echo), TEST(faults_of_icmpv6), TEST(no_buffer_is_lost))
