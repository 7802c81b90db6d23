/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain way against the general one: what udp_plain_open takes, net_input takes apart alike, and
 * answers are the same to the last byte. Frames are good ones, with bytes changed at random and
 * checksums then made right again or not.
 */
#include "dataplane/net/udp_plain.h"
#include "tests/net/frames.h"
#include "tests/suite.h"

enum {
	FRAMES = 60000,
	HEADERS = sizeof(struct udp_plain_headers),
	REQUEST_MAX = 300,
};

static struct rte_mempool *pool;

static void
start(void)
{
	if (pool == NULL)
		pool = frames_start();
	srandom(768);
}

static struct frame
frame_random(void)
{
	char command[REQUEST_MAX + 1];
	size_t length = 1 + (size_t)random() % REQUEST_MAX;

	for (size_t i = 0; i < length; i++)
		command[i] = (char)(1 + random() % 255);
	command[length] = '\0';
	return frame_command(command);
}

/* Makes both checksums right, as far as the lengths allow it. */
static void
frame_fix(struct frame *frame)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame->bytes + RTE_ETHER_HDR_LEN);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, sizeof(*ip));
	if (rte_be_to_cpu_16(ip->total_length) > frame->length - RTE_ETHER_HDR_LEN ||
	    rte_be_to_cpu_16(ip->total_length) < sizeof(*ip) + sizeof(*udp))
		return;
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

/* A few bits of the headers are others, or a length, or nothing. */
static void
frame_spoil(struct frame *frame)
{
	for (long spoilt = random() % 3; spoilt > 0; spoilt--)
		frame->bytes[random() % HEADERS] ^= (uint8_t)(1U << (random() % 8));
	if (random() % 8 == 0)
		frame->length = (uint16_t)(frame->length - random() % 3);
	if (random() % 4 != 0)
		frame_fix(frame);
}

static void
write_answer(uint8_t *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		at[i] = (uint8_t)random();
}

/* Answers both messages with the same random bytes; asserts that what would be sent is the same. */
static void
answers_are_equal(const struct udp_plain *plain, struct udp_message *general,
		  struct udp_message *other)
{
	size_t length = 1 + (size_t)random() % plain->answer_max;
	const struct rte_mbuf *one = general->packet.mbuf, *two = other->packet.mbuf;
	uint8_t *limit, *at = udp_message_begin(general, true, &limit);

	CU_ASSERT_PTR_EQUAL_FATAL(at, general->packet.payload);
	write_answer(at, length);
	memcpy(other->packet.payload, at, length);
	udp_message_close(general, at + length);
	udp_plain_close(plain, other->packet.mbuf, (uint16_t)length,
			checksum_fold(checksum_add(0, other->packet.payload, length)));
	CU_ASSERT_EQUAL(one->pkt_len, two->pkt_len);
	CU_ASSERT_EQUAL(one->data_len, two->data_len);
	CU_ASSERT_EQUAL(one->data_off, two->data_off);
	CU_ASSERT_EQUAL(one->ol_flags, two->ol_flags);
	CU_ASSERT_EQUAL(
		memcmp(rte_pktmbuf_mtod(one, void *), rte_pktmbuf_mtod(two, void *), one->data_len),
		0);
}

/* Asserts that both ways see the same in the two copies of a frame. */
static void
packets_are_equal(const struct udp_message *general, const struct udp_message *plain)
{
	const struct packet *one = &general->packet, *two = &plain->packet;
	const uint8_t *start_one = rte_pktmbuf_mtod(one->mbuf, uint8_t *);
	const uint8_t *start_two = rte_pktmbuf_mtod(two->mbuf, uint8_t *);

	CU_ASSERT_EQUAL(one->payload - start_one, two->payload - start_two);
	CU_ASSERT_EQUAL(one->ip - start_one, two->ip - start_two);
	CU_ASSERT_EQUAL(one->payload_length, two->payload_length);
	CU_ASSERT_EQUAL(one->ethertype, two->ethertype);
	CU_ASSERT_EQUAL(one->tags_length, two->tags_length);
	CU_ASSERT_EQUAL(one->ipv6, two->ipv6);
	CU_ASSERT_EQUAL(one->source_port, two->source_port);
	CU_ASSERT_EQUAL(one->destination_port, two->destination_port);
	CU_ASSERT(address_equal(&one->source, &two->source));
	CU_ASSERT(address_equal(&one->destination, &two->destination));
	CU_ASSERT(rte_is_same_ether_addr(&one->peer, &two->peer));
	CU_ASSERT_EQUAL(general->request_id, plain->request_id);
	CU_ASSERT_EQUAL(general->payload_max, plain->payload_max);
	CU_ASSERT_EQUAL(general->datagrams, plain->datagrams);
	CU_ASSERT_PTR_EQUAL(general->interface, plain->interface);
	CU_ASSERT_PTR_EQUAL(general->pool, plain->pool);
	CU_ASSERT_PTR_NULL(plain->first);
	CU_ASSERT_PTR_NULL(plain->last);
}

/* Takes a frame both ways. Returns whether it was taken as plain. */
static bool
frame_compare(const struct interface *interface, const struct frame *frame)
{
	struct rte_mbuf *one = frame_mbuf(pool, frame), *two = frame_mbuf(pool, frame);
	struct udp_message general, other;
	struct udp_plain plain;
	bool good, taken;

	udp_plain_learn(&plain, interface);
	taken = udp_plain_open(&plain, interface, two, &other.packet);
	good = net_input(interface, one, &general.packet) == VERDICT_DATAGRAM &&
	       udp_message_open(&general, interface, pool) == VERDICT_DATAGRAM;
	if (taken) {
		udp_plain_describe(&plain, interface, pool, &other);
		CU_ASSERT_FATAL(good);
		packets_are_equal(&general, &other);
		answers_are_equal(&plain, &general, &other);
	} else if (good) {
		const uint8_t *bytes = frame->bytes;

		/* a datagram that isn't plain has tags, options or a version that says so */
		CU_ASSERT(bytes[12] != 0x08 || bytes[13] != 0 || bytes[14] != RTE_IPV4_VHL_DEF);
	}
	rte_pktmbuf_free(one);
	rte_pktmbuf_free(two);
	return taken;
}

static unsigned int
compare_many(const struct interface *interface)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < FRAMES; i++) {
		struct frame frame = frame_random();

		frame_spoil(&frame);
		taken += frame_compare(interface, &frame);
	}
	return taken;
}

static void
both_ways_agree(void)
{
	struct interface interface = frames_interface();
	unsigned int taken;

	start();
	taken = compare_many(&interface);
	CU_ASSERT(taken > FRAMES / 4);
	CU_ASSERT(taken < FRAMES);
}

static void
both_ways_agree_on_who_is_allowed(void)
{
	struct interface interface = frames_interface();

	start();
	interface.udp_allow.count = 2;
	interface.udp_allow.prefix[0] =
		(struct prefix){.network = address6("fd77::"), .mask = address6("ffff::")};
	interface.udp_allow.prefix[1] =
		(struct prefix){.network = address_ipv4(RTE_BE32(0x0a4d0000)),
				.mask = address6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc")};
	CU_ASSERT(compare_many(&interface) > FRAMES / 8);
	interface.udp_allow.prefix[1].network = address_ipv4(RTE_BE32(0x0a4d0010));
	CU_ASSERT(compare_many(&interface) < FRAMES / 8);
}

static void
nothing_is_plain_where_udp_is_off(void)
{
	struct interface interface = frames_interface();

	start();
	interface.udp_port = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		struct frame frame = frame_random();

		((struct rte_udp_hdr *)frame_l4(&frame))->dst_port = 0;
		frame_fix(&frame);
		CU_ASSERT_FALSE(frame_compare(&interface, &frame));
	}
}

static void
a_sender_without_checksums_is_answered(void)
{
	static const uint8_t payload[] = {1, 2, 3, 4, 0, 1, 0, 0, 'm', 'n', '\r', '\n'};
	struct interface interface = frames_interface();
	struct frame frame = frame_udp((struct frame_spec){
		.payload = payload, .length = sizeof(payload), .without_checksum = true});

	start();
	CU_ASSERT_TRUE(frame_compare(&interface, &frame));
}

static void
a_large_answer_is_left_to_a_port_that_sums(void)
{
	struct interface interface = frames_interface();
	struct udp_plain plain;

	udp_plain_learn(&plain, &interface);
	CU_ASSERT_EQUAL(plain.answer_max, UDP_DATAGRAM_MAX - UDP_FRAME_LENGTH);
	interface.mtu = 700;
	udp_plain_learn(&plain, &interface);
	CU_ASSERT_EQUAL(plain.answer_max, 700 - 20 - 8 - UDP_FRAME_LENGTH);
	interface.tx_udp_checksum = true;
	udp_plain_learn(&plain, &interface);
	CU_ASSERT_EQUAL(plain.answer_max, PLAIN_SUM_MAX);
}

SUITE("dataplane/net/udp_plain", TEST(both_ways_agree), TEST(both_ways_agree_on_who_is_allowed),
      TEST(nothing_is_plain_where_udp_is_off), TEST(a_sender_without_checksums_is_answered),
      TEST(a_large_answer_is_left_to_a_port_that_sums))
