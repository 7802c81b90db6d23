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
#include "perf/sim_table.h"

enum {
	POLICIES_MAX = 32,
	MEMORIES_MAX = 8,
	THREADS_MAX = 64,
	LEAST_ITEMS = 1000,
	ENGINE_LEAST = 8 << 20
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
	bool mixed;			      /* one stream of GET and SET alike, no shapes */
	bool engine;			      /* replay against the store itself */
	struct policy policies[POLICIES_MAX]; /* the first is what the others are held against */
	size_t policy_count;
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

/* --- policies ----------------------------------------------------------------------------- */

static struct segments_options *
add_policy(struct settings *settings, const char *name, const char *what,
	   enum segments_policy policy)
{
	struct policy *p = &settings->policies[settings->policy_count++];

	p->name = name;
	p->what = what;
	p->kind = KIND_SEGMENTS;
	segments_defaults(&p->segments, policy);
	return &p->segments;
}

static void
add_candidates(struct settings *settings)
{
	struct segments_options *o;

	settings->policies[settings->policy_count++] = (struct policy){
		.name = "lru", .what = "LRU of items of our size, no segments", .kind = KIND_LRU};
	add_policy(settings, "fifo", "the oldest segment goes", SEGMENTS_FIFO);
	add_policy(settings, "merge", "Segcache: merge 4 of a TTL class", SEGMENTS_MERGE);
	o = add_policy(settings, "s3-plain", "S3-FIFO over segments, Small 10 %", SEGMENTS_S3);
	o->small_share = 0.10, o->clean_below = 0, o->overwrite = OVERWRITE_COUNT;
	add_policy(settings, "jackdaw", "S3-FIFO, Small 30 %, the deadest cleaned", SEGMENTS_S3);
	o = add_policy(settings, "benefit", "S3-FIFO, Small 30 %, cleaning by benefit",
		       SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT, o->drop_old = 0.2;
}

/* The store itself, beside what the simulation says of it. */
static void
add_store(struct settings *settings)
{
	settings->policies[settings->policy_count++] =
		(struct policy){.name = "store", .what = "the store itself", .kind = KIND_STORE};
	add_policy(settings, "simulated", "what it is meant to do", SEGMENTS_S3);
}

/* The choice with one constant changed at a time. */
static void
add_sweep(struct settings *settings)
{
	struct segments_options *o;

	add_policy(settings, "base", "as chosen", SEGMENTS_S3);
	o = add_policy(settings, "small10", "Small 10 %", SEGMENTS_S3);
	o->small_share = 0.10;
	o = add_policy(settings, "small20", "Small 20 %", SEGMENTS_S3);
	o->small_share = 0.20;
	o = add_policy(settings, "small40", "Small 40 %", SEGMENTS_S3);
	o->small_share = 0.40;
	o = add_policy(settings, "adapt", "Small's share follows the ghosts hit", SEGMENTS_S3);
	o->adapt = true;
	o = add_policy(settings, "clock", "no Small: CLOCK over segments", SEGMENTS_S3);
	o->direct = true, o->small_share = 0;
	o = add_policy(settings, "no-clean", "dead bytes wait for eviction", SEGMENTS_S3);
	o->clean_below = 0;
	o = add_policy(settings, "clean60", "cleaned when 40 % is dead", SEGMENTS_S3);
	o->clean_below = 0.60;
	o = add_policy(settings, "clean85", "cleaned when 15 % is dead", SEGMENTS_S3);
	o->clean_below = 0.85;
	o = add_policy(settings, "benefit", "cleaned from a benefit of 0.25", SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT;
	o = add_policy(settings, "drop", "the same, unused dropped where old", SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT, o->drop_old = 0.2;
	o = add_policy(settings, "hot", "and overwritten in own segments", SEGMENTS_S3);
	o->cleaning = CLEAN_BENEFIT, o->drop_old = 0.2;
	o->heats = 1, o->heat_kept = true, o->hot_age[1] = 1e9;
	o = add_policy(settings, "ow-small", "overwrite: to Small, uses forgotten", SEGMENTS_S3);
	o->overwrite = OVERWRITE_SMALL;
	o = add_policy(settings, "ow-count", "overwrite: to Small, uses kept", SEGMENTS_S3);
	o->overwrite = OVERWRITE_COUNT;
	o = add_policy(settings, "ghost0", "no ghosts", SEGMENTS_S3);
	o->ghost_ratio = 0;
	o = add_policy(settings, "ghost.5", "half as many ghosts", SEGMENTS_S3);
	o->ghost_ratio = 0.5;
	o = add_policy(settings, "ghost2", "twice as many ghosts", SEGMENTS_S3);
	o->ghost_ratio = 2;
	o = add_policy(settings, "freq3", "uses counted to 3, 1 in 4", SEGMENTS_S3);
	o->freq_max = 3;
	o = add_policy(settings, "promote2", "two uses to leave Small", SEGMENTS_S3);
	o->promote_at = 2, o->count_again = 1, o->freq_max = 3;
	o = add_policy(settings, "ttl", "a segment holds one TTL class", SEGMENTS_S3);
	o->ttl_classes = true;
}

/* --- policies told on the command line ------------------------------------------------------ */

struct constant {
	const char *name;
	size_t offset;
	enum {
		REAL,
		NUMBER, /* unsigned int, or an enumeration */
		FLAG,
	} kind;
};

#define CONSTANT(kind, field)                                                                      \
	{                                                                                          \
#field, offsetof(struct segments_options, field), kind                             \
	}

static const struct constant constants[] = {
	CONSTANT(NUMBER, overwrite),
	CONSTANT(REAL, small_share),
	CONSTANT(REAL, ghost_ratio),
	CONSTANT(NUMBER, freq_max),
	CONSTANT(NUMBER, promote_at),
	CONSTANT(REAL, count_again),
	CONSTANT(FLAG, direct),
	CONSTANT(FLAG, ttl_classes),
	CONSTANT(REAL, clean_below),
	CONSTANT(FLAG, adapt),
	CONSTANT(NUMBER, cleaning),
	CONSTANT(REAL, clean_score),
	CONSTANT(REAL, drop_old),
	CONSTANT(NUMBER, heats),
	CONSTANT(FLAG, heat_kept),
	CONSTANT(REAL, hot_below),
	{"hot_age1", offsetof(struct segments_options, hot_age[1]), REAL},
	{"hot_age2", offsetof(struct segments_options, hot_age[2]), REAL},
	{"hot_age3", offsetof(struct segments_options, hot_age[3]), REAL},
};

/* Sets one constant, as "name=value". False: there is no such constant. */
static bool
constant_set(struct segments_options *options, const char *text)
{
	const char *equals = strchr(text, '=');

	for (size_t i = 0; equals != NULL && i < sizeof(constants) / sizeof(constants[0]); i++) {
		const struct constant *c = &constants[i];
		uint8_t *field = (uint8_t *)options + c->offset;
		double value = strtod(equals + 1, NULL);

		if (strlen(c->name) != (size_t)(equals - text) ||
		    strncmp(c->name, text, (size_t)(equals - text)) != 0)
			continue;
		if (c->kind == REAL)
			memcpy(field, &value, sizeof(value));
		else if (c->kind == NUMBER)
			memcpy(field, &(unsigned int){(unsigned int)value}, sizeof(unsigned int));
		else
			memcpy(field, &(bool){value != 0}, sizeof(bool));
		return true;
	}
	return false;
}

/* S3-FIFO with some constants changed: "name=value,...". The text stays in use. */
static void
add_trial(struct settings *settings, const char *text)
{
	struct segments_options *o = add_policy(settings, "trial", text, SEGMENTS_S3);
	char *copy = strdup(text), *rest = copy, *word;

	while ((word = strsep(&rest, ",")) != NULL) {
		if (*word != '\0' && !constant_set(o, word)) {
			fprintf(stderr, "cache-sim: --try %s: what is %s?\n", text, word);
			exit(2);
		}
	}
	free(copy);
}

static struct sim_cache *
create_cache(const struct policy *policy, const struct sim_budget *budget)
{
	const double ours = 8 + 3.5 + 14.5; /* header, alignment, index */

	switch (policy->kind) {
	case KIND_MEMCACHED:
		return sim_memcached_create(budget);
	case KIND_STORE:
		return sim_store_create(budget);
	case KIND_LRU:
		return sim_lru_create(budget, ours);
	case KIND_SEGMENTS:
		break;
	}
	return sim_segments_create(budget, &policy->segments);
}

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
		for (size_t p = 0; p < settings->policy_count; p++)
			replay(create_cache(&settings->policies[p], &budget), &trace,
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
	for (size_t p = 0; p < settings->policy_count; p++)
		printf(" %9s", settings->policies[p].name);
	printf("\n");
	for (size_t i = 0; i < run->shape_count; i++) {
		const struct outcome *outcome = &run->outcomes[i];

		printf("%-10s %8.5f", run->shapes[i]->name, miss_ratio(&outcome->endless));
		for (size_t p = 0; p < settings->policy_count; p++)
			printf(" %9.5f", miss_ratio(&outcome->results[memory][p]));
		printf("\n");
	}
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
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
		       run->settings->policies[policy].name, 100.0 * (double)no_worse / (double)n,
		       n, 100 * values[n / 2], 100 * values[n / 4], 100 * values[3 * n / 4],
		       100 * values[0], copied / (double)n, run->settings->policies[policy].what);
	}
	free(values);
}

static void
print_summary(const struct run *run)
{
	const struct settings *settings = run->settings;

	for (size_t m = 0; m < settings->memory_count; m++) {
		printf("\nagainst %s, memory %g %% of the working set\n",
		       settings->policies[0].name, 100 * settings->memories[m]);
		for (size_t p = 1; p < settings->policy_count; p++)
			print_policy(run, p, m, m);
	}
	if (settings->memory_count == 1)
		return;
	printf("\nagainst %s, all memories\n", settings->policies[0].name);
	for (size_t p = 1; p < settings->policy_count; p++)
		print_policy(run, p, 0, settings->memory_count - 1);
}

static void
print_mixed(const struct run *run)
{
	const struct settings *settings = run->settings;

	printf("GET and SET alike, Zipf 0.99\n%-10s %8s %8s %10s %12s %10s\n", "policy", "memory",
	       "hits", "items", "copies a SET", "of cleaning");
	for (size_t m = 0; m < settings->memory_count; m++) {
		for (size_t p = 0; p < settings->policy_count; p++) {
			const struct sim_result *r = &run->outcomes[0].results[m][p];

			printf("%-10s %7.0f%% %8.4f %10.0f %12.3f %10.3f  %s\n",
			       settings->policies[p].name, 100 * settings->memories[m],
			       1 - miss_ratio(r), r->mean_items, r->copied_late, r->cleaned_late,
			       settings->policies[p].what);
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
			for (size_t p = 0; p < settings->policy_count; p++) {
				const struct sim_result *r = &outcome->results[m][p];

				fprintf(file,
					"%s\t%g\t%lu\t%s\t%lu\t%lu\t%.6f\t%.6f\t%.0f\t%.0f\t%.3f\n",
					run->shapes[i]->name, settings->memories[m],
					outcome->memory[m], settings->policies[p].name, r->gets,
					r->misses, miss_ratio(r), miss_ratio(&outcome->endless),
					r->mean_items, r->mean_bytes, r->copied_share);
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
	settings.policies[settings.policy_count++] =
		(struct policy){.name = "memcached", .what = "", .kind = KIND_MEMCACHED};
	if (settings.engine)
		add_store(&settings);
	else if (settings.sweep)
		add_sweep(&settings);
	else if (settings.trial_count == 0)
		add_candidates(&settings);
	for (size_t i = 0; i < settings.trial_count; i++)
		add_trial(&settings, settings.trials[i]);
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
