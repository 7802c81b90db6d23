/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.h - memcached's groups of statistics: every name of 1.6.18, in its order, and how each is
 * obtained from the figures that the caller gathers.
 *
 * Where slabs, LRU queues or libevent have no twin here the name is kept and the value is what a
 * server would show in which that part is idle. The heap appears as one slab class, number 1, whose
 * pages are segments.
 */
#ifndef JACKDAW_PROTO_STATS_H
#define JACKDAW_PROTO_STATS_H

#include "dataplane/proto/request.h"

/* What the process and its connections have to say. */
struct process_facts {
	const char *version;
	const char *interface; /* address listened on; NULL: all */
	const char *sasl;      /* "yes" where users prove by it who they are; NULL: no */
	const char *auth_file; /* of the users; NULL: nobody need be one */
	uint64_t pid;
	uint64_t time;	  /* seconds since 1970 */
	uint64_t uptime;  /* seconds */
	uint64_t user_us; /* processor time */
	uint64_t system_us;
	uint64_t threads;
	uint64_t tcp_port;
	uint64_t udp_port;
	uint64_t verbosity;
	uint64_t item_size_max; /* bytes */
	uint64_t segment_size;	/* bytes */
	uint64_t connections_max;
	uint64_t connections;
	uint64_t connections_total;
	uint64_t connections_rejected;
	uint64_t connections_yields; /* times one had to let others go first */
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t watch_dropped; /* events; see log_* of `stats` */
	uint64_t watch_written;
	uint64_t watch_skipped; /* lines */
	uint64_t watch_sent;
	uint64_t watchers;
	uint64_t watch_events_size; /* bytes of a worker's ring */
	uint64_t watch_text_size;   /* bytes of a watcher's */
};

struct stats_inputs {
	struct proto_stats proto; /* summed over the workers */
	struct store_stats store;
	struct process_facts process;
};

/*
 * Emits the group named: "" (general), settings, items, slabs, sizes, or detail on|off|dump. 0, or
 * -ENOENT if it is none of these. Any thread.
 */
int stats_emit_group(const struct stats_inputs *inputs, const char *group, size_t length,
		     stat_emit *emit, void *arg);

/*
 * Takes from the counters in inputs what they were at the last `stats reset`. Gauges (items, bytes,
 * connections now open, ...) stay as they are, as in memcached.
 */
void stats_subtract(struct stats_inputs *inputs, const struct stats_inputs *at_reset);

#endif
