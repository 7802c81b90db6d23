/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/store_bench_family.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/timing.h"

static double
trial_median(const double *values, size_t n)
{
	double sorted[ROUNDS_MAX];

	if (n == 0)
		return 0;
	memcpy(sorted, values, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

struct trial_result *
trial_result(struct trials *trials, const struct trial_variant *variant,
	     const struct trial_plan *plan, const char *subject)
{
	struct trial_result *result;

	for (size_t i = 0; i < trials->result_count; i++) {
		result = &trials->results[i];
		if (strcmp(result->name, variant->name) == 0 && result->subject == subject)
			return result;
	}
	if (trials->result_count == RESULTS_MAX) {
		fprintf(stderr, "store-bench: too many cases\n");
		exit(1);
	}
	result = &trials->results[trials->result_count++];
	memset(result, 0, sizeof(*result));
	memcpy(result->name, variant->name, sizeof(result->name));
	result->subject = subject;
	result->items = plan->items;
	result->workers = variant->workers;
	return result;
}

const struct trial_result *
trial_result_find(const struct trials *trials, const char *name, const char *subject)
{
	for (size_t i = 0; i < trials->result_count; i++) {
		const struct trial_result *result = &trials->results[i];

		if (strcmp(result->name, name) == 0 && strcmp(result->subject, subject) == 0)
			return result;
	}
	return NULL;
}

void
trial_result_print(const struct trial_result *result)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < result->round_count; i++) {
		low = fmin(low, result->rounds[i]);
		high = fmax(high, result->rounds[i]);
	}
	printf("%-26s %-9s %2u  %8.2f  (%.2f .. %.2f)", result->name, result->subject,
	       result->workers, trial_median(result->rounds, result->round_count) / 1e6, low / 1e6,
	       high / 1e6);
	if (result->hit_share > 0)
		printf("  hits %5.1f %%", 100 * result->hit_share);
	if (result->lines > 0)
		printf("  lines %.2f", result->lines);
	if (result->p9999_ns > 0)
		printf("  p99.99 %.1f us", result->p9999_ns / 1e3);
	if (result->stolen >= 0.01)
		printf("  stolen %.0f %%", 100 * result->stolen);
	if (result->again > 0)
		printf("  again %u", result->again);
	printf("\n");
	fflush(stdout);
}

/* The trial_median over the rounds of one result against the other, times a factor. */
void
trial_ratio_print(const struct trials *trials, const char *what, const char *name,
		  const char *subject, const char *to_name, const char *to_subject, double factor,
		  double bar)
{
	const struct trial_result *a = trial_result_find(trials, name, subject);
	const struct trial_result *b = trial_result_find(trials, to_name, to_subject);
	double ratios[ROUNDS_MAX], ratio;
	size_t n;

	if (a == NULL || b == NULL || factor == 0)
		return;
	n = a->round_count < b->round_count ? a->round_count : b->round_count;
	for (size_t i = 0; i < n; i++)
		ratios[i] = a->rounds[i] * factor / b->rounds[i];
	ratio = trial_median(ratios, n);
	printf("%-58s %5.2f", what, ratio);
	if (bar > 0)
		printf("  (wanted: %.2f)%s", bar, ratio >= bar ? "" : "  missed");
	printf("\n");
}

void
trial_excess_print(const struct trial_result *result, double bar_us)
{
	double whole = result->p9999_ns / 1e3;
	double excess = (result->p9999_ns - result->machine_p9999_ns) / 1e3;

	printf("  p99.99 %.1f us (wanted: below %.0f)%s; above the loop's by %.1f us (wanted: "
	       "below "
	       "%.0f)%s\n",
	       whole, bar_us, whole < bar_us ? "" : "  missed", excess, bar_us,
	       excess < bar_us ? "" : "  missed");
}

static void
write_entry(FILE *file, const struct trial_result *result, bool last)
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
		trial_median(result->rounds, result->round_count), low, high);
	fprintf(file, "\"stolen\": %.3f, ", result->stolen);
	if (result->lines > 0)
		fprintf(file, "\"lines_per_op\": %.3f, ", result->lines);
	else
		fprintf(file, "\"lines_per_op\": null, ");
	if (result->p9999_ns > 0)
		fprintf(file, "\"p9999_ns\": %.0f, ", result->p9999_ns);
	else
		fprintf(file, "\"p9999_ns\": null, ");
	if (result->machine_p9999_ns > 0)
		fprintf(file, "\"machine_p9999_ns\": %.0f}%s\n", result->machine_p9999_ns,
			last ? "" : ",");
	else
		fprintf(file, "\"machine_p9999_ns\": null}%s\n", last ? "" : ",");
}

bool
trial_write_json(const struct trials *trials, const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return false;
	fprintf(file, "[\n");
	for (size_t i = 0; i < trials->result_count; i++)
		write_entry(file, &trials->results[i], i + 1 == trials->result_count);
	fprintf(file, "]\n");
	return fclose(file) == 0;
}
