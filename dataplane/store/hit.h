/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hit.h - what an operation tells of the item it found, and who wins the right to refresh one.
 */
#ifndef JACKDAW_STORE_HIT_H
#define JACKDAW_STORE_HIT_H

#include "dataplane/store/shard.h"

enum {
	HIT_OPTIONS = STORE_FETCHED | STORE_STALE | STORE_TOKEN_SENT | STORE_BINARY_KEY,
};

/* Seconds, at most, since the item was stored: reads write nothing that a time could be told by. */
static inline uint32_t
hit_idle(const struct heap *heap, uint64_t location, const struct moment *moment)
{
	uint32_t number = heap_segment_of(heap, location);
	const struct segment *segment = &heap->segment[number];
	uint64_t place = location - heap_offset(heap, number) / ITEM_ALIGNMENT;
	uint64_t now = clock_tick(moment->clock);
	uint64_t stored = age_tick(&segment->age, counter_read(&segment->born), place);

	/* who stored it may have read the clock after us */
	return stored < now ? (uint32_t)((now - stored) / CLOCK_TICKS) : 0;
}

/* Fills op's out part from a live item, whose slot held `word`; DETAILS: its age as well. */
static inline void
hit_fill(struct store_op *op, const struct heap *heap, uint64_t word, const struct moment *moment)
{
	uint64_t location = slot_location(word);
	const struct item *item = heap_item(heap, location);
	uint8_t marks = item_marks(item);

	op->item_key = item_key(item);
	op->value = item_value(item);
	op->value_length = item_value_length(item);
	op->flags = item_flags(item);
	op->cas = item_unique(heap, item, location);
	op->ttl_before = op->ttl = clock_left(item_expiry(item), moment->clock);
	if ((op->options & STORE_DETAILS) != 0)
		op->idle = hit_idle(heap, location, moment);
	op->options &= ~(uint32_t)HIT_OPTIONS;
	if ((word & SLOT_FETCHED) != 0)
		op->options |= STORE_FETCHED;
	if ((marks & ITEM_STALE) != 0)
		op->options |= STORE_STALE;
	if ((marks & ITEM_TOKEN_SENT) != 0)
		op->options |= STORE_TOKEN_SENT;
	if ((marks & ITEM_BINARY_KEY) != 0)
		op->options |= STORE_BINARY_KEY;
}

/* True if this op, of which hit_fill has been called, wins the item if it marks it now. */
static inline bool
hit_wins(const struct store_op *op)
{
	if ((op->options & STORE_MAY_WIN) == 0 || (op->options & STORE_TOKEN_SENT) != 0)
		return false;
	return (op->options & STORE_STALE) != 0 ||
	       ((op->options & STORE_RECACHE) != 0 && op->ttl_before >= 0 &&
		op->ttl_before < op->recache);
}

#endif
