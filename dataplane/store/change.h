/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * change.h - the operations that store an item: set add replace append prepend incr decr touch gat, a
 * get that wins or makes one, a delete that leaves it stale.
 */
#ifndef JACKDAW_STORE_CHANGE_H
#define JACKDAW_STORE_CHANGE_H

#include "dataplane/store/shard.h"

/* Executes op, whose key's shard and this thread's writer in it are given. Fills op's out part. */
void change_execute(struct store *store, struct shard *shard, struct writer *writer,
		    struct store_op *op, const struct moment *moment);

/* Unlinks the key. STORE_OK, with op->value_length; STORE_NOT_FOUND or, by IF_CAS, STORE_EXISTS. */
enum store_status remove_execute(struct shard *shard, struct writer *writer, struct store_op *op,
				 const struct moment *moment);

#endif
