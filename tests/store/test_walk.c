/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/store/fixture.h"

enum {
	KEYS = 50000,
	MORE = 400000,
};

/* How often each key was visited. */
struct visits {
	uint8_t *count; /* [KEYS], of the keys that are there from the start */
	unsigned int others;
	bool wrong;
	struct store_op last;
	char last_key[STORE_KEY_MAX + 1];
};

static void
visit(void *arg, const struct store_op *item)
{
	struct visits *visits = arg;
	char text[STORE_KEY_MAX + 1];
	unsigned long number;

	memcpy(text, item->key, item->key_length);
	text[item->key_length] = '\0';
	visits->last = *item;
	snprintf(visits->last_key, sizeof(visits->last_key), "%s", text);
	number = strtoul(text + 1, NULL, 10);
	if (text[0] == 'o' || number >= KEYS) {
		visits->others++;
		return;
	}
	visits->count[number]++;
	visits->wrong |= item->value_length != item->key_length ||
			 memcmp(item->value, item->key, item->key_length) != 0;
}

static struct visits
visits_new(void)
{
	return (struct visits){.count = calloc(1, KEYS)};
}

static void
put_numbered(struct fixture *f, char letter, unsigned int from, unsigned int count)
{
	char key[16];

	for (unsigned int i = from; i < from + count; i++) {
		snprintf(key, sizeof(key), "%c%u", letter, i);
		CU_ASSERT_EQUAL_FATAL(put(f, STORE_SET, key, key), STORE_OK);
		store_quiescent(f->worker);
	}
}

static unsigned int
seen_once(const struct visits *visits)
{
	unsigned int once = 0;

	for (unsigned int i = 0; i < KEYS; i++)
		once += visits->count[i] == 1;
	return once;
}

static void
every_item_is_visited_once(void)
{
	struct store_options options = fixture_options(128 << 20);
	struct visits visits = visits_new();
	struct store_cursor cursor = {0};
	struct fixture f;

	options.shards = 2;
	f = fixture_with(&options);
	put_numbered(&f, 'k', 0, KEYS);
	while (store_walk(f.worker, &cursor, visit, &visits))
		store_quiescent(f.worker);
	CU_ASSERT_EQUAL(seen_once(&visits), KEYS);
	CU_ASSERT_EQUAL(visits.others, 0);
	CU_ASSERT_FALSE(visits.wrong);
	free(visits.count);
	fixture_end(&f);
}

/* The index grows by several levels between the first part and the last. */
static void
growth_hides_nothing(void)
{
	struct store_options options = fixture_options(256 << 20);
	struct visits visits = visits_new();
	struct fixture f = fixture_with(&options);
	struct store_stats before, after;
	struct store_cursor cursor = {0};
	unsigned int put_so_far = 0;
	bool more = true;

	put_numbered(&f, 'k', 0, KEYS);
	store_read_stats(f.store, &before);
	while (more) {
		more = store_walk(f.worker, &cursor, visit, &visits);
		store_quiescent(f.worker);
		if (put_so_far < MORE) {
			put_numbered(&f, 'o', put_so_far, 20);
			put_so_far += 20;
			store_offline(f.worker);
			store_janitor(f.store);
			store_online(f.worker);
		}
	}
	store_read_stats(f.store, &after);
	CU_ASSERT(after.index_slots > before.index_slots);
	CU_ASSERT_EQUAL(after.evictions, 0);
	CU_ASSERT_EQUAL(seen_once(&visits), KEYS);
	CU_ASSERT(visits.others > 0);
	CU_ASSERT_FALSE(visits.wrong);
	free(visits.count);
	fixture_end(&f);
}

static void
an_item_is_told_of_and_not_used(void)
{
	struct fixture f = fixture_new();
	struct visits visits = visits_new();
	struct store_cursor cursor = {0};

	set_for(&f, "gone", "x", -1);
	f.op = (struct store_op){.flags = 9, .exptime = 70};
	run(&f, STORE_SET, "other");
	while (store_walk(f.worker, &cursor, visit, &visits))
		store_quiescent(f.worker);
	CU_ASSERT_EQUAL(visits.others, 1);
	CU_ASSERT_STRING_EQUAL(visits.last_key, "other");
	CU_ASSERT_EQUAL(visits.last.flags, 9);
	CU_ASSERT_EQUAL(visits.last.ttl, 70);
	CU_ASSERT_EQUAL(visits.last.cas, f.op.cas);
	f.op = (struct store_op){.options = STORE_DETAILS};
	run(&f, STORE_GET, "other");
	CU_ASSERT_EQUAL(f.op.options & STORE_FETCHED, 0);
	free(visits.count);
	fixture_end(&f);
}

SUITE("store walk", TEST(every_item_is_visited_once), TEST(growth_hides_nothing),
      TEST(an_item_is_told_of_and_not_used))
