/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/reserve.h"

#include <assert.h>
#include <errno.h>

#include "dataplane/store/change.h"
#include "dataplane/store/draft.h"

void
reservation_end(struct writer *writer, struct store_reservation *reservation, bool bury)
{
	struct store_reservation copy = *reservation; /* the filler may go with the segment */

	writer_bury(writer, copy.location - ITEM_FILLER_SIZE / ITEM_ALIGNMENT, ITEM_FILLER_SIZE);
	if (bury) {
		struct item *item = heap_item(writer->heap, copy.location);

		item_set_dead(item);
		writer_bury(writer, copy.location, item_size(item));
	}
	writer_release(writer, copy.segment);
}

/* A set that can't be received must not leave the old value behind. */
static int
reserve_fail(struct shard *shard, struct writer *writer, struct store_op *op,
	     const struct moment *moment, int error)
{
	if (error == -ENOMEM) {
		counter_add(&writer->tally.out_of_memory, 1);
		eviction_refused(&shard->eviction);
	}
	if (op->verb == STORE_SET && (op->options & STORE_IF_CAS) == 0)
		remove_execute(shard, writer, op, moment);
	return error;
}

int
store_reserve(struct store_worker *worker, const struct store_op *wanted,
	      struct store_reservation **reservation)
{
	struct store *store = worker->store;
	struct moment moment = store_moment(store);
	struct store_op op = *wanted;
	struct item_draft draft = {
		.key = op.key,
		.key_length = op.key_length,
		.part_length = {op.data_length},
		.flags = op.flags,
		.expiry = clock_expiry(&store->clock, moment.clock, op.exptime),
		.cas = (op.options & STORE_NEW_CAS) != 0 ? op.new_cas : 0,
		.marks = ((op.options & STORE_NEW_CAS) != 0 ? ITEM_GIVEN_CAS : 0) |
			 ((op.options & STORE_BINARY_KEY) != 0 ? ITEM_BINARY_KEY : 0),
	};
	struct shard *shard;
	struct writer *writer;
	struct item *filler;
	uint64_t at;

	op.hash = hash_key(op.key, op.key_length, &store->seed);
	shard = store_shard(store, op.hash);
	writer = worker_writer(worker, op.hash);
	if (item_is_too_large(store, op.key_length, op.data_length, op.flags))
		return reserve_fail(shard, writer, &op, &moment, -E2BIG);
	at = writer_allocate(writer, writer_class(writer, draft.expiry, &moment),
			     ITEM_FILLER_SIZE + item_draft_size(&draft), draft.expiry, &moment);
	if (at == 0)
		return reserve_fail(shard, writer, &op, &moment, -ENOMEM);
	filler = heap_item(writer->heap, at);
	item_write_filler(filler, ITEM_FILLER_SIZE);
	at += ITEM_FILLER_SIZE / ITEM_ALIGNMENT;
	item_write(heap_item(writer->heap, at), &draft, 0);
	*reservation = (struct store_reservation *)(void *)filler->rest;
	**reservation = (struct store_reservation){
		.location = at,
		.value = (uint8_t *)(uintptr_t)item_value(heap_item(writer->heap, at)),
		.segment = writer_hold(writer, at),
		.length = op.data_length,
		.shard = hash_shard(op.hash, store->options.shards),
	};
	return 0;
}

uint8_t *
store_reservation_value(struct store_reservation *reservation)
{
	return reservation->value;
}

void
store_abandon(struct store_worker *worker, struct store_reservation *reservation)
{
	reservation_end(&worker->writer[reservation->shard], reservation, true);
}

/* --- pins ---------------------------------------------------------------------------------- */

enum {
	PIN_SHARD_SHIFT = 29, /* a pin is shard and segment */
};

_Static_assert(STORE_SHARDS_MAX <= 1 << (32 - PIN_SHARD_SHIFT), "a shard fits a pin");

static _Atomic uint32_t *
pin_counter(struct store_worker *worker, uint32_t pin)
{
	struct writer *writer = &worker->writer[pin >> PIN_SHARD_SHIFT];

	return &writer->ledger[pin & ((1u << PIN_SHARD_SHIFT) - 1)].pins;
}

uint32_t
store_pin(struct store_worker *worker, const struct store_op *op)
{
	unsigned int shard = hash_shard(op->hash, worker->store->options.shards);
	const struct heap *heap = &worker->store->shard[shard]->heap;
	uint32_t segment = (uint32_t)((uint64_t)(op->value - heap->base) >> heap->shift);
	uint32_t pin = shard << PIN_SHARD_SHIFT | segment;

	/* smaller items' places may be used again (places.h) */
	assert(op->value_length >= STORE_PINNED_MIN);
	/* seen by the janitor after the grace period that our next quiescent state ends */
	counter_add32(pin_counter(worker, pin), 1);
	return pin;
}

void
store_unpin(struct store_worker *worker, uint32_t pin)
{
	_Atomic uint32_t *counter = pin_counter(worker, pin);

	/* release: the value was read before; pairs with the janitor's acquire (janitor.c) */
	atomic_store_explicit(counter, counter_read32(counter) - 1, memory_order_release);
}
