/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_frame.h"

void
route_init(struct route *route, const struct rte_ether_addr *from_mac,
	   const struct rte_ether_addr *to_mac, rte_be32_t from, rte_be32_t to, rte_be16_t to_port)
{
	struct frame_headers *headers = &route->template.headers;
	uint16_t words[sizeof(struct rte_ipv4_hdr) / 2];

	memset(route, 0, sizeof(*route));
	headers->ether.src_addr = *from_mac;
	headers->ether.dst_addr = *to_mac;
	headers->ether.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	headers->ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = from,
		.dst_addr = to,
	};
	headers->udp.dst_port = to_port;
	headers->frame.total = rte_cpu_to_be_16(1);
	memcpy(words, &headers->ip, sizeof(words));
	for (size_t i = 0; i < RTE_DIM(words); i++)
		route->ip_sum += words[i];
}
