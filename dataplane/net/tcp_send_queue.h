/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_send_queue.h - the bytes of a connection from snd_una to the last one queued: spans in buffers
 * of one pool, or pinned where they lie. A segment is copied out of them each time it is sent: what
 * was handed to a port is the port's.
 *
 *     first                        unsent                   last
 *     span ──────▶ span ─────────▶ span ─────────▶ span ◀── write_end() extends it
 *      │            │               │                │
 *      buffer       pinned item     buffer ──────────┘      a buffer goes when no span needs it
 */
#ifndef JACKDAW_TCP_SEND_QUEUE_H
#define JACKDAW_TCP_SEND_QUEUE_H

#include <rte_common.h>
#include <rte_prefetch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/tcp.h"
#include "dataplane/net/tcp_memory.h"

/* Ahead of its bytes, so that buffers don't all begin in the same sets of the cache. */
struct tcp_buffer {
	struct tcp_buffer *next;
	uint16_t references;
	uint16_t used;
	uint8_t bytes[] __rte_aligned(64);
};

struct tcp_span {
	const uint8_t *bytes;
	struct tcp_span *next;
	struct tcp_buffer *buffer; /* NULL: pinned */
	uint32_t begin;		   /* sequence number */
	uint32_t length;
	uint32_t pin;
};

/* What all connections of a worker share. */
struct tcp_buffers {
	struct tcp_pool buffers, spans;
	struct tcp_buffer *later; /* to be given back with the flush */
	uint64_t *used;		  /* the statistic: bytes of buffers in use */
	const struct tcp_owner *owner;
};

struct tcp_queue {
	struct tcp_span *first, *last;
	struct tcp_span *unsent;   /* the first span with bytes that were never sent, or near it */
	struct tcp_buffer *buffer; /* with room for more */
	struct tcp_span *reserved; /* for what is being written */
	uint32_t end;		   /* past the last byte queued */
};

int buffers_create(struct tcp_buffers *buffers, uint64_t bytes, uint64_t *used,
		   const struct tcp_owner *owner, int node);
void buffers_destroy(struct tcp_buffers *buffers);

/* NULL: the budget is used up. The caller has the one reference. */
struct tcp_buffer *buffers_take(struct tcp_buffers *buffers);

/* One reference less. */
void buffers_give(struct tcp_buffers *buffers, struct tcp_buffer *buffer);

/* Gives back what was given to be so later. */
void buffers_settle(struct tcp_buffers *buffers);

/* An empty queue whose first byte will be `sequence`. */
void queue_begin(struct tcp_queue *queue, uint32_t sequence);

/* As tcp_write_begin, tcp_write_end (which tells how much was added) and tcp_send_pinned. */
uint8_t *queue_write_begin(struct tcp_buffers *buffers, struct tcp_queue *queue, uint8_t **limit);
uint32_t queue_write_end(struct tcp_buffers *buffers, struct tcp_queue *queue, const uint8_t *end);
int queue_pin(struct tcp_buffers *buffers, struct tcp_queue *queue, const uint8_t *bytes,
	      uint32_t length, uint32_t pin);

/* Asks for what queue_acknowledge will need. */
static inline void
queue_prefetch(const struct tcp_queue *queue)
{
	rte_prefetch1(queue->first);
	rte_prefetch1(queue->buffer);
}

/* Where these bytes lie, which were never sent, if they do so in one piece; else NULL. */
static inline const uint8_t *
queue_run(const struct tcp_queue *queue, uint32_t sequence, uint32_t length)
{
	const struct tcp_span *span = queue->unsent;
	uint32_t offset = sequence - span->begin;

	return offset < span->length && length <= span->length - offset ? span->bytes + offset
									: NULL;
}

/* Copies bytes [sequence, sequence + length), which are queued, to `to`. */
void queue_copy(struct tcp_queue *queue, uint32_t sequence, uint32_t length, uint8_t *to);

/* Everything before `sequence` is acknowledged. */
void queue_acknowledge(struct tcp_buffers *buffers, struct tcp_queue *queue, uint32_t sequence);

/* Lets go of everything. */
void queue_drop(struct tcp_buffers *buffers, struct tcp_queue *queue);

#endif
