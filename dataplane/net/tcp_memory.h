/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_memory.h - memory that is reserved once and costs nothing until it is touched, and pools of
 * equal pieces on it. Control thread, but for the pools, which are their worker's.
 */
#ifndef JACKDAW_TCP_MEMORY_H
#define JACKDAW_TCP_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed address space of `size` bytes, its pages to come from NUMA node `node` (-1: any). NULL: none. */
void *tcp_memory_reserve(size_t size, int node);

/* NULL is fine. */
void tcp_memory_release(void *memory, size_t size);

/* A free piece; the rest of it may hold anything. */
struct tcp_piece {
	struct tcp_piece *next;
};

/*
 * The piece given back last is the next to be taken: it is still in the cache. What was never taken
 * was never touched.
 */
struct tcp_pool {
	struct tcp_piece *free;
	uint8_t *memory;
	uint8_t *fresh, *end; /* pieces that were never taken */
	size_t piece;
	size_t free_count;
};

/* 0 or -ENOMEM. */
int tcp_pool_create(struct tcp_pool *pool, size_t piece, size_t count, int node);
void tcp_pool_destroy(struct tcp_pool *pool);

/* NULL: none is left. Memory that is taken for the first time is zero. */
static inline void *
tcp_pool_take(struct tcp_pool *pool)
{
	struct tcp_piece *taken = pool->free;

	if (__builtin_expect(taken != NULL, 1)) {
		pool->free = taken->next;
	} else if (pool->fresh != pool->end) {
		taken = (struct tcp_piece *)(void *)pool->fresh;
		pool->fresh += pool->piece;
	} else {
		return NULL;
	}
	pool->free_count--;
	return taken;
}

static inline void
tcp_pool_give(struct tcp_pool *pool, void *piece)
{
	struct tcp_piece *given = piece;

	given->next = pool->free;
	pool->free = given;
	pool->free_count++;
}

#endif
