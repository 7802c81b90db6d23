/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prefetch.h - asking for a line that will be read soon, one of many.
 *
 * Into the second-level cache: of what is asked for at once the first level can wait for few lines only, and what it
 * has no place for is dropped, or holds up all instructions behind it. From the second level a line is 14
 * cycles away, which whatever else is to be done hides (docs/performance.md).
 */
#ifndef JACKDAW_STORE_PREFETCH_H
#define JACKDAW_STORE_PREFETCH_H

static inline void
prefetch_line(const void *at)
{
	__builtin_prefetch(at, 0, 2);
}

#endif
