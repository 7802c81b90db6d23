/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal_end.h - how a program that used DPDK's EAL ends.
 */
#ifndef JACKDAW_PERF_EAL_END_H
#define JACKDAW_PERF_EAL_END_H

#include <rte_eal.h>
#include <stdio.h>
#include <unistd.h>

/* Stops the EAL and removes what that leaves on disk, an empty folder. The thread that started it; for atexit. */
static inline void
eal_end(void)
{
	char directory[256];

	snprintf(directory, sizeof(directory), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	rmdir(directory);
}

#endif
