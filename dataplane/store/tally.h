/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tally.h - a writer's counters: written by one thread with plain adds, read by any. Values are
 * differences: what one writer added another may take away, so only sums over all writers mean
 * something, modulo 2^64.
 */
#ifndef JACKDAW_STORE_TALLY_H
#define JACKDAW_STORE_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

/* Names are those of struct store_stats. */
#define STORE_TALLY(X)                                                                             \
	X(items)                                                                                   \
	X(items_total)                                                                             \
	X(bytes_keys)                                                                              \
	X(bytes_values)                                                                            \
	X(bytes_headers)                                                                           \
	X(bytes_slack)                                                                             \
	X(bytes_dead)                                                                              \
	X(evictions)                                                                               \
	X(evicted_unfetched)                                                                       \
	X(expired)                                                                                 \
	X(expired_unfetched)                                                                       \
	X(crawled)                                                                                 \
	X(crawl_reclaimed)                                                                         \
	X(stored_expired)                                                                          \
	X(places_reused)                                                                           \
	X(places_lost)                                                                             \
	X(out_of_memory)                                                                           \
	X(index_dropped)

struct tally {
#define X(name) _Atomic uint64_t name;
	STORE_TALLY(X)
#undef X
};

/* relaxed, all: one writer, and readers that need no order. Not a locked operation. */
static inline void
counter_add(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

static inline void
counter_add32(_Atomic uint32_t *counter, uint32_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

static inline uint64_t
counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline uint32_t
counter_read32(const _Atomic uint32_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
