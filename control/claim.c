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

static void
claim_probe(const struct port *port, const struct interface *interface)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(port->pools[0]);

	if (mbuf == NULL)
		return;
	if (arp_announce(interface, mbuf, true) != 0 ||
	    rte_eth_tx_burst(port->id, 0, &mbuf, 1) == 0)
		rte_pktmbuf_free(mbuf);
}

/* True if a claim arrives within the wait. */
static bool
claim_contested(const struct port *port, const struct interface *interface,
		struct rte_ether_addr *claimer)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * PROBE_WAIT_MS;
	struct rte_mbuf *mbufs[RX_BURST];
	bool contested = false;

	while (!contested && rte_rdtsc() < end) {
		uint16_t count = rte_eth_rx_burst(port->id, 0, mbufs, RX_BURST);

		for (uint16_t i = 0; i < count && !contested; i++)
			contested = arp_claims_ours(interface, mbufs[i], claimer);
		rte_pktmbuf_free_bulk(mbufs, count);
		if (count == 0)
			rte_delay_us_sleep(1000);
	}
	return contested;
}

int
claim_address(const struct port *port, const struct interface *interface,
	      char error[CONFIG_ERROR_SIZE])
{
	struct in_addr address = {.s_addr = interface->address};
	struct rte_eth_link link = {0};
	struct rte_ether_addr claimer;

	if (rte_eth_link_get_nowait(port->id, &link) != 0 || !link.link_status)
		return 0;
	for (unsigned int i = 0; i < PROBES; i++) {
		claim_probe(port, interface);
		if (!claim_contested(port, interface, &claimer))
			continue;
		snprintf(error, CONFIG_ERROR_SIZE,
			 "%s: %s is already in use by the host with MAC " RTE_ETHER_ADDR_PRT_FMT
			 "; give the port another address, or take it from that host",
			 port->name, inet_ntoa(address), RTE_ETHER_ADDR_BYTES(&claimer));
		return -EADDRINUSE;
	}
	return 0;
}
