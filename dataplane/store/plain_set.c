/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/plain_set.h"

#include "dataplane/store/draft.h"
#include "dataplane/store/evict.h"
#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"
#include "dataplane/store/room.h"

/* Nothing is to be compared or created, and the value has come whole. */
static inline bool
is_plain_set(const struct store *store, const struct store_op *op)
{
	return (op->options & ~(uint32_t)STORE_KEEP_CAS) == 0 && op->reservation == 0 &&
	       !item_is_too_large(store, op->key_length, op->data_length, op->flags);
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

/* What an op wants to be stored. */
struct wanted {
	uint64_t expiry, head;
	uint32_t size;
};

static inline struct wanted
wanted_of(const struct store *store, const struct store_op *op, const struct moment *moment)
{
	struct wanted wanted = {.expiry = 0};

	if (op->exptime != 0)
		wanted.expiry = clock_expiry(&store->clock, moment->clock, op->exptime);
	wanted.head = head_of(op, wanted.expiry);
	wanted.size = head_item_size(wanted.head);
	return wanted;
}

/* It has been stored in this room. */
static inline void
succeed(const struct heap *heap, struct writer *writer, struct store_op *op,
	const struct wanted *wanted, const struct room *room, const struct moment *moment)
{
	op->cas = place_unique(heap_stamp(heap, heap_segment_of(heap, room->location)),
			       room->location, room->turn);
	op->value_length = op->data_length;
	op->status = STORE_OK;
	counter_add(&writer->tally.items_total, 1);
	if (wanted->expiry != 0)
		counter_add(&writer->tally.stored_expired,
			    clock_past(wanted->expiry, moment->clock));
}

/* In place of the entry that was foreseen, if that is the key's. */
static inline bool
overwrite(const struct store *store, struct shard *shard, struct writer *writer,
	  struct store_op *op, const struct moment *moment)
{
	struct index_entry entry = {.slot = op->place, .word = op->word};
	struct heap *heap = writer->heap;
	struct wanted wanted;
	unsigned int class;
	struct room room;
	struct old old;
	uint64_t word;

	if (!index_confirm(&shard->index, &entry, op->hash, op->key, op->key_length))
		return false;
	old = old_of(heap, entry.word);
	if (old_is_gone(heap, &old, moment))
		return false;
	wanted = wanted_of(store, op, moment);
	class = class_of_successor(writer, &old, wanted.expiry, moment);
	room = room_of_successor(writer, class, wanted.size, wanted.expiry, moment);
	if (room.location == 0)
		return false;
	write_plain(heap_item(heap, room.location), op, wanted.head, wanted.expiry, room.turn);
	/* eviction takes a new version of a key that is read for one that is read as well */
	word = slot_live(op->hash, room.location) | (entry.word & SLOT_USED) |
	       index_read_marks(false, (op->options & STORE_KEEP_CAS) != 0);
	if (!index_replace(&entry, word)) {
		room_give_back(writer, &room, wanted.size, false);
		return false;
	}
	succeed(heap, writer, op, &wanted, &room, moment);
	room_settle(shard, writer, &room, op->hash, moment);
	if (((old.head ^ wanted.head) & HEAD_SHAPE) != 0) { /* else sums of all kinds stay */
		tally_head(&writer->tally, old.head, UINT64_MAX);
		tally_head(&writer->tally, wanted.head, 1);
	}
	old_retire(writer, &old, entry.word);
	if (__builtin_expect(room.turn == 0, 0))
		evict_pay(shard, writer, wanted.size, moment);
	return true;
}

/* As a key that isn't there, if it isn't. */
static bool __attribute__((noinline))
insert(const struct store *store, struct shard *shard, struct writer *writer, struct store_op *op,
       const struct moment *moment)
{
	const struct old none = {.location = 0};
	struct wanted wanted;
	struct index_losses losses;
	enum index_insert inserted;
	struct index_entry entry;
	bool exposed = false;
	struct room room;

	/* of an op that was not probed nothing is known; another may have inserted it since */
	if (index_find(&shard->index, op->hash, op->key, op->key_length, &entry))
		return false;
	wanted = wanted_of(store, op, moment);
	room = room_find(shard, writer, &none, op->hash, wanted.size, wanted.expiry, moment);
	if (room.location == 0)
		return false;
	write_plain(heap_item(writer->heap, room.location), op, wanted.head, wanted.expiry, 0);
	losses.count = 0;
	inserted =
		index_insert(&shard->index, op->hash, op->key, op->key_length,
			     slot_live(op->hash, room.location) |
				     index_read_marks(false, (op->options & STORE_KEEP_CAS) != 0),
			     &exposed, &losses);
	if (losses.count != 0)
		shard_account(shard, writer, &losses);
	if (inserted != INDEX_INSERTED) {
		room_give_back(writer, &room, wanted.size, exposed);
		return false;
	}
	succeed(writer->heap, writer, op, &wanted, &room, moment);
	tally_head(&writer->tally, wanted.head, 1);
	evict_pay(shard, writer, wanted.size, moment);
	return true;
}

bool
plain_set_execute(const struct store *store, struct shard *shard, struct writer *writer,
		  struct store_op *op, const struct moment *moment)
{
	if (!is_plain_set(store, op))
		return false;
	return op->word != SLOT_UNFORESEEN ? overwrite(store, shard, writer, op, moment)
					   : insert(store, shard, writer, op, moment);
}
