/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_timer.h - a worker's timers: one wheel of two levels (G. Varghese, T. Lauck, "Hashed and
 * Hierarchical Timing Wheels", 1987), a tick a millisecond.
 *
 *     level 0   1024 slots of a tick        what is due within a second, exactly
 *     level 1   1024 slots of 1024 ticks    what is due within 17 minutes, to be looked at again
 *
 * A timer expires at its time or earlier, never later: its owner then looks at its own deadlines,
 * does what is due and sets the timer again. So a deadline that moves away, as those of a lively
 * connection do with every segment, costs nothing: tcp_timer_set leaves the timer where it is.
 */
#ifndef JACKDAW_TCP_TIMER_H
#define JACKDAW_TCP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TCP_WHEEL_BITS = 10,
	TCP_WHEEL_SLOTS = 1 << TCP_WHEEL_BITS,
	TCP_WHEEL_WORDS = TCP_WHEEL_SLOTS / 64,
	TCP_TICK_US = 1000,
};

/* Zeroed: not set. */
struct tcp_timer {
	struct tcp_timer *next, **link; /* link: what points at this one; NULL: not set */
	uint32_t tick;			/* when it expires */
	uint16_t slot;
};

struct tcp_wheel {
	uint32_t tick; /* up to which everything has expired */
	uint64_t used[2][TCP_WHEEL_WORDS];
	struct tcp_timer *slots[2][TCP_WHEEL_SLOTS];
};

/* The timer expires at `tick` or before, unless it was set for earlier anyway. */
void tcp_timer_set(struct tcp_wheel *wheel, struct tcp_timer *timer, uint32_t tick);

void tcp_timer_stop(struct tcp_wheel *wheel, struct tcp_timer *timer);

/* Advances to `tick` at most, and takes off the next timer that expires; NULL: none is left. */
struct tcp_timer *tcp_wheel_expire(struct tcp_wheel *wheel, uint32_t tick);

/* False: no timer is set. Else *tick is when tcp_wheel_expire has something to do next. */
bool tcp_wheel_next(const struct tcp_wheel *wheel, uint32_t *tick);

#endif
