/* SPDX-License-Identifier: BSD-3-Clause */
/* What settings must hold together, each for itself being good. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "config/options.h"

enum {
	IPV6_MTU_MIN = 1280, /* RFC 8200, 5 */
};

/* What every check is given. */
struct check {
	const struct config *config;
	const struct origins *origins;
	char *error;
};

static const struct option *
global(const char *path)
{
	return option_find(config_options, config_options_count, path);
}

static const struct option *
of_port(const char *path)
{
	return option_find(port_options, port_options_count, path);
}

#define FAULT(check, path, ...)                                                                    \
	origins_fault((check)->origins, global(path), NO_PORT, (check)->error, __VA_ARGS__)
#define PORT_FAULT(check, port, path, ...)                                                         \
	origins_fault((check)->origins, of_port(path), (int)(port), (check)->error, __VA_ARGS__)

/* --- memory and workers ------------------------------------------------------------------- */

static int
check_memory(const struct check *check)
{
	const struct config *config = check->config;
	bool more_shards = config->shards > config->workers;
	unsigned int parts = more_shards ? config->shards : config->workers;
	uint64_t least = MEMORY_PER_PART * parts;
	char text[OPTION_TEXT_SIZE];

	if (config->memory < least)
		return FAULT(check, "memory", "too little for %u %s; want at least %" PRIu64 "M",
			     parts, more_shards ? "shards" : "workers", least >> 20);
	if (config->item_size_max > config->memory / 2) {
		option_format(global("memory"), config, 0, text, sizeof(text));
		return FAULT(check, "item_size_max",
			     "more than half of memory, which is %s; want less, or more memory",
			     text);
	}
	return 0;
}

static int
check_cores(const struct check *check)
{
	const struct config *config = check->config;

	for (unsigned int i = 0; i < config->core_count; i++)
		for (unsigned int j = 0; j < i; j++)
			if (config->cores[i] == config->cores[j])
				return FAULT(check, "worker.cores",
					     "CPU %u is named twice; want one for each worker",
					     config->cores[i]);
	if (config->core_count != 0 && config->core_count != config->workers)
		return FAULT(check, "worker.cores",
			     "names %u for %u workers; want one for each, or none at all",
			     config->core_count, config->workers);
	return 0;
}

/* Arguments that would undo what an option of ours says. */
static int
check_eal(const struct check *check)
{
	static const struct {
		const char *argument, *instead;
	} ours[] = {
		{"-l", "use worker.cores"},
		{"-c", "use worker.cores"},
		{"--lcores", "use worker.cores"},
		{"--main-lcore", "use worker.cores"},
		{"--no-huge", "use hugepages"},
		{"--vdev", "use ports"},
		{"--file-prefix", "leave it out, it is chosen for each process"},
	};
	const struct config *config = check->config;

	for (unsigned int i = 0; i < config->eal_count; i++) {
		size_t length = strcspn(config->eal[i], "=");

		for (unsigned int j = 0; j < sizeof(ours) / sizeof(ours[0]); j++)
			if (strlen(ours[j].argument) == length &&
			    strncmp(config->eal[i], ours[j].argument, length) == 0)
				return FAULT(check, "eal", "%s can't be given here; %s",
					     ours[j].argument, ours[j].instead);
	}
	return 0;
}

static int
check_whole(const struct check *check)
{
	if (check->config->udp_port == 0 && check->config->tcp_port == 0)
		return FAULT(check, "udp.port",
			     "0, as is tcp.port: nothing would be answered; want one of them");
	if (check->config->auth_file[0] != '\0' && check->config->udp_port != 0)
		return FAULT(
			check, "udp.port",
			"not 0, with auth.file: a datagram can't prove whose it is; want 0, or "
			"no auth.file");
	return 0;
}

/* --- one port ----------------------------------------------------------------------------- */

/* The port has what its driver needs, and was told nothing that its driver doesn't take. */
static int
check_driver(const struct check *check, unsigned int index)
{
	const struct config_port *port = &check->config->ports[index];
	const char *driver = config_driver_name(port->driver);
	char wanted[OPTION_TEXT_SIZE];

	/* A port of an earlier configuration has its driver already. */
	if (origins_line(check->origins, NULL, (int)index) != 0 &&
	    origins_line(check->origins, of_port("driver"), (int)index) == 0) {
		option_describe(of_port("driver"), wanted, sizeof(wanted));
		return PORT_FAULT(check, index, "driver", "not given; want %s", wanted);
	}
	for (unsigned int i = 0; i < port_options_count; i++) {
		const struct option *option = &port_options[i];

		option_describe(option, wanted, sizeof(wanted));
		if (driver_needs(port->driver, option) && option_items(option, port) == 0)
			return PORT_FAULT(check, index, option->path,
					  "not given, and driver %s needs it; want %s", driver,
					  wanted);
		if (!driver_takes(port->driver, option) &&
		    origins_line(check->origins, option, (int)index) != 0)
			return PORT_FAULT(check, index, option->path,
					  "driver %s has no use for it; leave it out", driver);
	}
	return 0;
}

static int
check_rings(const struct check *check, unsigned int index)
{
	const struct config *config = check->config;
	const struct config_port *port = &config->ports[index];
	unsigned int buffers = 2U * port->descriptors + config->burst;

	if ((port->descriptors & (port->descriptors - 1)) != 0)
		return PORT_FAULT(check, index, "descriptors",
				  "%u is not a power of two; want one from 64 to 4096",
				  port->descriptors);
	if (config->mbufs < buffers)
		return FAULT(check, "mbufs",
			     "too few for ports[%u], whose rings and one burst hold %u; want at "
			     "least so many, or fewer descriptors",
			     index, buffers);
	if (port->queues > config->workers)
		return PORT_FAULT(check, index, "queues",
				  "more queues than workers, of which there are %u; want no more, "
				  "or 0 for one each",
				  config->workers);
	if (port->ipv6.bits != 0 && port->mtu < IPV6_MTU_MIN)
		return PORT_FAULT(check, index, "mtu",
				  "%u is less than IPv6 needs; want at least %u, or no ipv6",
				  port->mtu, IPV6_MTU_MIN);
	/* DPDK 22.11's af_packet copies what the kernel received without looking at its length. */
	if (port->driver == CONFIG_AF_PACKET && port->mtu > 1500)
		return PORT_FAULT(check, index, "mtu",
				  "%u is more than driver af_packet can take; want at most 1500",
				  port->mtu);
	return 0;
}

/* --- ports beside one another ------------------------------------------------------------- */

static int
fault_twice(const struct check *check, unsigned int index, unsigned int other, const char *path,
	    const char *what)
{
	char text[OPTION_TEXT_SIZE];

	option_format(of_port(path), &check->config->ports[index], 0, text, sizeof(text));
	return PORT_FAULT(check, index, path, "%s is %s of ports[%u] already; want another", text,
			  what, other);
}

/* No two ports are one thing under two names. */
static int
check_pair(const struct check *check, unsigned int index, unsigned int other)
{
	const struct config_port *a = &check->config->ports[index];
	const struct config_port *b = &check->config->ports[other];
	bool same_socket = a->socket[0] != '\0' && strcmp(a->socket, b->socket) == 0;

	if (strcmp(a->name, b->name) == 0)
		return fault_twice(check, index, other, "name", "the name");
	if (a->interface[0] != '\0' && strcmp(a->interface, b->interface) == 0)
		return fault_twice(check, index, other, "interface", "the interface");
	if (a->pci[0] != '\0' && strcasecmp(a->pci, b->pci) == 0)
		return fault_twice(check, index, other, "pci", "the device");
	if (same_socket && a->memif_server != b->memif_server)
		return PORT_FAULT(check, index, "role",
				  "not that of ports[%u], whose socket is the same; want the same "
				  "role, or another socket",
				  other);
	if (same_socket && a->memif_id == b->memif_id)
		return fault_twice(check, index, other, "id", "on the same socket the number");
	if (a->ipv4.address == b->ipv4.address)
		return fault_twice(check, index, other, "address", "the address");
	if (a->ipv6.bits != 0 && b->ipv6.bits != 0 &&
	    memcmp(a->ipv6.address, b->ipv6.address, sizeof(a->ipv6.address)) == 0)
		return fault_twice(check, index, other, "ipv6", "the address");
	return 0;
}

static int
check_ports(const struct check *check)
{
	int status = 0;

	for (unsigned int i = 0; i < check->config->port_count && status == 0; i++) {
		status = check_driver(check, i);
		if (status == 0)
			status = check_rings(check, i);
		for (unsigned int j = 0; j < i && status == 0; j++)
			status = check_pair(check, i, j);
	}
	return status;
}

void
config_settle(struct config *config, const struct origins *origins)
{
	const struct option *count = global("worker.count"), *cores = global("worker.cores");

	if (origins_said(origins, cores, NO_PORT) && config->core_count != 0 &&
	    !origins_said(origins, count, NO_PORT))
		config->workers = config->core_count;
	/* a datagram can't prove whose it is */
	if (config->auth_file[0] != '\0' && !origins_said(origins, global("udp.port"), NO_PORT))
		config->udp_port = 0;
	/* -t N takes the first N of the file's cores */
	if (origins_said(origins, count, NO_PORT) && origins_line(origins, count, NO_PORT) == 0 &&
	    config->core_count > config->workers)
		config->core_count = config->workers;
}

int
config_check(const struct config *config, const struct origins *origins, bool need_ports,
	     char error[CONFIG_ERROR_SIZE])
{
	static int (*const checks[])(const struct check *) = {check_memory, check_cores, check_eal,
							      check_whole, check_ports};
	const struct check check = {.config = config, .origins = origins, .error = error};
	int status = 0;

	if (need_ports && config->port_count == 0)
		return FAULT(&check, "ports",
			     "none is configured; want at least one, as in config/laptop.yaml");
	for (unsigned int i = 0; i < sizeof(checks) / sizeof(checks[0]) && status == 0; i++)
		status = checks[i](&check);
	return status;
}
