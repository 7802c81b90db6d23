/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_client.h - one client from start to end, on one thread of its own:
 *
 *     find the server ─▶ preload ─▶ warm up ─▶ server's counters ─▶ measure ─▶ counters again
 *
 * How bytes travel is a struct transport's business; what they say is the flight's. The main thread
 * watches through `view`.
 */
#ifndef JACKDAW_PERF_BENCH_CLIENT_H
#define JACKDAW_PERF_BENCH_CLIENT_H

#include <stdatomic.h>

#include "perf/bench_flight.h"
#include "perf/bench_stats.h"

enum client_phase {
	PHASE_CONNECT,
	PHASE_PRELOAD,
	PHASE_WARM_UP,
	PHASE_MEASURE,
	PHASE_DONE,
};

struct client;

/*
 * A way to the server. connect, run and ask are called on the client's thread, the others on the
 * main thread.
 */
struct transport {
	const char *name;
	/* Sets up client->wire and client->ticks_per_second. 0 or negative errno with client->error. */
	int (*open)(struct client *client);
	/* Runs client_run() on a thread of its own on the client's CPU. 0 or negative errno. */
	int (*start)(struct client *client);
	/* Waits for its end; returns client->status. */
	int (*join)(struct client *client);
	/* Finds the server: 0 or negative errno with client->error. */
	int (*connect)(struct client *client);
	/*
	 * Keeps messages under way until client_phase_over(), then takes the answers that are
	 * still to come, for at most the time-out. Adds to client->meter.
	 */
	int (*run)(struct client *client);
	/*
	 * Asks one question of the text protocol whose answer ends with the line `end`; the answer
	 * is a string in answer[0 .. size-1]. Nothing else is under way. 0, -ETIMEDOUT, -EPROTO.
	 */
	int (*ask)(struct client *client, const char *question, const char *end, char *answer,
		   size_t size);
	void (*close)(struct client *client);
};

struct client {
	const struct bench_options *options;
	const struct transport *transport;
	void *wire; /* the transport's own */
	double ticks_per_second;
	struct load load;
	struct flight flight;
	struct meter meter;
	struct meter_view view;
	_Atomic int phase;    /* enum client_phase: written by the client, shown by main */
	atomic_bool stop;     /* set by main on ^C */
	int done_fd;	      /* eventfd: written when the client's thread is through */
	uint64_t phase_ticks; /* how long the phase lasts; UINT64_MAX: until the load is through */
	uint64_t phase_began, phase_ends; /* ticks */
	bool exhausted;			  /* the load had nothing more */
	bool measured;			  /* the meter holds a measurement */
	struct server_stats before, after;
	int status;
	char error[BENCH_ERROR_SIZE];
};

/* 0 or negative errno with client->error. The options must outlive the client. */
int client_open(struct client *client, const struct bench_options *options);

/* The whole of the picture above; returns client->status. On the client's thread. */
int client_run(struct client *client);

void client_close(struct client *client);

/* One line into client->error; returns status. */
int client_fail(struct client *client, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* For transports, as their run begins. */
static inline void
client_phase_begin(struct client *client, uint64_t now)
{
	client->phase_began = now;
	client->phase_ends =
		client->phase_ticks > UINT64_MAX - now ? UINT64_MAX : now + client->phase_ticks;
}

/* For transports, once a turn of their loop. */
static inline bool
client_phase_over(const struct client *client, uint64_t now)
{
	/* relaxed: only a wish to end, nothing is read because of it */
	return now >= client->phase_ends ||
	       atomic_load_explicit(&client->stop, memory_order_relaxed);
}

#endif
