/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/udp_plain.h"

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
	plain->answer = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = IPV4_TTL,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = interface->address,
	};
	/* folded: what is added later leaves no carry */
	plain->answer_sum = checksum_fold(checksum_add(0, &plain->answer, sizeof(plain->answer)));
	plain->payload_max = udp_payload_max(interface, sizeof(struct rte_ipv4_hdr));
	plain->length_over = interface->udp_port == 0
				     ? UINT16_MAX
				     : sizeof(struct rte_udp_hdr) + sizeof(struct udp_frame);
	plain->answer_max = interface->tx_udp_checksum ? PLAIN_SUM_MAX : UINT16_MAX;
}
