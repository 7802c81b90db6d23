/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kind.h - what differs between the kinds of port: how the device is named to DPDK, what must hold
 * before it is opened, and what DPDK 22.11's driver for it can't be trusted with. Private to
 * drivers/.
 */
#ifndef JACKDAW_PORT_KIND_H
#define JACKDAW_PORT_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct port_kind {
	bool virtual_device;   /* made by us, and removed by us */
	bool multi_segment;    /* the driver sends chained mbufs correctly */
	bool external_buffers; /* the driver sends attached external buffers correctly */
	const char *hint;      /* what to look at when it doesn't come up */

	/* Looks before DPDK does, and says more clearly what is wrong. 0 or negative errno. */
	int (*check)(const struct config_port *port, unsigned int workers,
		     char why[CONFIG_ERROR_SIZE]);
	/* Writes DPDK's name of the device and, for a virtual one, its arguments. */
	void (*describe)(const struct config_port *port, unsigned int workers, unsigned int index,
			 char *device, size_t device_size, char *arguments, size_t size);
};

const struct port_kind *port_kind_of(enum config_driver driver);

#endif
