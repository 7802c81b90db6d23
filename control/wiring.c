/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/wiring.h"

#include <assert.h>
#include <errno.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "control/report.h"
#include "dataplane/client.h"

enum {
	RING_SIZE = 4096
};

static uint32_t
mask_of(const struct config_prefix *prefix)
{
	return prefix->bits == 0 ? 0 : UINT32_MAX << (32 - prefix->bits);
}

static struct prefix
prefix_of(const struct config_network *from)
{
	struct prefix prefix = {.mask = {.words = {0}}};

	for (unsigned int bit = 0; bit < from->bits; bit++)
		prefix.mask.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	for (unsigned int i = 0; i < sizeof(prefix.mask.bytes); i++)
		prefix.network.bytes[i] = from->address[i] & prefix.mask.bytes[i];
	return prefix;
}

static void
wire_allow(struct allow *allow, const struct config_network *from, unsigned int count)
{
	allow->count = count;
	for (unsigned int i = 0; i < count; i++)
		allow->prefix[i] = prefix_of(&from[i]);
}

void
wire_interface(struct interface *interface, const struct port *port, const struct config *config)
{
	*interface = (struct interface){
		.mac = port->mac,
		.address = rte_cpu_to_be_32(port->config.ipv4.address),
		.subnet = rte_cpu_to_be_32(port->config.ipv4.address & mask_of(&port->config.ipv4)),
		.subnet_mask = rte_cpu_to_be_32(mask_of(&port->config.ipv4)),
		.ipv6 = port->config.ipv6.bits != 0,
		.address6 = address_ipv6(port->config.ipv6.address),
		.link_local6 = ipv6_link_local(&port->mac),
		.subnet6 = prefix_of(&port->config.ipv6),
		.udp_port = rte_cpu_to_be_16(config->udp_port),
		.tcp_port = rte_cpu_to_be_16(config->tcp_port),
		.mtu = port->mtu,
		.rx_ip_checksum = port->rx_ip_checksum,
		.rx_l4_checksum = port->rx_l4_checksum,
		.tx_ip_checksum = port->tx_ip_checksum,
		.tx_udp_checksum = port->tx_udp_checksum,
		.tx_tcp_checksum = port->tx_tcp_checksum,
		.tso = port->tso,
		.tso_shorter = port->tso_shorter,
	};
	wire_allow(&interface->udp_allow, config->udp_allow, config->udp_allow_count);
	wire_allow(&interface->tcp_allow, config->tcp_allow, config->tcp_allow_count);
}

static void
wire_port(struct appliance *appliance, struct worker *worker, unsigned int index)
{
	const struct port *port = &appliance->ports[index];
	struct worker_port *mine = &worker->ports[index];
	unsigned int queue;

	assert(port->queues > 0);
	queue = worker->index % port->queues;
	wire_interface(&mine->interface, port, appliance->config);
	mine->id = port->id;
	mine->queue = (uint16_t)queue;
	mine->pool = port->pools[queue];
	mine->tcp.interface = &mine->interface;
	mine->tcp.pool = mine->pool;
	mine->tcp.owner = mine;
	mine->wake_fd = port->wake_fds[queue];
	mine->owns_queue = worker->index < port->queues;
	/* with a queue each, the port's own spreading decides; else we hand over by flow */
	mine->spreads = port->queues < worker->workers;
	mine->strays = worker->workers > 1 && (mine->spreads || !port->flow_stays);
	mine->sender = appliance->workers[queue];
	atomic_init(&mine->announce, queue == 0 && mine->owns_queue);
	atomic_init(&mine->claimer, 0);
}

static struct rte_ring *
wire_ring(const char *kind, const struct worker *worker, int node)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s%u", kind, worker->index);
	return rte_ring_create(name, RING_SIZE, node, RING_F_SC_DEQ);
}

/* Rings are needed as soon as one port leaves a worker without a queue of its own, or mixes flows. */
static int
wire_rings(const struct appliance *appliance, struct worker *worker, int node)
{
	bool needed = false;

	for (unsigned int i = 0; i < appliance->port_count; i++)
		needed |= appliance->ports[i].queues < worker->workers ||
			  !appliance->ports[i].flow_stays;
	if (!needed)
		return 0;
	worker->packets_in = wire_ring("packets", worker, node);
	worker->replies_in = wire_ring("replies", worker, node);
	return worker->packets_in == NULL || worker->replies_in == NULL ? -ENOMEM : 0;
}

static int
wire_tcp(const struct config *config, struct worker *worker, int node)
{
	struct tcp_owner owner = worker_tcp_owner(worker);
	struct tcp_options options = {
		/* split evenly, as flows are */
		.connections = (config->connections + config->workers - 1) / config->workers,
		.connections_a_client = config->tcp_connections_a_client,
		.syn_backlog = config->tcp_syn_backlog,
		.buffered = config->tcp_buffers / config->workers,
		.unsent = config->tcp_unsent,
		.user_size = sizeof(struct client),
		.rto_min = config->tcp_rto_min,
		.delayed_ack = config->tcp_delayed_ack,
		.idle = config->tcp_idle_timeout,
		.no_progress = config->tcp_no_progress,
		.keepalive = config->tcp_keepalive,
		.time_wait = config->tcp_time_wait,
	};

	worker->clock_scale = (uint64_t)(((unsigned __int128)1000000 << 64) / rte_get_tsc_hz());
	if (getrandom(options.secret, sizeof(options.secret), 0) != sizeof(options.secret))
		return -errno;
	worker->born = worker_now(worker);
	return tcp_create(&worker->tcp, &options, &owner, &worker->tcp_stats, node, worker->born);
}

/* struct server's; the janitor does the work. */
static int
set_memory(void *owner, uint64_t bytes)
{
	return store_set_memory(((struct appliance *)owner)->store, bytes);
}

static int
wire_worker(struct appliance *appliance, unsigned int index)
{
	const struct config *config = appliance->config;
	int node = (int)rte_lcore_to_socket_id(appliance->eal.lcores[index]);
	struct worker *worker;
	int status;

	worker = rte_zmalloc_socket("worker", sizeof(*worker), RTE_CACHE_LINE_SIZE, node);
	if (worker == NULL)
		return -ENOMEM;
	appliance->workers[index] = worker;
	worker->index = index;
	worker->doorbell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker->doorbell < 0)
		return -errno;
	worker->workers = config->workers;
	worker->port_count = appliance->port_count;
	worker->burst = config->burst;
	worker->nap_us = config->idle == CONFIG_IDLE_ADAPTIVE ? config->idle_sleep_us : 0;
	worker->store = appliance->store;
	worker->watch = appliance->relay.watch;
	worker->peers = appliance->workers;
	worker->stop = &appliance->stop;
	worker->limits.item_size_max = config->item_size_max;
	worker->limits.assembled_max = CLIENT_HEAD_MAX;
	if (config->auth_file[0] != '\0')
		worker->limits.users = &appliance->users;
	worker->server = (struct server){
		.stats = &worker->proto,
		.version = PROTOCOL_VERSION,
		.report = report_group,
		.reset = report_reset,
		.set_memory = set_memory,
		.list_listeners = report_listeners,
		.owner = appliance,
	};
	status = wire_tcp(config, worker, node);
	return status != 0 ? status : wire_rings(appliance, worker, node);
}

int
wire_workers(struct appliance *appliance)
{
	unsigned int workers = appliance->config->workers;

	for (unsigned int i = 0; i < workers; i++) {
		int status = wire_worker(appliance, i);

		if (status != 0) {
			unwire_workers(appliance);
			return status;
		}
	}
	/* ports last: they point from worker to worker */
	for (unsigned int i = 0; i < workers; i++) {
		for (unsigned int p = 0; p < appliance->port_count; p++)
			wire_port(appliance, appliance->workers[i], p);
	}
	return 0;
}

static void
unwire_ring(struct rte_ring *ring)
{
	struct rte_mbuf *mbuf;

	if (ring == NULL)
		return;
	while (rte_ring_dequeue(ring, (void **)&mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

void
unwire_workers(struct appliance *appliance)
{
	for (unsigned int i = 0; i < CONFIG_WORKERS_MAX; i++) {
		struct worker *worker = appliance->workers[i];

		if (worker == NULL)
			continue;
		if (worker->doorbell >= 0)
			close(worker->doorbell);
		if (worker->tcp != NULL)
			tcp_destroy(worker->tcp);
		unwire_ring(worker->packets_in);
		unwire_ring(worker->replies_in);
		rte_free(worker);
		appliance->workers[i] = NULL;
	}
}
