/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_table.h - the simulator's map from a key's number to a record's: open addressing with linear
 * probing, deletion by shifting back (Knuth, TAOCP 6.4, algorithm R). Grows by itself; exits the
 * program where memory is out, as all of the simulator does.
 */
#ifndef JACKDAW_PERF_SIM_TABLE_H
#define JACKDAW_PERF_SIM_TABLE_H

#include <stdint.h>
#include <stdlib.h>

#include "perf/random.h"

#define SIM_NONE UINT32_MAX /* no record */

struct sim_cell {
	uint64_t key;
	uint32_t record; /* SIM_NONE: the cell is empty */
};

struct sim_table {
	struct sim_cell *cells;
	uint64_t mask;
	uint64_t count;
};

/* realloc or exit: the simulator has no use for half a run. */
void *sim_realloc(void *old, size_t count, size_t size);

void sim_table_init(struct sim_table *table);
void sim_table_release(struct sim_table *table);

/* Inserts or replaces. */
void sim_table_set(struct sim_table *table, uint64_t key, uint32_t record);

/* Removes the key if it is there. */
void sim_table_delete(struct sim_table *table, uint64_t key);

static inline uint64_t
sim_table_home(const struct sim_table *table, uint64_t key)
{
	return random_mix(key) & table->mask;
}

/* The key's record, or SIM_NONE. */
static inline uint32_t
sim_table_find(const struct sim_table *table, uint64_t key)
{
	uint64_t at = sim_table_home(table, key);

	while (table->cells[at].record != SIM_NONE && table->cells[at].key != key)
		at = (at + 1) & table->mask;
	return table->cells[at].record;
}

#endif
