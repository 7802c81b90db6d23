/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stalls - what this machine does to threads that only want to run: one on each CPU, for some seconds, and
 * every gap in it. What no server here can do better than.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/stall.h"

enum {
	CPUS_MAX = 256,
};

struct request {
	double seconds, load;
	uint64_t least_ns;
	bool realtime;
	const char *json;
};

struct watcher {
	const struct request *request;
	int cpu, status;
	uint64_t ticks; /* timer interrupts of the CPU meanwhile */
	struct stalls *stalls;
	pthread_t thread;
};

static const char usage[] =
	"usage: stalls [options]\n"
	"Loops on every CPU that it may run on, all at a time, and tells what held it up.\n"
	"Run it on the idle machine: what it finds happens to workers too.\n"
	"  --seconds N    how long (default 2)\n"
	"  --over US      gaps that count (default 20)\n"
	"  --load X       share of its time that the server is busy, 0 to 0.99 (default 0.7)\n"
	"  --realtime     under SCHED_FIFO\n"
	"  --json FILE    the figures\n"
	"  --help\n";

static void __attribute__((noreturn)) fail(const char *what, int error)
{
	fprintf(stderr, "stalls: %s: %s\n", what, strerror(error));
	exit(1);
}

/* The CPU's local timer interrupts so far; 0 where the kernel doesn't tell. */
static uint64_t
timer_interrupts(int cpu)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[1 << 14], name[16];
	uint64_t count = 0;
	int column = -1, number;

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL) { /* CPU0 CPU1 ...: those online */
		int at = 0;

		for (char *rest = line, *word; (word = strsep(&rest, " \n")) != NULL;)
			if (sscanf(word, "CPU%d", &number) == 1 && at++ >= 0 && number == cpu)
				column = at - 1;
	}
	while (column >= 0 && fgets(line, sizeof(line), file) != NULL) {
		char *rest = line;

		if (sscanf(line, " %15s", name) != 1 || strcmp(name, "LOC:") != 0)
			continue;
		rest = strchr(rest, ':') + 1;
		for (int i = 0; i <= column; i++)
			count = strtoull(rest, &rest, 10);
		break;
	}
	fclose(file);
	return count;
}

static void *
watch(void *argument)
{
	struct watcher *watcher = argument;
	const struct request *request = watcher->request;
	struct sched_param first = {.sched_priority = 1};
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(watcher->cpu, &one);
	watcher->status = pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	if (watcher->status == 0 && request->realtime)
		watcher->status = pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	if (watcher->status != 0)
		return NULL;
	watcher->ticks = timer_interrupts(watcher->cpu);
	watcher->status = -stalls_watch(watcher->stalls, request->seconds, request->least_ns);
	watcher->ticks = timer_interrupts(watcher->cpu) - watcher->ticks;
	return NULL;
}

static size_t
watch_all(struct watcher *watchers, struct stalls *stalls, const struct request *request)
{
	cpu_set_t allowed;
	size_t count = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		fail("affinity", errno);
	for (int cpu = 0; cpu < CPU_SETSIZE && count < CPUS_MAX; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		watchers[count] =
			(struct watcher){.request = request, .cpu = cpu, .stalls = &stalls[count]};
		count++;
	}
	for (size_t i = 0; i < count; i++) {
		int status = pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]);

		if (status != 0)
			fail("threads", status);
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(watchers[i].thread, NULL);
	for (size_t i = 0; i < count; i++)
		if (watchers[i].status != 0)
			fail(request->realtime ? "SCHED_FIFO on a CPU" : "a CPU",
			     watchers[i].status);
	return count;
}

static void
print(const struct watcher *watchers, size_t count, const struct request *request, double floor)
{
	printf("a second: gaps over %.0f us, their ms, over 50 us, over 1 ms; causes; the "
	       "longest\n",
	       (double)request->least_ns / 1e3);
	printf("%4s %8s %8s %8s %8s  %8s %8s %8s %8s  %8s %11s\n", "CPU", "gaps", "ms", ">50 us",
	       ">1 ms", "faults", "switches", "stolen", "own", "ticks", "longest, us");
	for (size_t i = 0; i < count; i++) {
		const struct stalls *s = watchers[i].stalls;
		uint64_t ns = 0, longest = 0;

		for (int c = 0; c < STALL_CAUSES; c++) {
			ns += s->of[c].ns;
			longest = s->of[c].longest_ns > longest ? s->of[c].longest_ns : longest;
		}
		printf("%4d %8.1f %8.2f %8.1f %8.1f ", watchers[i].cpu,
		       (double)s->count / s->seconds, (double)ns / 1e6 / s->seconds,
		       (double)stalls_over(s, 50000) / s->seconds,
		       (double)stalls_over(s, 1000000) / s->seconds);
		for (int c = 0; c < STALL_CAUSES; c++)
			printf(" %8.1f", (double)s->of[c].count / s->seconds);
		printf("  %8.1f %11.0f\n", (double)watchers[i].ticks / s->seconds,
		       (double)longest / 1e3);
	}
	printf("p99.9 of requests that need all of these CPUs, at a load of %.2f: %.0f us at "
	       "least\n",
	       request->load, floor / 1e3);
}

static void
write_json(const struct watcher *watchers, size_t count, const struct request *request,
	   double floor)
{
	FILE *file = fopen(request->json, "w");

	if (file == NULL)
		fail(request->json, errno);
	fprintf(file, "{\"load\": %g, \"p999_us\": %.1f, \"cpus\": [", request->load, floor / 1e3);
	for (size_t i = 0; i < count; i++) {
		const struct stalls *s = watchers[i].stalls;

		fprintf(file,
			"%s\n  {\"cpu\": %d, \"seconds\": %.3f, \"over\": %zu, \"over_50us\": %zu, "
			"\"over_1ms\": %zu, \"ticks\": %lu, \"faults\": %lu, \"switches\": %lu, "
			"\"stolen\": %lu, \"own\": %lu}",
			i == 0 ? "" : ",", watchers[i].cpu, s->seconds, s->count,
			stalls_over(s, 50000), stalls_over(s, 1000000), watchers[i].ticks,
			s->of[STALL_FAULT].count, s->of[STALL_SWITCH].count,
			s->of[STALL_STOLEN].count, s->of[STALL_OWN].count);
	}
	fprintf(file, "]}\n");
	if (fclose(file) != 0)
		fail(request->json, errno);
}

static double
number(const char *option, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most)) {
		fprintf(stderr, "stalls: --%s: '%s' is not a number from %g to %g\n", option, text,
			least, most);
		exit(2);
	}
	return value;
}

static struct request
read_options(int argc, char **argv)
{
	static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
						{"over", required_argument, NULL, 'o'},
						{"load", required_argument, NULL, 'l'},
						{"realtime", no_argument, NULL, 'r'},
						{"json", required_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct request request = {.seconds = 2, .load = 0.7, .least_ns = 20000};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			request.seconds = number("seconds", optarg, 0.01, 3600);
			break;
		case 'o':
			request.least_ns = (uint64_t)(1e3 * number("over", optarg, 1, 1e6));
			break;
		case 'l':
			request.load = number("load", optarg, 0, 0.99);
			break;
		case 'r':
			request.realtime = true;
			break;
		case 'j':
			request.json = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind != argc) {
		fprintf(stderr, "stalls: '%s' is no option; --help lists them\n", argv[optind]);
		exit(2);
	}
	return request;
}

int
main(int argc, char **argv)
{
	static struct watcher watchers[CPUS_MAX];
	static struct stalls stalls[CPUS_MAX];
	struct request request = read_options(argc, argv);
	size_t count = watch_all(watchers, stalls, &request);
	double floor = stalls_floor(stalls, count, 0.999, request.load);

	print(watchers, count, &request, floor);
	if (request.json != NULL)
		write_json(watchers, count, &request, floor);
	for (size_t i = 0; i < count; i++)
		stalls_release(&stalls[i]);
	return 0;
}
