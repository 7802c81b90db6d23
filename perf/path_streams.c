/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/path_streams.h"

#include <errno.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/net/checksum.h"

enum {
	PORT_BASE = 20000,
	FIRST_NUMBER = 0x7fffff00, /* of every connection: numbers pass the sign bit on their way */
	WINDOW = 0xffff,
	STAMPS = 12, /* bytes of the option, two no-operations before it included */
	SYN_OPTIONS = 4 + 4 + 4 + STAMPS,
};

struct stream_headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	uint8_t options[];
} __rte_packed __rte_aligned(2);

/* NOP, NOP, timestamps (RFC 7323, appendix A). Our clock stands still. */
static uint8_t *
put_stamps(uint8_t *option, uint32_t echo)
{
	const rte_be32_t words[] = {RTE_BE32(0x0101080a), RTE_BE32(1), rte_cpu_to_be_32(echo)};

	memcpy(option, words, sizeof(words));
	return option + sizeof(words);
}

/* MSS 1460, SACK permitted (padded), a window scale of 7 (padded), timestamps: as Linux tells. */
static uint8_t *
put_syn_options(uint8_t *option)
{
	const rte_be32_t words[] = {RTE_BE32(0x020405b4), RTE_BE32(0x01010402),
				    RTE_BE32(0x01030307)};

	memcpy(option, words, sizeof(words));
	return put_stamps(option + sizeof(words), 0);
}

/* The headers of a segment of the stream, without lengths and checksums; returns the options' place. */
static uint8_t *
segment_begin(const struct path_streams *streams, unsigned int stream, struct rte_mbuf *mbuf,
	      uint8_t flags, unsigned int options_length)
{
	struct stream_headers *headers = rte_pktmbuf_mtod(mbuf, struct stream_headers *);
	const struct path_stream *state = &streams->streams[stream];

	headers->ether = (struct rte_ether_hdr){.src_addr = streams->client_mac,
						.dst_addr = streams->our_mac,
						.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	headers->ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
					    .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
					    .time_to_live = 64,
					    .next_proto_id = IPPROTO_TCP,
					    .src_addr = streams->client_address,
					    .dst_addr = streams->our_address};
	headers->tcp = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16((uint16_t)(PORT_BASE + stream)),
		.dst_port = streams->port,
		.sent_seq = rte_cpu_to_be_32(state->sequence),
		.recv_ack = rte_cpu_to_be_32(state->ack),
		.data_off = (uint8_t)((sizeof(headers->tcp) + options_length) << 2),
		.tcp_flags = flags,
		.rx_win = RTE_BE16(WINDOW),
	};
	return headers->options;
}

static void
segment_end(struct rte_mbuf *mbuf, const uint8_t *end)
{
	struct stream_headers *headers = rte_pktmbuf_mtod(mbuf, struct stream_headers *);
	uint16_t ip_length = (uint16_t)(end - (const uint8_t *)&headers->ip);

	headers->ip.total_length = rte_cpu_to_be_16(ip_length);
	headers->ip.hdr_checksum = rte_ipv4_cksum(&headers->ip);
	headers->tcp.cksum = rte_ipv4_udptcp_cksum(&headers->ip, &headers->tcp);
	mbuf->data_len = (uint16_t)(end - (const uint8_t *)headers);
	mbuf->pkt_len = mbuf->data_len;
}

/* --- the handshake ------------------------------------------------------------------------ */

/* Hands the worker a segment; its answer, if any, is the caller's. */
static struct rte_mbuf *
worker_hear(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct worker_port *port = &worker->ports[0];
	struct packet packet;

	if (net_input(&port->interface, mbuf, &packet) != VERDICT_SEGMENT) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	tcp_input(worker->tcp, &port->tcp, &packet);
	return port->tx_count == 0 ? NULL : port->tx[--port->tx_count];
}

/* The SYN-ACK. */
static int
stream_learn(struct path_stream *state, struct rte_mbuf *answer)
{
	const struct stream_headers *headers = rte_pktmbuf_mtod(answer, struct stream_headers *);
	const uint8_t *stamps = (const uint8_t *)headers + answer->data_len - STAMPS;
	rte_be32_t stamp;
	int status = -EPROTO;

	if (answer->data_len == sizeof(*headers) + SYN_OPTIONS &&
	    headers->tcp.tcp_flags == (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) {
		memcpy(&stamp, stamps + 4, sizeof(stamp));
		state->echo = rte_be_to_cpu_32(stamp);
		state->sequence++;
		state->ack = rte_be_to_cpu_32(headers->tcp.sent_seq) + 1;
		status = 0;
	}
	rte_pktmbuf_free(answer);
	return status;
}

static int
stream_connect(struct path_streams *streams, struct worker *worker, unsigned int stream)
{
	struct path_stream *state = &streams->streams[stream];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(streams->pool), *answer;

	*state = (struct path_stream){.sequence = FIRST_NUMBER};
	if (mbuf == NULL)
		return -ENOBUFS;
	segment_end(mbuf, put_syn_options(segment_begin(streams, stream, mbuf, RTE_TCP_SYN_FLAG,
							SYN_OPTIONS)));
	answer = worker_hear(worker, mbuf);
	if (answer == NULL || stream_learn(state, answer) != 0)
		return -EPROTO;
	mbuf = path_streams_begin(streams, stream, &mbuf) == NULL ? NULL : mbuf;
	if (mbuf == NULL)
		return -ENOBUFS;
	path_streams_end(streams, stream, mbuf,
			 rte_pktmbuf_mtod_offset(mbuf, const uint8_t *,
						 sizeof(struct stream_headers) + STAMPS),
			 0);
	answer = worker_hear(worker, mbuf);
	rte_pktmbuf_free(answer); /* none: an ACK is not answered */
	return answer == NULL ? 0 : -EPROTO;
}

int
path_streams_connect(struct path_streams *streams, struct worker *worker)
{
	uint64_t before = worker->tcp_stats.accepted;

	tcp_advance(worker->tcp, worker_now(worker));
	for (unsigned int stream = 0; stream < PATH_STREAMS; stream++) {
		int status = stream_connect(streams, worker, stream);

		if (status != 0)
			return status;
	}
	tcp_flush(worker->tcp);
	return worker->tcp_stats.accepted - before == PATH_STREAMS ? 0 : -EPROTO;
}

/* --- requests ----------------------------------------------------------------------------- */

uint8_t *
path_streams_begin(struct path_streams *streams, unsigned int number, struct rte_mbuf **mbuf)
{
	unsigned int stream = number % PATH_STREAMS;

	*mbuf = rte_pktmbuf_alloc(streams->pool);
	if (*mbuf == NULL)
		return NULL;
	return put_stamps(
		segment_begin(streams, stream, *mbuf, RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG, STAMPS),
		streams->streams[stream].echo);
}

void
path_streams_end(struct path_streams *streams, unsigned int number, struct rte_mbuf *mbuf,
		 const uint8_t *end, uint32_t answer)
{
	struct path_stream *state = &streams->streams[number % PATH_STREAMS];
	size_t length = (size_t)(end - rte_pktmbuf_mtod(mbuf, const uint8_t *)) -
			sizeof(struct stream_headers) - STAMPS;

	segment_end(mbuf, end);
	state->sequence += (uint32_t)length;
	state->ack += answer;
}
