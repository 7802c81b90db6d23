/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TAP: a netdev that we make (or find, where it was made to last) and that hands what the kernel
 * sends through it to us. One system call a packet: for trying out.
 *
 * DPDK 22.11's driver and how it is avoided: it cuts long TCP segments by software (TSO), and refuses
 * pieces that with their Ethernet header are longer than the MTU: tso_shorter.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/kind.h"
#include "drivers/netdev.h"
#include "drivers/privilege.h"

static int
tap_check(const struct config *config, const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	char driver[32];

	(void)config;
	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		return kind_refuse(
			why, -errno,
			"/dev/net/tun can't be opened: %s; run as root, and: modprobe tun",
			strerror(errno));
	if (netdev_exists(port->interface) != 0)
		return 0;
	netdev_driver(port->interface, driver, sizeof(driver));
	if (strcmp(driver, "tun") != 0)
		return kind_refuse(why, -EEXIST,
				   "%s is there already and is no TAP device but %s; choose "
				   "another name for interface",
				   port->interface, driver);
	/* DPDK would join it as one more queue, and take half of the other's packets */
	if (netdev_has_carrier(port->interface))
		return kind_refuse(why, -EBUSY,
				   "another process holds the TAP device %s; end that, or choose "
				   "another name for interface",
				   port->interface);
	return 0;
}

static void
tap_describe(const struct config *config, const struct config_port *port, unsigned int index,
	     char device[KIND_DEVICE_SIZE], char arguments[KIND_ARGUMENTS_SIZE])
{
	(void)config;
	snprintf(device, KIND_DEVICE_SIZE, "net_tap%u", index);
	snprintf(arguments, KIND_ARGUMENTS_SIZE, "iface=%s", port->interface);
	kind_append_mac(port, arguments);
}

const struct port_kind kind_tap = {
	.virtual_device = true,
	.netdev = true,
	.multi_segment = true,
	.tso_shorter = true,
	.external_buffers = true,
	.mtu_max = KIND_MTU_MAX,
	.privileges = PRIVILEGE(CAP_NET_ADMIN),
	.hint = "-vv shows what DPDK and the kernel say of it",
	.check = tap_check,
	.describe = tap_describe,
};
