/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AF_XDP: a netdev of the kernel's, whose packets reach us through XDP sockets.
 *
 * DPDK 22.11's driver and how it is avoided:
 * - it sends only the first segment of a chain, and reads attached external buffers as if they were
 *   its own memory: neither is offered (fixed for external buffers in 26.03, commit 10ed220497);
 * - an empty rx_burst makes a system call while busy polling is on, and poll(2)s for up to a second
 *   while it is off and a kernel driver in zero-copy mode wants to be woken. Where the kernel always
 *   copies it never does, so busy polling is off there and on elsewhere: docs/decisions/003-ports.md;
 * - where another process has the queue it fails with "Invalid argument" and takes that process's
 *   program down with it, and it says nothing clearer of a umem that can't be locked into memory:
 *   both are looked for first;
 * - it registers as much memory with the kernel as a pool's buffers would take side by side, and
 *   DPDK puts gaps between them, at each page if there are no hugepages: frames sent from what lies
 *   beyond were dropped in silence, and of the buffers to fill one after another was lost until the
 *   port was deaf. Its pools have no gaps, see dense_pool;
 * - closing a port leaves its sockets open, and so the queues taken: port_close closes them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/kind.h"
#include "drivers/netdev.h"
#include "drivers/privilege.h"
#include "drivers/xdp.h"

enum {
	/* XDP_PACKET_HEADROOM of linux/bpf.h: kept free before each packet, out of the buffer */
	XDP_HEADROOM = 256
};

static unsigned int
af_xdp_queues(const struct config *config, const struct config_port *port)
{
	unsigned int have = netdev_af_xdp_queues(port->interface);
	unsigned int wanted = kind_queues_wanted(config, port);

	return wanted < have ? wanted : have;
}

/* Packets that the kernel puts on a queue without a socket of ours would be lost in silence. */
static int
af_xdp_check_queues(const struct config *config, const struct config_port *port,
		    char why[CONFIG_ERROR_SIZE])
{
	unsigned int have = netdev_rx_queues(port->interface);
	unsigned int served = af_xdp_queues(config, port);
	char driver[32];

	if (have <= served)
		return 0;
	netdev_driver(port->interface, driver, sizeof(driver));
	return kind_refuse(
		why, -EINVAL,
		"%s receives on %u queues and AF_XDP would serve %u: packets on the others would "
		"be lost; run: ethtool -L %s %s %u%s",
		port->interface, have, served, port->interface,
		netdev_af_xdp_queues(port->interface) > 1 ? "combined" : "rx", served,
		strcmp(driver, "veth") == 0
			? ", and for its peer, where that is: ethtool -L PEER tx 1"
			: "");
}

/* Somebody else's socket or program on the interface; what a killed jackdaw left is used again. */
static int
af_xdp_check_rivals(const struct config *config, const struct config_port *port,
		    char why[CONFIG_ERROR_SIZE])
{
	char name[XDP_NAME_SIZE];
	uint32_t program = xdp_program(port->interface, name);

	if (program != 0 && name[0] != '\0' && !xdp_program_is_dpdks(name))
		return kind_refuse(why, -EBUSY,
				   "%s has an XDP program of somebody else's, %s (number %u); run: "
				   "ip link set %s xdp off",
				   port->interface, name, program, port->interface);
	for (unsigned int queue = 0; queue < af_xdp_queues(config, port); queue++) {
		if (xdp_queue_taken(port->interface, queue))
			return kind_refuse(why, -EBUSY,
					   "another process has an XDP socket on %s, queue %u; end "
					   "it, or choose another interface",
					   port->interface, queue);
	}
	return 0;
}

static int
af_xdp_check(const struct config *config, const struct config_port *port,
	     char why[CONFIG_ERROR_SIZE])
{
	uint64_t buffers = (uint64_t)config->mbufs * config->workers * KIND_MBUF_BYTES;
	int status = kind_check_interface(port, why);

	if (status == 0)
		status = af_xdp_check_queues(config, port, why);
	if (status == 0)
		status = af_xdp_check_rivals(config, port, why);
	if (status != 0 || buffers <= privilege_lockable_bytes())
		return status;
	return kind_refuse(
		why, -ENOBUFS,
		"%llu MiB of packet buffers must be locked into memory, and this process "
		"may lock %llu; lower mbufs, or run: ulimit -l unlimited",
		(unsigned long long)buffers >> 20,
		(unsigned long long)privilege_lockable_bytes() >> 20);
}

static void
af_xdp_describe(const struct config *config, const struct config_port *port, unsigned int index,
		char device[KIND_DEVICE_SIZE], char arguments[KIND_ARGUMENTS_SIZE])
{
	snprintf(device, KIND_DEVICE_SIZE, "net_af_xdp%u", index);
	snprintf(arguments, KIND_ARGUMENTS_SIZE, "iface=%s,start_queue=0,queue_count=%u%s",
		 port->interface, af_xdp_queues(config, port),
		 xdp_always_copies(port->interface) ? ",busy_budget=0" : "");
}

const struct port_kind kind_af_xdp = {
	.virtual_device = true,
	.netdev = true,
	.dense_pool = true,
	.mtu_max = KIND_MTU_MAX - XDP_HEADROOM,
	/* CAP_BPF alone isn't enough: libxdp looks programs up by their number */
	.privileges = PRIVILEGE(CAP_NET_ADMIN) | PRIVILEGE(CAP_NET_RAW) | PRIVILEGE(CAP_SYS_ADMIN),
	.hint = "-vv shows what DPDK and the kernel say of it",
	.check = af_xdp_check,
	.prepare = kind_prepare_interface,
	.describe = af_xdp_describe,
};
