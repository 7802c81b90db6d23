/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report.h - the registry of statistics: every counter of every part, summed over the workers, and
 * the groups in which a client's `stats` gets them.
 *
 * Counters are each written by one thread and read here without a lock: sums are of slightly
 * different moments.
 */
#ifndef JACKDAW_REPORT_H
#define JACKDAW_REPORT_H

#include "control/appliance.h"

/* What `version` says: clients look for a number of memcached's in it. */
#define PROTOCOL_VERSION "1.6.18-jackdaw-" JACKDAW_VERSION

struct report {
	struct net_stats net;
	struct proto_stats proto;
	struct worker_stats worker;
	struct tcp_stats tcp;
	struct store_stats store;
	uint64_t drops; /* all causes together */
};

/* Sums up. Any thread. */
void report_gather(const struct appliance *appliance, struct report *report);

/* struct server's, with the appliance as owner. On a worker's thread. */
int report_group(void *appliance, const char *group, size_t length, stat_emit *emit, void *arg);
void report_reset(void *appliance);
void report_listeners(void *appliance, struct reply *reply);

#endif
