/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/udp.h"

#include "dataplane/net/checksum.h"

static bool
udp_checksum_good(const struct interface *interface, const struct packet *packet,
		  const struct rte_udp_hdr *udp)
{
	uint64_t told = packet->mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (udp->dgram_cksum == 0) /* the sender made none: RFC 768; RFC 8200, 8.1 */
		return !packet->ipv6;
	if (interface->rx_l4_checksum && told == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	return packet_checksum_good(packet, IPPROTO_UDP);
}

enum verdict
udp_input(const struct interface *interface, struct packet *packet)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)packet->payload;

	/* A length shorter than IP's would make checksum and payload disagree: both must say one. */
	if (packet->payload_length < sizeof(*udp) ||
	    rte_be_to_cpu_16(udp->dgram_len) != packet->payload_length)
		return packet_drop(packet, NET_DROP_udp_length);
	if (udp->dst_port != interface->udp_port || udp->dst_port == 0 || udp->src_port == 0)
		return packet_drop(packet, NET_DROP_udp_port);
	if (!packet_is_allowed(interface, &interface->udp_allow, packet))
		return packet_drop(packet, NET_DROP_udp_not_allowed);
	if (!udp_checksum_good(interface, packet, udp))
		return packet_drop(packet, NET_DROP_udp_checksum);
	packet->source_port = udp->src_port;
	packet->destination_port = udp->dst_port;
	packet->payload += sizeof(*udp);
	packet->payload_length = (uint16_t)(packet->payload_length - sizeof(*udp));
	return VERDICT_DATAGRAM;
}

enum verdict
udp_message_open(struct udp_message *message, const struct interface *interface,
		 struct rte_mempool *pool)
{
	struct packet *packet = &message->packet;
	const struct udp_frame *frame = (const struct udp_frame *)packet->payload;

	if (packet->payload_length <= UDP_FRAME_LENGTH)
		return packet_drop(packet, NET_DROP_udp_frame_short);
	if (frame->total != rte_cpu_to_be_16(1))
		return packet_drop(packet, NET_DROP_udp_frame_total);
	message->interface = interface;
	message->request_id = frame->request_id;
	message->payload_max = udp_payload_max(interface, packet_ip_length(packet));
	message->datagrams = 0;
	message->pool = pool;
	message->first = NULL;
	message->last = NULL;
	packet->payload += UDP_FRAME_LENGTH;
	packet->payload_length = (uint16_t)(packet->payload_length - UDP_FRAME_LENGTH);
	return VERDICT_DATAGRAM;
}

uint8_t *
udp_message_append_fresh(struct udp_message *message, uint8_t **limit)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(message->pool);

	if (mbuf == NULL)
		return NULL;
	return udp_message_append(message, mbuf,
				  (uint8_t *)mbuf->buf_addr + mbuf->data_off + PACKET_HEADERS_MAX +
					  UDP_FRAME_LENGTH,
				  limit);
}

/* Sets the mbuf's data to [start, end): the headers are written from start on later. */
static void
udp_datagram_end(struct udp_message *message, const uint8_t *end)
{
	struct rte_mbuf *mbuf = message->last;
	uint8_t *start = message->payload - UDP_FRAME_LENGTH - sizeof(struct rte_udp_hdr) -
			 packet_ip_length(&message->packet) - message->packet.tags_length -
			 RTE_ETHER_HDR_LEN;

	mbuf->data_off = (uint16_t)(start - (uint8_t *)mbuf->buf_addr);
	mbuf->data_len = (uint16_t)(end - start);
	mbuf->pkt_len = mbuf->data_len;
}

uint8_t *
udp_message_extend(struct udp_message *message, uint8_t **limit)
{
	udp_datagram_end(message, message->payload + message->payload_max);
	if (message->datagrams == UDP_DATAGRAMS_MAX)
		return NULL;
	return udp_message_append_fresh(message, limit);
}

/*
 * The checksum of a datagram whose own is 0, over its addresses, which lie one after the other right
 * before it. 0 would mean none: it is sent as its other form (RFC 768; RFC 8200, 8.1).
 */
static rte_be16_t
udp_checksum(size_t addresses_length, const struct rte_udp_hdr *udp, uint16_t length)
{
	uint64_t sum = (uint64_t)udp->dgram_len + RTE_BE16(IPPROTO_UDP);
	uint16_t folded;

	sum = checksum_add(sum, (const uint8_t *)udp - addresses_length, addresses_length);
	folded = checksum_fold(checksum_add(sum, udp, length));
	return folded == 0xffff ? folded : (rte_be16_t)~folded;
}

/* IPv4's header before UDP's, and UDP's checksum, or the port's to fill in. */
static void
udp_finish_ipv4(const struct udp_message *message, struct rte_mbuf *mbuf, struct rte_udp_hdr *udp,
		uint16_t length)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)udp - 1;

	ipv4_answer(message->interface, &message->packet, ip, IPPROTO_UDP, length, mbuf);
	if (message->interface->tx_udp_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
		mbuf->l2_len = (uint64_t)(RTE_ETHER_HDR_LEN + message->packet.tags_length);
		mbuf->l3_len = sizeof(*ip);
		udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		udp->dgram_cksum = udp_checksum(2 * sizeof(ip->src_addr), udp, length);
	}
	ethernet_answer(message->interface, &message->packet, RTE_ETHER_TYPE_IPV4, (uint8_t *)ip);
}

static void
udp_finish_ipv6(const struct udp_message *message, struct rte_mbuf *mbuf, struct rte_udp_hdr *udp,
		uint16_t length)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)udp - 1;
	const struct packet *packet = &message->packet;

	ipv6_answer(&packet->destination, &packet->source, ip, IPPROTO_UDP, length);
	if (message->interface->tx_udp_checksum) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
		mbuf->l2_len = (uint64_t)(RTE_ETHER_HDR_LEN + packet->tags_length);
		mbuf->l3_len = sizeof(*ip);
		udp->dgram_cksum = rte_ipv6_phdr_cksum(ip, mbuf->ol_flags);
	} else {
		udp->dgram_cksum = udp_checksum(2 * sizeof(ip->src_addr), udp, length);
	}
	ethernet_answer(message->interface, packet, RTE_ETHER_TYPE_IPV6, (uint8_t *)ip);
}

static void
udp_datagram_headers(const struct udp_message *message, struct rte_mbuf *mbuf, uint16_t sequence)
{
	const struct packet *packet = &message->packet;
	size_t before = RTE_ETHER_HDR_LEN + packet->tags_length + packet_ip_length(packet);
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(mbuf, struct rte_udp_hdr *, before);
	struct udp_frame *frame = (struct udp_frame *)(udp + 1);
	uint16_t length = (uint16_t)(mbuf->data_len - before);

	mbuf->ol_flags = 0;
	frame->request_id = message->request_id;
	frame->sequence = rte_cpu_to_be_16(sequence);
	frame->total = rte_cpu_to_be_16((uint16_t)message->datagrams);
	frame->reserved = 0;
	udp->src_port = packet->destination_port;
	udp->dst_port = packet->source_port;
	udp->dgram_len = rte_cpu_to_be_16(length);
	udp->dgram_cksum = 0;
	if (packet->ipv6)
		udp_finish_ipv6(message, mbuf, udp, length);
	else
		udp_finish_ipv4(message, mbuf, udp, length);
}

void
udp_message_close(struct udp_message *message, const uint8_t *end)
{
	uint16_t sequence = 0;

	udp_datagram_end(message, end);
	for (struct rte_mbuf *mbuf = message->first; mbuf != NULL; mbuf = mbuf->next)
		udp_datagram_headers(message, mbuf, sequence++);
}

void
udp_message_abandon(struct udp_message *message)
{
	struct rte_mbuf *next;

	for (struct rte_mbuf *mbuf = message->first; mbuf != NULL; mbuf = next) {
		next = mbuf->next;
		mbuf->next = NULL;
		if (mbuf != message->packet.mbuf)
			rte_pktmbuf_free(mbuf);
	}
	message->first = NULL;
	message->last = NULL;
}
