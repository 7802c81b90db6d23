/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/segment.h"

#include <string.h>

#include "dataplane/store/evict.h"

enum {
	RENEWED_SHARE = 4, /* renewals to new items, one to so many */
};

static void
segment_hand_over(struct writer *writer, uint32_t number)
{
	struct segment *segment = &writer->heap->segment[number];
	uint64_t tail = heap_segment_size(writer->heap) - segment->used;

	counter_add(&writer->tally.bytes_slack, tail);
	heap_set_refill(writer->heap, number, segment->refill);
	heap_hand_over(writer->heap, number, SEGMENT_SEALED);
}

/*
 * Whether new versions may lie where dead ones did, in this segment and the next. A segment should expire as
 * a whole, which renewing some of its items there puts off: that is worth it where many are renewed, and
 * would be left behind dead (docs/decisions/004-places.md).
 */
static bool
class_refills(struct writer *writer, unsigned int class)
{
	struct demand *demand = &writer->demand[class_kind(class)];

	demand->refills = demand->renewed > demand->added / RENEWED_SHARE ||
			  writer->open[class].expiry == UINT64_MAX ||
			  class_kind(class) == QUEUE_MAIN;
	demand->added /= 2;
	demand->renewed /= 2;
	return demand->refills;
}

/* Closes the class's open segment, if there is one. It stays ours while values arrive in it. */
static void
writer_seal(struct writer *writer, unsigned int class)
{
	struct open_segment *open = &writer->open[class];
	struct segment *segment = &writer->heap->segment[open->segment];

	if (open->segment == SEGMENT_NONE)
		return;
	segment->used = (uint32_t)(open->next - heap_offset(writer->heap, open->segment));
	heap_extend(writer->heap, open->segment, open->expiry);
	segment->refill |= class_refills(writer, class);
	if (segment->reservations == 0)
		segment_hand_over(writer, open->segment);
	memset(open, 0, sizeof(*open));
}

static uint64_t
mark_due(const struct moment *moment)
{
	return moment->clock + (AGE_TICKS << 1);
}

bool
writer_turn_over(struct writer *writer, unsigned int class, uint32_t size,
		 const struct moment *moment)
{
	struct heap *heap = writer->heap;
	struct open_segment *open = &writer->open[class];
	struct segment *segment;
	uint32_t number;
	uint64_t stamp;

	writer_seal(writer, class);
	number = heap_take(heap, SEGMENT_OPEN);
	if (number == SEGMENT_NONE) {
		evict_urgently(writer, moment);
		/* which may have opened one for its copies */
		if (open_has_room(open, size, moment))
			return true;
		writer_seal(writer, class);
		number = heap_take(heap, SEGMENT_OPEN);
	}
	if (number == SEGMENT_NONE)
		return false;
	if (!writer->evictor.busy)
		/* relaxed: the planner's measure of demand. Copies are none: they fill what eviction frees */
		atomic_fetch_add_explicit(&heap->opened, 1, memory_order_relaxed);
	segment = &heap->segment[number];
	segment->reservations = 0;
	/* relaxed, both: as the stamp, below */
	atomic_store_explicit(&segment->born, clock_tick(moment->clock), memory_order_relaxed);
	atomic_store_explicit(&segment->due, 0, memory_order_relaxed);
	segment->queue = (uint8_t)kind_queue(class_kind(class));
	segment->order = 0;
	segment->clean = false;
	segment->refill = writer->demand[class_kind(class)].refills;
	age_begin(&segment->age);
	stamp = stamp_make(stamp_generation(heap_stamp(heap, number)) + 1, class_kind(class),
			   moment->epoch);
	/* relaxed, both: published with the slots of the items that will lie here */
	atomic_store_explicit(&heap->expiry[number], 0, memory_order_relaxed);
	atomic_store_explicit(&heap->stamp[number], stamp, memory_order_relaxed);
	heap_set_refill(heap, number, segment->refill);
	*open = (struct open_segment){
		.next = heap_offset(heap, number),
		.end = heap_offset(heap, number) + heap_segment_size(heap),
		.mark_due = mark_due(moment),
		.segment = number,
		.epoch = moment->epoch,
	};
	return true;
}

void
writer_mark_age(struct writer *writer, unsigned int class, const struct moment *moment)
{
	struct open_segment *open = &writer->open[class];
	struct segment *segment = &writer->heap->segment[open->segment];
	uint64_t place = (open->next - heap_offset(writer->heap, open->segment)) / ITEM_ALIGNMENT;

	age_mark(&segment->age, counter_read(&segment->born), place, clock_tick(moment->clock));
	open->mark_due = mark_due(moment);
}

void
writer_give_back(struct writer *writer, uint64_t location, uint32_t size)
{
	for (unsigned int class = 0; class < CLASSES; class ++) {
		struct open_segment *open = &writer->open[class];

		if (open->segment != SEGMENT_NONE &&
		    location * ITEM_ALIGNMENT + size == open->next) {
			open->next -= size;
			return;
		}
	}
	writer_discard(writer, location, size);
}

void
writer_hold(struct writer *writer, uint32_t number)
{
	writer->heap->segment[number].reservations++;
}

static bool
writer_fills(const struct writer *writer, uint32_t number)
{
	for (unsigned int class = 0; class < CLASSES; class ++)
		if (writer->open[class].segment == number)
			return true;
	return false;
}

void
writer_release(struct writer *writer, uint32_t number)
{
	if (--writer->heap->segment[number].reservations == 0 && !writer_fills(writer, number))
		segment_hand_over(writer, number);
}

void
writer_seal_all(struct writer *writer)
{
	for (unsigned int class = 0; class < CLASSES; class ++)
		writer_seal(writer, class);
}
