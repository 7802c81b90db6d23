/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of a batch: what a worker calls once it has parsed its requests. The hit of a GET is
 * wholly here and in index_find.
 */
#include "dataplane/store/change.h"

void
store_prepare(struct store_worker *worker, struct store_op *ops[], unsigned int count)
{
	const struct store *store = worker->store;

	for (unsigned int i = 0; i < count; i++) {
		struct store_op *op = ops[i];

		if (op->verb == STORE_NONE)
			continue;
		op->hash =
			hash_key(op->key, op->key_length, store->options.secret, STORE_SECRET_SIZE);
		op->bucket = index_bucket(&store_shard(store, op->hash)->index, op->hash);
		__builtin_prefetch(op->bucket);
	}
}

void
store_probe(struct store_worker *worker, struct store_op *ops[], unsigned int count)
{
	const struct store *store = worker->store;

	for (unsigned int i = 0; i < count; i++) {
		const struct store_op *op = ops[i];

		if (op->verb != STORE_NONE)
			index_prefetch(&store_shard(store, op->hash)->index, op->bucket, op->hash);
	}
}

/* Counts a use: the first always, later ones one time in four, so that a hot slot comes to rest. */
static inline void
count_use(struct store_worker *worker, const struct index_entry *entry)
{
	if (slot_use(entry->word) != 0) {
		if (slot_use(entry->word) == SLOT_USE_MAX)
			return;
		worker->random ^= worker->random << 13; /* Marsaglia's xorshift */
		worker->random ^= worker->random >> 17;
		worker->random ^= worker->random << 5;
		if ((worker->random & 3) != 0)
			return;
	}
	index_count_use(entry);
}

static inline enum store_status
get(struct store_worker *worker, const struct shard *shard, struct store_op *op,
    const struct moment *moment)
{
	const struct heap *heap = &shard->heap;
	struct index_entry entry;
	const struct item *item;
	uint64_t location;

	if (!index_find(&shard->index, op->hash, op->key, op->key_length, &entry))
		return STORE_NOT_FOUND;
	location = slot_location(entry.word);
	item = heap_item(heap, location);
	if (item_is_gone(heap, item, location, moment)) {
		op->options |= clock_past(item_expiry(item), moment->clock) ? STORE_FOUND_EXPIRED
									    : STORE_FOUND_FLUSHED;
		return STORE_NOT_FOUND;
	}
	op->item_key = item_key(item);
	op->value = item_value(item);
	op->value_length = item_value_length(item);
	op->flags = item_flags(item);
	op->cas = item_unique(heap, item, location);
	count_use(worker, &entry);
	return STORE_OK;
}

void
store_execute(struct store_worker *worker, struct store_op *op)
{
	struct store *store = worker->store;
	struct moment moment = store_moment(store);
	struct shard *shard = store_shard(store, op->hash);

	switch ((enum store_verb)op->verb) {
	case STORE_NONE:
		return;
	case STORE_GET:
		op->status = (uint8_t)get(worker, shard, op, &moment);
		break;
	case STORE_DELETE:
		op->status = (uint8_t)remove_execute(shard, worker_writer(worker, op->hash), op,
						     &moment);
		op->cas = 0;
		return;
	default:
		change_execute(store, shard, worker_writer(worker, op->hash), op, &moment);
	}
	if (op->status != STORE_OK)
		op->cas = 0;
}

void
store_do(struct store_worker *worker, struct store_op *op)
{
	store_prepare(worker, &op, 1);
	store_execute(worker, op);
}

void
store_quiescent(struct store_worker *worker)
{
	gp_quiescent(&worker->store->gp, worker->index);
}

void
store_offline(struct store_worker *worker)
{
	gp_offline(&worker->store->gp, worker->index);
}

void
store_online(struct store_worker *worker)
{
	gp_online(&worker->store->gp, worker->index);
}

void
store_flush(struct store_worker *worker, int64_t delay)
{
	struct store *store = worker->store;
	uint64_t tick = clock_flush(&store->clock, clock_read(&store->clock), delay);

	/* relaxed: the control thread only compares it with its clock */
	atomic_store_explicit(&store->flush_tick, tick, memory_order_relaxed);
	if (tick == 0)
		/* seq_cst: whoever starts an operation after this call sees the new epoch */
		atomic_fetch_add_explicit(&store->epoch, 1, memory_order_seq_cst);
}
