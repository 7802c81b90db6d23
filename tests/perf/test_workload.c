/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of requests: the shapes' table, Zipf's law, keys, and the facts that a stream keeps to. */
#include "tests/suite.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/sim_table.h"
#include "perf/workload.h"

static const char heading[] = "name\tmiss_ratio\tcategory\tkey_size\tvalue_size\trate\tmean_freq\t"
			      "one_hit\tcompulsory\tttl\twss\twss_ttl\tops\tzipf\n";
static const char good_row[] = "a\t0.1\t2\t44\t300\t1.5\t10\t5\t10\t60:0.4,3600:0.6\t0\t0\t"
			       "get:0.9,set:0.1\t1.1\n";

/* Reads a table of the given text. */
static int
read_text(const char *text, struct shapes *shapes, char error[SHAPES_ERROR_SIZE])
{
	char path[] = "/tmp/shapes-XXXXXX";
	int fd = mkstemp(path), rc;

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FATAL(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	rc = shapes_read(shapes, path, error);
	unlink(path);
	return rc;
}

static void
shapes_hold_the_facts(void)
{
	static struct shapes shapes;
	char text[1024], error[SHAPES_ERROR_SIZE];
	const struct shape *shape;

	snprintf(text, sizeof(text), "# words\n%s%s", heading, good_row);
	CU_ASSERT_EQUAL_FATAL(read_text(text, &shapes, error), 0);
	CU_ASSERT_EQUAL(shapes.count, 1);
	CU_ASSERT_PTR_NULL(shapes_find(&shapes, "b"));
	shape = shapes_find(&shapes, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(shape);
	CU_ASSERT_DOUBLE_EQUAL(shape->rate, 1500, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(shape->one_hit, 0.05, 1e-9);
	CU_ASSERT_EQUAL(shape->ttl_count, 2);
	CU_ASSERT_DOUBLE_EQUAL(shape->ttls[1].seconds, 3600, 0);
	CU_ASSERT_DOUBLE_EQUAL(shape->ops[SHAPE_SET], 0.1, 1e-9);
}

static void
shapes_refuse_what_is_wrong(void)
{
	static const struct {
		const char *from, *to, *named;
	} wrong[] = {
		{"0.1\t2", "1.5\t2", "miss_ratio"},
		{"\t44", "\t-3", "key_size"},
		{"60:0.4", "60", "ttl"},
		{"get:", "got:", "ops"},
		{"\t1.1\n", "\tx\n", "zipf"},
		{"\t1.1\n", "\n", "columns"},
		{"\t1.1\n", "\t1\t1\n", "columns"},
		{"a\t", "\t", "name"},
	};
	static struct shapes shapes;
	char error[SHAPES_ERROR_SIZE];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[1024];
		const char *at = strstr(good_row, wrong[i].from);

		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		snprintf(text, sizeof(text), "%s%.*s%s%s", heading, (int)(at - good_row), good_row,
			 wrong[i].to, at + strlen(wrong[i].from));
		CU_ASSERT_EQUAL(read_text(text, &shapes, error), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(error, wrong[i].named));
		CU_ASSERT_PTR_NOT_NULL(strstr(error, ":2:"));
	}
	CU_ASSERT_EQUAL(read_text("", &shapes, error), -EINVAL);
	CU_ASSERT_EQUAL(read_text("name\tsize\n", &shapes, error), -EINVAL);
	CU_ASSERT_EQUAL(shapes_read(&shapes, "/nowhere/at/all", error), -ENOENT);
}

/* Every rank's frequency lies within five standard deviations of what the law wants. */
static void
zipf_follows_the_law(void)
{
	static const double exponents[] = {0, 0.5, 0.99, 1, 1.3, 2.5};
	enum {
		N = 20,
		DRAWS = 400000
	};

	for (size_t e = 0; e < sizeof(exponents) / sizeof(exponents[0]); e++) {
		double counts[N + 1] = {0}, sum = zipf_sum(N, exponents[e]);
		struct random random;
		struct zipf zipf;

		random_seed(&random, e);
		CU_ASSERT_EQUAL_FATAL(zipf_init(&zipf, N, exponents[e]), 0);
		for (int i = 0; i < DRAWS; i++) {
			uint64_t rank = zipf_draw(&zipf, &random);

			CU_ASSERT_FATAL(rank >= 1 && rank <= N);
			counts[rank]++;
		}
		for (int rank = 1; rank <= N; rank++) {
			double p = pow(rank, -exponents[e]) / sum;

			CU_ASSERT(fabs(counts[rank] - DRAWS * p) <
				  5 * sqrt(DRAWS * p * (1 - p)) + 1);
		}
	}
}

static void
zipf_takes_one_rank_and_refuses_none(void)
{
	struct random random;
	struct zipf zipf;

	random_seed(&random, 1);
	CU_ASSERT_EQUAL_FATAL(zipf_init(&zipf, 1, 0.99), 0);
	CU_ASSERT_EQUAL(zipf_draw(&zipf, &random), 1);
	CU_ASSERT_EQUAL(zipf_init(&zipf, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(zipf_init(&zipf, 10, -1), -EINVAL);
	CU_ASSERT_EQUAL(zipf_init(&zipf, 10, NAN), -EINVAL);
}

/* The sum that the generator needs for large n is approximated: check it against the plain one. */
static void
zipf_sum_is_close(void)
{
	double plain = 0;

	for (int i = 1; i <= 100000; i++)
		plain += pow(i, -0.8);
	CU_ASSERT_DOUBLE_EQUAL(zipf_sum(100000, 0.8) / plain, 1, 1e-6);
}

static void
keys_are_distinct_and_plain(void)
{
	uint8_t a[WORKLOAD_KEY_MAX], b[WORKLOAD_KEY_MAX];
	static const uint64_t keys[] = {0, 1, 63, 64, 1ull << 40, 1ull << 62, 1ull << 63, ~0ull};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		workload_key(keys[i], WORKLOAD_KEY_MAX, a);
		for (int k = 0; k < WORKLOAD_KEY_MAX; k++)
			CU_ASSERT(a[k] > ' ' && a[k] < 127);
		for (size_t j = 0; j < i; j++) {
			workload_key(keys[j], WORKLOAD_KEY_MIN, b);
			CU_ASSERT(memcmp(a, b, WORKLOAD_KEY_MIN) != 0);
		}
	}
}

/* A stream of a shape without fills and absences has the table's births, sizes and operations. */
static void
streams_keep_to_the_shape(void)
{
	enum {
		REQUESTS = 400000
	};
	struct shape shape = {.name = "x",
			      .miss_ratio = 0,
			      .key_size = 40,
			      .value_size = 300,
			      .rate = 1000,
			      .mean_freq = 5,
			      .one_hit = 0.3,
			      .compulsory = 0.2,
			      .ttls = {{3600, 1}},
			      .ttl_count = 1,
			      .ops = {[SHAPE_GET] = 0.5, [SHAPE_SET] = 0.5},
			      .zipf = 0.9};
	double keys = 0, values = 0, sets = 0, firsts = 0, once = 0;
	struct workload_options options;
	struct workload_request r;
	struct workload workload;
	struct sim_table seen;

	workload_from_shape(&options, &shape, 20000);
	CU_ASSERT_EQUAL_FATAL(workload_init(&workload, &options), 0);
	sim_table_init(&seen);
	for (int i = 0; i < REQUESTS; i++) {
		workload_next(&workload, &r);
		keys += r.key_length;
		values += r.value_length;
		sets += r.op == WORKLOAD_SET;
		CU_ASSERT_EQUAL(r.ttl, 3600);
		if (sim_table_find(&seen, r.key) == SIM_NONE) {
			firsts++;
			once++;
			sim_table_set(&seen, r.key, 1);
		} else if (sim_table_find(&seen, r.key) == 1) {
			once--;
			sim_table_set(&seen, r.key, 2);
		}
	}
	CU_ASSERT_DOUBLE_EQUAL(keys / REQUESTS, 40, 1);
	CU_ASSERT_DOUBLE_EQUAL(values / REQUESTS, 300, 15);
	CU_ASSERT_DOUBLE_EQUAL(sets / REQUESTS, 0.5, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(firsts / REQUESTS, 0.2, 0.04);
	/* some recurring keys have not come again yet */
	CU_ASSERT(once / firsts > 0.3 && once / firsts < 0.6);
	workload_release(&workload);
	sim_table_release(&seen);
}

static void
streams_repeat_with_their_seed(void)
{
	struct workload_options options;
	struct workload a, b;

	workload_defaults(&options);
	options.zipf = 0.99;
	CU_ASSERT_EQUAL_FATAL(workload_init(&a, &options), 0);
	CU_ASSERT_EQUAL_FATAL(workload_init(&b, &options), 0);
	for (int i = 0; i < 10000; i++) {
		struct workload_request x, y;

		workload_next(&a, &x);
		workload_next(&b, &y);
		CU_ASSERT_EQUAL(x.key, y.key);
		CU_ASSERT_EQUAL(x.op, y.op);
		CU_ASSERT(x.key < options.keys);
	}
	workload_release(&a);
	workload_release(&b);
}

static void
streams_refuse_nonsense(void)
{
	struct workload_options options;
	struct workload workload;

#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		workload_defaults(&options);                                                       \
		options.field = (value);                                                           \
		CU_ASSERT_EQUAL(workload_init(&workload, &options), -EINVAL);                      \
	} while (0)
	REFUSED(keys, 0);
	REFUSED(zipf, -1);
	REFUSED(tail, 1.5);
	REFUSED(births[0], 2);
	REFUSED(births[1], NAN);
	REFUSED(key_size, 300);
	REFUSED(key_size, 2); /* a million keys do not fit in two characters */
	REFUSED(value_size, 1e9);
	REFUSED(rate, 0);
	REFUSED(ops[WORKLOAD_SET], -1);
#undef REFUSED
}

SUITE("workloads", TEST(shapes_hold_the_facts), TEST(shapes_refuse_what_is_wrong),
      TEST(zipf_follows_the_law), TEST(zipf_takes_one_rank_and_refuses_none),
      TEST(zipf_sum_is_close), TEST(keys_are_distinct_and_plain), TEST(streams_keep_to_the_shape),
      TEST(streams_repeat_with_their_seed), TEST(streams_refuse_nonsense))
