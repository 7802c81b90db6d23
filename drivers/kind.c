/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/kind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/netdev.h"

static unsigned int
queues_wanted(const struct config_port *port, unsigned int workers)
{
	return port->queues != 0 && port->queues < workers ? port->queues : workers;
}

static int
check_netdev(const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	int status = netdev_exists(port->interface);

	if (status != 0)
		snprintf(why, CONFIG_ERROR_SIZE,
			 "there is no interface %s; `ip -brief link` lists what there is",
			 port->interface);
	return status;
}

/* --- AF_XDP ------------------------------------------------------------------------------- */

/*
 * Packets that the kernel puts on a queue without our socket are lost in silence: we take one queue
 * of an interface that has only one, and refuse one that has more than we would open.
 */
static int
af_xdp_check(const struct config_port *port, unsigned int workers, char why[CONFIG_ERROR_SIZE])
{
	unsigned int queues = netdev_af_xdp_queues(port->interface), have;
	int status = check_netdev(port, why);

	if (status != 0)
		return status;
	have = netdev_rx_queues(port->interface);
	if (queues_wanted(port, workers) < queues)
		queues = queues_wanted(port, workers);
	if (have <= queues)
		return 0;
	snprintf(why, CONFIG_ERROR_SIZE,
		 "%s receives on %u queues and AF_XDP would serve %u: packets on the others would "
		 "be lost; run: ethtool -L %s %s %u",
		 port->interface, have, queues, port->interface,
		 netdev_af_xdp_queues(port->interface) > 1 ? "combined" : "rx", queues);
	return -EINVAL;
}

static void
af_xdp_describe(const struct config_port *port, unsigned int workers, unsigned int index,
		char *device, size_t device_size, char *arguments, size_t size)
{
	unsigned int queues = netdev_af_xdp_queues(port->interface);

	if (queues_wanted(port, workers) < queues)
		queues = queues_wanted(port, workers);
	snprintf(device, device_size, "net_af_xdp%u", index);
	snprintf(arguments, size, "iface=%s,start_queue=0,queue_count=%u", port->interface, queues);
}

/* --- AF_PACKET ---------------------------------------------------------------------------- */

/*
 * The driver copies a received packet without asking whether it fits the buffer: the interface's
 * own MTU must be one that always does.
 */
static int
af_packet_check(const struct config_port *port, unsigned int workers, char why[CONFIG_ERROR_SIZE])
{
	int status = check_netdev(port, why);

	(void)workers;
	if (status != 0)
		return status;
	if (netdev_mtu(port->interface) <= 1500)
		return 0;
	snprintf(why, CONFIG_ERROR_SIZE,
		 "%s has an MTU of %u, and af_packet takes at most 1500; run: ip link set %s mtu "
		 "1500",
		 port->interface, netdev_mtu(port->interface), port->interface);
	return -EINVAL;
}

static void
af_packet_describe(const struct config_port *port, unsigned int workers, unsigned int index,
		   char *device, size_t device_size, char *arguments, size_t size)
{
	snprintf(device, device_size, "net_af_packet%u", index);
	snprintf(arguments, size, "iface=%s,qpairs=%u,framesz=2048,blocksz=4096,framecnt=%u",
		 port->interface, queues_wanted(port, workers), port->descriptors);
}

/* --- TAP ---------------------------------------------------------------------------------- */

static int
tap_check(const struct config_port *port, unsigned int workers, char why[CONFIG_ERROR_SIZE])
{
	(void)port;
	(void)workers;
	if (access("/dev/net/tun", R_OK | W_OK) == 0)
		return 0;
	snprintf(why, CONFIG_ERROR_SIZE,
		 "/dev/net/tun can't be opened: %s; run as root, and: modprobe tun",
		 strerror(errno));
	return -errno;
}

static void
tap_describe(const struct config_port *port, unsigned int workers, unsigned int index, char *device,
	     size_t device_size, char *arguments, size_t size)
{
	int used;

	(void)workers;
	snprintf(device, device_size, "net_tap%u", index);
	used = snprintf(arguments, size, "iface=%s", port->interface);
	if (port->has_mac)
		snprintf(arguments + used, size - (size_t)used,
			 ",mac=%02x:%02x:%02x:%02x:%02x:%02x", port->mac[0], port->mac[1],
			 port->mac[2], port->mac[3], port->mac[4], port->mac[5]);
}

/* --- memif -------------------------------------------------------------------------------- */

/* A server whose socket file is still used by another process must not steal it. */
static int
memif_check(const struct config_port *port, unsigned int workers, char why[CONFIG_ERROR_SIZE])
{
	char directory[sizeof(port->socket)];
	char *slash;

	(void)workers;
	snprintf(directory, sizeof(directory), "%s", port->socket);
	slash = strrchr(directory, '/');
	if (slash != NULL)
		*(slash == directory ? slash + 1 : slash) = '\0';
	if (access(directory, W_OK | X_OK) == 0)
		return 0;
	snprintf(why, CONFIG_ERROR_SIZE, "no socket can be made in %s: %s; make the folder",
		 directory, strerror(errno));
	return -errno;
}

/* log2 of a power of two. */
static unsigned int
log2_of(unsigned int number)
{
	unsigned int bits = 0;

	while (number > 1U << bits)
		bits++;
	return bits;
}

/* Copy mode always: the zero-copy client of this driver mistakes buffers of a second region. */
static void
memif_describe(const struct config_port *port, unsigned int workers, unsigned int index,
	       char *device, size_t device_size, char *arguments, size_t size)
{
	int used;

	(void)workers;
	snprintf(device, device_size, "net_memif%u", index);
	used = snprintf(
		arguments, size,
		"role=%s,id=%u,socket=%s,socket-abstract=no,zero-copy=no,bsize=2048,rsize=%u",
		port->memif_server ? "server" : "client", port->memif_id, port->socket,
		log2_of(port->descriptors));
	if (port->has_mac)
		snprintf(arguments + used, size - (size_t)used,
			 ",mac=%02x:%02x:%02x:%02x:%02x:%02x", port->mac[0], port->mac[1],
			 port->mac[2], port->mac[3], port->mac[4], port->mac[5]);
}

/* --- PCI ---------------------------------------------------------------------------------- */

static int
pci_check(const struct config_port *port, unsigned int workers, char why[CONFIG_ERROR_SIZE])
{
	char path[128];

	(void)workers;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", port->pci);
	if (access(path, F_OK) == 0)
		return 0;
	snprintf(why, CONFIG_ERROR_SIZE,
		 "there is no PCI device %s; `lspci -D | grep -i ether` lists what there is",
		 port->pci);
	return -ENODEV;
}

static void
pci_describe(const struct config_port *port, unsigned int workers, unsigned int index, char *device,
	     size_t device_size, char *arguments, size_t size)
{
	(void)workers;
	(void)index;
	snprintf(device, device_size, "%s", port->pci);
	snprintf(arguments, size, "%s", "");
}

const struct port_kind *
port_kind_of(enum config_driver driver)
{
	static const struct port_kind kinds[] = {
		/* 22.11 sends only the first segment of a chain, and mistakes external buffers */
		[CONFIG_AF_XDP] =
			{.virtual_device = true,
			 .hint = "it needs root (or CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF) "
				 "and an interface that nobody else has an XDP program on",
			 .check = af_xdp_check,
			 .describe = af_xdp_describe},
		[CONFIG_AF_PACKET] = {.virtual_device = true,
				      .external_buffers = true,
				      .hint = "it needs root or CAP_NET_RAW",
				      .check = af_packet_check,
				      .describe = af_packet_describe},
		[CONFIG_TAP] = {.virtual_device = true,
				.multi_segment = true,
				.external_buffers = true,
				.hint = "it needs root or CAP_NET_ADMIN",
				.check = tap_check,
				.describe = tap_describe},
		/* 22.11 leaves a stale NEXT flag in the ring once a chain was sent */
		[CONFIG_MEMIF] = {.virtual_device = true,
				  .hint = "is another process using that socket?",
				  .check = memif_check,
				  .describe = memif_describe},
		[CONFIG_PCI] =
			{.multi_segment = true,
			 .external_buffers = true,
			 .hint = "bind it first: dpdk-devbind.py --bind=vfio-pci ADDRESS (not "
				 "for mlx5, whose kernel driver stays)",
			 .check = pci_check,
			 .describe = pci_describe},
	};

	return &kinds[driver];
}
