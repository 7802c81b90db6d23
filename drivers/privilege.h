/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * privilege.h - which of Linux' capabilities this process has. Sets of them are bit masks. Any
 * thread.
 */
#ifndef JACKDAW_PRIVILEGE_H
#define JACKDAW_PRIVILEGE_H

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>

#define PRIVILEGE(capability) (UINT64_C(1) << (capability))

/* Those of `wanted` that are not in effect. */
uint64_t privileges_missing(uint64_t wanted);

/* Writes the set as setcap takes it: "cap_net_admin,cap_net_raw". */
void privileges_format(uint64_t set, char *text, size_t size);

/*
 * Bytes that this process may lock into memory, as XDP sockets and vfio do with packet buffers:
 * RLIMIT_MEMLOCK, or UINT64_MAX where there is no limit.
 */
uint64_t privilege_lockable_bytes(void);

#endif
