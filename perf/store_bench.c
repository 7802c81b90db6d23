/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/store_bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <x86intrin.h>

#include "perf/workload.h"
#include "perf/zipf.h"

enum {
	HUGEPAGE = 2 << 20,
	MADVISE_COLLAPSE = 25 /* MADV_COLLAPSE, Linux 6.1 */
};

static void __attribute__((noreturn)) give_up(const char *what, int error)
{
	fprintf(stderr, "store-bench: %s: %s\n", what, strerror(error));
	exit(1);
}

static size_t
round_to_hugepage(size_t bytes)
{
	return (bytes + HUGEPAGE - 1) & ~(size_t)(HUGEPAGE - 1);
}

void *
trial_map(size_t bytes, bool hugepages)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (hugepages ? MAP_HUGETLB : 0);
	void *memory;

	bytes = round_to_hugepage(bytes);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		give_up(hugepages ? "memory (are enough hugepages reserved?)" : "memory", errno);
	if (!hugepages && madvise(memory, bytes, MADV_HUGEPAGE) != 0)
		fprintf(stderr, "store-bench: no transparent hugepages: %s\n", strerror(errno));
	memset(memory, 0, bytes);
	return memory;
}

void
trial_unmap(void *memory, size_t bytes, bool hugepages)
{
	(void)hugepages;
	munmap(memory, round_to_hugepage(bytes));
}

void
trial_collapse_pages(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	if (maps == NULL)
		return;
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to, inode;
		char mode[8];

		if (sscanf(line, "%lx-%lx %7s %*x %*s %lu", &from, &to, mode, &inode) != 4 ||
		    inode != 0 || strncmp(mode, "rw-p", 4) != 0 || to - from < 2 * HUGEPAGE)
			continue;
		/* refused for the stack and the like, which do not matter */
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
		(void)madvise((void *)from, to - from, MADVISE_COLLAPSE);
	}
	fclose(maps);
}

void
trial_key(const struct trial_plan *plan, uint64_t rank, uint8_t *text)
{
	workload_key(rank, plan->key_size, text);
}

/* --- latencies ---------------------------------------------------------------------------- */

static void
histogram_merge(struct histogram *into, const struct histogram *from)
{
	uint64_t most = into->most > from->most ? into->most : from->most;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (from->counts[i] > 0)
			histogram_add(into, histogram_bucket_limit(i), from->counts[i]);
	}
	into->most = most; /* the exact one, not its bucket's limit */
}

static double
read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

double
trial_ticks_per_ns(void)
{
	static double ticks_per_ns;

	if (ticks_per_ns == 0) {
		double start = read_clock(CLOCK_MONOTONIC);
		uint64_t ticks = __rdtsc();

		while (read_clock(CLOCK_MONOTONIC) - start < 0.05)
			;
		ticks_per_ns =
			(double)(__rdtsc() - ticks) / ((read_clock(CLOCK_MONOTONIC) - start) * 1e9);
	}
	return ticks_per_ns;
}

/* --- keys --------------------------------------------------------------------------------- */

void
trial_pools_make(struct trial_pool *pools, const struct trial_plan *plan, double set_share)
{
	for (unsigned int w = 0; w < plan->workers; w++) {
		struct trial_pool *pool = &pools[w];

		pool->count = plan->ops;
		pool->keys = trial_map(plan->ops * plan->key_size, false);
		pool->heads = trial_map(plan->ops * sizeof(pool->heads[0]), false);
		pool->sets = set_share > 0 ? trial_map(plan->ops, false) : NULL;
	}
}

static void
pool_draw(struct trial_pool *pool, const struct trial_plan *plan, const struct zipf *zipf,
	  double set_share, struct random *random)
{
	uint64_t set_below = (uint64_t)(set_share * 0x1p53) << 11;

	pool->heads_sum = 0;
	for (size_t i = 0; i < plan->ops; i++) {
		uint64_t rank = plan->zipf == 0 ? random_below(random, plan->items)
						: zipf_draw(zipf, random) - 1;

		/* popular ranks should not be neighbours in memory: load order is by rank */
		if (plan->zipf != 0)
			rank = (uint64_t)((unsigned __int128)random_mix(rank) * plan->items >> 64);
		trial_key(plan, rank, pool->keys + i * plan->key_size);
		pool->heads[i] = trial_head(rank);
		pool->heads_sum += pool->heads[i];
		if (pool->sets != NULL)
			pool->sets[i] = set_share >= 1 || random_next(random) < set_below;
	}
}

void
trial_pools_draw(struct trial_pool *pools, const struct trial_plan *plan, double set_share,
		 uint64_t seed)
{
	struct zipf zipf;

	zipf_init(&zipf, plan->items, plan->zipf);
	for (unsigned int w = 0; w < plan->workers; w++) {
		struct random random;

		random_seed(&random, seed * TRIAL_WORKERS_MAX + w);
		pool_draw(&pools[w], plan, &zipf, set_share, &random);
	}
}

void
trial_pools_release(struct trial_pool *pools, const struct trial_plan *plan)
{
	for (unsigned int w = 0; w < plan->workers; w++) {
		trial_unmap(pools[w].keys, plan->ops * plan->key_size, false);
		trial_unmap(pools[w].heads, plan->ops * sizeof(pools[w].heads[0]), false);
		if (pools[w].sets != NULL)
			trial_unmap(pools[w].sets, plan->ops, false);
	}
}

/* --- threads ------------------------------------------------------------------------------ */

struct job {
	struct trial_subject *subject;
	enum {
		JOB_LOAD,
		JOB_RUN,
		JOB_GROW
	} kind;
	unsigned int worker;
	const struct trial_pool *pool;
	struct trial_tally tally;
	double start, end;
	pthread_barrier_t *barrier;
	pthread_t thread;
};

/* The n-th CPU that the process may use. */
static void
pin_thread(unsigned int n)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	n %= (unsigned int)CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || n-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
		return;
	}
}

void
trial_keep_off(unsigned int workers)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 ||
	    (unsigned int)CPU_COUNT(&cpus) <= workers)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE && workers > 0; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		CPU_CLR(cpu, &cpus);
		workers--;
	}
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

static void *
do_job(void *arg)
{
	struct job *job = arg;
	const struct trial_subject_ops *ops = job->subject->ops;
	const struct trial_plan *plan = job->subject->plan;
	clockid_t clock = plan->cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
	void *worker;

	pin_thread(job->worker);
	worker = ops->enter(job->subject, job->worker);
	pthread_barrier_wait(job->barrier);
	job->start = read_clock(clock);
	switch (job->kind) {
	case JOB_LOAD:
		ops->load(worker, plan->items * job->worker / plan->workers,
			  plan->items * (job->worker + 1) / plan->workers);
		break;
	case JOB_RUN:
		ops->run(worker, job->pool, &job->tally);
		break;
	case JOB_GROW:
		ops->grow(worker, &job->tally);
		break;
	}
	job->end = read_clock(clock);
	/* none leaves, and none frees its histograms, while others still run */
	pthread_barrier_wait(job->barrier);
	ops->leave(worker);
	return NULL;
}

static void
do_jobs(struct trial_subject *subject, int kind, unsigned int count, const struct trial_pool *pools,
	struct trial_latency *latency, struct trial_run *run)
{
	struct job *jobs = calloc(count, sizeof(*jobs));
	struct trial_latency *latencies = NULL;
	pthread_barrier_t barrier;
	double start = 0, end = 0, rate = 0;

	if (latency != NULL)
		latencies = calloc(count, sizeof(*latencies));
	if (jobs == NULL || (latency != NULL && latencies == NULL))
		give_up("jobs", ENOMEM);
	pthread_barrier_init(&barrier, NULL, count);
	for (unsigned int w = 0; w < count; w++) {
		jobs[w].subject = subject;
		jobs[w].kind = kind;
		jobs[w].worker = w;
		jobs[w].pool = pools != NULL ? &pools[w] : NULL;
		jobs[w].barrier = &barrier;
		jobs[w].tally.latency = latency != NULL ? &latencies[w] : NULL;
		int rc = pthread_create(&jobs[w].thread, NULL, do_job, &jobs[w]);
		if (rc != 0)
			give_up("threads", rc);
	}
	*run = (struct trial_run){0};
	for (unsigned int w = 0; w < count; w++) {
		pthread_join(jobs[w].thread, NULL);
		run->tally.ops += jobs[w].tally.ops;
		run->tally.hits += jobs[w].tally.hits;
		run->tally.refused += jobs[w].tally.refused;
		run->tally.heads_sum += jobs[w].tally.heads_sum;
		run->tally.item_lines += jobs[w].tally.item_lines;
		if (w == 0)
			run->tally.growth = jobs[w].tally.growth;
		rate += (double)jobs[w].tally.ops / (jobs[w].end - jobs[w].start);
		start = w == 0 || jobs[w].start < start ? jobs[w].start : start;
		end = jobs[w].end > end ? jobs[w].end : end;
		if (latency == NULL)
			continue;
		histogram_merge(&latency->operations, &latencies[w].operations);
		histogram_merge(&latency->machine, &latencies[w].machine);
	}
	run->ops_per_sec = subject->plan->cpu_time ? rate : (double)run->tally.ops / (end - start);
	pthread_barrier_destroy(&barrier);
	free(latencies);
	free(jobs);
}

void
trial_load(struct trial_subject *subject)
{
	struct trial_run ignored;

	do_jobs(subject, JOB_LOAD, subject->plan->workers, NULL, NULL, &ignored);
}

/* All CPUs' time so far, and what of it was stolen, in ticks; zeros where it can't be told. */
static void
read_stolen(double *stolen, double *all)
{
	/* user nice system idle iowait irq softirq steal */
	unsigned long long ticks[8] = {0};
	FILE *file = fopen("/proc/stat", "r");

	*stolen = *all = 0;
	if (file == NULL)
		return;
	if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1],
		   &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) == 8) {
		*stolen = (double)ticks[7];
		for (unsigned int i = 0; i < 8; i++)
			*all += (double)ticks[i];
	}
	fclose(file);
}

void
trial_run(struct trial_subject *subject, const struct trial_pool *pools, unsigned int workers,
	  struct trial_latency *latency, struct trial_run *run)
{
	double stolen_before, all_before, stolen, all;

	read_stolen(&stolen_before, &all_before);
	do_jobs(subject, JOB_RUN, workers, pools, latency, run);
	read_stolen(&stolen, &all);
	run->stolen = all > all_before ? (stolen - stolen_before) / (all - all_before) : 0;
}

void
trial_grow(struct trial_subject *subject, struct trial_latency *latency, struct trial_run *run)
{
	do_jobs(subject, JOB_GROW, 1, NULL, latency, run);
}
