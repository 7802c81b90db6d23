/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Going through all items while the store works, part by part. A part is one bucket number in every
 * chunk of a shard's index: the number of buckets a chunk never changes, and an entry keeps its bucket
 * number when chunks split, so parts stay what they are while the index grows between two of them. If
 * it grows during one, that one is gathered again before anything of it is visited.
 */
#include <errno.h>
#include <stdlib.h>

#include "dataplane/store/hit.h"
#include "dataplane/store/index_find.h"

struct store_walk {
	struct store *store;
	unsigned int number; /* of this walk */
	unsigned int shard;
	uint64_t bucket; /* the next part */
	uint64_t *word;	 /* what was gathered of it */
	uint64_t count, capacity;
};

int
store_walk_open(struct store *store, struct store_walk **walk)
{
	unsigned int number = 0;
	bool taken = false;

	/* acquire: what the thread that had it before left behind; pairs with close */
	while (number < STORE_WALKS_MAX && !atomic_compare_exchange_strong_explicit(
						   &store->walking[number], &taken, true,
						   memory_order_acquire, memory_order_relaxed)) {
		taken = false;
		number++;
	}
	if (number == STORE_WALKS_MAX)
		return -EBUSY;
	*walk = calloc(1, sizeof(**walk));
	if (*walk == NULL) {
		/* release: pairs with open */
		atomic_store_explicit(&store->walking[number], false, memory_order_release);
		return -ENOMEM;
	}
	(*walk)->store = store;
	(*walk)->number = number;
	return 0;
}

void
store_walk_close(struct store_walk *walk)
{
	/* release: pairs with open */
	atomic_store_explicit(&walk->store->walking[walk->number], false, memory_order_release);
	free(walk->word);
	free(walk);
}

/* --- gathering a part ---------------------------------------------------------------------- */

/* Room for a chain's entries. False: no memory. */
static bool
walk_make_room(struct store_walk *walk)
{
	uint64_t capacity = 2 * walk->capacity + CHAIN_SLOTS;
	uint64_t *word;

	if (walk->capacity - walk->count >= CHAIN_SLOTS)
		return true;
	word = realloc(walk->word, capacity * sizeof(word[0]));
	if (word == NULL)
		return false;
	walk->word = word;
	walk->capacity = capacity;
	return true;
}

/* The live entries of a chain whose tag ends in `number`, as far as `mask` says. */
static void
gather_chain(struct store_walk *walk, const struct index *index, struct bucket *bucket,
	     uint64_t number, uint64_t mask)
{
	uint64_t control = bucket_control(bucket);
	unsigned int slots = FIRST_SLOTS;

	if ((control & CONTROL_PENDING) != 0) { /* the truth is in its predecessor: index_find */
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
	}
	for (unsigned int depth = 0; depth < CHAIN_MAX; depth++) {
		for (unsigned int i = 0; i < slots; i++) {
			/* acquire: the item was written before the word was published */
			uint64_t word =
				atomic_load_explicit(&bucket->slot[i], memory_order_acquire);

			if (slot_is(word, SLOT_LIVE) &&
			    ((word >> SLOT_TAG_SHIFT) & mask) == (number & mask))
				walk->word[walk->count++] = word;
		}
		if ((control & CONTROL_ADDRESS) == 0)
			return;
		bucket = bucket_at(index, control);
		control = bucket_control(bucket);
		slots = OVERFLOW_SLOTS;
	}
}

/* One bucket number in every chunk. -EAGAIN: the directory grew; -ENOMEM. */
static int
gather_part(struct store_walk *walk, const struct index *index)
{
	/* acquire, as index_bucket */
	uint64_t mask = atomic_load_explicit(&index->directory_mask, memory_order_acquire);

	walk->count = 0;
	for (uint64_t number = 0; number <= mask; number++) {
		uint64_t hash = number | walk->bucket << HASH_TAG_BITS;

		if (!walk_make_room(walk))
			return -ENOMEM;
		gather_chain(walk, index, index_bucket(index, hash), number, mask);
	}
	/* acquire: not before what was read above */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&index->directory_mask, memory_order_relaxed) == mask ? 0
											  : -EAGAIN;
}

/* --- visiting it --------------------------------------------------------------------------- */

static void
visit_part(struct store_walk *walk, const struct shard *shard, store_visit *visit, void *arg)
{
	struct moment moment = store_moment(walk->store);

	for (uint64_t i = 0; i < walk->count; i++) {
		uint64_t location = slot_location(walk->word[i]);
		const struct item *item = heap_item(&shard->heap, location);
		struct store_op op = {.verb = STORE_GET, .status = STORE_OK};

		if (item_is_gone(&shard->heap, item, location, &moment))
			continue;
		hit_fill(&op, &shard->heap, walk->word[i], &moment);
		op.key = op.item_key;
		op.key_length = (uint8_t)item_key_length(item);
		visit(arg, &op);
	}
}

bool
store_walk_step(struct store_walk *walk, store_visit *visit, void *arg)
{
	struct store *store = walk->store;
	const struct shard *shard;
	unsigned int reader = store->options.workers + walk->number;
	int status;

	if (walk->shard == store->options.shards)
		return false;
	shard = store->shard[walk->shard];
	gp_register(&store->gp, reader);
	while ((status = gather_part(walk, &shard->index)) == -EAGAIN)
		;
	if (status == 0)
		visit_part(walk, shard, visit, arg);
	gp_unregister(&store->gp, reader);
	if (status == 0 && walk->bucket++ == shard->index.bucket_mask) {
		walk->bucket = 0;
		walk->shard++;
	}
	return walk->shard < store->options.shards;
}
