/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * byte_ring.h - bytes from one thread to another, in order, without a lock: one producer, one
 * consumer, and what does not fit is refused whole.
 *
 *     bytes:  [....####################......]
 *                  ▲ head, the consumer's     ▲ tail, the producer's; both only grow
 */
#ifndef JACKDAW_BYTE_RING_H
#define JACKDAW_BYTE_RING_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct byte_ring {
	uint8_t *bytes;
	size_t size; /* a power of two */
	_Alignas(64) _Atomic size_t head;
	_Alignas(64) _Atomic size_t tail;
};

/* Of zeroed memory, whose pages cost nothing before they are used. 0 or -ENOMEM. */
static inline int
byte_ring_create(struct byte_ring *ring, size_t size)
{
	ring->bytes = calloc(1, size);
	ring->size = size;
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);
	return ring->bytes == NULL ? -ENOMEM : 0;
}

static inline void
byte_ring_destroy(struct byte_ring *ring)
{
	free(ring->bytes);
	ring->bytes = NULL;
}

/* --- the producer --------------------------------------------------------------------------- */

/* Bytes that fit now. */
static inline size_t
byte_ring_room(const struct byte_ring *ring)
{
	/* acquire: the consumer's reads of what is overwritten are over; pairs with byte_ring_take */
	return ring->size - (atomic_load_explicit(&ring->tail, memory_order_relaxed) -
			     atomic_load_explicit(&ring->head, memory_order_acquire));
}

static inline void
byte_ring_copy_in(struct byte_ring *ring, size_t at, const void *bytes, size_t length)
{
	size_t start = at & (ring->size - 1), first = ring->size - start;

	if (first > length)
		first = length;
	memcpy(ring->bytes + start, bytes, first);
	memcpy(ring->bytes, (const uint8_t *)bytes + first, length - first);
}

/* Adds `head` and `rest` behind it, both or neither: there must be room for them. */
static inline void
byte_ring_put(struct byte_ring *ring, const void *head, size_t head_length, const void *rest,
	      size_t rest_length)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed); /* ours */

	byte_ring_copy_in(ring, tail, head, head_length);
	byte_ring_copy_in(ring, tail + head_length, rest, rest_length);
	/* release: whoever sees the tail sees the bytes; pairs with byte_ring_used */
	atomic_store_explicit(&ring->tail, tail + head_length + rest_length, memory_order_release);
}

/* --- the consumer --------------------------------------------------------------------------- */

static inline size_t
byte_ring_used(const struct byte_ring *ring)
{
	/* acquire: pairs with byte_ring_put */
	return atomic_load_explicit(&ring->tail, memory_order_acquire) -
	       atomic_load_explicit(&ring->head, memory_order_relaxed);
}

/* Copies `length` of the bytes that are there, `offset` behind the first; they stay. */
static inline void
byte_ring_peek(const struct byte_ring *ring, size_t offset, void *bytes, size_t length)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed); /* ours */
	size_t start = (head + offset) & (ring->size - 1), first = ring->size - start;

	if (first > length)
		first = length;
	memcpy(bytes, ring->bytes + start, first);
	memcpy((uint8_t *)bytes + first, ring->bytes, length - first);
}

/* The first bytes that lie together, at most `most`: how many, 0 if there are none. */
static inline size_t
byte_ring_span(const struct byte_ring *ring, const uint8_t **bytes, size_t most)
{
	size_t start = atomic_load_explicit(&ring->head, memory_order_relaxed) & (ring->size - 1);
	size_t used = byte_ring_used(ring), length = ring->size - start;

	*bytes = ring->bytes + start;
	if (length > used)
		length = used;
	return length < most ? length : most;
}

/* Done with the first `length` bytes. */
static inline void
byte_ring_take(struct byte_ring *ring, size_t length)
{
	/* release: our reads are over before the producer writes there; pairs with byte_ring_room */
	atomic_store_explicit(&ring->head,
			      atomic_load_explicit(&ring->head, memory_order_relaxed) + length,
			      memory_order_release);
}

/* Forgets all that is there. */
static inline void
byte_ring_clear(struct byte_ring *ring)
{
	byte_ring_take(ring, byte_ring_used(ring));
}

#endif
