/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plain_set.h - the way of nearly all SETs: plain ones, of a key that is there and was foreseen
 * (index_find.h), or of one that is not. It is what change.c does, in one straight line for either.
 */
#ifndef JACKDAW_STORE_PLAIN_SET_H
#define JACKDAW_STORE_PLAIN_SET_H

#include "dataplane/store/index_find.h"
#include "dataplane/store/room.h"

/* An expiry that the header has no room for comes behind it. */
static inline bool
expires_late(uint64_t expiry)
{
	return __builtin_expect(expiry > ITEM_LIFE_MAX, 0);
}

/* What an op wants to be stored. */
struct wanted {
	uint64_t expiry, head;
	uint64_t header_size, size;
};

static inline struct wanted
wanted_of(const struct store *store, const struct store_op *op, const struct moment *moment)
{
	unsigned int options = op->flags != 0 ? ITEM_HAS_FLAGS : 0;
	struct wanted wanted = {.expiry = 0};
	uint64_t life = 0;

	if (op->exptime != 0) {
		wanted.expiry = clock_expiry(&store->clock, moment->clock, op->exptime);
		life = wanted.expiry;
		if (expires_late(life)) {
			options |= ITEM_HAS_EXTRA;
			life = 0;
		}
	}
	wanted.head = head_make(op->key_length, op->data_length, options, life);
	wanted.header_size = item_header_size(options);
	/* as head_item_size, of what may yet be too large for a head */
	wanted.size = wanted.header_size + op->key_length + op->data_length + ITEM_ALIGNMENT - 1;
	wanted.size &= ~(uint64_t)(ITEM_ALIGNMENT - 1);
	return wanted;
}

/* Nothing is to be compared or created, and the value has come whole. */
static inline bool
is_plain_set(const struct store_op *op)
{
	return (op->options & ~(uint32_t)STORE_KEEP_CAS) == 0 && op->reservation == 0;
}

/* True of all that memcached would refuse (item_is_too_large), and little else. */
static inline bool
may_be_too_large(const struct store *store, const struct wanted *wanted)
{
	return wanted->size + STORE_ITEM_OVERHEAD > store->options.item_size_max;
}

/* Writes an item of one value. */
static inline void
write_plain(struct item *item, const struct store_op *op, const struct wanted *wanted,
	    unsigned int turn)
{
	uint8_t *at = item->rest;

	if (expires_late(wanted->expiry)) {
		memcpy(at, &wanted->expiry, sizeof(wanted->expiry));
		at += sizeof(wanted->expiry);
	}
	if (op->flags != 0) {
		memcpy(at, &op->flags, sizeof(op->flags));
		at += sizeof(op->flags);
	}
	bytes_copy(at, op->key, op->key_length);
	bytes_copy(at + op->key_length, op->data, op->data_length);
	item_finish(item, wanted->head, turn);
}

/* It has been stored in this room. */
static inline void
succeed(struct writer *writer, struct store_op *op, const struct wanted *wanted,
	const struct room *room, const struct moment *moment)
{
	op->cas = place_unique(room->generation, room->location, room->turn);
	op->value_length = op->data_length;
	op->status = STORE_OK;
	counter_add(&writer->tally.items_total, 1);
	if (wanted->expiry != 0)
		counter_add(&writer->tally.stored_expired,
			    clock_past(wanted->expiry, moment->clock));
}

/* The word to publish. */
static inline uint64_t
wanted_word(const struct store_op *op, const struct room *room)
{
	return slot_live(op->hash, room->location) |
	       index_read_marks(false, (op->options & STORE_KEEP_CAS) != 0);
}

/* Lengths and options are those of an item that is to be stored. */
static inline bool
has_shape(const struct old *old, const struct wanted *wanted)
{
	return ((old->head ^ wanted->head) & HEAD_SHAPE) == 0;
}

/*
 * Finds what stands where the key was foreseen, if that is the key's and live. Not by index_confirm and old_of, as an
 * item of the shape that is wanted need not be measured: 31 instructions of 449, and 5 % of the SETs a second.
 */
static inline bool
find_old(const struct scene *scene, const struct store_op *op, const struct wanted *wanted,
	 struct index_entry *entry, struct old *old)
{
	const struct item *item;
	const uint8_t *key;

	if (!index_entry_renew(entry, op->hash))
		return false;
	old->location = slot_location(entry->word);
	item = scene_item(scene, old->location);
	old->head = item_head(item);
	if (has_shape(old, wanted)) {
		old->size = (uint32_t)wanted->size;
		key = (const uint8_t *)item + wanted->header_size;
	} else {
		old->size = head_item_size(old->head);
		key = item_key(item);
		if (head_key_length(old->head) != op->key_length)
			return false;
	}
	old->stamp = scene_stamp(scene, old->location);
	return bytes_equal(key, op->key, op->key_length) && !old_is_gone(old, item, &scene->moment);
}

/* In place of the entry that was foreseen. */
static inline __attribute__((always_inline)) bool
overwrite(const struct store *store, const struct scene *scene, struct shard *shard,
	  struct writer *writer, struct store_op *op)
{
	struct index_entry entry = {.slot = op->place, .word = op->word};
	struct wanted wanted = wanted_of(store, op, &scene->moment);
	uint32_t size = (uint32_t)wanted.size;
	struct place_list *row;
	unsigned int class;
	struct room room;
	struct old old;

	if (may_be_too_large(store, &wanted) || !find_old(scene, op, &wanted, &entry, &old))
		return false;
	row = places_row(&writer->places, size);
	class = class_of_successor(writer, &old, wanted.expiry, &scene->moment);
	room = room_of_successor(writer, scene, row, class, size, wanted.expiry);
	if (room.location == 0)
		return false;
	write_plain(scene_item(scene, room.location), op, &wanted, room.turn);
	/* eviction takes a new version of a key that is read for one that is read as well */
	if (!index_replace(&entry, wanted_word(op, &room) | (entry.word & SLOT_USED))) {
		room_give_back(writer, room, size, false);
		return false;
	}
	succeed(writer, op, &wanted, &room, &scene->moment);
	if (!has_shape(&old, &wanted)) {
		tally_head(&writer->tally, old.head, UINT64_MAX);
		tally_head(&writer->tally, wanted.head, 1);
		row = places_row(&writer->places, old.size);
	}
	old_retire(writer, row, &old, entry.word);
	if (__builtin_expect(room.turn == 0 || room_is_lost(scene, &room), 0)) {
		struct moment moment = scene->moment; /* a copy: the scene stays in registers */

		if (room.turn == 0)
			evict_pay(shard, writer, size, &moment);
		else
			evict_missed(shard, writer, &moment, op->hash, room.location);
	}
	return true;
}

/* As a key that isn't there, if it isn't: of an op that was not probed nothing is known. */
static bool __attribute__((noinline))
insert(const struct store *store, struct shard *shard, struct writer *writer, struct store_op *op,
       struct moment moment)
{
	struct wanted wanted = wanted_of(store, op, &moment);
	uint32_t size = (uint32_t)wanted.size;
	struct index_losses losses;
	enum index_insert inserted;
	bool exposed = false;
	struct room room;

	if (may_be_too_large(store, &wanted))
		return false;
	room = room_of_new(shard, writer, op->hash, size, wanted.expiry, &moment);
	if (room.location == 0)
		return false;
	write_plain(heap_item(&shard->heap, room.location), op, &wanted, 0);
	losses.count = 0;
	inserted = index_insert(&shard->index, op->hash, op->key, op->key_length,
				wanted_word(op, &room), &exposed, &losses);
	if (losses.count != 0)
		shard_account(shard, writer, &losses);
	if (inserted != INDEX_INSERTED) {
		room_give_back(writer, room, size, exposed);
		return false;
	}
	succeed(writer, op, &wanted, &room, &moment);
	tally_head(&writer->tally, wanted.head, 1);
	evict_pay(shard, writer, size, &moment);
	return true;
}

/*
 * Stores op, a SET, and fills its out part. False, and nothing done, if anything about it is unusual: then it is
 * for change_execute. The writer's thread.
 */
static inline __attribute__((always_inline)) bool
plain_set_execute(const struct store *store, const struct scene *scene, struct shard *shard,
		  struct writer *writer, struct store_op *op)
{
	if (!is_plain_set(op))
		return false;
	return op->word != SLOT_UNFORESEEN ? overwrite(store, scene, shard, writer, op)
					   : insert(store, shard, writer, op, scene->moment);
}

#endif
