/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Going through all items while the store works, a chain of the index at a time: every chunk for one
 * bucket number, then for the next. The number of buckets a chunk never changes. Chunks are taken in
 * the order of their numbers' bits reversed: what a chunk is split into then lies next to each other,
 * and the cursor is before both, or behind both, whenever the directory doubles.
 */
#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"

static void
visit_item(const struct shard *shard, uint64_t word, const struct moment *moment,
	   store_visit *visit, void *arg)
{
	uint64_t location = slot_location(word);
	const struct item *item = heap_item(&shard->heap, location);
	struct store_op op = {.verb = STORE_GET, .options = STORE_DETAILS, .status = STORE_OK};

	if (item_is_gone(&shard->heap, item, location, moment))
		return;
	hit_fill(&op, &shard->heap, word, moment);
	op.key = op.item_key;
	op.key_length = (uint8_t)item_key_length(item);
	visit(arg, &op);
}

/* The live entries of a chain whose tag ends in the chunk's number. */
static void
visit_chain(const struct shard *shard, struct bucket *bucket, uint64_t number, uint64_t mask,
	    const struct moment *moment, store_visit *visit, void *arg)
{
	const struct index *index = &shard->index;
	uint64_t control = bucket_control(bucket);
	unsigned int slots = FIRST_SLOTS;

	if ((control & CONTROL_PENDING) != 0) { /* the truth is in its predecessor: index_find */
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
	}
	for (;;) {
		for (unsigned int i = 0; i < slots; i++) {
			/* acquire: the item was written before the word was published */
			uint64_t word =
				atomic_load_explicit(&bucket->slot[i], memory_order_acquire);

			if (slot_is(word, SLOT_LIVE) && (word >> SLOT_TAG_SHIFT & mask) == number)
				visit_item(shard, word, moment, visit, arg);
		}
		if ((control & CONTROL_ADDRESS) == 0)
			return;
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
		slots = OVERFLOW_SLOTS;
	}
}

static uint64_t
reverse_bits(uint64_t bits)
{
	uint64_t reversed = 0;

	for (int i = 0; i < 64; i++, bits >>= 1)
		reversed = reversed << 1 | (bits & 1);
	return reversed;
}

/* The chunk after this one; 0 after the last. */
static uint64_t
chunk_after(uint64_t number, uint64_t mask)
{
	return reverse_bits(reverse_bits(number | ~mask) + 1);
}

int64_t
store_unix_time(const struct store_worker *worker)
{
	const struct clock *clock = &worker->store->clock;

	return clock->unix_time +
	       (int64_t)(clock_tick(clock_read(clock)) - CLOCK_BASE) / CLOCK_TICKS;
}

bool
store_walk(struct store_worker *worker, struct store_cursor *cursor, store_visit *visit, void *arg)
{
	struct store *store = worker->store;
	struct moment moment = store_moment(store);
	const struct shard *shard;
	const struct index *index;
	uint64_t mask, hash;

	if (cursor->shard == store->options.shards)
		return false;
	shard = store->shard[cursor->shard];
	index = &shard->index;
	/* acquire, as index_bucket. No chunk is split at a deeper level before our next quiescent
	 * state: a grace period lies between (shard_grow) */
	mask = atomic_load_explicit(&index->directory_mask, memory_order_acquire);
	hash = cursor->bucket << HASH_TAG_BITS | (cursor->chunk & mask);
	visit_chain(shard, index_bucket(index, hash), cursor->chunk & mask, mask, &moment, visit,
		    arg);
	cursor->chunk = chunk_after(cursor->chunk, mask);
	if (cursor->chunk == 0 && cursor->bucket++ == index->bucket_mask) {
		cursor->bucket = 0;
		cursor->shard++;
	}
	return cursor->shard < store->options.shards;
}
