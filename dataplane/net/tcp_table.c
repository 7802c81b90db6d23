/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/tcp_table.h"

#include <errno.h>

#include "dataplane/net/tcp_memory.h"

int
tcp_table_create(struct tcp_table *table, uint64_t entries, int node)
{
	uint64_t slots = 64;

	while (slots < 2 * entries)
		slots *= 2;
	if (slots > TCP_TABLE_NUMBERS)
		return -ENOMEM;
	table->mask = (uint32_t)slots - 1;
	table->slots = tcp_memory_reserve(slots * sizeof(*table->slots), node);
	return table->slots == NULL ? -ENOMEM : 0;
}

void
tcp_table_destroy(struct tcp_table *table)
{
	tcp_memory_release(table->slots, (table->mask + 1ull) * sizeof(*table->slots));
}

void
tcp_table_insert(struct tcp_table *table, uint32_t hash, uint32_t reference)
{
	uint32_t i = hash & table->mask;

	while (table->slots[i] != 0)
		i = (i + 1) & table->mask;
	table->slots[i] = (uint64_t)hash << 32 | reference;
}

static uint32_t
table_slot(const struct tcp_table *table, uint32_t hash, uint32_t reference)
{
	uint32_t i = hash & table->mask;

	while (table->slots[i] != ((uint64_t)hash << 32 | reference))
		i = (i + 1) & table->mask;
	return i;
}

void
tcp_table_replace(struct tcp_table *table, uint32_t hash, uint32_t old, uint32_t reference)
{
	table->slots[table_slot(table, hash, old)] = (uint64_t)hash << 32 | reference;
}

/* D. E. Knuth, The Art of Computer Programming 3, 6.4, algorithm R: no tombstones are left. */
void
tcp_table_remove(struct tcp_table *table, uint32_t hash, uint32_t reference)
{
	uint32_t hole = table_slot(table, hash, reference);

	for (uint32_t i = (hole + 1) & table->mask; table->slots[i] != 0;
	     i = (i + 1) & table->mask) {
		uint32_t home = (uint32_t)(table->slots[i] >> 32) & table->mask;

		if (((i - home) & table->mask) < ((i - hole) & table->mask))
			continue;
		table->slots[hole] = table->slots[i];
		hole = i;
	}
	table->slots[hole] = 0;
}
