/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store_bench_family.h - families of trials, run in turns, and their results.
 *
 * A family is a set of subjects loaded with the same items; its variants are run over it in turn,
 * round after round, so that what else the machine does hits all alike. Reported are medians over
 * the rounds, and the median of each round's own ratio.
 */
#ifndef JACKDAW_PERF_STORE_BENCH_FAMILY_H
#define JACKDAW_PERF_STORE_BENCH_FAMILY_H

#include "perf/store_bench.h"

enum {
	SUBJECTS = 4,
	VARIANTS_MAX = 4,
	ROUNDS_MAX = 101,
	RESULTS_MAX = 128,
	NAME_SIZE = 64,
};

/* The store first: what only it can do is asked of the first. */
extern const struct trial_subject_ops *const trial_subjects[SUBJECTS];

struct trial_variant {
	char name[NAME_SIZE]; /* the case's */
	unsigned int workers;
	double set_share;
	bool peers; /* run by all the subjects; else by the store alone */
};

struct trial_family {
	struct trial_plan plan;
	struct trial_variant variants[VARIANTS_MAX];
	size_t variant_count;
	bool subjects[SUBJECTS];
	bool latency; /* one more run that times every operation */
	bool grow;    /* the growing run instead of loading */
};

/* One subject in one case. */
struct trial_result {
	char name[NAME_SIZE];
	const char *subject;
	uint64_t items;
	unsigned int workers;
	double rounds[ROUNDS_MAX]; /* operations a second */
	size_t round_count;
	double hit_share;
	double stolen;		 /* the most of any round */
	unsigned int again;	 /* runs taken again, as too much was stolen */
	double lines;		 /* 0: cannot tell */
	double p9999_ns;	 /* 0: not measured */
	double machine_p9999_ns; /* of as long a loop beside the operations; 0: not measured */
};

/* All results so far, and how they are to be got. Zeroed but for rounds and seed at first. */
struct trials {
	unsigned int rounds;
	uint64_t seed;
	uint64_t draws; /* of operations, so far */
	struct trial_result results[RESULTS_MAX];
	size_t result_count;
	bool failed;
};

/* --- store_bench_family.c ------------------------------------------------------------------ */

void trial_variant_add(struct trial_family *family, const char *name, unsigned int workers,
		       double set_share, bool peers);

/* Loads the subjects, runs all variants, prints and keeps the results. */
void trial_family_run(struct trials *trials, const struct trial_family *family);

/* Prints how the store does in the case against each peer and the bound. */
void trial_peers_print(const struct trials *trials, const char *name);

/* --- store_bench_report.c ------------------------------------------------------------------ */

/* The result of a variant and subject, made if it is not there. */
struct trial_result *trial_result(struct trials *trials, const struct trial_variant *variant,
				  const struct trial_plan *plan, const char *subject);

/* NULL if there is none. */
const struct trial_result *trial_result_find(const struct trials *trials, const char *name,
					     const char *subject);
void trial_result_print(const struct trial_result *result);

/*
 * Prints the median over the rounds of one result to another, times the factor, and whether it
 * reaches the bar (0: none). Nothing if either is missing.
 */
void trial_ratio_print(const struct trials *trials, const char *what, const char *name,
		       const char *subject, const char *to_name, const char *to_subject,
		       double factor, double bar);

/*
 * Prints by how much the 99.99th percentile is above that of what the machine does to as long a loop, and
 * whether either is below the bar.
 */
void trial_excess_print(const struct trial_result *result, double bar_us);

/* False with errno. */
bool trial_write_json(const struct trials *trials, const char *path);

#endif
