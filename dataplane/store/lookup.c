/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/lookup.h"

#include "dataplane/store/foreseen.h"
#include "dataplane/store/index_follow.h"
#include "dataplane/store/prefetch.h"

/*
 * The stages' loops exist twice: with one shard, as nearly always, what they need to know of it stays
 * in registers for the whole batch.
 */
#define FOR_ONE_OR_MORE_SHARDS(store, loop, ...)                                                   \
	(__builtin_expect((store)->options.shards == 1, 1) ? loop(store, __VA_ARGS__, true)        \
							   : loop(store, __VA_ARGS__, false))

/* --- ahead of time ------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void
prepare(const struct store *store, struct store_lookup *lookups, unsigned int count, bool one_shard)
{
	const struct hash_seed seed = store->seed;
	struct index_view view = index_view(&store->shard[0]->index);

	for (struct store_lookup *lookup = lookups; lookup < lookups + count; lookup++) {
		lookup->hash = hash_key(lookup->key, lookup->key_length, &seed);
		if (!one_shard)
			view = index_view(&store_shard(store, lookup->hash)->index);
		lookup->place = view_bucket(&view, lookup->hash);
		prefetch_line(lookup->place);
	}
}

void
store_lookup_prepare(struct store_worker *worker, struct store_lookup *lookups, unsigned int count)
{
	FOR_ONE_OR_MORE_SHARDS(worker->store, prepare, lookups, count);
}

static inline __attribute__((always_inline)) void
probe(const struct store *store, struct store_lookup *lookups, unsigned int count, bool one_shard)
{
	const uint8_t *base = store->shard[0]->index.base;
	struct follow follow;

	follow.count = 0;
	for (struct store_lookup *lookup = lookups; lookup < lookups + count; lookup++) {
		_Atomic uint64_t *slot;

		if (!one_shard)
			base = store_shard(store, lookup->hash)->index.base;
		slot = index_foresee(lookup->place, FIRST_SLOTS, lookup->hash, &lookup->word);
		if (__builtin_expect(slot == NULL, 0)) {
			lookup->word = SLOT_UNFORESEEN;
			follow_add(&follow, base, lookup->place, lookup->hash, &lookup->place,
				   &lookup->word);
			continue;
		}
		lookup->place = slot;
		item_prefetch(base, lookup->word);
	}
	follow_all(&follow);
}

void
store_lookup_probe(struct store_worker *worker, struct store_lookup *lookups, unsigned int count)
{
	FOR_ONE_OR_MORE_SHARDS(worker->store, probe, lookups, count);
}

/* --- for certain --------------------------------------------------------------------------- */

static inline void
tell(struct store_lookup *lookup, const struct sight *sight)
{
	lookup->value = sight->key + lookup->key_length;
	lookup->value_length = head_value_length(sight->head);
	lookup->flags = sight->flags;
	lookup->cas = sight->cas;
}

/* What wasn't foreseen: its entry is nowhere, has just been changed, or is not as most are. */
static void __attribute__((noinline)) find(const struct store *store, struct store_lookup *lookup)
{
	const struct shard *shard = store_shard(store, lookup->hash);
	const struct heap *heap = &shard->heap;
	struct moment moment = store_moment(store);
	struct index_entry entry;
	const struct item *item;
	uint64_t location;

	lookup->value = NULL;
	lookup->absent =
		!index_find(&shard->index, lookup->hash, lookup->key, lookup->key_length, &entry);
	if (lookup->absent)
		return;
	location = slot_location(entry.word);
	item = heap_item(heap, location);
	if (item_is_gone(heap, item, location, &moment))
		return;
	tell(lookup, &(struct sight){.key = item_key(item),
				     .head = item_head(item),
				     .flags = item_flags(item),
				     .cas = item_unique(heap, item, location)});
	if (!index_mark(&entry, index_read_marks(true, true)))
		lookup->value = NULL;
}

static inline __attribute__((always_inline)) unsigned int
finish(const struct store *store, struct store_lookup *lookups, unsigned int count, bool one_shard)
{
	unsigned int found = 0;
	struct scene scene;

	scene_enter(&scene, store->shard[0]);
	scene_now(&scene, store);
	for (struct store_lookup *lookup = lookups; lookup < lookups + count; lookup++) {
		struct index_entry entry = {.slot = lookup->place, .word = lookup->word};
		struct sight sight;

		if (!one_shard)
			scene_enter(&scene, store_shard(store, lookup->hash));
		if (__builtin_expect(foreseen_get(&scene, &entry, lookup->hash, lookup->key,
						  lookup->key_length, true, &sight),
				     1))
			tell(lookup, &sight);
		else
			find(store, lookup);
		found += lookup->value != NULL;
	}
	return found;
}

unsigned int
store_lookup_finish(struct store_worker *worker, struct store_lookup *lookups, unsigned int count)
{
	return FOR_ONE_OR_MORE_SHARDS(worker->store, finish, lookups, count);
}
