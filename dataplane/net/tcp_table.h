/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_table.h - from a hash to what has it: open addressing with linear probing, half full at most.
 * A slot is the whole hash and a reference, so that a search reads one cache line or two, and only
 * what very likely is the one sought.
 *
 *     63            32 31   30 29                     0
 *     +---------------+-------+------------------------+
 *     |     hash      | kind  |         number         |   0: empty
 *     +---------------+-------+------------------------+
 */
#ifndef JACKDAW_TCP_TABLE_H
#define JACKDAW_TCP_TABLE_H

#include <rte_prefetch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TCP_TABLE_KIND_SHIFT = 30,
	TCP_TABLE_NUMBERS = 1 << 30,
};

struct tcp_table {
	uint64_t *slots;
	uint32_t mask;
};

static inline uint32_t
tcp_reference(unsigned int kind, uint32_t number)
{
	return kind << TCP_TABLE_KIND_SHIFT | number;
}

static inline unsigned int
tcp_reference_kind(uint32_t reference)
{
	return reference >> TCP_TABLE_KIND_SHIFT;
}

static inline uint32_t
tcp_reference_number(uint32_t reference)
{
	return reference & (TCP_TABLE_NUMBERS - 1);
}

/* Room for `entries`; 0 or -ENOMEM. */
int tcp_table_create(struct tcp_table *table, uint64_t entries, int node);
void tcp_table_destroy(struct tcp_table *table);

/* A reference must not be 0. There is room for as many as were asked for. */
void tcp_table_insert(struct tcp_table *table, uint32_t hash, uint32_t reference);

/* Both must be in it. */
void tcp_table_remove(struct tcp_table *table, uint32_t hash, uint32_t reference);
void tcp_table_replace(struct tcp_table *table, uint32_t hash, uint32_t old, uint32_t reference);

/* Asks for where a search for the hash begins. */
static inline void
tcp_table_prefetch(const struct tcp_table *table, uint32_t hash)
{
	rte_prefetch1(&table->slots[hash & table->mask]);
}

/*
 * The next reference with this hash, from *at on, which the first call has set to hash; 0: none is
 * left. The caller compares what it refers to, and asks again if it is another.
 */
static inline uint32_t
tcp_table_find(const struct tcp_table *table, uint32_t hash, uint32_t *at)
{
	for (uint32_t i = *at & table->mask; table->slots[i] != 0; i = (i + 1) & table->mask) {
		if ((uint32_t)(table->slots[i] >> 32) == hash) {
			*at = i + 1;
			return (uint32_t)table->slots[i];
		}
	}
	return 0;
}

#endif
