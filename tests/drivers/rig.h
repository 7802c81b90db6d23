/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h - for tests of real ports: EAL once a program, a frame of our own, and everything awaited
 * with a deadline.
 */
#ifndef JACKDAW_TESTS_DRIVERS_RIG_H
#define JACKDAW_TESTS_DRIVERS_RIG_H

#include <dirent.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/eal.h"
#include "drivers/port.h"
#include "tests/suite.h"

enum {
	RIG_DEADLINE_MS = 5000,
	RIG_ETHER_TYPE = 0x88b5, /* IEEE 802: for local experiments */
	RIG_FRAME_MAX = 2048,
	RIG_BUFFERS_MAX = 16384, /* packet buffers that EAL has memory for */
};

static struct eal rig_eal;

static inline void
rig_die(const char *what)
{
	fprintf(stderr, "rig: %s\n", what);
	exit(2);
}

static inline uint64_t
rig_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline struct config
rig_config(enum config_driver driver)
{
	struct config config;

	config_defaults(&config);
	config.hugepages = CONFIG_HUGEPAGES_OFF;
	config.mbufs = 4096;
	config.port_count = 1;
	config.ports[0] = (struct config_port){
		.name = "under-test", .driver = driver, .descriptors = 1024, .mtu = 1500};
	return config;
}

/* Workers that the machine has CPUs for, at most `wanted`. */
static inline unsigned int
rig_workers(unsigned int wanted)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return 1;
	return (int)wanted <= CPU_COUNT(&allowed) ? wanted : (unsigned int)CPU_COUNT(&allowed);
}

static inline void
rig_start_eal(unsigned int workers)
{
	struct config config = rig_config(CONFIG_AF_PACKET);
	char error[CONFIG_ERROR_SIZE];

	config.workers = workers;
	config.mbufs = RIG_BUFFERS_MAX;
	if (eal_start(&rig_eal, &config, error) != 0)
		rig_die(error);
}

/* Opens the configuration's port, which must work. */
static inline void
rig_open(struct port *port, const struct config *config)
{
	char error[CONFIG_ERROR_SIZE] = "";
	int status = port_open(port, config, 0, rig_eal.lcores, error);

	if (status != 0)
		fprintf(stderr, "rig: %s\n", error);
	CU_ASSERT_EQUAL_FATAL(status, 0);
}

/* Opens what must be refused, with that status and those words, leaving no device. */
static inline void
rig_refused(const struct config *config, int status, const char *words)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct port port;

	CU_ASSERT_EQUAL(port_open(&port, config, 0, rig_eal.lcores, error), status);
	if (strstr(error, words) == NULL)
		fprintf(stderr, "rig: want '%s' in: %s\n", words, error);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, words));
	CU_ASSERT_EQUAL(strncmp(error, "under-test: ", 12), 0);
	CU_ASSERT_EQUAL(rte_eth_dev_count_avail(), 0);
}

/* A frame of our ether type: its bytes count up from `seed`. */
static inline void
rig_frame(uint8_t bytes[RIG_FRAME_MAX], size_t length, uint8_t seed,
	  const struct rte_ether_addr *destination)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(seed + i);
	ether->dst_addr = *destination;
	ether->src_addr = (struct rte_ether_addr){{0x02, 0, 0, 0, 0, 0x99}};
	ether->ether_type = rte_cpu_to_be_16(RIG_ETHER_TYPE);
}

static inline bool
rig_is_ours(const struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *)->ether_type ==
	       RTE_BE16(RIG_ETHER_TYPE);
}

/* The next frame of ours on the queue, others dropped; NULL after the deadline. */
static inline struct rte_mbuf *
rig_receive(const struct port *port, uint16_t queue)
{
	uint64_t end = rig_now_ms() + RIG_DEADLINE_MS;
	struct rte_mbuf *mbuf;

	while (rig_now_ms() < end) {
		if (rte_eth_rx_burst(port->id, queue, &mbuf, 1) == 0) {
			/* the sender may be waiting for this CPU */
			sched_yield();
			continue;
		}
		if (rig_is_ours(mbuf))
			return mbuf;
		rte_pktmbuf_free(mbuf);
	}
	return NULL;
}

static inline void
rig_send(const struct port *port, uint16_t queue, struct rte_mbuf *mbuf)
{
	uint64_t end = rig_now_ms() + RIG_DEADLINE_MS;

	while (rte_eth_tx_burst(port->id, queue, &mbuf, 1) == 0 && rig_now_ms() < end)
		;
	if (rig_now_ms() >= end)
		rte_pktmbuf_free(mbuf);
}

/* Descriptors that this process has open. */
static inline unsigned int
rig_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (directory == NULL)
		rig_die("no /proc");
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

#endif
