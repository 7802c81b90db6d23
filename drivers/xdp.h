/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdp.h - who else has an interface by XDP. DPDK's driver doesn't look: where another process is
 * served already, it fails with "Invalid argument" and detaches that process's program on its way
 * out. Any thread; slow.
 */
#ifndef JACKDAW_XDP_H
#define JACKDAW_XDP_H

#include <stdbool.h>
#include <stdint.h>

enum {
	XDP_NAME_SIZE = 16
};

/* True if the interface's kernel driver is known never to bind XDP sockets without a copy. */
bool xdp_always_copies(const char *interface);

/*
 * True if some process has an XDP socket on the queue and keeps it: one that is let go of is waited
 * for, since the kernel takes up to a second to release the queue of a process that ended. Only for
 * interfaces that always copy; on others a look would take the queue itself.
 */
bool xdp_queue_taken(const char *interface, uint32_t queue);

/*
 * Kernel's number of the XDP program attached to the interface, 0 if there is none, and its name (""
 * if that can't be found out). Programs outlive a killed process.
 */
uint32_t xdp_program(const char *interface, char name[XDP_NAME_SIZE]);

/* True if the program of that name is what DPDK attaches, and would use again. */
bool xdp_program_is_dpdks(const char *name);

#endif
