/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shapes.h - reads the table of production workload shapes (shapes.tsv): what is known of each
 * cluster, and nothing derived from it. workload.h makes requests of them.
 */
#ifndef JACKDAW_PERF_SHAPES_H
#define JACKDAW_PERF_SHAPES_H

#include <stddef.h>

enum {
	SHAPE_TTLS_MAX = 16,
	SHAPES_MAX = 128,
	SHAPES_ERROR_SIZE = 256,
};

enum shape_op {
	SHAPE_GET,
	SHAPE_GETS,
	SHAPE_SET,
	SHAPE_ADD,
	SHAPE_CAS,
	SHAPE_DELETE,
	SHAPE_INCR,
	SHAPE_OPS,
};

struct shape_ttl {
	double seconds;
	double share; /* of the keys; the shares of a shape may add up to less than 1 */
};

/* One row. A fact that the table leaves open is NAN. */
struct shape {
	char name[24];
	double miss_ratio; /* of the production cache */
	int category;	   /* 1 storage, 2 computation, 3 transient */
	double key_size;   /* means, bytes */
	double value_size;
	double rate;	   /* requests a second and instance */
	double mean_freq;  /* requests a key */
	double one_hit;	   /* share of keys asked for once, 0 .. 1 */
	double compulsory; /* share of requests that are a key's first, 0 .. 1 */
	struct shape_ttl ttls[SHAPE_TTLS_MAX];
	unsigned int ttl_count;
	double wss_mb; /* working set without expiry, 0: not told */
	double wss_ttl_mb;
	double ops[SHAPE_OPS]; /* shares */
	double zipf;
};

struct shapes {
	struct shape rows[SHAPES_MAX];
	size_t count;
};

/*
 * Reads the table at path; NULL looks for shapes.tsv in ./perf, and relative to the running program
 * in ../perf and ../share/jackdaw. 0, or -errno (-EINVAL for bad content) with one line in error.
 */
int shapes_read(struct shapes *shapes, const char *path, char error[SHAPES_ERROR_SIZE]);

/* The row of that name, or NULL. */
const struct shape *shapes_find(const struct shapes *shapes, const char *name);

#endif
