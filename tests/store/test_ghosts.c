/* SPDX-License-Identifier: BSD-3-Clause */
/* What the index remembers of keys that were evicted, in slots that hold no entry. */
#include "dataplane/store/evict.h"
#include "dataplane/store/shard.h"

#include "tests/store/fixture.h"

/* An index of one bucket: all hashes meet in it, and differ by their tags. */
struct one_bucket {
	_Alignas(64) uint8_t memory[1 << FIRST_SHIFT];
	_Atomic uint64_t directory[1];
	struct index index;
};

static void
one_bucket_begin(struct one_bucket *one)
{
	memset(one, 0, sizeof(*one));
	index_init(&one->index, one->memory, one->directory, 1, 1, FIRST_SHIFT);
}

static bool
remembers(const struct one_bucket *one, uint64_t hash, uint32_t now, uint32_t horizon)
{
	return index_find_ghost(&one->index, hash,
				&(struct ghost_time){.now = now, .horizon = horizon})
		.known;
}

static void
leave(struct one_bucket *one, uint64_t hash, uint32_t now, uint32_t horizon)
{
	index_leave_ghost(&one->index, hash, false,
			  &(struct ghost_time){.now = now, .horizon = horizon});
}

static unsigned int
count_slots(const struct one_bucket *one, uint64_t state)
{
	const struct bucket *bucket = index_bucket(&one->index, 0);
	unsigned int count = 0;

	for (unsigned int i = 0; i < FIRST_SLOTS; i++)
		count += slot_is(atomic_load(&bucket->slot[i]), state);
	return count;
}

static void
a_slot_remembers_two_keys(void)
{
	static struct one_bucket one;

	one_bucket_begin(&one);
	for (uint64_t hash = 1; hash <= 2 * FIRST_SLOTS; hash++) {
		CU_ASSERT_FALSE(remembers(&one, hash, 10, 100));
		leave(&one, hash, 10, 100);
		CU_ASSERT_EQUAL(count_slots(&one, SLOT_GHOST), (hash + 1) / 2);
	}
	for (uint64_t hash = 1; hash <= 2 * FIRST_SLOTS; hash++)
		CU_ASSERT(remembers(&one, hash, 10, 100));
	CU_ASSERT_FALSE(remembers(&one, 2 * FIRST_SLOTS + 1, 10, 100));
}

static void
the_oldest_ghost_gives_way(void)
{
	static struct one_bucket one;
	uint32_t now = 0;

	one_bucket_begin(&one);
	for (uint64_t hash = 1; hash <= 100; hash++)
		leave(&one, hash, ++now, 1000);
	for (uint64_t hash = 1; hash <= 100 - 2 * FIRST_SLOTS; hash++)
		CU_ASSERT_FALSE(remembers(&one, hash, now, 1000));
	for (uint64_t hash = 101 - FIRST_SLOTS; hash <= 100; hash++)
		CU_ASSERT(remembers(&one, hash, now, 1000));
}

static void
a_ghost_is_forgotten_beyond_the_horizon(void)
{
	static struct one_bucket one;

	one_bucket_begin(&one);
	leave(&one, 1, UINT16_MAX - 5, 50);
	CU_ASSERT(remembers(&one, 1, UINT16_MAX + 45, 50));
	CU_ASSERT_FALSE(remembers(&one, 1, UINT16_MAX + 46, 50));
	/* nor does it live on in the next one's slot */
	leave(&one, 2, UINT16_MAX + 46, 50);
	CU_ASSERT(remembers(&one, 2, UINT16_MAX + 46, 50));
	CU_ASSERT_FALSE(remembers(&one, 1, UINT16_MAX + 46, 50));
}

static void
ghosts_leave_entries_alone(void)
{
	static struct one_bucket one;
	struct bucket *bucket;

	one_bucket_begin(&one);
	bucket = index_bucket(&one.index, 0);
	for (unsigned int i = 0; i < FIRST_SLOTS; i++)
		atomic_store(&bucket->slot[i], slot_live(i + 1, 8 * i));
	leave(&one, 100, 1, 100);
	CU_ASSERT_EQUAL(count_slots(&one, SLOT_LIVE), FIRST_SLOTS);
	CU_ASSERT_FALSE(remembers(&one, 100, 1, 100));
	atomic_store(&bucket->slot[3], SLOT_FROZEN);
	leave(&one, 100, 1, 100);
	CU_ASSERT_FALSE(remembers(&one, 100, 1, 100));
	atomic_store(&bucket->slot[3], SLOT_EMPTY);
	leave(&one, 100, 1, 100);
	CU_ASSERT(remembers(&one, 100, 1, 100));
	CU_ASSERT_EQUAL(count_slots(&one, SLOT_LIVE), FIRST_SLOTS - 1);
}

/* The queue that the item of this number lies in; QUEUES: it is not there. */
static unsigned int
queue_of(struct fixture *f, uint64_t n)
{
	struct shard *shard = f->store->shard[0];
	uint64_t hash = hash_key((const uint8_t *)&n, sizeof(n), &f->store->seed);
	struct index_losses losses = {.count = 0};
	struct index_entry entry;

	if (!index_find_to_change(&shard->index, hash, (const uint8_t *)&n, sizeof(n), &entry,
				  &losses))
		return QUEUES;
	return stamp_queue(
		heap_stamp(&shard->heap, heap_segment_of(&shard->heap, slot_location(entry.word))));
}

static void
set_number(struct fixture *f, uint64_t n)
{
	static const uint8_t value[100];

	CU_ASSERT_EQUAL(store_number(f, n, value, sizeof(value), 0), STORE_OK);
	store_quiescent(f->worker);
	if (n % 32 == 0)
		store_janitor(f->store);
}

/*
 * Cleaning and Main's victims once made ghosts older, and ghosts were kept for as long as Main is large:
 * hardly at all while it is small, as it is at first.
 */
static void
a_key_that_comes_back_enters_main(void)
{
	enum {
		KEYS = 300000, /* 2 memories */
		BACK = 20000,
	};
	struct store_options options = fixture_options(16 << 20);
	struct fixture f;
	uint64_t oldest = 0, main = 0;

	options.item_size_max = 4096;
	f = fixture_with(&options);
	for (uint64_t n = 0; n < KEYS; n++)
		set_number(&f, n);
	while (queue_of(&f, oldest) == QUEUES)
		oldest++;
	CU_ASSERT_FATAL(oldest > BACK);
	for (uint64_t n = oldest - BACK; n < oldest; n++)
		set_number(&f, n);
	for (uint64_t n = oldest - BACK; n < oldest; n++)
		main += queue_of(&f, n) == QUEUE_MAIN;
	CU_ASSERT(main > BACK / 4); /* as far as there are slots for ghosts */
	fixture_end(&f);
}

/* --- Small's share --------------------------------------------------------------------------- */

static double
small_share(const struct fixture *f)
{
	return f->store->shard[0]->eviction.small_share;
}

/* Stores fresh keys, and reads each once if told to. */
static void
stream(struct fixture *f, uint64_t from, uint64_t to, bool read)
{
	for (uint64_t n = from; n < to; n++) {
		set_number(f, n);
		if (read)
			CU_ASSERT_EQUAL(run_number(f, STORE_GET, n), STORE_OK);
	}
}

/* Stores again the last `count` keys that were dropped from the old end of what was stored from `oldest` on. */
static void
bring_back(struct fixture *f, uint64_t oldest, uint64_t count)
{
	while (queue_of(f, oldest) == QUEUES)
		oldest++;
	CU_ASSERT_FATAL(oldest > count);
	for (uint64_t n = oldest - count; n < oldest; n++)
		set_number(f, n);
	store_janitor(f->store);
}

enum {
	MEMORY = 16 << 20,
	FULL = 150000, /* items, more than fit */
	SOON = 1000,   /* fewer than are dropped while a queue loses a fortieth of the memory */
};

static void
small_grows_for_keys_it_dropped_too_soon(void)
{
	struct fixture f = fixture_small(MEMORY);
	double before;

	stream(&f, 0, 2 * FULL, false);
	before = small_share(&f);
	bring_back(&f, 0, SOON);
	CU_ASSERT(small_share(&f) > before);
	fixture_end(&f);
}

/* What was read goes to Main; what comes after it, unread, takes Main's room until that is down to its share. */
static void
small_shrinks_for_keys_that_main_dropped_too_soon(void)
{
	struct fixture f = fixture_small(MEMORY);
	double before;

	stream(&f, 0, 2 * FULL, true);
	stream(&f, 2 * FULL, 2 * FULL + FULL / 4, false);
	before = small_share(&f);
	bring_back(&f, 0, SOON);
	CU_ASSERT(small_share(&f) < before);
	fixture_end(&f);
}

/* A key that is stored for the first time, or long after it was dropped, says nothing of the queues. */
static void
the_share_stays_for_keys_that_are_new_or_late(void)
{
	struct fixture f = fixture_small(MEMORY);
	double before = small_share(&f);

	stream(&f, 0, 2 * FULL, false);
	CU_ASSERT_EQUAL(small_share(&f), before);
	stream(&f, 0, SOON, false);
	store_janitor(f.store);
	CU_ASSERT_EQUAL(small_share(&f), before);
	fixture_end(&f);
}

SUITE("ghosts", TEST(a_slot_remembers_two_keys), TEST(the_oldest_ghost_gives_way),
      TEST(a_ghost_is_forgotten_beyond_the_horizon), TEST(ghosts_leave_entries_alone),
      TEST(a_key_that_comes_back_enters_main), TEST(small_grows_for_keys_it_dropped_too_soon),
      TEST(small_shrinks_for_keys_that_main_dropped_too_soon),
      TEST(the_share_stays_for_keys_that_are_new_or_late))
