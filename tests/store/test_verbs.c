/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "tests/store/fixture.h"

static void
a_value_comes_back_as_it_was_set(void)
{
	struct fixture f = fixture_new();

	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	f.op = (struct store_op){.data = (const uint8_t *)"a\0b", .data_length = 3, .flags = 77};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_OK);
	CU_ASSERT_NOT_EQUAL(f.op.cas, 0);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.value_length, 3);
	CU_ASSERT_EQUAL(memcmp(f.op.value, "a\0b", 3), 0);
	CU_ASSERT_EQUAL(f.op.flags, 77);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "K"), STORE_NOT_FOUND);
	fixture_end(&f);
}

static void
an_empty_value_is_a_value(void)
{
	struct fixture f = fixture_new();

	CU_ASSERT_EQUAL(put(&f, STORE_SET, "k", ""), STORE_OK);
	CU_ASSERT(holds(&f, "k", ""));
	fixture_end(&f);
}

static void
the_longest_key_works(void)
{
	struct fixture f = fixture_new();
	char key[STORE_KEY_MAX + 1], other[STORE_KEY_MAX + 1];

	memset(key, 'x', STORE_KEY_MAX);
	key[STORE_KEY_MAX] = '\0';
	memcpy(other, key, sizeof(key));
	other[STORE_KEY_MAX - 1] = 'y';
	CU_ASSERT_EQUAL(put(&f, STORE_SET, key, "1"), STORE_OK);
	CU_ASSERT_EQUAL(put(&f, STORE_SET, other, "2"), STORE_OK);
	CU_ASSERT(holds(&f, key, "1"));
	CU_ASSERT(holds(&f, other, "2"));
	fixture_end(&f);
}

static void
keys_of_every_length_are_told_apart(void)
{
	struct fixture f = fixture_new();
	char key[STORE_KEY_MAX + 1], value[16];

	for (int length = 1; length <= STORE_KEY_MAX; length++) {
		memset(key, 'k', sizeof(key));
		key[length] = '\0';
		snprintf(value, sizeof(value), "%d", length);
		CU_ASSERT_EQUAL(put(&f, STORE_SET, key, value), STORE_OK);
	}
	for (int length = 1; length <= STORE_KEY_MAX; length++) {
		memset(key, 'k', sizeof(key));
		key[length] = '\0';
		snprintf(value, sizeof(value), "%d", length);
		CU_ASSERT(holds(&f, key, value));
		key[length - 1] = 'j';
		CU_ASSERT_EQUAL(plain(&f, STORE_GET, key), STORE_NOT_FOUND);
	}
	fixture_end(&f);
}

static void
add_and_replace_look_first(void)
{
	struct fixture f = fixture_new();

	CU_ASSERT_EQUAL(put(&f, STORE_REPLACE, "k", "0"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put(&f, STORE_ADD, "k", "1"), STORE_OK);
	CU_ASSERT_EQUAL(put(&f, STORE_ADD, "k", "2"), STORE_EXISTS);
	CU_ASSERT(holds(&f, "k", "1"));
	CU_ASSERT_EQUAL(put(&f, STORE_REPLACE, "k", "3"), STORE_OK);
	CU_ASSERT(holds(&f, "k", "3"));
	fixture_end(&f);
}

static void
append_and_prepend_keep_flags_and_expiry(void)
{
	struct fixture f = fixture_new();

	CU_ASSERT_EQUAL(put(&f, STORE_APPEND, "k", "x"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put(&f, STORE_PREPEND, "k", "x"), STORE_NOT_FOUND);
	f.op = (struct store_op){
		.data = (const uint8_t *)"b", .data_length = 1, .flags = 5, .exptime = 10};
	run(&f, STORE_SET, "k");
	f.op = (struct store_op){
		.data = (const uint8_t *)"c", .data_length = 1, .flags = 9, .exptime = 1};
	CU_ASSERT_EQUAL(run(&f, STORE_APPEND, "k"), STORE_OK);
	f.op = (struct store_op){.data = (const uint8_t *)"a", .data_length = 1, .exptime = -1};
	CU_ASSERT_EQUAL(run(&f, STORE_PREPEND, "k"), STORE_OK);
	CU_ASSERT(holds(&f, "k", "abc"));
	CU_ASSERT_EQUAL(f.op.flags, 5);
	store_set_clock(f.store, 9999);
	CU_ASSERT(holds(&f, "k", "abc"));
	store_set_clock(f.store, 10000);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	fixture_end(&f);
}

static void
delete_forgets(void)
{
	struct fixture f = fixture_new();

	CU_ASSERT_EQUAL(plain(&f, STORE_DELETE, "k"), STORE_NOT_FOUND);
	put(&f, STORE_SET, "k", "1");
	CU_ASSERT_EQUAL(plain(&f, STORE_DELETE, "k"), STORE_OK);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put(&f, STORE_ADD, "k", "2"), STORE_OK);
	CU_ASSERT(holds(&f, "k", "2"));
	fixture_end(&f);
}

static void
a_unique_guards_every_change(void)
{
	struct fixture f = fixture_new();
	uint64_t first, second;

	CU_ASSERT_EQUAL(put_cas(&f, STORE_SET, "k", "0", 1), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_SET, "k", "0", 0), STORE_NOT_FOUND);
	put(&f, STORE_SET, "k", "1");
	first = f.op.cas;
	plain(&f, STORE_GET, "k");
	CU_ASSERT_EQUAL(f.op.cas, first);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_SET, "k", "x", 0), STORE_EXISTS);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_SET, "k", "2", first), STORE_OK);
	second = f.op.cas;
	CU_ASSERT_NOT_EQUAL(second, first);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_SET, "k", "x", first), STORE_EXISTS);
	CU_ASSERT_EQUAL(f.op.cas, 0);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_REPLACE, "k", "x", first), STORE_EXISTS);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_APPEND, "k", "x", first), STORE_EXISTS);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_DELETE, "k", "", first), STORE_EXISTS);
	CU_ASSERT(holds(&f, "k", "2"));
	CU_ASSERT_EQUAL(put_cas(&f, STORE_APPEND, "k", "!", second), STORE_OK);
	CU_ASSERT(holds(&f, "k", "2!"));
	CU_ASSERT_EQUAL(put_cas(&f, STORE_DELETE, "k", "", f.op.cas), STORE_OK);
	CU_ASSERT_EQUAL(put_cas(&f, STORE_DELETE, "k", "", second), STORE_NOT_FOUND);
	fixture_end(&f);
}

static void
a_unique_is_never_used_twice_for_a_key(void)
{
	struct fixture f = fixture_new();
	uint64_t seen[64];

	for (int i = 0; i < 64; i++) {
		if (i % 3 == 2)
			plain(&f, STORE_DELETE, "k");
		put(&f, STORE_SET, "k", "same");
		seen[i] = f.op.cas;
		CU_ASSERT_NOT_EQUAL(seen[i], 0);
		for (int k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(seen[i], seen[k]);
	}
	fixture_end(&f);
}

static void
touch_keeps_value_and_unique(void)
{
	struct fixture f = fixture_new();
	uint64_t unique;

	CU_ASSERT_EQUAL(plain(&f, STORE_TOUCH, "k"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_GAT, "k"), STORE_NOT_FOUND);
	f.op = (struct store_op){.data = (const uint8_t *)"v",
				 .data_length = 1,
				 .flags = 3,
				 .exptime = 5,
				 .options = STORE_KEEP_CAS};
	run(&f, STORE_SET, "k");
	unique = f.op.cas;
	f.op = (struct store_op){.exptime = 20};
	CU_ASSERT_EQUAL(run(&f, STORE_TOUCH, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.flags, 3);
	CU_ASSERT_PTR_NULL(f.op.value);
	CU_ASSERT_EQUAL(f.op.cas, unique);
	store_set_clock(f.store, 19000);
	CU_ASSERT(holds(&f, "k", "v"));
	f.op = (struct store_op){.exptime = 3};
	CU_ASSERT_EQUAL(run(&f, STORE_GAT, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.value_length, 1);
	CU_ASSERT_EQUAL(f.op.value[0], 'v');
	CU_ASSERT_EQUAL(f.op.flags, 3);
	CU_ASSERT_EQUAL(f.op.cas, unique);
	store_set_clock(f.store, 21999);
	CU_ASSERT(holds(&f, "k", "v"));
	CU_ASSERT_EQUAL(f.op.cas, unique);
	store_set_clock(f.store, 22000);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(plain(&f, STORE_TOUCH, "k"), STORE_NOT_FOUND);
	fixture_end(&f);
}

static void
touch_to_the_past_forgets(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "k", "v");
	f.op = (struct store_op){.exptime = -1};
	CU_ASSERT_EQUAL(run(&f, STORE_TOUCH, "k"), STORE_OK);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	CU_ASSERT_EQUAL(put(&f, STORE_ADD, "k", "w"), STORE_OK);
	fixture_end(&f);
}

static void
counters_count(void)
{
	struct fixture f = fixture_new();
	uint64_t unique;

	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 1), STORE_NOT_FOUND);
	f.op = (struct store_op){.data = (const uint8_t *)"41", .data_length = 2, .flags = 8};
	run(&f, STORE_SET, "n");
	unique = f.op.cas;
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 1), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 42);
	CU_ASSERT_NOT_EQUAL(f.op.cas, unique);
	CU_ASSERT(holds(&f, "n", "42"));
	CU_ASSERT_EQUAL(f.op.flags, 8);
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 100), STORE_OK);
	CU_ASSERT(holds(&f, "n", "142"));
	CU_ASSERT_EQUAL(count(&f, STORE_DECR, "n", 50), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 92);
	CU_ASSERT(holds(&f, "n", "92 "));
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 8), STORE_OK);
	CU_ASSERT(holds(&f, "n", "100"));
	fixture_end(&f);
}

static void
counters_wrap_and_stop(void)
{
	struct fixture f = fixture_new();

	put(&f, STORE_SET, "n", "18446744073709551615");
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 1), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 0);
	CU_ASSERT(holds(&f, "n", "0                   "));
	put(&f, STORE_SET, "n", "10");
	CU_ASSERT_EQUAL(count(&f, STORE_DECR, "n", 1), STORE_OK);
	CU_ASSERT(holds(&f, "n", "9 "));
	CU_ASSERT_EQUAL(count(&f, STORE_DECR, "n", 10), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 0);
	CU_ASSERT(holds(&f, "n", "0 "));
	CU_ASSERT_EQUAL(count(&f, STORE_DECR, "n", UINT64_MAX), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 0);
	fixture_end(&f);
}

static void
numbers_are_what_strtoull_takes(void)
{
	static const struct {
		const char *text;
		bool number;
		uint64_t after; /* incr by 1 */
	} table[] = {
		{"0", true, 1},
		{" 5", true, 6},
		{"\t\n\v\f\r5", true, 6},
		{"+5", true, 6},
		{"007", true, 8},
		{"12 x", true, 13},
		{"12\r\n", true, 13},
		{"-0", true, 1},
		{"-18446744073709551615", true, 2},
		{"18446744073709551614", true, UINT64_MAX},
		{"00000000000000000000000000000000000000001", true, 2},
		{"18446744073709551616", false, 0},
		{"99999999999999999999", false, 0},
		{"-5", false, 0},
		{"", false, 0},
		{" ", false, 0},
		{"+", false, 0},
		{"-", false, 0},
		{"+ 5", false, 0},
		{"x", false, 0},
		{"5x", false, 0},
		{"0x10", false, 0},
		{"1.5", false, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct fixture f = fixture_new();
		enum store_status status;

		put(&f, STORE_SET, "n", table[i].text);
		status = count(&f, STORE_INCR, "n", 1);
		CU_ASSERT_EQUAL(status, table[i].number ? STORE_OK : STORE_NOT_A_NUMBER);
		if (table[i].number) {
			CU_ASSERT_EQUAL(f.op.delta, table[i].after);
		} else {
			CU_ASSERT(holds(&f, "n", table[i].text));
		}
		fixture_end(&f);
	}
}

static void
a_number_ends_at_a_nul(void)
{
	struct fixture f = fixture_new();

	f.op = (struct store_op){.data = (const uint8_t *)"12\0abc", .data_length = 6};
	run(&f, STORE_SET, "n");
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 1), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 13);
	CU_ASSERT(holds(&f, "n", "13    "));
	fixture_end(&f);
}

static void
an_absent_counter_can_be_created(void)
{
	struct fixture f = fixture_new();

	f.op = (struct store_op){.delta = 5, .initial = 40, .options = STORE_CREATE, .exptime = 10};
	CU_ASSERT_EQUAL(run(&f, STORE_INCR, "n"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 40);
	CU_ASSERT_NOT_EQUAL(f.op.cas, 0);
	CU_ASSERT(holds(&f, "n", "40"));
	f.op = (struct store_op){.delta = 5, .initial = 40, .options = STORE_CREATE};
	CU_ASSERT_EQUAL(run(&f, STORE_DECR, "n"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.delta, 35);
	store_set_clock(f.store, 10000);
	CU_ASSERT_EQUAL(count(&f, STORE_INCR, "n", 1), STORE_NOT_FOUND);
	fixture_end(&f);
}

static void
the_largest_value_fits_and_one_more_does_not(void)
{
	struct fixture f = fixture_new();
	uint32_t largest = (1 << 20) - STORE_ITEM_OVERHEAD - 1;
	uint8_t *bytes = malloc(largest + 1);

	CU_ASSERT_EQUAL(largest, 1048516);
	for (uint32_t i = 0; i <= largest; i++)
		bytes[i] = (uint8_t)(i * 31);
	f.op = (struct store_op){.data = bytes, .data_length = largest};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_OK);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	CU_ASSERT_EQUAL(f.op.value_length, largest);
	CU_ASSERT_EQUAL(memcmp(f.op.value, bytes, largest), 0);
	f.op = (struct store_op){.data = bytes, .data_length = largest, .flags = 1};
	CU_ASSERT_EQUAL(run(&f, STORE_ADD, "j"), STORE_TOO_LARGE);
	f.op = (struct store_op){.data = bytes, .data_length = largest - 4, .flags = 1};
	CU_ASSERT_EQUAL(run(&f, STORE_ADD, "j"), STORE_OK);
	f.op = (struct store_op){.data = bytes, .data_length = 1};
	CU_ASSERT_EQUAL(run(&f, STORE_APPEND, "k"), STORE_TOO_LARGE);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	f.op = (struct store_op){.data = bytes, .data_length = largest + 1};
	CU_ASSERT_EQUAL(run(&f, STORE_REPLACE, "k"), STORE_TOO_LARGE);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_OK);
	f.op = (struct store_op){.data = bytes, .data_length = largest + 1};
	CU_ASSERT_EQUAL(run(&f, STORE_SET, "k"), STORE_TOO_LARGE);
	CU_ASSERT_EQUAL(plain(&f, STORE_GET, "k"), STORE_NOT_FOUND);
	free(bytes);
	fixture_end(&f);
}

static void
a_batch_is_executed_in_order(void)
{
	struct fixture f = fixture_new();
	struct store_op set = {.verb = STORE_SET, .key = (const uint8_t *)"k", .key_length = 1};
	struct store_op ops[6], *batch[6];

	ops[0] = ops[2] = ops[4] = set;
	ops[0].data = (const uint8_t *)"a";
	ops[2].data = (const uint8_t *)"b";
	ops[0].data_length = ops[2].data_length = 1;
	ops[4].verb = STORE_DELETE;
	for (int i = 1; i < 6; i += 2) {
		ops[i] = set;
		ops[i].verb = STORE_GET;
	}
	for (int i = 0; i < 6; i++)
		batch[i] = &ops[i];
	store_prepare(f.worker, batch, 6);
	store_probe(f.worker, batch, 6);
	for (int i = 0; i < 6; i++)
		store_execute(f.worker, batch[i]);
	CU_ASSERT_EQUAL(ops[1].status, STORE_OK);
	CU_ASSERT_EQUAL(ops[1].value[0], 'a');
	CU_ASSERT_EQUAL(ops[3].status, STORE_OK);
	CU_ASSERT_EQUAL(ops[3].value[0], 'b');
	CU_ASSERT_EQUAL(ops[4].status, STORE_OK);
	CU_ASSERT_EQUAL(ops[5].status, STORE_NOT_FOUND);
	fixture_end(&f);
}

/* All of the batch are foreseen with the first version's place; each finds what the one before it left. */
static void
a_batch_on_a_key_that_is_there_finds_each_change(void)
{
	static const char *const script[] = {"G-a", "Sb", "Gb", "Sc", "Sd",
					     "Gd",  "D",  "G",	"Se", "Ge"};
	enum {
		STEPS = sizeof(script) / sizeof(script[0]),
	};
	struct fixture f = fixture_new();
	struct store_op ops[STEPS] = {{.verb = STORE_NONE}}, *batch[STEPS];

	CU_ASSERT_EQUAL(put(&f, STORE_SET, "k", "-a"), STORE_OK);
	for (int i = 0; i < STEPS; i++) {
		const char *text = script[i] + 1;

		ops[i].key = (const uint8_t *)"k";
		ops[i].key_length = 1;
		ops[i].verb = *script[i] == 'S'	  ? STORE_SET
			      : *script[i] == 'G' ? STORE_GET
						  : STORE_DELETE;
		ops[i].data = (const uint8_t *)text;
		ops[i].data_length = *script[i] == 'S' ? (uint32_t)strlen(text) : 0;
		batch[i] = &ops[i];
	}
	store_prepare(f.worker, batch, STEPS);
	store_probe(f.worker, batch, STEPS);
	store_execute_all(f.worker, batch, STEPS);
	for (int i = 0; i < STEPS; i++) {
		const char *text = script[i] + 1;
		bool absent = *script[i] == 'G' && *text == '\0';

		CU_ASSERT_EQUAL(ops[i].status, absent ? STORE_NOT_FOUND : STORE_OK);
		if (*script[i] != 'G' || absent)
			continue;
		CU_ASSERT_EQUAL_FATAL(ops[i].value_length, strlen(text));
		CU_ASSERT_EQUAL(memcmp(ops[i].value, text, strlen(text)), 0);
	}
	fixture_end(&f);
}

static void
no_verb_is_passed_over(void)
{
	struct fixture f = fixture_new();
	struct store_op nothing = {.verb = STORE_NONE, .status = 99}, *batch = &nothing;

	store_prepare(f.worker, &batch, 1);
	store_probe(f.worker, &batch, 1);
	store_execute(f.worker, &nothing);
	CU_ASSERT_EQUAL(nothing.status, 99);
	fixture_end(&f);
}

static void
options_out_of_range_are_refused(void)
{
	struct store_options good = fixture_options(64 << 20), bad;
	struct store *store = NULL;
	struct store_worker *worker, *again;

	bad = good;
	bad.workers = 0;
	CU_ASSERT_EQUAL(store_create(&store, &bad), -EINVAL);
	bad.workers = STORE_WORKERS_MAX + 1;
	CU_ASSERT_EQUAL(store_create(&store, &bad), -EINVAL);
	bad = good;
	bad.shards = 0;
	CU_ASSERT_EQUAL(store_create(&store, &bad), -EINVAL);
	bad.shards = STORE_SHARDS_MAX + 1;
	CU_ASSERT_EQUAL(store_create(&store, &bad), -EINVAL);
	bad = good;
	bad.memory = 1000;
	CU_ASSERT_EQUAL(store_create(&store, &bad), -EINVAL);
	bad = good;
	bad.item_size_max = (16 << 20) + 1;
	CU_ASSERT_EQUAL(store_create(&store, &bad), -EINVAL);
	bad.item_size_max = 16 << 20;
	CU_ASSERT_EQUAL(store_create(&store, &bad), -EINVAL); /* 64 MiB is too little for that */
	CU_ASSERT_PTR_NULL(store);
	CU_ASSERT_EQUAL(store_create(&store, &good), 0);
	CU_ASSERT_EQUAL(store_worker_open(store, 1, &worker), -EINVAL);
	CU_ASSERT_EQUAL(store_worker_open(store, 0, &worker), 0);
	CU_ASSERT_EQUAL(store_worker_open(store, 0, &again), -EBUSY);
	store_worker_close(worker);
	CU_ASSERT_EQUAL(store_worker_open(store, 0, &worker), 0);
	store_worker_close(worker);
	store_destroy(store);
}

SUITE("store verbs", TEST(a_value_comes_back_as_it_was_set), TEST(an_empty_value_is_a_value),
      TEST(the_longest_key_works), TEST(keys_of_every_length_are_told_apart),
      TEST(add_and_replace_look_first), TEST(append_and_prepend_keep_flags_and_expiry),
      TEST(delete_forgets), TEST(a_unique_guards_every_change),
      TEST(a_unique_is_never_used_twice_for_a_key), TEST(touch_keeps_value_and_unique),
      TEST(touch_to_the_past_forgets), TEST(counters_count), TEST(counters_wrap_and_stop),
      TEST(numbers_are_what_strtoull_takes), TEST(a_number_ends_at_a_nul),
      TEST(an_absent_counter_can_be_created), TEST(the_largest_value_fits_and_one_more_does_not),
      TEST(a_batch_is_executed_in_order), TEST(a_batch_on_a_key_that_is_there_finds_each_change),
      TEST(no_verb_is_passed_over), TEST(options_out_of_range_are_refused))
