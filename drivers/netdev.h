/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev.h - what the kernel says of one of its interfaces, in the network namespace that we are in
 * (by ioctl: sysfs may show another's). Any thread.
 */
#ifndef JACKDAW_NETDEV_H
#define JACKDAW_NETDEV_H

#include <stdbool.h>
#include <stddef.h>

/* 0 if the interface is there, else -ENODEV. */
int netdev_exists(const char *name);

/* Its MTU in bytes, 0 if unknown. */
unsigned int netdev_mtu(const char *name);

/* True if it is administratively up. */
bool netdev_is_up(const char *name);

/* Queues that the kernel may deliver received packets on; 1 if the driver doesn't say. */
unsigned int netdev_rx_queues(const char *name);

/* Queues that DPDK's AF_XDP driver accepts: the "combined" channels, or 1 where there are none. */
unsigned int netdev_af_xdp_queues(const char *name);

/* Name of the kernel driver ("veth", "mlx5_core"), or "?". */
void netdev_driver(const char *name, char *driver, size_t size);

#endif
