/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/udp_plain.h"

/* As the words that udp_plain_close fills in and writes. */
static void
plain_learn_answer(struct udp_plain *plain, const struct interface *interface)
{
	struct udp_plain_headers answer = {
		.ether = {.src_addr = interface->mac, .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)},
		.ip = {.version_ihl = RTE_IPV4_VHL_DEF,
		       .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		       .time_to_live = IPV4_TTL,
		       .next_proto_id = IPPROTO_UDP,
		       .src_addr = interface->address},
	};
	const uint8_t *frame = (const uint8_t *)&answer;

	plain->answer_ether = plain_load64(frame + PLAIN_FROM);
	plain->answer_ip[0] = plain_load64(frame + PLAIN_IP);
	plain->answer_ip[1] = plain_load64(frame + PLAIN_IP + 8);
	/* folded: what is added later leaves no carry */
	plain->answer_sum = checksum_fold(checksum_add(0, &answer.ip, sizeof(answer.ip)));
	plain->pseudo_sum =
		(uint64_t)interface->address + RTE_BE16(IPPROTO_UDP) + RTE_BE16(1); /* total */
}

void
udp_plain_learn(struct udp_plain *plain, const struct interface *interface)
{
	struct udp_plain_headers expected = {
		.ether = {.dst_addr = interface->mac, .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)},
		.ip = {.version_ihl = RTE_IPV4_VHL_DEF,
		       .next_proto_id = IPPROTO_UDP,
		       .dst_addr = interface->address},
		.udp = {.dst_port = interface->udp_port},
		.frame = {.total = RTE_BE16(1)},
	};
	struct udp_plain_headers mask = {
		.ether = {.dst_addr = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
			  .ether_type = UINT16_MAX},
		.ip = {.version_ihl = UINT8_MAX,
		       .fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK),
		       .next_proto_id = UINT8_MAX,
		       .dst_addr = UINT32_MAX},
		.udp = {.dst_port = UINT16_MAX},
		.frame = {.total = UINT16_MAX},
	};

	memcpy(plain->expected, &expected, sizeof(plain->expected));
	memcpy(plain->mask, &mask, sizeof(plain->mask));
	plain_learn_answer(plain, interface);
	plain->payload_max = udp_payload_max(interface, sizeof(struct rte_ipv4_hdr));
	plain->length_over = interface->udp_port == 0
				     ? UINT16_MAX
				     : sizeof(struct rte_udp_hdr) + sizeof(struct udp_frame);
	plain->answer_max = plain->payload_max;
	if (interface->tx_udp_checksum && plain->answer_max > PLAIN_SUM_MAX)
		plain->answer_max = PLAIN_SUM_MAX;
}

void
udp_plain_describe(const struct udp_plain *plain, const struct interface *interface,
		   struct rte_mempool *pool, struct udp_message *message)
{
	struct packet *packet = &message->packet;
	struct udp_plain_headers *headers = (struct udp_plain_headers *)(void *)packet->payload - 1;

	packet->ip = (uint8_t *)&headers->ip;
	packet->ethertype = RTE_ETHER_TYPE_IPV4;
	packet->tags_length = 0;
	packet->ipv6 = false;
	packet->source_port = headers->udp.src_port;
	packet->destination_port = headers->udp.dst_port;
	packet->source = address_ipv4(headers->ip.src_addr);
	packet->destination = address_ipv4(headers->ip.dst_addr);
	packet->peer = headers->ether.src_addr;
	message->interface = interface;
	message->request_id = headers->frame.request_id;
	message->payload_max = plain->payload_max;
	message->datagrams = 0;
	message->pool = pool;
	message->first = NULL;
	message->last = NULL;
}
