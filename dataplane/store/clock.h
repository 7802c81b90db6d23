/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.h - the store's time, and memcached's rules for when an item expires.
 *
 * Time is counted in ticks of 1/4 s since creation (plus CLOCK_BASE). An item is alive while
 * now < expiry. A relative expiry is counted from the next tick edge, so that an item lives at least
 * as long as was asked, and less than one tick longer; an absolute one falls exactly on its second.
 *
 * clock_set: the control thread. Everything else: any thread.
 */
#ifndef JACKDAW_STORE_CLOCK_H
#define JACKDAW_STORE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	CLOCK_TICKS = 4, /* a second */
	CLOCK_TICK_MS = 1000 / CLOCK_TICKS,
	CLOCK_BASE = CLOCK_TICKS,		/* ticks when the store is created */
	CLOCK_LONG_AGO = 1,			/* a tick that is always past */
	CLOCK_RELATIVE_MAX = 60 * 60 * 24 * 30, /* seconds; above, an exptime is a Unix time */
	CLOCK_BITS = 56,			/* of a tick */
};

#define CLOCK_NEVER UINT64_MAX /* a tick that doesn't come */

struct clock {
	_Atomic uint64_t now; /* tick << 1 | some of the next tick has passed */
	int64_t unix_time;    /* seconds, at tick CLOCK_BASE */
};

static inline void
clock_set(struct clock *clock, uint64_t milliseconds)
{
	uint64_t tick = milliseconds / CLOCK_TICK_MS, rest = milliseconds % CLOCK_TICK_MS;

	/* release: a flush that fell due is seen by whoever sees this time (store_set_clock) */
	atomic_store_explicit(&clock->now, (tick + CLOCK_BASE) << 1 | (rest != 0),
			      memory_order_release);
}

static inline void
clock_init(struct clock *clock, int64_t unix_time)
{
	clock->unix_time = unix_time;
	clock_set(clock, 0);
}

/* A reading of the clock: compare expiries with clock_tick() of it. */
static inline uint64_t
clock_read(const struct clock *clock)
{
	/* acquire: pairs with clock_set */
	return atomic_load_explicit(&clock->now, memory_order_acquire);
}

static inline uint64_t
clock_tick(uint64_t reading)
{
	return reading >> 1;
}

static inline bool
clock_past(uint64_t expiry, uint64_t reading)
{
	return expiry != 0 && expiry <= clock_tick(reading);
}

/* Seconds that are left of a life, to the nearest; -1 of one that never ends. */
static inline int64_t
clock_left(uint64_t expiry, uint64_t reading)
{
	if (expiry == 0)
		return -1;
	if (clock_past(expiry, reading))
		return 0;
	return (int64_t)((expiry - clock_tick(reading) + CLOCK_TICKS / 2) / CLOCK_TICKS);
}

/* The tick at which an item stored now with a client's exptime expires; 0: never. */
uint64_t clock_expiry(const struct clock *clock, uint64_t reading, int64_t exptime);

/*
 * The tick that a flush_all with this delay takes effect; 0: at once; CLOCK_NEVER: not at all, as it is
 * a Unix time before there was anything to flush.
 */
uint64_t clock_flush(const struct clock *clock, uint64_t reading, int64_t delay);

#endif
