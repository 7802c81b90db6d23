/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim.h - two TCPs, applications on them and a bad network between, in virtual time. Everything
 * that happens follows from one number, the seed.
 *
 *     client's end                                                  server's end
 *     application ◀─▶ struct tcp ◀─▶ a line each way ◀─▶ struct tcp ◀─▶ application
 *                                          │
 *                                       monitor
 *
 * What is held against each run: every byte that is read is the byte that was written there; every
 * connection ends as its plan says; every frame on the wire keeps the rules (tcp_sim_monitor.h); the
 * virtual time is bounded; and afterwards nothing is left: buffers, pins, packets, connections.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_H
#define JACKDAW_TESTS_TCP_SIM_H

#include <stdarg.h>
#include <stdio.h>

#include "dataplane/net/tcp_connection.h"
#include "perf/impair.h"
#include "perf/time_queue.h"

enum {
	SIM_CONNECTIONS_MAX = 64,
	SIM_FLIGHT_MAX = 4096, /* frames under way; more are lost, as from a router's queue */
	SIM_FRAME_MAX = 2048,
	SIM_PINS = 32,
	SIM_PIN_SIZE = 16384,
	SIM_PATTERN = 65521,	 /* bytes after which a stream repeats: a prime */
	SIM_HEADER = 4,		 /* a client's stream begins with its connection's number */
	SIM_MBUFS = 2048,	 /* of each end */
	SIM_TURNS_MAX = 2000000, /* of both ends in one run: beyond, a timer spins */
	SIM_SYNS_MAX = 8,
	SIM_FIRST_PORT = 20000, /* of the client; the connection's number is added */
	SIM_SERVICE_PORT = 11211,
};

#define SIM_NEVER    UINT64_MAX
#define SIM_SECOND   1000000ull
#define SIM_TIME_MAX (7200 * SIM_SECOND) /* virtual: a run that isn't over by then hangs */

enum sim_end_name {
	SIM_CLIENT,
	SIM_SERVER,
	SIM_ENDS
};

/* Who ends a connection, and when. */
enum sim_closing {
	SIM_CLIENT_FIRST, /* when all is sent and read; the other follows */
	SIM_SERVER_FIRST,
	SIM_BOTH,  /* each by itself when all is sent and read */
	SIM_EARLY, /* the client when all is sent: what it has not read by then is dropped */
	SIM_CLOSINGS,
};

/* What an application on one end of a connection does. Lengths in bytes, times in microseconds. */
struct sim_part {
	uint32_t total; /* to be sent */
	uint32_t write_max, write_pause;
	uint32_t read_max, read_pause;
	uint32_t stall_at, stall_for; /* having read so much, it reads nothing for so long */
	uint32_t abort_at;	      /* aborts when it has read and written so much in sum */
	bool pinned;		      /* large writes are sent from where they lie */
	bool answers; /* sends in proportion to what it has read, as a server does */
};

struct sim_connection_plan {
	uint64_t start;
	enum sim_closing closing;
	struct sim_part parts[SIM_ENDS];
};

/* Everything that a seed decides. */
struct sim_plan {
	uint64_t seed;
	bool ipv6;
	uint16_t mtu[SIM_ENDS];
	uint16_t path_mtu; /* of a link on the way; 0: all are wide enough */
	struct tcp_options options[SIM_ENDS];
	struct impairment lines[SIM_ENDS]; /* towards that end */
	uint64_t dark_from, dark_until;	   /* between, nothing arrives */
	uint64_t destroy_at;		   /* the server is destroyed then; SIM_NEVER */
	uint32_t turn_max;		   /* a worker's turn begins up to so long after the last */
	bool late_dma;			   /* the ports read frames when a turn is over */
	bool offload;			   /* the ports fill in and verify checksums */
	uint32_t flood;			   /* spoofed SYNs */
	uint32_t blind;			   /* segments of an attacker who sees nothing */
	bool starved;			   /* buffers are so few that connections are aborted */
	uint32_t connections;
	struct sim_connection_plan connection[SIM_CONNECTIONS_MAX];
};

struct sim;

/* One application on one end of one connection. */
struct sim_app {
	struct tcp_connection *connection; /* NULL: not yet, or gone */
	uint32_t read, written;
	uint64_t next_read, next_write; /* not before */
	bool left_unread;		/* bytes are there that it did not take yet */
	bool pauses;			/* it could write, but waits */
	bool established, stalled, at_end, closing, aborted, starved, gone;
};

/* The user area of a connection. */
struct sim_user {
	struct sim_app *app; /* NULL: the server does not know yet */
	uint8_t header[SIM_HEADER];
	uint32_t header_length;
};

/* What a SYN said. */
struct sim_syn {
	uint32_t first; /* its sequence number */
	uint16_t mss;
	uint8_t scale;
	bool has_scale, has_stamps, has_sack;
	uint32_t stamp;
};

/* What the monitor knows of one direction of a connection. */
struct sim_flow {
	/* the one that counts; before the peer acknowledged one, a server without memory (SYN cookies)
	 * may send several that differ */
	struct sim_syn syn;
	struct sim_syn syns[SIM_SYNS_MAX];
	unsigned int syn_count;
	bool syn_taken, acked, fin_seen;
	bool another;	    /* what begins with an old SYN after the end: nobody's concern */
	uint32_t next, fin; /* sequence numbers */
	uint32_t ack, right_edge;
	uint32_t stamp;
	uint64_t frames, resets;
};

struct sim_end {
	struct sim *sim;
	enum sim_end_name name;
	struct tcp *tcp;
	struct tcp_port port;
	struct interface interface;
	struct tcp_stats stats;
	struct impair_line line; /* towards this end */
	struct rte_mempool *pool;
	struct rte_ether_addr mac;
	struct address address;
	uint64_t clock;	    /* of the last turn */
	uint64_t next_turn; /* not before */
	uint32_t waiting;   /* frames that lie at its port */
	uint32_t queue[SIM_FLIGHT_MAX];
	uint32_t unsent; /* mbufs that the port has not read yet */
	struct rte_mbuf *sending[SIM_MBUFS];
};

struct sim_frame {
	uint32_t next_free;
	uint16_t length;
	uint32_t flipped_bit; /* IMPAIR_WHOLE: none */
	bool forged;
	enum sim_end_name to;
	uint8_t bytes[SIM_FRAME_MAX];
};

struct sim_pin {
	bool used;
	enum sim_end_name end;
	uint8_t bytes[SIM_PIN_SIZE];
};

struct sim {
	struct sim_plan plan;
	struct random random;
	uint64_t now;
	struct sim_end ends[SIM_ENDS];
	struct sim_app apps[SIM_CONNECTIONS_MAX][SIM_ENDS];
	struct sim_flow flows[SIM_CONNECTIONS_MAX][SIM_ENDS];
	struct impair_counts counts;
	struct time_queue flight;
	struct time_entry flight_entries[SIM_FLIGHT_MAX];
	struct sim_frame frames[SIM_FLIGHT_MAX];
	struct sim_pin pins[SIM_PINS];
	uint32_t free;	  /* of frames: the last that was released; SIM_FLIGHT_MAX: none */
	uint32_t touched; /* those from here on were never used */
	uint32_t turns, floods_left, blinds_left, ghosts;
	uint64_t next_flood, next_blind, frames_sent;
	uint64_t plain_frames; /* taken the plain way */
	bool general;	       /* nothing goes the plain way (tcp_plain.c) */
	bool trace;
	char failure[256]; /* the first one; empty: none */
};

/* The run has failed: only the first reason is kept. */
__attribute__((format(printf, 2, 3))) static inline void
sim_fail(struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (sim->failure[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(sim->failure, sizeof(sim->failure), format, arguments);
	va_end(arguments);
	if (sim->trace)
		printf("%11.6f FAILED: %s\n", (double)sim->now / 1e6, sim->failure);
}

static inline uint32_t
sim_between(struct random *random, uint32_t least, uint32_t most)
{
	return least + (uint32_t)random_below(random, (uint64_t)most - least + 1);
}

static inline bool
sim_one_in(struct random *random, uint32_t n)
{
	return random_below(random, n) == 0;
}

#endif
