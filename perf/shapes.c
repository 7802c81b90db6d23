/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/shapes.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	COLUMNS = 14,
	LINE_SIZE = 1024
};

static const char header[] = "name\tmiss_ratio\tcategory\tkey_size\tvalue_size\trate\tmean_freq\t"
			     "one_hit\tcompulsory\tttl\twss\twss_ttl\tops\tzipf";
static const char *const op_names[SHAPE_OPS] = {"get", "gets",	 "set", "add",
						"cas", "delete", "incr"};

/* A number of at least 0, or "-" for NAN. */
static bool
parse_number(const char *text, double *number)
{
	char *end;

	if (strcmp(text, "-") == 0) {
		*number = NAN;
		return true;
	}
	*number = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*number) && *number >= 0;
}

static bool
parse_ttls(char *text, struct shape *shape)
{
	char *rest = text;

	for (char *part; (part = strsep(&rest, ",")) != NULL;) {
		struct shape_ttl *ttl = &shape->ttls[shape->ttl_count];
		char *share = strchr(part, ':');

		if (share == NULL || shape->ttl_count == SHAPE_TTLS_MAX)
			return false;
		*share++ = '\0';
		if (!parse_number(part, &ttl->seconds) || !parse_number(share, &ttl->share) ||
		    !(ttl->seconds > 0) || !(ttl->share > 0 && ttl->share <= 1))
			return false;
		shape->ttl_count++;
	}
	return true;
}

static bool
parse_ops(char *text, struct shape *shape)
{
	char *rest = text;

	for (char *part; (part = strsep(&rest, ",")) != NULL;) {
		char *share = strchr(part, ':');
		int op = 0;

		if (share == NULL)
			return false;
		*share++ = '\0';
		while (op < SHAPE_OPS && strcmp(op_names[op], part) != 0)
			op++;
		if (op == SHAPE_OPS || !parse_number(share, &shape->ops[op]) ||
		    !(shape->ops[op] <= 1))
			return false;
	}
	return true;
}

/* Fills shape from one line, which is cut up. NULL, or the name of the column that is wrong. */
static const char *
parse_row(char *line, struct shape *shape)
{
	char *cell[COLUMNS], *rest = line;
	double category;
	int n = 0;

	memset(shape, 0, sizeof(*shape));
	for (char *part; (part = strsep(&rest, "\t")) != NULL; n++) {
		if (n == COLUMNS)
			return "too many columns";
		cell[n] = part;
	}
	if (n < COLUMNS)
		return "too few columns";
	if (cell[0][0] == '\0' || strlen(cell[0]) >= sizeof(shape->name))
		return "name";
	snprintf(shape->name, sizeof(shape->name), "%s", cell[0]);
	if (!parse_number(cell[1], &shape->miss_ratio) || shape->miss_ratio > 1)
		return "miss_ratio";
	if (!parse_number(cell[2], &category) || !(category >= 1 && category <= 3))
		return "category";
	shape->category = (int)category;
	if (!parse_number(cell[3], &shape->key_size) || !(shape->key_size >= 1))
		return "key_size";
	if (!parse_number(cell[4], &shape->value_size) || isnan(shape->value_size))
		return "value_size";
	if (!parse_number(cell[5], &shape->rate) || !(shape->rate > 0))
		return "rate";
	if (!parse_number(cell[6], &shape->mean_freq) || !(shape->mean_freq >= 1))
		return "mean_freq";
	if (!parse_number(cell[7], &shape->one_hit) || !(shape->one_hit <= 100))
		return "one_hit";
	if (!parse_number(cell[8], &shape->compulsory) || !(shape->compulsory <= 100))
		return "compulsory";
	if (!parse_ttls(cell[9], shape))
		return "ttl";
	if (!parse_number(cell[10], &shape->wss_mb) || !parse_number(cell[11], &shape->wss_ttl_mb))
		return "wss";
	if (!parse_ops(cell[12], shape))
		return "ops";
	if (!parse_number(cell[13], &shape->zipf))
		return "zipf";
	shape->rate *= 1000;
	shape->one_hit /= 100;
	shape->compulsory /= 100;
	return NULL;
}

/* Opens the table where it may lie; fills name with what was opened or tried last. */
static FILE *
table_open(const char *path, char name[PATH_MAX])
{
	static const char *const places[] = {"../perf/shapes.tsv", "../share/jackdaw/shapes.tsv"};
	char program[PATH_MAX];
	ssize_t length;
	FILE *file;

	snprintf(name, PATH_MAX, "%s", path != NULL ? path : "perf/shapes.tsv");
	file = fopen(name, "r");
	if (file != NULL || path != NULL)
		return file;
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length < 0)
		return NULL;
	program[length] = '\0';
	*strrchr(program, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && file == NULL; i++) {
		if (snprintf(name, PATH_MAX, "%s/%s", program, places[i]) < PATH_MAX)
			file = fopen(name, "r");
	}
	return file;
}

static int
table_parse(struct shapes *shapes, FILE *file, const char *name, char error[SHAPES_ERROR_SIZE])
{
	char line[LINE_SIZE];
	unsigned int number = 0;
	bool seen_header = false;

	shapes->count = 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *wrong = NULL;

		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		if (!seen_header)
			wrong = strcmp(line, header) != 0 ? "the heading is not the one known"
							  : NULL;
		else if (shapes->count == SHAPES_MAX)
			wrong = "too many rows";
		else
			wrong = parse_row(line, &shapes->rows[shapes->count++]);
		seen_header = true;
		if (wrong != NULL) {
			snprintf(error, SHAPES_ERROR_SIZE, "%.150s:%u: %s", name, number, wrong);
			return -EINVAL;
		}
	}
	if (shapes->count > 0)
		return 0;
	snprintf(error, SHAPES_ERROR_SIZE, "%.150s: no rows", name);
	return -EINVAL;
}

int
shapes_read(struct shapes *shapes, const char *path, char error[SHAPES_ERROR_SIZE])
{
	char name[PATH_MAX];
	FILE *file = table_open(path, name);
	int rc;

	if (file == NULL) {
		rc = -errno;
		snprintf(error, SHAPES_ERROR_SIZE, "%.150s: %s (name the table of shapes)", name,
			 strerror(-rc));
		return rc;
	}
	rc = table_parse(shapes, file, name, error);
	fclose(file);
	return rc;
}

const struct shape *
shapes_find(const struct shapes *shapes, const char *name)
{
	for (size_t i = 0; i < shapes->count; i++) {
		if (strcmp(shapes->rows[i].name, name) == 0)
			return &shapes->rows[i];
	}
	return NULL;
}
