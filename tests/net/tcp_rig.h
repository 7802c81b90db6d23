/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_rig.h - one TCP with a virtual clock, and a peer played by the test: segments go in as packets,
 * and what comes out is kept, taken apart. What is sent is checked for correct checksums. At the end
 * nothing may be left: rig_end().
 */
#ifndef JACKDAW_TESTS_TCP_RIG_H
#define JACKDAW_TESTS_TCP_RIG_H

#include <rte_tcp.h>

#include "dataplane/net/tcp.h"
#include "tests/net/frames.h"
#include "tests/suite.h"

enum {
	RIG_OUT_MAX = 4096,
	RIG_DATA_MAX = 1600,
	RIG_PEER_PORT = 4000,
	RIG_FIN = RTE_TCP_FIN_FLAG,
	RIG_SYN = RTE_TCP_SYN_FLAG,
	RIG_RST = RTE_TCP_RST_FLAG,
	RIG_PSH = RTE_TCP_PSH_FLAG,
	RIG_ACK = RTE_TCP_ACK_FLAG,
};

#define RIG_IRS	   1000u /* the peer's initial sequence number */
#define RIG_SECOND 1000000ull

struct rig_segment {
	uint32_t sequence, ack;
	uint16_t window, length, peer_port;
	uint8_t flags;
	uint16_t mss;
	int scale; /* -1: none */
	bool sack_permitted, has_stamps;
	uint32_t stamp, echo;
	unsigned int sacks;
	uint32_t sack[4][2];
	uint64_t at; /* microseconds after the rig's begin */
	struct rte_ether_addr to;
	uint8_t data[RIG_DATA_MAX];
};

struct rig {
	struct rte_mempool *pool;
	struct interface interface;
	struct tcp_port port;
	struct tcp_options options;
	struct tcp_stats stats;
	struct tcp *tcp;
	uint64_t now, begin;
	unsigned int free_mbufs;
	unsigned int out_count;
	struct rig_segment out[RIG_OUT_MAX];
	unsigned int opened, closed, unpinned;
	struct tcp_peer ended;		   /* what was told of the last that closed */
	struct tcp_connection *accepted;   /* the last that was established */
	struct tcp_connection *connection; /* the last that had news */
	unsigned int ready;		   /* connections that had news in the last turn */
	/* the peer's side of the connection */
	uint16_t peer_port;
	uint32_t iss; /* ours, from the SYN-ACK */
	uint32_t seq, ack;
	bool stamps;
	uint32_t stamp, stamp_base;
	uint16_t window;
};

static struct rte_mempool *rig_pool;

static inline void
rig_option(struct rig_segment *segment, const uint8_t *at)
{
	uint32_t words[8];

	memcpy(words, at + 2, at[1] - 2u <= sizeof(words) ? at[1] - 2u : sizeof(words));
	if (at[0] == 2)
		segment->mss = (uint16_t)(at[2] << 8 | at[3]);
	else if (at[0] == 3)
		segment->scale = at[2];
	else if (at[0] == 4)
		segment->sack_permitted = true;
	else if (at[0] == 8) {
		segment->has_stamps = true;
		segment->stamp = rte_be_to_cpu_32(words[0]);
		segment->echo = rte_be_to_cpu_32(words[1]);
	} else if (at[0] == 5) {
		segment->sacks = (at[1] - 2u) / 8;
		for (unsigned int i = 0; i < segment->sacks; i++) {
			segment->sack[i][0] = rte_be_to_cpu_32(words[2 * i]);
			segment->sack[i][1] = rte_be_to_cpu_32(words[2 * i + 1]);
		}
	}
}

/* struct tcp_owner's */
static inline void
rig_transmit(void *arg, struct tcp_port *port, struct rte_mbuf *mbuf)
{
	struct rig *rig = arg;
	/* of a crowd only the latest are kept */
	struct rig_segment *segment =
		&rig->out[rig->out_count < RIG_OUT_MAX ? rig->out_count : (rig->out_count = 0)];
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(ip + 1);
	const uint8_t *at = (const uint8_t *)(tcp + 1),
		      *end = (const uint8_t *)tcp + (tcp->data_off >> 4) * 4;

	CU_ASSERT_PTR_EQUAL(port, &rig->port);
	CU_ASSERT_EQUAL(mbuf->nb_segs, 1);
	CU_ASSERT_EQUAL(rte_ipv4_udptcp_cksum(ip, tcp), 0);
	memset(segment, 0, sizeof(*segment));
	segment->sequence = rte_be_to_cpu_32(tcp->sent_seq);
	segment->ack = rte_be_to_cpu_32(tcp->recv_ack);
	segment->window = rte_be_to_cpu_16(tcp->rx_win);
	segment->flags = tcp->tcp_flags;
	segment->peer_port = rte_be_to_cpu_16(tcp->dst_port);
	segment->to = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *)->dst_addr;
	segment->scale = -1;
	segment->at = rig->now - rig->begin;
	while (at < end && at[0] != 0) {
		if (at[0] == 1) {
			at++;
			continue;
		}
		rig_option(segment, at);
		at += at[1];
	}
	segment->length =
		(uint16_t)(rte_pktmbuf_mtod(mbuf, const uint8_t *) + mbuf->data_len - end);
	memcpy(segment->data, end, RTE_MIN(segment->length, (uint16_t)RIG_DATA_MAX));
	rig->out_count++;
	rte_pktmbuf_free(mbuf);
}

static inline void
rig_opened(void *arg, struct tcp_connection *connection)
{
	struct rig *rig = arg;

	rig->opened++;
	rig->accepted = connection;
}

static inline void
rig_closed(void *arg, struct tcp_connection *connection)
{
	struct rig *rig = arg;

	rig->closed++;
	tcp_describe(connection, &rig->ended);
	if (rig->connection == connection)
		rig->connection = NULL;
}

static inline void
rig_unpin(void *arg, uint32_t pin)
{
	struct rig *rig = arg;

	(void)pin;
	rig->unpinned++;
}

static inline struct tcp_options
rig_options(void)
{
	return (struct tcp_options){
		.connections = 64,
		.syn_backlog = 16,
		.buffered = 1 << 20,
		.unsent = 64 << 10,
		.user_size = 64,
		.rto_min = 200000,
		.delayed_ack = 40000,
		.no_progress = 30 * RIG_SECOND,
		.time_wait = 60 * RIG_SECOND,
		.secret = "a secret of thirty-two bytes....",
	};
}

static inline void
rig_begin(struct rig *rig, const struct tcp_options *options)
{
	struct tcp_owner owner = {.arg = rig,
				  .transmit = rig_transmit,
				  .opened = rig_opened,
				  .closed = rig_closed,
				  .unpin = rig_unpin};

	if (rig_pool == NULL)
		rig_pool = frames_start();
	memset(rig, 0, sizeof(*rig));
	rig->pool = rig_pool;
	rig->free_mbufs = rte_mempool_avail_count(rig_pool);
	rig->interface = frames_interface();
	rig->interface.tcp_port = FRAMES_PORT;
	rig->port = (struct tcp_port){.interface = &rig->interface, .pool = rig_pool};
	rig->now = rig->begin = 1000 * RIG_SECOND;
	rig->options = *options;
	rig->peer_port = RIG_PEER_PORT;
	rig->window = 65535;
	rig->stamp_base = rig->stamp = 77000;
	CU_ASSERT_EQUAL_FATAL(tcp_create(&rig->tcp, options, &owner, &rig->stats, -1, rig->now), 0);
}

/* Everything is given back. */
static inline void
rig_end(struct rig *rig)
{
	tcp_destroy(rig->tcp);
	CU_ASSERT_EQUAL(rig->stats.connections, 0);
	CU_ASSERT_EQUAL(rig->stats.half_open, 0);
	CU_ASSERT_EQUAL(rig->stats.time_waits, 0);
	CU_ASSERT_EQUAL(rig->stats.buffered, 0);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(rig->pool), rig->free_mbufs);
}

/* What one segment is made of; zeroed fields are the usual ones. */
struct rig_in {
	uint8_t flags;
	uint32_t seq, ack;
	const void *data;
	uint16_t length;
	const uint8_t *options; /* multiple of four */
	uint8_t options_length;
	int window; /* 0: the rig's; -1: zero */
	bool without_stamps;
	uint8_t spoilt; /* added to the last byte of the frame's source */
};

static inline void
rig_put(struct rig *rig, struct rig_in in)
{
	uint8_t bytes[1600] = {0};
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)bytes;
	uint8_t *at = (uint8_t *)(tcp + 1);
	struct rte_mbuf *mbuf;
	struct packet packet = {.source = address_ipv4(FRAMES_CLIENT),
				.destination = address_ipv4(FRAMES_US),
				.source_port = rte_cpu_to_be_16(rig->peer_port),
				.destination_port = FRAMES_PORT,
				.peer = frames_client_mac};

	packet.peer.addr_bytes[5] = (uint8_t)(packet.peer.addr_bytes[5] + in.spoilt);
	if (rig->stamps && !in.without_stamps && in.options == NULL) {
		rte_be32_t words[3] = {RTE_BE32(0x0101080a), rte_cpu_to_be_32(rig->stamp),
				       rte_cpu_to_be_32(rig->out_count > 0
								? rig->out[rig->out_count - 1].stamp
								: 0)};

		memcpy(at, words, sizeof(words));
		at += sizeof(words);
	}
	if (in.options != NULL) {
		memcpy(at, in.options, in.options_length);
		at += in.options_length;
	}
	tcp->sent_seq = rte_cpu_to_be_32(in.seq);
	tcp->recv_ack = rte_cpu_to_be_32(in.ack);
	tcp->tcp_flags = in.flags;
	tcp->src_port = packet.source_port;
	tcp->dst_port = packet.destination_port;
	tcp->data_off = (uint8_t)((at - bytes) << 2);
	tcp->rx_win = rte_cpu_to_be_16((uint16_t)(in.window < 0	   ? 0
						  : in.window == 0 ? rig->window
								   : in.window));
	if (in.length > 0)
		memcpy(at, in.data, in.length);
	at += in.length;
	mbuf = rte_pktmbuf_alloc(rig->pool);
	packet.mbuf = mbuf;
	packet.payload_length = (uint16_t)(at - bytes);
	packet.payload = (uint8_t *)rte_pktmbuf_append(mbuf, packet.payload_length);
	memcpy(packet.payload, bytes, packet.payload_length);
	tcp_input(rig->tcp, &rig->port, &packet);
}

/* The rest of a turn: the news, and what is sent. */
static inline void
rig_flush(struct rig *rig)
{
	struct tcp_connection *connection;

	rig->ready = 0;
	while ((connection = tcp_next_ready(rig->tcp)) != NULL) {
		rig->connection = connection;
		rig->ready++;
	}
	tcp_flush(rig->tcp);
}

/* A turn at a later time. */
static inline void
rig_wait(struct rig *rig, uint64_t us)
{
	rig->now += us;
	rig->stamp = rig->stamp_base + (uint32_t)((rig->now - rig->begin) / 1000);
	tcp_advance(rig->tcp, rig->now);
	rig_flush(rig);
}

/* Lets time pass up to `us` from now, with a turn whenever TCP wants one. */
static inline void
rig_pass(struct rig *rig, uint64_t us)
{
	uint64_t end = rig->now + us;

	while (rig->now < end) {
		uint64_t next = tcp_next_timer(rig->tcp);

		CU_ASSERT_NOT_EQUAL_FATAL(next, 0);
		rig_wait(rig, RTE_MIN(next, end - rig->now));
	}
}

static inline void
rig_forget_out(struct rig *rig)
{
	rig->out_count = 0;
}

static inline struct rig_segment *
rig_last(struct rig *rig)
{
	CU_ASSERT_FATAL(rig->out_count > 0);
	return &rig->out[rig->out_count - 1];
}

static const uint8_t rig_syn_all[] = {
	2,  4,	 5, 180, 4, 2, 8, 10, 0, 1,
	44, 200, 0, 0,	 0, 0, 1, 3,  3, 2}; /* MSS 1460, SACK, TS 77000, scale 2 */
static const uint8_t rig_syn_sack[] = {2, 4, 5, 180, 4, 2, 1, 1};
static const uint8_t rig_syn_mss[] = {2, 4, 5, 180};

/* A connection of rig->peer_port by a SYN with these options; its first ACK is sent. */
static inline void
rig_accept(struct rig *rig, const uint8_t *options, uint8_t length)
{
	struct rig_segment *answer;

	rig->stamps = false;
	rig_put(rig, (struct rig_in){.flags = RIG_SYN,
				     .seq = RIG_IRS,
				     .options = options,
				     .options_length = length});
	rig_flush(rig);
	answer = rig_last(rig);
	CU_ASSERT_EQUAL_FATAL(answer->flags, RIG_SYN | RIG_ACK);
	CU_ASSERT_EQUAL(answer->ack, RIG_IRS + 1);
	rig->stamps = answer->has_stamps;
	rig->iss = answer->sequence;
	rig->seq = RIG_IRS + 1;
	rig->ack = rig->iss + 1;
	rig_put(rig, (struct rig_in){.flags = RIG_ACK, .seq = rig->seq, .ack = rig->ack});
	rig_flush(rig);
}

/* Data at the peer's place in the stream. */
static inline void
rig_send(struct rig *rig, const void *data, uint16_t length)
{
	rig_put(rig, (struct rig_in){.flags = RIG_ACK | RIG_PSH,
				     .seq = rig->seq,
				     .ack = rig->ack,
				     .data = data,
				     .length = length});
	rig->seq += length;
	rig_flush(rig);
}

static inline void
rig_ack(struct rig *rig, uint32_t ack)
{
	rig->ack = ack;
	rig_put(rig, (struct rig_in){.flags = RIG_ACK, .seq = rig->seq, .ack = ack});
	rig_flush(rig);
}

/* A connection with all options, and rig->connection is it. */
static inline void
rig_open_with(struct rig *rig, const uint8_t *options, uint8_t length)
{
	struct tcp_connection *connection;

	rig_accept(rig, options, length);
	rig_send(rig, "x", 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig->connection);
	connection = rig->connection;
	tcp_take(connection, 1);
	rig_pass(rig, 100000); /* the delayed acknowledgement */
	rig_forget_out(rig);
}

static inline void
rig_open(struct rig *rig)
{
	rig_open_with(rig, rig_syn_all, sizeof(rig_syn_all));
}

/* The application writes `length` bytes that count up, and flushes. */
static inline void
rig_write(struct rig *rig, uint32_t length)
{
	uint8_t *limit, *at, value = 0;

	while (length > 0) {
		at = tcp_write_begin(rig->connection, &limit);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		while (length > 0 && at < limit) {
			*at++ = value++;
			length--;
		}
		tcp_write_end(rig->connection, at);
	}
	tcp_flush(rig->tcp);
}

/* Takes all that may be read; its number. */
static inline size_t
rig_read(struct rig *rig, uint8_t *to, size_t max)
{
	const uint8_t *bytes;
	size_t length, total = 0;

	while (total < max && (length = tcp_receive(rig->connection, &bytes)) > 0) {
		length = RTE_MIN(length, max - total);
		memcpy(to + total, bytes, length);
		tcp_take(rig->connection, length);
		total += length;
	}
	return total;
}

#endif
