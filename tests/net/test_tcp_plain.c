/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts of plain segments. That each comes to what the general way makes of it is the simulator's to
 * show (test_tcp_sim.c), which hands them over one by one.
 */
#include "tests/net/tcp_rig.h"

enum {
	PEERS = 2,
	BURST = 6,
};

static struct rig rig;

/* The other end of one of the connections. */
struct peer {
	uint16_t port;
	uint32_t seq, ack;
	struct tcp_connection *connection;
};

static struct peer peers[PEERS];

static void
begin(void)
{
	struct tcp_options options = rig_options();

	rig_begin(&rig, &options);
	for (unsigned int i = 0; i < PEERS; i++) {
		rig.peer_port = (uint16_t)(RIG_PEER_PORT + i);
		rig_open(&rig);
		peers[i] = (struct peer){
			.port = rig.peer_port,
			.seq = rig.seq,
			.ack = rig.ack,
			.connection = rig.connection,
		};
	}
}

/* A peer's next segment, with a gap of so many bytes before it. */
static struct rte_mbuf *
segment(struct peer *peer, const char *data, uint32_t gap)
{
	uint16_t length = (uint16_t)strlen(data);
	struct rte_tcp_hdr tcp = {
		.src_port = rte_cpu_to_be_16(peer->port),
		.dst_port = FRAMES_PORT,
		.sent_seq = rte_cpu_to_be_32(peer->seq + gap),
		.recv_ack = rte_cpu_to_be_32(peer->ack),
		.data_off = (sizeof(tcp) + 12) << 2,
		.tcp_flags = RIG_ACK | RIG_PSH,
		.rx_win = RTE_BE16(65535),
	};
	rte_be32_t stamps[] = {RTE_BE32(0x0101080a), rte_cpu_to_be_32(rig.stamp), 0};
	struct frame_spec spec = {.protocol = IPPROTO_TCP};
	struct frame frame;

	frame_ipv4(&frame, &spec, (uint16_t)(sizeof(tcp) + sizeof(stamps) + length));
	frame_append(&frame, &tcp, sizeof(tcp));
	frame_append(&frame, stamps, sizeof(stamps));
	frame_append(&frame, data, length);
	((struct rte_tcp_hdr *)frame_l4(&frame))->cksum =
		rte_ipv4_udptcp_cksum(frame_ip(&frame), frame_l4(&frame));
	if (gap == 0)
		peer->seq += length;
	return frame_mbuf(rig.pool, &frame);
}

static bool
has_read(const struct peer *peer, const char *wanted)
{
	const uint8_t *bytes;
	size_t length;

	for (; (length = tcp_receive(peer->connection, &bytes)) != 0; wanted += length) {
		if (strlen(wanted) < length || memcmp(bytes, wanted, length) != 0)
			return false;
		tcp_take(peer->connection, length);
	}
	return *wanted == '\0';
}

/* As far as the first that isn't plain, whose frame is as it was; it may be asked again for the rest. */
static void
a_burst_is_taken_as_far_as_it_is_plain(void)
{
	struct peer stranger = {.port = RIG_PEER_PORT + PEERS};
	struct rte_mbuf *burst[BURST];
	uint16_t length;

	begin();
	burst[0] = segment(&peers[0], "ab", 0);
	burst[1] = segment(&peers[1], "1", 0);
	burst[2] = segment(&peers[0], "cd", 0);
	burst[3] = segment(&peers[1], "3", 1);
	burst[4] = segment(&peers[1], "2", 0);
	burst[5] = segment(&stranger, "?", 0);
	length = burst[3]->data_len;
	CU_ASSERT_EQUAL(tcp_input_plain(rig.tcp, &rig.port, burst, BURST), 3);
	CU_ASSERT_EQUAL(burst[3]->data_len, length);
	CU_ASSERT_EQUAL(tcp_input_plain(rig.tcp, &rig.port, burst + 3, BURST - 3), 0);
	CU_ASSERT_EQUAL(tcp_input_plain(rig.tcp, &rig.port, burst + 4, BURST - 4), 1);
	CU_ASSERT_EQUAL(tcp_input_plain(rig.tcp, &rig.port, burst + 5, BURST - 5), 0);
	rte_pktmbuf_free(burst[3]);
	rte_pktmbuf_free(burst[5]);
	rig_flush(&rig);
	CU_ASSERT_EQUAL(rig.ready, PEERS);
	CU_ASSERT(has_read(&peers[0], "abcd"));
	CU_ASSERT(has_read(&peers[1], "12"));
	rig_end(&rig);
}

/* More than it looks at ahead of time: the caller asks again. */
static void
a_long_burst_is_taken_in_parts(void)
{
	struct rte_mbuf *burst[100];
	unsigned int taken = 0, asked = 0;

	begin();
	for (unsigned int i = 0; i < RTE_DIM(burst); i++)
		burst[i] = segment(&peers[i % PEERS], "x", 0);
	for (; taken < RTE_DIM(burst); asked++)
		taken += tcp_input_plain(rig.tcp, &rig.port, burst + taken,
					 (unsigned int)RTE_DIM(burst) - taken);
	CU_ASSERT_EQUAL(taken, RTE_DIM(burst));
	CU_ASSERT_EQUAL(asked, 2);
	rig_end(&rig);
}

SUITE("TCP: bursts of plain segments", TEST(a_burst_is_taken_as_far_as_it_is_plain),
      TEST(a_long_burst_is_taken_in_parts))
