/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which segments the heap hands out: each one once, none over the limit, whatever the limit does
 * meanwhile. The heap's own source is part of this program, so that something can be made to happen
 * right behind any of its looks at a counter.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/store/heap.h"
#include "dataplane/store/tally.h"
#include "tests/suite.h"

/* What happens behind the next look at the heap's end; NULL: nothing. Once. */
static void (*meanwhile)(struct heap *heap);
static struct heap *watched;

static uint32_t
read_and_then(const _Atomic uint32_t *counter)
{
	uint32_t value = counter_read32(counter);
	void (*what)(struct heap *) = meanwhile;

	if (what != NULL && counter == &watched->end) {
		meanwhile = NULL;
		what(watched);
	}
	return value;
}

#define counter_read32 read_and_then
#include "dataplane/store/heap.c" /* NOLINT(bugprone-suspicious-include): with the look replaced */
#undef counter_read32

enum {
	SHIFT = SEGMENT_SHIFT_MIN,
	SEGMENT = 1 << SHIFT,
	MAPPED = 64, /* segments */
	LIMIT = 32,  /* of those, in use at first */
	THREADS = 4,
};

static void
heap_open(struct heap *heap)
{
	uint64_t rest;

	CU_ASSERT_EQUAL_FATAL(heap_map(heap, LIMIT * SEGMENT, MAPPED * SEGMENT, SHIFT, -1, false),
			      0);
	heap_ready(heap, &rest);
	watched = heap;
}

static uint32_t
take(struct heap *heap)
{
	return heap_take(heap, SEGMENT_OPEN);
}

static void
fresh_ones_come_in_order_up_to_the_limit(void)
{
	struct heap heap;

	heap_open(&heap);
	CU_ASSERT_EQUAL(heap_available(&heap), LIMIT - heap.first);
	for (uint32_t i = heap.first; i < LIMIT; i++)
		CU_ASSERT_EQUAL(take(&heap), i);
	CU_ASSERT_EQUAL(heap_available(&heap), 0);
	CU_ASSERT_EQUAL(take(&heap), SEGMENT_NONE);
	CU_ASSERT_EQUAL(take(&heap), SEGMENT_NONE);
	CU_ASSERT(heap_grow(&heap));
	CU_ASSERT_EQUAL(take(&heap), LIMIT);
	CU_ASSERT_EQUAL(take(&heap), SEGMENT_NONE);
	heap_unmap(&heap);
}

static void
grow_once(struct heap *heap)
{
	heap_grow(heap);
}

/* The limit rises right behind a look at it: what it then allows must be taken like any other. */
static void
none_comes_twice_when_the_limit_rises_meanwhile(void)
{
	struct heap heap;
	bool seen[MAPPED] = {false};
	uint32_t segment, twice = 0, taken = 0;

	heap_open(&heap);
	do {
		meanwhile = heap_available(&heap) <= 1 ? grow_once : NULL;
		segment = take(&heap);
		if (segment == SEGMENT_NONE && heap_available(&heap) != 0)
			segment = take(&heap);
		if (segment == SEGMENT_NONE)
			break;
		twice += seen[segment];
		seen[segment] = true;
		taken++;
	} while (taken < 2 * MAPPED);
	meanwhile = NULL;
	CU_ASSERT_EQUAL(twice, 0);
	CU_ASSERT_EQUAL(taken, MAPPED - heap.first);
	CU_ASSERT(!heap_grow(&heap));
	heap_unmap(&heap);
}

/* The same where the taker has found nothing: the segment must not be given and stay fresh as well. */
static void
none_is_given_that_was_not_taken(void)
{
	struct heap heap;
	uint32_t first, second;

	heap_open(&heap);
	while (heap_available(&heap) != 0)
		take(&heap);
	meanwhile = grow_once;
	first = take(&heap);
	CU_ASSERT(meanwhile == NULL); /* it has happened */
	second = take(&heap);
	CU_ASSERT(first == SEGMENT_NONE || first != second);
	CU_ASSERT_EQUAL((first != SEGMENT_NONE) + (second != SEGMENT_NONE), 1);
	CU_ASSERT_EQUAL(heap_available(&heap), 0);
	heap_unmap(&heap);
}

static uint32_t stolen;

static void
another_takes(struct heap *heap)
{
	stolen = take(heap);
}

/* Another thread takes the last one between our look at the end and our exchange. */
static void
the_last_one_goes_to_one_of_two(void)
{
	struct heap heap;

	heap_open(&heap);
	while (heap_available(&heap) > 1)
		take(&heap);
	meanwhile = another_takes;
	CU_ASSERT_EQUAL(take(&heap), SEGMENT_NONE);
	CU_ASSERT_EQUAL(stolen, LIMIT - 1);
	heap_unmap(&heap);
}

static void
used_ones_come_before_fresh_ones(void)
{
	struct heap heap;
	uint32_t a, b;

	heap_open(&heap);
	a = take(&heap);
	b = take(&heap);
	heap_give(&heap, a);
	heap_give(&heap, b);
	CU_ASSERT_EQUAL(heap_available(&heap), LIMIT - heap.first);
	CU_ASSERT_EQUAL(take(&heap), b);
	CU_ASSERT_EQUAL(take(&heap), a);
	CU_ASSERT_EQUAL(take(&heap), b + 1);
	heap_unmap(&heap);
}

/* A fresh one that is getting its pages is out of reach until it has them all. */
static void
a_populated_one_is_free_when_it_is_done(void)
{
	struct heap heap;
	uint32_t before, fresh;
	unsigned int steps = 0;

	heap_open(&heap);
	before = heap_available(&heap);
	fresh = counter_read32(&heap.fresh);
	do {
		CU_ASSERT_FATAL(heap_populate(&heap) && ++steps < 1000);
	} while (counter_read32(&heap.free_count) == 0);
	CU_ASSERT_EQUAL(counter_read32(&heap.fresh), fresh + 1);
	CU_ASSERT_EQUAL(heap_available(&heap), before);
	CU_ASSERT_EQUAL(take(&heap), fresh);
	while (heap_available(&heap) != 0)
		take(&heap);
	CU_ASSERT(!heap_populate(&heap));
	heap_unmap(&heap);
}

/* What is given up is zeroed, out of reach, and the first to come back. */
static void
what_is_given_up_comes_back_empty(void)
{
	struct heap heap;
	uint32_t segment;
	uint8_t *bytes;

	heap_open(&heap);
	segment = take(&heap);
	bytes = heap.base + heap_offset(&heap, segment);
	memset(bytes, 0xff, SEGMENT);
	heap_give(&heap, segment);
	CU_ASSERT(heap_shrink(&heap));
	CU_ASSERT_EQUAL(heap_usable(&heap), LIMIT - 1);
	CU_ASSERT_EQUAL(bytes[0] + bytes[SEGMENT - 1], 0);
	CU_ASSERT_EQUAL(heap_available(&heap), LIMIT - heap.first - 1);
	CU_ASSERT(heap_grow(&heap));
	CU_ASSERT_EQUAL(heap_usable(&heap), LIMIT);
	CU_ASSERT_EQUAL(take(&heap), segment);
	heap_unmap(&heap);
}

/* --- with threads -------------------------------------------------------------------------- */

struct taker {
	struct heap *heap;
	atomic_bool *grown; /* to its full size */
	_Atomic uint32_t *times;
	pthread_t thread;
};

static void *
taker_run(void *argument)
{
	struct taker *taker = argument;
	uint32_t segment;
	bool last;

	do {
		last = atomic_load(taker->grown);
		while ((segment = take(taker->heap)) != SEGMENT_NONE)
			atomic_fetch_add(&taker->times[segment], 1);
	} while (!last);
	return NULL;
}

static void
each_is_taken_once_by_many_while_the_limit_rises(void)
{
	enum {
		ROUNDS = 200,
	};
	uint32_t wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		_Atomic uint32_t times[MAPPED] = {0};
		struct taker takers[THREADS];
		atomic_bool grown = false;
		struct heap heap;

		heap_open(&heap);
		for (int i = 0; i < THREADS; i++) {
			takers[i] = (struct taker){.heap = &heap, .grown = &grown, .times = times};
			pthread_create(&takers[i].thread, NULL, taker_run, &takers[i]);
		}
		while (heap_grow(&heap))
			;
		atomic_store(&grown, true);
		for (int i = 0; i < THREADS; i++)
			pthread_join(takers[i].thread, NULL);
		for (uint32_t i = 0; i < MAPPED; i++)
			wrong += times[i] != (i >= heap.first);
		heap_unmap(&heap);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

SUITE("store heap", TEST(fresh_ones_come_in_order_up_to_the_limit),
      TEST(none_comes_twice_when_the_limit_rises_meanwhile), TEST(none_is_given_that_was_not_taken),
      TEST(the_last_one_goes_to_one_of_two), TEST(used_ones_come_before_fresh_ones),
      TEST(a_populated_one_is_free_when_it_is_done), TEST(what_is_given_up_comes_back_empty),
      TEST(each_is_taken_once_by_many_while_the_limit_rises))
