/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nearly every segment of a lively connection is the one that was expected: untagged, IPv4 without
 * options, timestamps as the only option of TCP, the next data in order, an acknowledgement of all
 * that is in flight or of nothing new, and no loss to be repaired (V. Jacobson, "4BSD header
 * prediction", ACM CCR 20 (2), 1990). Such a segment is told by comparing its headers with what the
 * connection predicts, and the answer begins with headers made beforehand.
 *
 *     net_input, tcp_input  ═  plain_input        if it is one
 *     output_flush          ═  plain_flush        if the answer is one, and nothing else is in flight
 *
 * What these refuse, they have not touched: it goes the general way, whose rules hold here, too. The
 * simulator (tests/net/test_tcp_sim.c) holds the two ways to each other.
 */
#include "dataplane/net/ipv4.h"
#include "dataplane/net/tcp_parts.h"

enum {
	STAMPS_LENGTH = 2 * sizeof(rte_be32_t), /* what follows struct tcp_plain_headers */
	/* bytes that are summed here although the port could: asking it takes longer */
	PLAIN_SUM_MAX = 256,
	PLAIN_AHEAD = 64, /* segments that are looked at before the first is taken in */
	/* of flags: what makes a connection plain, and what must not be about */
	PLAIN_FLAGS = TCP_PLAIN | TCP_CLOSE | TCP_FIN_SENT | TCP_FIN_KNOWN | TCP_AT_END | TCP_DSACK,
};

/* TCP's header with its options, in the form of the header's field. */
#define PLAIN_DATA_OFF ((sizeof(struct rte_tcp_hdr) + TCP_STAMPS_LENGTH) / 4 << 4)

_Static_assert(sizeof(struct tcp_plain_headers) + STAMPS_LENGTH ==
		       RTE_ETHER_HDR_LEN + TCP_HEADERS_IPV4 + TCP_STAMPS_LENGTH,
	       "headers and timestamps");
_Static_assert(sizeof(struct tcp_outline) <= RTE_CACHE_LINE_SIZE, "one cache line");

/* NOP, NOP, kind 8, length 10 (RFC 7323, appendix A). */
static const rte_be32_t stamps_kind = RTE_BE32(0x0101080a);

void
plain_learn(struct tcp *tcp, struct tcp_connection *connection)
{
	static const uint16_t agreed = TCP_STAMPS | TCP_SACK;
	struct tcp_outline *outline = &connection->outline;
	struct tcp_plain_headers *headers = &outline->headers;
	const struct tcp_path *path = &connection->path;
	uint64_t sum;

	connection->flags &= (uint16_t)~TCP_PLAIN;
	if (!address_is_ipv4(&path->peer) || path->tags_length != 0 ||
	    (connection->flags & agreed) != agreed)
		return;
	headers->ether = (struct rte_ether_hdr){
		.dst_addr = path->mac,
		.src_addr = tcp->ports[path->port]->interface->mac,
		.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4),
	};
	headers->ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = IPV4_TTL,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = path->local.quads[3],
		.dst_addr = path->peer.quads[3],
	};
	headers->tcp = (struct rte_tcp_hdr){
		.src_port = path->local_port,
		.dst_port = path->peer_port,
		.data_off = PLAIN_DATA_OFF,
		.tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG,
	};
	headers->stamps = stamps_kind;
	/* folded: what is added later leaves no carry */
	outline->ip_sum = checksum_fold(checksum_add(0, &headers->ip, sizeof(headers->ip)));
	sum = checksum_add(RTE_BE16(IPPROTO_TCP), &headers->ip.src_addr,
			   2 * sizeof(headers->ip.src_addr));
	outline->tcp_sum = checksum_fold(
		checksum_add(sum, &headers->tcp, sizeof(headers->tcp) + sizeof(headers->stamps)));
	connection->flags |= TCP_PLAIN;
}

/* --- input ---------------------------------------------------------------------------------- */

/* What a plain segment says, in the host's order. */
struct plain_segment {
	uint32_t sequence, ack, stamp;
	uint32_t window; /* scaled */
	uint32_t length; /* of the data */
};

static inline uint32_t
load32(const void *at)
{
	rte_be32_t word;

	memcpy(&word, at, sizeof(word));
	return rte_be_to_cpu_32(word);
}

static inline struct tcp_plain_headers *
plain_headers(const struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod(mbuf, struct tcp_plain_headers *);
}

/* Bytes of TCP, header and all. */
static inline unsigned int
plain_length(const struct tcp_plain_headers *headers)
{
	return rte_be_to_cpu_16(headers->ip.total_length) - (unsigned int)sizeof(headers->ip);
}

/* Whether the frame's headers are those of a plain segment for us. */
static inline bool
plain_looks_right(const struct interface *interface, const struct rte_mbuf *mbuf)
{
	const struct tcp_plain_headers *headers = plain_headers(mbuf);
	unsigned int total = rte_be_to_cpu_16(headers->ip.total_length);

	return mbuf->nb_segs == 1 && mbuf->data_len >= sizeof(*headers) + STAMPS_LENGTH &&
	       rte_is_same_ether_addr(&headers->ether.dst_addr, &interface->mac) &&
	       headers->ether.ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
	       headers->ip.version_ihl == RTE_IPV4_VHL_DEF &&
	       headers->ip.next_proto_id == IPPROTO_TCP &&
	       (headers->ip.fragment_offset & RTE_BE16((uint16_t)~RTE_IPV4_HDR_DF_FLAG)) == 0 &&
	       headers->tcp.data_off == PLAIN_DATA_OFF &&
	       (headers->tcp.tcp_flags & ~RTE_TCP_PSH_FLAG) == RTE_TCP_ACK_FLAG &&
	       headers->stamps == stamps_kind && total + sizeof(headers->ether) <= mbuf->data_len &&
	       total >= TCP_HEADERS_IPV4 + TCP_STAMPS_LENGTH;
}

static inline uint32_t
plain_hash(const struct tcp *tcp, const struct tcp_plain_headers *headers)
{
	return tcp_path_hash4(tcp, headers->ip.dst_addr, headers->ip.src_addr,
			      headers->tcp.dst_port, headers->tcp.src_port);
}

/* Whether the connection's segments come from where this one does, and are plain. */
static inline bool
plain_is_of(const struct tcp_connection *connection, const struct tcp_plain_headers *headers)
{
	const struct tcp_plain_headers *ours = &connection->outline.headers;

	return (connection->flags & TCP_PLAIN) != 0 && ours->ip.src_addr == headers->ip.dst_addr &&
	       ours->ip.dst_addr == headers->ip.src_addr &&
	       ours->tcp.src_port == headers->tcp.dst_port &&
	       ours->tcp.dst_port == headers->tcp.src_port;
}

static struct tcp_connection *
plain_find(const struct tcp *tcp, const struct tcp_plain_headers *headers, uint32_t hash)
{
	uint32_t at = hash, reference;

	while ((reference = tcp_table_find(&tcp->table, hash, &at)) != 0) {
		struct tcp_connection *connection = tcp_referent(&tcp->connections, reference);

		if (tcp_reference_kind(reference) == TCP_KIND_CONNECTION &&
		    plain_is_of(connection, headers))
			return connection;
	}
	return NULL;
}

/* All that is in flight, if that is one range and needs no buffer. */
static inline const struct tcp_range *
plain_range(const struct tcp_connection *connection)
{
	return &connection->flight.inlined[connection->flight.first];
}

/*
 * The prediction: nothing goes on but data in order, and all that is in flight was sent once and
 * together, and is acknowledged now or not at all.
 */
static inline bool
plain_is_expected(const struct tcp *tcp, const struct tcp_connection *connection,
		  const struct plain_segment *segment)
{
	uint32_t acked = segment->ack - connection->snd_una;

	return connection->state == TCP_ESTABLISHED &&
	       (connection->flags & PLAIN_FLAGS) == TCP_PLAIN &&
	       segment->sequence == connection->rcv_nxt &&
	       seq_le(connection->ts_recent, segment->stamp) &&
	       seq_le(segment->sequence + segment->length, connection->rcv_edge) &&
	       seq_le(connection->snd_wl1, segment->sequence) && connection->early == NULL &&
	       connection->phase == TCP_OPEN && connection->snd_wnd != 0 && segment->window != 0 &&
	       tcp->held < tcp->held_max &&
	       (acked != 0 ? segment->ack == connection->snd_nxt && connection->flight.count == 1 &&
				     connection->flight.ranges == NULL &&
				     plain_range(connection)->flags == 0
			   : segment->length != 0);
}

static inline bool
plain_sums_good(const struct interface *interface, const struct rte_mbuf *mbuf,
		const struct tcp_plain_headers *headers, unsigned int length)
{
	uint64_t told = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, sum;

	if (!ipv4_checksum_good(interface, mbuf, &headers->ip, sizeof(headers->ip)))
		return false;
	if (interface->rx_l4_checksum && told == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	sum = (uint64_t)headers->ip.src_addr + headers->ip.dst_addr + RTE_BE16(IPPROTO_TCP) +
	      rte_cpu_to_be_16((uint16_t)length);
	return checksum_fold(checksum_add(sum, &headers->tcp, length)) == 0xffff;
}

/* All that is in flight has arrived: ack_input for that. */
static inline void
plain_acknowledge(struct tcp *tcp, struct tcp_connection *connection, uint32_t ack)
{
	uint32_t acked = ack - connection->snd_una;

	recovery_deliver(tcp, connection, plain_range(connection)->sent);
	connection->flight.count = connection->flight.first = 0;
	connection->snd_una = ack;
	connection->backoff = 0;
	connection->progress = tcp->tick;
	queue_acknowledge(&tcp->buffers, &connection->queue, ack);
	stream_relieve(tcp, connection);
	connection->probing = false;
	connection->duplicates = 0;
	if (unlikely((connection->flags & TCP_LIMITED) != 0))
		congestion_acked(tcp, connection, acked);
	connection->alarm = TCP_ALARM_NONE;
	connection->alarm_tick = 0;
	if (unlikely(connection->snd_nxt != connection->queue.end)) {
		recovery_arm(tcp, connection, true);
		connection_touch(tcp, connection);
	}
}

/* The data joins what may be read. */
static inline void
plain_receive(struct tcp *tcp, struct tcp_connection *connection, struct rte_mbuf *mbuf,
	      const struct plain_segment *segment)
{
	if (segment->length > connection->rcv_mss)
		connection->rcv_mss = (uint16_t)segment->length;
	mbuf->data_off =
		(uint16_t)(mbuf->data_off + sizeof(struct tcp_plain_headers) + STAMPS_LENGTH);
	mbuf->data_len = (uint16_t)segment->length;
	mbuf->hash.usr = segment->sequence;
	tcp->held++;
	reassembly_append(tcp, connection, mbuf);
	connection_announce(tcp, connection);
	connection_touch(tcp, connection);
}

/* --- ahead of time ------------------------------------------------------------------------- */

/* Whose a segment very likely is. */
struct plain_origin {
	uint32_t hash;
	struct tcp_connection *connection; /* NULL: it is to be looked for */
};

/*
 * All lines of a connection that a plain segment and its answer need: ten that would be waited for one
 * after the other, if thousands of connections take turns. Into the second-level cache, as a burst's are more than
 * the first level can wait for.
 */
static inline void
plain_prefetch(const struct tcp *tcp, const struct tcp_connection *connection)
{
	const uint8_t *end = (const uint8_t *)connection->user + tcp->options.user_size;

	for (const uint8_t *line = (const uint8_t *)connection; line < end;
	     line += RTE_CACHE_LINE_SIZE)
		rte_prefetch1(line);
}

/*
 * Looks at the segments that a burst begins with, as far as they look right, and asks for their
 * connections: for the slots of all in the table, then for what these refer to. Returns how many these are.
 */
static inline unsigned int
plain_foresee(const struct tcp *tcp, const struct interface *interface, struct rte_mbuf **mbufs,
	      unsigned int count, struct plain_origin origins[])
{
	unsigned int seen = 0;

	for (; seen < count && plain_looks_right(interface, mbufs[seen]); seen++) {
		origins[seen].hash = plain_hash(tcp, plain_headers(mbufs[seen]));
		tcp_table_prefetch(&tcp->table, origins[seen].hash);
	}
	for (unsigned int i = 0; i < seen; i++) {
		uint32_t at = origins[i].hash;
		uint32_t reference = tcp_table_find(&tcp->table, at, &at);

		origins[i].connection = NULL;
		if (tcp_reference_kind(reference) != TCP_KIND_CONNECTION)
			continue;
		origins[i].connection = tcp_referent(&tcp->connections, reference);
		plain_prefetch(tcp, origins[i].connection);
	}
	for (unsigned int i = 0; i < seen; i++)
		if (origins[i].connection != NULL)
			queue_prefetch(&origins[i].connection->queue);
	return seen;
}

/* Takes a segment that looks right, if it is plain. */
static inline bool
plain_input(struct tcp *tcp, struct tcp_port *port, struct rte_mbuf *mbuf,
	    const struct plain_origin *origin)
{
	const struct tcp_plain_headers *headers = plain_headers(mbuf);
	unsigned int length = plain_length(headers);
	struct tcp_connection *connection = origin->connection;
	struct plain_segment segment;

	if (unlikely(connection == NULL || !plain_is_of(connection, headers))) {
		connection = plain_find(tcp, headers, origin->hash);
		if (connection == NULL)
			return false;
	}
	segment.sequence = rte_be_to_cpu_32(headers->tcp.sent_seq);
	segment.ack = rte_be_to_cpu_32(headers->tcp.recv_ack);
	segment.stamp = load32(headers + 1);
	segment.window = (uint32_t)rte_be_to_cpu_16(headers->tcp.rx_win)
			 << connection_snd_scale(connection);
	segment.length = length - (uint32_t)sizeof(headers->tcp) - TCP_STAMPS_LENGTH;
	if (unlikely(!plain_is_expected(tcp, connection, &segment) ||
		     tcp->ports[connection->path.port] != port ||
		     !rte_is_same_ether_addr(&headers->ether.src_addr,
					     &connection->outline.headers.ether.dst_addr) ||
		     !plain_sums_good(port->interface, mbuf, headers, length)))
		return false;
	tcp->stats->segments_in++;
	connection->heard = tcp->tick;
	if (seq_le(segment.sequence, connection->last_ack)) /* RFC 7323, 4.3 */
		connection->ts_recent = segment.stamp;
	connection->snd_wl1 = segment.sequence;
	if (segment.window != connection->snd_wnd) {
		connection->snd_wnd = segment.window;
		connection->snd_wnd_max = RTE_MAX(connection->snd_wnd_max, segment.window);
		if (connection->snd_nxt != connection->queue.end)
			connection_touch(tcp, connection);
	}
	if (segment.ack != connection->snd_una)
		plain_acknowledge(tcp, connection, segment.ack);
	if (segment.length != 0)
		plain_receive(tcp, connection, mbuf, &segment);
	else
		rte_pktmbuf_free(mbuf);
	return true;
}

unsigned int
tcp_input_plain(struct tcp *tcp, struct tcp_port *port, struct rte_mbuf **mbufs, unsigned int count)
{
	struct plain_origin origins[PLAIN_AHEAD];
	unsigned int taken = 0;

	count = plain_foresee(tcp, port->interface, mbufs,
			      RTE_MIN(count, (unsigned int)PLAIN_AHEAD), origins);
	while (taken < count && plain_input(tcp, port, mbufs[taken], &origins[taken]))
		taken++;
	return taken;
}

/* --- output --------------------------------------------------------------------------------- */

/* How much is to be sent, if it is all there is, one segment may take it, and it may go now; else 0. */
static inline uint32_t
plain_due(const struct tcp *tcp, const struct tcp_connection *connection)
{
	const struct interface *interface = tcp->ports[connection->path.port]->interface;
	uint32_t length = connection->queue.end - connection->snd_nxt;

	/* what was just heard of was not silent: cwnd holds (RFC 5681, 4.1) */
	if ((connection->flags & PLAIN_FLAGS) != TCP_PLAIN || connection->early != NULL ||
	    connection->flight.count != 0 || connection->phase != TCP_OPEN ||
	    connection->heard != tcp->tick || length > connection->cwnd ||
	    length > connection->snd_wnd || length > connection_smss(connection) ||
	    (interface->tx_tcp_checksum && length > PLAIN_SUM_MAX))
		return 0;
	return length;
}

/* A buffer for a segment: that of a request, if it may be had, as nobody reads it any more. */
static inline struct rte_mbuf *
plain_buffer(struct tcp *tcp, struct rte_mempool *pool)
{
	struct rte_mbuf *mbuf = tcp->taken;

	if (mbuf == NULL || mbuf->pool != pool || !RTE_MBUF_DIRECT(mbuf) ||
	    rte_mbuf_refcnt_read(mbuf) != 1)
		return rte_pktmbuf_alloc(pool);
	tcp->taken = mbuf->next;
	rte_pktmbuf_reset(mbuf);
	return mbuf;
}

/* Headers and checksums around `length` bytes of data, whose sum is `sum`. */
static inline void
plain_lay(struct tcp *tcp, struct tcp_connection *connection, struct tcp_plain_headers *headers,
	  uint32_t length, uint64_t sum)
{
	const struct tcp_outline *outline = &connection->outline;
	uint16_t tcp_length = (uint16_t)(sizeof(headers->tcp) + TCP_STAMPS_LENGTH + length);
	rte_be16_t total = rte_cpu_to_be_16((uint16_t)(sizeof(headers->ip) + tcp_length));
	rte_be16_t window = rte_cpu_to_be_16(output_window(connection));
	rte_be32_t sequence = rte_cpu_to_be_32(connection->snd_nxt);
	rte_be32_t ack = rte_cpu_to_be_32(connection->rcv_nxt);
	const rte_be32_t stamps[] = {
		rte_cpu_to_be_32(tcp_stamp(tcp, connection->stamp_offset)),
		rte_cpu_to_be_32(connection->ts_recent),
	};

	*headers = outline->headers;
	memcpy(headers + 1, stamps, sizeof(stamps));
	headers->ip.total_length = total;
	headers->ip.hdr_checksum = (rte_be16_t)~checksum_fold((uint64_t)outline->ip_sum + total);
	headers->tcp.sent_seq = sequence;
	headers->tcp.recv_ack = ack;
	headers->tcp.rx_win = window;
	/* from registers: a wide load would have to wait for these narrow stores */
	sum = checksum_add_word(sum, (uint64_t)sequence + ack + window + stamps[0] + stamps[1] +
					     outline->tcp_sum + rte_cpu_to_be_16(tcp_length));
	headers->tcp.cksum = (rte_be16_t)~checksum_fold(sum);
}

bool
plain_flush(struct tcp *tcp, struct tcp_connection *connection)
{
	uint32_t length = plain_due(tcp, connection);
	struct tcp_port *port = tcp->ports[connection->path.port];
	struct tcp_plain_headers *headers;
	const uint8_t *bytes;
	struct rte_mbuf *mbuf;

	if (length == 0)
		return false;
	bytes = queue_run(&connection->queue, connection->snd_nxt, length);
	mbuf = bytes == NULL ? NULL : plain_buffer(tcp, port->pool);
	if (unlikely(mbuf == NULL))
		return false;
	headers = rte_pktmbuf_mtod(mbuf, struct tcp_plain_headers *);
	memcpy((uint8_t *)(headers + 1) + STAMPS_LENGTH, bytes, length);
	plain_lay(tcp, connection, headers, length, checksum_add(0, bytes, length));
	mbuf->data_len = (uint16_t)(sizeof(*headers) + STAMPS_LENGTH + length);
	mbuf->pkt_len = mbuf->data_len;
	flight_append(tcp, connection, connection->snd_nxt, connection->snd_nxt + length);
	connection->snd_nxt += length;
	connection->flags &= (uint16_t)~TCP_LIMITED;
	output_acknowledged(connection);
	tcp->stats->segments_out++;
	tcp->stats->bytes_out += length;
	tcp->owner.transmit(tcp->owner.arg, port, mbuf);
	recovery_arm(tcp, connection, true);
	expiry_arm(tcp, connection);
	return true;
}
