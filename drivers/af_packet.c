/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AF_PACKET: a netdev of the kernel's, whose packets reach us in a copy; the kernel's stack sees them
 * as well. Queues are spread by the kernel's fan-out.
 *
 * DPDK 22.11's driver and how it is avoided:
 * - it copies a received packet without asking whether it fits the buffer (fixed in 26.03, commit
 *   3ed9a05bff): an interface with an MTU of more than 1,500 is refused;
 * - its tx_burst waits in poll(2) without limit when the ring is full and the kernel doesn't drain
 *   it. Nothing can be done from outside: this driver is for trying out, not for serving.
 */
#include <errno.h>
#include <stdio.h>

#include "drivers/kind.h"
#include "drivers/netdev.h"
#include "drivers/privilege.h"

enum {
	AF_PACKET_MTU_MAX = 1500
};

static int
af_packet_check(const struct config *config, const struct config_port *port,
		char why[CONFIG_ERROR_SIZE])
{
	int status = kind_check_interface(port, why);

	(void)config;
	if (status != 0 || netdev_mtu(port->interface) <= AF_PACKET_MTU_MAX)
		return status;
	return kind_refuse(
		why, -EINVAL,
		"%s has an MTU of %u, and af_packet takes at most %u; run: ip link set %s "
		"mtu %u",
		port->interface, netdev_mtu(port->interface), AF_PACKET_MTU_MAX, port->interface,
		AF_PACKET_MTU_MAX);
}

static void
af_packet_describe(const struct config *config, const struct config_port *port, unsigned int index,
		   char device[KIND_DEVICE_SIZE], char arguments[KIND_ARGUMENTS_SIZE])
{
	snprintf(device, KIND_DEVICE_SIZE, "net_af_packet%u", index);
	snprintf(arguments, KIND_ARGUMENTS_SIZE,
		 "iface=%s,qpairs=%u,framesz=2048,blocksz=4096,framecnt=%u", port->interface,
		 kind_queues_wanted(config, port), port->descriptors);
}

const struct port_kind kind_af_packet = {
	.virtual_device = true,
	.netdev = true,
	.external_buffers = true,
	.mtu_max = AF_PACKET_MTU_MAX,
	/* CAP_NET_ADMIN: DPDK sets the interface's flags when it starts the device */
	.privileges = PRIVILEGE(CAP_NET_RAW) | PRIVILEGE(CAP_NET_ADMIN),
	.hint = "-vv shows what DPDK and the kernel say of it",
	.check = af_packet_check,
	.prepare = kind_prepare_interface,
	.describe = af_packet_describe,
};
