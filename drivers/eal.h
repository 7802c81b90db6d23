/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal.h - starts and stops DPDK's environment from our configuration: users never write EAL
 * arguments. Control thread, once a process.
 */
#ifndef JACKDAW_EAL_H
#define JACKDAW_EAL_H

#include "config/config.h"

struct eal {
	bool hugepages; /* false: --no-huge, and why_no_hugepages says why */
	char why_no_hugepages[160];
	unsigned int lcores[CONFIG_WORKERS_MAX]; /* DPDK lcore of worker i */
	unsigned int cpus[CONFIG_WORKERS_MAX];	 /* CPU that it is pinned to */
	char prefix[64];			 /* --file-prefix, unique to this process */
};

/*
 * Chooses CPUs for the workers where the config names none (never one outside the process's
 * affinity mask, the main thread's own last), decides on hugepages, and calls rte_eal_init. The
 * main lcore is the control thread, kept off the workers' CPUs where there are others. 0, or
 * negative errno with one line in error that names the mend.
 */
int eal_start(struct eal *eal, const struct config *config, char error[CONFIG_ERROR_SIZE]);

/*
 * Stops DPDK's interrupt thread for good, before ports are closed. 22.11's memif frees the interrupt
 * handle of its listener without unregistering it: the thread crashes the next time it looks.
 */
void eal_hold_interrupts(void);

/* True once that was done: nothing will ever be called back from there any more. */
bool eal_interrupts_held(void);

/* Removes what DPDK made on disk. The process is to end now: DPDK can't be started again in it. */
void eal_stop(struct eal *eal);

#endif
