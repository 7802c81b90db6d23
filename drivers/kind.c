/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/kind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/netdev.h"
#include "drivers/privilege.h"

const struct port_kind *
port_kind_of(enum config_driver driver)
{
	static const struct port_kind *const kinds[] = {
		[CONFIG_AF_XDP] = &kind_af_xdp, [CONFIG_AF_PACKET] = &kind_af_packet,
		[CONFIG_TAP] = &kind_tap,	[CONFIG_MEMIF] = &kind_memif,
		[CONFIG_PCI] = &kind_pci,
	};

	return kinds[driver];
}

/* --- what the kinds share ----------------------------------------------------------------- */

int
kind_refuse(char why[CONFIG_ERROR_SIZE], int status, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(why, CONFIG_ERROR_SIZE, format, values);
	va_end(values);
	return status;
}

unsigned int
kind_queues_wanted(const struct config *config, const struct config_port *port)
{
	return port->queues != 0 && port->queues < config->workers ? port->queues : config->workers;
}

void
kind_append_mac(const struct config_port *port, char arguments[KIND_ARGUMENTS_SIZE])
{
	size_t used = strlen(arguments);

	if (port->has_mac)
		snprintf(arguments + used, KIND_ARGUMENTS_SIZE - used,
			 ",mac=%02x:%02x:%02x:%02x:%02x:%02x", port->mac[0], port->mac[1],
			 port->mac[2], port->mac[3], port->mac[4], port->mac[5]);
}

int
kind_check_interface(const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	if (netdev_exists(port->interface) == 0)
		return 0;
	return kind_refuse(why, -ENODEV,
			   "there is no interface %s; `ip -brief link` lists what there is",
			   port->interface);
}

int
kind_prepare_interface(const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	int status = netdev_is_up(port->interface) ? 0 : netdev_set_up(port->interface);

	if (status == 0)
		return 0;
	return kind_refuse(why, status,
			   "%s is down and can't be brought up: %s; run: ip link set %s up",
			   port->interface, strerror(-status), port->interface);
}

int
kind_claim(const struct port_kind *kind, const struct config_port *port)
{
	return kind->netdev ? netdev_claim(port->interface) : -ENOENT;
}

/* --- what must hold for every kind -------------------------------------------------------- */

static int
check_privileges(const struct port_kind *kind, const struct config_port *port,
		 char why[CONFIG_ERROR_SIZE])
{
	uint64_t missing = privileges_missing(kind->privileges);
	char lacking[96], needed[96], program[PATH_MAX];
	ssize_t length;

	if (missing == 0)
		return 0;
	privileges_format(missing, lacking, sizeof(lacking));
	privileges_format(kind->privileges, needed, sizeof(needed));
	length = readlink("/proc/self/exe", program, 200);
	program[length < 0 ? 0 : length] = '\0';
	return kind_refuse(why, -EPERM,
			   "driver %s needs %s, which this process has not; run as root, or: "
			   "setcap %s+ep %s",
			   config_driver_name(port->driver), lacking, needed, program);
}

static int
check_mtu(const struct port_kind *kind, const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	if (port->mtu <= kind->mtu_max)
		return 0;
	return kind_refuse(why, -EINVAL,
			   "an MTU of %u is more than driver %s carries in one packet buffer; set "
			   "mtu to at most %u",
			   port->mtu, config_driver_name(port->driver), kind->mtu_max);
}

static int
check_kernel_address(int family, const void *address, unsigned int bits,
		     char why[CONFIG_ERROR_SIZE])
{
	char holder[IF_NAMESIZE], text[INET6_ADDRSTRLEN];

	if (netdev_of_address(family, address, holder) != 0)
		return 0;
	inet_ntop(family, address, text, sizeof(text));
	return kind_refuse(why, -EADDRINUSE,
			   "%s is the kernel's own, on %s: it would answer too; choose another "
			   "address, or run: ip addr del %s/%u dev %s",
			   text, holder, text, bits, holder);
}

/* The kernel would answer for an address of its own, besides us or instead of us. */
static int
check_address(const struct port_kind *kind, const struct config_port *port,
	      char why[CONFIG_ERROR_SIZE])
{
	struct in_addr address = {.s_addr = htonl(port->ipv4.address)};
	int status = 0;

	if (kind->netdev && address.s_addr != 0)
		status = check_kernel_address(AF_INET, &address, port->ipv4.bits, why);
	if (status == 0 && kind->netdev && port->ipv6.bits != 0)
		status = check_kernel_address(AF_INET6, port->ipv6.address, port->ipv6.bits, why);
	return status;
}

/* Two of us on one interface would both answer, or split its packets, or cut each other off. */
static int
check_claim(const struct port_kind *kind, const struct config_port *port,
	    char why[CONFIG_ERROR_SIZE])
{
	int claim = kind_claim(kind, port);

	if (claim == -EBUSY)
		return kind_refuse(why, claim,
				   "another jackdaw serves %s; end it, or choose another interface",
				   port->interface);
	if (claim >= 0)
		close(claim);
	return 0;
}

int
kind_check(const struct config *config, const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	const struct port_kind *kind = port_kind_of(port->driver);
	int status = check_privileges(kind, port, why);

	if (status == 0)
		status = check_mtu(kind, port, why);
	if (status == 0)
		status = check_claim(kind, port, why);
	if (status == 0)
		status = kind->check(config, port, why);
	if (status == 0)
		status = check_address(kind, port, why);
	return status;
}
