/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hugepages.h - what the machine has of 2 MiB pages. Any thread; reads sysfs, so slow.
 */
#ifndef JACKDAW_HUGEPAGES_H
#define JACKDAW_HUGEPAGES_H

#include <stdint.h>

enum {
	HUGEPAGE_SIZE = 2 << 20
};

/* Bytes of hugepages that nobody uses yet, on a NUMA node or (node -1) on all. 0 if there are none. */
uint64_t hugepages_free_bytes(int node);

/* Bytes of hugepages set aside, used or not; as above. */
uint64_t hugepages_total_bytes(int node);

#endif
