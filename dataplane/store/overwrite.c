/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/overwrite.h"

#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"
#include "dataplane/store/room.h"

/* Nothing is to be compared or created, and the value has come whole. */
static inline bool
is_plain_set(const struct store_op *op)
{
	return op->verb == STORE_SET && (op->options & ~(uint32_t)STORE_KEEP_CAS) == 0 &&
	       op->reservation == 0 && op->place != NULL;
}

/* The header of an item of one value; an expiry that it has no room for comes behind it. */
static inline uint64_t
head_of(const struct store_op *op, uint64_t expiry)
{
	unsigned int options = op->flags != 0 ? ITEM_HAS_FLAGS : 0;
	bool extra = __builtin_expect(expiry > ITEM_LIFE_MAX, 0);

	return head_make(op->key_length, op->data_length, options | (extra ? ITEM_HAS_EXTRA : 0u),
			 extra ? 0 : expiry);
}

/* Writes an item of one value, as head_of says. */
static inline void
write_plain(struct item *item, const struct store_op *op, uint64_t head, uint64_t expiry,
	    unsigned int turn)
{
	uint8_t *at = item->rest;

	if (__builtin_expect(expiry > ITEM_LIFE_MAX, 0)) {
		memcpy(at, &expiry, sizeof(expiry));
		at += sizeof(expiry);
	}
	if (op->flags != 0) {
		memcpy(at, &op->flags, sizeof(op->flags));
		at += sizeof(op->flags);
	}
	bytes_copy(at, op->key, op->key_length);
	bytes_copy(at + op->key_length, op->data, op->data_length);
	item_finish(item, head, turn);
}

bool
overwrite_execute(const struct store *store, struct shard *shard, struct writer *writer,
		  struct store_op *op, const struct moment *moment, uint32_t *taken)
{
	struct index_entry entry = {.slot = op->place, .word = op->word};
	uint64_t expiry = 0, head, word;
	struct heap *heap = writer->heap;
	unsigned int class;
	struct item *item;
	struct room room;
	struct old old;

	if (!is_plain_set(op) || !index_confirm(&shard->index, &entry, op->key, op->key_length))
		return false;
	old = old_of(heap, entry.word);
	if (old_is_gone(heap, &old, moment))
		return false;
	if (op->exptime != 0)
		expiry = clock_expiry(&store->clock, moment->clock, op->exptime);
	head = head_of(op, expiry);
	class = class_of_successor(writer, &old, expiry, moment);
	room = room_of_successor(writer, class, head_item_size(head), expiry, moment);
	if (room.location == 0)
		return false;
	item = heap_item(heap, room.location);
	write_plain(item, op, head, expiry, room.turn);
	/* eviction takes a new version of a key that is read for one that is read as well */
	word = slot_live(op->hash, room.location) | (entry.word & SLOT_USED) |
	       index_read_marks(false, (op->options & STORE_KEEP_CAS) != 0);
	if (!index_replace(&entry, word)) {
		room_give_back(writer, &room, head_item_size(head));
		return false;
	}
	op->cas = place_unique(heap_stamp(heap, heap_segment_of(heap, room.location)),
			       room.location, room.turn);
	op->value_length = op->data_length;
	op->status = STORE_OK;
	room_settle(shard, writer, &room, op->hash, moment);
	if (((old.head ^ head) & HEAD_SHAPE) != 0) { /* else sums of all kinds stay what they are */
		tally_head(&writer->tally, old.head, UINT64_MAX);
		tally_head(&writer->tally, head, 1);
	}
	old_retire(writer, &old, entry.word);
	counter_add(&writer->tally.items_total, 1);
	if (expiry != 0)
		counter_add(&writer->tally.stored_expired, clock_past(expiry, moment->clock));
	*taken = room.turn == 0 ? head_item_size(head) : 0;
	return true;
}
