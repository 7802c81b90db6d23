/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/reserve.h"

#include <assert.h>
#include <errno.h>

#include "dataplane/store/change.h"
#include "dataplane/store/draft.h"
#include "dataplane/store/index_find.h"

/* release: the value was read, or written, before; pairs with the acquire of segment_is_pinned */
static void
unpin(_Atomic uint32_t *pins)
{
	atomic_store_explicit(pins, counter_read32(pins) - 1, memory_order_release);
}

static unsigned int
reservation_shard(uint64_t reservation)
{
	return reservation >> RESERVATION_SHARD_SHIFT &
	       ((1 << (RESERVATION_TURN_SHIFT - RESERVATION_SHARD_SHIFT)) - 1);
}

/* Nothing that others do frees the room from here on. */
static void
room_hold(struct writer *writer, const struct room *room)
{
	uint32_t segment = heap_segment_of(writer->heap, room->location);

	if (room->turn == 0)
		writer_hold(writer, segment);
	else
		/* seen after the grace period that our next quiescent state ends, as pins are */
		counter_add32(&writer->ledger[segment].pins, 1);
}

static void
room_release(struct writer *writer, const struct room *room)
{
	uint32_t segment = heap_segment_of(writer->heap, room->location);

	if (room->turn == 0)
		writer_release(writer, segment);
	else
		unpin(&writer->ledger[segment].pins);
}

void
reservation_end(struct writer *writer, uint64_t reservation, bool bury)
{
	struct room room = reservation_room(reservation);

	if (bury)
		writer_discard(writer, room.location,
			       item_size(heap_item(writer->heap, room.location)));
	room_release(writer, &room);
}

/*
 * Where the value is to be received. What only extends another is copied from there, and may lie anywhere.
 */
static struct room
find_room(struct shard *shard, struct writer *writer, const struct store_op *op,
	  const struct item_draft *draft, const struct moment *moment)
{
	uint32_t size = item_draft_size(draft);
	struct old old = {.location = 0};
	struct index_entry entry;

	if (!verb_takes_data(op))
		return (struct room){
			.location = writer_allocate(writer, CLASS_NEW, size, draft->expiry, moment),
		};
	if (index_find(&shard->index, op->hash, op->key, op->key_length, &entry))
		old = old_of(writer->heap, entry.word);
	return room_find(shard, writer, &old, op->hash, size, draft->expiry, moment);
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
store_reserve(struct store_worker *worker, const struct store_op *wanted, uint64_t *reservation)
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
	struct item *item;
	struct room room;

	op.hash = hash_key(op.key, op.key_length, &store->seed);
	shard = store_shard(store, op.hash);
	writer = worker_writer(worker, op.hash);
	if (item_is_too_large(store, op.key_length, op.data_length, op.flags))
		return reserve_fail(shard, writer, &op, &moment, -E2BIG);
	room = find_room(shard, writer, &op, &draft, &moment);
	if (room.location == 0)
		return reserve_fail(shard, writer, &op, &moment, -ENOMEM);
	room_hold(writer, &room);
	item = heap_item(writer->heap, room.location);
	item_write(item, &draft, room.turn);
	item_set_dead(item);
	*reservation = reservation_make(&room, hash_shard(op.hash, store->options.shards));
	return 0;
}

uint8_t *
store_reservation_value(const struct store_worker *worker, uint64_t reservation)
{
	const struct writer *writer = &worker->writer[reservation_shard(reservation)];
	struct room room = reservation_room(reservation);

	return (uint8_t *)(uintptr_t)item_value(heap_item(writer->heap, room.location));
}

void
store_abandon(struct store_worker *worker, uint64_t reservation)
{
	reservation_end(&worker->writer[reservation_shard(reservation)], reservation, true);
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
	unpin(pin_counter(worker, pin));
}
