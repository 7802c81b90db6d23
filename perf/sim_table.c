/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/sim_table.h"

#include <stdio.h>

enum {
	TABLE_FIRST = 1 << 12
};

void *
sim_realloc(void *old, size_t count, size_t size)
{
	void *new = reallocarray(old, count, size);

	if (new == NULL) {
		fprintf(stderr, "simulator: no memory for %zu x %zu bytes\n", count, size);
		exit(1);
	}
	return new;
}

static void
cells_make(struct sim_table *table, uint64_t count)
{
	table->cells = sim_realloc(NULL, count, sizeof(table->cells[0]));
	table->mask = count - 1;
	table->count = 0;
	for (uint64_t i = 0; i < count; i++)
		table->cells[i].record = SIM_NONE;
}

void
sim_table_init(struct sim_table *table)
{
	cells_make(table, TABLE_FIRST);
}

void
sim_table_release(struct sim_table *table)
{
	free(table->cells);
}

static void
table_grow(struct sim_table *table)
{
	struct sim_table old = *table;

	cells_make(table, 2 * (old.mask + 1));
	for (uint64_t i = 0; i <= old.mask; i++) {
		if (old.cells[i].record != SIM_NONE)
			sim_table_set(table, old.cells[i].key, old.cells[i].record);
	}
	free(old.cells);
}

void
sim_table_set(struct sim_table *table, uint64_t key, uint32_t record)
{
	uint64_t at = sim_table_home(table, key);

	while (table->cells[at].record != SIM_NONE && table->cells[at].key != key)
		at = (at + 1) & table->mask;
	if (table->cells[at].record == SIM_NONE)
		table->count++;
	table->cells[at] = (struct sim_cell){.key = key, .record = record};
	if (table->count * 2 > table->mask)
		table_grow(table);
}

void
sim_table_delete(struct sim_table *table, uint64_t key)
{
	uint64_t hole = sim_table_home(table, key), at;

	while (table->cells[hole].record != SIM_NONE && table->cells[hole].key != key)
		hole = (hole + 1) & table->mask;
	if (table->cells[hole].record == SIM_NONE)
		return;
	table->count--;
	for (at = (hole + 1) & table->mask; table->cells[at].record != SIM_NONE;
	     at = (at + 1) & table->mask) {
		uint64_t home = sim_table_home(table, table->cells[at].key);

		if (((at - home) & table->mask) >= ((at - hole) & table->mask)) {
			table->cells[hole] = table->cells[at];
			hole = at;
		}
	}
	table->cells[hole].record = SIM_NONE;
}
