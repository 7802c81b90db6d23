/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of a batch: what a worker calls once it has parsed its requests. The hit of a GET is
 * wholly here and in index_find.h.
 */
#include "dataplane/store/change.h"
#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"

enum {
	LATE_MAX = 16, /* ops of a batch whose overflow bucket is looked at ahead of time too */
};

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
		op->place = index_bucket(&store_shard(store, op->hash)->index, op->hash);
		op->word = SLOT_EMPTY; /* nothing foreseen, should store_probe be left out */
		__builtin_prefetch(op->place);
	}
}

static inline void
prefetch_item(const uint8_t *item)
{
	__builtin_prefetch(item);
	__builtin_prefetch(item + ITEM_SECOND_LINE);
}

/* The entry is not in the first bucket. The next one is on its way by now. */
static void
probe_overflow(const struct index *index, struct store_op *op)
{
	const struct bucket *first = op->place;
	/* acquire: the bucket that it leads to (bucket_control) */
	uint64_t control = bucket_control(first);
	_Atomic uint64_t *slot;
	const uint8_t *item;

	if ((control & CONTROL_ADDRESS) == 0 || (control & CONTROL_PENDING) != 0)
		return;
	slot = index_foresee(index, bucket_at(index, control), OVERFLOW_SLOTS, op->hash, &op->word,
			     &item);
	if (slot == NULL)
		return;
	op->place = slot;
	prefetch_item(item);
}

void
store_probe(struct store_worker *worker, struct store_op *ops[], unsigned int count)
{
	const struct store *store = worker->store;
	struct store_op *late[LATE_MAX];
	unsigned int late_count = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct store_op *op = ops[i];
		const struct index *index;
		_Atomic uint64_t *slot;
		const uint8_t *item;

		if (op->verb == STORE_NONE)
			continue;
		index = &store_shard(store, op->hash)->index;
		slot = index_foresee(index, op->place, FIRST_SLOTS, op->hash, &op->word, &item);
		if (__builtin_expect(slot != NULL, 1)) {
			op->place = slot;
			prefetch_item(item);
		} else if (late_count < LATE_MAX) {
			index_prefetch_overflow(index, op->place);
			late[late_count++] = op;
		}
	}
	for (unsigned int i = 0; i < late_count; i++)
		probe_overflow(&store_shard(store, late[i]->hash)->index, late[i]);
}

/* --- get ----------------------------------------------------------------------------------- */

/*
 * Answers a plain GET from the entry that store_probe found, as nearly all are. False, and nothing
 * done, if that entry is not there any more, not the key's, or there is more to say of its item.
 */
static inline bool
get_foreseen(const struct store *store, struct store_op *op)
{
	const struct shard *shard = store_shard(store, op->hash);
	struct index_entry entry = {.slot = op->place, .word = op->word};
	uint64_t location = slot_location(entry.word), head, stamp;
	const uint8_t *item, *key;
	struct moment moment;

	if (!index_entry_stands(&entry))
		return false;
	item = (const uint8_t *)heap_item(&shard->heap, location);
	head = ((const struct item *)item)->head;
	key = item + item_header_size(head_options(head));
	if (head_key_length(head) != op->key_length || !bytes_equal(key, op->key, op->key_length))
		return false;
	moment = store_moment(store);
	stamp = heap_stamp(&shard->heap, heap_segment_of(&shard->heap, location));
	if (stamp_is_flushed(stamp, moment.epoch) || (head_options(head) & ITEM_HAS_EXTRA) != 0 ||
	    clock_past(head_life(head), moment.clock))
		return false;
	op->item_key = key;
	op->value = key + op->key_length;
	op->value_length = head_value_length(head);
	op->flags = head_options(head) & ITEM_HAS_FLAGS ? load_half(key - 4) : 0;
	op->cas = head_options(head) & ITEM_HAS_CAS
			  ? load_word(item + sizeof(struct item))
			  : stamp_generation(stamp) << SLOT_LOCATION_BITS | location;
	op->status = STORE_OK;
	index_mark_used(&entry);
	return true;
}

/* Any other GET, as long as nothing has to be written. */
static enum store_status
get(const struct shard *shard, struct store_op *op, const struct moment *moment)
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
	hit_fill(op, heap, entry.word, moment);
	if ((op->options & STORE_NO_BUMP) == 0)
		index_mark_used(&entry);
	return STORE_OK;
}

/* --- executing ----------------------------------------------------------------------------- */

/* A get that makes the item, or wins it, is a change to it. */
static void
execute_get(struct store_worker *worker, struct shard *shard, struct store_op *op,
	    const struct moment *moment)
{
	struct writer *writer = worker_writer(worker, op->hash);

	if ((op->options & STORE_CREATE) == 0) {
		op->status = (uint8_t)get(shard, op, moment);
		if (op->status != STORE_OK || !hit_wins(op))
			return;
	}
	change_execute(worker->store, shard, writer, op, moment);
	if (op->status == STORE_NO_MEMORY && (op->options & STORE_CREATE) == 0)
		op->status =
			(uint8_t)get(shard, op, moment); /* no room for the mark: nobody wins */
}

/* Out of line, so that the usual GET needs no frame. */
static void __attribute__((noinline)) execute(struct store_worker *worker, struct store_op *op)
{
	struct store *store = worker->store;
	struct moment moment = store_moment(store);
	struct shard *shard = store_shard(store, op->hash);

	switch ((enum store_verb)op->verb) {
	case STORE_NONE:
		return;
	case STORE_GET:
		execute_get(worker, shard, op, &moment);
		break;
	case STORE_DELETE:
		if ((op->options & (STORE_INVALIDATE | STORE_DROP_VALUE)) != 0)
			change_execute(store, shard, worker_writer(worker, op->hash), op, &moment);
		else
			op->status = (uint8_t)remove_execute(shard, worker_writer(worker, op->hash),
							     op, &moment);
		op->cas = 0;
		return;
	default:
		change_execute(store, shard, worker_writer(worker, op->hash), op, &moment);
	}
	if (op->status != STORE_OK)
		op->cas = 0;
}

void
store_execute(struct store_worker *worker, struct store_op *op)
{
	if (__builtin_expect(op->verb == STORE_GET && (op->options & ~STORE_MAY_WIN) == 0, 1) &&
	    __builtin_expect(get_foreseen(worker->store, op), 1))
		return;
	execute(worker, op);
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
