/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache-sim - miss ratios of eviction policies at equal memory, over every production shape.
 *
 * For each shape: make one trace, measure the working set with an endless cache, then replay the
 * trace against every policy with the memory at each of some shares of the working set.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/cache_sim.h"
#include "perf/sim_policies.h"
#include "perf/sim_table.h"
#include "perf/timing.h"

enum {
	MEMORIES_MAX = 8,
	THREADS_MAX = 64,
	LEAST_ITEMS = 1000,
	ENGINE_LEAST = 8 << 20
};

struct settings {
	const char *shape; /* NULL: all */
	const char *shapes_path;
	const char *tsv;
	double memories[MEMORIES_MAX];
	size_t memory_count;
	size_t objects;
	size_t requests;
	size_t warm_up;
	unsigned int pieces;
	unsigned int threads;
	uint64_t seed;
	bool sweep;
	bool mixed;		  /* one stream of GET and SET alike, no shapes */
	bool engine;		  /* replay against the store itself */
	struct policies policies; /* the first is what the others are held against */
	const char *trials[POLICIES_MAX / 2];
	size_t trial_count;
};

struct outcome {
	struct sim_result endless;
	uint64_t memory[MEMORIES_MAX];
	struct sim_result results[MEMORIES_MAX][POLICIES_MAX];
};

struct run {
	const struct settings *settings;
	const struct shape **shapes;
	size_t shape_count;
	struct outcome *outcomes;
	_Atomic size_t next; /* relaxed: only hands out numbers; pthread_join publishes results */
};

/* --- running ------------------------------------------------------------------------------ */

static void
replay(struct sim_cache *cache, const struct sim_trace *trace, struct sim_result *result)
{
	sim_replay(cache, trace, result);
	cache->ops->destroy(cache);
}

/* Half GET, half SET, of keys drawn by Zipf; nobody stores what a GET missed. */
static void
workload_mixed(struct workload_options *options, size_t keys)
{
	workload_defaults(options);
	options->keys = keys;
	options->zipf = 0.99;
	options->ops[WORKLOAD_GET] = options->ops[WORKLOAD_SET] = 0.5;
}

static void
run_shape(const struct settings *settings, const struct shape *shape, struct outcome *outcome)
{
	struct workload_options options;
	struct workload workload;
	struct sim_trace trace;
	int rc;

	if (settings->mixed)
		workload_mixed(&options, settings->objects);
	else
		workload_from_shape(&options, shape, settings->objects);
	options.seed = settings->seed;
	rc = workload_init(&workload, &options);
	if (rc != 0) {
		fprintf(stderr, "cache-sim: %s: no workload: %s\n", shape->name, strerror(-rc));
		exit(1);
	}
	sim_trace_make(&trace, &workload, settings->requests + settings->warm_up, settings->warm_up,
		       settings->mixed);
	workload_release(&workload);
	replay(sim_endless_create(), &trace, &outcome->endless);
	for (size_t m = 0; m < settings->memory_count; m++) {
		struct sim_budget budget = {.pieces = settings->pieces,
					    .mean_item = trace.mean_item,
					    .largest_item = trace.largest_item};
		double memory = settings->memories[m] * outcome->endless.mean_bytes;

		budget.memory = (uint64_t)fmax(memory, LEAST_ITEMS * trace.mean_item);
		outcome->memory[m] = budget.memory;
		if (settings->engine && budget.memory < ENGINE_LEAST)
			continue; /* nobody runs a store so small */
		for (size_t p = 0; p < settings->policies.count; p++)
			replay(policy_create(&settings->policies.policy[p], &budget), &trace,
			       &outcome->results[m][p]);
	}
	sim_trace_release(&trace);
}

static void *
run_thread(void *arg)
{
	struct run *run = arg;
	size_t at;

	/* relaxed: nothing else hangs on the number drawn */
	while ((at = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed)) <
	       run->shape_count) {
		run_shape(run->settings, run->shapes[at], &run->outcomes[at]);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%zu of %zu shapes ", at + 1, run->shape_count);
	}
	return NULL;
}

static void
run_all(struct run *run)
{
	pthread_t threads[THREADS_MAX];
	unsigned int started = 0;

	while (started + 1 < run->settings->threads &&
	       pthread_create(&threads[started], NULL, run_thread, run) == 0)
		started++;
	run_thread(run);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	if (isatty(STDERR_FILENO))
		fputc('\r', stderr);
}

/* --- output ------------------------------------------------------------------------------- */

static double
miss_ratio(const struct sim_result *result)
{
	return result->gets > 0 ? (double)result->misses / (double)result->gets : 0;
}

/* Misses saved against the first policy, relative to its misses; 0 where it has none. */
static double
saved(const struct outcome *outcome, size_t memory, size_t policy)
{
	double base = miss_ratio(&outcome->results[memory][0]);

	return base > 0 ? 1 - miss_ratio(&outcome->results[memory][policy]) / base : 0;
}

static void
print_table(const struct run *run, size_t memory)
{
	const struct settings *settings = run->settings;

	printf("\nmiss ratios, memory %g %% of the working set\n",
	       100 * settings->memories[memory]);
	printf("%-10s %8s", "shape", "endless");
	for (size_t p = 0; p < settings->policies.count; p++)
		printf(" %9s", settings->policies.policy[p].name);
	printf("\n");
	for (size_t i = 0; i < run->shape_count; i++) {
		const struct outcome *outcome = &run->outcomes[i];

		printf("%-10s %8.5f", run->shapes[i]->name, miss_ratio(&outcome->endless));
		for (size_t p = 0; p < settings->policies.count; p++)
			printf(" %9.5f", miss_ratio(&outcome->results[memory][p]));
		printf("\n");
	}
}

/* How a policy does against the first: shapes no worse, and the median of the misses saved. */
static void
print_policy(const struct run *run, size_t policy, size_t first_memory, size_t last_memory)
{
	double *values = sim_realloc(NULL, run->shape_count * MEMORIES_MAX, sizeof(*values));
	size_t n = 0, no_worse = 0;
	double copied = 0;

	for (size_t m = first_memory; m <= last_memory; m++) {
		for (size_t i = 0; i < run->shape_count; i++) {
			const struct sim_result *r = run->outcomes[i].results[m];

			if (r[0].gets == 0)
				continue; /* a shape that only writes */
			no_worse += r[policy].misses <= r[0].misses;
			copied += r[policy].copied_share;
			values[n++] = saved(&run->outcomes[i], m, policy);
		}
	}
	if (n > 0) {
		qsort(values, n, sizeof(values[0]), by_value);
		printf("%-10s %5.1f %% of %3zu no worse, misses saved: median %5.1f %%, "
		       "quartiles %5.1f .. %5.1f %%, worst %6.1f %%, copied %4.2f  %s\n",
		       run->settings->policies.policy[policy].name,
		       100.0 * (double)no_worse / (double)n, n, 100 * values[n / 2],
		       100 * values[n / 4], 100 * values[3 * n / 4], 100 * values[0],
		       copied / (double)n, run->settings->policies.policy[policy].what);
	}
	free(values);
}

static void
print_summary(const struct run *run)
{
	const struct settings *settings = run->settings;

	for (size_t m = 0; m < settings->memory_count; m++) {
		printf("\nagainst %s, memory %g %% of the working set\n",
		       settings->policies.policy[0].name, 100 * settings->memories[m]);
		for (size_t p = 1; p < settings->policies.count; p++)
			print_policy(run, p, m, m);
	}
	if (settings->memory_count == 1)
		return;
	printf("\nagainst %s, all memories\n", settings->policies.policy[0].name);
	for (size_t p = 1; p < settings->policies.count; p++)
		print_policy(run, p, 0, settings->memory_count - 1);
}

static void
print_mixed(const struct run *run)
{
	const struct settings *settings = run->settings;

	printf("GET and SET alike, Zipf 0.99\n%-10s %8s %8s %10s %12s %10s\n", "policy", "memory",
	       "hits", "items", "copies a SET", "of cleaning");
	for (size_t m = 0; m < settings->memory_count; m++) {
		for (size_t p = 0; p < settings->policies.count; p++) {
			const struct sim_result *r = &run->outcomes[0].results[m][p];

			printf("%-10s %7.0f%% %8.4f %10.0f %12.3f %10.3f  %s\n",
			       settings->policies.policy[p].name, 100 * settings->memories[m],
			       1 - miss_ratio(r), r->mean_items, r->copied_late, r->cleaned_late,
			       settings->policies.policy[p].what);
		}
	}
}

static int
write_tsv(const struct run *run)
{
	const struct settings *settings = run->settings;
	FILE *file = fopen(settings->tsv, "w");

	if (file == NULL)
		return -errno;
	fprintf(file, "shape\tmemory_share\tmemory_bytes\tpolicy\tgets\tmisses\tmiss_ratio\t"
		      "endless_miss_ratio\titems\tbytes\tcopied_share\n");
	for (size_t i = 0; i < run->shape_count; i++) {
		const struct outcome *outcome = &run->outcomes[i];

		for (size_t m = 0; m < settings->memory_count; m++) {
			for (size_t p = 0; p < settings->policies.count; p++) {
				const struct sim_result *r = &outcome->results[m][p];

				fprintf(file,
					"%s\t%g\t%lu\t%s\t%lu\t%lu\t%.6f\t%.6f\t%.0f\t%.0f\t%.3f\n",
					run->shapes[i]->name, settings->memories[m],
					outcome->memory[m], settings->policies.policy[p].name,
					r->gets, r->misses, miss_ratio(r),
					miss_ratio(&outcome->endless), r->mean_items, r->mean_bytes,
					r->copied_share);
			}
		}
	}
	return fclose(file) == 0 ? 0 : -errno;
}

/* --- options ------------------------------------------------------------------------------ */

static const char usage[] =
	"usage: cache-sim [options]\n"
	"Replays streams shaped like production cache clusters against eviction policies.\n"
	"  --shape NAME      one shape alone (default: all of the table)\n"
	"  --memory LIST     memory, in shares of the working set (default 0.1,0.3,0.6)\n"
	"  --objects N       keys alive at a time that a shape is scaled to (default 50000)\n"
	"  --requests N      counted, after the warm-up (default 1000000)\n"
	"  --warm-up N       requests before (default 700000)\n"
	"  --pieces N        segments, or slab pages, that the memory has (default 256)\n"
	"  --sweep           S3-FIFO's constants, one changed at a time, for the policies\n"
	"  --try SPEC        S3-FIFO with constants changed, as cleaning=1,clean_score=0.3 "
	"(repeatable)\n"
	"  --mixed           a stream of GET and SET alike instead of shapes; 200000 objects and\n"
	"                    memory for 78 % of them, unless options behind it say otherwise\n"
	"  --engine store    replay against the store itself; wants more --objects, say 1000000\n"
	"  --tsv FILE        also write every result there\n"
	"  --seed N          of the streams (default 1)\n"
	"  --threads N       shapes at a time (default: one a CPU)\n"
	"  --shapes FILE     the table (default perf/shapes.tsv)\n"
	"  --help\n";

enum option_name {
	OPTION_SHAPE = 256,
	OPTION_MEMORY,
	OPTION_OBJECTS,
	OPTION_REQUESTS,
	OPTION_WARM_UP,
	OPTION_PIECES,
	OPTION_SWEEP,
	OPTION_TRY,
	OPTION_MIXED,
	OPTION_ENGINE,
	OPTION_TSV,
	OPTION_SEED,
	OPTION_THREADS,
	OPTION_SHAPES,
	OPTION_HELP,
};

static void __attribute__((noreturn))
refuse(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "cache-sim: --%s %s: wants %s\n", option, value, wanted);
	exit(2);
}

static uint64_t
parse_count(const char *option, const char *text, uint64_t low, uint64_t high)
{
	char wanted[64], *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (end == text || *end != '\0' || text[0] == '-' || errno != 0 || value < low ||
	    value > high) {
		snprintf(wanted, sizeof(wanted), "a number from %lu to %lu", low, high);
		refuse(option, text, wanted);
	}
	return value;
}

static void
parse_memories(struct settings *settings, const char *text)
{
	const char *at = text;

	settings->memory_count = 0;
	do {
		char *end;
		double share = strtod(at, &end);

		if (end == at || !(share > 0 && share <= 10) || (*end != ',' && *end != '\0') ||
		    settings->memory_count == MEMORIES_MAX)
			refuse("memory", text, "up to 8 shares above 0, as 0.1,0.5");
		settings->memories[settings->memory_count++] = share;
		at = end + 1;
		if (*end == '\0')
			break;
	} while (true);
}

static void
set_mixed(struct settings *settings)
{
	settings->mixed = true;
	settings->memories[0] = 0.78;
	settings->memory_count = 1;
	settings->objects = 200000;
	settings->warm_up = settings->requests = 2000000;
	settings->pieces = 143;
}

/* One case an option. */
static void /* NOLINTNEXTLINE(readability-function-size) */
parse_options(struct settings *s, int argc, char **argv)
{
	static const struct option options[] = {
		{"shape", required_argument, NULL, OPTION_SHAPE},
		{"memory", required_argument, NULL, OPTION_MEMORY},
		{"objects", required_argument, NULL, OPTION_OBJECTS},
		{"requests", required_argument, NULL, OPTION_REQUESTS},
		{"warm-up", required_argument, NULL, OPTION_WARM_UP},
		{"pieces", required_argument, NULL, OPTION_PIECES},
		{"sweep", no_argument, NULL, OPTION_SWEEP},
		{"try", required_argument, NULL, OPTION_TRY},
		{"mixed", no_argument, NULL, OPTION_MIXED},
		{"engine", required_argument, NULL, OPTION_ENGINE},
		{"tsv", required_argument, NULL, OPTION_TSV},
		{"seed", required_argument, NULL, OPTION_SEED},
		{"threads", required_argument, NULL, OPTION_THREADS},
		{"shapes", required_argument, NULL, OPTION_SHAPES},
		{"help", no_argument, NULL, OPTION_HELP},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case OPTION_SHAPE:
			s->shape = optarg;
			break;
		case OPTION_MEMORY:
			parse_memories(s, optarg);
			break;
		case OPTION_OBJECTS:
			s->objects = parse_count("objects", optarg, 1000, 100000000);
			break;
		case OPTION_REQUESTS:
			s->requests = parse_count("requests", optarg, 1000, 1000000000);
			break;
		case OPTION_WARM_UP:
			s->warm_up = parse_count("warm-up", optarg, 0, 1000000000);
			break;
		case OPTION_PIECES:
			s->pieces = (unsigned int)parse_count("pieces", optarg, 16, 1 << 20);
			break;
		case OPTION_SWEEP:
			s->sweep = true;
			break;
		case OPTION_TRY:
			if (s->trial_count == POLICIES_MAX / 2)
				refuse("try", optarg, "to be given less often");
			s->trials[s->trial_count++] = optarg;
			break;
		case OPTION_MIXED:
			set_mixed(s);
			break;
		case OPTION_ENGINE:
			if (strcmp(optarg, "store") != 0)
				refuse("engine", optarg, "store");
			s->engine = true;
			break;
		case OPTION_TSV:
			s->tsv = optarg;
			break;
		case OPTION_SEED:
			s->seed = parse_count("seed", optarg, 0, UINT64_MAX);
			break;
		case OPTION_THREADS:
			s->threads = (unsigned int)parse_count("threads", optarg, 1, THREADS_MAX);
			break;
		case OPTION_SHAPES:
			s->shapes_path = optarg;
			break;
		case OPTION_HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			fprintf(stderr, "cache-sim: see --help\n");
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "cache-sim: what is '%s'? See --help\n", argv[optind]);
		exit(2);
	}
}

static void
choose_shapes(struct run *run, const struct shapes *shapes)
{
	const char *name = run->settings->shape;

	run->shapes = sim_realloc(NULL, shapes->count, sizeof(run->shapes[0]));
	for (size_t i = 0; i < shapes->count; i++) {
		if (name == NULL || strcmp(shapes->rows[i].name, name) == 0)
			run->shapes[run->shape_count++] = &shapes->rows[i];
	}
	if (run->shape_count == 0) {
		fprintf(stderr, "cache-sim: --shape %s: not in the table; the first is %s\n", name,
			shapes->rows[0].name);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct settings settings = {.memories = {0.1, 0.3, 0.6},
				    .memory_count = 3,
				    .objects = 50000,
				    .requests = 1000000,
				    .warm_up = 700000,
				    .pieces = 256,
				    .threads = cpus > 0 && cpus <= THREADS_MAX ? (unsigned)cpus : 1,
				    .seed = 1};
	struct run run = {.settings = &settings};
	static struct shapes shapes;
	char error[SHAPES_ERROR_SIZE];
	int rc = 0;

	parse_options(&settings, argc, argv);
	if (shapes_read(&shapes, settings.shapes_path, error) != 0) {
		fprintf(stderr, "cache-sim: %s\n", error);
		return 2;
	}
	choose_shapes(&run, &shapes);
	if (settings.mixed)
		run.shape_count = 1;
	policies_add_memcached(&settings.policies);
	if (settings.engine)
		policies_add_store(&settings.policies);
	else if (settings.sweep)
		policies_add_sweep(&settings.policies);
	else if (settings.trial_count == 0)
		policies_add_candidates(&settings.policies);
	for (size_t i = 0; i < settings.trial_count; i++)
		if (!policies_add_trial(&settings.policies, settings.trials[i]))
			refuse("try", settings.trials[i], "name=value,... of the constants");
	run.outcomes = sim_realloc(NULL, run.shape_count, sizeof(run.outcomes[0]));
	memset(run.outcomes, 0, run.shape_count * sizeof(run.outcomes[0]));
	run_all(&run);
	if (settings.mixed) {
		print_mixed(&run);
	} else {
		for (size_t m = 0; m < settings.memory_count; m++)
			print_table(&run, m);
		print_summary(&run);
	}
	if (settings.tsv != NULL && (rc = write_tsv(&run)) != 0)
		fprintf(stderr, "cache-sim: --tsv %s: %s\n", settings.tsv, strerror(-rc));
	free(run.outcomes);
	free(run.shapes);
	return rc != 0;
}
