/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/clock.h"

/* The tick of a Unix time; CLOCK_LONG_AGO if it was before, or is now. */
static uint64_t
tick_of_unix(const struct clock *clock, uint64_t reading, int64_t unix_time)
{
	uint64_t tick;

	if (unix_time <= clock->unix_time)
		return CLOCK_LONG_AGO;
	tick = (uint64_t)(unix_time - clock->unix_time);
	if (tick > (UINT64_C(1) << CLOCK_BITS) / CLOCK_TICKS - CLOCK_BASE - 1)
		return 0; /* further than the clock will ever go */
	tick = tick * CLOCK_TICKS + CLOCK_BASE;
	return tick > clock_tick(reading) ? tick : CLOCK_LONG_AGO;
}

static uint64_t
tick_after(uint64_t reading, int64_t seconds)
{
	return clock_tick(reading) + (reading & 1) + (uint64_t)seconds * CLOCK_TICKS;
}

uint64_t
clock_expiry(const struct clock *clock, uint64_t reading, int64_t exptime)
{
	if (exptime == 0)
		return 0;
	if (exptime < 0)
		return CLOCK_LONG_AGO;
	if (exptime > CLOCK_RELATIVE_MAX)
		return tick_of_unix(clock, reading, exptime);
	return tick_after(reading, exptime);
}

uint64_t
clock_flush(const struct clock *clock, uint64_t reading, int64_t delay)
{
	uint64_t tick;

	if (delay <= 0)
		return 0;
	if (delay <= CLOCK_RELATIVE_MAX)
		return tick_after(reading, delay);
	if (delay <= clock->unix_time)
		return CLOCK_NEVER;
	tick = tick_of_unix(clock, reading, delay);
	return tick == CLOCK_LONG_AGO ? 0 : tick;
}
