/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Path MTU (RFC 1191, RFC 8201): a router's word is taken only if it quotes a segment that is in flight
 * (RFC 5927, 4.1), and never below what every link of today carries, so that nobody can make us send
 * crumbs.
 */
#include "dataplane/net/tcp_parts.h"

enum {
	QUOTED_TCP =
		8, /* bytes of TCP's header that are quoted at least (RFC 792): ports, sequence */
};

/* What is quoted, as a packet of the peer's would look: false if it is too short to tell. */
static bool
quote_read(const struct packet *packet, struct packet *quoted, uint32_t *sequence)
{
	const struct rte_ipv4_hdr *ipv4 = (const struct rte_ipv4_hdr *)packet->payload;
	const struct rte_ipv6_hdr *ipv6 = (const struct rte_ipv6_hdr *)packet->payload;
	const struct rte_tcp_hdr *tcp;
	uint16_t length;

	if (packet->payload_length < sizeof(*ipv4))
		return false;
	if (packet->payload[0] >> 4 == 4) {
		length = rte_ipv4_hdr_len(ipv4);
		quoted->destination = address_ipv4(ipv4->src_addr);
		quoted->source = address_ipv4(ipv4->dst_addr);
	} else {
		length = sizeof(*ipv6);
		if (packet->payload_length < length)
			return false;
		quoted->destination = address_ipv6(ipv6->src_addr);
		quoted->source = address_ipv6(ipv6->dst_addr);
	}
	if (length < sizeof(*ipv4) || packet->payload_length < length + QUOTED_TCP)
		return false;
	tcp = (const struct rte_tcp_hdr *)(packet->payload + length);
	quoted->destination_port = tcp->src_port;
	quoted->source_port = tcp->dst_port;
	*sequence = rte_be_to_cpu_32(tcp->sent_seq);
	return true;
}

void
tcp_path_mtu(struct tcp *tcp, struct tcp_port *port, const struct packet *packet, uint16_t mtu)
{
	struct tcp_connection *connection;
	uint32_t sequence, reference, mss;
	struct packet quoted;

	(void)port;
	if (!quote_read(packet, &quoted, &sequence))
		return;
	reference = tcp_find(tcp, &quoted,
			     tcp_path_hash(tcp, &quoted.destination, &quoted.source,
					   quoted.destination_port, quoted.source_port));
	if (tcp_reference_kind(reference) != TCP_KIND_CONNECTION)
		return;
	connection = tcp_referent(&tcp->connections, reference);
	if (sequence - connection->snd_una >= connection_in_flight(connection))
		return;
	if (address_is_ipv4(&quoted.source))
		mss = RTE_MAX(mtu, TCP_MSS_IPV4 + TCP_HEADERS_IPV4) - TCP_HEADERS_IPV4;
	else
		mss = RTE_MAX(mtu, TCP_MSS_IPV6 + TCP_HEADERS_IPV6) - TCP_HEADERS_IPV6;
	if (mss >= connection->mss)
		return;
	connection->mss = (uint16_t)mss;
	tcp->stats->pmtu_lowered++;
	/* again at once, and no sign of congestion (RFC 1191, 6.5) */
	if (connection->flight.count > 0)
		flight_lose_all(connection);
	connection_touch(tcp, connection);
}
