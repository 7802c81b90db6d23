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

#include "perf/bench_arrivals.h"
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
 * A way to the server. connect, run, ask and disconnect are called on the client's thread, the others on the
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
	/* NULL, or ends whatever connections there are, so that the server knows. */
	void (*disconnect)(struct client *client);
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
	uint64_t timeout;     /* ticks without an answer after which a message counts as lost */
	uint64_t phase_ticks; /* how long the phase lasts; UINT64_MAX: until the load is through */
	uint64_t phase_began, phase_ends;      /* ticks */
	uint64_t last_answer;		       /* tick */
	uint64_t stretch_began, stretch_ticks; /* of meter_end_stretch */
	bool exhausted;			       /* the load had nothing more */
	bool draining;			       /* the phase is over: nothing new is sent */
	bool measured;			       /* the meter holds a measurement */
	struct arrivals arrivals;	       /* open loop */
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

/* --- for transports: the course of a phase ------------------------------------------------- */

/* As client->ticks_per_second and the flight are known, in open(). */
void client_set_clock(struct client *client, double ticks_per_second);

/* As run() begins and ends. The latter counts what is still open, and frees every slot. */
void client_begin(struct client *client, uint64_t now);
void client_end(struct client *client);

/* Slow part of client_finished. */
bool client_wind_up(struct client *client, uint64_t now);

/* Once a turn: true when the phase is over and nothing more is to be waited for. */
static inline bool
client_finished(struct client *client, uint64_t now)
{
	/* relaxed: only a wish to end, nothing is read because of it */
	if (__builtin_expect(now < client->phase_ends && !client->exhausted && !client->draining &&
				     !atomic_load_explicit(&client->stop, memory_order_relaxed),
			     1))
		return false;
	return client_wind_up(client, now);
}

/*
 * Every millisecond or so: publishes the figures. 0, or -ETIMEDOUT with client->error when a closed
 * loop has had no answer for seconds.
 */
int client_housekeep(struct client *client, uint64_t now);

/* Whether a message may be sent now, and when it was due. */
static inline bool
client_due(const struct client *client, uint64_t now, uint64_t *due)
{
	bool open = client->options->rate != 0;

	*due = open ? (uint64_t)client->arrivals.due : now;
	return *due <= now && !client->draining && !client->exhausted;
}

/* A message that client_due allowed has been sent. */
static inline void
client_sent(struct client *client)
{
	if (client->options->rate != 0)
		arrivals_next(&client->arrivals);
}

static inline void
client_free_slot(struct client *client, unsigned int slot)
{
	client->flight.free[client->flight.free_count++] = (uint16_t)slot;
}

/* The CPU that the client's loop is to run on. */
unsigned int client_cpu(const struct bench_options *options);

#endif
