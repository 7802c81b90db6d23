/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/store_bench_family.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/store_bench_jackdaw.h"

enum {
	STOLEN_PERCENT_MAX = 5, /* of a run that counts; others are taken again, for a while */
	P9999_EXCESS_US = 50,	/* of one operation, wanted */
	SETTLE_RUNS_MAX = 200,
	SETTLE_SHARE = 200, /* full: a run takes less than one in so many bytes more */
};

const struct trial_subject_ops *const trial_subjects[SUBJECTS] = {&trial_jackdaw, &trial_rte_hash,
								  &trial_cds_lfht, &trial_bound};

void
trial_variant_add(struct trial_family *family, const char *name, unsigned int workers,
		  double set_share, bool peers)
{
	struct trial_variant *variant = &family->variants[family->variant_count++];

	snprintf(variant->name, sizeof(variant->name), "%s", name);
	variant->workers = workers;
	variant->set_share = set_share;
	variant->peers = peers;
}

/* No SET may be refused, as there is always something to evict; every hit must have read its key's value. */
static void
check_run(struct trials *trials, const struct trial_variant *variant,
	  const struct trial_pool *pools, const struct trial_plan *plan, const char *subject,
	  const struct trial_run *run)
{
	uint64_t expected = 0, gets = 0;

	if (run->tally.refused > 0) {
		fprintf(stderr, "store-bench: %s %s: %lu SETs were refused\n", variant->name,
			subject, run->tally.refused);
		trials->failed = true;
	}
	for (unsigned int w = 0; w < variant->workers; w++) {
		for (size_t i = 0; i < pools[w].count && variant->set_share > 0; i++)
			gets += !pools[w].sets[i];
		if (variant->set_share == 0)
			gets += pools[w].count;
		expected += pools[w].heads_sum;
	}
	if (plan->memory == 0 && subject != trial_bound.name && run->tally.hits != gets) {
		fprintf(stderr, "store-bench: %s %s: %lu of %lu keys missed\n", variant->name,
			subject, gets - run->tally.hits, gets);
		trials->failed = true;
	} else if (plan->memory == 0 && variant->set_share == 0 && plan->value_size >= 8 &&
		   run->tally.heads_sum != expected) {
		fprintf(stderr, "store-bench: %s %s: wrong values were read\n", variant->name,
			subject);
		trials->failed = true;
	}
}

/* Cache lines of a hit: the item's as they lie, and the bucket chain's by Poisson's law. */
static double
hit_lines(struct trial_subject *subject)
{
	struct store_stats stats;
	double buckets, load, extra = 0, p;

	trial_jackdaw_stats(subject, &stats);
	buckets = (double)(stats.chain_1 + stats.chain_2 + stats.chain_3 + stats.chain_4);
	if (buckets == 0 || stats.items == 0)
		return 0;
	load = (double)stats.items / buckets;
	p = exp(-load);
	for (int n = 1; n < 64; n++) {
		p *= load /
		     n; /* probability of n items in a chain: a bucket of seven, others of three */
		for (int i = 7; i < n; i++)
			extra += p * (1 + (i - 7) / 3);
	}
	return 1 + extra / load + trial_jackdaw_item_lines(subject, 200000);
}

/* Other operations than any run had before. */
static void
draw(struct trials *trials, const struct trial_family *family, const struct trial_variant *variant,
     struct trial_pool *pools)
{
	trial_pools_draw(pools, &family->plan, variant->set_share,
			 (trials->seed << 32) + trials->draws++);
}

/* One run that counts. */
static void
run_round(struct trials *trials, const struct trial_family *family,
	  const struct trial_variant *variant, struct trial_subject *subject,
	  struct trial_pool *pools)
{
	const char *name = subject->ops->name;
	struct trial_result *result = trial_result(trials, variant, &family->plan, name);
	struct trial_run run;

	for (;;) {
		trial_run(subject, pools, variant->workers, NULL, &run);
		check_run(trials, variant, pools, &family->plan, name, &run);
		if (run.stolen * 100 <= STOLEN_PERCENT_MAX || result->again >= trials->rounds)
			break;
		result->again++;
		draw(trials, family, variant, pools);
	}
	result->rounds[result->round_count++] = run.ops_per_sec;
	result->stolen = fmax(result->stolen, run.stolen);
	result->hit_share =
		(double)run.tally.hits / ((double)run.tally.ops * (1 - variant->set_share));
}

/* Each subject's run of each variant in turn; the first round doesn't count. */
static void
run_rounds(struct trials *trials, const struct trial_family *family,
	   struct trial_subject **subjects, struct trial_pool pools[][TRIAL_WORKERS_MAX])
{
	for (unsigned int round = 0; round <= trials->rounds; round++) {
		for (size_t v = 0; v < family->variant_count; v++) {
			const struct trial_variant *variant = &family->variants[v];

			draw(trials, family, variant, pools[v]);
			for (int s = 0; s < SUBJECTS; s++) {
				struct trial_run ignored;

				if (subjects[s] == NULL || (s != 0 && !variant->peers))
					continue;
				if (round == 0)
					trial_run(subjects[s], pools[v], variant->workers, NULL,
						  &ignored);
				else
					run_round(trials, family, variant, subjects[s], pools[v]);
			}
		}
	}
}

/*
 * Writes until the store takes no more memory: from then on what is stored takes the place of what was,
 * in memory that has its pages. So all that is measured afterwards finds the same state.
 */
static void
settle(struct trials *trials, const struct trial_family *family, struct trial_subject *subject,
       struct trial_pool pools[][TRIAL_WORKERS_MAX])
{
	struct store_stats before, after;
	struct trial_run ignored;
	size_t v = 0;

	while (v < family->variant_count && family->variants[v].set_share == 0)
		v++;
	if (v == family->variant_count || family->plan.memory == 0)
		return;
	trial_jackdaw_stats(subject, &after);
	for (unsigned int run = 0; run < SETTLE_RUNS_MAX; run++) {
		before = after;
		draw(trials, family, &family->variants[v], pools[v]);
		trial_run(subject, pools[v], family->plan.workers, NULL, &ignored);
		trial_jackdaw_stats(subject, &after);
		if (after.memory_used < before.memory_used + after.memory_limit / SETTLE_SHARE)
			return;
	}
	fprintf(stderr, "store-bench: the memory is not full after %d runs\n", SETTLE_RUNS_MAX);
}

static void
print_quantiles(const char *what, const struct histogram *histogram)
{
	printf("  %-34s p50 %lu ns, p99 %lu ns, p99.9 %lu ns, p99.99 %lu ns, longest %lu ns\n",
	       what, histogram_quantile(histogram, 0.5), histogram_quantile(histogram, 0.99),
	       histogram_quantile(histogram, 0.999), histogram_quantile(histogram, 0.9999),
	       histogram->most);
}

static void
time_operations(struct trials *trials, const struct trial_family *family,
		struct trial_subject *subject, struct trial_pool pools[][TRIAL_WORKERS_MAX])
{
	for (size_t v = 0; v < family->variant_count; v++) {
		const struct trial_variant *variant = &family->variants[v];
		struct trial_latency *latency = calloc(1, sizeof(*latency));
		struct trial_result *result =
			trial_result(trials, variant, &family->plan, "jackdaw");
		struct trial_run run;

		if (latency == NULL)
			return;
		draw(trials, family, variant, pools[v]);
		trial_run(subject, pools[v], variant->workers, latency, &run);
		result->p9999_ns = (double)histogram_quantile(&latency->operations, 0.9999);
		result->machine_p9999_ns = (double)histogram_quantile(&latency->machine, 0.9999);
		printf("%s, %.1f %% stolen\n", variant->name, 100 * run.stolen);
		print_quantiles(variant->set_share > 0 ? "one SET alone" : "one GET alone",
				&latency->operations);
		print_quantiles("as long a loop on memory of its own", &latency->machine);
		trial_excess_print(result, P9999_EXCESS_US);
		free(latency);
	}
}

static void
print_store(struct trial_subject *subject)
{
	struct store_stats s;

	trial_jackdaw_stats(subject, &s);
	printf("  store: %lu items, %lu of %lu MiB, %lu of it dead, evictions %lu, out of memory "
	       "%lu, "
	       "chains %lu/%lu/%lu/%lu, dropped %lu, growths %lu, refreshes %lu, grace period %lu "
	       "us\n",
	       s.items, s.memory_used >> 20, s.memory_limit >> 20, s.bytes_dead >> 20, s.evictions,
	       s.out_of_memory, s.chain_1, s.chain_2, s.chain_3, s.chain_4, s.index_dropped,
	       s.index_growths, s.index_refreshes, s.grace_period_us);
}

static void
run_growth(struct trials *trials, const struct trial_family *family)
{
	struct trial_subject *subject = trial_jackdaw.create(&family->plan);
	struct trial_latency *latency = calloc(1, sizeof(*latency));
	const struct trial_variant *variant = &family->variants[0];
	struct trial_result *result = trial_result(trials, variant, &family->plan, "jackdaw");
	struct trial_plan start = family->plan;
	struct trial_run run;
	uint64_t reads;

	if (subject == NULL || latency == NULL)
		exit(1);
	start.items = family->plan.first;
	subject->plan = &start;
	trial_load(subject);
	subject->plan = &family->plan;
	trial_grow(subject, latency, &run);
	reads = (run.tally.ops - (family->plan.items - family->plan.first));
	result->rounds[result->round_count++] = run.ops_per_sec;
	result->hit_share = (double)run.tally.hits / (double)reads;
	result->p9999_ns = (double)histogram_quantile(&latency->operations, 0.9999);
	trial_result_print(result);
	printf("  %lu of %lu reads missed, %lu stores refused; longest operation %.1f us\n",
	       reads - run.tally.hits, reads, run.tally.refused,
	       (double)latency->operations.most / 1e3);
	growth_report_print(&run.tally.growth);
	print_store(subject);
	trials->failed |= reads != run.tally.hits || run.tally.refused > 0;
	subject->ops->destroy(subject);
	free(latency);
}

void
trial_family_run(struct trials *trials, const struct trial_family *family)
{
	static struct trial_pool pools[VARIANTS_MAX][TRIAL_WORKERS_MAX];
	struct trial_subject *subjects[SUBJECTS] = {NULL};

	if (family->grow) {
		run_growth(trials, family);
		return;
	}
	for (size_t v = 0; v < family->variant_count; v++)
		trial_pools_make(pools[v], &family->plan, family->variants[v].set_share);
	for (int s = 0; s < SUBJECTS; s++) {
		if (!family->subjects[s])
			continue;
		subjects[s] = trial_subjects[s]->create(&family->plan);
		if (subjects[s] == NULL)
			exit(1);
		trial_load(subjects[s]);
	}
	if (subjects[0] != NULL)
		settle(trials, family, subjects[0], pools);
	run_rounds(trials, family, subjects, pools);
	if (subjects[0] != NULL) {
		double lines = hit_lines(subjects[0]);

		for (size_t v = 0; v < family->variant_count; v++)
			trial_result(trials, &family->variants[v], &family->plan, "jackdaw")
				->lines = family->variants[v].set_share == 0 ? lines : 0;
		if (family->latency)
			time_operations(trials, family, subjects[0], pools);
	}
	for (size_t v = 0; v < family->variant_count; v++) {
		for (int s = 0; s < SUBJECTS; s++) {
			if (subjects[s] != NULL && (s == 0 || family->variants[v].peers))
				trial_result_print(trial_result(trials, &family->variants[v],
								&family->plan,
								trial_subjects[s]->name));
		}
	}
	for (int s = 0; s < SUBJECTS; s++) {
		if (s == 0 && subjects[s] != NULL)
			print_store(subjects[s]);
		if (subjects[s] != NULL)
			subjects[s]->ops->destroy(subjects[s]);
	}
	for (size_t v = 0; v < family->variant_count; v++)
		trial_pools_release(pools[v], &family->plan);
}

void
trial_peers_print(const struct trials *trials, const char *name)
{
	const struct trial_result *ours = trial_result_find(trials, name, "jackdaw");
	char what[128];

	if (ours == NULL)
		return;
	snprintf(what, sizeof(what), "%s: share of the bound R / %.2f lines", name, ours->lines);
	trial_ratio_print(trials, what, name, "jackdaw", name, "bound", ours->lines, 0.80);
	snprintf(what, sizeof(what), "%s: to rte_hash", name);
	trial_ratio_print(trials, what, name, "jackdaw", name, "rte_hash", 1, 1.1);
	snprintf(what, sizeof(what), "%s: to cds_lfht", name);
	trial_ratio_print(trials, what, name, "jackdaw", name, "cds_lfht", 1, 5);
}
