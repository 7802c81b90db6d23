/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * history.h - records what threads did to a few keys, and decides whether it was linearizable.
 *
 * Every value written is unique, so a key's history falls into clusters, one a value: its write and
 * all operations that saw it. A cluster's zone reaches from the first end of an operation in it to
 * the last beginning. If that is forward in time, the key must have held the value all through it.
 * A history of a register is linearizable if and only if no two forward zones overlap and no backward
 * zone lies within a forward one (Gibbons and Korach, "Testing shared memories", SIAM Journal on
 * Computing, 1997, section 4.2). A cache may forget at any time but must not remember
 * again, so each miss and each delete is a cluster of its own.
 */
#ifndef JACKDAW_TESTS_STORE_HISTORY_H
#define JACKDAW_TESTS_STORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

/* One sight of a value: written, or read. Value 0: the key was absent. */
struct sight {
	uint64_t value;
	uint64_t begin, end;
	uint32_t key;
};

/* One thread's record. */
struct history {
	struct sight *sight;
	size_t count, room;
};

/* The present; no operation before it is still to come, none after it has begun. */
static inline uint64_t
history_now(void)
{
	unsigned int core;
	uint64_t now;

	_mm_mfence();
	_mm_lfence();
	now = __rdtscp(&core);
	_mm_lfence();
	return now;
}

static inline void
history_note(struct history *history, uint32_t key, uint64_t value, uint64_t begin, uint64_t end)
{
	if (history->count == history->room) {
		history->room = history->room != 0 ? 2 * history->room : 1 << 16;
		history->sight = realloc(history->sight, history->room * sizeof(history->sight[0]));
	}
	history->sight[history->count++] =
		(struct sight){.key = key, .value = value, .begin = begin, .end = end};
}

struct zone {
	uint64_t start, finish; /* first end, last beginning */
	bool forward;
};

static inline int
sight_compare(const void *left, const void *right)
{
	const struct sight *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->begin < b->begin ? -1 : a->begin > b->begin;
}

static inline int
zone_compare(const void *left, const void *right)
{
	const struct zone *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* Zones of one key: forward ones first in time must not touch, nor contain a backward one. */
static inline size_t
history_check_zones(struct zone *zones, size_t count)
{
	size_t forward = 0, violations = 0;

	for (size_t i = 0; i < count; i++) {
		if (zones[i].forward) {
			struct zone zone = zones[forward];

			zones[forward++] = zones[i];
			zones[i] = zone;
		}
	}
	qsort(zones, forward, sizeof(zones[0]), zone_compare);
	for (size_t i = 1; i < forward; i++)
		violations += zones[i].start < zones[i - 1].finish;
	for (size_t i = forward; i < count; i++) {
		size_t low = 0, high = forward;

		/* the last forward zone that starts before this one */
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (zones[middle].start < zones[i].start)
				low = middle + 1;
			else
				high = middle;
		}
		violations += low != 0 && zones[i].finish < zones[low - 1].finish;
	}
	return violations;
}

/* Joins the threads' records and counts the violations. */
static inline size_t
history_check(struct history *histories, unsigned int threads)
{
	struct history all = {.count = 0};
	struct zone *zones;
	size_t violations = 0;

	for (unsigned int t = 0; t < threads; t++)
		for (size_t i = 0; i < histories[t].count; i++) {
			const struct sight *sight = &histories[t].sight[i];

			history_note(&all, sight->key, sight->value, sight->begin, sight->end);
		}
	qsort(all.sight, all.count, sizeof(all.sight[0]), sight_compare);
	zones = malloc((all.count + 1) * sizeof(zones[0]));
	for (size_t i = 0; i < all.count;) {
		uint32_t key = all.sight[i].key;
		size_t count = 0;

		while (i < all.count && all.sight[i].key == key) {
			uint64_t value = all.sight[i].value;
			uint64_t end = all.sight[i].end, begin = all.sight[i].begin;

			for (i++; value != 0 && i < all.count && all.sight[i].key == key &&
				  all.sight[i].value == value;
			     i++) {
				end = all.sight[i].end < end ? all.sight[i].end : end;
				begin = all.sight[i].begin > begin ? all.sight[i].begin : begin;
			}
			zones[count++] = (struct zone){
				.start = end < begin ? end : begin,
				.finish = end < begin ? begin : end,
				.forward = end < begin,
			};
		}
		violations += history_check_zones(zones, count);
	}
	free(zones);
	free(all.sight);
	return violations;
}

#endif
