/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of every kind and every fault, taken apart and answered. */
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

static void
a_datagram_is_taken_apart(void)
{
	struct packet packet;

	for (unsigned int tags = 0; tags <= 2; tags++) {
		for (unsigned int options = 0; options <= 40; options += 20) {
			struct frame frame = frame_udp((struct frame_spec){.tags = tags,
									   .ip_options = options,
									   .payload = "12345678x",
									   .length = 9});

			CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_DATAGRAM);
			CU_ASSERT_EQUAL(packet.payload_length, 9);
			CU_ASSERT_EQUAL(memcmp(packet.payload, "12345678x", 9), 0);
			CU_ASSERT_EQUAL(packet.tags_length, 4 * tags);
			CU_ASSERT_EQUAL(packet.source.quads[3], FRAMES_CLIENT);
			CU_ASSERT_EQUAL(packet.source_port, RTE_BE16(4000));
			CU_ASSERT(rte_is_same_ether_addr(&packet.peer, &frames_client_mac));
			rte_pktmbuf_free(packet.mbuf);
		}
	}
}

static void
ethernet_padding_is_not_payload(void)
{
	struct frame frame = frame_udp((struct frame_spec){.payload = "123456789", .length = 9});
	struct packet packet;

	frame_append(&frame, "padding", 7);
	CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_DATAGRAM);
	CU_ASSERT_EQUAL(packet.payload_length, 9);
	rte_pktmbuf_free(packet.mbuf);
}

/* Every prefix of a good frame is dropped: no layer reads past the end or lets a stump through. */
static void
every_truncation_is_dropped(void)
{
	struct frame whole = frame_udp(
		(struct frame_spec){.tags = 2, .payload = "12345678get k\r\n", .length = 15});
	struct packet packet;

	for (uint16_t length = 0; length < whole.length; length++) {
		struct frame stump = whole;

		stump.length = length;
		CU_ASSERT_EQUAL(take_apart(&stump, &packet), VERDICT_DROP);
		CU_ASSERT(packet.drop == NET_DROP_frame_truncated ||
			  packet.drop == NET_DROP_ip_truncated);
		rte_pktmbuf_free(packet.mbuf);
	}
}

static void
faults_of_the_link_layer(void)
{
	struct frame_spec spec = {.payload = "12345678x", .length = 9};
	struct frame frame = frame_udp(spec);
	struct packet packet;
	struct rte_mbuf *mbuf;
	struct interface interface = frames_interface();

	frame.bytes[5] = 0x77;
	dropped(&frame, NET_DROP_frame_not_ours);
	frame = frame_udp(spec);
	frame.bytes[12] = 0x88;
	frame.bytes[13] = 0xcc;
	dropped(&frame, NET_DROP_ethertype);
	spec.tags = 3;
	frame = frame_udp(spec);
	dropped(&frame, NET_DROP_vlan_too_deep);
	spec.tags = 0;
	frame = frame_udp(spec);
	memset(frame.bytes, 0xff, RTE_ETHER_ADDR_LEN);
	dropped(&frame, NET_DROP_ip_not_ours);

	frame = frame_udp(spec);
	mbuf = frame_mbuf(pool, &frame);
	CU_ASSERT_EQUAL(rte_pktmbuf_chain(mbuf, frame_mbuf(pool, &frame)), 0);
	CU_ASSERT_EQUAL(net_input(&interface, mbuf, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, NET_DROP_frame_segmented);
	rte_pktmbuf_free(mbuf);
}

static void
spoiled_ip(void (*spoil)(struct rte_ipv4_hdr *ip), enum net_drop cause)
{
	struct frame frame = frame_udp((struct frame_spec){.payload = "12345678x", .length = 9});

	spoil(frame_ip(&frame));
	if (cause != NET_DROP_ip_checksum && rte_ipv4_hdr_len(frame_ip(&frame)) >= 20)
		frame_fix_ip(&frame);
	dropped(&frame, cause);
}

static void
version_6(struct rte_ipv4_hdr *ip)
{
	ip->version_ihl = 0x65;
}
static void
header_of_16(struct rte_ipv4_hdr *ip)
{
	ip->version_ihl = 0x44;
}
static void
total_too_long(struct rte_ipv4_hdr *ip)
{
	ip->total_length = RTE_BE16(1400);
}
static void
total_too_short(struct rte_ipv4_hdr *ip)
{
	ip->total_length = RTE_BE16(19);
}
static void
wrong_sum(struct rte_ipv4_hdr *ip)
{
	ip->hdr_checksum ^= 1;
}
static void
to_another(struct rte_ipv4_hdr *ip)
{
	ip->dst_addr = RTE_BE32(0x0a4d0009);
}
static void
to_broadcast(struct rte_ipv4_hdr *ip)
{
	ip->dst_addr = RTE_BE32(0xffffffff);
}
static void
to_multicast(struct rte_ipv4_hdr *ip)
{
	ip->dst_addr = RTE_BE32(0xe0000001);
}
static void
from_zero(struct rte_ipv4_hdr *ip)
{
	ip->src_addr = 0;
}
static void
from_loopback(struct rte_ipv4_hdr *ip)
{
	ip->src_addr = RTE_BE32(0x7f000001);
}
static void
from_multicast(struct rte_ipv4_hdr *ip)
{
	ip->src_addr = RTE_BE32(0xe0000001);
}
static void
from_us(struct rte_ipv4_hdr *ip)
{
	ip->src_addr = FRAMES_US;
}
static void
from_broadcast(struct rte_ipv4_hdr *ip)
{
	ip->src_addr = RTE_BE32(0x0a4d00ff);
}
static void
first_fragment(struct rte_ipv4_hdr *ip)
{
	ip->fragment_offset = RTE_BE16(0x2000);
}
static void
last_fragment(struct rte_ipv4_hdr *ip)
{
	ip->fragment_offset = RTE_BE16(0x0007);
}
static void
protocol_6(struct rte_ipv4_hdr *ip)
{
	ip->next_proto_id = 132;
}

static void
faults_of_ipv4(void)
{
	spoiled_ip(version_6, NET_DROP_ip_header);
	spoiled_ip(header_of_16, NET_DROP_ip_header);
	spoiled_ip(total_too_long, NET_DROP_ip_truncated);
	spoiled_ip(total_too_short, NET_DROP_ip_truncated);
	spoiled_ip(wrong_sum, NET_DROP_ip_checksum);
	spoiled_ip(to_another, NET_DROP_ip_not_ours);
	spoiled_ip(to_broadcast, NET_DROP_ip_not_ours);
	spoiled_ip(to_multicast, NET_DROP_ip_not_ours);
	spoiled_ip(from_zero, NET_DROP_ip_source);
	spoiled_ip(from_loopback, NET_DROP_ip_source);
	spoiled_ip(from_multicast, NET_DROP_ip_source);
	spoiled_ip(from_us, NET_DROP_ip_source);
	spoiled_ip(from_broadcast, NET_DROP_ip_source);
	spoiled_ip(first_fragment, NET_DROP_ip_fragment);
	spoiled_ip(last_fragment, NET_DROP_ip_fragment);
	spoiled_ip(protocol_6, NET_DROP_ip_protocol);
}

static void
faults_of_udp(void)
{
	struct frame_spec spec = {.payload = "12345678x", .length = 9};
	struct frame frame = frame_udp(spec);
	struct rte_udp_hdr *udp = frame_l4(&frame);

	udp->dgram_cksum ^= 1;
	dropped(&frame, NET_DROP_udp_checksum);
	frame = frame_udp(spec);
	udp->dgram_len = RTE_BE16(16);
	dropped(&frame, NET_DROP_udp_length);
	udp->dgram_len = RTE_BE16(18);
	dropped(&frame, NET_DROP_udp_length);
	frame = frame_udp(spec);
	udp->dst_port = RTE_BE16(53);
	dropped(&frame, NET_DROP_udp_port);
	frame = frame_udp(spec);
	udp->src_port = 0;
	dropped(&frame, NET_DROP_udp_port);
	frame = frame_udp(spec);
	frame_ip(&frame)->src_addr = RTE_BE32(0x0a4e0002);
	frame_fix_ip(&frame);
	dropped(&frame, NET_DROP_udp_not_allowed);
}

static void
a_datagram_without_checksum_is_good(void)
{
	struct frame frame = frame_udp(
		(struct frame_spec){.payload = "12345678x", .length = 9, .without_checksum = true});
	struct packet packet;

	CU_ASSERT_EQUAL(take_apart(&frame, &packet), VERDICT_DATAGRAM);
	rte_pktmbuf_free(packet.mbuf);
}

static void
the_port_is_believed_only_when_it_says_good(void)
{
	struct frame frame = frame_udp((struct frame_spec){.payload = "12345678x", .length = 9});
	struct interface interface = frames_interface();
	struct rte_mbuf *mbuf;
	struct packet packet;

	((struct rte_udp_hdr *)frame_l4(&frame))->dgram_cksum ^= 1;
	interface.rx_l4_checksum = true;
	mbuf = frame_mbuf(pool, &frame);
	CU_ASSERT_EQUAL(net_input(&interface, mbuf, &packet), VERDICT_DROP);
	mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
	CU_ASSERT_EQUAL(net_input(&interface, mbuf, &packet), VERDICT_DROP);
	mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	CU_ASSERT_EQUAL(net_input(&interface, mbuf, &packet), VERDICT_DATAGRAM);
	rte_pktmbuf_free(mbuf);
}

static struct prefix
ipv4_prefix(rte_be32_t network, rte_be32_t mask)
{
	struct prefix prefix = {address_ipv4(network), address_ipv4(mask)};

	prefix.mask.words[0] = UINT64_MAX;
	prefix.mask.quads[2] = UINT32_MAX;
	return prefix;
}

static void
allow_lists_prefixes(void)
{
	struct frame frame = frame_udp((struct frame_spec){.payload = "12345678x", .length = 9});
	struct interface interface = frames_interface();
	struct rte_mbuf *mbuf = frame_mbuf(pool, &frame);
	struct packet packet;

	interface.udp_allow.count = 1;
	interface.udp_allow.prefix[0] = ipv4_prefix(RTE_BE32(0xc0a80000), RTE_BE32(0xffff0000));
	CU_ASSERT_EQUAL(net_input(&interface, mbuf, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, NET_DROP_udp_not_allowed);
	interface.udp_allow.prefix[0] = (struct prefix){.mask = {.words = {0}}}; /* ::/0 */
	CU_ASSERT_EQUAL(net_input(&interface, packet.mbuf, &packet), VERDICT_DROP);
	interface.udp_allow.count = 2;
	interface.udp_allow.prefix[1] = ipv4_prefix(FRAMES_CLIENT, RTE_BE32(0xffffffff));
	CU_ASSERT_EQUAL(net_input(&interface, mbuf, &packet), VERDICT_DATAGRAM);
	rte_pktmbuf_free(mbuf);
}

static void
echo_is_answered_in_place(void)
{
	for (unsigned int options = 0; options <= 40; options += 40) {
		struct frame frame = frame_echo(1, options, 56);
		struct packet packet;
		struct rte_ipv4_hdr *ip;
		struct rte_icmp_hdr *icmp;
		const struct rte_ether_hdr *ether;

		CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_ANSWERED);
		ether = rte_pktmbuf_mtod(packet.mbuf, const struct rte_ether_hdr *);
		CU_ASSERT(rte_is_same_ether_addr(&ether->dst_addr, &frames_client_mac));
		CU_ASSERT(rte_is_same_ether_addr(&ether->src_addr, &frames_us_mac));
		/* the tag is repeated */
		CU_ASSERT_EQUAL(memcmp(&ether->ether_type, "\x81\x00\x00\x65\x08\x00", 6), 0);
		ip = rte_pktmbuf_mtod_offset(packet.mbuf, struct rte_ipv4_hdr *, 18);
		icmp = (struct rte_icmp_hdr *)(ip + 1);
		CU_ASSERT_EQUAL(rte_raw_cksum(ip, 20), 0xffff);
		CU_ASSERT_EQUAL(ip->dst_addr, FRAMES_CLIENT);
		CU_ASSERT_EQUAL(packet.mbuf->data_len, 18 + 20 + 8 + 56);
		CU_ASSERT_EQUAL(icmp->icmp_type, RTE_IP_ICMP_ECHO_REPLY);
		CU_ASSERT_EQUAL(rte_raw_cksum(icmp, 8 + 56), 0xffff);
		CU_ASSERT_EQUAL(icmp->icmp_seq_nb, RTE_BE16(9));
		rte_pktmbuf_free(packet.mbuf);
	}
}

static void
faults_of_icmp(void)
{
	struct frame frame = frame_echo(0, 0, 8);
	struct rte_icmp_hdr *icmp = frame_l4(&frame);

	icmp->icmp_cksum ^= 1;
	dropped(&frame, NET_DROP_icmp_checksum);
	frame = frame_echo(0, 0, 8);
	icmp->icmp_type = 13;
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, 16);
	dropped(&frame, NET_DROP_icmp_type);
	frame = frame_echo(0, 0, 8);
	frame_ip(&frame)->total_length = RTE_BE16(27);
	frame_fix_ip(&frame);
	dropped(&frame, NET_DROP_icmp_malformed);
}

static void
arp_requests_for_us_are_answered(void)
{
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_CLIENT, FRAMES_US);
	struct packet packet;
	const struct rte_arp_hdr *arp;

	CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_ANSWERED);
	arp = rte_pktmbuf_mtod_offset(packet.mbuf, const struct rte_arp_hdr *, 14);
	CU_ASSERT_EQUAL(arp->arp_opcode, RTE_BE16(RTE_ARP_OP_REPLY));
	CU_ASSERT_EQUAL(arp->arp_data.arp_sip, FRAMES_US);
	CU_ASSERT_EQUAL(arp->arp_data.arp_tip, FRAMES_CLIENT);
	CU_ASSERT(rte_is_same_ether_addr(&arp->arp_data.arp_sha, &frames_us_mac));
	CU_ASSERT(rte_is_same_ether_addr(&arp->arp_data.arp_tha, &frames_client_mac));
	CU_ASSERT(rte_is_same_ether_addr(rte_pktmbuf_mtod(packet.mbuf, struct rte_ether_addr *),
					 &frames_client_mac));
	rte_pktmbuf_free(packet.mbuf);
}

static void
arp_of_others_and_faults(void)
{
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_CLIENT, RTE_BE32(0x0a4d0009));

	dropped(&frame, NET_DROP_arp_not_for_us);
	frame = frame_arp(RTE_ARP_OP_REPLY, FRAMES_CLIENT, FRAMES_US);
	dropped(&frame, NET_DROP_arp_not_for_us);
	frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_US, FRAMES_US);
	dropped(&frame, NET_DROP_arp_conflict);
	frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_CLIENT, FRAMES_US);
	frame.bytes[18] = 8; /* hardware address length */
	dropped(&frame, NET_DROP_arp_malformed);
	frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_CLIENT, FRAMES_US);
	frame.length = 41;
	dropped(&frame, NET_DROP_arp_malformed);
}

static void
announcements_and_claims(void)
{
	struct interface interface = frames_interface(), rival = interface;
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	struct rte_ether_addr claimer;

	rival.mac = frames_client_mac;
	CU_ASSERT_EQUAL(arp_announce(&rival, mbuf, false), 0);
	CU_ASSERT(arp_claims_ours(&interface, mbuf, &claimer));
	CU_ASSERT(rte_is_same_ether_addr(&claimer, &frames_client_mac));
	CU_ASSERT_FALSE(arp_claims_ours(&rival, mbuf, &claimer));
	rte_pktmbuf_reset(mbuf);
	CU_ASSERT_EQUAL(arp_announce(&rival, mbuf, true), 0);
	CU_ASSERT(arp_claims_ours(&interface, mbuf, &claimer));
	rte_pktmbuf_reset(mbuf);
	rival.address = RTE_BE32(0x0a4d0009);
	CU_ASSERT_EQUAL(arp_announce(&rival, mbuf, false), 0);
	CU_ASSERT_FALSE(arp_claims_ours(&interface, mbuf, &claimer));
	rte_pktmbuf_free(mbuf);
}

/* Nothing that was allocated for a test is still out when all have run. */
static void
no_buffer_is_lost(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

SUITE("packets", TEST(a_datagram_is_taken_apart), TEST(ethernet_padding_is_not_payload),
      TEST(every_truncation_is_dropped), TEST(faults_of_the_link_layer), TEST(faults_of_ipv4),
      TEST(faults_of_udp), TEST(a_datagram_without_checksum_is_good),
      TEST(the_port_is_believed_only_when_it_says_good), TEST(allow_lists_prefixes),
      TEST(echo_is_answered_in_place), TEST(faults_of_icmp), TEST(arp_requests_for_us_are_answered),
      TEST(arp_of_others_and_faults), TEST(announcements_and_claims), TEST(no_buffer_is_lost))
