/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The straight way of a SET of a key that is there against the long one. Two stores that are alike are
 * asked the same: one probes ahead, so that its SETs can go the straight way, the other doesn't. What
 * they answer, uniques included, and what they count stays the same to the last byte.
 */
#include "tests/store/fixture.h"

enum {
	OPERATIONS = 200000,
	KEYS = 500,
	VALUE_MAX = 300,
	LARGE = 70000,
	BATCH = 24,
};

struct pair {
	struct fixture probed, unprobed;
	uint64_t clock;
};

struct question {
	struct store_op op;
	char key[24];
};

static uint8_t bytes[LARGE];

static unsigned int
below(unsigned int bound)
{
	return (unsigned int)random() % bound;
}

static int64_t
some_exptime(void)
{
	static const int64_t some[] = {0, 0, 0, 0, 5, 60, 100000, 60 * 60 * 24 * 300, -1,
				       UNIX_TIME - 1, UNIX_TIME + 50,
				       /* more than an item's header has room for */
				       UNIX_TIME + INT64_C(3) * 60 * 60 * 24 * 365};

	return some[below(sizeof(some) / sizeof(some[0]))];
}

/* Mostly plain sets; what is not makes keys come, go, change or carry more than a plain set does. */
static void
question_make(struct question *question)
{
	static const enum store_verb verbs[] = {STORE_ADD, STORE_DELETE, STORE_GET, STORE_APPEND,
						STORE_TOUCH};
	struct store_op *op = &question->op;
	unsigned int kind = below(10);

	*op = (struct store_op){.verb = STORE_SET, .key = (const uint8_t *)question->key};
	op->key_length = (uint8_t)snprintf(question->key, sizeof(question->key), "%0*u",
					   (int)(1 + below(2) * 15), below(KEYS));
	op->data = bytes;
	op->data_length = below(200) == 0 ? LARGE : below(VALUE_MAX);
	op->flags = below(2) == 0 ? 0 : (uint32_t)random();
	op->exptime = some_exptime();
	if (kind >= 8)
		op->verb = (uint8_t)verbs[below(sizeof(verbs) / sizeof(verbs[0]))];
	if (kind == 7) {
		op->options = STORE_NEW_CAS;
		op->new_cas = (uint64_t)random();
	}
}

static void
both_answer_alike(const struct store_op *left, const struct store_op *right)
{
	CU_ASSERT_EQUAL(left->status, right->status);
	CU_ASSERT_EQUAL(left->cas, right->cas);
	CU_ASSERT_EQUAL(left->flags, right->flags);
	CU_ASSERT_EQUAL(left->value_length, right->value_length);
	if (left->verb != STORE_GET) { /* a probed get doesn't say what nobody has asked for */
		CU_ASSERT_EQUAL(left->options, right->options);
		CU_ASSERT_EQUAL(left->ttl, right->ttl);
	} else if (left->status == STORE_OK && left->value_length == right->value_length) {
		CU_ASSERT_EQUAL(memcmp(left->value, right->value, left->value_length), 0);
	}
}

/* Asks both a few questions, of which several may be about one key. */
static void
ask(struct pair *pair)
{
	struct question questions[BATCH];
	struct store_op probed[BATCH], *ops[BATCH];

	for (unsigned int i = 0; i < BATCH; i++) {
		question_make(&questions[i]);
		probed[i] = questions[i].op;
		ops[i] = &probed[i];
	}
	store_prepare(pair->probed.worker, ops, BATCH);
	store_probe(pair->probed.worker, ops, BATCH);
	for (unsigned int i = 0; i < BATCH; i++) {
		struct store_op *unprobed = &questions[i].op;

		store_execute(pair->probed.worker, &probed[i]);
		store_do(pair->unprobed.worker, unprobed);
		both_answer_alike(&probed[i], unprobed);
	}
	store_quiescent(pair->probed.worker);
	store_quiescent(pair->unprobed.worker);
}

/* Time passes, now and then everything is flushed, and both janitors have their turn. */
static void
pass_time(struct pair *pair)
{
	pair->clock += below(3000);
	store_set_clock(pair->probed.store, pair->clock);
	store_set_clock(pair->unprobed.store, pair->clock);
	if (below(20) == 0) {
		store_flush(pair->probed.worker, 0);
		store_flush(pair->unprobed.worker, 0);
	}
	tidy(&pair->probed);
	tidy(&pair->unprobed);
}

static void
both_count_alike(struct pair *pair)
{
	struct store_stats left = stats_of(&pair->probed), right = stats_of(&pair->unprobed);

	left.grace_period_us = right.grace_period_us; /* measured */
#define X(name, help) CU_ASSERT_EQUAL(left.name, right.name);
	STORE_STATS(X)
#undef X
}

static void
probed_and_unprobed_stores_stay_alike(void)
{
	struct pair pair = {.probed = fixture_new(), .unprobed = fixture_new()};

	srandom(71);
	for (unsigned int i = 0; i < LARGE; i++)
		bytes[i] = (uint8_t)random();
	for (unsigned int i = 0; i < OPERATIONS / BATCH; i++) {
		ask(&pair);
		if (i % 100 == 0)
			pass_time(&pair);
		if (i % 1000 == 0)
			both_count_alike(&pair);
	}
	both_count_alike(&pair);
	CU_ASSERT(stats_of(&pair.probed).items > KEYS / 10);
	fixture_end(&pair.probed);
	fixture_end(&pair.unprobed);
}

/* What is found ahead of time may be gone, or another's, when its turn comes. */
static void
changes_after_the_probe_are_seen(void)
{
	struct fixture f = fixture_new();
	struct store_op set = {.verb = STORE_SET,
			       .key = (const uint8_t *)"key",
			       .key_length = 3,
			       .data = (const uint8_t *)"second",
			       .data_length = 6};
	struct store_op *ops[] = {&set};

	put(&f, STORE_SET, "key", "first");
	store_prepare(f.worker, ops, 1);
	store_probe(f.worker, ops, 1);
	CU_ASSERT_EQUAL(plain(&f, STORE_DELETE, "key"), STORE_OK);
	store_execute(f.worker, &set);
	CU_ASSERT_EQUAL(set.status, STORE_OK);
	CU_ASSERT(holds(&f, "key", "second"));
	store_prepare(f.worker, ops, 1);
	store_probe(f.worker, ops, 1);
	put(&f, STORE_SET, "key", "between");
	store_execute(f.worker, &set);
	CU_ASSERT(holds(&f, "key", "second"));
	CU_ASSERT_EQUAL(stats_of(&f).items, 1);
	fixture_end(&f);
}

SUITE("dataplane/store/overwrite", TEST(probed_and_unprobed_stores_stay_alike),
      TEST(changes_after_the_probe_are_seen))
