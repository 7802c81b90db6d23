/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/hugepages.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t
hugepages_read(int node, const char *which)
{
	char path[128];
	uint64_t pages = 0;
	FILE *file;

	if (node < 0)
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%dkB/%s",
			 HUGEPAGE_SIZE >> 10, which);
	else
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%d/hugepages/hugepages-%dkB/%s", node,
			 HUGEPAGE_SIZE >> 10, which);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%" SCNu64, &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * HUGEPAGE_SIZE;
}

uint64_t
hugepages_free_bytes(int node)
{
	return hugepages_read(node, "free_hugepages");
}

uint64_t
hugepages_total_bytes(int node)
{
	return hugepages_read(node, "nr_hugepages");
}
