/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of every kind, damaged at random and with their checksums mended so that the damage gets
 * past them. Whatever comes out, the verdict must be sound: what it points to lies in the frame, an
 * answer is a whole and right frame, and nothing depends on bytes that the frame does not have.
 */
#include <rte_tcp.h>

#include "dataplane/net/ipv6.h"
#include "tests/net/frames.h"
#include "tests/suite.h"

enum {
	ROUNDS = 300000,
	GROWTH_MAX = 8,	  /* of an answer beyond its question: neighbour discovery's option */
	REACHED_MIN = 50, /* times that each verdict must have been reached, to mean something */
	SPECIMENS = 14,
	NO_L4 = 0,
};

/* A good frame, and where its layer above IP lies (NO_L4: there is none). */
struct specimen {
	struct frame frame;
	uint16_t l4;
	uint8_t protocol;
	bool ipv6;
};

static struct rte_mempool *pool;

/* xorshift64*, S. Vigna, An experimental exploration of Marsaglia's xorshift generators, 2016 */
static uint64_t
draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * UINT64_C(0x2545f4914f6cdd1d)) >> 16;
}

/* --- specimens ---------------------------------------------------------------------------- */

static const uint8_t command[] = "\x12\x34\0\0\0\1\0\0get key\r\n";

static const struct rte_tcp_hdr segment = {
	.src_port = RTE_BE16(4000), .dst_port = FRAMES_PORT, .data_off = 5 << 4, .tcp_flags = 0x10};

static struct frame
specimen_ipv4(uint8_t protocol, const void *payload, uint16_t length, unsigned int options)
{
	struct frame_spec spec = {.protocol = protocol, .ip_options = options};
	struct frame frame;

	frame_ipv4(&frame, &spec, length);
	frame_append(&frame, payload, length);
	return frame;
}

/* ICMP's word of a narrow link, about a segment of ours. */
static struct frame
specimen_too_big(bool ipv6)
{
	struct {
		struct rte_icmp_hdr icmp;
		struct rte_ipv4_hdr ip;
		struct rte_tcp_hdr tcp;
	} four = {{.icmp_type = 3, .icmp_code = 4, .icmp_seq_nb = RTE_BE16(1400)},
		  {.version_ihl = 0x45,
		   .next_proto_id = IPPROTO_TCP,
		   .src_addr = FRAMES_US,
		   .dst_addr = FRAMES_CLIENT},
		  segment};
	struct {
		struct icmpv6_header icmp;
		struct rte_ipv6_hdr ip;
		struct rte_tcp_hdr tcp;
	} six = {{.type = ICMPV6_TOO_BIG, .word = RTE_BE32(1400)},
		 {.vtc_flow = RTE_BE32(6U << 28), .proto = IPPROTO_TCP},
		 segment};
	struct address us = FRAMES_US6;

	if (!ipv6)
		return specimen_ipv4(IPPROTO_ICMP, &four, sizeof(four), 0);
	memcpy(six.ip.src_addr, us.bytes, sizeof(six.ip.src_addr));
	return frame6_icmp((struct frame6_spec){.tags = 0}, &six, sizeof(six));
}

/* A neighbour's solicitation or advertisement with one option. */
static struct frame
specimen_nd(uint8_t type, bool unspecified)
{
	struct {
		struct icmpv6_header icmp;
		uint8_t target[16], option[8];
	} message = {{.type = type}, {0}, {type == ICMPV6_SOLICITATION ? 1 : 2, 1, 2, [7] = 2}};
	struct address target = FRAMES_US6;
	uint16_t length = (uint16_t)(sizeof(message) - (unspecified ? sizeof(message.option) : 0));
	struct frame frame;

	memcpy(message.target, target.bytes, sizeof(message.target));
	frame = frame6_icmp((struct frame6_spec){.to = FRAMES_US_SOLICITED, .hops = ND_HOP_LIMIT},
			    &message, length);
	if (unspecified) {
		memset(frame_ip6(&frame)->src_addr, 0, sizeof(target.bytes));
		frame6_fix(&frame, IPPROTO_ICMPV6, length, 2);
	}
	return frame;
}

static struct specimen
specimen_4(struct frame frame)
{
	const struct rte_ipv4_hdr *ip = frame_ip(&frame);

	return (struct specimen){.frame = frame,
				 .l4 = (uint16_t)(frame.ip + rte_ipv4_hdr_len(ip)),
				 .protocol = ip->next_proto_id};
}

static struct specimen
specimen_6(struct frame frame, uint16_t extensions, uint8_t protocol)
{
	return (struct specimen){
		.frame = frame,
		.l4 = (uint16_t)(frame.ip + sizeof(struct rte_ipv6_hdr) + extensions),
		.protocol = protocol,
		.ipv6 = true};
}

static struct specimen
specimen_draw(unsigned int kind, unsigned int tags)
{
	/* hop-by-hop with padding, then destination options of an unknown kind that may be skipped */
	static const uint8_t extensions[16] = {IPPROTO_DSTOPTS, 0, 1,  4, 0, 0, 0, 0,
					       IPPROTO_UDP,	0, 30, 4, 1, 2, 3, 4};
	static const struct icmpv6_header echo = {.type = ICMPV6_ECHO_REQUEST};
	struct frame6_spec six = {.tags = tags};

	switch (kind) {
	case 0:
		return specimen_4(frame_udp((struct frame_spec){
			.tags = tags, .payload = command, .length = sizeof(command)}));
	case 1:
		return specimen_4(frame_udp((struct frame_spec){
			.ip_options = 12, .payload = command, .length = sizeof(command)}));
	case 2:
		return specimen_4(frame_echo(tags, 8, 40));
	case 3:
		return (struct specimen){
			.frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_CLIENT, FRAMES_US)};
	case 4:
		return specimen_4(specimen_ipv4(IPPROTO_TCP, &segment, sizeof(segment), 0));
	case 5:
		return specimen_4(specimen_too_big(false));
	case 6:
		return specimen_6(frame6_udp(six, command, sizeof(command)), 0, IPPROTO_UDP);
	case 7:
		six.extensions = extensions;
		six.extensions_length = sizeof(extensions);
		six.first = IPPROTO_HOPOPTS;
		return specimen_6(frame6_udp(six, command, sizeof(command)), sizeof(extensions),
				  IPPROTO_UDP);
	case 8:
		return specimen_6(frame6_icmp(six, &echo, sizeof(echo)), 0, IPPROTO_ICMPV6);
	case 9:
		six.protocol = IPPROTO_TCP;
		six.payload = &segment;
		six.length = sizeof(segment);
		return specimen_6(frame6(six), 0, IPPROTO_TCP);
	case 10:
		return specimen_6(specimen_too_big(true), 0, IPPROTO_ICMPV6);
	case 11:
		return specimen_6(specimen_nd(ICMPV6_ADVERTISEMENT, false), 0, IPPROTO_ICMPV6);
	default:
		return specimen_6(specimen_nd(ICMPV6_SOLICITATION, kind % 2 == 0), 0,
				  IPPROTO_ICMPV6);
	}
}

/* --- damage and repair -------------------------------------------------------------------- */

static void
damage(struct frame *frame, uint64_t *state)
{
	unsigned int changes = (unsigned int)(draw(state) % 5);

	for (unsigned int i = 0; i < changes; i++) {
		uint16_t at = frame->length != 0 ? (uint16_t)(draw(state) % frame->length) : 0;

		switch (draw(state) % 8) {
		case 0:
			frame->length = at;
			break;
		case 1:
			frame->length = (uint16_t)(frame->length + draw(state) % 64);
			break;
		case 2:
			frame->bytes[at] ^= (uint8_t)(1U << draw(state) % 8);
			break;
		case 3: /* a little more or less: lengths, counts */
			frame->bytes[at] = (uint8_t)(frame->bytes[at] + draw(state) % 3 - 1);
			break;
		case 4:
			frame->bytes[at] = draw(state) % 2 == 0 ? 0 : 0xff;
			break;
		default:
			frame->bytes[at] = (uint8_t)draw(state);
			break;
		}
	}
}

static int
checksum_place(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return offsetof(struct rte_udp_hdr, dgram_cksum);
	case IPPROTO_TCP:
		return offsetof(struct rte_tcp_hdr, cksum);
	default:
		return 2;
	}
}

/* Makes the checksums right for what the headers now say, as far as it lies in the frame. */
static void
mend(struct specimen *specimen)
{
	struct frame *frame = &specimen->frame;
	int place = checksum_place(specimen->protocol);
	uint32_t told, end;
	rte_be16_t sum = 0;

	if (specimen->l4 == NO_L4 || frame->length < specimen->l4 + place + 2)
		return;
	if (!specimen->ipv6)
		frame_fix_ip(frame);
	told = specimen->ipv6 ? rte_be_to_cpu_16(frame_ip6(frame)->payload_len) + 40U
			      : rte_be_to_cpu_16(frame_ip(frame)->total_length);
	end = frame->ip + told;
	if (end > frame->length || end < specimen->l4 + place + 2U)
		return;
	memcpy(frame->bytes + specimen->l4 + place, &sum, sizeof(sum));
	if (specimen->ipv6)
		sum = (rte_be16_t)~__rte_raw_cksum_reduce(
			rte_raw_cksum(frame->bytes + specimen->l4, end - specimen->l4) +
			ipv6_pseudo_sum(frame_ip6(frame), specimen->protocol,
					(uint16_t)(end - specimen->l4)));
	else if (specimen->protocol == IPPROTO_ICMP)
		sum = (rte_be16_t)~rte_raw_cksum(frame->bytes + specimen->l4, end - specimen->l4);
	else if (rte_ipv4_hdr_len(frame_ip(frame)) == specimen->l4 - frame->ip)
		sum = rte_ipv4_udptcp_cksum(frame_ip(frame), frame->bytes + specimen->l4);
	memcpy(frame->bytes + specimen->l4 + place, &sum, sizeof(sum));
}

/* --- what must hold ----------------------------------------------------------------------- */

static bool
inside(const struct rte_mbuf *mbuf, uint16_t length, const uint8_t *at, size_t bytes)
{
	const uint8_t *start = (const uint8_t *)mbuf->buf_addr + RTE_PKTMBUF_HEADROOM;

	return at >= start && at + bytes <= start + length;
}

static bool
answer_ipv4_sound(const uint8_t *at, uint16_t left)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)at;

	return left >= sizeof(*ip) && rte_be_to_cpu_16(ip->total_length) == left &&
	       ip->version_ihl == 0x45 && rte_raw_cksum(ip, sizeof(*ip)) == 0xffff &&
	       ip->src_addr == FRAMES_US && ip->dst_addr != FRAMES_US &&
	       rte_raw_cksum(ip + 1, left - sizeof(*ip)) == 0xffff;
}

static bool
answer_ipv6_sound(uint8_t *at, uint16_t left)
{
	struct interface interface = frames_interface();
	struct packet packet = {.payload = at, .payload_length = left};
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)at;
	uint8_t protocol;

	return ipv6_take_header(&packet, &protocol) && protocol == IPPROTO_ICMPV6 &&
	       rte_be_to_cpu_16(ip->payload_len) == left - sizeof(*ip) &&
	       packet_checksum_good(&packet, protocol) &&
	       ipv6_is_ours(&interface, &packet.source) &&
	       !ipv6_is_ours(&interface, &packet.destination) &&
	       (!address_is_multicast6(&packet.destination) ||
		address_equal(&packet.destination, &nd_all_nodes));
}

/* A whole frame from us to one station, or to all nodes; not much longer than its question. */
static bool
answer_sound(const struct rte_mbuf *mbuf, const struct packet *packet, uint16_t question)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	struct rte_ether_addr everybody = nd_group_mac(&nd_all_nodes);
	uint16_t before = (uint16_t)(sizeof(*ether) + packet->tags_length);
	uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, before);
	uint16_t left = (uint16_t)(mbuf->data_len - before);

	if (mbuf->data_off + mbuf->data_len > mbuf->buf_len || mbuf->pkt_len != mbuf->data_len ||
	    mbuf->data_len > question + GROWTH_MAX ||
	    !rte_is_same_ether_addr(&ether->src_addr, &frames_us_mac))
		return false;
	if (packet->ethertype == RTE_ETHER_TYPE_ARP)
		return left == sizeof(struct rte_arp_hdr);
	if (packet->ethertype == RTE_ETHER_TYPE_IPV4)
		return answer_ipv4_sound(ip, left);
	return answer_ipv6_sound(ip, left) &&
	       (!rte_is_multicast_ether_addr(&ether->dst_addr) ||
		rte_is_same_ether_addr(&ether->dst_addr, &everybody) ||
		rte_is_same_ether_addr(&ether->dst_addr, &packet->peer));
}

static bool
verdict_sound(enum verdict verdict, const struct packet *packet, uint16_t length)
{
	const struct rte_mbuf *mbuf = packet->mbuf;
	struct interface interface = frames_interface();

	switch (verdict) {
	case VERDICT_DROP:
		return packet->drop < NET_DROP_CAUSES;
	case VERDICT_ANSWERED:
		return answer_sound(mbuf, packet, length);
	case VERDICT_DATAGRAM:
		return inside(mbuf, length, packet->payload - sizeof(struct rte_udp_hdr),
			      packet->payload_length + sizeof(struct rte_udp_hdr)) &&
		       packet->source_port != 0 && packet->destination_port == FRAMES_PORT &&
		       packet_is_allowed(&interface, &interface.udp_allow, packet);
	case VERDICT_SEGMENT:
		return inside(mbuf, length, packet->payload, packet->payload_length) &&
		       packet->payload_length >= (packet->payload[12] >> 4) * 4 &&
		       packet->payload[12] >> 4 >= 5 && packet->source_port != 0 &&
		       packet_is_allowed(&interface, &interface.tcp_allow, packet);
	case VERDICT_TOO_BIG:
		return inside(mbuf, length, packet->payload, packet->payload_length) &&
		       packet->payload_length >= (packet->ipv6 ? 48 : 28);
	}
	return false;
}

/* The frame in a buffer whose other bytes are all `fill`. */
static enum verdict
take_apart(const struct frame *frame, uint8_t fill, struct packet *packet)
{
	struct interface interface = frames_interface();
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	memset(mbuf->buf_addr, fill, mbuf->buf_len);
	memcpy(rte_pktmbuf_append(mbuf, frame->length), frame->bytes, frame->length);
	return net_input(&interface, mbuf, packet);
}

static bool
same_outcome(enum verdict verdict, const struct packet *a, const struct packet *b)
{
	if (verdict == VERDICT_DROP)
		return a->drop == b->drop;
	return a->mbuf->data_len == b->mbuf->data_len &&
	       memcmp(rte_pktmbuf_mtod(a->mbuf, void *), rte_pktmbuf_mtod(b->mbuf, void *),
		      a->mbuf->data_len) == 0 &&
	       a->payload_length == b->payload_length;
}

static void
damaged_frames_have_sound_verdicts(void)
{
	unsigned int reached[VERDICT_TOO_BIG + 1] = {0}, bad = 0;
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	pool = frames_start();
	for (unsigned int round = 0; round < ROUNDS && bad < 10; round++) {
		unsigned int kind = (unsigned int)(draw(&state) % SPECIMENS);
		struct specimen specimen = specimen_draw(kind, (unsigned int)(draw(&state) % 3));
		struct packet one = {.mbuf = NULL}, other = {.mbuf = NULL};
		enum verdict verdict;
		bool sound;

		damage(&specimen.frame, &state);
		if (draw(&state) % 8 != 0)
			mend(&specimen);
		verdict = take_apart(&specimen.frame, 0x00, &one);
		sound = verdict == take_apart(&specimen.frame, 0xff, &other) &&
			same_outcome(verdict, &one, &other) &&
			verdict_sound(verdict, &one, specimen.frame.length);
		reached[verdict]++;
		if (!sound) {
			bad++;
			printf("\n  round %u, kind %u: verdict %d, cause %u", round, kind, verdict,
			       one.drop);
		}
		rte_pktmbuf_free(one.mbuf);
		rte_pktmbuf_free(other.mbuf);
	}
	CU_ASSERT_EQUAL(bad, 0);
	for (unsigned int i = 0; i < RTE_DIM(reached); i++)
		CU_ASSERT(reached[i] >= REACHED_MIN);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

/* The specimens themselves are good, or the rest would test little. */
static void
undamaged_frames_are_taken(void)
{
	for (unsigned int kind = 0; kind < SPECIMENS; kind++) {
		struct specimen specimen = specimen_draw(kind, 0);
		struct packet packet;
		enum verdict verdict;

		mend(&specimen);
		verdict = take_apart(&specimen.frame, 0x55, &packet);
		/* an advertisement of our address is understood, and unwelcome */
		CU_ASSERT_EQUAL(verdict == VERDICT_DROP, kind == 11);
		CU_ASSERT(kind != 11 || packet.drop == NET_DROP_nd_conflict);
		rte_pktmbuf_free(packet.mbuf);
	}
}

SUITE("damaged frames", TEST(damaged_frames_have_sound_verdicts), TEST(undamaged_frames_are_taken))
