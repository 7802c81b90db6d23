/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_report.h - what a client measured, for people, for programs, and while it runs.
 */
#ifndef JACKDAW_PERF_BENCH_REPORT_H
#define JACKDAW_PERF_BENCH_REPORT_H

#include <stdio.h>

#include "perf/bench_client.h"

/* The figures and the latency table. */
void report_text(const struct client *client, FILE *file);

/* The same as one JSON object. */
void report_json(const struct client *client, FILE *file);

/*
 * One line of how it goes, for a terminal: requests a second since the last call, hits, losses; for
 * a preload the share done and what is left. `seconds` is the time since the last call.
 */
struct report_live {
	enum client_phase phase;
	uint64_t requests, hits, misses, progress;
	double phase_seconds;
};
void report_live(const struct client *client, struct report_live *last, double seconds, FILE *file);

#endif
