/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery: who asks is answered, who claims is noticed, what is invalid is dropped. */
#include "dataplane/net/ipv6.h"
#include "tests/net/frames.h"
#include "tests/suite.h"

static struct rte_mempool *pool;

/* A solicitation or advertisement with one option, as it lies on the wire. */
struct message {
	uint8_t type, code, checksum[2], flags, reserved[3];
	uint8_t target[16];
	uint8_t option[8];
};

enum {
	BARE = offsetof(struct message, option),
	WHOLE = sizeof(struct message),
};

static struct message
message(uint8_t type, const char *target)
{
	struct message made = {.type = type, .option = {type == 135 ? 1 : 2, 1, 2, 0, 0, 0, 0, 2}};
	struct address address = address6(target);

	memcpy(made.target, address.bytes, sizeof(made.target));
	return made;
}

static struct frame
frame_of(const struct message *made, uint16_t length, const char *from, const char *to)
{
	struct frame frame = frame6_icmp((struct frame6_spec){.from = FRAMES_CLIENT6,
							      .to = address6(to),
							      .hops = ND_HOP_LIMIT},
					 made, length);
	struct address source = address6(from);

	memcpy(frame_ip6(&frame)->src_addr, source.bytes, 16);
	frame6_fix(&frame, IPPROTO_ICMPV6, length, 2);
	return frame;
}

static enum verdict
take_apart(const struct frame *frame, struct packet *packet)
{
	struct interface interface = frames_interface();

	if (pool == NULL)
		pool = frames_start();
	return net_input(&interface, frame_mbuf(pool, frame), packet);
}

static void
dropped(const struct frame *frame, enum net_drop cause)
{
	struct packet packet;

	CU_ASSERT_EQUAL_FATAL(take_apart(frame, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, cause);
	rte_pktmbuf_free(packet.mbuf);
}

/* Checks a whole frame that advertises `target` to `to` at `mac`. */
static void
check_advertisement(const struct rte_mbuf *mbuf, const char *target, const char *to,
		    const struct rte_ether_addr *mac, uint8_t flags)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	struct message wanted = message(136, target);
	struct address us = address6(target), receiver = address6(to);
	const struct message *got;
	struct packet packet = {.payload = (uint8_t *)(uintptr_t)(ether + 1),
				.payload_length = (uint16_t)(mbuf->data_len - sizeof(*ether))};
	uint8_t protocol;

	CU_ASSERT(rte_is_same_ether_addr(&ether->dst_addr, mac));
	CU_ASSERT(rte_is_same_ether_addr(&ether->src_addr, &frames_us_mac));
	CU_ASSERT_FATAL(ipv6_take_header(&packet, &protocol));
	CU_ASSERT_EQUAL(protocol, IPPROTO_ICMPV6);
	CU_ASSERT_EQUAL_FATAL(packet.payload_length, WHOLE);
	CU_ASSERT(packet_checksum_good(&packet, IPPROTO_ICMPV6));
	CU_ASSERT(nd_is_valid(&packet));
	CU_ASSERT(address_equal(&packet.source, &us));
	CU_ASSERT(address_equal(&packet.destination, &receiver));
	got = (const struct message *)packet.payload;
	wanted.flags = flags;
	memcpy(wanted.checksum, got->checksum, sizeof(wanted.checksum));
	memcpy(wanted.option + 2, &frames_us_mac, 6);
	CU_ASSERT_EQUAL(memcmp(got, &wanted, WHOLE), 0);
}

static void
solicitations_are_answered(void)
{
	static const struct {
		const char *target, *to;
	} asked[] = {{"fd77::1", "ff02::1:ff00:1"},
		     {"fd77::1", "fd77::1"},
		     {"fe80::ff:fe00:1", "ff02::1:ff00:1"}};
	struct packet packet;

	for (unsigned int i = 0; i < RTE_DIM(asked); i++) {
		struct message made = message(135, asked[i].target);

		for (uint16_t length = BARE; length <= WHOLE; length += 8) {
			struct frame frame = frame_of(&made, length, "fd77::2", asked[i].to);

			CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_ANSWERED);
			check_advertisement(packet.mbuf, asked[i].target, "fd77::2",
					    &frames_client_mac, 0x60);
			rte_pktmbuf_free(packet.mbuf);
		}
	}
}

/* The option says where to, not the frame: an asker may have the question sent for it. */
static void
the_answer_goes_where_the_option_says(void)
{
	struct message made = message(135, "fd77::1");
	struct rte_ether_addr other = {{0x02, 0, 0, 0, 0, 9}};
	struct packet packet;
	struct frame frame;

	memcpy(made.option + 2, &other, sizeof(other));
	frame = frame_of(&made, WHOLE, "fd77::2", "fd77::1");
	CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_ANSWERED);
	check_advertisement(packet.mbuf, "fd77::1", "fd77::2", &other, 0x60);
	rte_pktmbuf_free(packet.mbuf);
	made.option[2] = 0x33; /* many hosts at once */
	frame = frame_of(&made, WHOLE, "fd77::2", "fd77::1");
	dropped(&frame, NET_DROP_nd_malformed);
}

/* RFC 4862, 5.4.4: who asks before using our address hears of us, and so does everybody. */
static void
duplicate_detection_of_others_is_answered(void)
{
	struct message made = message(135, "fd77::1");
	const struct rte_ether_addr all = {{0x33, 0x33, 0, 0, 0, 1}};
	struct frame frame = frame_of(&made, BARE, "::", "ff02::1:ff00:1");
	struct packet packet;

	CU_ASSERT_EQUAL_FATAL(take_apart(&frame, &packet), VERDICT_ANSWERED);
	check_advertisement(packet.mbuf, "fd77::1", "ff02::1", &all, 0x20);
	rte_pktmbuf_free(packet.mbuf);
	frame = frame_of(&made, WHOLE, "::", "ff02::1:ff00:1"); /* says who it is after all */
	dropped(&frame, NET_DROP_nd_malformed);
	frame = frame_of(&made, BARE, "::", "fd77::1");
	dropped(&frame, NET_DROP_nd_malformed);
}

static void
spoiled(unsigned int at, uint8_t value, uint16_t length)
{
	struct message made = message(135, "fd77::1");
	struct frame frame;

	((uint8_t *)&made)[at] = value;
	frame = frame_of(&made, length, "fd77::2", "ff02::1:ff00:1");
	dropped(&frame, NET_DROP_nd_malformed);
}

static void
faults(void)
{
	struct message made = message(135, "fd77::1"), other = message(135, "fd77::9");
	struct frame frame;

	spoiled(1, 1, WHOLE);	     /* code */
	spoiled(8, 0xff, WHOLE);     /* multicast target */
	spoiled(BARE + 1, 0, WHOLE); /* option of length 0: nobody may loop on it */
	spoiled(BARE + 1, 2, WHOLE); /* longer than the message */
	spoiled(0, 135, WHOLE - 1);  /* cut short in the option … */
	spoiled(0, 135, BARE + 1);
	spoiled(0, 135, BARE - 1); /* … and before it */
	spoiled(0, 135, 8);
	frame = frame_of(&made, WHOLE, "fd77::2", "ff02::1:ff00:1");
	frame_ip6(&frame)->hop_limits = 254; /* came through a router */
	dropped(&frame, NET_DROP_nd_malformed);
	frame = frame_of(&made, WHOLE, "fd77::2", "ff02::1:ff00:1");
	frame.bytes[frame.length - 1] ^= 1;
	dropped(&frame, NET_DROP_icmp_checksum);
	frame = frame_of(&other, WHOLE, "fd77::2", "fd77::1");
	dropped(&frame, NET_DROP_nd_not_for_us);
}

static void
advertisements_by_others(void)
{
	struct message ours = message(136, "fd77::1"), theirs = message(136, "fd77::2");
	struct message solicited = message(136, "fd77::1");
	struct frame frame = frame_of(&theirs, WHOLE, "fd77::2", "ff02::1");

	dropped(&frame, NET_DROP_nd_not_for_us);
	frame = frame_of(&ours, WHOLE, "fd77::1", "ff02::1");
	dropped(&frame, NET_DROP_nd_conflict);
	frame = frame_of(&ours, WHOLE, "fd77::9", "fd77::1");
	dropped(&frame, NET_DROP_nd_conflict);
	/* a switch that sends our own frame back to us is no rival */
	frame = frame_of(&ours, WHOLE, "fd77::1", "ff02::1");
	memcpy(frame.bytes + 6, &frames_us_mac, 6);
	dropped(&frame, NET_DROP_nd_not_for_us);
	ours.type = 135;
	frame = frame_of(&ours, BARE, "::", "ff02::1:ff00:1");
	memcpy(frame.bytes + 6, &frames_us_mac, 6);
	dropped(&frame, NET_DROP_nd_not_for_us);
	ours.type = 136;
	solicited.flags = 0x40; /* asked for by all nodes at once */
	frame = frame_of(&solicited, WHOLE, "fd77::9", "ff02::1");
	dropped(&frame, NET_DROP_nd_malformed);
	frame = frame_of(&ours, WHOLE, "::", "ff02::1");
	dropped(&frame, NET_DROP_nd_malformed);
	ours.type = 135; /* and who asks as if it were us is one, too */
	frame = frame_of(&ours, BARE, "fd77::1", "ff02::1:ff00:1");
	dropped(&frame, NET_DROP_nd_conflict);
}

/* --- what we send unasked ----------------------------------------------------------------- */

static void
announcements_are_sent_for_each_address(void)
{
	const struct rte_ether_addr all = {{0x33, 0x33, 0, 0, 0, 1}};
	struct interface interface = frames_interface();
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	CU_ASSERT_EQUAL(announce(&interface, mbuf, 0), 0);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(mbuf, const uint8_t *)[13], 0x06); /* ARP */
	rte_pktmbuf_reset(mbuf);
	CU_ASSERT_EQUAL(announce(&interface, mbuf, 1), 0);
	check_advertisement(mbuf, "fd77::1", "ff02::1", &all, 0x20);
	rte_pktmbuf_reset(mbuf);
	CU_ASSERT_EQUAL(announce(&interface, mbuf, 2), 0);
	check_advertisement(mbuf, "fe80::ff:fe00:1", "ff02::1", &all, 0x20);
	rte_pktmbuf_reset(mbuf);
	CU_ASSERT_EQUAL(announce(&interface, mbuf, 3), 0);
	rte_pktmbuf_reset(mbuf);
	CU_ASSERT_EQUAL(announce(&interface, mbuf, 4), -ENOENT);
	interface.ipv6 = false;
	CU_ASSERT_EQUAL(announce(&interface, mbuf, 1), -ENOENT);
	rte_pktmbuf_free(mbuf);
}

/* RFC 3810, 5.2, against bytes written out by hand. */
static void
groups_are_reported(void)
{
	static const uint8_t wanted[] = {
		0x3a, 0, 5, 2, 0,    0, 1, 0, /* hop-by-hop: router alert */
		143,  0, 0, 0, 0,    0, 0, 2, /* report of two records */
		4,    0, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 5,
		4,    0, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1};
	struct interface interface = frames_interface();
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	const struct rte_ipv6_hdr *ip;
	struct packet packet;
	uint8_t *bytes, protocol;

	interface.address6 = address6("fd77::5");
	CU_ASSERT_EQUAL(mld_report(&interface, mbuf), 0);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(mbuf, void *), "\x33\x33\0\0\0\x16", 6), 0);
	ip = rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv6_hdr *, 14);
	CU_ASSERT_EQUAL(ip->hop_limits, 1);
	CU_ASSERT_EQUAL(memcmp(ip->src_addr, interface.link_local6.bytes, 16), 0);
	CU_ASSERT_EQUAL(mbuf->data_len, 14 + 40 + sizeof(wanted));
	packet.payload = (uint8_t *)(uintptr_t)ip;
	packet.payload_length = (uint16_t)(mbuf->data_len - 14);
	CU_ASSERT_FATAL(ipv6_take_header(&packet, &protocol));
	CU_ASSERT(packet_checksum_good(&packet, IPPROTO_ICMPV6));
	bytes = (uint8_t *)(uintptr_t)(ip + 1);
	bytes[10] = bytes[11] = 0;
	CU_ASSERT_EQUAL(memcmp(bytes, wanted, sizeof(wanted)), 0);
	rte_pktmbuf_reset(mbuf);
	interface.address6 = FRAMES_US6; /* whose group is that of the link-local address */
	CU_ASSERT_EQUAL(mld_report(&interface, mbuf), 0);
	CU_ASSERT_EQUAL(mbuf->data_len, 14 + 40 + sizeof(wanted) - 20);
	rte_pktmbuf_free(mbuf);
}

static enum verdict
queried(struct frame6_spec spec, uint16_t length, struct packet *packet)
{
	/* hop-by-hop with a router alert, as every query has it; maximum response 10 s, any group */
	static const uint8_t alert[8] = {IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
	static const uint8_t query[28] = {130, 0, 0, 0, 0x27, 0x10, [25] = 125};
	struct frame frame;

	spec.extensions = alert;
	spec.extensions_length = sizeof(alert);
	spec.first = IPPROTO_HOPOPTS;
	spec.to = address6("ff02::1");
	frame = frame6_icmp(spec, query, length);
	return take_apart(&frame, packet);
}

static void
queriers_are_answered(void)
{
	struct frame6_spec spec = {.from = address6("fe80::9"), .hops = 1};
	struct interface interface = frames_interface();
	struct rte_mbuf *wanted = rte_pktmbuf_alloc(pool);
	struct packet packet;

	CU_ASSERT_EQUAL(mld_report(&interface, wanted), 0);
	for (uint16_t length = 24; length <= 28; length += 4) { /* MLDv1's, MLDv2's */
		CU_ASSERT_EQUAL_FATAL(queried(spec, length, &packet), VERDICT_ANSWERED);
		CU_ASSERT_EQUAL_FATAL(packet.mbuf->data_len, wanted->data_len);
		CU_ASSERT_EQUAL(packet.mbuf->pkt_len, wanted->data_len);
		CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(packet.mbuf, void *),
				       rte_pktmbuf_mtod(wanted, void *), wanted->data_len),
				0);
		rte_pktmbuf_free(packet.mbuf);
	}
	rte_pktmbuf_free(wanted);
	CU_ASSERT_EQUAL(queried(spec, 23, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, NET_DROP_icmp_malformed);
	rte_pktmbuf_free(packet.mbuf);
	spec.hops = 2;
	CU_ASSERT_EQUAL(queried(spec, 28, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, NET_DROP_icmp_malformed);
	rte_pktmbuf_free(packet.mbuf);
	spec = (struct frame6_spec){.hops = 1};
	CU_ASSERT_EQUAL(queried(spec, 28, &packet), VERDICT_DROP);
	CU_ASSERT_EQUAL(packet.drop, NET_DROP_icmp_malformed);
	rte_pktmbuf_free(packet.mbuf);
}

static void
probes_and_claims(void)
{
	struct interface interface = frames_interface(), rival = interface;
	const struct address ours = FRAMES_US6, another = address6("fd77::9");
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	struct rte_ether_addr claimer;
	struct packet packet;

	rival.mac = frames_client_mac;
	CU_ASSERT_EQUAL(nd_probe(&rival, mbuf, &ours), 0);
	CU_ASSERT(nd_claims(&interface, mbuf, &ours, &claimer));
	CU_ASSERT(rte_is_same_ether_addr(&claimer, &frames_client_mac));
	CU_ASSERT_FALSE(nd_claims(&interface, mbuf, &another, &claimer));
	CU_ASSERT_FALSE(nd_claims(&rival, mbuf, &ours, &claimer));
	/* such a probe is what a running appliance answers */
	CU_ASSERT_EQUAL(net_input(&interface, mbuf, &packet), VERDICT_ANSWERED);
	rte_pktmbuf_reset(mbuf);
	CU_ASSERT_EQUAL(nd_advertise(&rival, mbuf, &ours), 0);
	CU_ASSERT(nd_claims(&interface, mbuf, &ours, &claimer));
	rte_pktmbuf_mtod(mbuf, uint8_t *)[14 + 7]--; /* through a router: forged */
	CU_ASSERT_FALSE(nd_claims(&interface, mbuf, &ours, &claimer));
	rte_pktmbuf_mtod(mbuf, uint8_t *)[14 + 7]++;
	for (uint16_t length = 0; length < 14 + 40 + WHOLE; length++) {
		mbuf->data_len = length;
		CU_ASSERT_FALSE(nd_claims(&interface, mbuf, &ours, &claimer));
	}
	rte_pktmbuf_free(mbuf);
}

/* A neighbour that only asks for us, from an address of its own, claims nothing. */
static void
a_question_is_no_claim(void)
{
	struct interface interface = frames_interface();
	struct message made = message(135, "fd77::1");
	struct frame frame = frame_of(&made, WHOLE, "fd77::2", "ff02::1:ff00:1");
	struct rte_mbuf *mbuf = frame_mbuf(pool, &frame);
	const struct address ours = FRAMES_US6;
	struct rte_ether_addr claimer;

	CU_ASSERT_FALSE(nd_claims(&interface, mbuf, &ours, &claimer));
	rte_pktmbuf_free(mbuf);
}

static void
the_link_local_address_is_of_the_mac(void)
{
	const struct rte_ether_addr mac = {{0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}};
	const struct address wanted = address6("fe80::3656:78ff:fe9a:bcde"); /* RFC 2464, 4 */
	struct address got = ipv6_link_local(&mac);

	CU_ASSERT(address_equal(&got, &wanted));
}

static void
no_buffer_is_lost(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

SUITE("neighbour discovery", TEST(solicitations_are_answered),
      TEST(the_answer_goes_where_the_option_says), TEST(duplicate_detection_of_others_is_answered),
      TEST(faults), TEST(advertisements_by_others), TEST(announcements_are_sent_for_each_address),
      TEST(groups_are_reported), TEST(queriers_are_answered), TEST(probes_and_claims),
      TEST(a_question_is_no_claim), TEST(the_link_local_address_is_of_the_mac),
      TEST(no_buffer_is_lost))
