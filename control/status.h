/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status.h - the line that a terminal shows once a second:
 *
 *     182,344 req/s  hits 97.3 %  items 1,204,112  memory 61 %  drops 0/s  busy 43 % 41 %
 *
 * Main thread; silent when standard error is no terminal or the configuration turns it off.
 */
#ifndef JACKDAW_STATUS_H
#define JACKDAW_STATUS_H

#include "control/appliance.h"

struct status {
	bool shown;
	uint64_t tsc, requests, gets, hits, drops; /* as of the last line */
	uint64_t idle[CONFIG_WORKERS_MAX];
};

void status_begin(struct status *status, const struct appliance *appliance);

/* Writes the line over the one before. */
void status_show(struct status *status, const struct appliance *appliance);

/* Wipes the line, so that the terminal is clean again. */
void status_end(struct status *status);

/* 1234567 as "1,234,567", in a buffer of at least 27 bytes, which is returned. */
char *status_number(char *buffer, uint64_t number);

#endif
