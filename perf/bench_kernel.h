/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_kernel.h - what the two transports over the kernel's sockets share: the thread, the clock,
 * the loop around epoll. The clock's tick is a nanosecond. Private to bench_kernel*.c.
 *
 *     turn:  epoll_wait ─▶ receive from ready sockets ─▶ what is due ─▶ flush sockets written to
 *
 * Connection c has the slots c * depth .. (c + 1) * depth - 1.
 */
#ifndef JACKDAW_PERF_BENCH_KERNEL_H
#define JACKDAW_PERF_BENCH_KERNEL_H

#include <netinet/in.h>
#include <pthread.h>

#include "perf/bench_client.h"

struct kernel;

/* What differs. Both return 0 or negative errno with client->error. */
struct kernel_ops {
	/* Takes what has arrived on a connection; a closed loop asks on. */
	int (*receive)(struct kernel *kernel, unsigned int connection, uint64_t now);
	/* Queues the slot's message, which has been drawn. */
	void (*send)(struct kernel *kernel, unsigned int slot, uint64_t now);
	/* Hands what is queued to the kernel. */
	int (*flush)(struct kernel *kernel, unsigned int connection);
};

struct kernel {
	struct client *client;
	const struct kernel_ops *ops;
	void *own; /* of the transport: one struct a connection, or one for all */
	pthread_t thread;
	int epoll;
	unsigned int connections, depth;
	int *sockets;
	bool *dirty; /* [connections]: has something queued */
	unsigned int dirty_count;
	unsigned int *dirty_list;
	bool resends; /* what is lost is for us to send again */
};

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t kernel_now(void);

/*
 * Makes client->wire with one connected socket a connection (type: SOCK_DGRAM, SOCK_STREAM) and the
 * flight, whose messages have at most `room` bytes. 0 or negative errno with client->error.
 */
int kernel_open(struct client *client, const struct kernel_ops *ops, int type, uint32_t room);
void kernel_close(struct client *client);

int kernel_start(struct client *client);
int kernel_join(struct client *client);
int kernel_run(struct client *client);

/* transport.connect: the server answers `version`. */
int kernel_connect(struct client *client);

/* A slot's message was answered: a closed loop draws the next and sends it, else the slot is free. */
void kernel_answered(struct kernel *kernel, unsigned int slot, uint64_t now);

static inline void
kernel_mark_dirty(struct kernel *kernel, unsigned int connection)
{
	if (!kernel->dirty[connection]) {
		kernel->dirty[connection] = true;
		kernel->dirty_list[kernel->dirty_count++] = connection;
	}
}

#endif
