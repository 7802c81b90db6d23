/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a shape's facts become a stream. Per request of the production trace: G reads, W writes, and
 * the production miss ratio p.
 *
 *   fills      Caches read through, so a miss is followed by a write: min(W, G p) of the writes are
 *              such fills and left to the caller. Misses beyond the writes were for keys that do
 *              not exist: absences.
 *   births     The share of compulsory misses. Written first as far as writes are left, else read.
 *   tail       The Zipf exponents were fitted to the head; taken for the whole they would leave
 *              most keys with a single request, against the one-hit share that was counted. So each
 *              key that recurs gets TAIL_REQUESTS more on average, spread over its life.
 *   life       How long a key stays in use, of which the table is silent: the longest up to the two
 *              days that the trace spans (the table's working sets are births x size x about two
 *              days) at which an endless cache would miss no more than p. Long lives of rarely
 *              asked keys with a short TTL would miss more than production did.
 *   scale      Ranks and request rate shrink together while the TTLs stay: the share of keys that
 *              expire before they are asked for again is kept.
 */
#include "perf/workload.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double trace_seconds = 2 * 86400;
static const double tail_requests = 2;
static const uint64_t key_once = UINT64_C(1) << 63; /* kinds of key in the top bits */
static const uint64_t key_absent = UINT64_C(1) << 62;
static const double default_zipf = 1.0; /* where no fit is known */

void
workload_defaults(struct workload_options *options)
{
	*options = (struct workload_options){
		.keys = 1000000,
		.key_size = 16,
		.value_size = 32,
		.value_max = 512 << 10,
		.ops[WORKLOAD_GET] = 1,
		.rate = 1e6,
		.seed = 1,
	};
}

/* What workload_from_shape derives step by step; all shares per request of our stream. */
struct model {
	const struct workload_options *options;
	double reads;		 /* absences included */
	double body;		 /* neither birth nor absence */
	double recurring_births; /* a request */
	double rate;		 /* unscaled, requests a second */
	double zipf_sum;	 /* of the unscaled population, for the life looked at */
};

/*
 * Sums f over the ranks 1 .. n by their request rate, at points spaced evenly in log(rank); f gets
 * requests a second of a rank's key.
 */
static double
sum_over_ranks(const struct model *model, double n, double rate, double seconds,
	       double (*f)(double key_rate, double ttl, double life), double life)
{
	const struct workload_options *o = model->options;
	double body_rate = rate * model->body, sum = 0, low = 0.5;
	double weights = zipf_sum((uint64_t)ceil(n), o->zipf);
	int steps = 240;

	for (int i = 1; i <= steps; i++) {
		double high = 0.5 * pow((n + 0.5) / 0.5, (double)i / steps);
		double rank = fmax(sqrt(low * high), 1);
		double p = o->tail / n + (1 - o->tail) * exp(-o->zipf * log(rank)) / weights;

		sum += (high - low) * f(body_rate * p, seconds, life);
		low = high;
	}
	return sum;
}

/* Misses a second of one key by expiry under read-through: renewed after ttl and a wait of 1/rate. */
static double
expiry_misses(double key_rate, double ttl, double life)
{
	return life > ttl && key_rate > 0 ? (life - ttl) / life / (ttl + 1 / key_rate) : 0;
}

/* Probability that a key is alive: asked for (or born) within the last ttl. */
static double
alive(double key_rate, double ttl, double life)
{
	return 1 - exp(-(key_rate + 1 / life) * ttl);
}

/* Share of reads that miss in an endless cache if recurring keys live so long. */
static double
floor_misses(const struct model *model, double life)
{
	const struct workload_options *o = model->options;
	double n = fmax(life * model->recurring_births * model->rate, 1), expired = 0;

	for (unsigned int i = 0; i < o->ttl_count; i++)
		expired +=
			o->ttls[i].share * sum_over_ranks(model, n, model->rate, o->ttls[i].seconds,
							  expiry_misses, life);
	return (o->absent + o->births[0] + expired / model->rate) / model->reads;
}

static double
choose_life(const struct model *model, double miss_ratio)
{
	double shortest = trace_seconds, low, high = trace_seconds;

	for (unsigned int i = 0; i < model->options->ttl_count; i++)
		shortest = fmin(shortest, model->options->ttls[i].seconds);
	if (isnan(miss_ratio) || floor_misses(model, high) <= miss_ratio)
		return high;
	low = shortest;
	for (int i = 0; i < 30; i++) {
		double middle = sqrt(low * high);

		if (floor_misses(model, middle) <= miss_ratio)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Keys alive at a time if the population and the rate are scaled. */
static double
live_keys(const struct model *model, double life, double scale)
{
	const struct workload_options *o = model->options;
	double rate = model->rate * scale, keys = 0;
	double n = fmax(life * model->recurring_births * rate, 1);
	double once = o->one_hit * (o->births[0] + o->births[1]) * rate;

	for (unsigned int i = 0; i < o->ttl_count; i++) {
		double ttl = fmin(o->ttls[i].seconds, trace_seconds);

		keys += o->ttls[i].share *
			(once * ttl + sum_over_ranks(model, n, rate, ttl, alive, life));
	}
	return keys;
}

/* Shares of the table, normalised; fills and absences taken out of reads and writes. */
static void
split_requests(struct workload_options *o, const struct shape *shape, double *reads, double *total)
{
	double share[SHAPE_OPS], sum = 0, writes, miss, fills, births;

	for (int i = 0; i < SHAPE_OPS; i++)
		sum += shape->ops[i];
	for (int i = 0; i < SHAPE_OPS; i++)
		share[i] = shape->ops[i] / sum;
	*reads = share[SHAPE_GET] + share[SHAPE_GETS];
	writes = share[SHAPE_SET] + share[SHAPE_ADD] + share[SHAPE_CAS];
	miss = isnan(shape->miss_ratio) ? 0 : *reads * shape->miss_ratio;
	/* ops below a per cent are not in the table: a few misses without writes are no absences */
	fills = fmin(miss, writes + 0.01);
	*total = 1 - fmin(fills, writes);
	o->absent = (miss - fills) / *total;
	births = shape->compulsory > 0.005 ? shape->compulsory : 1 / shape->mean_freq;
	writes = fmax(writes - fills, 0) / *total;
	births = fmin(births / *total, 0.999 * (*reads / *total - o->absent + writes));
	o->births[1] = fmin(births, writes);
	o->births[0] = births - o->births[1];
	*reads /= *total;
	o->ops[WORKLOAD_GET] = fmax(*reads - o->absent - o->births[0], 0);
	sum = share[SHAPE_SET] + share[SHAPE_ADD] + share[SHAPE_CAS];
	for (int i = SHAPE_SET; i <= SHAPE_CAS && sum > 0; i++)
		o->ops[WORKLOAD_SET + i - SHAPE_SET] = (writes - o->births[1]) * share[i] / sum;
	o->ops[WORKLOAD_DELETE] = share[SHAPE_DELETE] / *total;
	o->ops[WORKLOAD_INCR] = share[SHAPE_INCR] / *total;
}

void
workload_from_shape(struct workload_options *o, const struct shape *shape, uint64_t objects)
{
	struct model model = {.options = o};
	double total, ttl_shares = 0, life, births, low = 1e-9, high = 1;

	workload_defaults(o);
	o->key_size = shape->key_size;
	o->key_spread = 0.25;
	o->value_size = shape->value_size;
	o->value_sigma = 0.5;
	o->zipf = isnan(shape->zipf) ? default_zipf : shape->zipf;
	o->one_hit = shape->one_hit;
	memcpy(o->ttls, shape->ttls, sizeof(o->ttls));
	o->ttl_count = shape->ttl_count;
	for (unsigned int i = 0; i < o->ttl_count; i++)
		ttl_shares += o->ttls[i].share;
	for (unsigned int i = 0; i < o->ttl_count; i++)
		o->ttls[i].share /= ttl_shares;
	split_requests(o, shape, &model.reads, &total);
	births = o->births[0] + o->births[1];
	model.body = 1 - births - o->absent;
	model.recurring_births = (1 - o->one_hit) * births;
	model.rate = shape->rate * total;
	o->tail = fmin(1, tail_requests * model.recurring_births / model.body);
	life = choose_life(&model, shape->miss_ratio);
	if (live_keys(&model, life, high) > (double)objects) {
		for (int i = 0; i < 40; i++) {
			double middle = sqrt(low * high);

			if (live_keys(&model, life, middle) < (double)objects)
				low = middle;
			else
				high = middle;
		}
	}
	o->rate = model.rate * high;
	o->keys = (uint64_t)fmax(life * model.recurring_births * o->rate, 1);
}

/* The standard normal quantile by bisection of erfc: only used to fill tables. */
static double
normal_quantile(double p)
{
	double low = -10, high = 10;

	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (erfc(-middle / M_SQRT2) / 2 < p)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void
fill_tables(struct workload *workload)
{
	const struct workload_options *o = &workload->options;
	unsigned int ttl = 0;
	double reached = o->ttl_count > 0 ? o->ttls[0].share : 0, sum = 0;

	for (int i = 0; i < WORKLOAD_QUANTILES; i++) {
		double p = (i + 0.5) / WORKLOAD_QUANTILES;
		double spread = o->value_sigma * normal_quantile(p);
		double length = o->value_size * exp(spread - o->value_sigma * o->value_sigma / 2);

		if (o->value_size >= 1)
			length = fmax(length, 1);
		workload->value_lengths[i] = (uint32_t)fmin(round(length), o->value_max);
		while (p > reached && ttl + 1 < o->ttl_count)
			reached += o->ttls[++ttl].share;
		workload->ttls[i] =
			o->ttl_count > 0 ? (uint32_t)fmax(round(o->ttls[ttl].seconds), 1) : 0;
	}
	for (int i = 0; i < WORKLOAD_OPS; i++)
		sum += o->ops[i];
	reached = 0;
	for (int i = 0; i < WORKLOAD_OPS; i++) {
		reached += o->ops[i];
		workload->op_limits[i] = sum > 0 ? reached / sum : 1;
	}
}

static bool
is_share(double x)
{
	return x >= 0 && x <= 1;
}

static bool
options_valid(const struct workload_options *o)
{
	double births = o->births[0] + o->births[1];
	bool short_keys = o->key_size * (1 - o->key_spread) < WORKLOAD_KEY_MIN;

	if (o->keys == 0 || o->keys >= key_absent >> 22 || !is_share(o->tail) ||
	    !is_share(o->one_hit) || !is_share(o->key_spread) || !(o->births[0] >= 0) ||
	    !(o->births[1] >= 0) || !(o->absent >= 0) || !(births + o->absent <= 1))
		return false;
	if (!(o->key_size >= 1 && o->key_size * (1 + o->key_spread) <= WORKLOAD_KEY_MAX) ||
	    !(o->value_size >= 0 && o->value_size <= o->value_max) || !(o->value_sigma >= 0) ||
	    !(o->rate > 0) || o->ttl_count > SHAPE_TTLS_MAX)
		return false;
	/* a short key has no room for generations, nor for every rank */
	if (short_keys && o->key_spread == 0)
		return births + o->absent == 0 && log2((double)o->keys) <= 6 * floor(o->key_size);
	for (int i = 0; i < WORKLOAD_OPS; i++) {
		if (!(o->ops[i] >= 0))
			return false;
	}
	return true;
}

static uint64_t
greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

int
workload_init(struct workload *workload, const struct workload_options *options)
{
	int rc;

	if (!options_valid(options))
		return -EINVAL;
	rc = zipf_init(&workload->zipf, options->keys, options->zipf);
	if (rc != 0)
		return rc;
	workload->options = *options;
	workload->generations = calloc(options->keys, sizeof(workload->generations[0]));
	if (workload->generations == NULL)
		return -ENOMEM;
	workload->reborn = workload->once = workload->requests = 0;
	workload->stride = (uint64_t)((double)options->keys * 0.6180339887) | 1;
	while (greatest_common_divisor(workload->stride, options->keys) != 1)
		workload->stride += 2;
	random_seed(&workload->random, options->seed);
	fill_tables(workload);
	return 0;
}

void
workload_release(struct workload *workload)
{
	free(workload->generations);
	workload->generations = NULL;
}

/* Fills in what follows from the key: lengths and expiry. */
static inline void
describe_key(const struct workload *workload, uint64_t key, struct workload_request *request)
{
	const struct workload_options *o = &workload->options;
	uint64_t bits = random_mix(key ^ 0x5851f42d4c957f2du);
	double wide = 2 * (double)(bits >> 40 & 0xffff) / 65535 - 1;
	double length = o->key_size * (1 + o->key_spread * wide) + 0.5;

	if (o->key_spread > 0 && length < WORKLOAD_KEY_MIN)
		length = WORKLOAD_KEY_MIN;
	request->key = key;
	request->key_length = (uint8_t)length;
	request->value_length = workload->value_lengths[bits % WORKLOAD_QUANTILES];
	request->ttl = workload->ttls[bits / WORKLOAD_QUANTILES % WORKLOAD_QUANTILES];
}

static inline uint64_t
rank_key(const struct workload *workload, uint64_t rank)
{
	return (uint64_t)(workload->generations[rank] & 0x3fffff) << 40 | rank;
}

static void
draw_birth(struct workload *workload, bool by_set, struct workload_request *request)
{
	uint64_t key;

	if (random_unit(&workload->random) < workload->options.one_hit) {
		key = key_once | workload->once++;
	} else {
		uint64_t turn = workload->reborn++ % workload->options.keys;
		uint64_t rank = (uint64_t)((unsigned __int128)turn * workload->stride %
					   workload->options.keys);

		workload->generations[rank]++;
		key = rank_key(workload, rank);
	}
	describe_key(workload, key, request);
	request->op = by_set ? WORKLOAD_SET : WORKLOAD_GET;
	request->fill = !by_set;
}

static void
draw_body(struct workload *workload, struct workload_request *request)
{
	const struct workload_options *o = &workload->options;
	uint64_t rank;
	double unit;
	int op = 0;

	if (o->zipf == 0 || (o->tail > 0 && random_unit(&workload->random) < o->tail))
		rank = random_below(&workload->random, o->keys);
	else
		rank = zipf_draw(&workload->zipf, &workload->random) - 1;
	describe_key(workload, rank_key(workload, rank), request);
	unit = random_unit(&workload->random);
	while (op < WORKLOAD_OPS - 1 && unit >= workload->op_limits[op])
		op++;
	request->op = (uint8_t)op;
	request->fill = op == WORKLOAD_GET;
}

void
workload_next(struct workload *workload, struct workload_request *request)
{
	const struct workload_options *o = &workload->options;
	double unit = random_unit(&workload->random);

	workload->requests++;
	if (unit < o->births[0]) {
		draw_birth(workload, false, request);
	} else if ((unit -= o->births[0]) < o->births[1]) {
		draw_birth(workload, true, request);
	} else if (unit - o->births[1] < o->absent) {
		describe_key(workload, key_absent | workload->once++, request);
		request->op = WORKLOAD_GET;
		request->fill = false;
	} else {
		draw_body(workload, request);
	}
}

void
workload_preload(const struct workload *workload, uint64_t rank, struct workload_request *request)
{
	describe_key(workload, rank_key(workload, rank), request);
	request->op = WORKLOAD_SET;
	request->fill = false;
}

void
workload_key(uint64_t key, uint8_t length, uint8_t *text)
{
	static const char digits[64] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (uint8_t i = 0; i < length; i++) {
		text[i] = (uint8_t)digits[key & 63];
		key = i == WORKLOAD_KEY_MIN - 1 ? 0x2545f4914f6cdd1du : key >> 6;
	}
}
