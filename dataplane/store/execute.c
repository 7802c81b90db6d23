/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of a batch: what a worker calls once it has parsed its requests. The hit of a GET is
 * wholly here, in foreseen.h and in index_find.h; the usual SET is in plain_set.h.
 */
#include "dataplane/store/change.h"
#include "dataplane/store/foreseen.h"
#include "dataplane/store/hit.h"
#include "dataplane/store/index_follow.h"
#include "dataplane/store/plain_set.h"
#include "dataplane/store/prefetch.h"

/* --- ahead of time ------------------------------------------------------------------------- */

/*
 * The stages' loops exist twice: with one shard, as nearly always, what they need to know of it stays
 * in registers for the whole batch.
 */
static inline __attribute__((always_inline)) void
prepare(const struct store *store, struct store_op *ops[], unsigned int count, bool one_shard)
{
	const struct hash_seed seed = store->seed;
	struct index_view view = index_view(&store->shard[0]->index);

	for (unsigned int i = 0; i < count; i++) {
		struct store_op *op = ops[i];

		if (op->verb == STORE_NONE)
			continue;
		op->hash = hash_key(op->key, op->key_length, &seed);
		if (!one_shard)
			view = index_view(&store_shard(store, op->hash)->index);
		op->place = view_bucket(&view, op->hash);
		op->word = SLOT_UNFORESEEN;
		prefetch_line(op->place);
	}
}

void
store_prepare(struct store_worker *worker, struct store_op *ops[], unsigned int count)
{
	const struct store *store = worker->store;

	if (__builtin_expect(store->options.shards == 1, 1))
		prepare(store, ops, count, true);
	else
		prepare(store, ops, count, false);
}

static inline __attribute__((always_inline)) void
probe(const struct store *store, struct store_op *ops[], unsigned int count, bool one_shard)
{
	const uint8_t *base = store->shard[0]->index.base;
	struct follow follow;

	follow.count = 0;
	for (unsigned int i = 0; i < count; i++) {
		struct store_op *op = ops[i];
		_Atomic uint64_t *slot;

		if (op->verb == STORE_NONE)
			continue;
		if (!one_shard)
			base = store_shard(store, op->hash)->index.base;
		slot = index_foresee(op->place, FIRST_SLOTS, op->hash, &op->word);
		if (__builtin_expect(slot != NULL, 1)) {
			op->place = slot;
			item_prefetch(base, op->word);
		} else {
			follow_add(&follow, base, op->place, op->hash, &op->place, &op->word);
		}
	}
	follow_all(&follow);
}

void
store_probe(struct store_worker *worker, struct store_op *ops[], unsigned int count)
{
	const struct store *store = worker->store;

	if (__builtin_expect(store->options.shards == 1, 1))
		probe(store, ops, count, true);
	else
		probe(store, ops, count, false);
}

/* --- get ----------------------------------------------------------------------------------- */

static inline bool
is_plain_get(const struct store_op *op)
{
	return op->verb == STORE_GET &&
	       (op->options & ~(uint32_t)(STORE_MAY_WIN | STORE_KEEP_CAS)) == 0;
}

/* False, and nothing told that counts, if there is more to it than foreseen_get can tell. */
static inline bool
get_foreseen(const struct scene *scene, struct store_op *op)
{
	struct index_entry entry = {.slot = op->place, .word = op->word};
	struct sight sight;

	if (!foreseen_get(scene, &entry, op->hash, op->key, op->key_length,
			  (op->options & STORE_KEEP_CAS) != 0, &sight))
		return false;
	op->item_key = sight.key;
	op->value = sight.key + op->key_length;
	op->value_length = head_value_length(sight.head);
	op->flags = sight.flags;
	op->cas = sight.cas;
	op->status = STORE_OK;
	return true;
}

/* Answers from an entry that was found, if its item is not gone. */
static enum store_status
get_entry(const struct heap *heap, struct store_op *op, const struct index_entry *entry,
	  const struct moment *moment)
{
	uint64_t location = slot_location(entry->word);
	const struct item *item = heap_item(heap, location);

	if (item_is_gone(heap, item, location, moment)) {
		op->options |= clock_past(item_expiry(item), moment->clock) ? STORE_FOUND_EXPIRED
									    : STORE_FOUND_FLUSHED;
		return STORE_NOT_FOUND;
	}
	hit_fill(op, heap, entry->word, moment);
	return STORE_OK;
}

/* Any other GET, as long as no item has to be written. */
static enum store_status
get(struct shard *shard, struct writer *writer, struct store_op *op, const struct moment *moment)
{
	struct index *index = &shard->index;
	bool told = (op->options & STORE_KEEP_CAS) != 0;
	uint64_t marks = index_read_marks((op->options & STORE_NO_BUMP) == 0, told);
	struct index_losses losses;
	struct index_entry entry;
	enum store_status status;

	losses.count = 0;
	do {
		/* only of an entry that can be changed is it certain that it can be marked */
		if (told ? !index_find_to_change(index, op->hash, op->key, op->key_length, &entry,
						 &losses)
			 : !index_find(index, op->hash, op->key, op->key_length, &entry))
			status = STORE_NOT_FOUND;
		else
			status = get_entry(&shard->heap, op, &entry, moment);
	} while (status == STORE_OK && !index_mark(&entry, marks) && told);
	shard_account(shard, writer, &losses);
	return status;
}

/* --- executing ----------------------------------------------------------------------------- */

/* A get that makes the item, or wins it, is a change to it. */
static void
execute_get(struct store_worker *worker, struct shard *shard, struct store_op *op,
	    const struct moment *moment)
{
	struct writer *writer = worker_writer(worker, op->hash);

	if ((op->options & STORE_CREATE) == 0) {
		op->status = (uint8_t)get(shard, writer, op, moment);
		if (op->status != STORE_OK || !hit_wins(op))
			return;
	}
	change_execute(worker->store, shard, writer, op, moment);
	/* no room for the mark: nobody wins */
	if (op->status == STORE_NO_MEMORY && (op->options & STORE_CREATE) == 0)
		op->status = (uint8_t)get(shard, writer, op, moment);
}

/* Out of line, as is every other but the usual GET, which then needs no frame. */
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
	case STORE_SET:
		change_execute(store, shard, worker_writer(worker, op->hash), op, &moment);
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

static inline __attribute__((always_inline)) void
execute_all(struct store_worker *worker, struct store_op *ops[], unsigned int count, bool one_shard)
{
	const struct store *store = worker->store;
	struct shard *shard = store->shard[0];
	struct writer *writer = &worker->writer[0];
	struct scene scene;

	scene_enter(&scene, shard);
	scene_now(&scene, store);
	for (unsigned int i = 0; i < count; i++) {
		struct store_op *op = ops[i];

		if (!one_shard) {
			shard = store_shard(store, op->hash);
			writer = worker_writer(worker, op->hash);
			scene_enter(&scene, shard);
		}
		if (__builtin_expect(is_plain_get(op), 1) &&
		    __builtin_expect(get_foreseen(&scene, op), 1))
			continue;
		if (op->verb != STORE_SET || !plain_set_execute(store, &scene, shard, writer, op))
			execute(worker, op);
		scene_now(&scene, store);
	}
}

void
store_execute_all(struct store_worker *worker, struct store_op *ops[], unsigned int count)
{
	if (__builtin_expect(worker->store->options.shards == 1, 1))
		execute_all(worker, ops, count, true);
	else
		execute_all(worker, ops, count, false);
}

void
store_execute(struct store_worker *worker, struct store_op *op)
{
	store_execute_all(worker, &op, 1);
}

void
store_do(struct store_worker *worker, struct store_op *op)
{
	store_prepare(worker, &op, 1);
	store_probe(worker, &op, 1);
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
	atomic_store_explicit(&store->flush_tick, tick == CLOCK_NEVER ? 0 : tick,
			      memory_order_relaxed);
	if (tick == 0)
		/* seq_cst: whoever starts an operation after this call sees the new epoch */
		atomic_fetch_add_explicit(&store->epoch, 1, memory_order_seq_cst);
}
