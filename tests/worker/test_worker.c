/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole workers: frames in, answers out, and not one packet unaccounted for. */
#include <rte_random.h>

#include "tests/suite.h"
#include "tests/worker/rig.h"

static void
put_command(struct rig *rig, const char *command)
{
	struct frame frame = frame_command(command);

	rig_put(rig, &frame);
}

/* Checks every header of an answer and returns its text after memcached's frame. */
static const char *
answer_text(struct rte_mbuf *mbuf, uint16_t sequence, uint16_t total, uint16_t *length)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ether + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	struct udp_frame *frame = (struct udp_frame *)(udp + 1);
	static char text[UDP_DATAGRAM_MAX + 1];

	CU_ASSERT(rte_is_same_ether_addr(&ether->dst_addr, &frames_client_mac));
	CU_ASSERT(rte_is_same_ether_addr(&ether->src_addr, &frames_us_mac));
	CU_ASSERT_EQUAL(rte_raw_cksum(ip, sizeof(*ip)), 0xffff);
	CU_ASSERT_EQUAL(ip->src_addr, FRAMES_US);
	CU_ASSERT_EQUAL(ip->dst_addr, FRAMES_CLIENT);
	CU_ASSERT_EQUAL(rte_be_to_cpu_16(ip->total_length), mbuf->data_len - sizeof(*ether));
	CU_ASSERT_EQUAL(udp->src_port, FRAMES_PORT);
	CU_ASSERT_EQUAL(udp->dst_port, RTE_BE16(4000));
	CU_ASSERT_NOT_EQUAL(udp->dgram_cksum, 0);
	CU_ASSERT_EQUAL(rte_ipv4_udptcp_cksum(ip, udp), 0xffff);
	CU_ASSERT_EQUAL(frame->request_id, RTE_BE16(0x1234));
	CU_ASSERT_EQUAL(rte_be_to_cpu_16(frame->sequence), sequence);
	CU_ASSERT_EQUAL(rte_be_to_cpu_16(frame->total), total);
	CU_ASSERT_EQUAL(frame->reserved, 0);
	*length = (uint16_t)(rte_be_to_cpu_16(udp->dgram_len) - sizeof(*udp) - sizeof(*frame));
	memcpy(text, frame + 1, *length);
	text[*length] = '\0';
	rte_pktmbuf_free(mbuf);
	return text;
}

static void
expect_answer(struct rig *rig, const char *expected)
{
	struct rte_mbuf *mbuf = rig_take(rig);
	uint16_t length;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	CU_ASSERT_STRING_EQUAL(answer_text(mbuf, 0, 1, &length), expected);
}

/* Ends a test: the accounts balance and every buffer is back. */
static void
finish(struct rig *rig)
{
	struct rte_mempool *pool = rig->pool;

	CU_ASSERT_PTR_NULL(rig_take(rig));
	CU_ASSERT(rig_conserves(rig));
	rig_stop(rig);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void
what_is_set_is_got(void)
{
	struct rig *rig = rig_start(1, 1024);

	put_command(rig, "set k 7 0 5\r\nhello\r\n");
	put_command(rig, "get k\r\n");
	put_command(rig, "get none\r\n");
	put_command(rig, "incr k 1\r\n");
	rig_run(rig);
	expect_answer(rig, "STORED\r\n");
	expect_answer(rig, "VALUE k 7 5\r\nhello\r\nEND\r\n");
	expect_answer(rig, "END\r\n");
	expect_answer(rig, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
	CU_ASSERT_EQUAL(rig->worker[0]->net.answered, 4);
	finish(rig);
}

/* A get behind a set of the same burst sees it, though both were probed before either ran. */
static void
a_burst_keeps_its_order(void)
{
	struct rig *rig = rig_start(1, 1024);

	for (unsigned int i = 0; i < 32; i++) {
		char command[64];

		snprintf(command, sizeof(command), "set k 0 0 2\r\n%02u\r\n", i);
		put_command(rig, command);
		put_command(rig, "get k\r\n");
	}
	rig_run(rig);
	for (unsigned int i = 0; i < 32; i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "VALUE k 0 2\r\n%02u\r\nEND\r\n", i);
		expect_answer(rig, "STORED\r\n");
		expect_answer(rig, expected);
	}
	finish(rig);
}

static void
several_commands_make_one_message(void)
{
	struct rig *rig = rig_start(1, 1024);

	put_command(rig, "set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\nget a b c\r\ndelete a\r\n");
	rig_run(rig);
	expect_answer(rig, "STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n"
			   "DELETED\r\n");
	finish(rig);
}

/* More keys in one datagram than a batch holds: the reply goes on over the parts. */
static void
a_datagram_larger_than_a_batch(void)
{
	struct rig *rig = rig_start(1, 1024);
	char command[1440] = "get", *end = command + 3;

	put_command(rig, "set k 0 0 1\r\nx\r\n");
	for (unsigned int i = 0; i < 2 * BATCH_REQUESTS; i++)
		end = stpcpy(end, i == 0 || i == 2 * BATCH_REQUESTS - 1 ? " k" : " n");
	stpcpy(end, "\r\n");
	put_command(rig, command);
	put_command(rig, "get k\r\n");
	rig_run(rig);
	expect_answer(rig, "STORED\r\n");
	expect_answer(rig, "VALUE k 0 1\r\nx\r\nVALUE k 0 1\r\nx\r\nEND\r\n");
	expect_answer(rig, "VALUE k 0 1\r\nx\r\nEND\r\n");
	finish(rig);
}

/* Makes k a value of 1000 * pieces bytes. */
static void
store_large(struct rig *rig, unsigned int pieces)
{
	char command[1100];
	int length;

	put_command(rig, "set k 0 0 0\r\n\r\n");
	for (unsigned int i = 0; i < pieces; i++) {
		length = snprintf(command, sizeof(command), "append k 0 0 1000\r\n");
		memset(command + length, 'a' + (int)(i % 26), 1000);
		strcpy(command + length + 1000, "\r\n");
		put_command(rig, command);
	}
	rig_run(rig);
	for (unsigned int i = 0; i <= pieces; i++)
		expect_answer(rig, "STORED\r\n");
}

static void
a_large_value_fills_its_datagrams(void)
{
	enum {
		PIECES = 10,
		ROOM = UDP_DATAGRAM_MAX - UDP_FRAME_LENGTH
	};
	struct rig *rig = rig_start(1, 1024);
	char whole[PIECES * 1000 + 100] = "VALUE k 0 10000\r\n", got[sizeof(whole)] = "";
	char *end = whole + strlen(whole);
	uint16_t length, total;

	for (unsigned int i = 0; i < PIECES; i++, end += 1000)
		memset(end, 'a' + (int)i, 1000);
	strcpy(end, "\r\nEND\r\n");
	total = (uint16_t)((strlen(whole) + ROOM - 1) / ROOM);
	store_large(rig, PIECES);
	put_command(rig, "get k\r\n");
	rig_run(rig);
	for (uint16_t i = 0; i < total; i++) {
		struct rte_mbuf *mbuf = rig_take(rig);

		CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
		strcat(got, answer_text(mbuf, i, total, &length));
		CU_ASSERT(length == ROOM || i + 1 == total);
	}
	CU_ASSERT_STRING_EQUAL(got, whole);
	finish(rig);
}

static void
a_reply_without_buffers_is_dropped_whole(void)
{
	struct rig *rig = rig_start(1, 1024);
	struct rte_mbuf *held[2047];
	unsigned int count = 0;

	store_large(rig, 10);
	put_command(rig, "get k\r\n");
	while ((held[count] = rte_pktmbuf_alloc(rig->pool)) != NULL)
		count++;
	rte_pktmbuf_free(held[--count]);
	rte_pktmbuf_free(held[--count]);
	rig_run(rig);
	CU_ASSERT_PTR_NULL(rig_take(rig));
	CU_ASSERT_EQUAL(rig->worker[0]->net.drops[NET_DROP_reply_no_buffer], 1);
	rte_pktmbuf_free_bulk(held, count);
	finish(rig);
}

static void
put_gets(struct rig *rig, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		put_command(rig, "get k\r\n");
}

static void
expect_misses(struct rig *rig, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		expect_answer(rig, "END\r\n");
	CU_ASSERT_PTR_NULL(rig_take(rig));
}

/*
 * The worker's life is two runs here, each of which ends with a full port and loses what it had answered by then: one
 * packet and a burst of 32. What came after these was left where it lay.
 */
static void
a_full_port_holds_answers_back(void)
{
	struct rig *rig = rig_start(1, 64);

	put_gets(rig, 100);
	rig_run(rig);
	CU_ASSERT_EQUAL(rig->worker[0]->net.answered, 63);
	CU_ASSERT_EQUAL(rig->worker[0]->net.drops[NET_DROP_transmit_full], 1 + 32);
	expect_misses(rig, 63);
	rig_run(rig);
	CU_ASSERT_EQUAL(rig->worker[0]->net.answered, 63 + 4);
	CU_ASSERT_EQUAL(rig->worker[0]->net.drops[NET_DROP_transmit_full], 1 + 32);
	expect_misses(rig, 4);
	finish(rig);
}

static void
a_port_that_stays_full_loses_packets_by_name(void)
{
	struct rig *rig = rig_start(1, 64);

	put_gets(rig, 63);
	rig_run(rig);
	rig->worker[0]->ports[0].held_since = 1; /* long ago */
	put_gets(rig, 37);
	rig_run(rig);
	CU_ASSERT_EQUAL(rig->worker[0]->net.answered, 63);
	CU_ASSERT_EQUAL(rig->worker[0]->net.drops[NET_DROP_transmit_full], 37);
	CU_ASSERT_EQUAL(rig->worker[0]->net.tx_lost, 37);
	expect_misses(rig, 63);
	put_gets(rig, 1);
	rig_run(rig);
	CU_ASSERT_EQUAL(rig->worker[0]->ports[0].held_since, 0);
	expect_misses(rig, 1);
	finish(rig);
}

/* Puts in a datagram with this frame header and command; expects silence and a cause. */
static void
expect_silence(struct rig *rig, const void *header, const char *command, enum net_drop cause)
{
	uint64_t before = rig->worker[0]->net.drops[cause];
	uint8_t payload[1600];
	struct frame frame;

	memcpy(payload, header, UDP_FRAME_LENGTH);
	memcpy(payload + UDP_FRAME_LENGTH, command, strlen(command));
	frame = frame_udp((struct frame_spec){
		.payload = payload, .length = (uint16_t)(UDP_FRAME_LENGTH + strlen(command))});
	rig_put(rig, &frame);
	rig_run(rig);
	CU_ASSERT_PTR_NULL(rig_take(rig));
	CU_ASSERT_EQUAL(rig->worker[0]->net.drops[cause], before + 1);
}

static void
datagrams_without_an_answer(void)
{
	struct rig *rig = rig_start(1, 1024);

	expect_silence(rig, "\0\1\0\0\0\1\0\0", "", NET_DROP_udp_frame_short);
	expect_silence(rig, "\0\1\0\0\0\2\0\0", "get k\r\n", NET_DROP_udp_frame_total);
	expect_silence(rig, "\0\1\0\0\0\0\0\0", "get k\r\n", NET_DROP_udp_frame_total);
	expect_silence(rig, "\0\1\0\0\0\1\0\0", "get k", NET_DROP_request_incomplete);
	expect_silence(rig, "\0\1\0\0\0\1\0\0", "set k 0 0 5\r\nhel", NET_DROP_request_incomplete);
	expect_silence(rig, "\0\1\0\0\0\1\0\0", "set k 0 0 2 noreply\r\nhi\r\n", NET_DROP_no_reply);
	expect_silence(rig, "\0\1\0\0\0\1\0\0", "quit\r\n", NET_DROP_no_reply);
	finish(rig);
}

/* memcached ignores the sequence number and the reserved field of a request. */
static void
a_sequence_number_is_ignored(void)
{
	struct rig *rig = rig_start(1, 1024);
	struct frame frame = frame_udp(
		(struct frame_spec){.payload = "\x12\x34\0\x9\0\1\0\x7get k\r\n", .length = 15});

	rig_put(rig, &frame);
	rig_run(rig);
	expect_answer(rig, "END\r\n");
	finish(rig);
}

/* Random damage of every kind: each packet ends in exactly one counter and no buffer is lost. */
static void
the_accounts_balance_under_noise(void)
{
	static const char *const commands[] = {"get k\r\n",
					       "set k 0 0 3\r\nabc\r\n",
					       "set k 0 0 3 noreply\r\nabc\r\n",
					       "incr k 1\r\n",
					       "get a b c d e f g\r\n",
					       "bogus\r\n",
					       "delete k\r\n",
					       "gets k",
					       "version\r\nget k\r\n",
					       "touch k 100\r\n",
					       "flush_all\r\n"};
	struct rig *rig = rig_start(2, 1024);
	struct rte_mbuf *mbuf;

	rte_srand(42);
	for (unsigned int round = 0; round < 400; round++) {
		for (unsigned int i = 0; i < 50; i++) {
			struct frame frame =
				frame_command(commands[rte_rand_max(RTE_DIM(commands))]);
			uint64_t dice = rte_rand_max(8);

			if (dice == 0)
				frame = frame_echo((unsigned int)rte_rand_max(3), 0, 20);
			if (dice == 1)
				frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_CLIENT, FRAMES_US);
			for (uint64_t flips = rte_rand_max(3); dice > 4 && flips > 0; flips--)
				frame.bytes[rte_rand_max(frame.length)] ^=
					(uint8_t)(1 << rte_rand_max(8));
			if (dice == 2)
				frame.length = (uint16_t)rte_rand_max(frame.length + 1u);
			rig_put(rig, &frame);
		}
		rig_run(rig);
		while ((mbuf = rig_take(rig)) != NULL)
			rte_pktmbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(rig->worker[0]->net.rx_packets, 400 * 50);
	CU_ASSERT(rig->worker[0]->net.answered > 1000);
	CU_ASSERT(rig_drops(rig) > 1000);
	finish(rig);
}

/* Two workers, one queue: half the flows are answered by the other, through the rings. */
static void
flows_are_handed_to_their_owner(void)
{
	struct rig *rig = rig_start(2, 1024);
	uint64_t handed;

	for (unsigned int i = 0; i < 60; i++) {
		struct frame frame = frame_command("get k\r\n");
		struct rte_udp_hdr *udp = frame_l4(&frame);

		udp->src_port = rte_cpu_to_be_16((uint16_t)(4000 + i));
		udp->dgram_cksum = 0;
		rig_put(rig, &frame);
	}
	rig_run(rig);
	handed = rig->worker[0]->net.handed_over;
	CU_ASSERT(handed > 15 && handed < 45);
	CU_ASSERT_EQUAL(rig->worker[1]->net.taken_over, handed);
	CU_ASSERT_EQUAL(rig->worker[1]->proto.get_misses, handed);
	CU_ASSERT_EQUAL(rig->worker[0]->net.answered, 60);
	for (unsigned int i = 0; i < 60; i++) {
		struct rte_mbuf *mbuf = rig_take(rig);

		CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
		rte_pktmbuf_free(mbuf);
	}
	finish(rig);
}

static void
a_full_ring_drops_by_name(void)
{
	struct rig *rig = rig_start(2, 1024);
	struct rte_mbuf *mbuf;

	for (unsigned int i = 0; i < 400; i++) {
		struct frame frame = frame_command("get k\r\n");
		struct rte_udp_hdr *udp = frame_l4(&frame);

		udp->src_port = rte_cpu_to_be_16((uint16_t)(4000 + i));
		udp->dgram_cksum = 0;
		rig_put(rig, &frame);
	}
	rig_run(rig);
	CU_ASSERT_EQUAL(rig->worker[0]->net.handed_over, 63);
	CU_ASSERT(rig->worker[0]->net.drops[NET_DROP_handover_full] > 50);
	while ((mbuf = rig_take(rig)) != NULL)
		rte_pktmbuf_free(mbuf);
	finish(rig);
}

static void
a_rival_is_noticed_and_answered_once(void)
{
	struct rig *rig = rig_start(1, 1024);
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_US, FRAMES_US);
	struct rte_mbuf *mbuf, *probe = rte_pktmbuf_alloc(rig->pool);
	unsigned int sent = 0, steps = 0;
	uint64_t claimer = 0;
	const struct rte_arp_hdr *arp;

	rig_put(rig, &frame);
	rig_put(rig, &frame);
	rig_run(rig);
	memcpy(&claimer, &frames_client_mac, sizeof(frames_client_mac));
	CU_ASSERT_EQUAL(atomic_load(&rig->worker[0]->ports[0].claimer), claimer);
	CU_ASSERT_EQUAL(rig->worker[0]->net.drops[NET_DROP_arp_conflict], 2);
	mbuf = rig_take(rig);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	arp = rte_pktmbuf_mtod_offset(mbuf, const struct rte_arp_hdr *, RTE_ETHER_HDR_LEN);
	CU_ASSERT_EQUAL(arp->arp_data.arp_sip, FRAMES_US);
	/* the rest announces our other addresses, none of them twice */
	for (; mbuf != NULL; mbuf = rig_take(rig)) {
		rte_pktmbuf_free(mbuf);
		sent++;
	}
	CU_ASSERT_EQUAL(rig->worker[0]->net.tx_unasked, sent);
	while (announce(&rig->worker[0]->ports[0].interface, probe, steps) == 0) {
		rte_pktmbuf_reset(probe);
		steps++;
	}
	rte_pktmbuf_free(probe);
	CU_ASSERT_EQUAL(sent, steps);
	finish(rig);
}

SUITE("worker", TEST(what_is_set_is_got), TEST(a_burst_keeps_its_order),
      TEST(several_commands_make_one_message), TEST(a_datagram_larger_than_a_batch),
      TEST(a_large_value_fills_its_datagrams), TEST(a_reply_without_buffers_is_dropped_whole),
      TEST(a_full_port_holds_answers_back), TEST(a_port_that_stays_full_loses_packets_by_name),
      TEST(datagrams_without_an_answer), TEST(a_sequence_number_is_ignored),
      TEST(the_accounts_balance_under_noise), TEST(flows_are_handed_to_their_owner),
      TEST(a_full_ring_drops_by_name), TEST(a_rival_is_noticed_and_answered_once))
