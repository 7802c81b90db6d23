/* SPDX-License-Identifier: BSD-3-Clause */
/* store_bench_jackdaw.h - what only the store can tell of itself to its benchmark. */
#ifndef JACKDAW_PERF_STORE_BENCH_JACKDAW_H
#define JACKDAW_PERF_STORE_BENCH_JACKDAW_H

#include "dataplane/store/store.h"
#include "perf/store_bench.h"

void trial_jackdaw_stats(const struct trial_subject *subject, struct store_stats *stats);

/* Cache lines that header, key and value of a loaded item lie on: mean of random hits. */
double trial_jackdaw_item_lines(struct trial_subject *subject, uint64_t samples);

#endif
