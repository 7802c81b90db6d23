/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * time_queue.h - what happens next: a binary heap of (time, number) pairs, those of one time in the
 * order in which they were put in. Memory is the caller's.
 */
#ifndef JACKDAW_PERF_TIME_QUEUE_H
#define JACKDAW_PERF_TIME_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct time_entry {
	uint64_t time;
	uint64_t order;
	uint32_t number;
};

struct time_queue {
	struct time_entry *entries;
	uint32_t count, room;
	uint64_t order;
};

static inline bool
time_entry_before(const struct time_entry *a, const struct time_entry *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

/* False: it is full. */
static inline bool
time_queue_put(struct time_queue *queue, uint64_t time, uint32_t number)
{
	struct time_entry entry = {.time = time, .order = queue->order, .number = number};
	uint32_t at = queue->count;

	if (at == queue->room)
		return false;
	queue->order++;
	queue->count++;
	for (; at > 0 && time_entry_before(&entry, &queue->entries[(at - 1) / 2]);
	     at = (at - 1) / 2)
		queue->entries[at] = queue->entries[(at - 1) / 2];
	queue->entries[at] = entry;
	return true;
}

/* When the first is due; UINT64_MAX: there is none. */
static inline uint64_t
time_queue_next(const struct time_queue *queue)
{
	return queue->count == 0 ? UINT64_MAX : queue->entries[0].time;
}

/* Takes the first, which must be there. */
static inline uint32_t
time_queue_take(struct time_queue *queue)
{
	uint32_t number = queue->entries[0].number, at = 0, child;
	struct time_entry last = queue->entries[--queue->count];

	while ((child = 2 * at + 1) < queue->count) {
		if (child + 1 < queue->count &&
		    time_entry_before(&queue->entries[child + 1], &queue->entries[child]))
			child++;
		if (!time_entry_before(&queue->entries[child], &last))
			break;
		queue->entries[at] = queue->entries[child];
		at = child;
	}
	queue->entries[at] = last;
	return number;
}

#endif
