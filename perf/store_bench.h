/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store_bench.h - what the store's benchmark measures: subjects that hold the same items in the same kind
 * of memory, and answer the same keys, drawn before the clock starts.
 *
 * A subject is created and loaded once, then run as often as wanted, one thread a worker. All of
 * the functions below print what is wrong on stderr and exit where memory or threads are out.
 */
#ifndef JACKDAW_PERF_STORE_BENCH_H
#define JACKDAW_PERF_STORE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/bench_histogram.h"
#include "perf/random.h"
#include "perf/store_bench_growth.h"

enum {
	TRIAL_WORKERS_MAX = 64,
	TRIAL_BATCH_MAX = 64,
	TRIAL_VALUE_MAX = 1 << 20,
};

struct trial_plan {
	uint64_t items; /* ranks, and keys loaded */
	uint8_t key_size;
	uint32_t value_size;
	unsigned int workers;
	unsigned int batch;
	double zipf;	 /* exponent of the keys' popularity; 0: uniform */
	uint64_t ops;	 /* a worker and run */
	uint64_t memory; /* bytes given to the store; 0: what the items need */
	bool hugepages;	 /* take reserved hugepages; else transparent ones */
	bool cpu_time;	 /* rates are per second of the workers' CPU time */
	uint64_t first;	 /* keys already there when a growing run starts */
};

/* The operations of one worker's run, made beforehand. */
struct trial_pool {
	uint8_t *keys;	 /* key_size bytes each */
	uint64_t *heads; /* the value's first 8 bytes, a function of the key */
	uint8_t *sets;	 /* 1: SET, 0: GET; NULL: all GETs */
	size_t count;
	uint64_t heads_sum;
};

/* ns of the operations, each alone, and of what the machine does to pieces of a loop as long as these. */
struct trial_latency {
	struct histogram operations, machine;
};

/* What a worker counted in one run. */
struct trial_tally {
	uint64_t ops, hits, refused;
	uint64_t heads_sum;  /* over the values read */
	uint64_t item_lines; /* cache lines of the items read, where the subject can tell */
	struct trial_latency *latency; /* not NULL: every operation alone is timed */
	struct growth_report growth;   /* of the growing run */
};

struct trial_subject;

struct trial_subject_ops {
	const char *name; /* as in the JSON */
	/* Makes an empty subject for the plan. NULL with a message printed. */
	struct trial_subject *(*create)(const struct trial_plan *plan);
	void (*destroy)(struct trial_subject *subject);
	/* On the worker's own thread, around load and run. */
	void *(*enter)(struct trial_subject *subject, unsigned int worker);
	void (*leave)(void *worker);
	/* Stores the keys of the ranks [from, to). */
	void (*load)(void *worker, uint64_t from, uint64_t to);
	void (*run)(void *worker, const struct trial_pool *pool, struct trial_tally *tally);
	/* Inserts ranks [first, items) while reading those there already; NULL: cannot. */
	void (*grow)(void *worker, struct trial_tally *tally);
};

/* First member of every subject. */
struct trial_subject {
	const struct trial_subject_ops *ops;
	const struct trial_plan *plan;
};

extern const struct trial_subject_ops trial_jackdaw, trial_rte_hash, trial_cds_lfht, trial_bound;

/* --- shared by the subjects ---------------------------------------------------------------- */

/* Bytes of zeroed memory, on hugepages as the plan says. Never NULL. */
void *trial_map(size_t bytes, bool hugepages);
void trial_unmap(void *memory, size_t bytes, bool hugepages);

/* Puts what a library has mapped by itself on transparent hugepages too. */
void trial_collapse_pages(void);

/* The key's text and the value's first 8 bytes, of a rank. */
void trial_key(const struct trial_plan *plan, uint64_t rank, uint8_t *text);

static inline uint64_t
trial_head(uint64_t rank)
{
	return random_mix(rank ^ 0xa0761d6478bd642fu);
}

/* The cycle counter's ticks a nanosecond, measured once. */
double trial_ticks_per_ns(void);

/* Keeps the calling thread off the CPUs of so many workers, where there are others. */
void trial_keep_off(unsigned int workers);

/* --- runs ---------------------------------------------------------------------------------- */

struct trial_run {
	double ops_per_sec;
	double stolen;		  /* share of all CPUs' time that the hypervisor gave to others */
	struct trial_tally tally; /* summed over the workers */
};

/* Room for each worker's operations; the SETs' share is given, as one plan may be run with several. */
void trial_pools_make(struct trial_pool *pools, const struct trial_plan *plan, double set_share);
/*
 * Draws them. Before each run: what was stored by the same operations just before is there, and nothing would
 * have to be evicted for it.
 */
void trial_pools_draw(struct trial_pool *pools, const struct trial_plan *plan, double set_share,
		      uint64_t seed);
void trial_pools_release(struct trial_pool *pools, const struct trial_plan *plan);

/* Stores every key of the plan, all workers at it. */
void trial_load(struct trial_subject *subject);

/* One run of the first `workers` workers; the latency may be NULL: nothing is timed. */
void trial_run(struct trial_subject *subject, const struct trial_pool *pools, unsigned int workers,
	       struct trial_latency *latency, struct trial_run *run);

/* The first worker's grow(); the others idle. latency->machine stays empty. */
void trial_grow(struct trial_subject *subject, struct trial_latency *latency,
		struct trial_run *run);

#endif
