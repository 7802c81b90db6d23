/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/appliance.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/claim.h"
#include "control/log.h"
#include "control/user_file.h"
#include "control/wiring.h"
#include "dataplane/observe.h"
#include "drivers/hugepages.h"

enum {
	MEMORY_MAX_FACTOR = 4, /* cache_memlimit may raise the memory to so many times of it */
};

static bool
appliance_link_up(const struct port *port)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status;
}

static int
appliance_open_ports(struct appliance *appliance, char error[CONFIG_ERROR_SIZE])
{
	char line[512];

	for (unsigned int i = 0; i < appliance->config->port_count; i++) {
		struct port *port = &appliance->ports[i];
		int status = port_open(port, appliance->config, i, appliance->eal.lcores, error);

		if (status != 0)
			return status;
		appliance->port_count++;
		appliance->link_up[i] = appliance_link_up(port);
		port_describe(port, line, sizeof(line));
		log_info("%s", line);
	}
	return 0;
}

/* One shard a node that has workers, unless the configuration says how many. */
static void
appliance_place_shards(const struct appliance *appliance, struct store_options *options)
{
	const struct config *config = appliance->config;
	bool seen[RTE_MAX_NUMA_NODES] = {false};
	unsigned int nodes = 0;

	for (unsigned int i = 0; i < config->workers && nodes < STORE_SHARDS_MAX; i++) {
		unsigned int node = rte_lcore_to_socket_id(appliance->eal.lcores[i]);

		if (node >= RTE_MAX_NUMA_NODES || seen[node])
			continue;
		seen[node] = true;
		options->numa_nodes[nodes++] = (int)node;
	}
	if (nodes == 0)
		options->numa_nodes[nodes++] = -1;
	options->shards = config->shards != 0 ? config->shards : nodes;
	for (unsigned int i = nodes; i < options->shards; i++)
		options->numa_nodes[i] = options->numa_nodes[i % nodes];
}

static int
appliance_create_store(struct appliance *appliance, char error[CONFIG_ERROR_SIZE])
{
	const struct config *config = appliance->config;
	struct store_options options = {
		.memory = config->memory,
		.item_size_max = config->item_size_max,
		.workers = config->workers,
		.unix_time = appliance->started,
		.evicted = observe_evicted,
		.evicted_arg = appliance->relay.watch,
	};
	uint64_t most;
	int status;

	appliance_place_shards(appliance, &options);
	most = options.shards * STORE_SHARD_MEMORY_MAX;
	if (config->memory > most) {
		snprintf(error, CONFIG_ERROR_SIZE, "memory: %u shard%s can have %llu GiB at most",
			 options.shards, options.shards == 1 ? "" : "s",
			 (unsigned long long)(most >> 30));
		return -EINVAL;
	}
	if (most > MEMORY_MAX_FACTOR * config->memory)
		most = MEMORY_MAX_FACTOR * config->memory;
	if (getrandom(options.secret, sizeof(options.secret), 0) != sizeof(options.secret))
		return -errno;
	options.hugepages = appliance->eal.hugepages && hugepages_free_bytes(-1) >= config->memory;
	/* reserved ones are nobody else's: clearing them, some ms each, is best over before there is load */
	options.populate = options.hugepages;
	if (!options.hugepages) /* hugepages are taken at once, others as they are used */
		options.memory_max = most;
	status = store_create(&appliance->store, &options);
	if (status == -ENOMEM && options.hugepages) {
		options.hugepages = options.populate = false;
		options.memory_max = most;
		status = store_create(&appliance->store, &options);
	}
	if (status != 0) {
		snprintf(error, CONFIG_ERROR_SIZE, "memory: %llu MiB can't be had: %s",
			 (unsigned long long)(config->memory >> 20), strerror(-status));
		return status;
	}
	log_info("store: %llu MiB in %u shard%s on %s", (unsigned long long)(config->memory >> 20),
		 options.shards, options.shards == 1 ? "" : "s",
		 options.hugepages ? "hugepages" : "ordinary pages");
	return 0;
}

static int
appliance_claim_addresses(const struct appliance *appliance, char error[CONFIG_ERROR_SIZE])
{
	for (unsigned int i = 0; i < appliance->port_count; i++) {
		const struct port *port = &appliance->ports[i];
		struct interface interface;
		int status;

		wire_interface(&interface, port, appliance->config);
		status = claim_address(port, &interface, error);
		if (status != 0)
			return status;
	}
	return 0;
}

static int
appliance_launch(struct appliance *appliance, char error[CONFIG_ERROR_SIZE])
{
	for (unsigned int i = 0; i < appliance->config->workers; i++) {
		int status = rte_eal_remote_launch(worker_run, appliance->workers[i],
						   appliance->eal.lcores[i]);

		if (status != 0) {
			snprintf(error, CONFIG_ERROR_SIZE, "worker %u could not be started: %s", i,
				 strerror(-status));
			return status;
		}
		appliance->worker_count++;
		log_info("worker %u: on CPU %u, %s", i, appliance->eal.cpus[i],
			 appliance->config->idle == CONFIG_IDLE_SPIN ? "always polling"
								     : "sleeping when idle");
	}
	return 0;
}

static int
appliance_read_users(struct appliance *appliance, char error[CONFIG_ERROR_SIZE])
{
	const char *path = appliance->config->auth_file;
	struct users *users = NULL;
	int status = path[0] == '\0' ? 0 : user_file_load(path, &users, error);

	atomic_init(&appliance->users.now, users);
	if (users != NULL)
		log_info("users: %u in %s", users->count, path);
	return status;
}

void
appliance_reload_users(struct appliance *appliance)
{
	const char *path = appliance->config->auth_file;
	char error[CONFIG_ERROR_SIZE];

	if (path[0] == '\0')
		return;
	if (user_file_reload(path, &appliance->users, error) != 0)
		log_error("the users stay as they were: %s", error);
	else
		log_info("users: %u in %s", user_list_now(&appliance->users)->count, path);
}

static int
appliance_bring_up(struct appliance *appliance, char error[CONFIG_ERROR_SIZE])
{
	int status;

	status = appliance_open_ports(appliance, error);
	if (status == 0)
		status = relay_create(&appliance->relay, appliance->config->workers);
	if (status == 0)
		status = appliance_create_store(appliance, error);
	if (status == 0)
		status = wire_workers(appliance);
	if (status == 0)
		status = appliance_claim_addresses(appliance, error);
	if (status == 0)
		status = janitor_start(&appliance->janitor, appliance->store);
	if (status == 0)
		status = relay_start(&appliance->relay, appliance->workers);
	if (status == 0)
		status = appliance_launch(appliance, error);
	return status;
}

int
appliance_start(struct appliance *appliance, const struct config *config,
		char error[CONFIG_ERROR_SIZE])
{
	int status;

	memset(appliance, 0, sizeof(*appliance));
	appliance->config = config;
	appliance->started = time(NULL);
	appliance->pid = getpid();
	atomic_init(&appliance->stop, false);
	atomic_flag_clear(&appliance->reset.writing);
	error[0] = '\0';
	status = appliance_read_users(appliance, error);
	if (status == 0)
		status = eal_start(&appliance->eal, config, error);
	if (status != 0) {
		user_file_free((struct users *)user_list_now(&appliance->users));
		return status;
	}
	if (!appliance->eal.hugepages)
		log_info("memory: without hugepages (%s)", appliance->eal.why_no_hugepages);
	status = appliance_bring_up(appliance, error);
	if (status != 0) {
		if (error[0] == '\0')
			snprintf(error, CONFIG_ERROR_SIZE, "could not start: %s",
				 strerror(-status));
		appliance_stop(appliance);
	}
	return status;
}

static void
appliance_watch_link(struct appliance *appliance, unsigned int index)
{
	const struct port *port = &appliance->ports[index];
	bool up = appliance_link_up(port);

	if (up == appliance->link_up[index])
		return;
	appliance->link_up[index] = up;
	log_info("%s: link is %s", port->name, up ? "up" : "down");
	/* relaxed: the flag carries no data; neighbours learn where our address now is */
	if (up)
		atomic_store_explicit(&appliance->workers[0]->ports[index].announce, true,
				      memory_order_relaxed);
}

static void
appliance_watch_rivals(struct appliance *appliance, unsigned int index)
{
	uint64_t claimer = 0;
	struct rte_ether_addr mac;

	for (unsigned int i = 0; i < appliance->worker_count && claimer == 0; i++)
		claimer = atomic_load_explicit(&appliance->workers[i]->ports[index].claimer,
					       memory_order_relaxed);
	if (claimer == appliance->claimer[index])
		return;
	appliance->claimer[index] = claimer;
	memcpy(&mac, &claimer, sizeof(mac));
	log_error("%s: the host with MAC " RTE_ETHER_ADDR_PRT_FMT
		  " claims our address too; clients will lose packets until one of us lets go",
		  appliance->ports[index].name, RTE_ETHER_ADDR_BYTES(&mac));
}

static void
appliance_watch_losses(struct appliance *appliance, unsigned int index)
{
	struct port_lost *lost = &appliance->lost[index];
	struct port_losses now;

	if (port_read_losses(&appliance->ports[index], &now) != 0)
		return;
	/* relaxed: figures for `stats` */
	atomic_store_explicit(&lost->missed, now.missed, memory_order_relaxed);
	atomic_store_explicit(&lost->errors, now.errors, memory_order_relaxed);
	atomic_store_explicit(&lost->no_buffer, now.no_buffer, memory_order_relaxed);
}

static uint64_t
microseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void
appliance_watch_usage(struct appliance *appliance)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	/* relaxed: figures for `stats` */
	atomic_store_explicit(&appliance->user_us, microseconds(&usage.ru_utime),
			      memory_order_relaxed);
	atomic_store_explicit(&appliance->system_us, microseconds(&usage.ru_stime),
			      memory_order_relaxed);
}

static int64_t
seconds_since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* An exptime of over 30 days is a Unix time: clients that mean seconds lose what they store. */
static void
appliance_watch_expiry(struct appliance *appliance)
{
	uint64_t stored = 0, due;

	for (unsigned int i = 0; i < appliance->worker_count; i++)
		stored += appliance->workers[i]->proto.stored_in_past;
	due = warning_due(&appliance->stored_in_past, stored, seconds_since_boot());
	if (due != 0)
		log_warn("%llu items were stored with a time that is already past, and are gone: "
			 "an exptime of over 2592000 (30 days) is a Unix time",
			 (unsigned long long)due);
}

void
appliance_watch(struct appliance *appliance)
{
	appliance_watch_expiry(appliance);
	appliance_watch_usage(appliance);
	for (unsigned int i = 0; i < appliance->port_count; i++) {
		appliance_watch_link(appliance, i);
		appliance_watch_rivals(appliance, i);
		appliance_watch_losses(appliance, i);
	}
}

void
appliance_stop(struct appliance *appliance)
{
	/* relaxed: the join below orders everything */
	atomic_store_explicit(&appliance->stop, true, memory_order_relaxed);
	for (unsigned int i = 0; i < appliance->worker_count; i++) {
		int status = rte_eal_wait_lcore(appliance->eal.lcores[i]);

		if (status != 0)
			log_error("worker %u ended with: %s", i, strerror(-status));
	}
	relay_stop(&appliance->relay);
	janitor_stop(&appliance->janitor);
	unwire_workers(appliance);
	eal_hold_interrupts();
	for (unsigned int i = 0; i < appliance->port_count; i++)
		port_close(&appliance->ports[i]);
	if (appliance->store != NULL)
		store_destroy(appliance->store);
	relay_destroy(&appliance->relay);
	eal_stop(&appliance->eal);
	user_file_free((struct users *)user_list_now(&appliance->users));
}
