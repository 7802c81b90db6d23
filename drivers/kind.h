/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kind.h - what differs between the kinds of port: how the device is named to DPDK, what must hold
 * before it is opened, and what DPDK 22.11's driver for it can't be trusted with. Private to
 * drivers/; one file a kind.
 */
#ifndef JACKDAW_PORT_KIND_H
#define JACKDAW_PORT_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum {
	KIND_DEVICE_SIZE = 64,
	KIND_ARGUMENTS_SIZE = 512,
	/* what one packet buffer holds (2,048 bytes) less an Ethernet header and two VLAN tags */
	KIND_MTU_MAX = 2048 - 14 - 8,
	/* what a packet buffer takes in all: data, headroom, mbuf and the pool's share */
	KIND_MBUF_BYTES = 2560,
};

struct port_kind {
	bool virtual_device; /* made by us, and removed by us */
	bool netdev; /* the kernel has an interface for it, and its stack sees traffic of it */
	bool multi_segment;    /* the driver sends chained mbufs correctly */
	bool external_buffers; /* the driver sends attached external buffers correctly */
	bool tso_shorter;      /* what it cuts must fit the MTU with its Ethernet header */
	bool dense_pool;       /* the driver takes a pool's buffers to lie side by side */
	uint16_t mtu_max;      /* bytes of the largest IP packet that gets through */
	uint64_t privileges;   /* Linux capabilities that opening it takes; see privilege.h */
	const char *hint;      /* what to look at when it doesn't come up */

	/*
	 * Looks before DPDK does, changes nothing, and says more clearly what is wrong and what
	 * mends it. 0 or negative errno. What holds for every kind is checked by kind_check.
	 */
	int (*check)(const struct config *config, const struct config_port *port,
		     char why[CONFIG_ERROR_SIZE]);
	/* Makes ready what check accepted; NULL if nothing is to be done. As check. */
	int (*prepare)(const struct config_port *port, char why[CONFIG_ERROR_SIZE]);
	/* Called when DPDK knows the device; NULL if nothing is to be done. */
	void (*adopted)(void);
	/* Called before the device is stopped; NULL if nothing is to be done. */
	void (*settle)(void);
	/* Writes DPDK's name of the device and, for a virtual one, its arguments. */
	void (*describe)(const struct config *config, const struct config_port *port,
			 unsigned int index, char device[KIND_DEVICE_SIZE],
			 char arguments[KIND_ARGUMENTS_SIZE]);
};

extern const struct port_kind kind_af_xdp, kind_af_packet, kind_tap, kind_memif, kind_pci;

const struct port_kind *port_kind_of(enum config_driver driver);

/* Everything that must hold before a port can be opened: privileges, MTU, address, kind->check. */
int kind_check(const struct config *config, const struct config_port *port,
	       char why[CONFIG_ERROR_SIZE]);

/* A claim on the port's interface: see netdev_claim. -ENOENT for kinds that have none. */
int kind_claim(const struct port_kind *kind, const struct config_port *port);

/* For the kinds: writes the message and passes the status on. */
int kind_refuse(char why[CONFIG_ERROR_SIZE], int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* For the kinds: queue pairs that the configuration asks for, at most one a worker. */
unsigned int kind_queues_wanted(const struct config *config, const struct config_port *port);

/* For the kinds: appends ",mac=…" where the configuration has one. */
void kind_append_mac(const struct config_port *port, char arguments[KIND_ARGUMENTS_SIZE]);

/* For the kinds: 0 if the interface is there, and is brought up. */
int kind_check_interface(const struct config_port *port, char why[CONFIG_ERROR_SIZE]);
int kind_prepare_interface(const struct config_port *port, char why[CONFIG_ERROR_SIZE]);

#endif
