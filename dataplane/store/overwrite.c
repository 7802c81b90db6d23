/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/overwrite.h"

#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"

/* Nothing is to be compared or created, and the value has come whole. */
static inline bool
is_plain_set(const struct store_op *op)
{
	return op->verb == STORE_SET && (op->options & ~(uint32_t)STORE_KEEP_CAS) == 0 &&
	       op->reservation == NULL && op->place != NULL;
}

/* Where the new version goes: to the queue of the old one. */
static inline unsigned int
class_of_successor(const struct writer *writer, uint64_t location, uint64_t expiry,
		   const struct moment *moment)
{
	uint32_t segment = heap_segment_of(writer->heap, location);

	if (stamp_queue(heap_stamp(writer->heap, segment)) == QUEUE_MAIN)
		return CLASS_MAIN;
	return writer_class(writer, expiry, moment);
}

/* An item of one value, without any optional field but flags. */
static inline void
write_plain(struct item *item, const struct store_op *op, uint64_t expiry)
{
	uint8_t *at = item->rest;

	item_set_head(item, head_make(op->key_length, op->data_length,
				      op->flags != 0 ? ITEM_HAS_FLAGS : 0, expiry));
	if (op->flags != 0) {
		memcpy(at, &op->flags, sizeof(op->flags));
		at += sizeof(op->flags);
	}
	bytes_copy(at, op->key, op->key_length);
	bytes_copy(at + op->key_length, op->data, op->data_length);
}

uint32_t
overwrite_execute(const struct store *store, struct shard *shard, struct writer *writer,
		  struct store_op *op, const struct moment *moment)
{
	struct index_entry entry = {.slot = op->place, .word = op->word};
	uint32_t header = sizeof(struct item) + (op->flags != 0 ? sizeof(op->flags) : 0);
	uint32_t size = item_align(header + op->key_length + op->data_length);
	uint64_t expiry = 0, before, location, word;
	struct item *item;

	if (!is_plain_set(op) || !index_confirm(&shard->index, &entry, op->key, op->key_length))
		return 0;
	before = slot_location(entry.word);
	if (item_is_gone(writer->heap, heap_item(writer->heap, before), before, moment))
		return 0;
	if (op->exptime != 0)
		expiry = clock_expiry(&store->clock, moment->clock, op->exptime);
	if (expiry > ITEM_LIFE_MAX)
		return 0;
	location = writer_allocate(writer, class_of_successor(writer, before, expiry, moment), size,
				   expiry, moment);
	if (location == 0)
		return 0;
	item = heap_item(writer->heap, location);
	write_plain(item, op, expiry);
	/* eviction takes a new version of a key that is read for one that is read as well */
	word = slot_live(op->hash, location) | (entry.word & SLOT_USED) |
	       index_read_marks(false, (op->options & STORE_KEEP_CAS) != 0);
	if (!index_replace(&entry, word)) {
		writer_give_back(writer, location, size);
		return 0;
	}
	shard_replace(shard, writer, entry.word, item);
	counter_add(&writer->tally.items_total, 1);
	counter_add(&writer->tally.stored_expired, clock_past(expiry, moment->clock));
	op->cas = item_unique(writer->heap, item, location);
	op->value_length = op->data_length;
	op->status = STORE_OK;
	return size;
}
