/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * warning.h - when to warn of something that is counted: at once the first time, then at most once in
 * WARNING_SECONDS, of all that has come to it since.
 */
#ifndef JACKDAW_WARNING_H
#define JACKDAW_WARNING_H

#include <stdbool.h>
#include <stdint.h>

enum {
	WARNING_SECONDS = 60
};

/* Zeroed at first. */
struct warning {
	uint64_t told; /* what the counter was at the last warning */
	int64_t when;  /* and the time, seconds of a clock that is never set back */
	bool said;     /* there was one */
};

/* How many to warn of now, where the counter is `count`; 0: not, or not yet. */
static inline uint64_t
warning_due(struct warning *warning, uint64_t count, int64_t now)
{
	uint64_t untold = count - warning->told;

	if (untold == 0 || (warning->said && now - warning->when < WARNING_SECONDS))
		return 0;
	*warning = (struct warning){.told = count, .when = now, .said = true};
	return untold;
}

#endif
