/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal_arguments.h - turns our configuration into what DPDK's environment is started with. Touches
 * nothing of DPDK or of the machine, so that it can be tested alone. Private to drivers/.
 */
#ifndef JACKDAW_EAL_ARGUMENTS_H
#define JACKDAW_EAL_ARGUMENTS_H

#include <sched.h>

#include "drivers/eal.h"

enum {
	EAL_ARGUMENTS_MAX = 16 + CONFIG_PORTS_MAX * 2 + CONFIG_EAL_ARGS_MAX,
	EAL_ARGUMENT_SIZE = 256,
	/* the worst case: every other one of CPU_SETSIZE CPUs by name, and every worker */
	EAL_LCORES_SIZE = 4096,
};

struct eal_arguments {
	int count;
	char *list[EAL_ARGUMENTS_MAX + 1]; /* ends with NULL; points into what follows */
	char text[EAL_ARGUMENTS_MAX][EAL_ARGUMENT_SIZE];
	char lcores[EAL_LCORES_SIZE];
};

/*
 * Writes the CPU and the lcore of every worker into *eal. Where the configuration names no CPUs they
 * are taken from the highest down: interrupts and other programs favour the low ones. 0, or -EINVAL
 * with one line in error.
 */
int eal_place_workers(struct eal *eal, const struct config *config, const cpu_set_t *allowed,
		      char error[CONFIG_ERROR_SIZE]);

/* Bytes of packet memory that the configuration takes, and what DPDK needs besides. */
uint64_t eal_memory_needed(const struct config *config);

/* Fills the list from a placed *eal whose hugepages and prefix are decided. */
void eal_arguments_fill(struct eal_arguments *arguments, const struct eal *eal,
			const struct config *config, const cpu_set_t *allowed);

#endif
