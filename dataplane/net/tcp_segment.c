/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/tcp_segment.h"

#include "dataplane/net/checksum.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_SCALE = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_STAMPS = 8,
	TIME_TO_LIVE = 64,
};

/* NOP, NOP, kind 8, length 10: how nearly every stack lays timestamps out */
#define STAMPS_ALIGNED 0x0101080au

/* Options begin anywhere: the compiler makes one move of each copy. */
static inline uint32_t
get32(const uint8_t *bytes)
{
	rte_be32_t word;

	memcpy(&word, bytes, sizeof(word));
	return rte_be_to_cpu_32(word);
}

static inline void
put32(uint8_t *bytes, uint32_t value)
{
	rte_be32_t word = rte_cpu_to_be_32(value);

	memcpy(bytes, &word, sizeof(word));
}

static void
option_sack(struct tcp_segment *segment, const uint8_t *body, unsigned int length)
{
	for (; length >= 8 && segment->sacks < TCP_SACKS_MAX; length -= 8, body += 8) {
		segment->sack[segment->sacks][0] = get32(body);
		segment->sack[segment->sacks][1] = get32(body + 4);
		segment->sacks++;
	}
}

/* One option; those of a wrong length say nothing. */
static void
option_read(struct tcp_segment *segment, uint8_t kind, const uint8_t *body, unsigned int length)
{
	bool syn = (segment->flags & RTE_TCP_SYN_FLAG) != 0;

	if (kind == OPTION_STAMPS && length == 8) {
		segment->has_stamps = true;
		segment->stamp = get32(body);
		segment->echo = get32(body + 4);
	} else if (kind == OPTION_SACK && !syn) {
		option_sack(segment, body, length);
	} else if (kind == OPTION_MSS && length == 2 && syn) {
		segment->mss = (uint16_t)(body[0] << 8 | body[1]);
	} else if (kind == OPTION_SCALE && length == 1 && syn) {
		segment->has_scale = true;
		/* RFC 7323, 2.3: a larger shift counts as 14 */
		segment->scale = body[0] > TCP_SCALE_MAX ? TCP_SCALE_MAX : body[0];
	} else if (kind == OPTION_SACK_PERMITTED && length == 0 && syn) {
		segment->sack_permitted = true;
	}
}

/* RFC 9293, 3.1 and 3.2: options end where the header does, or where a length makes no sense. */
static void
options_read(struct tcp_segment *segment, const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return;
		option_read(segment, at[0], at + 2, at[1] - 2u);
		at += at[1];
	}
}

/* No flags, FIN or URG without ACK, and any two of SYN, FIN and RST are nothing that a TCP sends. */
static bool
flags_make_sense(uint8_t flags)
{
	uint8_t control = flags & (RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_RST_FLAG);

	if ((control & (control - 1)) != 0)
		return false;
	return (flags & RTE_TCP_ACK_FLAG) != 0 ||
	       (control != 0 && control != RTE_TCP_FIN_FLAG &&
		(flags & (RTE_TCP_URG_FLAG | RTE_TCP_PSH_FLAG)) == 0);
}

bool
segment_read(struct tcp_segment *segment, struct tcp_port *port, const struct packet *packet)
{
	const struct rte_tcp_hdr *header = (const struct rte_tcp_hdr *)packet->payload;
	uint16_t header_length = (uint16_t)((header->data_off >> 4) * 4);
	const uint8_t *options = (const uint8_t *)(header + 1);

	segment->sequence = rte_be_to_cpu_32(header->sent_seq);
	segment->ack = rte_be_to_cpu_32(header->recv_ack);
	segment->window = rte_be_to_cpu_16(header->rx_win);
	segment->flags = header->tcp_flags;
	segment->data = packet->payload + header_length;
	segment->length = (uint16_t)(packet->payload_length - header_length);
	segment->mss = 0;
	segment->sacks = 0;
	segment->has_stamps = segment->has_scale = segment->sack_permitted = false;
	segment->port = port;
	segment->packet = packet;
	segment->mbuf = packet->mbuf;
	if (header_length == sizeof(*header) + TCP_STAMPS_LENGTH &&
	    get32(options) == STAMPS_ALIGNED) {
		segment->has_stamps = true;
		segment->stamp = get32(options + 4);
		segment->echo = get32(options + 8);
	} else if (header_length != sizeof(*header)) {
		options_read(segment, options, packet->payload + header_length);
	}
	return flags_make_sense(segment->flags);
}

bool
segment_begin(struct tcp *tcp, const struct tcp_path *path, uint16_t options_length,
	      struct tcp_draft *draft)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(tcp->ports[path->port]->pool);
	uint16_t ip_length = address_is_ipv4(&path->peer) ? sizeof(struct rte_ipv4_hdr)
							  : sizeof(struct rte_ipv6_hdr);

	if (mbuf == NULL) {
		tcp->stats->no_buffer++;
		return false;
	}
	draft->mbuf = mbuf;
	draft->linear = 0;
	draft->header = rte_pktmbuf_mtod_offset(mbuf, struct rte_tcp_hdr *,
						RTE_ETHER_HDR_LEN + path->tags_length + ip_length);
	draft->data = (uint8_t *)(draft->header + 1) + options_length;
	draft->header->src_port = path->local_port;
	draft->header->dst_port = path->peer_port;
	draft->header->data_off = (uint8_t)((sizeof(*draft->header) + options_length) << 2);
	draft->header->tcp_urp = 0;
	draft->header->cksum = 0;
	return true;
}

bool
segment_fill(struct tcp *tcp, struct tcp_connection *connection, struct tcp_draft *draft,
	     uint32_t sequence, uint32_t length, uint32_t segment)
{
	struct rte_mempool *pool = tcp->ports[connection->path.port]->pool;
	uint32_t piece = RTE_MIN(length, segment);
	struct rte_mbuf *last = draft->mbuf;

	draft->linear = (uint16_t)piece;
	queue_copy(&connection->queue, sequence, piece, draft->data);
	while ((length -= piece) > 0) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

		if (mbuf == NULL) {
			tcp->stats->no_buffer++;
			rte_pktmbuf_free(draft->mbuf);
			return false;
		}
		sequence += piece;
		piece = RTE_MIN(length, (uint32_t)rte_pktmbuf_tailroom(mbuf));
		queue_copy(&connection->queue, sequence, piece, rte_pktmbuf_mtod(mbuf, uint8_t *));
		mbuf->data_len = (uint16_t)piece;
		last->next = mbuf;
		last = mbuf;
		draft->mbuf->nb_segs++;
	}
	return true;
}

uint8_t *
segment_stamps(uint8_t *option, uint32_t stamp, uint32_t echo)
{
	put32(option, STAMPS_ALIGNED);
	put32(option + 4, stamp);
	put32(option + 8, echo);
	return option + TCP_STAMPS_LENGTH;
}

uint8_t *
segment_sacks(uint8_t *option, const uint32_t blocks[][2], unsigned int count)
{
	put32(option,
	      (uint32_t)OPTION_NOP << 24 | OPTION_NOP << 16 | OPTION_SACK << 8 | (2 + 8 * count));
	option += 4;
	for (unsigned int i = 0; i < count; i++, option += 8) {
		put32(option, blocks[i][0]);
		put32(option + 4, blocks[i][1]);
	}
	return option;
}

unsigned int
segment_syn_options(uint8_t *option, uint16_t mss, const struct tcp_agreement *agreement,
		    bool scales, uint32_t stamp)
{
	uint8_t *at = option;

	put32(at, (uint32_t)OPTION_MSS << 24 | 4 << 16 | mss);
	at += 4;
	if (scales) {
		put32(at,
		      (uint32_t)OPTION_NOP << 24 | OPTION_SCALE << 16 | 3 << 8 | TCP_WINDOW_SCALE);
		at += 4;
	}
	if (agreement->sack) {
		put32(at, (uint32_t)OPTION_NOP << 24 | OPTION_NOP << 16 |
				  OPTION_SACK_PERMITTED << 8 | 2);
		at += 4;
	}
	if (agreement->stamps)
		at = segment_stamps(at, stamp, agreement->ts_recent);
	return (unsigned int)(at - option);
}

/* Of a segment whose own is 0; its addresses lie one after the other right before it. */
static rte_be16_t
segment_checksum(size_t addresses_length, const struct rte_tcp_hdr *header, uint16_t length)
{
	uint64_t sum = (uint64_t)rte_cpu_to_be_16(length) + RTE_BE16(IPPROTO_TCP);

	sum = checksum_add(sum, (const uint8_t *)header - addresses_length, addresses_length);
	return (rte_be16_t)~checksum_fold(checksum_add(sum, header, length));
}

static void
ipv4_lay(const struct interface *interface, const struct tcp_path *path,
	 const struct tcp_draft *draft, uint16_t length)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)draft->header - 1;
	struct rte_mbuf *mbuf = draft->mbuf;

	/* RFC 6864: what is never fragmented needs no identification */
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + length)),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = TIME_TO_LIVE,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = path->local.quads[3],
		.dst_addr = path->peer.quads[3],
	};
	if (interface->tx_ip_checksum)
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	else
		ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	if (interface->tx_tcp_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
		draft->header->cksum = rte_ipv4_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		draft->header->cksum =
			segment_checksum(2 * sizeof(ip->src_addr), draft->header, length);
	}
}

static void
ipv6_lay(const struct interface *interface, const struct tcp_path *path,
	 const struct tcp_draft *draft, uint16_t length)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)draft->header - 1;
	struct rte_mbuf *mbuf = draft->mbuf;

	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(length);
	ip->proto = IPPROTO_TCP;
	ip->hop_limits = TIME_TO_LIVE;
	memcpy(ip->src_addr, path->local.bytes, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, path->peer.bytes, sizeof(ip->dst_addr));
	if (interface->tx_tcp_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM;
		draft->header->cksum = rte_ipv6_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		draft->header->cksum =
			segment_checksum(2 * sizeof(ip->src_addr), draft->header, length);
	}
}

void
segment_send(struct tcp *tcp, const struct tcp_path *path, const struct tcp_draft *draft,
	     uint16_t length, uint16_t segment)
{
	struct tcp_port *port = tcp->ports[path->port];
	bool ipv4 = address_is_ipv4(&path->peer);
	struct rte_mbuf *mbuf = draft->mbuf;
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, struct rte_ether_hdr *);
	uint16_t linear = draft->linear != 0 ? draft->linear : length;
	uint16_t l4_length = (uint16_t)(draft->data + length - (uint8_t *)draft->header);
	uint16_t type = ipv4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);

	mbuf->data_len = (uint16_t)(draft->data + linear - (uint8_t *)ether);
	mbuf->pkt_len = (uint32_t)(draft->data + length - (uint8_t *)ether);
	mbuf->l2_len = RTE_ETHER_HDR_LEN + path->tags_length;
	mbuf->l3_len = ipv4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	mbuf->l4_len = (uint8_t)(draft->header->data_off >> 2);
	if (length > segment) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		mbuf->tso_segsz = segment;
		tcp->stats->trains_out++;
	}
	ether->dst_addr = path->mac;
	ether->src_addr = port->interface->mac;
	if (path->tags_length != 0)
		memcpy(&ether->ether_type, path->tags, path->tags_length);
	memcpy((uint8_t *)&ether->ether_type + path->tags_length, &type, sizeof(type));
	if (ipv4)
		ipv4_lay(port->interface, path, draft, l4_length);
	else
		ipv6_lay(port->interface, path, draft, l4_length);
	tcp->stats->segments_out++;
	tcp->owner.transmit(tcp->owner.arg, port, mbuf);
}

bool
segment_send_plain(struct tcp *tcp, const struct tcp_path *path, uint32_t sequence, uint32_t ack,
		   uint8_t flags, uint16_t window, const uint8_t *options, uint16_t options_length)
{
	struct tcp_draft draft;

	if (!segment_begin(tcp, path, options_length, &draft))
		return false;
	if (options_length > 0)
		memcpy((uint8_t *)(draft.header + 1), options, options_length);
	segment_fields(&draft, sequence, ack, flags, window);
	segment_send(tcp, path, &draft, 0, 0);
	return true;
}
