/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/port.h"

#include <errno.h>
#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/kind.h"
#include "drivers/netdev.h"
#include "drivers/wake.h"

enum {
	MBUF_CACHE = 256 /* buffers an lcore keeps to itself */
};

static int port_fail(const struct port *port, int status, char error[CONFIG_ERROR_SIZE],
		     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Writes "NAME: message" and passes the status on. */
static int
port_fail(const struct port *port, int status, char error[CONFIG_ERROR_SIZE], const char *format,
	  ...)
{
	int used = snprintf(error, CONFIG_ERROR_SIZE, "%s: ", port->name);
	va_list values;

	va_start(values, format);
	vsnprintf(error + used, (size_t)(CONFIG_ERROR_SIZE - used), format, values);
	va_end(values);
	return status;
}

/* --- capabilities ------------------------------------------------------------------------- */

/* What is asked of the device is what it offers and we have a use for; never by its name. */
static void
port_negotiate(struct port *port, const struct port_kind *kind, const struct rte_eth_dev_info *info,
	       struct rte_eth_conf *conf)
{
	const uint64_t rx_wanted = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				   RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	const uint64_t tx_wanted = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
				   RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO;
	const uint64_t rss_wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;
	uint64_t rx = info->rx_offload_capa & rx_wanted, tx = info->tx_offload_capa & tx_wanted;

	if (kind->multi_segment)
		tx |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	conf->rxmode.offloads = rx;
	conf->txmode.offloads = tx;
	if (port->queues > 1 && (info->flow_type_rss_offloads & rss_wanted) != 0) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & rss_wanted;
	}
	port->rss = conf->rxmode.mq_mode == RTE_ETH_MQ_RX_RSS;
	port->flow_stays = port->queues == 1 || port->rss;
	port->rx_ip_checksum = (rx & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
	port->rx_l4_checksum = (rx & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) != 0 &&
			       (rx & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0;
	port->tx_ip_checksum = (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
	port->tx_udp_checksum = (tx & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
	port->tx_tcp_checksum = (tx & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
	port->multi_segment = (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	port->tso = port->config.tso && (tx & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0 &&
		    port->multi_segment && port->tx_ip_checksum && port->tx_tcp_checksum;
	port->tso_shorter = kind->tso_shorter;
	port->external_buffers = kind->external_buffers;
}

static uint16_t
port_choose_queues(const struct config *config, const struct config_port *wanted,
		   const struct rte_eth_dev_info *info)
{
	unsigned int queues = wanted->queues != 0 ? wanted->queues : config->workers;

	queues = RTE_MIN(queues, config->workers);
	queues = RTE_MIN(queues, info->max_rx_queues);
	queues = RTE_MIN(queues, info->max_tx_queues);
	return (uint16_t)RTE_MAX(queues, 1U);
}

/* --- bringing up -------------------------------------------------------------------------- */

/*
 * Packet buffers side by side in one piece of memory. rte_pktmbuf_pool_create leaves gaps, so that no
 * buffer lies across two pages: a device of the kernel's doesn't need that.
 */
static struct rte_mempool *
pool_create_dense(const char *name, unsigned int buffers, int node)
{
	struct rte_pktmbuf_pool_private sizes = {.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE};
	struct rte_mempool *pool = rte_mempool_create(
		name, buffers, sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE, MBUF_CACHE,
		sizeof(sizes), rte_pktmbuf_pool_init, &sizes, rte_pktmbuf_init, NULL, node,
		RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (pool == NULL || pool->nb_mem_chunks == 1)
		return pool;
	rte_mempool_free(pool);
	return NULL;
}

static int
port_make_pool(struct port *port, const struct port_kind *kind, uint16_t queue,
	       unsigned int buffers, int node)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "pool%u.%u", port->id, queue);
	if (kind->dense_pool)
		port->pools[queue] = pool_create_dense(name, buffers, node);
	else
		port->pools[queue] = rte_pktmbuf_pool_create(name, buffers, MBUF_CACHE, 0,
							     RTE_MBUF_DEFAULT_BUF_SIZE, node);
	return port->pools[queue] == NULL ? -ENOMEM : 0;
}

static int
port_setup_queues(struct port *port, const struct config *config, const struct port_kind *kind,
		  const unsigned int *lcores, uint16_t rx_ring, uint16_t tx_ring,
		  char error[CONFIG_ERROR_SIZE])
{
	for (uint16_t queue = 0; queue < port->queues; queue++) {
		unsigned int node = rte_lcore_to_socket_id(lcores[queue]);
		struct wake_snapshot before;
		int status, wake_fd;

		/* every worker may hold packets of any queue: pools are as large as for all */
		status = port_make_pool(port, kind, queue,
					config->mbufs * config->workers / port->queues, (int)node);
		if (status != 0)
			return port_fail(port, status, error,
					 "no memory for %u packet buffers; lower mbufs, or give "
					 "the machine more memory or hugepages",
					 config->mbufs);
		wake_snapshot(&before);
		status = rte_eth_rx_queue_setup(port->id, queue, rx_ring, node, NULL,
						port->pools[queue]);
		if (status == 0)
			status = rte_eth_tx_queue_setup(port->id, queue, tx_ring, node, NULL);
		if (status != 0)
			return port_fail(port, status, error, "queue %u can't be set up: %s; %s",
					 queue, strerror(-status), kind->hint);
		wake_fd = wake_fd_since(&before, 0);
		if (wake_fd >= 0)
			port->wake_fds[queue] = wake_fd;
	}
	return 0;
}

static int
port_set_mtu(struct port *port, const struct rte_eth_dev_info *info, char error[CONFIG_ERROR_SIZE])
{
	uint16_t mtu = port->config.mtu, now = 0;
	int status;

	port->mtu = mtu;
	if (rte_eth_dev_get_mtu(port->id, &now) == 0 && now == mtu)
		return 0;
	status = rte_eth_dev_set_mtu(port->id, mtu);
	/* a device that can't be told may still carry what is smaller than its own limit */
	if (status == 0 || (status == -ENOTSUP && mtu <= info->max_mtu && mtu <= RTE_ETHER_MTU))
		return 0;
	return port_fail(port, status, error,
			 "mtu %u is not accepted: %s; the device takes %u to %u", mtu,
			 strerror(-status), info->min_mtu, info->max_mtu);
}

static int
port_set_mac(struct port *port, char error[CONFIG_ERROR_SIZE])
{
	struct rte_ether_addr wanted;
	int status = rte_eth_macaddr_get(port->id, &port->mac);

	memcpy(&wanted, port->config.mac, sizeof(wanted));
	if (status != 0 || !port->config.has_mac || rte_is_same_ether_addr(&wanted, &port->mac))
		return status;
	status = rte_eth_dev_default_mac_addr_set(port->id, &wanted);
	if (status != 0)
		return port_fail(port, status, error, "mac: the device keeps its own address: %s",
				 strerror(-status));
	port->mac = wanted;
	return 0;
}

static int
port_configure(struct port *port, const struct config *config, const struct port_kind *kind,
	       const unsigned int *lcores, char error[CONFIG_ERROR_SIZE])
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	uint16_t rx_ring = port->config.descriptors, tx_ring = port->config.descriptors;
	int status = rte_eth_dev_info_get(port->id, &info);

	if (status != 0)
		return port_fail(port, status, error, "the device doesn't answer: %s",
				 strerror(-status));
	port->numa_node = rte_eth_dev_socket_id(port->id);
	port->queues = port_choose_queues(config, &port->config, &info);
	port_negotiate(port, kind, &info, &conf);
	status = rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
	if (status != 0)
		return port_fail(port, status, error, "%u queues can't be had: %s", port->queues,
				 strerror(-status));
	status = port_set_mtu(port, &info, error);
	if (status != 0)
		return status;
	rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_ring, &tx_ring);
	status = port_setup_queues(port, config, kind, lcores, rx_ring, tx_ring, error);
	if (status == 0)
		status = port_set_mac(port, error);
	if (status != 0)
		return status;
	status = rte_eth_dev_start(port->id);
	if (status != 0)
		return port_fail(port, status, error, "the device can't be started: %s; %s",
				 strerror(-status), kind->hint);
	return 0;
}

/* Neighbour discovery asks groups, whose frames a NIC filters unless it is told. */
static int
port_hear_groups(struct port *port, const struct port_kind *kind, char error[CONFIG_ERROR_SIZE])
{
	int status = 0;

	if (port->config.ipv6.bits == 0)
		return 0;
	if (kind->netdev) {
		port->groups = netdev_hear_groups(port->config.interface);
		status = port->groups < 0 ? port->groups : 0;
	} else {
		status = rte_eth_allmulticast_enable(port->id);
		if (status == -ENOTSUP && kind->virtual_device)
			status = 0; /* memory without a filter */
	}
	if (status == 0)
		return 0;
	return port_fail(port, status, error,
			 "multicast can't be received, and IPv6 needs it: %s; leave ipv6 out",
			 strerror(-status));
}

/* Makes the device known to DPDK. 0, with port->id set, or negative errno. */
static int
port_probe(struct port *port, const struct port_kind *kind, const char *arguments,
	   char error[CONFIG_ERROR_SIZE])
{
	int status;

	if (kind->virtual_device) {
		status = rte_eal_hotplug_add("vdev", port->device, arguments);
		if (status != 0)
			return port_fail(port, status, error, "%s can't be opened: %s; %s",
					 port->device, strerror(-status), kind->hint);
	}
	status = rte_eth_dev_get_port_by_name(port->device, &port->id);
	if (status == 0)
		return 0;
	if (kind->virtual_device)
		rte_eal_hotplug_remove("vdev", port->device);
	return port_fail(port, status, error, "no DPDK driver took %s; %s", port->device,
			 kind->hint);
}

int
port_open(struct port *port, const struct config *config, unsigned int index,
	  const unsigned int *lcores, char error[CONFIG_ERROR_SIZE])
{
	const struct config_port *wanted = &config->ports[index];
	const struct port_kind *kind = port_kind_of(wanted->driver);
	char arguments[KIND_ARGUMENTS_SIZE], why[CONFIG_ERROR_SIZE];
	struct wake_snapshot before;
	int status;

	memset(port, 0, sizeof(*port));
	port->config = *wanted;
	port->id = RTE_MAX_ETHPORTS;
	port->claim = -1;
	port->groups = -1;
	snprintf(port->name, sizeof(port->name), "%s", wanted->name);
	status = kind_check(config, wanted, why);
	if (status == 0 && kind->prepare != NULL)
		status = kind->prepare(wanted, why);
	if (status != 0)
		return port_fail(port, status, error, "%s", why);
	port->claim = kind_claim(kind, wanted);
	kind->describe(config, wanted, index, port->device, arguments);
	wake_snapshot(&before);
	status = port_probe(port, kind, arguments, error);
	if (status != 0) {
		port_close(port);
		return status;
	}
	if (kind->adopted != NULL)
		kind->adopted();
	/* drivers that open their queues on probing, in order; the others do on setting them up */
	for (unsigned int queue = 0; queue < CONFIG_WORKERS_MAX; queue++)
		port->wake_fds[queue] = wake_fd_since(&before, queue);
	status = port_configure(port, config, kind, lcores, error);
	if (status == 0)
		status = port_hear_groups(port, kind, error);
	if (status != 0)
		port_close(port);
	return status;
}

void
port_close(struct port *port)
{
	const struct port_kind *kind = port_kind_of(port->config.driver);

	if (port->id != RTE_MAX_ETHPORTS) {
		struct rte_eth_dev_info info;
		struct rte_device *device = NULL;

		if (kind->settle != NULL)
			kind->settle();
		if (rte_eth_dev_info_get(port->id, &info) == 0)
			device = info.device;
		rte_eth_dev_stop(port->id);
		rte_eth_dev_close(port->id);
		if (device != NULL && kind->virtual_device)
			rte_dev_remove(device);
		port->id = RTE_MAX_ETHPORTS;
	}
	for (unsigned int queue = 0; queue < port->queues; queue++) {
		wake_fd_release(port->wake_fds[queue]);
		port->wake_fds[queue] = -1;
		rte_mempool_free(port->pools[queue]);
		port->pools[queue] = NULL;
	}
	if (port->claim >= 0)
		close(port->claim);
	if (port->groups >= 0)
		close(port->groups);
	port->claim = -1;
	port->groups = -1;
}

/* --- telling ------------------------------------------------------------------------------ */

void
port_describe(const struct port *port, char *line, size_t size)
{
	snprintf(line, size,
		 "%s: %s %s, MAC " RTE_ETHER_ADDR_PRT_FMT ", MTU %u, %u queue%s%s, node %d, "
		 "checksums: received %s, sent %s%s%s",
		 port->name, config_driver_name(port->config.driver), port->device,
		 RTE_ETHER_ADDR_BYTES(&port->mac), port->mtu, port->queues,
		 port->queues == 1 ? "" : "s", port->rss ? " by RSS" : "", port->numa_node,
		 port->rx_l4_checksum ? "by the port" : "by us",
		 port->tx_udp_checksum ? "by the port" : "by us", port->tso ? ", TSO" : "",
		 port->multi_segment ? ", chained buffers" : "");
}

int
port_read_losses(const struct port *port, struct port_losses *losses)
{
	struct rte_eth_stats stats;
	int status = rte_eth_stats_get(port->id, &stats);

	if (status != 0)
		return status;
	*losses = (struct port_losses){
		.missed = stats.imissed, .errors = stats.ierrors, .no_buffer = stats.rx_nombuf};
	return 0;
}
