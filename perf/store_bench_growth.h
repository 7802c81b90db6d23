/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store_bench_growth.h - the run in which the store grows: every operation is timed alone, and of each
 * that took over 100 us it is told what was being done and what the kernel knows of the time.
 *
 * Only a SET at a bucket that is being split does any of the growth's work (dataplane/store/index_grow.c),
 * so these are a class of their own. Two more classes are no operations at all: a loop that reads
 * the cycle counter, and one that touches memory which nobody else does. They take turns of some
 * microseconds with the operations, while the janitor works as it does beside those, so
 * what the machine does to any thread shows in them, a second of their time, as it does in operations.
 */
#ifndef JACKDAW_PERF_STORE_BENCH_GROWTH_H
#define JACKDAW_PERF_STORE_BENCH_GROWTH_H

#include <stdint.h>

enum growth_class {
	GROWTH_GET,
	GROWTH_SET,
	GROWTH_SPLIT_GET, /* GETs and */
	GROWTH_SPLIT_SET, /* SETs of a bucket that is being split */
	GROWTH_LOOP,
	GROWTH_TOUCH,
	GROWTH_CLASSES,
};

/* One class's time, and its stalls: pieces of over 100 us. */
struct growth_times {
	uint64_t count;	  /* operations; rounds of a loop */
	uint64_t ticks;	  /* of the cycle counter, in all */
	uint64_t longest; /* ticks */
	/* stalls, each counted once, by the first that is true */
	uint64_t faulted;     /* page faults */
	uint64_t descheduled; /* another thread had the CPU */
	uint64_t stolen;      /* the thread's CPU time lacks it: the hypervisor had the CPU */
	uint64_t own; /* on its CPU: interrupts, exits the hypervisor doesn't own up to, work */
	uint64_t longest_own_ns;
};

struct growth_report {
	struct growth_times of[GROWTH_CLASSES];
};

struct store_worker;
struct trial_plan;
struct trial_tally;

/* Stores the keys of the plan's ranks [first, items), each followed by reads of some there already. */
void growth_run(struct store_worker *worker, const struct trial_plan *plan, uint8_t *value,
		struct trial_tally *tally);

void growth_report_print(const struct growth_report *report);

#endif
