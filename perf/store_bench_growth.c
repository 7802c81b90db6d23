/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/store_bench_growth.h"

#include <stdio.h>
#include <string.h>
#include <x86intrin.h>

#include "dataplane/store/slot.h"
#include "dataplane/store/store.h"
#include "perf/stall.h"
#include "perf/store_bench.h"

enum {
	READS = 3, /* for each key stored */
	SLOW_NS = 100000,
	TURN = 16,	   /* keys stored between two turns of the loops */
	LOOP_SHARE = 4,	   /* each of which gets a quarter of the operations' time */
	TOUCHED = 1 << 29, /* bytes */
	TOUCHES = 8,	   /* lines in a round */
	LINE = 64,
};

struct growth {
	struct store_worker *worker;
	const struct trial_plan *plan;
	struct trial_tally *tally;
	struct growth_times *times; /* one a class */
	uint8_t *value, *touched;
	struct random random;
	double ticks_per_ns;
	uint64_t slow_ticks;
	uint64_t busy_ticks, loop_ticks; /* of operations, and of either loop */
};

static void
count_piece(struct growth_times *times, uint64_t ticks)
{
	times->count++;
	times->ticks += ticks;
	if (ticks > times->longest)
		times->longest = ticks;
}

/* Counts a stall of that length, of which these are what the kernel said before and after it. */
static void
count_stall(struct growth_times *times, uint64_t ns, const struct stall_witness *before,
	    const struct stall_witness *after)
{
	switch (stall_cause(before, after, ns)) {
	case STALL_FAULT:
		times->faulted++;
		break;
	case STALL_SWITCH:
		times->descheduled++;
		break;
	case STALL_STOLEN:
		times->stolen++;
		break;
	default:
		times->own++;
		if (ns > times->longest_own_ns)
			times->longest_own_ns = ns;
	}
}

/* --- operations ---------------------------------------------------------------------------- */

/* The slow ones of an item's operations. */
struct slow {
	unsigned int count;
	enum growth_class class[1 + READS];
	uint64_t ns[1 + READS];
};

static enum growth_class
class_of(const struct store_op *op)
{
	const struct bucket *bucket = op->place;
	/* relaxed: only to count it */
	uint64_t control = atomic_load_explicit(&bucket->control, memory_order_relaxed);
	bool set = op->verb == STORE_SET;

	if ((control & CONTROL_PENDING) != 0)
		return set ? GROWTH_SPLIT_SET : GROWTH_SPLIT_GET;
	return set ? GROWTH_SET : GROWTH_GET;
}

static void
run_op(struct growth *growth, struct store_op *op, struct slow *slow)
{
	uint64_t start = __rdtsc(), ticks;
	enum growth_class class;

	store_prepare(growth->worker, &op, 1);
	class = class_of(op);
	store_probe(growth->worker, &op, 1);
	store_execute(growth->worker, op);
	store_quiescent(growth->worker);
	ticks = __rdtsc() - start;
	count_piece(&growth->times[class], ticks);
	growth->busy_ticks += ticks;
	growth->tally->ops++;
	histogram_add(&growth->tally->latency->operations,
		      (uint64_t)((double)ticks / growth->ticks_per_ns), 1);
	if (ticks > growth->slow_ticks) {
		slow->class[slow->count] = class;
		slow->ns[slow->count++] = (uint64_t)((double)ticks / growth->ticks_per_ns);
	}
}

/* Stores the key of this rank and reads some that are there. */
static void
grow_by_one(struct growth *growth, uint64_t rank, struct stall_witness *witness)
{
	const struct trial_plan *plan = growth->plan;
	uint8_t key[STORE_KEY_MAX];
	uint64_t head = trial_head(rank);
	struct store_op op = {.key = key,
			      .key_length = plan->key_size,
			      .data = growth->value,
			      .data_length = plan->value_size,
			      .verb = STORE_SET};
	struct slow slow = {.count = 0};
	struct stall_witness before = *witness;

	trial_key(plan, rank, key);
	memcpy(growth->value, &head, plan->value_size < 8 ? plan->value_size : 8);
	run_op(growth, &op, &slow);
	growth->tally->refused += op.status != STORE_OK;
	for (int i = 0; i < READS; i++) {
		op = (struct store_op){.key = key, .key_length = plan->key_size, .verb = STORE_GET};
		trial_key(plan, random_below(&growth->random, rank + 1), key);
		run_op(growth, &op, &slow);
		growth->tally->hits += op.status == STORE_OK;
	}
	*witness = stall_witness_now();
	for (unsigned int i = 0; i < slow.count; i++)
		count_stall(&growth->times[slow.class[i]], slow.ns[i], &before, witness);
}

/* --- what the machine does anyway ----------------------------------------------------------- */

static void
touch(struct growth *growth)
{
	for (int i = 0; i < TOUCHES; i++)
		growth->touched[random_below(&growth->random, TOUCHED / LINE) * LINE]++;
}

/* Does next to nothing for some ticks, and counts the rounds that took too long even so. */
static void
loop_for(struct growth *growth, enum growth_class class, uint64_t ticks)
{
	struct growth_times *times = &growth->times[class];
	struct stall_witness before = stall_witness_now(), after;
	uint64_t start = __rdtsc(), last = start, now;

	do {
		if (class == GROWTH_TOUCH)
			touch(growth);
		now = __rdtsc();
		count_piece(times, now - last);
		if (now - last > growth->slow_ticks) {
			after = stall_witness_now();
			count_stall(times, (uint64_t)((double)(now - last) / growth->ticks_per_ns),
				    &before, &after);
			before = after;
			last = __rdtsc();
		} else {
			last = now;
		}
	} while (now - start < ticks);
}

/* --- the run ------------------------------------------------------------------------------- */

void
growth_run(struct store_worker *worker, const struct trial_plan *plan, uint8_t *value,
	   struct trial_tally *tally)
{
	struct growth growth = {.worker = worker,
				.plan = plan,
				.tally = tally,
				.times = tally->growth.of,
				.value = value,
				.touched = trial_map(TOUCHED, plan->hugepages),
				.ticks_per_ns = trial_ticks_per_ns()};
	struct stall_witness witness;

	growth.slow_ticks = (uint64_t)(SLOW_NS * growth.ticks_per_ns);
	random_seed(&growth.random, 99);
	store_online(worker);
	witness = stall_witness_now();
	for (uint64_t rank = plan->first; rank < plan->items; rank++) {
		grow_by_one(&growth, rank, &witness);
		if (rank % TURN == 0 && growth.busy_ticks / LOOP_SHARE > growth.loop_ticks) {
			uint64_t ticks = growth.busy_ticks / LOOP_SHARE - growth.loop_ticks;

			loop_for(&growth, GROWTH_LOOP, ticks);
			loop_for(&growth, GROWTH_TOUCH, ticks);
			growth.loop_ticks += ticks;
			witness = stall_witness_now();
		}
	}
	store_offline(worker);
	trial_unmap(growth.touched, TOUCHED, plan->hugepages);
}

void
growth_report_print(const struct growth_report *report)
{
	static const char *const names[GROWTH_CLASSES] = {"GETs",
							  "SETs",
							  "GETs in a split",
							  "SETs in a split",
							  "an empty loop",
							  "a loop on memory"};
	double ticks_per_ns = trial_ticks_per_ns();

	printf("  over 100 us:      %11s %8s %8s %8s %8s %8s %10s %11s %11s\n", "operations",
	       "seconds", "faults", "switches", "stolen", "own", "own a sec.", "longest, us",
	       "own, us");
	for (int i = 0; i < GROWTH_CLASSES; i++) {
		const struct growth_times *t = &report->of[i];
		double seconds = (double)t->ticks / ticks_per_ns / 1e9;

		printf("  %-17s %11lu %8.3f %8lu %8lu %8lu %8lu %10.2f %11.1f %11.1f\n", names[i],
		       t->count, seconds, t->faulted, t->descheduled, t->stolen, t->own,
		       seconds > 0 ? (double)t->own / seconds : 0,
		       (double)t->longest / ticks_per_ns / 1e3, (double)t->longest_own_ns / 1e3);
	}
}
