/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_report.h"

#include <inttypes.h>
#include <math.h>

/* The rows of the latency table. */
static const struct {
	const char *name, *json;
	double share;
} quantiles[] = {
	{"p50", "p50_us", 0.5},		{"p90", "p90_us", 0.9},
	{"p99", "p99_us", 0.99},	{"p99.9", "p999_us", 0.999},
	{"p99.99", "p9999_us", 0.9999}, {"p99.999", "p99999_us", 0.99999},
};

static const struct {
	const char *name;
	size_t offset;
	const char *help;
} counters[] = {
#define X(name, help) {#name, offsetof(struct meter, name), help},
	METER_COUNTERS(X)
#undef X
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t
counter_value(const struct meter *meter, size_t i)
{
	uint64_t value;

	memcpy(&value, (const char *)meter + counters[i].offset, sizeof(value));
	return value;
}

static double
microseconds(const struct client *client, double ticks)
{
	return ticks / client->ticks_per_second * 1e6;
}

static double
quantile_us(const struct client *client, double share)
{
	return microseconds(client, (double)histogram_quantile(&client->meter.latency, share));
}

/* The median over stretches of 10 ms of their p99.9. */
static double
stretches_us(const struct client *client)
{
	return microseconds(client, (double)histogram_quantile(&client->meter.stretches.p999, 0.5));
}

static double
per_second(const struct client *client, uint64_t count)
{
	double seconds = (double)client->meter.ticks / client->ticks_per_second;

	return seconds > 0 ? (double)count / seconds : 0;
}

static double
ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static double
busy_share(const struct client *client)
{
	return ratio((double)client->meter.ticks_busy, (double)client->meter.ticks);
}

/* 12.3 M, 456 k, 789 */
static void
format_count(double count, char text[16])
{
	if (count >= 1e6)
		snprintf(text, 16, "%.2f M", count / 1e6);
	else if (count >= 1e4)
		snprintf(text, 16, "%.1f k", count / 1e3);
	else
		snprintf(text, 16, "%.0f", count);
}

/* --- the server's own account ------------------------------------------------------------- */

/* What our own server tells of its workers' time: TSC cycles. */
struct server_cycles {
	double busy, idle, requests;
};

static bool
server_cycles(const struct client *client, struct server_cycles *cycles)
{
	static const char prefix[] = "worker_cycles_";

	*cycles = (struct server_cycles){0};
	for (unsigned int i = 0; i < client->after.count; i++) {
		const char *name = client->after.stats[i].name;
		double change = server_stats_change(&client->before, &client->after, name);

		if (strncmp(name, prefix, strlen(prefix)) != 0)
			continue;
		if (strcmp(name + strlen(prefix), "idle") == 0)
			cycles->idle += change;
		else
			cycles->busy += change;
	}
	cycles->requests = server_stats_change(&client->before, &client->after, "worker_requests");
	return cycles->busy + cycles->idle > 0 && cycles->requests > 0;
}

/* CPU seconds that memcached tells of itself. */
static double
server_cpu_seconds(const struct client *client)
{
	return server_stats_change(&client->before, &client->after, "rusage_user") +
	       server_stats_change(&client->before, &client->after, "rusage_system");
}

static void
report_server_text(const struct client *client, FILE *file)
{
	struct server_cycles cycles;
	double cpu = server_cpu_seconds(client);

	if (server_cycles(client, &cycles))
		fprintf(file, "server       %.1f busy cycles a request, idle %.1f %%\n",
			cycles.busy / cycles.requests,
			100 * ratio(cycles.idle, cycles.busy + cycles.idle));
	else if (cpu > 0)
		fprintf(file, "server       %.3f s of CPU, %.0f requests a CPU second\n", cpu,
			(double)client->meter.requests / cpu);
}

static void
report_server_json(const struct client *client, FILE *file)
{
	struct server_cycles cycles;
	double cpu = server_cpu_seconds(client);
	const char *comma = "";

	if (server_cycles(client, &cycles))
		fprintf(file,
			",\n  \"server_busy_cycles_per_request\": %.2f,\n"
			"  \"server_idle_share\": %.4f",
			cycles.busy / cycles.requests,
			ratio(cycles.idle, cycles.busy + cycles.idle));
	if (cpu > 0)
		fprintf(file, ",\n  \"server_cpu_seconds\": %.6f", cpu);
	fprintf(file, ",\n  \"server\": {");
	for (unsigned int i = 0; i < client->after.count; i++) {
		const char *name = client->after.stats[i].name;
		double change = server_stats_change(&client->before, &client->after, name);

		/* names are [a-z0-9_:] in any memcached; anything else would need escaping */
		if (change == 0 || strpbrk(name, "\"\\") != NULL)
			continue;
		fprintf(file, "%s\n    \"%s\": %.17g", comma, name, change);
		comma = ",";
	}
	fprintf(file, "\n  }");
}

/* --- results ------------------------------------------------------------------------------ */

static void
report_trouble(const struct meter *meter, FILE *file)
{
	for (size_t i = 0; i < COUNT_OF(counters); i++) {
		const char *name = counters[i].name;
		uint64_t value = counter_value(meter, i);

		/* what is trouble only when it isn't zero */
		if (value == 0 || strncmp(name, "bytes", 5) == 0 || strcmp(name, "requests") == 0 ||
		    strcmp(name, "messages") == 0 || strcmp(name, "hits") == 0 ||
		    strcmp(name, "in_time") == 0 || strcmp(name, "misses") == 0 ||
		    strcmp(name, "stored") == 0)
			continue;
		fprintf(file, "%-12s %" PRIu64 " %s\n", name, value, counters[i].help);
	}
}

void
report_text(const struct client *client, FILE *file)
{
	const struct meter *meter = &client->meter;
	const struct bench_options *options = client->options;
	char load[256], rate[16];

	bench_options_describe(options, load, sizeof(load));
	format_count(per_second(client, meter->in_time), rate);
	fprintf(file, "load         %s\n", load);
	fprintf(file, "throughput   %s requests/s (%.0f) in %.2f s, %s\n", rate,
		per_second(client, meter->in_time), (double)meter->ticks / client->ticks_per_second,
		options->rate != 0 ? "open loop" : "closed loop");
	if (meter->hits + meter->misses != 0)
		fprintf(file, "hit ratio    %.4f (%" PRIu64 " of %" PRIu64 " gets)\n",
			ratio((double)meter->hits, (double)(meter->hits + meter->misses)),
			meter->hits, meter->hits + meter->misses);
	if (meter->stored != 0)
		fprintf(file, "stored       %" PRIu64 "\n", meter->stored);
	fprintf(file, "loss         %" PRIu64 " of %" PRIu64 " messages\n", meter->lost,
		meter->messages);
	fprintf(file, "client busy  %.1f %%\n", 100 * busy_share(client));
	report_server_text(client, file);
	report_trouble(meter, file);
	fprintf(file, "\nlatency, us\n  least %11.2f\n  mean  %11.2f\n",
		microseconds(client, (double)meter->latency.least),
		microseconds(client, histogram_mean(&meter->latency)));
	for (size_t i = 0; i < COUNT_OF(quantiles); i++)
		fprintf(file, "  %-8s %8.2f\n", quantiles[i].name,
			quantile_us(client, quantiles[i].share));
	fprintf(file, "  most  %11.2f\n", microseconds(client, (double)meter->latency.most));
	if (meter->stretches.p999.total != 0)
		fprintf(file, "  p99.9 of 10 ms, their median %.2f\n", stretches_us(client));
}

void
report_json(const struct client *client, FILE *file)
{
	const struct meter *meter = &client->meter;
	const struct bench_options *options = client->options;
	char load[256];

	bench_options_describe(options, load, sizeof(load));
	fprintf(file, "{\n  \"load\": \"%s\",\n  \"loop\": \"%s\",\n", load,
		options->rate != 0 ? "open" : "closed");
	fprintf(file, "  \"connections\": %u,\n  \"depth\": %u,\n  \"width\": %u,\n",
		options->connections, options->depth, options->width);
	fprintf(file, "  \"rate_asked\": %.17g,\n  \"seconds\": %.6f,\n", options->rate,
		(double)meter->ticks / client->ticks_per_second);
	fprintf(file, "  \"requests_per_second\": %.1f,\n  \"hit_ratio\": %.6f,\n",
		per_second(client, meter->in_time),
		ratio((double)meter->hits, (double)(meter->hits + meter->misses)));
	fprintf(file, "  \"client_busy_share\": %.4f,\n", busy_share(client));
	fprintf(file, "  \"client_ticks_per_second\": %.0f,\n", client->ticks_per_second);
	for (size_t i = 0; i < COUNT_OF(counters); i++)
		fprintf(file, "  \"%s\": %" PRIu64 ",\n", counters[i].name,
			counter_value(meter, i));
	fprintf(file, "  \"latency\": {\"least_us\": %.3f, \"mean_us\": %.3f, \"most_us\": %.3f",
		microseconds(client, (double)meter->latency.least),
		microseconds(client, histogram_mean(&meter->latency)),
		microseconds(client, (double)meter->latency.most));
	for (size_t i = 0; i < COUNT_OF(quantiles); i++)
		fprintf(file, ", \"%s\": %.3f", quantiles[i].json,
			quantile_us(client, quantiles[i].share));
	if (meter->stretches.p999.total != 0)
		fprintf(file, ", \"p999_of_10ms_us\": %.3f", stretches_us(client));
	fprintf(file, "}");
	report_server_json(client, file);
	fprintf(file, "\n}\n");
}

/* --- while it runs ------------------------------------------------------------------------ */

static void
report_preload(const struct client *client, uint64_t progress, double rate, FILE *file)
{
	enum {
		BAR = 30
	};
	double keys = (double)load_keys(&client->load), part = ratio((double)progress, keys);
	int done = (int)(part * BAR);
	char speed[16];

	format_count(rate, speed);
	fprintf(file, "preload [%.*s%.*s] %3.0f %%  %s/s  %.0f s left", done,
		"##############################", BAR - done, "..............................",
		part * 100, speed, rate > 0 ? ceil((keys - (double)progress) / rate) : 0);
}

void
report_live(const struct client *client, struct report_live *last, double seconds, FILE *file)
{
	/* relaxed: each for itself, for show */
	enum client_phase phase =
		(enum client_phase)atomic_load_explicit(&client->phase, memory_order_relaxed);
	uint64_t requests = atomic_load_explicit(&client->view.requests, memory_order_relaxed);
	uint64_t hits = atomic_load_explicit(&client->view.hits, memory_order_relaxed);
	uint64_t misses = atomic_load_explicit(&client->view.misses, memory_order_relaxed);
	uint64_t lost = atomic_load_explicit(&client->view.lost, memory_order_relaxed);
	uint64_t progress = atomic_load_explicit(&client->view.progress, memory_order_relaxed);
	char speed[16];

	if (phase != last->phase || requests < last->requests)
		*last = (struct report_live){.phase = phase};
	fprintf(file, "\r\033[K");
	if (phase == PHASE_PRELOAD) {
		report_preload(client, progress, (double)(requests - last->requests) / seconds,
			       file);
	} else if (phase == PHASE_WARM_UP || phase == PHASE_MEASURE) {
		double gets = (double)(hits - last->hits + misses - last->misses);

		format_count((double)(requests - last->requests) / seconds, speed);
		fprintf(file, "%s  %s requests/s", phase == PHASE_MEASURE ? "measure" : "warm up",
			speed);
		if (gets > 0)
			fprintf(file, "  hits %.1f %%", 100 * (double)(hits - last->hits) / gets);
		fprintf(file, "  lost %" PRIu64, lost);
	}
	fflush(file);
	last->requests = requests;
	last->hits = hits;
	last->misses = misses;
}
