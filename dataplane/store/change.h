/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * change.h - the operations that store an item: set add replace append prepend incr decr touch gat.
 */
#ifndef JACKDAW_STORE_CHANGE_H
#define JACKDAW_STORE_CHANGE_H

#include "dataplane/store/shard.h"

/* Executes op, whose key's shard and this thread's writer in it are given. Fills op's out part. */
void change_execute(struct store *store, struct shard *shard, struct writer *writer,
		    struct store_op *op, const struct moment *moment);

/* Unlinks the key. STORE_OK, STORE_NOT_FOUND or, by IF_CAS, STORE_EXISTS. */
enum store_status remove_execute(struct shard *shard, struct writer *writer,
				 const struct store_op *op, const struct moment *moment);

/* True if memcached would refuse an item of this size. */
static inline bool
item_is_too_large(const struct store *store, uint32_t key_length, uint64_t value_length,
		  uint32_t flags)
{
	return key_length + value_length + STORE_ITEM_OVERHEAD + (flags != 0 ? 4 : 0) >
	       store->options.item_size_max;
}

#endif
