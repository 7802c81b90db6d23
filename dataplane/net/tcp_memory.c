/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/tcp_memory.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	TCP_MEMORY_PREFERRED =
		1, /* MPOL_PREFERRED of set_mempolicy(2): another node's is better than none */
	TCP_MEMORY_NODES = 1024,
	TCP_MEMORY_LARGE = 32 << 20, /* bytes from which on huge pages are worth their zeroing */
};

void *
tcp_memory_reserve(size_t size, int node)
{
	unsigned long nodes[TCP_MEMORY_NODES / (sizeof(long) * CHAR_BIT)] = {0};
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (size >= TCP_MEMORY_LARGE)
		madvise(memory, size, MADV_HUGEPAGE);
	if (node >= 0 && node < TCP_MEMORY_NODES) {
		nodes[(size_t)node / (sizeof(long) * CHAR_BIT)] |=
			1ul << ((size_t)node % (sizeof(long) * CHAR_BIT));
		/* a kernel without NUMA refuses, and has but one place to take it from */
		syscall(SYS_mbind, memory, size, TCP_MEMORY_PREFERRED, nodes,
			(unsigned long)TCP_MEMORY_NODES, 0);
	}
	return memory;
}

void
tcp_memory_release(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, size);
}

int
tcp_pool_create(struct tcp_pool *pool, size_t piece, size_t count, int node)
{
	memset(pool, 0, sizeof(*pool));
	pool->memory = tcp_memory_reserve(piece * count + 1, node);
	if (pool->memory == NULL)
		return -ENOMEM;
	pool->fresh = pool->memory;
	pool->end = pool->memory + piece * count;
	pool->piece = piece;
	pool->free_count = count;
	return 0;
}

void
tcp_pool_destroy(struct tcp_pool *pool)
{
	if (pool->memory != NULL)
		tcp_memory_release(pool->memory, (size_t)(pool->end - pool->memory) + 1);
}
