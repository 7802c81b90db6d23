/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * impair.h - what a bad line does to frames, in tc-netem's words and with its rules, but seeded:
 * the same seed and the same frames give the same fate on every machine. Used by the lab's wire
 * program and by the TCP simulator. Times in microseconds; a line belongs to one thread.
 *
 *     every frame:   duplicated?  ─▶ each copy: lost? ─▶ one bit flipped? ─▶ delay ± jitter,
 *                                                          or, as one reordered, no delay at all
 */
#ifndef JACKDAW_PERF_IMPAIR_H
#define JACKDAW_PERF_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "perf/random.h"

enum {
	IMPAIR_COPIES_MAX = 2,
	IMPAIR_WHOLE = UINT32_MAX, /* no bit of a frame is flipped */
};

/* What a line does. Probabilities 0 … 1. All zero: a good line. */
struct impairment {
	double loss;
	double duplicate;
	double corrupt;	    /* one random bit of the frame, whatever it belongs to */
	double reorder;	    /* these frames overtake those that are delayed */
	uint32_t gap;	    /* only every gap-th frame may overtake; 0 and 1: any */
	double burst_begin; /* Gilbert and Elliott: from the good state to the bad one … */
	double burst_end;   /* … where every frame is lost, and back */
	uint64_t delay;
	uint64_t jitter; /* uniform in delay ± jitter, never before now */
};

/* One direction of a wire. */
struct impair_line {
	struct impairment what;
	struct random random;
	uint32_t since_overtaking; /* frames */
	bool in_burst;
};

/* When a copy of a frame arrives, and which of its bits is wrong. */
struct impair_fate {
	uint64_t arrival;
	uint32_t flipped_bit; /* IMPAIR_WHOLE: none */
};

struct impair_counts {
	uint64_t frames, lost, duplicated, corrupted, overtaking;
};

static inline void
impair_line_start(struct impair_line *line, const struct impairment *what, uint64_t seed)
{
	*line = (struct impair_line){.what = *what};
	random_seed(&line->random, seed);
}

static inline bool
impair_happens(struct impair_line *line, double probability)
{
	return probability > 0 && random_unit(&line->random) < probability;
}

static inline bool
impair_loses(struct impair_line *line)
{
	if (line->in_burst)
		line->in_burst = !impair_happens(line, line->what.burst_end);
	else
		line->in_burst = impair_happens(line, line->what.burst_begin);
	return line->in_burst || impair_happens(line, line->what.loss);
}

static inline uint64_t
impair_arrival(struct impair_line *line, uint64_t now)
{
	uint64_t jitter = line->what.jitter, earliest = now + line->what.delay;

	if (jitter == 0)
		return earliest;
	earliest += random_below(&line->random, 2 * jitter + 1);
	return earliest < now + jitter ? now : earliest - jitter;
}

static inline bool
impair_overtakes(struct impair_line *line)
{
	if (line->what.reorder <= 0)
		return false;
	if (++line->since_overtaking < line->what.gap || !impair_happens(line, line->what.reorder))
		return false;
	line->since_overtaking = 0;
	return true;
}

/*
 * The fate of a frame of `length` bytes (not 0) that is sent now: the number of copies that arrive,
 * 0 to IMPAIR_COPIES_MAX, each described in fates.
 */
static inline unsigned int
impair_frame(struct impair_line *line, uint32_t length, uint64_t now,
	     struct impair_fate fates[IMPAIR_COPIES_MAX], struct impair_counts *counts)
{
	bool duplicated = impair_happens(line, line->what.duplicate);
	unsigned int arriving = 0;

	counts->frames++;
	counts->duplicated += duplicated;
	for (unsigned int copy = 0; copy < 1u + duplicated; copy++) {
		struct impair_fate *fate = &fates[arriving];

		if (impair_loses(line)) {
			counts->lost++;
			continue;
		}
		fate->flipped_bit = IMPAIR_WHOLE;
		if (impair_happens(line, line->what.corrupt)) {
			fate->flipped_bit = (uint32_t)random_below(&line->random, 8ull * length);
			counts->corrupted++;
		}
		fate->arrival = now;
		if (impair_overtakes(line))
			counts->overtaking++;
		else
			fate->arrival = impair_arrival(line, now);
		arriving++;
	}
	return arriving;
}

static inline void
impair_flip(uint8_t *frame, uint32_t bit)
{
	if (bit != IMPAIR_WHOLE)
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

#endif
