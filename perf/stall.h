/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stall.h - what a machine does to a thread that never gives up its CPU: gaps in a loop that has nothing
 * to wait for, what the kernel knows of each, and what a server that never held anybody up itself would
 * owe them.
 *
 * Timer ticks, other threads and the hypervisor all stop a thread for a while. The first two the kernel
 * knows of; of the hypervisor it knows only what that owns up to as stolen.
 */
#ifndef JACKDAW_PERF_STALL_H
#define JACKDAW_PERF_STALL_H

#include <stddef.h>
#include <stdint.h>

enum stall_cause {
	STALL_FAULT,  /* a page fault */
	STALL_SWITCH, /* another thread had the CPU */
	STALL_STOLEN, /* the thread's CPU time lacks it: the hypervisor had the CPU */
	STALL_OWN,    /* on its CPU: interrupts, exits the hypervisor doesn't own up to, work */
	STALL_CAUSES,
};

/* What the kernel says of the calling thread. */
struct stall_witness {
	uint64_t wall_ns, cpu_ns;
	long faults, switches;
};

struct stall_witness stall_witness_now(void);

/* The first cause that is true of a stall of so many ns that lies between the two. */
enum stall_cause stall_cause(const struct stall_witness *before, const struct stall_witness *after,
			     uint64_t ns);

struct stall_count {
	uint64_t count, ns, longest_ns;
};

/* The stalls of one CPU. Zeroed at first; stalls_release() in the end. */
struct stalls {
	double seconds; /* watched */
	struct stall_count of[STALL_CAUSES];
	uint64_t *ns; /* of each, as they came */
	size_t count, size;
};

/* One more. 0 or -ENOMEM. */
int stalls_add(struct stalls *stalls, uint64_t ns, enum stall_cause cause);

/* Loops for that long on the calling thread, and adds every gap of at least so many ns. 0 or -ENOMEM. */
int stalls_watch(struct stalls *stalls, double seconds, uint64_t least_ns);

void stalls_release(struct stalls *stalls);

/* How many last longer than that. */
size_t stalls_over(const struct stalls *stalls, uint64_t ns);

/*
 * The ns that the given share (0 .. 1) of requests can't be kept below by any server on these CPUs, each
 * of which every request needs: requests come evenly and are served at once but for the stalls. What one
 * of d ns has held up is worked off at the rate that is left beside the load (0 .. below 1), so that
 * requests of d / (1 - load) are late, the first of them by d, the last by nothing.
 */
double stalls_floor(const struct stalls *stalls, size_t cpus, double share, double load);

#endif
