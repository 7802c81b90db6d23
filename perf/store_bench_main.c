/* SPDX-License-Identifier: BSD-3-Clause */
/* store-bench - how fast the store is without a network, beside other tables and the memory. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/store_bench_family.h"

/* --- the figures that are claimed ---------------------------------------------------------- */

/* One core, every GET a hit, beside the peers and the bound. */
static void
run_gets(struct trials *trials, const struct trial_plan *defaults, const char *name, uint64_t items)
{
	struct trial_family family = {
		.plan = *defaults, .subjects = {true, true, true, true}, .latency = true};

	family.plan.items = items;
	family.plan.workers = 1;
	trial_variant_add(&family, name, 1, 0, true);
	trial_family_run(trials, &family);
	trial_peers_print(trials, name);
}

/*
 * Several workers beside one of them, on the same store; of GETs also the bound's workers, which share
 * nothing: what they don't gain the machine doesn't have.
 */
static void
run_scale(struct trials *trials, const struct trial_plan *plan, double set_share, const char *name,
	  double bar)
{
	bool gets = set_share == 0;
	struct trial_family family = {.plan = *plan, .subjects = {true, false, false, gets}};
	char one[NAME_SIZE], all[NAME_SIZE], what[2 * NAME_SIZE];

	snprintf(one, sizeof(one), "%.40s-1-worker", name);
	snprintf(all, sizeof(all), "%.40s-%u-workers", name, plan->workers);
	snprintf(what, sizeof(what), "%.40s: %u workers to one", name, plan->workers);
	trial_variant_add(&family, one, 1, set_share, gets);
	trial_variant_add(&family, all, plan->workers, set_share, gets);
	trial_family_run(trials, &family);
	trial_ratio_print(trials, what, all, "jackdaw", one, "jackdaw", 1, bar);
	snprintf(what, sizeof(what), "%.40s: the bound, %u workers to one", name, plan->workers);
	trial_ratio_print(trials, what, all, "bound", one, "bound", 1, 0);
}

/* SETs and GETs beside GETs alone, on the same store. */
static void
run_beside_gets(struct trials *trials, const struct trial_plan *plan, double set_share,
		const char *name, double bar)
{
	struct trial_family family = {.plan = *plan, .subjects = {true}, .latency = true};
	char get[NAME_SIZE], both[NAME_SIZE], what[2 * NAME_SIZE];

	snprintf(get, sizeof(get), "%.40s-get", name);
	snprintf(both, sizeof(both), "%.40s-mixed%.0f", name, set_share * 100);
	snprintf(what, sizeof(what), "%.40s: mixed to GET alone", name);
	trial_variant_add(&family, get, plan->workers, 0, false);
	trial_variant_add(&family, both, plan->workers, set_share, false);
	trial_family_run(trials, &family);
	trial_ratio_print(trials, what, both, "jackdaw", get, "jackdaw", 1, bar);
}

static void
run_everything(struct trials *trials, const struct trial_plan *defaults)
{
	struct trial_plan scale = *defaults, evict = *defaults;
	struct trial_family grow;

	run_gets(trials, defaults, "get-32M", 32000000);
	run_gets(trials, defaults, "get-1M", 1000000);

	scale.workers = 2;
	scale.items = 32000000;
	run_scale(trials, &scale, 0, "get-32M", 1.85);
	scale.items = 16000000;
	scale.memory = 4ull << 30; /* most of it dead versions: writing is all that is asked */
	run_scale(trials, &scale, 0.5, "mixed50-16M", 1.70);

	evict.items = 32000000;
	evict.memory = 1 << 30; /* about a half of what the items need */
	evict.zipf = 0.99;
	run_beside_gets(trials, &evict, 0.5, "evict-zipf", 0.65);

	grow = (struct trial_family){.plan = *defaults, .subjects = {true}, .grow = true};
	grow.plan.first = 10000;
	grow.plan.items = 30000000;
	trial_variant_add(&grow, "grow-10k-30M", 1, 0.25, false);
	trial_family_run(trials, &grow);
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
	"  --scale           runs with one worker as well, in turns; the store, and for get the "
	"bound\n"
	"  --beside-get      runs GETs alone as well, in turns; the store alone\n"
	"  --batch N         operations handed over together, 1 to 64 (default 32)\n"
	"  --memory SIZE     of the store, K M G are powers of 1024 (default: what the items "
	"need);\n"
	"                    where there are SETs, it is written full before anything counts\n"
	"  --ops N           a worker and round (default 4M)\n"
	"  --rounds N        alternating runs of every subject (default 5)\n"
	"  --subject LIST    of jackdaw,rte_hash,cds_lfht,bound (default: jackdaw,bound)\n"
	"  --latency         one more run that times each operation, and a loop beside them\n"
	"  --hugepages       take reserved hugepages (default: transparent ones)\n"
	"  --cpu-time        rates a second of CPU time, where other processes disturb\n"
	"  --all             every figure that docs/performance.md claims, about 5 minutes\n"
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
	OPTION_SCALE,
	OPTION_BESIDE_GET,
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
	struct trial_family family;
	double set_share;
	bool all, scale, beside_get;
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
	struct trial_family *family = &request->family;

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
parse_subjects(struct trial_family *family, char *text)
{
	memset(family->subjects, 0, sizeof(family->subjects));
	for (char *name; (name = strsep(&text, ",")) != NULL;) {
		int s = 0;

		while (s < SUBJECTS && strcmp(trial_subjects[s]->name, name) != 0)
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

/* One case an option. */
static void /* NOLINTNEXTLINE(readability-function-size) */
parse_option(struct trials *trials, struct request *request, int option, char *value)
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
	case OPTION_SCALE:
		request->scale = true;
		break;
	case OPTION_BESIDE_GET:
		request->beside_get = true;
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
		trials->rounds = (unsigned int)parse_size("rounds", value, 1000, 1, ROUNDS_MAX);
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
		trials->seed = parse_size("seed", value, 1000, 0, UINT32_MAX);
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
	const struct trial_family *family = &request->family;
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
	if (request->beside_get && (request->set_share == 0 || family->grow)) {
		fprintf(stderr, "store-bench: --beside-get: wants --op set or mixed\n");
		exit(2);
	}
	if (request->scale && (plan->workers < 2 || family->grow)) {
		fprintf(stderr, "store-bench: --scale: wants --workers 2 or more, and no growth\n");
		exit(2);
	}
}

static void
parse_options(struct trials *trials, struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{"op", required_argument, NULL, OPTION_OP},
		{"set-share", required_argument, NULL, OPTION_SET_SHARE},
		{"items", required_argument, NULL, OPTION_ITEMS},
		{"dist", required_argument, NULL, OPTION_DIST},
		{"key", required_argument, NULL, OPTION_KEY},
		{"value", required_argument, NULL, OPTION_VALUE},
		{"workers", required_argument, NULL, OPTION_WORKERS},
		{"scale", no_argument, NULL, OPTION_SCALE},
		{"beside-get", no_argument, NULL, OPTION_BESIDE_GET},
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
		parse_option(trials, request, c, optarg);
	if (optind < argc) {
		fprintf(stderr, "store-bench: what is '%s'? See --help\n", argv[optind]);
		exit(2);
	}
	check_request(request);
}

static void
run_request(struct trials *trials, struct request *request)
{
	struct trial_family *family = &request->family;
	const struct trial_plan *plan = &family->plan;
	char name[NAME_SIZE];

	if (request->all) {
		run_everything(trials, plan);
		return;
	}
	snprintf(name, sizeof(name), "%s-%luK-k%u-v%u",
		 family->grow		   ? "grow"
		 : request->set_share == 0 ? "get"
		 : request->set_share == 1 ? "set"
					   : "mixed",
		 plan->items / 1000, plan->key_size, plan->value_size);
	if (request->scale) {
		run_scale(trials, plan, request->set_share, name, 0);
		return;
	}
	if (request->beside_get) {
		run_beside_gets(trials, plan, request->set_share, name, 0);
		return;
	}
	trial_variant_add(family, name, plan->workers, request->set_share, true);
	trial_family_run(trials, family);
	trial_peers_print(trials, name);
}

int
main(int argc, char **argv)
{
	static struct trials trials = {.rounds = 5, .seed = 1};
	struct request request = {.family = {.plan = {.items = 1000000,
						      .key_size = 16,
						      .value_size = 32,
						      .workers = 1,
						      .batch = 32,
						      .ops = 4000000,
						      .first = 10000},
					     .subjects = {true, false, false, true}}};

	parse_options(&trials, &request, argc, argv);
	printf("%-26s %-9s %2s  %8s\n", "case", "subject", "w", "M ops/s");
	run_request(&trials, &request);
	if (request.json != NULL && !trial_write_json(&trials, request.json)) {
		fprintf(stderr, "store-bench: --json %s: %s\n", request.json, strerror(errno));
		return 1;
	}
	return trials.failed;
}
