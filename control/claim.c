/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/claim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdio.h>

enum {
	PROBES = 3,	     /* RFC 5227, 1.1: PROBE_NUM */
	PROBE_WAIT_MS = 100, /* the RFC's one to two seconds are for hosts that nobody awaits */
	RX_BURST = 32,
};

/* An address that is asked about. */
struct claim {
	const struct interface *interface;
	const struct address *ipv6; /* NULL: the IPv4 one */
};

static void
claim_probe(const struct port *port, const struct claim *claim)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(port->pools[0]);
	int status;

	if (mbuf == NULL)
		return;
	status = claim->ipv6 != NULL ? nd_probe(claim->interface, mbuf, claim->ipv6)
				     : arp_announce(claim->interface, mbuf, true);
	if (status != 0 || rte_eth_tx_burst(port->id, 0, &mbuf, 1) == 0)
		rte_pktmbuf_free(mbuf);
}

static bool
claim_is_contested_by(const struct claim *claim, const struct rte_mbuf *mbuf,
		      struct rte_ether_addr *claimer)
{
	if (claim->ipv6 != NULL)
		return nd_claims(claim->interface, mbuf, claim->ipv6, claimer);
	return arp_claims_ours(claim->interface, mbuf, claimer);
}

/* The claim that a packet contests, of those that arrive within the wait; NULL if none does. */
static const struct claim *
claims_await(const struct port *port, const struct claim *claims, unsigned int count,
	     struct rte_ether_addr *claimer)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * PROBE_WAIT_MS;
	const struct claim *contested = NULL;
	struct rte_mbuf *mbufs[RX_BURST];

	while (contested == NULL && rte_rdtsc() < end) {
		uint16_t received = rte_eth_rx_burst(port->id, 0, mbufs, RX_BURST);

		for (unsigned int i = 0; i < received * count && contested == NULL; i++) {
			if (claim_is_contested_by(&claims[i % count], mbufs[i / count], claimer))
				contested = &claims[i % count];
		}
		rte_pktmbuf_free_bulk(mbufs, received);
		if (received == 0)
			rte_delay_us_sleep(1000);
	}
	return contested;
}

static int
claim_refuse(const struct port *port, const struct claim *claim,
	     const struct rte_ether_addr *claimer, char error[CONFIG_ERROR_SIZE])
{
	char text[INET6_ADDRSTRLEN];

	if (claim->ipv6 != NULL)
		inet_ntop(AF_INET6, claim->ipv6->bytes, text, sizeof(text));
	else
		inet_ntop(AF_INET, &claim->interface->address, text, sizeof(text));
	snprintf(error, CONFIG_ERROR_SIZE,
		 "%s: %s is already in use by the host with MAC " RTE_ETHER_ADDR_PRT_FMT
		 "; give the port another address, or take it from that host",
		 port->name, text, RTE_ETHER_ADDR_BYTES(claimer));
	return -EADDRINUSE;
}

int
claim_address(const struct port *port, const struct interface *interface,
	      char error[CONFIG_ERROR_SIZE])
{
	const struct claim claims[] = {{interface, NULL},
				       {interface, &interface->address6},
				       {interface, &interface->link_local6}};
	unsigned int count = interface->ipv6 ? RTE_DIM(claims) : 1;
	struct rte_eth_link link = {0};
	struct rte_ether_addr claimer;

	if (rte_eth_link_get_nowait(port->id, &link) != 0 || !link.link_status)
		return 0;
	for (unsigned int probe = 0; probe < PROBES; probe++) {
		const struct claim *contested;

		for (unsigned int i = 0; i < count; i++)
			claim_probe(port, &claims[i]);
		contested = claims_await(port, claims, count, &claimer);
		if (contested != NULL)
			return claim_refuse(port, contested, &claimer, error);
	}
	return 0;
}
