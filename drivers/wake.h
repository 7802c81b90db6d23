/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wake.h - finds what an idle worker can sleep on.
 *
 * DPDK 22.11's drivers for AF_XDP and AF_PACKET offer no receive interrupts, and sleeping by the
 * timer alone costs either latency or CPU (docs/decisions/002-idle.md). But under each of their
 * queues, and under TAP's, lies a descriptor that poll(2) reports readable when a packet is there.
 * The drivers keep it to themselves, so it is found as what was not open before the queue was.
 * Control thread, with no other thread opening files meanwhile.
 */
#ifndef JACKDAW_WAKE_H
#define JACKDAW_WAKE_H

#include <stdbool.h>

enum {
	WAKE_FDS = 1024
};

/* Which descriptors are open. */
struct wake_snapshot {
	bool open[WAKE_FDS];
};

void wake_snapshot(struct wake_snapshot *snapshot);

/*
 * The nth (from 0) descriptor opened since the snapshot that packets arrive by, or -1. It stays the
 * driver's: to be polled only, and no longer than the port is open.
 */
int wake_fd_since(const struct wake_snapshot *snapshot, unsigned int nth);

/*
 * To be called when the port is closed: DPDK 22.11's AF_XDP driver leaves its sockets open, and with
 * them their queues taken. Closes it if it is one; -1 and whatever was closed already are left alone.
 */
void wake_fd_release(int fd);

#endif
