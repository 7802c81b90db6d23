/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void
load_init_plain(struct load *load, const struct bench_options *options)
{
	const struct workload_options *plain = &options->workload;
	double sum = 0, part = 0;

	switch (options->popularity) {
	case BENCH_UNIFORM:
		popularity_uniform(&load->popularity, plain->keys);
		break;
	case BENCH_ZIPF:
		popularity_zipf(&load->popularity, plain->keys, plain->zipf);
		break;
	case BENCH_HOT_SPOT: {
		uint64_t hot = (uint64_t)((double)plain->keys * options->hot_keys);

		hot = hot == 0 ? 1 : hot;
		popularity_hot_spot(&load->popularity, plain->keys, hot, options->hot_share);
		break;
	}
	}
	for (int op = 0; op < WORKLOAD_OPS; op++)
		sum += plain->ops[op];
	for (int op = 0; op < WORKLOAD_OPS; op++) {
		double limit;

		part += plain->ops[op];
		limit = part / sum * 0x1p32;
		load->op_limits[op] = limit >= UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
	}
	load->only_gets = plain->ops[WORKLOAD_GET] == sum;
	load->key_length = (uint8_t)plain->key_size;
	load->value_least = options->value_least;
	load->value_span = options->value_most - options->value_least + 1;
	load->ttl = options->ttl;
	load->fill = options->fill;
}

static int
load_init_shaped(struct load *load, const struct bench_options *options,
		 char error[BENCH_ERROR_SIZE])
{
	struct workload_options shaped;
	struct shapes shapes;
	char why[SHAPES_ERROR_SIZE];
	const struct shape *shape;
	int status = shapes_read(&shapes, options->shapes[0] == '\0' ? NULL : options->shapes, why);

	if (status != 0) {
		snprintf(error, BENCH_ERROR_SIZE, "--shape: %s", why);
		return status;
	}
	shape = shapes_find(&shapes, options->shape);
	if (shape == NULL) {
		snprintf(error, BENCH_ERROR_SIZE,
			 "--shape %s: no such row in the table; the first is %s", options->shape,
			 shapes.rows[0].name);
		return -EINVAL;
	}
	workload_from_shape(&shaped, shape, options->objects);
	shaped.seed = options->workload.seed;
	status = workload_init(&load->workload, &shaped);
	if (status != 0)
		snprintf(error, BENCH_ERROR_SIZE, "--shape %s: %s", options->shape,
			 strerror(-status));
	load->shaped = status == 0;
	return status;
}

/* What load_write_key puts texts together from. */
static void
load_init_keys(struct load *load)
{
	uint64_t first;

	workload_key(0, WORKLOAD_KEY_MAX, load->key_text);
	memcpy(&first, load->key_text, sizeof(first));
	load->key_rest = le64toh(first) >> 48 << 48;
	for (uint32_t pair = 0; pair < LOAD_PAIRS; pair++) {
		uint8_t text[2];

		workload_key(pair, sizeof(text), text);
		load->key_pairs[pair] = (uint16_t)(text[0] | text[1] << 8);
	}
}

int
load_init(struct load *load, const struct bench_options *options, char error[BENCH_ERROR_SIZE])
{
	memset(load, 0, sizeof(*load));
	random_seed(&load->random, options->workload.seed);
	load_init_keys(load);
	load->item_most = options->transport == BENCH_UDP ? BENCH_UDP_ITEM_MAX : UINT32_MAX;
	if (options->shape[0] != '\0')
		return load_init_shaped(load, options, error);
	load_init_plain(load, options);
	return 0;
}

void
load_release(struct load *load)
{
	if (load->shaped)
		workload_release(&load->workload);
}

void
load_preload(struct load *load)
{
	load->preloading = true;
	load->preload_next = 0;
}

void
load_serve(struct load *load)
{
	load->preloading = false;
}

uint64_t
load_keys(const struct load *load)
{
	return load->shaped ? load->workload.options.keys : load->popularity.n;
}

/* What the transport can't carry in one message is made smaller: still a function of the key. */
static void
load_cut(const struct load *load, struct workload_request *request)
{
	if (request->key_length + request->value_length > load->item_most)
		request->value_length = load->item_most - request->key_length;
}

static bool
load_next_preload(struct load *load, struct workload_request *request)
{
	uint64_t key = load->preload_next;

	if (key == load_keys(load))
		return false;
	load->preload_next++;
	if (load->shaped) {
		workload_preload(&load->workload, key, request);
		request->op = WORKLOAD_SET;
		load_cut(load, request);
		return true;
	}
	*request = (struct workload_request){
		.key = key,
		.ttl = load->ttl,
		.value_length = load_value_length(load, key),
		.key_length = load->key_length,
		.op = WORKLOAD_SET,
	};
	return true;
}

bool
load_next_slow(struct load *load, struct workload_request *request)
{
	if (load->preloading)
		return load_next_preload(load, request);
	if (load->fill_head != load->fill_tail) {
		*request = load->fills[load->fill_head++ % LOAD_FILLS];
		request->fill = false;
		return true;
	}
	workload_next(&load->workload, request);
	load_cut(load, request);
	return true;
}
