/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/draft.h"

#include "dataplane/store/hit.h"

static uint64_t
draft_expiry(const struct change *change, int64_t exptime)
{
	return clock_expiry(&change->store->clock, change->moment->clock, exptime);
}

/* The unique that the client gives it, if it gives one. */
static void
draft_unique(struct change *change)
{
	const struct store_op *op = change->op;

	if ((op->options & STORE_NEW_CAS) == 0)
		return;
	change->draft.cas = op->new_cas;
	change->draft.marks |= ITEM_GIVEN_CAS;
}

static enum store_status
draft_data(struct change *change, int64_t exptime)
{
	struct store_op *op = change->op;

	change->draft.part[0] = op->data;
	change->draft.part_length[0] = op->data_length;
	change->draft.flags = op->flags;
	change->draft.expiry = draft_expiry(change, exptime);
	if ((op->options & STORE_BINARY_KEY) != 0)
		change->draft.marks |= ITEM_BINARY_KEY;
	draft_unique(change);
	return STORE_OK;
}

/* The new item inherits from the old one all but its value and its unique. */
static void
draft_inherit(struct change *change)
{
	change->draft.flags = item_flags(change->old);
	change->draft.expiry = item_expiry(change->old);
	change->draft.marks = item_marks(change->old) & (uint8_t)~ITEM_GIVEN_CAS;
}

/* And these. */
static void
draft_copy(struct change *change)
{
	draft_inherit(change);
	change->draft.marks = item_marks(change->old);
	change->draft.part[0] = item_value(change->old);
	change->draft.part_length[0] = item_value_length(change->old);
	change->draft.cas =
		(change->entry.word & SLOT_TOLD) != 0
			? item_unique(&change->shard->heap, change->old, change->found.location)
			: item_kept_cas(change->old);
}

static enum store_status
draft_joined(struct change *change)
{
	struct store_op *op = change->op;
	unsigned int data = op->verb == STORE_APPEND;

	draft_inherit(change);
	change->draft.marks &= ITEM_BINARY_KEY;
	draft_unique(change);
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
	const struct store_op *op = change->op;
	uint64_t number;
	uint32_t length = item_value_length(change->old);

	draft_inherit(change);
	draft_unique(change);
	if ((op->options & STORE_TOUCHES) != 0)
		change->draft.expiry = draft_expiry(change, op->other_exptime);
	if (!number_parse(item_value(change->old), length, &number))
		return STORE_NOT_A_NUMBER;
	if (op->verb == STORE_INCR)
		number += delta;
	else
		number = delta < number ? number - delta : 0;
	return draft_number(change, number, length);
}

static enum store_status
draft_touched(struct change *change)
{
	draft_copy(change);
	change->draft.expiry = draft_expiry(change, change->op->exptime);
	return STORE_OK;
}

/* What a read leaves: of all who find it stale or about to expire, the first marks it as won. */
static enum store_status
draft_read(struct change *change)
{
	struct store_op *op = change->op;
	bool wins;

	hit_fill(op, &change->shard->heap, change->entry.word, change->moment);
	wins = hit_wins(op);
	change->unchanged = op->verb == STORE_GET && !wins;
	if (change->unchanged)
		return STORE_OK;
	draft_copy(change);
	if (op->verb == STORE_GAT)
		change->draft.expiry = draft_expiry(change, op->exptime);
	if (wins)
		change->draft.marks |= ITEM_TOKEN_SENT;
	return STORE_OK;
}

/* A delete that leaves something: the item, stale and free to be won, or an empty one. */
static enum store_status
draft_marked(struct change *change)
{
	const struct store_op *op = change->op;

	draft_copy(change);
	if ((op->options & STORE_DROP_VALUE) != 0) {
		change->draft.part_length[0] = 0;
		change->draft.flags = op->flags;
		change->draft.expiry = draft_expiry(change, op->exptime);
		change->draft.marks &= ITEM_BINARY_KEY | ITEM_GIVEN_CAS;
	}
	if ((op->options & STORE_INVALIDATE) != 0) {
		change->draft.marks = (change->draft.marks & ITEM_BINARY_KEY) | ITEM_STALE;
		change->draft.cas = 0;
		if ((op->options & STORE_TOUCHES) != 0)
			change->draft.expiry = draft_expiry(change, op->exptime);
	}
	draft_unique(change);
	return STORE_OK;
}

/* --- nothing is there ---------------------------------------------------------------------- */

static enum store_status
draft_created(struct change *change)
{
	struct store_op *op = change->op;

	switch ((enum store_verb)op->verb) {
	case STORE_APPEND:
	case STORE_PREPEND:
		return draft_data(change, op->other_exptime);
	case STORE_GET:
	case STORE_GAT:
		draft_data(change, op->other_exptime);
		change->draft.part_length[0] = 0;
		change->draft.marks |= ITEM_TOKEN_SENT;
		break;
	default:
		draft_data(change, op->exptime);
		draft_number(change, op->initial, 0);
	}
	change->draft.flags = 0;
	return STORE_OK;
}

static enum store_status
draft_absent(struct change *change)
{
	const struct store_op *op = change->op;
	bool compares = (op->options & STORE_IF_CAS) != 0;

	if (op->verb == STORE_ADD || (op->verb == STORE_SET && !compares))
		return draft_data(change, op->exptime);
	return (op->options & STORE_CREATE) != 0 ? draft_created(change) : STORE_NOT_FOUND;
}

/* --- comparing uniques --------------------------------------------------------------------- */

/*
 * True if `unique` came before the item's. Those that we make are places, and have no order from one
 * segment to the next: any that was ever given out came before.
 */
static bool
unique_is_older(const struct change *change, uint64_t unique)
{
	const struct heap *heap = &change->shard->heap;
	uint64_t current = item_unique(heap, change->old, change->found.location);
	uint32_t segment = heap_segment_of(heap, unique & SLOT_LOCATION);

	if (unique < current)
		return true;
	if (unique == current || (item_marks(change->old) & ITEM_GIVEN_CAS) != 0)
		return false;
	return segment < heap->segments &&
	       unique >> SLOT_LOCATION_BITS <= stamp_generation(heap_stamp(heap, segment));
}

/* A refresh that comes too late: another has changed the item since. It is better than nothing. */
static enum store_status
draft_late(struct change *change)
{
	draft_data(change, 0);
	change->draft.expiry = item_expiry(change->old);
	change->draft.marks |= ITEM_STALE | (item_marks(change->old) & ITEM_TOKEN_SENT);
	return STORE_OK;
}

/* --- */

enum store_status
draft_make(struct change *change, uint64_t delta)
{
	struct store_op *op = change->op;
	const struct item *old = change->old;

	change->draft = (struct item_draft){.key = op->key, .key_length = op->key_length};
	change->unchanged = false;
	if (old == NULL)
		return draft_absent(change);
	if ((op->options & STORE_IF_CAS) != 0 &&
	    item_unique(&change->shard->heap, old, change->found.location) != op->cas) {
		if (op->verb == STORE_SET && (op->options & STORE_INVALIDATE) != 0 &&
		    unique_is_older(change, op->cas))
			return draft_late(change);
		return STORE_EXISTS;
	}
	switch ((enum store_verb)op->verb) {
	case STORE_ADD:
		return STORE_EXISTS;
	case STORE_APPEND:
	case STORE_PREPEND:
		return draft_joined(change);
	case STORE_INCR:
	case STORE_DECR:
		return draft_counted(change, delta);
	case STORE_TOUCH:
		return draft_touched(change);
	case STORE_GET:
	case STORE_GAT:
		return draft_read(change);
	case STORE_DELETE:
		return draft_marked(change);
	default:
		return draft_data(change, op->exptime);
	}
}
