/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_meter.h - what the client counts: one writer, its own thread; others read the few figures
 * that are published for the live line.
 */
#ifndef JACKDAW_PERF_BENCH_METER_H
#define JACKDAW_PERF_BENCH_METER_H

#include <stdatomic.h>
#include <stdint.h>

#include "perf/bench_histogram.h"

#define METER_COUNTERS(X)                                                                          \
	X(requests, "requests answered")                                                           \
	X(in_time, "requests answered before the time was up")                                     \
	X(messages, "messages answered")                                                           \
	X(hits, "gets that found their key")                                                       \
	X(misses, "gets that did not")                                                             \
	X(stored, "stores done")                                                                   \
	X(not_stored, "stores, deletes and increments refused by the state of the key")            \
	X(out_of_memory, "stores refused for want of memory")                                      \
	X(refused, "requests answered with another error")                                         \
	X(wrong, "answers that don't fit the request, or values that are not the key's")           \
	X(malformed, "packets or bytes that are no answer at all")                                 \
	X(late, "answers to requests already given up or answered")                                \
	X(lost, "messages without an answer in time, or segments of TCP sent again")               \
	X(unanswered, "messages still open at the end")                                            \
	X(behind, "requests due but not sent at the end")                                          \
	X(fills_dropped, "stores after a miss left out, too many at a time")                       \
	X(bytes_sent, "bytes of payload sent")                                                     \
	X(bytes_received, "bytes of payload received")

/*
 * The latency's p99.9 of each stretch of some milliseconds. What a shared machine does seldom and for
 * long, which decides the p99.9 of seconds, is in few stretches: their median is without it.
 */
struct meter_stretches {
	struct histogram p999;		    /* ticks */
	uint64_t counts[HISTOGRAM_BUCKETS]; /* of the latency at the last one's end, */
	uint64_t total;			    /* and their sum */
};

struct meter {
#define X(name, help) uint64_t name;
	METER_COUNTERS(X)
#undef X
	uint64_t ticks;		  /* of the clock, that were measured */
	uint64_t ticks_busy;	  /* of them, loop turns that received or sent something */
	struct histogram latency; /* ticks */
	uint64_t last_latency, last_count;
	struct meter_stretches stretches;
};

/* A copy of some counters, written every few milliseconds. */
struct meter_view {
	_Atomic uint64_t requests, hits, misses, lost, wrong, progress;
};

static inline void
meter_flush_latency(struct meter *meter)
{
	if (meter->last_count != 0)
		histogram_add(&meter->latency, meter->last_latency, meter->last_count);
	meter->last_count = 0;
}

/* Answers of one burst mostly waited equally long: runs of them cost one look-up. */
static inline void
meter_add_latency(struct meter *meter, uint64_t ticks, uint64_t requests)
{
	if (ticks != meter->last_latency) {
		meter_flush_latency(meter);
		meter->last_latency = ticks;
	}
	meter->last_count += requests;
}

/*
 * A stretch ends, and another begins; the one goes on if it had too few requests to tell. Takes about a
 * microsecond.
 */
void meter_end_stretch(struct meter *meter);

void meter_publish(const struct meter *meter, struct meter_view *view, uint64_t progress);

#endif
