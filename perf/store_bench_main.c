/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store-bench - how fast the store is without a network, beside other tables and the memory itself.
 *
 * A family is a set of subjects loaded with the same items; its variants are run over it in turn,
 * round after round, so that what else the machine does hits all alike. Reported are medians over
 * the rounds, and the median of each round's own ratio.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/store_bench.h"
#include "perf/store_bench_jackdaw.h"

enum {
	SUBJECTS = 4,
	VARIANTS_MAX = 4,
	ROUNDS_MAX = 101,
	RESULTS_MAX = 128,
	NAME_SIZE = 64
};

static const struct trial_subject_ops *const all_subjects[SUBJECTS] = {
	&trial_jackdaw, &trial_rte_hash, &trial_cds_lfht, &trial_bound};

struct variant {
	char name[NAME_SIZE]; /* the case's */
	unsigned int workers;
	double set_share;
	bool peers; /* run by all the subjects; else by the store alone */
};

struct family {
	struct trial_plan plan;
	struct variant variants[VARIANTS_MAX];
	size_t variant_count;
	bool subjects[SUBJECTS];
	bool latency; /* one more run that times every operation */
	bool grow;    /* the growing run instead of loading */
};

struct result {
	char name[NAME_SIZE];
	const char *subject;
	uint64_t items;
	unsigned int workers;
	double rounds[ROUNDS_MAX]; /* operations a second */
	size_t round_count;
	double hit_share;
	double lines;	 /* 0: cannot tell */
	double p9999_ns; /* 0: not measured */
};

struct bench {
	unsigned int rounds;
	uint64_t seed;
	struct result results[RESULTS_MAX];
	size_t result_count;
	bool failed;
};

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const double *values, size_t n)
{
	double sorted[ROUNDS_MAX];

	if (n == 0)
		return 0;
	memcpy(sorted, values, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static struct result *
result_of(struct bench *bench, const struct variant *variant, const struct trial_plan *plan,
	  const char *subject)
{
	struct result *result;

	for (size_t i = 0; i < bench->result_count; i++) {
		result = &bench->results[i];
		if (strcmp(result->name, variant->name) == 0 && result->subject == subject)
			return result;
	}
	if (bench->result_count == RESULTS_MAX) {
		fprintf(stderr, "store-bench: too many cases\n");
		exit(1);
	}
	result = &bench->results[bench->result_count++];
	memset(result, 0, sizeof(*result));
	memcpy(result->name, variant->name, sizeof(result->name));
	result->subject = subject;
	result->items = plan->items;
	result->workers = variant->workers;
	return result;
}

static const struct result *
find_result(const struct bench *bench, const char *name, const char *subject)
{
	for (size_t i = 0; i < bench->result_count; i++) {
		const struct result *result = &bench->results[i];

		if (strcmp(result->name, name) == 0 && strcmp(result->subject, subject) == 0)
			return result;
	}
	return NULL;
}

/* --- printing ----------------------------------------------------------------------------- */

static void
print_result(const struct result *result)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < result->round_count; i++) {
		low = fmin(low, result->rounds[i]);
		high = fmax(high, result->rounds[i]);
	}
	printf("%-26s %-9s %2u  %8.2f  (%.2f .. %.2f)", result->name, result->subject,
	       result->workers, median(result->rounds, result->round_count) / 1e6, low / 1e6,
	       high / 1e6);
	if (result->hit_share > 0)
		printf("  hits %5.1f %%", 100 * result->hit_share);
	if (result->lines > 0)
		printf("  lines %.2f", result->lines);
	if (result->p9999_ns > 0)
		printf("  p99.99 %.1f us", result->p9999_ns / 1e3);
	printf("\n");
	fflush(stdout);
}

/* The median over the rounds of one result against the other, times a factor. */
static void
print_ratio(const struct bench *bench, const char *what, const char *name, const char *subject,
	    const char *to_name, const char *to_subject, double factor, double bar)
{
	const struct result *a = find_result(bench, name, subject);
	const struct result *b = find_result(bench, to_name, to_subject);
	double ratios[ROUNDS_MAX], ratio;
	size_t n;

	if (a == NULL || b == NULL || factor == 0)
		return;
	n = a->round_count < b->round_count ? a->round_count : b->round_count;
	for (size_t i = 0; i < n; i++)
		ratios[i] = a->rounds[i] * factor / b->rounds[i];
	ratio = median(ratios, n);
	printf("%-58s %5.2f", what, ratio);
	if (bar > 0)
		printf("  (wanted: %.2f)%s", bar, ratio >= bar ? "" : "  missed");
	printf("\n");
}

static void
write_entry(FILE *file, const struct result *result, bool last)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < result->round_count; i++) {
		low = fmin(low, result->rounds[i]);
		high = fmax(high, result->rounds[i]);
	}
	fprintf(file,
		"  {\"case\": \"%s\", \"subject\": \"%s\", \"items\": %lu, \"workers\": %u, "
		"\"ops_per_sec\": %.0f, \"ops_per_sec_min\": %.0f, \"ops_per_sec_max\": %.0f, ",
		result->name, result->subject, result->items, result->workers,
		median(result->rounds, result->round_count), low, high);
	if (result->lines > 0)
		fprintf(file, "\"lines_per_op\": %.3f, ", result->lines);
	else
		fprintf(file, "\"lines_per_op\": null, ");
	if (result->p9999_ns > 0)
		fprintf(file, "\"p9999_ns\": %.0f}%s\n", result->p9999_ns, last ? "" : ",");
	else
		fprintf(file, "\"p9999_ns\": null}%s\n", last ? "" : ",");
}

static bool
write_json(const struct bench *bench, const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return false;
	fprintf(file, "[\n");
	for (size_t i = 0; i < bench->result_count; i++)
		write_entry(file, &bench->results[i], i + 1 == bench->result_count);
	fprintf(file, "]\n");
	return fclose(file) == 0;
}

/* --- measuring ---------------------------------------------------------------------------- */

/* Every hit must have read the value that its key has. */
static void
check_run(struct bench *bench, const struct variant *variant, const struct trial_pool *pools,
	  const struct trial_plan *plan, const char *subject, const struct trial_run *run)
{
	uint64_t expected = 0, gets = 0;

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
		bench->failed = true;
	} else if (plan->memory == 0 && variant->set_share == 0 && plan->value_size >= 8 &&
		   run->tally.heads_sum != expected) {
		fprintf(stderr, "store-bench: %s %s: wrong values were read\n", variant->name,
			subject);
		bench->failed = true;
	}
}

/* Cache lines of a hit: the item's as they lie, and the bucket chain's by Poisson's law. */
static double
hit_lines(struct trial_subject *subject)
{
	struct store_stats stats;
	double buckets, load, extra = 0, p;

	trial_jackdaw_stats(subject, &stats);
	buckets = (double)(stats.chain_1 + stats.chain_2 + stats.chain_3);
	if (buckets == 0 || stats.items == 0)
		return 0;
	load = (double)stats.items / buckets;
	p = exp(-load);
	for (int n = 1; n < 64; n++) {
		p *= load / n; /* probability of n items in a chain of buckets of seven */
		for (int i = 7; i < n; i++)
			extra += p * (i / 7);
	}
	return 1 + extra / load + trial_jackdaw_item_lines(subject, 200000);
}

static void
run_rounds(struct bench *bench, const struct family *family, struct trial_subject **subjects,
	   struct trial_pool pools[][TRIAL_WORKERS_MAX], unsigned int rounds, bool count)
{
	for (unsigned int round = 0; round < rounds; round++) {
		for (size_t v = 0; v < family->variant_count; v++) {
			const struct variant *variant = &family->variants[v];

			for (int s = 0; s < SUBJECTS; s++) {
				struct trial_run run;
				struct result *result;

				if (subjects[s] == NULL || (s != 0 && !variant->peers))
					continue;
				trial_run(subjects[s], pools[v], variant->workers, NULL, &run);
				check_run(bench, variant, pools[v], &family->plan,
					  all_subjects[s]->name, &run);
				if (!count)
					continue;
				result = result_of(bench, variant, &family->plan,
						   all_subjects[s]->name);
				result->rounds[result->round_count++] = run.ops_per_sec;
				result->hit_share =
					(double)run.tally.hits /
					((double)run.tally.ops * (1 - variant->set_share));
			}
		}
	}
}

static void
time_operations(struct bench *bench, const struct family *family, struct trial_subject *subject,
		struct trial_pool pools[][TRIAL_WORKERS_MAX])
{
	for (size_t v = 0; v < family->variant_count; v++) {
		struct histogram *histogram = calloc(1, sizeof(*histogram));
		struct trial_run run;

		if (histogram == NULL)
			return;
		trial_run(subject, pools[v], family->variants[v].workers, histogram, &run);
		result_of(bench, &family->variants[v], &family->plan, "jackdaw")->p9999_ns =
			(double)histogram_quantile(histogram, 0.9999);
		printf("%-26s one %s alone: p50 %lu ns, p99 %lu ns, p99.9 %lu ns, p99.99 %lu ns, "
		       "longest %lu ns\n",
		       family->variants[v].name, family->variants[v].set_share > 0 ? "SET" : "GET",
		       histogram_quantile(histogram, 0.5), histogram_quantile(histogram, 0.99),
		       histogram_quantile(histogram, 0.999), histogram_quantile(histogram, 0.9999),
		       histogram->most);
		free(histogram);
	}
}

static void
print_store(struct trial_subject *subject)
{
	struct store_stats s;

	trial_jackdaw_stats(subject, &s);
	printf("  store: %lu items, %lu of %lu MiB, evictions %lu, out of memory %lu, "
	       "chains %lu/%lu/%lu, dropped %lu, growths %lu, grace period %lu us\n",
	       s.items, s.memory_used >> 20, s.memory_limit >> 20, s.evictions, s.out_of_memory,
	       s.chain_1, s.chain_2, s.chain_3, s.index_dropped, s.index_growths,
	       s.grace_period_us);
}

static void
run_growth(struct bench *bench, const struct family *family)
{
	struct trial_subject *subject = trial_jackdaw.create(&family->plan);
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	const struct variant *variant = &family->variants[0];
	struct result *result = result_of(bench, variant, &family->plan, "jackdaw");
	struct trial_plan start = family->plan;
	struct trial_run run;
	uint64_t reads;

	if (subject == NULL || histogram == NULL)
		exit(1);
	start.items = family->plan.first;
	subject->plan = &start;
	trial_load(subject);
	subject->plan = &family->plan;
	trial_grow(subject, histogram, &run);
	reads = (run.tally.ops - (family->plan.items - family->plan.first));
	result->rounds[result->round_count++] = run.ops_per_sec;
	result->hit_share = (double)run.tally.hits / (double)reads;
	result->p9999_ns = (double)histogram_quantile(histogram, 0.9999);
	print_result(result);
	printf("  %lu of %lu reads missed, %lu stores refused; longest operation %.1f us; %lu over "
	       "100 us, %lu of them with a context switch\n",
	       reads - run.tally.hits, reads, run.tally.refused, (double)histogram->most / 1e3,
	       run.tally.slow, run.tally.slow_preempted);
	print_store(subject);
	bench->failed |= reads != run.tally.hits || run.tally.refused > 0;
	subject->ops->destroy(subject);
	free(histogram);
}

static void
run_family(struct bench *bench, const struct family *family)
{
	static struct trial_pool pools[VARIANTS_MAX][TRIAL_WORKERS_MAX];
	struct trial_subject *subjects[SUBJECTS] = {NULL};

	if (family->grow) {
		run_growth(bench, family);
		return;
	}
	for (size_t v = 0; v < family->variant_count; v++)
		trial_pools_make(pools[v], &family->plan, family->variants[v].set_share,
				 bench->seed + v);
	for (int s = 0; s < SUBJECTS; s++) {
		if (!family->subjects[s])
			continue;
		subjects[s] = all_subjects[s]->create(&family->plan);
		if (subjects[s] == NULL)
			exit(1);
		trial_load(subjects[s]);
	}
	run_rounds(bench, family, subjects, pools, 1, false);
	run_rounds(bench, family, subjects, pools, bench->rounds, true);
	if (subjects[0] != NULL) {
		double lines = hit_lines(subjects[0]);

		for (size_t v = 0; v < family->variant_count; v++)
			result_of(bench, &family->variants[v], &family->plan, "jackdaw")->lines =
				family->variants[v].set_share == 0 ? lines : 0;
		if (family->latency)
			time_operations(bench, family, subjects[0], pools);
	}
	for (size_t v = 0; v < family->variant_count; v++) {
		for (int s = 0; s < SUBJECTS; s++) {
			if (subjects[s] != NULL && (s == 0 || family->variants[v].peers))
				print_result(result_of(bench, &family->variants[v], &family->plan,
						       all_subjects[s]->name));
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

static void
print_against_peers(const struct bench *bench, const char *name)
{
	const struct result *ours = find_result(bench, name, "jackdaw");
	char what[128];

	if (ours == NULL)
		return;
	snprintf(what, sizeof(what), "%s: share of the bound R / %.2f lines", name, ours->lines);
	print_ratio(bench, what, name, "jackdaw", name, "bound", ours->lines, 0.80);
	snprintf(what, sizeof(what), "%s: to rte_hash", name);
	print_ratio(bench, what, name, "jackdaw", name, "rte_hash", 1, 1.1);
	snprintf(what, sizeof(what), "%s: to cds_lfht", name);
	print_ratio(bench, what, name, "jackdaw", name, "cds_lfht", 1, 5);
}

/* --- the figures that are claimed --------------------------------------------------------- */

static void
add_variant(struct family *family, const char *name, unsigned int workers, double set_share,
	    bool peers)
{
	struct variant *variant = &family->variants[family->variant_count++];

	snprintf(variant->name, sizeof(variant->name), "%s", name);
	variant->workers = workers;
	variant->set_share = set_share;
	variant->peers = peers;
}

static void
run_everything(struct bench *bench, const struct trial_plan *defaults)
{
	struct family get = {
		.plan = *defaults, .subjects = {true, true, true, true}, .latency = true};
	struct family small, workers, evict, grow;

	get.plan.items = 32000000;
	get.plan.workers = 1;
	small = workers = evict = grow = get;
	add_variant(&get, "get-32M", 1, 0, true);
	run_family(bench, &get);
	print_against_peers(bench, "get-32M");

	small.plan.items = 1000000;
	add_variant(&small, "get-1M", 1, 0, true);
	run_family(bench, &small);
	print_against_peers(bench, "get-1M");

	memset(workers.subjects + 1, 0, sizeof(workers.subjects) - sizeof(workers.subjects[0]));
	workers.plan.workers = 2;
	workers.latency = false;
	add_variant(&workers, "get-32M-1-worker", 1, 0, false);
	add_variant(&workers, "get-32M-2-workers", 2, 0, false);
	run_family(bench, &workers);
	print_ratio(bench, "GET: two workers to one", "get-32M-2-workers", "jackdaw",
		    "get-32M-1-worker", "jackdaw", 1, 1.85);
	workers.variant_count = 0;
	workers.plan.memory = 6ull << 30; /* room for the dead versions between cleanings */
	add_variant(&workers, "mixed50-32M-1-worker", 1, 0.5, false);
	add_variant(&workers, "mixed50-32M-2-workers", 2, 0.5, false);
	run_family(bench, &workers);
	print_ratio(bench, "50/50: two workers to one", "mixed50-32M-2-workers", "jackdaw",
		    "mixed50-32M-1-worker", "jackdaw", 1, 1.70);

	memset(evict.subjects + 1, 0, sizeof(evict.subjects) - sizeof(evict.subjects[0]));
	evict.plan.items = 32000000;
	evict.plan.memory = 1 << 30; /* about a half of what the items need */
	evict.plan.zipf = 0.99;
	add_variant(&evict, "evict-zipf-get", 1, 0, false);
	add_variant(&evict, "evict-zipf-mixed50", 1, 0.5, false);
	run_family(bench, &evict);
	print_ratio(bench, "50/50 with eviction to GET alone", "evict-zipf-mixed50", "jackdaw",
		    "evict-zipf-get", "jackdaw", 1, 0.65);

	grow.grow = true;
	grow.plan.first = 10000;
	grow.plan.items = 30000000;
	add_variant(&grow, "grow-10k-30M", 1, 0.25, false);
	run_family(bench, &grow);
}

/* --- options ------------------------------------------------------------------------------ */

static const char usage[] =
	"usage: store-bench [options]\n"
	"How fast the store is without a network. Keys are drawn before the clock starts.\n"
	"  --op get|set|mixed|grow  what is measured (default get); peers only get\n"
	"  --set-share X     of mixed (default 0.5)\n"
	"  --items N         keys, K M G are powers of 1000 (default 1M)\n"
	"  --dist uniform|zipf[:S]  popularity of the keys (default uniform; S is 0.99)\n"
	"  --key N           bytes (default 16)\n"
	"  --value N         bytes (default 32)\n"
	"  --workers N       threads, each on a CPU of its own (default 1)\n"
	"  --batch N         operations handed over together, 1 to 64 (default 32)\n"
	"  --memory SIZE     of the store, K M G are powers of 1024 (default: what the items "
	"need)\n"
	"  --ops N           a worker and round (default 8M)\n"
	"  --rounds N        alternating runs of every subject (default 5)\n"
	"  --subject LIST    of jackdaw,rte_hash,cds_lfht,bound (default: jackdaw,bound)\n"
	"  --latency         one more run that times each operation\n"
	"  --hugepages       take reserved hugepages (default: transparent ones)\n"
	"  --cpu-time        rates a second of CPU time, where other processes disturb\n"
	"  --all             every figure that docs/performance.md claims, about 10 minutes\n"
	"  --json FILE       write the results there\n"
	"  --seed N          of the keys drawn (default 1)\n"
	"  --help\n";

enum option_name {
	OPTION_OP = 256,
	OPTION_SET_SHARE,
	OPTION_ITEMS,
	OPTION_DIST,
	OPTION_KEY,
	OPTION_VALUE,
	OPTION_WORKERS,
	OPTION_BATCH,
	OPTION_MEMORY,
	OPTION_OPS,
	OPTION_ROUNDS,
	OPTION_SUBJECT,
	OPTION_LATENCY,
	OPTION_HUGEPAGES,
	OPTION_CPU_TIME,
	OPTION_ALL,
	OPTION_JSON,
	OPTION_SEED,
	OPTION_HELP,
};

struct request {
	struct family family;
	double set_share;
	bool all;
	const char *json;
};

static void __attribute__((noreturn))
refuse(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "store-bench: --%s %s: wants %s\n", option, value, wanted);
	exit(2);
}

static uint64_t
parse_size(const char *option, const char *text, uint64_t unit, uint64_t low, uint64_t high)
{
	static const char units[] = "KMG";
	char wanted[80], *end;
	const char *at;
	unsigned long long value, scale = 1;

	errno = 0;
	value = strtoull(text, &end, 10);
	at = *end != '\0' ? strchr(units, *end) : NULL;
	if (at != NULL) {
		for (const char *u = units; u <= at; u++)
			scale *= unit;
		end++;
	}
	if (end == text || *end != '\0' || text[0] == '-' || errno != 0 ||
	    value > UINT64_MAX / scale || value * scale < low || value * scale > high) {
		snprintf(wanted, sizeof(wanted), "a number from %lu to %lu", low, high);
		refuse(option, text, wanted);
	}
	return value * scale;
}

static void
parse_op(struct request *request, const char *text)
{
	struct family *family = &request->family;

	family->grow = strcmp(text, "grow") == 0;
	if (strcmp(text, "get") == 0)
		request->set_share = 0;
	else if (strcmp(text, "set") == 0)
		request->set_share = 1;
	else if (strcmp(text, "mixed") == 0)
		request->set_share = 0.5;
	else if (!family->grow)
		refuse("op", text, "get, set, mixed or grow");
}

static double
parse_share(const char *option, const char *text, double high)
{
	char *end;
	double share = strtod(text, &end);

	if (end == text || *end != '\0' || !(share >= 0 && share <= high))
		refuse(option, text, high > 1 ? "a number from 0 to 10" : "a share from 0 to 1");
	return share;
}

static void
parse_subjects(struct family *family, char *text)
{
	memset(family->subjects, 0, sizeof(family->subjects));
	for (char *name; (name = strsep(&text, ",")) != NULL;) {
		int s = 0;

		while (s < SUBJECTS && strcmp(all_subjects[s]->name, name) != 0)
			s++;
		if (s == SUBJECTS)
			refuse("subject", name, "some of jackdaw,rte_hash,cds_lfht,bound");
		family->subjects[s] = true;
	}
}

static void
parse_dist(struct trial_plan *plan, const char *text)
{
	if (strcmp(text, "uniform") == 0)
		plan->zipf = 0;
	else if (strcmp(text, "zipf") == 0)
		plan->zipf = 0.99;
	else if (strncmp(text, "zipf:", 5) == 0)
		plan->zipf = parse_share("dist zipf", text + 5, 10);
	else
		refuse("dist", text, "uniform, zipf or zipf:EXPONENT");
}

static void
parse_option(struct bench *bench, struct request *request, int option, char *value)
{
	struct trial_plan *plan = &request->family.plan;

	switch (option) {
	case OPTION_OP:
		parse_op(request, value);
		break;
	case OPTION_SET_SHARE:
		request->set_share = parse_share("set-share", value, 1);
		break;
	case OPTION_ITEMS:
		plan->items = parse_size("items", value, 1000, 1000, 1000000000);
		break;
	case OPTION_DIST:
		parse_dist(plan, value);
		break;
	case OPTION_KEY:
		plan->key_size = (uint8_t)parse_size("key", value, 1000, 4, 250);
		break;
	case OPTION_VALUE:
		plan->value_size = (uint32_t)parse_size("value", value, 1024, 1, TRIAL_VALUE_MAX);
		break;
	case OPTION_WORKERS:
		plan->workers =
			(unsigned int)parse_size("workers", value, 1000, 1, TRIAL_WORKERS_MAX);
		break;
	case OPTION_BATCH:
		plan->batch = (unsigned int)parse_size("batch", value, 1000, 1, TRIAL_BATCH_MAX);
		break;
	case OPTION_MEMORY:
		plan->memory = parse_size("memory", value, 1024, 64 << 20, 1ull << 40);
		break;
	case OPTION_OPS:
		plan->ops = parse_size("ops", value, 1000, 1000, 1000000000);
		break;
	case OPTION_ROUNDS:
		bench->rounds = (unsigned int)parse_size("rounds", value, 1000, 1, ROUNDS_MAX);
		break;
	case OPTION_SUBJECT:
		parse_subjects(&request->family, value);
		break;
	case OPTION_LATENCY:
		request->family.latency = true;
		break;
	case OPTION_HUGEPAGES:
		plan->hugepages = true;
		break;
	case OPTION_CPU_TIME:
		plan->cpu_time = true;
		break;
	case OPTION_ALL:
		request->all = true;
		break;
	case OPTION_JSON:
		request->json = value;
		break;
	case OPTION_SEED:
		bench->seed = parse_size("seed", value, 1000, 0, UINT32_MAX);
		break;
	case OPTION_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		fprintf(stderr, "store-bench: see --help\n");
		exit(2);
	}
}

static void
check_request(struct request *request)
{
	const struct family *family = &request->family;
	const struct trial_plan *plan = &family->plan;

	if (plan->key_size < 11 && log2((double)plan->items) > 6 * plan->key_size) {
		fprintf(stderr, "store-bench: --key %u: too short for %lu keys\n", plan->key_size,
			plan->items);
		exit(2);
	}
	if ((request->set_share > 0 || family->grow) &&
	    (family->subjects[1] || family->subjects[2])) {
		fprintf(stderr, "store-bench: --subject: rte_hash and cds_lfht only get\n");
		exit(2);
	}
}

static void
parse_options(struct bench *bench, struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{"op", required_argument, NULL, OPTION_OP},
		{"set-share", required_argument, NULL, OPTION_SET_SHARE},
		{"items", required_argument, NULL, OPTION_ITEMS},
		{"dist", required_argument, NULL, OPTION_DIST},
		{"key", required_argument, NULL, OPTION_KEY},
		{"value", required_argument, NULL, OPTION_VALUE},
		{"workers", required_argument, NULL, OPTION_WORKERS},
		{"batch", required_argument, NULL, OPTION_BATCH},
		{"memory", required_argument, NULL, OPTION_MEMORY},
		{"ops", required_argument, NULL, OPTION_OPS},
		{"rounds", required_argument, NULL, OPTION_ROUNDS},
		{"subject", required_argument, NULL, OPTION_SUBJECT},
		{"latency", no_argument, NULL, OPTION_LATENCY},
		{"hugepages", no_argument, NULL, OPTION_HUGEPAGES},
		{"cpu-time", no_argument, NULL, OPTION_CPU_TIME},
		{"all", no_argument, NULL, OPTION_ALL},
		{"json", required_argument, NULL, OPTION_JSON},
		{"seed", required_argument, NULL, OPTION_SEED},
		{"help", no_argument, NULL, OPTION_HELP},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		parse_option(bench, request, c, optarg);
	if (optind < argc) {
		fprintf(stderr, "store-bench: what is '%s'? See --help\n", argv[optind]);
		exit(2);
	}
	check_request(request);
}

static void
run_request(struct bench *bench, struct request *request)
{
	struct family *family = &request->family;
	const struct trial_plan *plan = &family->plan;
	char name[NAME_SIZE];

	if (request->all) {
		run_everything(bench, plan);
		return;
	}
	snprintf(name, sizeof(name), "%s-%luK-k%u-v%u",
		 family->grow		   ? "grow"
		 : request->set_share == 0 ? "get"
		 : request->set_share == 1 ? "set"
					   : "mixed",
		 plan->items / 1000, plan->key_size, plan->value_size);
	add_variant(family, name, plan->workers, request->set_share, true);
	run_family(bench, family);
	print_against_peers(bench, name);
}

int
main(int argc, char **argv)
{
	static struct bench bench = {.rounds = 5, .seed = 1};
	struct request request = {.family = {.plan = {.items = 1000000,
						      .key_size = 16,
						      .value_size = 32,
						      .workers = 1,
						      .batch = 32,
						      .ops = 8000000,
						      .first = 10000},
					     .subjects = {true, false, false, true}}};

	parse_options(&bench, &request, argc, argv);
	printf("%-26s %-9s %2s  %8s\n", "case", "subject", "w", "M ops/s");
	run_request(&bench, &request);
	if (request.json != NULL && !write_json(&bench, request.json)) {
		fprintf(stderr, "store-bench: --json %s: %s\n", request.json, strerror(errno));
		return 1;
	}
	return bench.failed;
}
