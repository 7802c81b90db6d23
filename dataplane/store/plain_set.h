/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain_set.h - the way of nearly all SETs: plain ones, of a key that is there and was foreseen
 * (index_find.h), or of one that is not. It is what change.c does, in one straight line for either.
 */
#ifndef JACKDAW_STORE_PLAIN_SET_H
#define JACKDAW_STORE_PLAIN_SET_H

#include "dataplane/store/shard.h"

/*
 * Stores op, a SET, and fills its out part. False, and nothing done, if anything about it is unusual: then it is
 * for change_execute. The writer's thread.
 */
bool plain_set_execute(const struct store *store, struct shard *shard, struct writer *writer,
		       struct store_op *op, const struct moment *moment);

#endif
