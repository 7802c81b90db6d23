/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump.h - the lines of lru_crawler metadump and mgdump: one an item, and one at the end.
 */
#ifndef JACKDAW_DUMP_H
#define JACKDAW_DUMP_H

#include "dataplane/proto/reply.h"

enum dump_kind {
	DUMP_META, /* metadump: what memcached's crawler tells of an item; keys are URI-encoded */
	DUMP_KEYS, /* mgdump: an mg command that would fetch it */
};

/* An item, as store_walk tells of it. now: Unix time. */
void dump_item(struct reply *reply, enum dump_kind kind, const struct store_op *item, int64_t now);

void dump_end(struct reply *reply, enum dump_kind kind);

#endif
