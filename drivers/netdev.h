/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev.h - what the kernel says of one of its interfaces, in the network namespace that we are in
 * (by ioctl and netlink: sysfs may show another's). Any thread; slow.
 */
#ifndef JACKDAW_NETDEV_H
#define JACKDAW_NETDEV_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 if the interface is there, else -ENODEV. */
int netdev_exists(const char *name);

/* Its MTU in bytes, 0 if unknown. */
unsigned int netdev_mtu(const char *name);

/* True if it is administratively up. */
bool netdev_is_up(const char *name);

/* True if it is up and has a carrier: a TAP device has one while a process holds it. */
bool netdev_has_carrier(const char *name);

/* Sets it administratively up. 0 or negative errno. */
int netdev_set_up(const char *name);

/* Queues that the kernel may deliver received packets on; 1 if the driver doesn't say. */
unsigned int netdev_rx_queues(const char *name);

/* Queues that DPDK's AF_XDP driver accepts: the "combined" channels, or 1 where there are none. */
unsigned int netdev_af_xdp_queues(const char *name);

/* Name of the kernel driver ("veth", "tun", "mlx5_core"), or "?". */
void netdev_driver(const char *name, char *driver, size_t size);

/*
 * Claims an interface against other processes of ours in this network namespace: a descriptor that
 * holds the claim until it is closed, at the latest when the process ends. -EBUSY if another process
 * has it, or negative errno.
 */
int netdev_claim(const char *name);

/*
 * Has the interface receive what is sent to any group (neighbour discovery's, for one) until the
 * descriptor that is returned is closed, at the latest when the process ends. Or negative errno.
 */
int netdev_hear_groups(const char *name);

/*
 * Which interface has the address (network byte order, of the family AF_INET or AF_INET6) as its own.
 * 0 with holder written, or -ENOENT if none has.
 */
int netdev_of_address(int family, const void *address, char holder[IF_NAMESIZE]);

#endif
