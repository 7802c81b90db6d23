/* SPDX-License-Identifier: BSD-3-Clause */
/* What attackers and broken peers send, and how connections end. */
#include "tests/net/tcp_rig.h"

static struct rig rig;

static void
begin(void)
{
	struct tcp_options options = rig_options();

	rig_begin(&rig, &options);
	rig_open(&rig);
}

/* RFC 5961, 3.2 */
static void
blind_rst(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = rig.seq + 100});
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.stats.challenge_acks, 1);
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_ACK);
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, rig.seq);
	rig_forget_out(&rig);
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = rig.seq - 1});
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = rig.seq + (300 << 10)});
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.out_count, 0);
	CU_ASSERT_EQUAL(rig.closed, 0);
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = rig.seq});
	CU_ASSERT_EQUAL(rig.closed, 1);
	CU_ASSERT_EQUAL(rig.stats.reset_by_peer, 1);
	rig_end(&rig);
}

/* RFC 5961, 4.2 and 7: answered by a challenge, of which there are few. */
static void
syn_in_window_and_challenges_are_limited(void)
{
	begin();
	for (uint32_t i = 0; i < 10000; i++) {
		rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = rig.seq + i});
		rig_flush(&rig);
	}
	CU_ASSERT_EQUAL(rig.stats.challenge_acks, 1);
	CU_ASSERT_EQUAL(rig.stats.challenge_acks_limited, 9999);
	CU_ASSERT_EQUAL(rig.out_count, 1);
	rig_wait(&rig, RIG_SECOND);
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = rig.seq});
	CU_ASSERT_EQUAL(rig.stats.challenge_acks, 2);
	CU_ASSERT_EQUAL(rig.closed, 0);
	rig_end(&rig);
}

/* RFC 5961, 5.2: data with an acknowledgement that we never could get is not taken. */
static void
injected_data(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
				      .seq = rig.seq,
				      .ack = rig.ack + 1000,
				      .data = "evil",
				      .length = 4});
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
				      .seq = rig.seq,
				      .ack = rig.ack - (1u << 30),
				      .data = "evil",
				      .length = 4});
	rig_put(&rig, (struct rig_in){.flags = RIG_PSH | RIG_ACK,
				      .seq = rig.seq + (1 << 20),
				      .ack = rig.ack,
				      .data = "evil",
				      .length = 4});
	CU_ASSERT_EQUAL(rig.stats.bad_ack, 2);
	CU_ASSERT_EQUAL(rig.stats.out_of_window, 1);
	CU_ASSERT_PTR_NULL(tcp_next_ready(rig.tcp));
	rig_end(&rig);
}

static void
old_timestamps_are_dropped(void)
{
	begin();
	rig.stamp = 70000;
	rig_send(&rig, "old", 3);
	CU_ASSERT_EQUAL(rig.stats.paws_dropped, 1);
	CU_ASSERT_EQUAL(rig.ready, 0);
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
				      .seq = rig.seq,
				      .ack = rig.ack,
				      .data = "none",
				      .length = 4,
				      .without_stamps = true});
	CU_ASSERT_EQUAL(rig.stats.paws_dropped, 2);
	rig_end(&rig);
}

static void
flags_that_make_no_sense(void)
{
	static const uint8_t senseless[] = {0x00, 0x29, 0x2b, 0x3f, 0x03, 0x06,
					    0x05, 0x01, 0x08, 0x20, 0x13, 0x14 | 0x02};

	begin();
	for (unsigned int i = 0; i < RTE_DIM(senseless); i++)
		rig_put(&rig,
			(struct rig_in){.flags = senseless[i], .seq = rig.seq, .ack = rig.ack});
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.stats.bad_flags, RTE_DIM(senseless));
	CU_ASSERT_EQUAL(rig.out_count, 0);
	CU_ASSERT_EQUAL(rig.closed, 0);
	rig_end(&rig);
}

/* S. Savage et al., 1999: the same bytes, acknowledged in one piece or one by one, or ahead of time. */
static void
ack_division_and_optimistic_acks(void)
{
	unsigned int flights[2];

	for (unsigned int divided = 0; divided < 2; divided++) {
		uint32_t first;

		begin();
		rig_write(&rig, 60000);
		first = rig.out[0].sequence;
		CU_ASSERT_EQUAL(rig.out_count, 10);
		rig.now += 1000;
		tcp_advance(rig.tcp, rig.now);
		for (uint32_t i = 1; i <= 1448; i += divided ? 1 : 1448)
			rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
						      .seq = rig.seq,
						      .ack = first + (divided ? i : 1448)});
		rig_flush(&rig);
		flights[divided] = rig.out_count;
		rig_put(&rig,
			(struct rig_in){.flags = RIG_ACK, .seq = rig.seq, .ack = first + 59999});
		CU_ASSERT_EQUAL(rig.stats.bad_ack, 1);
		rig_end(&rig);
	}
	CU_ASSERT_EQUAL(flights[0], flights[1]);
	CU_ASSERT(flights[0] <= 12);
}

static void
urgent_data_is_only_data(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK | RTE_TCP_URG_FLAG,
				      .seq = rig.seq,
				      .ack = rig.ack,
				      .data = "urgent",
				      .length = 6});
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.ready, 1);
	rig_end(&rig);
}

/* The peer closes first: CLOSE-WAIT, our FIN, LAST-ACK, nothing is left. */
static void
peer_closes_first(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_FIN | RIG_ACK,
				      .seq = rig.seq,
				      .ack = rig.ack,
				      .data = "bye",
				      .length = 3});
	rig_flush(&rig);
	rig.seq += 4;
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, rig.seq);
	CU_ASSERT(!tcp_at_end(rig.connection));
	tcp_take(rig.connection, 3);
	CU_ASSERT(tcp_at_end(rig.connection));
	rig_write(&rig, 10);
	tcp_close(rig.connection);
	tcp_flush(rig.tcp);
	CU_ASSERT_EQUAL(rig_last(&rig)->flags & RIG_FIN, RIG_FIN);
	CU_ASSERT_EQUAL(rig.closed, 0);
	rig_ack(&rig, rig.ack + 11);
	CU_ASSERT_EQUAL(rig.closed, 1);
	CU_ASSERT_EQUAL(rig.stats.closed, 1);
	CU_ASSERT_EQUAL(rig.stats.time_waits, 0);
	rig_end(&rig);
}

/* We close first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT for its time; the peer's FIN again is answered. */
static void
close_first(void)
{
	begin();
	tcp_close(rig.connection);
	tcp_flush(rig.tcp);
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_FIN | RIG_ACK);
	rig_ack(&rig, rig.ack + 1);
	CU_ASSERT_EQUAL(rig.closed, 0);
	rig_put(&rig, (struct rig_in){.flags = RIG_FIN | RIG_ACK, .seq = rig.seq, .ack = rig.ack});
	rig_flush(&rig);
	rig.seq++;
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, rig.seq);
	CU_ASSERT_EQUAL(rig.closed, 1);
	CU_ASSERT_EQUAL(rig.stats.time_waits, 1);
	rig_forget_out(&rig);
	rig_put(&rig,
		(struct rig_in){.flags = RIG_FIN | RIG_ACK, .seq = rig.seq - 1, .ack = rig.ack});
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, rig.seq);
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = rig.seq});
	rig_pass(&rig, 59 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.time_waits, 1);
	rig_pass(&rig, 2 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.time_waits, 0);
	rig_end(&rig);
}

static void
both_close_at_once(void)
{
	begin();
	tcp_close(rig.connection);
	tcp_flush(rig.tcp);
	rig_put(&rig, (struct rig_in){.flags = RIG_FIN | RIG_ACK, .seq = rig.seq, .ack = rig.ack});
	rig_flush(&rig);
	rig.seq++;
	CU_ASSERT_EQUAL(rig.closed, 0);
	rig_ack(&rig, rig.ack + 1);
	CU_ASSERT_EQUAL(rig.closed, 1);
	CU_ASSERT_EQUAL(rig.stats.time_waits, 1);
	rig_end(&rig);
}

/* RFC 6191: a newer SYN begins anew, an old one doesn't. */
static void
time_wait_is_reused(void)
{
	uint32_t number;

	begin();
	number = rig.ack;
	tcp_close(rig.connection);
	tcp_flush(rig.tcp);
	rig_put(&rig,
		(struct rig_in){.flags = RIG_FIN | RIG_ACK, .seq = rig.seq, .ack = rig.ack + 1});
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.stats.time_waits, 1);
	/* its timestamp, 77000, is of the time before */
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN,
				      .seq = rig.seq + 100,
				      .options = rig_syn_all,
				      .options_length = sizeof(rig_syn_all)});
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_ACK);
	rig_wait(&rig, RIG_SECOND);
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = rig.seq + 100});
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_SYN | RIG_ACK);
	CU_ASSERT((int32_t)(rig_last(&rig)->sequence - number) > 0);
	CU_ASSERT_EQUAL(rig.stats.time_waits, 0);
	rig_end(&rig);
}

/* Those who close one side and then vanish cost their time, no more. */
static void
half_closed_crowd(void)
{
	struct tcp_options options = rig_options();

	options.connections = 10000;
	options.buffered = 64 << 20;
	rig_begin(&rig, &options);
	for (unsigned int i = 0; i < 10000; i++) {
		rig.peer_port = (uint16_t)(20000 + i);
		rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
		rig_put(&rig, (struct rig_in){
				      .flags = RIG_FIN | RIG_ACK, .seq = rig.seq, .ack = rig.ack});
		rig_flush(&rig);
		CU_ASSERT_FATAL(rig.connection != NULL && tcp_at_end(rig.connection));
		tcp_close(rig.connection);
		tcp_flush(rig.tcp);
		rig_forget_out(&rig);
	}
	CU_ASSERT_EQUAL(rig.stats.connections, 10000);
	for (unsigned int i = 0; i < 60000 && rig.stats.connections > 0; i++) {
		rig_wait(&rig, 1 + tcp_next_timer(rig.tcp));
		rig_forget_out(&rig);
	}
	CU_ASSERT_EQUAL(rig.closed, 10000);
	CU_ASSERT_EQUAL(rig.stats.buffered, 0);
	rig_end(&rig);
}

static void
abort_resets(void)
{
	begin();
	rig_write(&rig, 100);
	tcp_abort(rig.connection);
	rig_flush(&rig);
	CU_ASSERT((rig_last(&rig)->flags & RIG_RST) != 0);
	CU_ASSERT_EQUAL(rig.closed, 1);
	CU_ASSERT_EQUAL(rig.stats.buffered, 0);
	rig_end(&rig);
}

SUITE("TCP: attacks and ends", TEST(blind_rst), TEST(syn_in_window_and_challenges_are_limited),
      TEST(injected_data), TEST(old_timestamps_are_dropped), TEST(flags_that_make_no_sense),
      TEST(ack_division_and_optimistic_acks), TEST(urgent_data_is_only_data),
      TEST(peer_closes_first), TEST(close_first), TEST(both_close_at_once),
      TEST(time_wait_is_reused), TEST(half_closed_crowd), TEST(abort_resets))
