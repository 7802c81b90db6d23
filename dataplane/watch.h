/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.h - how what workers do becomes lines at those who `watch`, without holding a worker up.
 *
 *     worker 0 ──▶ ring of events ─┐                         ┌─▶ ring of text ──▶ owner's TCP
 *     worker 1 ──▶ ring of events ─┼─▶ watch_relay: in order ┼─▶ ring of text ──▶ owner's TCP
 *     janitor ───▶ ring of events ─┘   of time, into lines   └─▶ …
 *
 * Workers write events only of the kinds that somebody wants (one word, read by all, written
 * seldom), and only as long as there is room: what finds none is dropped and counted. So are lines
 * that a watcher's ring has no room for, because its reader is slow. Fetches, which are most of all
 * events, are thinned out when the ring fills up, and leave a part of it to the others.
 */
#ifndef JACKDAW_WATCH_H
#define JACKDAW_WATCH_H

#include "dataplane/byte_ring.h"
#include "dataplane/proto/event.h"

enum {
	WATCHERS_MAX = 20,	       /* as memcached */
	WATCH_EVENTS_SIZE = 256 << 10, /* bytes of a ring of events */
	WATCH_TEXT_SIZE = 256 << 10,   /* bytes of a ring of text, as memcached */
};

enum watcher_state {
	WATCHER_FREE,
	WATCHER_CLAIMED, /* a worker fills it in */
	WATCHER_ACTIVE,	 /* the relay writes to it, its worker reads */
	WATCHER_LEFT,	 /* its worker has let go of it: the relay frees it */
};

struct watcher {
	_Atomic uint8_t state;
	uint8_t worker;	  /* who owns its connection */
	uint32_t kinds;	  /* enum event_kind, or-ed */
	uint64_t since;	  /* TSC: nothing that was before is told */
	uint64_t skipped; /* the relay's: lines since the last that found room */
	struct byte_ring text;
};

/* What one thread tells of. */
struct watch_source {
	struct byte_ring events;
	_Atomic uint64_t written, dropped; /* by that thread alone */
	uint32_t fetches;		   /* that thread's: for thinning out */
	/* the relay's */
	bool peeked; /* `next` is the first event of the ring */
	struct event next;
};

struct watch {
	_Alignas(64) _Atomic uint64_t wanted; /* low half: kinds; high half: counts who joined */
	_Alignas(64) unsigned int sources;    /* workers, and the janitor behind them */
	struct watch_source *source;
	struct watcher watcher[WATCHERS_MAX];
	uint64_t number; /* the relay's: of the last event */
	_Atomic uint64_t sent, skipped;
};

struct watch_stats {
	uint64_t written; /* events */
	uint64_t dropped; /* events that found no room in their thread's ring */
	uint64_t sent;	  /* lines */
	uint64_t skipped; /* lines that found no room in their watcher's ring */
	uint64_t watchers;
};

/* What the relay tells time by: the same moment on both clocks. */
struct watch_clock {
	uint64_t tsc;
	uint64_t tsc_hz;
	uint64_t unix_us; /* since 1970 */
};

/* 0 and *watch, or -ENOMEM. Control thread. */
int watch_create(struct watch **watch, unsigned int workers);
void watch_destroy(struct watch *watch); /* NULL is fine */

/* --- workers, and the janitor --------------------------------------------------------------- */

/* The kinds that somebody watches; none if there is no struct watch. */
static inline uint32_t
watch_wanted(const struct watch *watch)
{
	/* relaxed: who sees it late tells of it late */
	return watch == NULL ? 0
			     : (uint32_t)atomic_load_explicit(&watch->wanted, memory_order_relaxed);
}

/* Tells of an event, or counts it as dropped. source: the worker's index, or their number. */
void watch_tell(struct watch *watch, unsigned int source, const struct event *event,
		const uint8_t *key);

/* A watcher for a connection of this worker; now: TSC. Its number, or -EBUSY: there are too many. */
int watch_join(struct watch *watch, unsigned int worker, uint32_t kinds, uint64_t now);

/* Its worker needs it no more. */
void watch_leave(struct watch *watch, unsigned int number);

/* --- the relay: one thread, not a worker ---------------------------------------------------- */

/*
 * Turns some events into lines. True if there may be more at once. *wake: bit i set if worker i has
 * text to send.
 */
bool watch_relay(struct watch *watch, const struct watch_clock *clock, uint64_t *wake);

/* True while nobody watches anything. */
bool watch_is_idle(const struct watch *watch);

/* Any thread. */
void watch_read_stats(const struct watch *watch, struct watch_stats *stats);

#endif
