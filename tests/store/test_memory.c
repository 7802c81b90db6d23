/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What memory the store takes, what it does when that is full, and that it accounts for every byte.
 */
#include <sched.h>
#include <unistd.h>

#include "dataplane/store/item.h"
#include "dataplane/store/lookup.h"
#include "tests/store/fixture.h"
#include "tests/store/threads.h"

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* 0 under ThreadSanitizer, whose own records of every byte are several times what we have. */
static uint64_t
resident_bytes(void)
{
#ifdef __SANITIZE_THREAD__
	return 0;
#else
	unsigned long long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file != NULL && fscanf(file, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	if (file != NULL)
		fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
#endif
}

/* A key and value of number n; the value's length depends on n. */
static enum store_status
set_number(struct fixture *f, uint64_t n, uint32_t length)
{
	static _Thread_local uint8_t value[1 << 20]; /* fillers are threads */

	memcpy(value, &n, sizeof(n));
	return store_number(f, n, value, length, 0);
}

static void
a_full_store_refuses_nothing(void)
{
	struct fixture f = fixture_new();
	struct janitor_thread janitor;
	struct store_stats stats;
	uint64_t refused = 0;

	janitor_thread_start(&janitor, f.store);
	for (uint64_t n = 0; n < 2000000; n++) {
		refused += set_number(&f, n, 32) != STORE_OK;
		if (n % 32 == 0)
			store_quiescent(f.worker);
	}
	janitor_thread_stop(&janitor, f.worker);
	stats = stats_of(&f);
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_EQUAL(stats.out_of_memory, 0);
	CU_ASSERT_EQUAL(stats.evictions + stats.items + stats.index_dropped, 2000000);
	CU_ASSERT(stats.items > 700000); /* 64 MiB, 48 bytes each and what we add */
	CU_ASSERT(run_number(&f, STORE_GET, 1999999) == STORE_OK);
	fixture_end(&f);
}

enum {
	FILLERS = 2,
	FILLER_SETS = 700000,
	FILLER_LEAD = 1024, /* sets, of 48 bytes with what we add */
};

/* A thread that stores new keys as fast as it can. */
struct filler {
	struct store *store;
	struct filler *all; /* [FILLERS] */
	unsigned int index;
	uint64_t refused;
	_Atomic uint64_t done;
	pthread_t thread;
};

/*
 * While one filler lies idle between two quiescent states nothing is freed, and what another may store
 * meanwhile has a limit: a fourth of the reserve where segments that are dead by a quarter are cleaned.
 * So that this doesn't depend on how long it lies idle, who is ahead waits.
 */
static void
filler_wait(const struct filler *filler, struct store_worker *worker, uint64_t done)
{
	for (unsigned int i = 0; i < FILLERS; i++) {
		/* relaxed: only how far it is */
		while (atomic_load_explicit(&filler->all[i].done, memory_order_relaxed) +
			       FILLER_LEAD <
		       done) {
			store_quiescent(worker);
			sched_yield();
		}
	}
}

static void *
filler_run(void *argument)
{
	struct filler *filler = argument;
	struct fixture f = {.store = filler->store};

	if (store_worker_open(f.store, filler->index, &f.worker) != 0)
		abort();
	for (uint64_t n = 0; n < FILLER_SETS; n++) {
		filler->refused += set_number(&f, n * FILLERS + filler->index, 32) != STORE_OK;
		if (n % 32 != 0)
			continue;
		store_quiescent(f.worker);
		atomic_store_explicit(&filler->done, n, memory_order_relaxed); /* see filler_wait */
		filler_wait(filler, f.worker, n);
	}
	atomic_store_explicit(&filler->done, FILLER_SETS, memory_order_relaxed);
	store_worker_close(f.worker);
	return NULL;
}

static void
pin_to_one_cpu(pthread_t thread)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	pthread_setaffinity_np(thread, sizeof(one), &one);
}

/*
 * Two workers store at full speed on the CPU that the janitor is to run on, which may only when
 * nobody else wants to: what is refused then was refused while most of the heap could be evicted.
 */
static void
a_starved_janitor_costs_no_set(bool janitor_runs)
{
	struct store_options options = fixture_options(64 << 20);
	struct sched_param least = {.sched_priority = 0};
	struct filler fillers[FILLERS];
	struct janitor_thread janitor;
	struct store_stats stats;
	struct store *store;
	cpu_set_t before;

	options.workers = FILLERS;
	options.item_size_max = 10000;
	CU_ASSERT_EQUAL_FATAL(store_create(&store, &options), 0);
	pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	pin_to_one_cpu(pthread_self()); /* which the threads inherit */
	if (janitor_runs) {
		janitor_thread_start(&janitor, store);
		pthread_setschedparam(janitor.thread, SCHED_IDLE, &least);
	}
	for (unsigned int i = 0; i < FILLERS; i++)
		fillers[i] = (struct filler){.store = store, .all = fillers, .index = i};
	for (unsigned int i = 0; i < FILLERS; i++) {
		pthread_create(&fillers[i].thread, NULL, filler_run, &fillers[i]);
	}
	for (unsigned int i = 0; i < FILLERS; i++) {
		pthread_join(fillers[i].thread, NULL);
		CU_ASSERT_EQUAL(fillers[i].refused, 0);
	}
	pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
	if (janitor_runs)
		janitor_thread_stop(&janitor, NULL);
	store_read_stats(store, &stats);
	CU_ASSERT_EQUAL(stats.out_of_memory, 0);
	CU_ASSERT_EQUAL(stats.evictions + stats.items + stats.index_dropped, FILLERS * FILLER_SETS);
	store_destroy(store);
}

static void
nothing_is_refused_while_the_janitor_starves(void)
{
	a_starved_janitor_costs_no_set(true);
}

static void
nothing_is_refused_without_a_janitor(void)
{
	a_starved_janitor_costs_no_set(false);
}

/*
 * Everything is read, so a victim's items are copied, and where no segment is free for the copies the
 * writer may not evict for them in turn: it would lose its place in the victim.
 */
static void
copies_do_not_evict_within_eviction(void)
{
	enum {
		SETS = 600000,
		READ = 20, /* sets ago */
	};
	struct store_options options = fixture_options(8 << 20);
	struct fixture f;
	struct store_stats stats;
	uint64_t refused = 0, wrong = 0;

	options.item_size_max = 4096;
	f = fixture_with(&options);
	for (uint64_t n = READ; n < SETS; n++) {
		refused += set_number(&f, n, 32) != STORE_OK;
		if (run_number(&f, STORE_GET, n - READ) == STORE_OK)
			wrong += memcmp(f.op.value, &(uint64_t){n - READ}, 8) != 0;
		if (n % 512 == 0) /* so late that free segments run out */
			store_quiescent(f.worker);
		if (n < SETS / 4 && n % 256 == 0)
			tidy(&f); /* until the index has grown */
	}
	for (uint64_t n = READ; n < SETS; n++)
		if (run_number(&f, STORE_GET, n) == STORE_OK)
			wrong += memcmp(f.op.value, &n, 8) != 0;
	stats = stats_of(&f);
	CU_ASSERT(refused < SETS / 2);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(stats.evictions + stats.items + stats.index_dropped + refused, SETS - READ);
	CU_ASSERT(stats.evictions > 100000);
	fixture_end(&f);
}

/*
 * Everything is read before it is a victim, so copies would take as much as eviction frees: what stores
 * need must be left to them, and some of what was read has to go.
 */
static void
reading_everything_costs_no_set(void)
{
	enum {
		SETS = 1500000,
		READ = 1000, /* sets ago */
	};
	struct fixture f = fixture_new();
	struct store_stats stats;
	uint64_t refused = 0;

	for (uint64_t n = READ; n < SETS; n++) {
		refused += set_number(&f, n, 32) != STORE_OK;
		run_number(&f, STORE_GET, n - READ);
		if (n % 32 == 0)
			store_quiescent(f.worker);
		if (n % 65536 == 0) /* seldom: the worker is to help itself */
			store_janitor(f.store);
	}
	stats = stats_of(&f);
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_EQUAL(stats.evictions + stats.items + stats.index_dropped, SETS - READ);
	CU_ASSERT(stats.items > 500000);
	fixture_end(&f);
}

/* Slab allocators run dry of one size while others have room: this one has no sizes. */
static void
large_values_among_small_ones_are_not_refused(void)
{
	struct store_options options = fixture_options(256 << 20);
	struct fixture f = fixture_with(&options);
	struct janitor_thread janitor;
	uint64_t refused = 0, random = 1;

	janitor_thread_start(&janitor, f.store);
	for (uint64_t n = 0; n < 100000; n++) {
		bool large = next_random(&random) % 100 == 0;

		refused += set_number(&f, n, large ? 1000000 : 100) != STORE_OK;
		if (n % 32 == 0)
			store_quiescent(f.worker);
	}
	janitor_thread_stop(&janitor, f.worker);
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT(stats_of(&f).evictions > 10000);
	fixture_end(&f);
}

/* Every kind of operation, then a count of what there is by asking for it. */
static void
the_books_balance(void)
{
	enum {
#ifdef __SANITIZE_THREAD__ /* one thread: nothing to find but time to lose */
		OPERATIONS = 3000000,
#else
		OPERATIONS = 10000000,
#endif
		KEYS = 400000,
	};
	static const uint8_t verbs[] = {STORE_SET,    STORE_SET,     STORE_SET,	  STORE_GET,
					STORE_GET,    STORE_ADD,     STORE_TOUCH, STORE_REPLACE,
					STORE_APPEND, STORE_PREPEND, STORE_INCR,  STORE_DELETE,
					STORE_DECR,   STORE_GAT};
	struct store_options options = fixture_options(32 << 20);
	struct fixture f;
	struct store_stats stats;
	uint64_t random = 7, found = 0, values = 0, before = resident_bytes();

	options.item_size_max = 10000;
	f = fixture_with(&options);
	for (uint64_t i = 0; i < OPERATIONS; i++) {
		static const uint8_t data[200] = "12345";
		uint64_t key = next_random(&random) % KEYS;
		uint8_t verb = verbs[next_random(&random) % sizeof(verbs)];
		uint32_t length = (uint32_t)(next_random(&random) % 200);

		f.op = (struct store_op){
			.verb = verb,
			.key = (const uint8_t *)&key,
			.key_length = sizeof(key),
			.data = data,
			.data_length = verb == STORE_APPEND || verb == STORE_PREPEND ? 3 : length,
			.flags = key % 3 == 0 ? 5 : 0,
			.exptime = key % 5 == 0 ? (int64_t)(i / 10000 + 1) : 0,
			.delta = 1,
		};
		store_do(f.worker, &f.op);
		if (i % 64 == 0) {
			store_set_clock(f.store, i / 10);
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	tidy(&f);
	stats = stats_of(&f);
	CU_ASSERT(stats.evictions > 0);
	CU_ASSERT(stats.expired > 0);
	CU_ASSERT(stats.memory_used <= stats.memory_limit);
	CU_ASSERT(resident_bytes() - before < options.memory + options.memory / 33);
	CU_ASSERT_EQUAL(stats.bytes_keys, stats.items * sizeof(uint64_t));
	for (uint64_t key = 0; key < KEYS; key++) {
		if (run_number(&f, STORE_GET, key) != STORE_OK)
			continue;
		found++;
		values += f.op.value_length;
	}
	/* what expired, but lies among what lives, counts as an item until its segment goes */
	CU_ASSERT(found <= stats.items && found > stats.items / 2);
	CU_ASSERT(values <= stats.bytes_values);
	for (uint64_t key = 0; key < KEYS; key++)
		run_number(&f, STORE_DELETE, key);
	stats = stats_of(&f);
	CU_ASSERT_EQUAL(stats.items, 0);
	CU_ASSERT_EQUAL(stats.bytes_keys, 0);
	CU_ASSERT_EQUAL(stats.bytes_values, 0);
	CU_ASSERT_EQUAL(stats.bytes_headers, 0);
	store_flush(f.worker, 0);
	store_worker_close(f.worker); /* which seals what it has open */
	while (store_janitor(f.store))
		;
	stats = stats_of(&f);
	CU_ASSERT(stats.bytes_dead <= stats.segments_open * (options.memory / stats.segments));
	CU_ASSERT_EQUAL(stats.bytes_slack, 0);
	CU_ASSERT_EQUAL(stats.segments_sealed, 0);
	CU_ASSERT_EQUAL(stats.segments_retired, 0);
	CU_ASSERT(stats.segments_open <= 4); /* the janitor's own */
	CU_ASSERT_EQUAL(stats.segments,
			stats.segments_free + stats.segments_open + stats.segments_index);
	CU_ASSERT_EQUAL(stats.chain_2, 0);
	store_destroy(f.store);
}

/* What was read stays, what was not goes; and a key that comes back soon is remembered. */
static void
what_is_read_stays(void)
{
	enum {
		HOT = 20000,
		COLD = 2000000,
	};
	struct store_options options = fixture_options(32 << 20);
	struct fixture f;
	uint64_t hits = 0;

	options.item_size_max = 10000;
	f = fixture_with(&options);
	for (uint64_t n = 0; n < COLD; n++) {
		if (n < HOT)
			set_number(&f, n, 100);
		else
			run_number(&f, STORE_GET, n % HOT);
		set_number(&f, HOT + n, 100);
		if (n % 16 == 0) {
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	for (uint64_t n = 0; n < HOT; n++)
		hits += run_number(&f, STORE_GET, n) == STORE_OK;
	CU_ASSERT(hits > HOT * 95 / 100);
	CU_ASSERT(stats_of(&f).evicted_unfetched > COLD / 2);
	fixture_end(&f);
}

/* Few keys that are overwritten for ever fill the log with dead versions: cleaned, not evicted. */
static void
overwriting_evicts_nothing(void)
{
	enum {
		KEYS = 100000,
	};
	struct store_options options = fixture_options(32 << 20);
	struct fixture f;
	uint64_t random = 3, hits = 0;

	options.item_size_max = 10000;
	f = fixture_with(&options);
	for (uint64_t n = 0; n < KEYS; n++) {
		set_number(&f, n, 100);
		if (n % 1024 == 0)
			store_janitor(f.store);
	}
	for (uint64_t n = 0; n < 3000000; n++) {
		/* three quarters of the writes go to a quarter of the keys */
		uint64_t key = next_random(&random) % KEYS;

		CU_ASSERT_EQUAL(set_number(&f, n % 4 != 0 ? key / 4 : key, 100), STORE_OK);
		if (n % 16 == 0) {
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	for (uint64_t n = 0; n < KEYS; n++)
		hits += run_number(&f, STORE_GET, n) == STORE_OK;
	CU_ASSERT_EQUAL(hits, KEYS);
	CU_ASSERT_EQUAL(stats_of(&f).evictions, 0);
	/* nobody was told their uniques: the copies keep none */
	CU_ASSERT_EQUAL(stats_of(&f).bytes_headers, stats_of(&f).items * sizeof(struct item));
	fixture_end(&f);
}

/* The ways by which a client is told a unique. */
enum {
	TOLD_BY_SET,
	TOLD_BY_OVERWRITE,
	TOLD_BY_ADD,
	TOLD_BY_GET,
	TOLD_BY_QUIET_GET,
	TOLD_BY_GAT,
	TOLD_BY_CREATING_GET,
	TOLD_BY_LOOKUP,
	TOLD_BY_COUNTING,
	TOLD_WAYS
};

static uint64_t
told_by_lookup(struct fixture *f, uint64_t n)
{
	struct store_lookup lookup = {.key = (const uint8_t *)&n, .key_length = sizeof(n)};

	store_lookup_prepare(f->worker, &lookup, 1);
	store_lookup_probe(f->worker, &lookup, 1);
	CU_ASSERT_EQUAL_FATAL(store_lookup_finish(f->worker, &lookup, 1), 1);
	return lookup.cas;
}

static uint64_t
told_unique(struct fixture *f, uint64_t way)
{
	static const struct {
		uint8_t verb;
		uint32_t options;
	} telling[TOLD_WAYS] = {
		[TOLD_BY_SET] = {STORE_SET, 0},
		[TOLD_BY_OVERWRITE] = {STORE_SET, 0},
		[TOLD_BY_ADD] = {STORE_ADD, 0},
		[TOLD_BY_GET] = {STORE_GET, 0},
		[TOLD_BY_QUIET_GET] = {STORE_GET, STORE_NO_BUMP},
		[TOLD_BY_GAT] = {STORE_GAT, 0},
		[TOLD_BY_CREATING_GET] = {STORE_GET, STORE_CREATE},
		[TOLD_BY_COUNTING] = {STORE_INCR, 0},
	};
	uint64_t key = way;

	if (way != TOLD_BY_SET && way != TOLD_BY_ADD)
		set_number(f, key, 100);
	if (way == TOLD_BY_COUNTING) {
		f->op.key = (const uint8_t *)&key;
		f->op.data = (const uint8_t *)"12";
		f->op.data_length = 2;
		store_do(f->worker, &f->op);
	}
	if (way == TOLD_BY_LOOKUP)
		return told_by_lookup(f, key);
	f->op = (struct store_op){
		.verb = telling[way].verb,
		.key = (const uint8_t *)&key,
		.key_length = sizeof(key),
		.data = (const uint8_t *)"told",
		.data_length = 4,
		.delta = 1,
		.options = telling[way].options | STORE_KEEP_CAS,
	};
	store_do(f->worker, &f->op);
	CU_ASSERT_EQUAL(f->op.status, STORE_OK);
	return f->op.cas;
}

static void
a_copy_keeps_a_unique_that_was_told(void)
{
	struct store_options options = fixture_options(32 << 20);
	struct fixture f;
	uint64_t unique[TOLD_WAYS], headers;

	options.item_size_max = 10000;
	f = fixture_with(&options);
	for (uint64_t way = 0; way < TOLD_WAYS; way++)
		unique[way] = told_unique(&f, way);
	for (uint64_t n = TOLD_WAYS; n < 1000000; n++) {
		run_number(&f, STORE_GET, n % TOLD_WAYS);
		set_number(&f, n, 100);
		if (n % 16 == 0) {
			store_quiescent(f.worker);
			store_janitor(f.store);
		}
	}
	headers = stats_of(&f).items * sizeof(struct item) + TOLD_WAYS * sizeof(uint64_t);
	CU_ASSERT_EQUAL(stats_of(&f).bytes_headers, headers);
	for (uint64_t way = 0; way < TOLD_WAYS; way++) {
		CU_ASSERT_EQUAL(run_number(&f, STORE_GET, way), STORE_OK);
		CU_ASSERT_EQUAL(f.op.cas, unique[way]);
	}
	fixture_end(&f);
}

SUITE("store memory", TEST(a_full_store_refuses_nothing),
      TEST(nothing_is_refused_while_the_janitor_starves),
      TEST(nothing_is_refused_without_a_janitor), TEST(copies_do_not_evict_within_eviction),
      TEST(reading_everything_costs_no_set), TEST(large_values_among_small_ones_are_not_refused),
      TEST(the_books_balance), TEST(what_is_read_stays), TEST(overwriting_evicts_nothing),
      TEST(a_copy_keeps_a_unique_that_was_told))
