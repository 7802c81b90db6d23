/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes both ways: order, acknowledgements, windows, losses, and the timers behind them. */
#include "tests/net/tcp_rig.h"

static struct rig rig;

static void
begin(void)
{
	struct tcp_options options = rig_options();

	rig_begin(&rig, &options);
	rig_open(&rig);
}

/* Data out of its place: `offset` bytes after what was sent last in order. */
static void
put_at(uint32_t offset, const char *data)
{
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
				      .seq = rig.seq + offset,
				      .ack = rig.ack,
				      .data = data,
				      .length = (uint16_t)strlen(data)});
}

static void
reassembles_whatever_the_order(void)
{
	uint8_t bytes[32];

	begin();
	put_at(8, "iiijjj");
	put_at(2, "cc");
	put_at(5, "fffiii");
	put_at(1, "bcccd");
	CU_ASSERT_EQUAL(tcp_next_ready(rig.tcp), NULL);
	put_at(0, "aa");
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.ready, 1);
	CU_ASSERT_EQUAL(rig_read(&rig, bytes, sizeof(bytes)), 14);
	/* the first that came counts where they overlap */
	CU_ASSERT_EQUAL(memcmp(bytes, "aacccfffiiijjj", 14), 0);
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, rig.seq + 14);
	CU_ASSERT_EQUAL(rig_last(&rig)->sacks, 1); /* D-SACK for what came twice */
	rig_end(&rig);
}

static void
blocks_tell_of_gaps_latest_first(void)
{
	struct rig_segment *last;

	begin();
	put_at(10, "aa");
	rig_flush(&rig);
	put_at(20, "bb");
	rig_flush(&rig);
	put_at(30, "cc");
	rig_flush(&rig);
	put_at(22, "dd");
	rig_flush(&rig);
	last = rig_last(&rig);
	CU_ASSERT_EQUAL(last->ack, rig.seq);
	CU_ASSERT_EQUAL_FATAL(last->sacks, 3);
	CU_ASSERT_EQUAL(last->sack[0][0], rig.seq + 20);
	CU_ASSERT_EQUAL(last->sack[0][1], rig.seq + 24);
	CU_ASSERT_EQUAL(last->sack[1][0], rig.seq + 30);
	CU_ASSERT_EQUAL(last->sack[2][0], rig.seq + 10);
	rig_end(&rig);
}

static void
acknowledgements_wait_ride_or_go_at_once(void)
{
	static const uint8_t full[1448];

	begin();
	rig_send(&rig, "a", 1);
	CU_ASSERT_EQUAL(rig.out_count, 0);
	rig_pass(&rig, 39000);
	CU_ASSERT_EQUAL(rig.out_count, 0);
	rig_pass(&rig, 3000);
	CU_ASSERT_EQUAL(rig.out_count, 1);
	rig_send(&rig, "b", 1);
	rig_write(&rig, 10);
	CU_ASSERT_EQUAL(rig.out_count, 2);
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, rig.seq);
	rig_ack(&rig, rig.ack + 10);
	rig_pass(&rig, 100000);
	CU_ASSERT_EQUAL(rig.out_count, 2);
	rig_send(&rig, full, sizeof(full));
	CU_ASSERT_EQUAL(rig.out_count, 2);
	rig_send(&rig, full, sizeof(full));
	CU_ASSERT_EQUAL(rig.out_count, 3);
	rig_end(&rig);
}

/* An application that takes nothing: the window closes, nothing is taken back, and it opens again. */
static void
window_closes_and_opens(void)
{
	static uint8_t full[1448], taken[512 << 10];
	uint32_t edge = 0, sent = 0;

	begin();
	for (;;) {
		struct rig_segment *last;

		rig_send(&rig, full, sizeof(full));
		sent += sizeof(full);
		if (rig.out_count == 0)
			continue;
		last = rig_last(&rig);
		if (last->ack != rig.seq)
			break;
		CU_ASSERT((int32_t)(last->ack + (last->window << 7) + 127 - edge) >= 0 ||
			  edge == 0);
		edge = last->ack + (uint32_t)(last->window << 7);
		rig_forget_out(&rig);
		CU_ASSERT_FATAL(sent < sizeof(taken));
	}
	CU_ASSERT(sent <= (256 << 10) + 2 * sizeof(full));
	CU_ASSERT_EQUAL(rig_last(&rig)->window, 0);
	rig_forget_out(&rig);
	CU_ASSERT(rig_read(&rig, taken, sizeof(taken)) > 250000);
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.out_count, 1);
	CU_ASSERT(rig_last(&rig)->window > 1000);
	rig_end(&rig);
}

static void
replies_leave_in_full_segments(void)
{
	begin();
	rig_write(&rig, 3000);
	CU_ASSERT_EQUAL_FATAL(rig.out_count, 3);
	CU_ASSERT_EQUAL(rig.out[0].length, 1448);
	CU_ASSERT_EQUAL(rig.out[2].length, 3000 - 2 * 1448);
	CU_ASSERT_EQUAL(rig.out[2].flags, RIG_ACK | RIG_PSH);
	for (unsigned int i = 0; i < 3000; i++)
		CU_ASSERT_EQUAL(rig.out[i / 1448].data[i % 1448], (uint8_t)i);
	rig_ack(&rig, rig.ack + 3000);
	CU_ASSERT_EQUAL(rig.stats.buffered, 0);
	rig_end(&rig);
}

static void
pinned_bytes_are_let_go_when_acknowledged(void)
{
	static const uint8_t value[5000] = {1, 2, 3};

	begin();
	CU_ASSERT_EQUAL(tcp_send_pinned(rig.connection, value, sizeof(value), 7), 0);
	tcp_flush(rig.tcp);
	CU_ASSERT_EQUAL(rig.out_count, 4);
	rig_ack(&rig, rig.ack + 4999);
	CU_ASSERT_EQUAL(rig.unpinned, 0);
	rig_ack(&rig, rig.ack + 1);
	CU_ASSERT_EQUAL(rig.unpinned, 1);
	rig_end(&rig);
}

/* RFC 6298: 1 s at least here, twice as long each time, eight times, then RST. */
static void
timeouts_back_off_and_end(void)
{
	struct tcp_options options = rig_options();
	uint64_t before, wait = 0;

	options.rto_min = 200000;
	options.no_progress = 0;
	rig_begin(&rig, &options);
	rig_open_with(&rig, rig_syn_mss, sizeof(rig_syn_mss));
	rig_write(&rig, 100);
	before = rig.out[0].at;
	rig_pass(&rig, 300 * RIG_SECOND);
	CU_ASSERT_EQUAL_FATAL(rig.out_count, 10);
	for (unsigned int i = 1; i <= 8; i++) {
		uint64_t waited = rig.out[i].at - before;

		CU_ASSERT_EQUAL(rig.out[i].length, 100);
		CU_ASSERT(i == 1 ? waited >= 199000 && waited < 210000
				 : waited >= 2 * wait - 5000 && waited <= 2 * wait + 5000);
		wait = waited;
		before = rig.out[i].at;
	}
	CU_ASSERT((rig.out[9].flags & RIG_RST) != 0);
	CU_ASSERT_EQUAL(rig.stats.timeouts, 8);
	CU_ASSERT_EQUAL(rig.stats.reset_timeout, 1);
	CU_ASSERT_EQUAL(rig.closed, 1);
	rig_end(&rig);
}

/* RFC 8985, 7: the last segment is sent again long before the timeout. */
static void
tail_loss_is_probed(void)
{
	begin();
	rig_write(&rig, 100);
	rig_pass(&rig, 100000);
	CU_ASSERT_EQUAL_FATAL(rig.out_count, 2);
	CU_ASSERT(rig.out[1].at - rig.out[0].at < 100000);
	CU_ASSERT_EQUAL(rig.out[1].sequence, rig.out[0].sequence);
	CU_ASSERT_EQUAL(rig.stats.tail_loss_probes, 1);
	rig_end(&rig);
}

static void
put_sack(uint32_t begin, uint32_t end)
{
	uint8_t options[24] = {1, 1, 8, 10};
	rte_be32_t words[5] = {rte_cpu_to_be_32(rig.stamp), rte_cpu_to_be_32(rig_last(&rig)->stamp),
			       RTE_BE32(0x0101050a), rte_cpu_to_be_32(begin),
			       rte_cpu_to_be_32(end)};

	memcpy(options + 4, words, sizeof(words));
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
				      .seq = rig.seq,
				      .ack = rig.ack,
				      .options = options,
				      .options_length = sizeof(options)});
	rig_flush(&rig);
}

/* RACK: a hole before what was delivered is filled without a timeout, and only the hole. */
static void
holes_are_filled_by_sack(void)
{
	uint32_t first;

	begin();
	rig_write(&rig, 10 * 1448);
	CU_ASSERT_EQUAL_FATAL(rig.out_count, 10);
	first = rig.out[0].sequence;
	rig_wait(&rig, 2000);
	put_sack(first + 1448, first + 10 * 1448);
	rig_pass(&rig, 20000);
	CU_ASSERT_EQUAL_FATAL(rig.out_count, 11);
	CU_ASSERT_EQUAL(rig.out[10].sequence, first);
	CU_ASSERT_EQUAL(rig.out[10].length, 1448);
	CU_ASSERT_EQUAL(rig.stats.fast_retransmits, 1);
	CU_ASSERT_EQUAL(rig.stats.timeouts, 0);
	rig_ack(&rig, first + 10 * 1448);
	CU_ASSERT_EQUAL(rig.stats.buffered, 0);
	rig_end(&rig);
}

/* RFC 6582, without SACK: the third duplicate acknowledgement. */
static void
holes_are_filled_by_duplicates(void)
{
	struct tcp_options options = rig_options();
	uint32_t first;

	rig_begin(&rig, &options);
	rig_open_with(&rig, rig_syn_mss, sizeof(rig_syn_mss));
	rig_write(&rig, 10 * 1460);
	first = rig.out[0].sequence;
	rig_forget_out(&rig);
	rig_ack(&rig, first);
	rig_ack(&rig, first);
	CU_ASSERT_EQUAL(rig.out_count, 0);
	rig_ack(&rig, first);
	rig_ack(&rig, first);
	rig_ack(&rig, first);
	CU_ASSERT_EQUAL_FATAL(rig.out_count, 1);
	CU_ASSERT_EQUAL(rig.out[0].sequence, first);
	CU_ASSERT_EQUAL(rig.stats.fast_retransmits, 1);
	rig_ack(&rig, first + 3 * 1460); /* partial: the next hole */
	CU_ASSERT_EQUAL(rig.out[1].sequence, first + 3 * 1460);
	rig_end(&rig);
}

/* Zero window: probes with backoff while the peer answers, and an end when it takes nothing. */
static void
slow_reader(void)
{
	begin();
	rig_put(&rig,
		(struct rig_in){.flags = RIG_ACK, .seq = rig.seq, .ack = rig.ack, .window = -1});
	rig_write(&rig, 1000);
	CU_ASSERT_EQUAL(rig.out_count, 0);
	for (unsigned int i = 0; i < 300 && rig.closed == 0; i++) {
		unsigned int probes = (unsigned int)rig.stats.window_probes;

		rig_pass(&rig, 100000);
		if (rig.stats.window_probes > probes)
			rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
						      .seq = rig.seq,
						      .ack = rig.ack,
						      .window = -1});
	}
	CU_ASSERT(rig.stats.window_probes >= 5 && rig.stats.window_probes <= 10);
	rig_pass(&rig, 5 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.reset_no_progress, 1);
	CU_ASSERT_EQUAL(rig.closed, 1);
	rig_end(&rig);
}

static void
window_that_shrinks_is_borne(void)
{
	begin();
	rig_write(&rig, 5000);
	CU_ASSERT_EQUAL(rig.out_count, 4);
	rig_put(&rig,
		(struct rig_in){.flags = RIG_ACK, .seq = rig.seq, .ack = rig.ack, .window = -1});
	rig_pass(&rig, 2 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.connections, 1);
	rig_ack(&rig, rig.ack + 5000);
	CU_ASSERT_EQUAL(rig.stats.buffered, 0);
	rig_end(&rig);
}

static void
congestion_is_told_and_relieved(void)
{
	begin();
	rig_write(&rig, rig.options.unsent);
	CU_ASSERT(tcp_is_congested(rig.connection));
	rig_flush(&rig);
	while (rig.stats.buffered > rig.options.unsent / 4) {
		struct rig_segment *last = rig_last(&rig);

		rig_ack(&rig, last->sequence + last->length);
	}
	CU_ASSERT(!tcp_is_congested(rig.connection));
	CU_ASSERT_EQUAL(tcp_next_ready(rig.tcp), NULL);
	rig_end(&rig);
}

/* A sender of single bytes that nobody reads keeps few packet buffers. */
static void
one_byte_sender(void)
{
	static uint8_t bytes[40000];
	unsigned int kept;

	begin();
	for (unsigned int i = 0; i < 30000; i++) {
		rig_send(&rig, &(uint8_t){(uint8_t)(i * 7)}, 1);
		rig_forget_out(&rig);
	}
	kept = rig.free_mbufs - rte_mempool_avail_count(rig.pool);
	CU_ASSERT(kept < 40);
	CU_ASSERT_EQUAL(rig_read(&rig, bytes, sizeof(bytes)), 30000);
	for (unsigned int i = 0; i < 30000; i++)
		CU_ASSERT_EQUAL(bytes[i], (uint8_t)(i * 7));
	rig_end(&rig);
}

static void
keepalive_and_idle(void)
{
	struct tcp_options options = rig_options();

	options.keepalive = 10 * RIG_SECOND;
	rig_begin(&rig, &options);
	rig_open(&rig);
	rig_pass(&rig, 10.2 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.keepalive_probes, 1);
	CU_ASSERT_EQUAL(rig_last(&rig)->sequence, rig.ack - 1);
	rig_ack(&rig, rig.ack);
	rig_pass(&rig, 9 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.keepalive_probes, 1);
	rig_pass(&rig, 200 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.keepalive_probes, 10);
	CU_ASSERT_EQUAL(rig.closed, 1);
	rig_end(&rig);

	options.keepalive = 0;
	options.idle = 5 * RIG_SECOND;
	rig_begin(&rig, &options);
	rig_open(&rig);
	rig_pass(&rig, 6 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.reset_idle, 1);
	CU_ASSERT_EQUAL(rig.closed, 1);
	rig_end(&rig);
}

/* As of a watcher, who has nothing to say: silence neither resets it nor counts as idle. */
static void
patience_outlasts_idle_time(void)
{
	struct tcp_options options = rig_options();
	struct tcp_peer peer;

	options.idle = 5 * RIG_SECOND;
	rig_begin(&rig, &options);
	rig_open(&rig);
	tcp_be_patient(rig.accepted);
	rig_pass(&rig, 600 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.closed, 0);
	tcp_describe(rig.accepted, &peer);
	CU_ASSERT_FALSE(peer.idle);
	CU_ASSERT(peer.silent_seconds >= 599);
	rig_end(&rig);

	/* but a host that is gone is found out */
	options.keepalive = 10 * RIG_SECOND;
	rig_begin(&rig, &options);
	rig_open(&rig);
	tcp_be_patient(rig.accepted);
	rig_pass(&rig, 1000 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.reset_timeout, 1);
	CU_ASSERT_EQUAL(rig.closed, 1);
	rig_end(&rig);
}

/* Data of which the frame's source is the client's with something added. */
static void
send_from(uint8_t spoilt)
{
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK | RIG_PSH,
				      .seq = rig.seq,
				      .ack = rig.ack,
				      .data = "x",
				      .length = 1,
				      .spoilt = spoilt});
	rig.seq++;
	rig_flush(&rig);
	rig_pass(&rig, 100000);
}

static bool
answers_go_to(uint8_t added)
{
	struct rte_ether_addr wanted = frames_client_mac;

	wanted.addr_bytes[5] = (uint8_t)(wanted.addr_bytes[5] + added);
	return rte_is_same_ether_addr(&rig_last(&rig)->to, &wanted);
}

/* No checksum covers a frame's addresses: one that differs is no news, two are. */
static void
a_spoilt_source_is_not_believed(void)
{
	begin();
	send_from(0);
	CU_ASSERT(answers_go_to(0));
	send_from(1);
	CU_ASSERT(answers_go_to(0));
	send_from(2);
	CU_ASSERT(answers_go_to(0));
	send_from(2);
	CU_ASSERT(answers_go_to(2));
	send_from(0);
	send_from(0);
	CU_ASSERT(answers_go_to(0));
	rig_end(&rig);
}

SUITE("TCP: bytes both ways", TEST(reassembles_whatever_the_order),
      TEST(blocks_tell_of_gaps_latest_first), TEST(acknowledgements_wait_ride_or_go_at_once),
      TEST(window_closes_and_opens), TEST(replies_leave_in_full_segments),
      TEST(pinned_bytes_are_let_go_when_acknowledged), TEST(timeouts_back_off_and_end),
      TEST(tail_loss_is_probed), TEST(holes_are_filled_by_sack),
      TEST(holes_are_filled_by_duplicates), TEST(slow_reader), TEST(window_that_shrinks_is_borne),
      TEST(congestion_is_told_and_relieved), TEST(one_byte_sender), TEST(keepalive_and_idle),
      TEST(patience_outlasts_idle_time), TEST(a_spoilt_source_is_not_believed))
