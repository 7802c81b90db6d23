/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_options.h - what the load generator is asked to do, read from its command line by one table
 * of options, from which --help is made too. Plain data, checked as a whole.
 */
#ifndef JACKDAW_PERF_BENCH_OPTIONS_H
#define JACKDAW_PERF_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"
#include "perf/workload.h"

enum {
	BENCH_ERROR_SIZE = 512,
	BENCH_WIDTH_MAX = 64,
	BENCH_CONNECTIONS_MAX = 32768,
	BENCH_UNDER_WAY_MAX = 65536, /* request ids of memcached's UDP frame */
	BENCH_UDP_ITEM_MAX = 1400,   /* key and value that a store in one datagram can have */
};

enum bench_transport {
	BENCH_UDP,
	BENCH_TCP,
};

enum bench_protocol {
	BENCH_BINARY,
	BENCH_TEXT,
	BENCH_META,
	BENCH_REDIS, /* over TCP, a request a message */
};

enum bench_popularity {
	BENCH_UNIFORM,
	BENCH_ZIPF,
	BENCH_HOT_SPOT,
};

struct bench_options {
	/* the wire */
	bool kernel;		 /* the kernel's sockets instead of a port of our own */
	bool busy_poll;		 /* kernel: never sleep in epoll_wait */
	struct config_port port; /* driver and where it is; our address */
	struct bench_mac {
		bool known;
		uint8_t bytes[6];
	} server_mac;	 /* not known: asked for by ARP */
	uint32_t server; /* IPv4, host byte order */
	uint16_t server_port;
	unsigned int cpu;   /* of the client's loop; UINT_MAX: the last that we may run on */
	unsigned int burst; /* packets a call of the driver */

	/* how requests are sent */
	enum bench_transport transport;
	enum bench_protocol protocol;
	unsigned int connections; /* sockets; UDP source ports */
	unsigned int depth;	  /* messages under way a connection */
	unsigned int width;	  /* requests a message */
	double rate;		  /* requests a second, open loop; 0: closed loop */
	unsigned int timeout_ms;  /* without an answer for this long: lost, sent again */

	/* what is asked */
	struct workload_options workload; /* of plain options; value_size is value_least .. */
	uint32_t value_least, value_most; /* bytes */
	enum bench_popularity popularity;
	double hot_keys, hot_share; /* shares, 0 .. 1 */
	uint32_t ttl;
	bool fill;	  /* a GET that missed is followed by a SET */
	char shape[32];	  /* name of a production shape; empty: plain options */
	char shapes[256]; /* its table; empty: where shapes_read looks */
	uint64_t objects; /* live keys that a shape is scaled to */
	bool verify;
	unsigned int echo; /* the peer echoes: frames of so many bytes instead of requests */

	/* the run */
	bool preload;
	double warm_up, seconds;
	bool server_stats;
	bool realtime; /* SCHED_FIFO: above whatever else the machine does */
	bool quiet;
	char json[256]; /* file for the results; empty: none; "-": standard output */
};

enum bench_action {
	BENCH_RUN,
	BENCH_HELP,
	BENCH_VERSION,
};

/* 0, or -EINVAL with one line in error that says what would be right. */
int bench_options_read(struct bench_options *options, enum bench_action *action, int argc,
		       char **argv, char error[BENCH_ERROR_SIZE]);

void bench_help(FILE *file);

/* "zipf 0.99 over 1000000 keys, …": the load in a line, for people and for results. */
void bench_options_describe(const struct bench_options *options, char *line, size_t size);

#endif
