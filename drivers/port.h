/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port.h - a network port, whatever it is made of, and what it can do.
 *
 * Everything above asks a port for a capability and never for the driver's name. All functions are
 * for the control thread; workers only read the struct and call rte_eth_rx/tx_burst on their queue.
 */
#ifndef JACKDAW_PORT_H
#define JACKDAW_PORT_H

#include <rte_ether.h>
#include <rte_mempool.h>

#include "config/config.h"

enum {
	PORT_DEVICE_SIZE = 64
};

struct port {
	char name[32];
	char device[PORT_DEVICE_SIZE]; /* DPDK's name of the device */
	uint16_t id;		       /* DPDK's */
	uint16_t queues;	       /* RX and TX queue pairs in use: at most one a worker */
	uint16_t mtu;
	int numa_node; /* -1: unknown or none */
	struct rte_ether_addr mac;

	/* capabilities, as negotiated and switched on */
	bool rss;	     /* the device spreads flows over its queues */
	bool flow_stays;     /* a flow never changes its queue while it lives */
	bool rx_ip_checksum; /* mbuf flags tell whether the IPv4 header checksum is good */
	bool rx_l4_checksum; /* the same for UDP and TCP */
	bool tx_ip_checksum; /* filled in by the device when asked by mbuf flags */
	bool tx_udp_checksum;
	bool tx_tcp_checksum;
	bool tso;	       /* long TCP segments are cut by the port */
	bool tso_shorter;      /* to pieces that are shorter than the MTU by the Ethernet header */
	bool multi_segment;    /* chained mbufs may be sent */
	bool external_buffers; /* mbufs with external buffers may be sent */
	bool fast_free;	       /* only direct mbufs of the queue's own pool are sent */

	/* wake_fds[q]: readable when queue q has a packet, for an idle worker to sleep on; -1: none */
	int wake_fds[CONFIG_WORKERS_MAX];

	/* pools[q]: where queue q's packets live and its worker allocates from; owned by the port */
	struct rte_mempool *pools[CONFIG_WORKERS_MAX];
	struct config_port config;
	int claim;  /* descriptor that holds the interface against others of ours; -1: none */
	int groups; /* descriptor that has the kernel's interface hear multicast; -1: none */
};

/*
 * Brings the port up: probes the device, negotiates queues and offloads, starts it. `cores[i]` is
 * the lcore of worker i (its NUMA node is where queue i's pool goes). 0, or negative errno with one
 * line in error that says what is missing and how to get it. Nothing is left behind on an error.
 */
int port_open(struct port *port, const struct config *config, unsigned int index,
	      const unsigned int *lcores, char error[CONFIG_ERROR_SIZE]);

/* Stops and removes the device. No worker may use it any more. */
void port_close(struct port *port);

/* One line: name, driver, MAC, queues, MTU, node and capabilities. */
void port_describe(const struct port *port, char *line, size_t size);

/*
 * What the device itself counted: packets missed for want of a descriptor (imissed), receive errors
 * and buffers it could not get (rx_nombuf). 0 or negative errno. Any thread but slow.
 */
struct port_losses {
	uint64_t missed;
	uint64_t errors;
	uint64_t no_buffer;
};
int port_read_losses(const struct port *port, struct port_losses *losses);

#endif
