/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_reassembly.h - puts an answer of several UDP datagrams together again, in whatever order
 * they come. One thread.
 */
#ifndef JACKDAW_PERF_BENCH_REASSEMBLY_H
#define JACKDAW_PERF_BENCH_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Payload of all datagrams of an answer but the last: what memcached and we both send. */
	REASSEMBLY_PIECE = 1392,
	REASSEMBLY_PIECES_MAX = 1024,
};

struct reassembly {
	uint16_t total; /* datagrams, as the answer says; 0: none came yet */
	uint16_t seen;
	uint32_t length;
	uint32_t capacity; /* bytes of buffer */
	uint8_t *buffer;   /* made when it is first needed */
	uint64_t have[REASSEMBLY_PIECES_MAX / 64];
};

/*
 * Adds datagram `sequence` of `total`. True when with it the answer is whole: buffer[0 .. length-1].
 * A datagram that doesn't fit the others starts anew.
 */
bool reassembly_add(struct reassembly *reassembly, uint16_t sequence, uint16_t total,
		    const uint8_t *payload, uint32_t length);

/* Forgets what has come. */
void reassembly_reset(struct reassembly *reassembly);

void reassembly_release(struct reassembly *reassembly);

#endif
