/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_policies.h - which policies are held against memcached: those that were considered, the one chosen
 * with one constant changed at a time, or any that are told on the command line.
 */
#ifndef JACKDAW_PERF_SIM_POLICIES_H
#define JACKDAW_PERF_SIM_POLICIES_H

#include "perf/cache_sim.h"

enum {
	POLICIES_MAX = 64,
};

struct policy {
	const char *name;
	const char *what;
	enum {
		KIND_MEMCACHED,
		KIND_STORE,
		KIND_LRU,
		KIND_SEGMENTS
	} kind;
	struct segments_options segments;
};

struct policies {
	struct policy policy[POLICIES_MAX];
	size_t count;
};

/* Each adds some; there must be room. Texts stay in use. */
void policies_add_memcached(struct policies *policies);
void policies_add_candidates(struct policies *policies);
/* The store itself, beside what the simulation says of it. */
void policies_add_store(struct policies *policies);
/* The chosen one, with one constant changed at a time. */
void policies_add_sweep(struct policies *policies);
/* The chosen one with constants changed as "name=value,..."; false: there is no such constant. */
bool policies_add_trial(struct policies *policies, const char *text);

/* A cache of that policy, of as much memory. */
struct sim_cache *policy_create(const struct policy *policy, const struct sim_budget *budget);

#endif
