/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shortest way of a GET against the usual one: they find the same, whatever has become of a key,
 * and what one says of an item the other says too.
 */
#include "dataplane/store/lookup.h"
#include "tests/store/fixture.h"

enum {
	KEYS = 120000, /* enough for overflow buckets in the table that a store begins with */
	COUNT_MAX = 64,
	WIDE = 240, /* of which more lie in overflow buckets than are followed at once */
	TEXT_MAX = 64,
	YEARS = UNIX_TIME + 3 * 365 * 24 * 60 * 60, /* more than an item's header has room for */
};

struct key {
	char text[TEXT_MAX];
	uint8_t length;
};

static void
key_write(struct key *key, unsigned int number)
{
	/* of all lengths that are compared and hashed in ways of their own */
	key->length = (uint8_t)snprintf(key->text, sizeof(key->text), "%0*u",
					6 + (int)(number % 7) * 5, number);
}

/* One in eight has expired by the second 10, one was deleted; others have flags, a time, a new unique. */
static void
key_store(struct fixture *f, unsigned int number)
{
	char value[TEXT_MAX];
	struct key key;

	key_write(&key, number);
	f->op = (struct store_op){
		.data = (const uint8_t *)value,
		.data_length = (uint32_t)snprintf(value, sizeof(value), "%u", number * 77),
		.flags = number % 3 == 0 ? number : 0,
		.exptime = number % 8 == 1    ? 5
			   : number % 16 == 2 ? 1000
			   : number % 16 == 6 ? YEARS
					      : 0,
	};
	CU_ASSERT_EQUAL(run(f, STORE_SET, key.text), STORE_OK);
	if (number % 8 == 3)
		CU_ASSERT_EQUAL(plain(f, STORE_DELETE, key.text), STORE_OK);
	if (number % 8 == 4)
		CU_ASSERT_EQUAL(put_cas(f, STORE_APPEND, key.text, "more", 0), STORE_EXISTS);
	if (number % 8 == 5)
		CU_ASSERT_EQUAL(put(f, STORE_APPEND, key.text, " more"), STORE_OK);
}

static void
look_up(struct fixture *f, struct store_lookup *lookups, unsigned int count)
{
	store_lookup_prepare(f->worker, lookups, count);
	store_lookup_probe(f->worker, lookups, count);
}

/* Compares a finished lookup with a get of its key; true if there is an item. */
static bool
is_like_a_get(struct fixture *f, const struct store_lookup *lookup)
{
	f->op = (struct store_op){
		.verb = STORE_GET, .key = lookup->key, .key_length = lookup->key_length};
	store_do(f->worker, &f->op);
	CU_ASSERT_EQUAL(lookup->value != NULL, f->op.status == STORE_OK);
	if (f->op.status != STORE_OK)
		return false;
	CU_ASSERT_PTR_EQUAL(lookup->value, f->op.value);
	CU_ASSERT_EQUAL(lookup->value_length, f->op.value_length);
	CU_ASSERT_EQUAL(lookup->flags, f->op.flags);
	CU_ASSERT_EQUAL(lookup->cas, f->op.cas);
	CU_ASSERT_EQUAL(lookup->opaque, 0x12345678);
	CU_ASSERT_EQUAL(lookup->verb, 9);
	return true;
}

/* Looks up keys by the dozen; returns how many there are. */
static unsigned int
compare_all(struct fixture *f)
{
	struct store_lookup lookups[COUNT_MAX];
	struct key key[COUNT_MAX];
	unsigned int found = 0, said = 0;

	for (unsigned int from = 0; from < 2 * KEYS;) {
		unsigned int count = 1 + from % COUNT_MAX;

		for (unsigned int i = 0; i < count; i++) {
			key_write(&key[i], from + i);
			lookups[i] = (struct store_lookup){.key = (const uint8_t *)key[i].text,
							   .key_length = key[i].length,
							   .opaque = 0x12345678,
							   .verb = 9};
		}
		look_up(f, lookups, count);
		said += store_lookup_finish(f->worker, lookups, count);
		for (unsigned int i = 0; i < count; i++)
			found += is_like_a_get(f, &lookups[i]);
		from += count;
		store_quiescent(f->worker);
	}
	CU_ASSERT_EQUAL(said, found);
	return found;
}

static void
compare_in(unsigned int shards)
{
	struct store_options options = fixture_options(64 << 20);
	struct fixture f;
	struct store_stats stats;

	options.shards = shards;
	f = fixture_with(&options);
	for (unsigned int i = 0; i < KEYS; i++)
		key_store(&f, i);
	CU_ASSERT_EQUAL(compare_all(&f), KEYS / 8 * 7);
	store_set_clock(f.store, 10000);
	CU_ASSERT_EQUAL(compare_all(&f), KEYS / 8 * 6);
	stats = stats_of(&f);
	CU_ASSERT(stats.chain_2 > 0); /* else overflow buckets were not tried */
	store_flush(f.worker, 0);
	CU_ASSERT_EQUAL(compare_all(&f), 0);
	fixture_end(&f);
}

static void
lookups_find_what_gets_find(void)
{
	compare_in(1);
}

static void
lookups_find_it_in_two_shards(void)
{
	compare_in(2);
}

/* What happens to a key after it was foreseen is seen. */
static void
changes_after_the_probe_are_seen(void)
{
	struct fixture f = fixture_new();
	struct store_lookup lookups[4] = {{.key = (const uint8_t *)"changed", .key_length = 7},
					  {.key = (const uint8_t *)"deleted", .key_length = 7},
					  {.key = (const uint8_t *)"created", .key_length = 7},
					  {.key = (const uint8_t *)"neither", .key_length = 7}};

	put(&f, STORE_SET, "changed", "before");
	put(&f, STORE_SET, "deleted", "before");
	look_up(&f, lookups, 4);
	put(&f, STORE_SET, "changed", "after!");
	plain(&f, STORE_DELETE, "deleted");
	put(&f, STORE_SET, "created", "new");
	CU_ASSERT_EQUAL(store_lookup_finish(f.worker, lookups, 4), 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lookups[0].value);
	CU_ASSERT_EQUAL(memcmp(lookups[0].value, "after!", 6), 0);
	CU_ASSERT_PTR_NULL(lookups[1].value);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lookups[2].value);
	CU_ASSERT_EQUAL(lookups[2].value_length, 3);
	CU_ASSERT_PTR_NULL(lookups[3].value);
	fixture_end(&f);
}

/* An item that was only looked up counts as fetched. */
static void
a_lookup_is_a_use(void)
{
	struct fixture f = fixture_new();
	struct store_lookup lookup = {.key = (const uint8_t *)"k", .key_length = 1};

	put(&f, STORE_SET, "k", "v");
	look_up(&f, &lookup, 1);
	CU_ASSERT_EQUAL(store_lookup_finish(f.worker, &lookup, 1), 1);
	f.op = (struct store_op){.options = STORE_DETAILS};
	CU_ASSERT_EQUAL(run(&f, STORE_GET, "k"), STORE_OK);
	CU_ASSERT_NOT_EQUAL(f.op.options & STORE_FETCHED, 0);
	fixture_end(&f);
}

/* Chains are followed ahead of time to whatever depth an entry is at, more of them at once than have room. */
static void
entries_deep_in_chains_are_foreseen(void)
{
	struct fixture f = fixture_new();

	for (unsigned int i = 0; i < KEYS; i++) {
		struct key key;

		key_write(&key, i);
		CU_ASSERT_EQUAL_FATAL(put(&f, STORE_SET, key.text, "v"), STORE_OK);
	}
	CU_ASSERT(stats_of(&f).chain_4 > 0);
	for (unsigned int from = 0; from < KEYS; from += WIDE) {
		struct store_lookup lookups[WIDE];
		struct key key[WIDE];
		unsigned int foreseen = 0;

		for (unsigned int i = 0; i < WIDE; i++) {
			key_write(&key[i], from + i);
			lookups[i] = (struct store_lookup){.key = (const uint8_t *)key[i].text,
							   .key_length = key[i].length};
		}
		look_up(&f, lookups, WIDE);
		for (unsigned int i = 0; i < WIDE; i++)
			foreseen += lookups[i].word != UINT64_MAX;
		CU_ASSERT(foreseen >= COUNT_MAX);
		CU_ASSERT_EQUAL(store_lookup_finish(f.worker, lookups, WIDE), WIDE);
		look_up(&f, lookups, 1);
		CU_ASSERT_NOT_EQUAL(lookups[0].word, UINT64_MAX);
	}
	fixture_end(&f);
}

SUITE("dataplane/store/lookup", TEST(lookups_find_what_gets_find),
      TEST(lookups_find_it_in_two_shards), TEST(entries_deep_in_chains_are_foreseen),
      TEST(changes_after_the_probe_are_seen), TEST(a_lookup_is_a_use))
