/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every operation that stores runs the same loop: find the key; ask the verb what the new item is to
 * be, given the old one; write it into this writer's open segment; publish it by one
 * compare-and-swap of the old one's slot, or by index_insert. If another writer came between, again.
 * An item is never changed in place, so readers see the old or the new and nothing else.
 */
#include "dataplane/store/change.h"

#include "dataplane/store/draft.h"
#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"
#include "dataplane/store/reserve.h"

/* --- writing the new item ------------------------------------------------------------------ */

static bool
change_write(struct change *change)
{
	change->size = item_draft_size(&change->draft);
	change->room = room_find(change->shard, change->writer, &change->found, change->op->hash,
				 change->size, change->draft.expiry, change->moment);
	if (change->room.location == 0)
		return false;
	item_write(heap_item(change->writer->heap, change->room.location), &change->draft,
		   change->room.turn);
	change->made_from = change->source;
	change->exposed = false;
	return true;
}

/* The new item won't be published. */
static void
change_discard(struct change *change)
{
	if (change->room.location == 0 || change->reserved)
		return;
	room_give_back(change->writer, change->room, change->size, change->exposed);
	change->room.location = 0;
}

/* --- publishing it ------------------------------------------------------------------------- */

/* The new item stands where the entry's did. */
static void
count_replaced(struct change *change)
{
	struct writer *writer = change->writer;
	uint64_t word = change->entry.word;

	assert(writer != NULL);
	if (change->old == NULL) {
		count_expired(&writer->tally, index_item(&change->shard->index, word), word,
			      change->moment);
		shard_bury(change->shard, writer, word);
	} else {
		tally_head(&writer->tally, change->found.head, UINT64_MAX);
		old_retire(writer, places_row(&writer->places, change->found.size), &change->found,
			   word);
	}
}

/*
 * What reads have left in the old one's slot. Eviction takes a new version of a key that is read for
 * one that is read as well; a copy, or another number, has been fetched if the item has.
 */
static uint64_t
inherited_uses(const struct change *change)
{
	const struct store_op *op = change->op;
	uint64_t told = index_read_marks(false, (op->options & STORE_KEEP_CAS) != 0);
	uint64_t uses = change->old != NULL ? change->entry.word & (SLOT_USED | SLOT_FETCHED) : 0;

	if (verb_stores(op) && op->verb != STORE_INCR && op->verb != STORE_DECR)
		return (uses & SLOT_USED) | told;
	/* who makes an item by asking for it has fetched it, but is no sign that others will */
	if ((op->verb == STORE_GET || op->verb == STORE_GAT) && (op->options & STORE_NO_BUMP) == 0)
		uses |= SLOT_FETCHED | (change->old != NULL ? SLOT_USED : 0);
	return uses | told;
}

/* True once the new item stands in the index. */
static bool
change_publish(struct change *change)
{
	struct store_op *op = change->op;
	uint64_t word = slot_live(op->hash, change->room.location) | inherited_uses(change);

	if (change->entry.slot == NULL) {
		if (index_insert(&change->shard->index, op->hash, op->key, op->key_length, word,
				 &change->exposed, &change->losses) != INDEX_INSERTED)
			return false;
	} else {
		if (!index_replace(&change->entry, word))
			return false;
		count_replaced(change);
	}
	room_settle(change->shard, change->writer, &change->room, op->hash, change->moment);
	return true;
}

/* What get and gat tell: of the item that they found, and whether this op has won it. */
static void
tell_of_read(struct change *change)
{
	struct store_op *op = change->op;
	const struct heap *heap = &change->shard->heap;
	bool wins = false;

	if (change->old != NULL) {
		hit_fill(op, heap, change->entry.word, change->moment);
		wins = hit_wins(op);
	}
	if (!change->unchanged) {
		int64_t before = op->ttl_before;
		uint32_t options = op->options;

		hit_fill(op, heap, slot_live(op->hash, change->room.location), change->moment);
		op->ttl_before = change->old != NULL ? before : -1;
		if (change->old != NULL)
			op->options = options;
	}
	if (change->old == NULL)
		op->options = (op->options & ~(uint32_t)STORE_TOKEN_SENT) | STORE_CREATED;
	if (change->old == NULL || wins)
		op->options |= STORE_WON;
}

static void
change_succeed(struct change *change)
{
	struct store_op *op = change->op;
	struct tally *tally = &change->writer->tally;
	const struct item *item = heap_item(&change->shard->heap, change->room.location);

	if (op->verb == STORE_GET || op->verb == STORE_GAT)
		tell_of_read(change);
	if (change->unchanged)
		return;
	tally_item(tally, item, 1);
	if (verb_stores(op) || change->old == NULL) {
		counter_add(&tally->items_total, 1);
		counter_add(&tally->stored_expired,
			    clock_past(item_expiry(item), change->moment->clock));
	}
	if (change->old == NULL && (op->options & STORE_CREATE) != 0)
		op->options |= STORE_CREATED;
	if (op->verb == STORE_INCR || op->verb == STORE_DECR)
		op->ttl_before = change->old == NULL ? -1
						     : clock_left(item_expiry(change->old),
								  change->moment->clock);
	op->cas = item_unique(&change->shard->heap, item, change->room.location);
	op->flags = item_flags(item);
	op->value_length = item_value_length(item);
	if (op->verb != STORE_SET)
		op->ttl = clock_left(item_expiry(item), change->moment->clock);
}

/* --- the loop ------------------------------------------------------------------------------ */

static void
change_find(struct change *change)
{
	struct store_op *op = change->op;
	struct heap *heap = &change->shard->heap;
	struct item *item;

	change->old = NULL;
	change->found = (struct old){.location = 0};
	change->source = 0;
	change->entry = (struct index_entry){.slot = op->place, .word = op->word};
	if (!index_confirm(&change->shard->index, &change->entry, op->hash, op->key,
			   op->key_length) &&
	    !index_find_to_change(&change->shard->index, op->hash, op->key, op->key_length,
				  &change->entry, &change->losses)) {
		change->entry.slot = NULL;
		return;
	}
	change->found = old_of(heap, change->entry.word);
	change->source = change->entry.word & (SLOT_LOCATION | SLOT_TOLD);
	item = heap_item(heap, change->found.location);
	if (!old_is_gone(&change->found, item, change->moment))
		change->old = item;
}

/* Stale data must not survive a failed set. */
static enum store_status
change_fail(struct change *change, enum store_status status)
{
	struct store_op *op = change->op;

	if (status == STORE_NO_MEMORY) {
		counter_add(&change->writer->tally.out_of_memory, 1);
		eviction_refused(&change->shard->eviction);
	}
	if (op->verb == STORE_SET && (op->options & STORE_IF_CAS) == 0)
		remove_execute(change->shard, change->writer, op, change->moment);
	return status;
}

/* The old item stays. False if the unique told of it wouldn't: then it is to be found again. */
static bool
change_tell(const struct change *change)
{
	bool told = (change->op->options & STORE_KEEP_CAS) != 0;

	return index_mark(&change->entry, index_read_marks(false, told));
}

static enum store_status
change_run(struct change *change, uint64_t delta)
{
	for (;;) {
		enum store_status status;

		change_find(change);
		if (change->room.location != 0 && change->made_from != change->source &&
		    (!verb_takes_data(change->op) || (change->op->options & STORE_INVALIDATE) != 0))
			change_discard(change); /* what it was made from is no more */
		status = draft_make(change, delta);
		if (status != STORE_OK) {
			change_discard(change);
			if (status == STORE_EXISTS && change->op->verb == STORE_ADD)
				index_mark(&change->entry, SLOT_USED);
			if (status == STORE_NOT_A_NUMBER)
				change->op->value_length = item_value_length(change->old);
			return status;
		}
		if (change->unchanged) {
			change_discard(change);
			if (change_tell(change))
				return STORE_OK;
			continue;
		}
		if (change->room.location == 0 && !change_write(change))
			return change_fail(change, STORE_NO_MEMORY);
		if (change_publish(change))
			return STORE_OK;
	}
}

/* Lets the value that arrived be the new item's, in its place if nothing speaks against it. */
static void
change_use_reservation(struct change *change)
{
	struct store_op *op = change->op;
	struct room room = reservation_room(op->reservation);
	const struct heap *heap = &change->shard->heap;
	struct item *item = heap_item(heap, room.location);
	uint64_t stamp = heap_stamp(heap, heap_segment_of(heap, room.location));

	op->data = item_value(item);
	op->data_length = item_value_length(item);
	/* a flush_all came between: what is stored now must not lie among what it flushed; and what
	 * is to be stale in the end was not known then */
	if (!verb_takes_data(op) || stamp_is_flushed(stamp, change->moment->epoch) ||
	    (op->options & STORE_INVALIDATE) != 0)
		return;
	change->reserved = true;
	change->room = room;
	change->size = item_size(item);
	item_set_head(item, item_head(item) & ~HEAD_DEAD);
}

/* All but what change_find and draft_make set; the list of losses is long, and nearly always empty. */
static inline void
change_begin(struct change *change, struct store *store, struct shard *shard, struct writer *writer,
	     struct store_op *op, const struct moment *moment)
{
	change->store = store;
	change->shard = shard;
	change->writer = writer;
	change->op = op;
	change->moment = moment;
	change->losses.count = 0;
	change->entry = (struct index_entry){.slot = NULL};
	change->old = NULL;
	change->found = (struct old){.location = 0};
	change->unchanged = false;
	change->room = (struct room){.location = 0};
	change->size = 0;
	change->source = 0;
	change->made_from = 0;
	change->exposed = false;
	change->reserved = false;
}

void
change_execute(struct store *store, struct shard *shard, struct writer *writer, struct store_op *op,
	       const struct moment *moment)
{
	uint64_t reservation = op->reservation;
	struct change change;

	change_begin(&change, store, shard, writer, op, moment);
	if (reservation != 0)
		change_use_reservation(&change);
	else if (item_is_too_large(store, op->key_length, op->data_length, op->flags) &&
		 op->verb <= STORE_PREPEND && op->verb >= STORE_SET) {
		op->status = change_fail(&change, STORE_TOO_LARGE);
		return;
	}
	op->status = (uint8_t)change_run(&change, op->delta);
	if (op->status == STORE_OK)
		change_succeed(&change);
	if (reservation != 0) {
		op->reservation = 0;
		reservation_end(writer, reservation, !change.reserved || op->status != STORE_OK);
	}
	if (change.losses.count != 0)
		shard_account(shard, writer, &change.losses);
	if (change.room.location != 0 && change.room.turn == 0)
		evict_pay(shard, writer, change.size, moment);
}

enum store_status
remove_execute(struct shard *shard, struct writer *writer, struct store_op *op,
	       const struct moment *moment)
{
	struct index_losses losses;
	struct index_entry entry;
	enum store_status status = STORE_NOT_FOUND;

	losses.count = 0;
	while (index_find_to_change(&shard->index, op->hash, op->key, op->key_length, &entry,
				    &losses)) {
		uint64_t location = slot_location(entry.word);
		const struct item *item = heap_item(&shard->heap, location);
		bool gone = item_is_gone(&shard->heap, item, location, moment);

		status = gone ? STORE_NOT_FOUND : STORE_OK;
		if (!gone && op->verb == STORE_DELETE && (op->options & STORE_IF_CAS) != 0 &&
		    item_unique(&shard->heap, item, location) != op->cas) {
			status = STORE_EXISTS;
			break;
		}
		if (!index_replace(&entry, SLOT_EMPTY)) {
			status = STORE_NOT_FOUND;
			continue;
		}
		if (gone)
			count_expired(&writer->tally, item, entry.word, moment);
		op->value_length = item_value_length(item);
		shard_bury(shard, writer, entry.word);
		index_trim(&shard->index, op->hash, &entry);
		break;
	}
	shard_account(shard, writer, &losses);
	return status;
}
