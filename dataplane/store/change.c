/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every operation that stores runs the same loop: find the key; ask the verb what the new item is to
 * be, given the old one; write it into this writer's open segment; publish it by one
 * compare-and-swap of the old one's slot, or by index_insert. If another writer came between, again.
 * An item is never changed in place, so readers see the old or the new and nothing else.
 */
#include "dataplane/store/change.h"

#include "dataplane/store/index_find.h"
#include "dataplane/store/number.h"
#include "dataplane/store/reserve.h"

enum {
	EVICT_BYTES_STEP = 4096, /* writers help evict in steps of so many bytes owed */
	EVICT_ITEMS_STEP = 64,	 /* and see to so many items at a time */
	EVICT_ITEMS_MAX = 128,	 /* in one operation */
};

/* One operation in progress. */
struct change {
	struct store *store;
	struct shard *shard;
	struct writer *writer;
	struct store_op *op;
	const struct moment *moment;
	struct index_losses losses;

	struct index_entry entry; /* where the key is; entry.slot is NULL if it is nowhere */
	const struct item *old;	  /* its item, if that is not gone */
	uint64_t old_location;

	struct item_draft draft; /* of the new item */
	uint8_t digits[NUMBER_DIGITS_MAX];

	uint64_t location; /* of the new item; 0: not written yet */
	uint32_t size;
	uint64_t made_from; /* location of the old item when it was written; 0: there was none */
	bool exposed;	    /* others may have seen it */
	bool reserved;	    /* it is the reservation's */
};

/* --- what each verb wants ------------------------------------------------------------------ */

static enum store_status
draft_data(struct change *change)
{
	struct store_op *op = change->op;

	change->draft.part[0] = op->data;
	change->draft.part_length[0] = op->data_length;
	change->draft.flags = op->flags;
	change->draft.expiry =
		clock_expiry(&change->store->clock, change->moment->clock, op->exptime);
	return STORE_OK;
}

/* The new item inherits from the old one all but its value. */
static void
draft_inherit(struct change *change)
{
	change->draft.flags = item_flags(change->old);
	change->draft.expiry = item_expiry(change->old);
}

static enum store_status
draft_joined(struct change *change)
{
	struct store_op *op = change->op;
	unsigned int data = op->verb == STORE_APPEND;

	draft_inherit(change);
	change->draft.part[data] = op->data;
	change->draft.part_length[data] = op->data_length;
	change->draft.part[!data] = item_value(change->old);
	change->draft.part_length[!data] = item_value_length(change->old);
	if (item_is_too_large(change->store, op->key_length,
			      item_draft_value_length(&change->draft), change->draft.flags))
		return STORE_TOO_LARGE;
	return STORE_OK;
}

static enum store_status
draft_number(struct change *change, uint64_t number, uint32_t length_before)
{
	uint32_t length = number_format(number, change->digits);

	change->draft.part[0] = change->digits;
	change->draft.part_length[0] = length;
	change->draft.part[1] = NULL; /* filled with spaces */
	change->draft.part_length[1] = length < length_before ? length_before - length : 0;
	change->op->delta = number;
	return STORE_OK;
}

/* memcached keeps the length of a value that got shorter, by spaces at its end. */
static enum store_status
draft_counted(struct change *change, uint64_t delta)
{
	uint64_t number;
	uint32_t length = item_value_length(change->old);

	draft_inherit(change);
	if (!number_parse(item_value(change->old), length, &number))
		return STORE_NOT_A_NUMBER;
	if (change->op->verb == STORE_INCR)
		number += delta;
	else
		number = delta < number ? number - delta : 0;
	return draft_number(change, number, length);
}

static enum store_status
draft_initial(struct change *change)
{
	draft_data(change);
	change->draft.flags = 0;
	return draft_number(change, change->op->initial, 0);
}

static enum store_status
draft_touched(struct change *change)
{
	draft_inherit(change);
	change->draft.part[0] = item_value(change->old);
	change->draft.part_length[0] = item_value_length(change->old);
	change->draft.cas = item_unique(&change->shard->heap, change->old, change->old_location);
	change->draft.expiry =
		clock_expiry(&change->store->clock, change->moment->clock, change->op->exptime);
	return STORE_OK;
}

/* Whether the verb may go on, and what the new item is. delta: as the client sent it. */
static enum store_status
draft(struct change *change, uint64_t delta)
{
	struct store_op *op = change->op;
	const struct item *old = change->old;

	change->draft = (struct item_draft){.key = op->key, .key_length = op->key_length};
	if (old == NULL && op->verb != STORE_ADD &&
	    (op->verb != STORE_SET || (op->options & STORE_IF_CAS) != 0))
		return (op->options & STORE_CREATE) != 0 ? draft_initial(change) : STORE_NOT_FOUND;
	if (old != NULL && (op->options & STORE_IF_CAS) != 0 &&
	    item_unique(&change->shard->heap, old, change->old_location) != op->cas)
		return STORE_EXISTS;
	switch ((enum store_verb)op->verb) {
	case STORE_ADD:
		return old != NULL ? STORE_EXISTS : draft_data(change);
	case STORE_APPEND:
	case STORE_PREPEND:
		return draft_joined(change);
	case STORE_INCR:
	case STORE_DECR:
		return draft_counted(change, delta);
	case STORE_TOUCH:
	case STORE_GAT:
		return draft_touched(change);
	default:
		return draft_data(change);
	}
}

/* --- writing the new item ------------------------------------------------------------------ */

/* A new version stays in the queue of the old one; a key that a ghost remembers enters Main. */
static unsigned int
class_for(const struct change *change)
{
	const struct heap *heap = &change->shard->heap;
	uint32_t segment = heap_segment_of(heap, change->old_location);
	bool to_main;

	if (change->entry.slot != NULL)
		to_main = stamp_queue(heap_stamp(heap, segment)) == QUEUE_MAIN;
	else
		to_main = evict_remembers(change->shard, change->op->hash);
	if (to_main)
		return CLASS_MAIN;
	return writer_class(change->writer, change->draft.expiry, change->moment);
}

static bool
change_write(struct change *change)
{
	struct writer *writer = change->writer;
	uint32_t size = item_draft_size(&change->draft);
	struct item *item;

	change->location = writer_allocate(writer, class_for(change), size, change->draft.expiry,
					   change->moment);
	if (change->location == 0)
		return false;
	item = heap_item(writer->heap, change->location);
	item_write(item, &change->draft);
	if (change->draft.part[1] == NULL && change->draft.part_length[1] != 0)
		memset((uint8_t *)(uintptr_t)item_value(item) + change->draft.part_length[0], ' ',
		       change->draft.part_length[1]);
	change->size = size;
	change->made_from = change->old_location;
	change->exposed = false;
	return true;
}

/* The new item won't be published. */
static void
change_discard(struct change *change)
{
	if (change->location == 0 || change->reserved)
		return;
	if (change->exposed)
		writer_bury(change->writer, change->location, change->size);
	else
		writer_give_back(change->writer, change->location, change->size);
	change->location = 0;
}

/* --- publishing it ------------------------------------------------------------------------- */

static void
count_replaced(struct change *change)
{
	struct tally *tally = &change->writer->tally;
	const struct item *item = index_item(&change->shard->index, change->entry.word);

	if (change->old == NULL && clock_past(item_expiry(item), change->moment->clock)) {
		counter_add(&tally->expired, 1);
		counter_add(&tally->expired_unfetched, (change->entry.word & SLOT_FETCHED) == 0);
	}
	shard_bury(change->shard, change->writer, change->entry.word);
}

/* True once the new item stands in the index. */
static bool
change_publish(struct change *change)
{
	struct store_op *op = change->op;
	uint64_t word = slot_live(op->hash, change->location);

	if (change->entry.slot == NULL)
		return index_insert(&change->shard->index, op->hash, op->key, op->key_length, word,
				    &change->exposed, &change->losses) == INDEX_INSERTED;
	/* eviction takes a new version of a key that is read for one that is read as well */
	if (change->old != NULL)
		word |= change->entry.word & SLOT_USED;
	if (!index_replace(&change->entry, word))
		return false;
	count_replaced(change);
	return true;
}

static void
change_succeed(struct change *change)
{
	struct store_op *op = change->op;
	struct tally *tally = &change->writer->tally;
	const struct item *item = heap_item(&change->shard->heap, change->location);

	tally_item(tally, item, 1);
	if (op->verb != STORE_TOUCH && op->verb != STORE_GAT) {
		counter_add(&tally->items_total, 1);
		counter_add(&tally->stored_expired,
			    clock_past(item_expiry(item), change->moment->clock));
	}
	op->cas = item_unique(&change->shard->heap, item, change->location);
	op->flags = item_flags(item);
	if ((op->verb == STORE_INCR || op->verb == STORE_DECR) && change->old == NULL)
		op->options |= STORE_CREATED;
	if (op->verb == STORE_GAT) {
		op->item_key = item_key(item);
		op->value = item_value(item);
		op->value_length = item_value_length(item);
	}
}

/* --- eviction on the side ------------------------------------------------------------------- */

/* While memory is short, each byte stored pays for some bytes of evicting, in small steps. */
static void
pay_for_memory(struct change *change)
{
	struct shard *shard = change->shard;
	struct evictor *evictor = &change->writer->evictor;
	unsigned int items = 0;

	evictor->owed += (uint64_t)change->size * eviction_price(&shard->eviction, &shard->heap);
	if (evictor->owed >= EVICT_BYTES_STEP)
		evict_help(change->writer, change->moment);
	while (evictor->owed >= EVICT_BYTES_STEP && items < EVICT_ITEMS_MAX) {
		unsigned int seen = evict_some(change->store, shard, change->writer, change->moment,
					       EVICT_ITEMS_STEP);

		if (seen == 0)
			evictor->owed = 0; /* there is nothing to do */
		items += seen;
	}
}

/* True of verbs whose new item doesn't depend on the old one. */
static bool
verb_takes_data(const struct store_op *op)
{
	return op->verb == STORE_SET || op->verb == STORE_ADD || op->verb == STORE_REPLACE;
}

/* --- the loop ------------------------------------------------------------------------------ */

static void
change_find(struct change *change)
{
	struct store_op *op = change->op;
	struct heap *heap = &change->shard->heap;

	change->old = NULL;
	change->old_location = 0;
	change->entry = (struct index_entry){.slot = op->place, .word = op->word};
	if (!index_confirm(&change->shard->index, &change->entry, op->key, op->key_length) &&
	    !index_find_to_change(&change->shard->index, op->hash, op->key, op->key_length,
				  &change->entry, &change->losses)) {
		change->entry.slot = NULL;
		return;
	}
	change->old_location = slot_location(change->entry.word);
	change->old = heap_item(heap, change->old_location);
	if (item_is_gone(heap, change->old, change->old_location, change->moment))
		change->old = NULL;
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

static enum store_status
change_run(struct change *change, uint64_t delta)
{
	for (;;) {
		enum store_status status;

		change_find(change);
		if (change->location != 0 && change->made_from != change->old_location &&
		    !verb_takes_data(change->op))
			change_discard(change); /* what it was made from is no more */
		status = draft(change, delta);
		if (status != STORE_OK) {
			change_discard(change);
			if (status == STORE_EXISTS && change->op->verb == STORE_ADD)
				index_mark_used(&change->entry);
			return status;
		}
		if (change->location == 0 && !change_write(change))
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
	struct store_reservation *reservation = op->reservation;
	const struct heap *heap = &change->shard->heap;
	uint64_t stamp = heap_stamp(heap, reservation->segment);

	op->data = reservation->value;
	op->data_length = reservation->length;
	/* a flush_all came between: what is stored now must not lie among what it flushed */
	if (!verb_takes_data(op) || stamp_is_flushed(stamp, change->moment->epoch))
		return;
	change->reserved = true;
	change->location = reservation->location;
	change->size = item_size(heap_item(heap, change->location));
}

void
change_execute(struct store *store, struct shard *shard, struct writer *writer, struct store_op *op,
	       const struct moment *moment)
{
	struct change change = {
		.store = store, .shard = shard, .writer = writer, .op = op, .moment = moment};
	struct store_reservation *reservation = op->reservation;

	if (reservation != NULL)
		change_use_reservation(&change);
	else if (item_is_too_large(store, op->key_length, op->data_length, op->flags) &&
		 op->verb <= STORE_PREPEND && op->verb >= STORE_SET) {
		op->status = change_fail(&change, STORE_TOO_LARGE);
		return;
	}
	op->status = (uint8_t)change_run(&change, op->delta);
	if (op->status == STORE_OK)
		change_succeed(&change);
	if (reservation != NULL) {
		op->reservation = NULL;
		reservation_end(writer, reservation, !change.reserved || op->status != STORE_OK);
	}
	if (change.losses.count != 0)
		shard_account(shard, writer, &change.losses);
	if (change.location != 0)
		pay_for_memory(&change);
}

enum store_status
remove_execute(struct shard *shard, struct writer *writer, const struct store_op *op,
	       const struct moment *moment)
{
	struct index_losses losses = {.count = 0};
	struct index_entry entry;
	enum store_status status = STORE_NOT_FOUND;

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
		if (gone && clock_past(item_expiry(item), moment->clock)) {
			counter_add(&writer->tally.expired, 1);
			counter_add(&writer->tally.expired_unfetched,
				    (entry.word & SLOT_FETCHED) == 0);
		}
		shard_bury(shard, writer, entry.word);
		index_trim(&shard->index, op->hash, &entry);
		break;
	}
	shard_account(shard, writer, &losses);
	return status;
}
