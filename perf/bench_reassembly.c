/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_reassembly.h"

#include <stdlib.h>
#include <string.h>

void
reassembly_reset(struct reassembly *reassembly)
{
	reassembly->total = 0;
	reassembly->seen = 0;
	reassembly->length = 0;
	memset(reassembly->have, 0, sizeof(reassembly->have));
}

void
reassembly_release(struct reassembly *reassembly)
{
	free(reassembly->buffer);
	reassembly->buffer = NULL;
	reassembly->capacity = 0;
}

static bool
reassembly_make_room(struct reassembly *reassembly, uint32_t bytes)
{
	uint8_t *larger;

	if (bytes <= reassembly->capacity)
		return true;
	larger = realloc(reassembly->buffer, bytes);
	if (larger == NULL)
		return false;
	reassembly->buffer = larger;
	reassembly->capacity = bytes;
	return true;
}

bool
reassembly_add(struct reassembly *reassembly, uint16_t sequence, uint16_t total,
	       const uint8_t *payload, uint32_t length)
{
	bool last = sequence + 1 == total;

	if (total == 0 || total > REASSEMBLY_PIECES_MAX || sequence >= total ||
	    (last ? length > REASSEMBLY_PIECE : length != REASSEMBLY_PIECE))
		return false;
	if (reassembly->total != total)
		reassembly_reset(reassembly);
	reassembly->total = total;
	if ((reassembly->have[sequence / 64] >> (sequence % 64) & 1) != 0 ||
	    !reassembly_make_room(reassembly, (uint32_t)total * REASSEMBLY_PIECE))
		return false;
	reassembly->have[sequence / 64] |= UINT64_C(1) << (sequence % 64);
	memcpy(reassembly->buffer + (size_t)sequence * REASSEMBLY_PIECE, payload, length);
	if (last)
		reassembly->length = (uint32_t)sequence * REASSEMBLY_PIECE + length;
	return ++reassembly->seen == total;
}
