/* SPDX-License-Identifier: BSD-3-Clause */
/* How connections begin: options, numbers, SYN-ACKs again, SYN cookies, limits, active open. */
#include "tests/net/tcp_rig.h"

static struct rig rig;

static void
begin(void)
{
	struct tcp_options options = rig_options();

	rig_begin(&rig, &options);
}

static void
options_are_agreed_on(void)
{
	struct rig_segment *answer;

	begin();
	rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
	answer = &rig.out[0];
	CU_ASSERT_EQUAL(answer->mss, 1460);
	CU_ASSERT_EQUAL(answer->scale, 7);
	CU_ASSERT(answer->sack_permitted);
	CU_ASSERT(answer->has_stamps);
	CU_ASSERT_EQUAL(answer->echo, 77000);
	CU_ASSERT_EQUAL(rig.stats.accepted, 1);
	CU_ASSERT_EQUAL(rig.stats.connections, 1);
	CU_ASSERT_EQUAL(rig.stats.half_open, 0);
	rig_end(&rig);
}

static void
only_what_was_offered_is_answered(void)
{
	begin();
	rig_accept(&rig, rig_syn_mss, sizeof(rig_syn_mss));
	CU_ASSERT_EQUAL(rig.out[0].mss, 1460);
	CU_ASSERT_EQUAL(rig.out[0].scale, -1);
	CU_ASSERT(!rig.out[0].sack_permitted);
	CU_ASSERT(!rig.out[0].has_stamps);
	rig_end(&rig);
}

/* The peer's MSS, and what stands for none or a senseless one, bounds what is sent. */
static void
mss_is_kept(void)
{
	static const struct {
		uint8_t options[4];
		uint16_t segment;
	} cases[] = {
		{{2, 4, 5, 180}, 1460}, {{2, 4, 2, 0}, 512}, {{2, 4, 0, 1}, 88},
		{{2, 4, 0, 0}, 536},	{{1, 1, 1, 1}, 536}, {{2, 4, 255, 255}, 1460},
		{{2, 3, 5, 180}, 536},
	};

	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		begin();
		rig_open_with(&rig, cases[i].options, 4);
		rig_write(&rig, 3000);
		CU_ASSERT_EQUAL(rig.out[0].length, cases[i].segment);
		rig_end(&rig);
	}
}

static void
numbers_differ_by_time_and_by_four_tuple(void)
{
	uint32_t first;

	begin();
	rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
	first = rig.iss;
	rig.peer_port++;
	rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
	CU_ASSERT(rig.iss - first > 1000 && first - rig.iss > 1000);
	rig_end(&rig);
}

/* RFC 9293, 3.10.7.4 for SYN-RECEIVED, and what research asks for: after 1, 2 and 4 s more. */
static void
syn_acks_are_sent_again(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = RIG_IRS});
	rig_flush(&rig);
	rig_pass(&rig, 30 * RIG_SECOND);
	CU_ASSERT_EQUAL_FATAL(rig.out_count, 4);
	CU_ASSERT(rig.out[1].at >= RIG_SECOND && rig.out[1].at < 1.1 * RIG_SECOND);
	CU_ASSERT(rig.out[2].at >= 3 * RIG_SECOND && rig.out[2].at < 3.1 * RIG_SECOND);
	CU_ASSERT(rig.out[3].at >= 7 * RIG_SECOND && rig.out[3].at < 7.1 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.half_open, 0);
	CU_ASSERT_EQUAL(tcp_next_timer(rig.tcp), UINT64_MAX);
	rig_end(&rig);
}

static void
half_open_one_ends_by_rst_at_its_number_only(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = RIG_IRS});
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = RIG_IRS + 500});
	CU_ASSERT_EQUAL(rig.stats.half_open, 1);
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = RIG_IRS + 1});
	CU_ASSERT_EQUAL(rig.stats.half_open, 0);
	rig_end(&rig);
}

static void
wrong_ack_of_a_handshake_is_reset(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = RIG_IRS});
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK, .seq = RIG_IRS + 1, .ack = 4711});
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_RST);
	CU_ASSERT_EQUAL(rig_last(&rig)->sequence, 4711);
	CU_ASSERT_EQUAL(rig.stats.connections, 0);
	CU_ASSERT_EQUAL(rig.stats.half_open, 1);
	rig_end(&rig);
}

static void
nobody_is_answered_by_rst(void)
{
	begin();
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK, .seq = 5, .ack = 99});
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_RST);
	CU_ASSERT_EQUAL(rig_last(&rig)->sequence, 99);
	CU_ASSERT_EQUAL(rig.stats.cookies_wrong, 1);
	rig_forget_out(&rig);
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = 5});
	CU_ASSERT_EQUAL(rig.out_count, 0);
	rig_end(&rig);
}

static void
cookie_makes_a_connection_with_its_options(void)
{
	struct tcp_options options = rig_options();

	options.syn_backlog = 0;
	rig_begin(&rig, &options);
	rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
	CU_ASSERT_EQUAL(rig.stats.cookies_sent, 1);
	CU_ASSERT_EQUAL(rig.stats.half_open, 0);
	CU_ASSERT_EQUAL(rig.stats.cookies_accepted, 1);
	CU_ASSERT_EQUAL(rig.stats.connections, 1);
	/* scale 2 came back: a window of 100 is 400 bytes */
	rig_send(&rig, "x", 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig.connection);
	tcp_take(rig.connection, 1);
	rig.window = 100;
	rig_send(&rig, "y", 1);
	tcp_take(rig.connection, 1);
	rig_forget_out(&rig);
	rig_write(&rig, 400);
	CU_ASSERT_EQUAL(rig.out[0].length, 400);
	CU_ASSERT(rig.out[0].has_stamps);
	/* and SACK: a gap is told of */
	rig.seq += 10;
	rig_send(&rig, "z", 1);
	CU_ASSERT_EQUAL(rig_last(&rig)->sacks, 1);
	rig_end(&rig);
}

static void
forged_and_old_cookies_are_refused(void)
{
	struct tcp_options options = rig_options();
	uint32_t cookie;

	options.syn_backlog = 0;
	rig_begin(&rig, &options);
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = RIG_IRS});
	cookie = rig_last(&rig)->sequence;
	for (uint32_t bit = 0; bit < 32; bit++)
		rig_put(&rig, (struct rig_in){.flags = RIG_ACK,
					      .seq = RIG_IRS + 1,
					      .ack = (cookie ^ 1u << bit) + 1});
	CU_ASSERT_EQUAL(rig.stats.connections, 0);
	CU_ASSERT_EQUAL(rig.stats.cookies_wrong, 32);
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK, .seq = RIG_IRS + 2, .ack = cookie + 1});
	CU_ASSERT_EQUAL(rig.stats.connections, 0);
	rig_wait(&rig, 200 * RIG_SECOND);
	rig_put(&rig, (struct rig_in){.flags = RIG_ACK, .seq = RIG_IRS + 1, .ack = cookie + 1});
	CU_ASSERT_EQUAL(rig.stats.connections, 0);
	rig_end(&rig);
}

/* A flood fills the table and no more; who answers is served, and the rest costs nothing. */
static void
syn_flood(void)
{
	struct tcp_options options = rig_options();

	rig_begin(&rig, &options);
	for (unsigned int i = 0; i < 100000; i++) {
		rig.peer_port = (uint16_t)(10000 + i % 50000);
		rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = i});
		rig_forget_out(&rig);
	}
	CU_ASSERT_EQUAL(rig.stats.half_open, options.syn_backlog);
	CU_ASSERT(rig.stats.cookies_sent >= 99000);
	rig.peer_port = RIG_PEER_PORT;
	rig_open(&rig);
	CU_ASSERT_EQUAL(rig.stats.connections, 1);
	rig_pass(&rig, 20 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.half_open, 0);
	rig_end(&rig);
}

static void
limits_refuse_by_rst(void)
{
	struct tcp_options options = rig_options();

	options.connections = 2;
	rig_begin(&rig, &options);
	for (unsigned int i = 0; i < 2; i++, rig.peer_port++)
		rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = RIG_IRS});
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_RST | RIG_ACK);
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, RIG_IRS + 1);
	CU_ASSERT_EQUAL(rig.stats.refused_connections, 1);
	rig_end(&rig);

	options.connections = 64;
	options.connections_a_client = 1;
	rig_begin(&rig, &options);
	rig_open(&rig);
	rig.peer_port++;
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN, .seq = RIG_IRS});
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_RST | RIG_ACK);
	CU_ASSERT_EQUAL(rig.stats.refused_client, 1);
	tcp_abort(rig.connection);
	rig_flush(&rig);
	rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
	CU_ASSERT_EQUAL(rig.stats.connections, 1);
	rig_end(&rig);
}

/* Our own SYN: sent again with backoff, then given up; or answered; or refused. */
static void
active_open(void)
{
	const struct address peer = address_ipv4(FRAMES_CLIENT);
	struct tcp_connection *connection;
	uint32_t iss;

	begin();
	connection = tcp_connect(rig.tcp, &rig.port, &frames_client_mac, &peer,
				 RTE_BE16(RIG_PEER_PORT), FRAMES_PORT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(connection);
	CU_ASSERT(!tcp_is_open(connection));
	CU_ASSERT_PTR_NULL(tcp_connect(rig.tcp, &rig.port, &frames_client_mac, &peer,
				       RTE_BE16(RIG_PEER_PORT), FRAMES_PORT));
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.out[0].flags, RIG_SYN);
	iss = rig.out[0].sequence;
	rig_pass(&rig, 3.5 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.out_count, 3);
	CU_ASSERT_EQUAL(rig_last(&rig)->sequence, iss);
	rig_put(&rig, (struct rig_in){.flags = RIG_SYN | RIG_ACK, .seq = RIG_IRS, .ack = iss + 1});
	rig_flush(&rig);
	CU_ASSERT_PTR_EQUAL(rig.connection, connection);
	CU_ASSERT(tcp_is_open(connection));
	CU_ASSERT_EQUAL(rig_last(&rig)->flags, RIG_ACK);
	CU_ASSERT_EQUAL(rig_last(&rig)->ack, RIG_IRS + 1);
	CU_ASSERT_EQUAL(rig.stats.connected, 1);
	tcp_abort(connection);
	rig_flush(&rig);

	connection = tcp_connect(rig.tcp, &rig.port, &frames_client_mac, &peer,
				 RTE_BE16(RIG_PEER_PORT), FRAMES_PORT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(connection);
	iss = rig_last(&rig)->sequence;
	rig_put(&rig, (struct rig_in){.flags = RIG_RST | RIG_ACK, .ack = iss + 2});
	CU_ASSERT_EQUAL(rig.closed, 1);
	rig_put(&rig, (struct rig_in){.flags = RIG_RST | RIG_ACK, .ack = iss + 1});
	CU_ASSERT_EQUAL(rig.closed, 2);
	rig_end(&rig);
}

SUITE("TCP: how connections begin", TEST(options_are_agreed_on),
      TEST(only_what_was_offered_is_answered), TEST(mss_is_kept),
      TEST(numbers_differ_by_time_and_by_four_tuple), TEST(syn_acks_are_sent_again),
      TEST(half_open_one_ends_by_rst_at_its_number_only), TEST(wrong_ack_of_a_handshake_is_reset),
      TEST(nobody_is_answered_by_rst), TEST(cookie_makes_a_connection_with_its_options),
      TEST(forged_and_old_cookies_are_refused), TEST(syn_flood), TEST(limits_refuse_by_rst),
      TEST(active_open))
