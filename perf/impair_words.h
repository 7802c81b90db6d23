/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * impair_words.h - reads an impairment as tc-netem spells it: "loss 1% delay 20ms 2ms reorder 25%".
 */
#ifndef JACKDAW_PERF_IMPAIR_WORDS_H
#define JACKDAW_PERF_IMPAIR_WORDS_H

#include <stddef.h>

#include "perf/impair.h"

/*
 * Reads words[0 … count-1] into *what and *limit (frames under way; left alone if not said).
 *
 *     loss [random] P%   loss gemodel P% R%   duplicate P%   corrupt P%
 *     reorder P% [gap N]   gap N   delay TIME [JITTER]   limit N
 *
 * TIME is a number and us, ms or s; without a unit microseconds. 0, or -EINVAL with a sentence for
 * people in error.
 */
int impair_words_read(char *const words[], int count, struct impairment *what, uint32_t *limit,
		      char *error, size_t error_size);

#endif
