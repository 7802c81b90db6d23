/* SPDX-License-Identifier: BSD-3-Clause */
/* All connections of a worker by number, and what is told of each. */
#include "tests/net/tcp_rig.h"
#include "tests/suite.h"

enum {
	CONNECTIONS = 5,
};

/* Opens connections of peer ports from RIG_PEER_PORT on. */
static void
open_all(struct rig *rig, struct tcp_connection *connections[CONNECTIONS])
{
	for (uint16_t i = 0; i < CONNECTIONS; i++) {
		rig->peer_port = (uint16_t)(RIG_PEER_PORT + i);
		rig->accepted = NULL;
		rig_accept(rig, rig_syn_all, sizeof(rig_syn_all));
		CU_ASSERT_EQUAL(rig->opened, i + 1u);
		CU_ASSERT_PTR_NOT_NULL_FATAL(rig->accepted);
		connections[i] = rig->accepted;
	}
}

static void
each_connection_has_a_number(void)
{
	struct tcp_options options = rig_options();
	struct tcp_connection *connections[CONNECTIONS];
	struct tcp_peer peer;
	static struct rig rig;
	unsigned int found = 0;

	rig_begin(&rig, &options);
	CU_ASSERT_EQUAL(tcp_numbers(rig.tcp), 0);
	CU_ASSERT_PTR_NULL(tcp_at(rig.tcp, 0));
	open_all(&rig, connections);
	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		uint32_t number = tcp_number(connections[i]);

		CU_ASSERT(number < tcp_numbers(rig.tcp));
		CU_ASSERT_PTR_EQUAL(tcp_at(rig.tcp, number), connections[i]);
		tcp_describe(connections[i], &peer);
		CU_ASSERT_EQUAL(rte_be_to_cpu_16(peer.port), RIG_PEER_PORT + i);
		CU_ASSERT_EQUAL(peer.local_port, FRAMES_PORT);
		CU_ASSERT_EQUAL(peer.address.quads[3], FRAMES_CLIENT);
		CU_ASSERT_EQUAL(peer.local.quads[3], FRAMES_US);
		CU_ASSERT_FALSE(peer.closed || peer.idle);
	}
	for (uint32_t i = 0; i < tcp_numbers(rig.tcp); i++)
		found += tcp_at(rig.tcp, i) != NULL;
	CU_ASSERT_EQUAL(found, CONNECTIONS);
	CU_ASSERT_PTR_NULL(tcp_at(rig.tcp, tcp_numbers(rig.tcp)));
	CU_ASSERT_PTR_NULL(tcp_at(rig.tcp, UINT32_MAX));
	rig_end(&rig);
}

static void
a_number_is_free_when_its_connection_has_gone(void)
{
	struct tcp_options options = rig_options();
	struct tcp_connection *connections[CONNECTIONS];
	static struct rig rig;
	uint32_t number;

	rig_begin(&rig, &options);
	open_all(&rig, connections);
	number = tcp_number(connections[2]);
	tcp_abort(connections[2]);
	CU_ASSERT_PTR_NULL(tcp_at(rig.tcp, number));
	rig_flush(&rig);
	CU_ASSERT_PTR_NULL(tcp_at(rig.tcp, number));
	rig.peer_port = 999;
	rig_accept(&rig, rig_syn_all, sizeof(rig_syn_all));
	CU_ASSERT_EQUAL(tcp_number(rig.accepted), number);
	CU_ASSERT_PTR_EQUAL(tcp_at(rig.tcp, number), rig.accepted);
	rig_end(&rig);
}

static void
silence_and_ends_are_told(void)
{
	struct tcp_options options = rig_options();
	struct tcp_peer peer;
	static struct rig rig;

	options.idle = 60 * RIG_SECOND;
	rig_begin(&rig, &options);
	rig_open(&rig);
	rig_pass(&rig, 17 * RIG_SECOND);
	tcp_describe(rig.connection, &peer);
	CU_ASSERT(peer.silent_seconds == 17 && !peer.idle && !peer.closed);
	rig_pass(&rig, 42 * RIG_SECOND);
	tcp_describe(rig.connection, &peer);
	CU_ASSERT(peer.silent_seconds == 59 && !peer.idle);
	rig_send(&rig, "x", 1);
	tcp_describe(rig.connection, &peer);
	CU_ASSERT_EQUAL(peer.silent_seconds, 0);
	tcp_close(rig.connection);
	tcp_describe(rig.connection, &peer);
	CU_ASSERT(peer.closed && !peer.idle);
	rig_end(&rig);
}

/* What ends for silence can be told from what ends otherwise when closed() is called. */
static void
the_owner_sees_why_a_silent_one_ends(void)
{
	struct tcp_options options = rig_options();
	static struct rig rig;

	options.idle = 60 * RIG_SECOND;
	rig_begin(&rig, &options);
	rig_open(&rig);
	rig_pass(&rig, 70 * RIG_SECOND);
	CU_ASSERT_EQUAL(rig.stats.reset_idle, 1);
	CU_ASSERT(rig.closed == 1 && rig.ended.idle && !rig.ended.closed);
	rig_open(&rig);
	rig_put(&rig, (struct rig_in){.flags = RIG_RST, .seq = rig.seq});
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.stats.reset_by_peer, 1);
	CU_ASSERT(rig.closed == 2 && !rig.ended.idle && !rig.ended.closed);
	rig_end(&rig);
}

SUITE("TCP: all connections", TEST(each_connection_has_a_number),
      TEST(a_number_is_free_when_its_connection_has_gone), TEST(silence_and_ends_are_told),
      TEST(the_owner_sees_why_a_silent_one_ends))
