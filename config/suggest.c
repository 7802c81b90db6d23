/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean …": the option nearest to what was written. */
#include <ctype.h>
#include <string.h>

#include "config/options.h"

enum {
	WORD_MAX = 40, /* longer words are near to nothing */
	FAR = WORD_MAX,
};

static int
folded(char letter)
{
	return letter == '-' ? '_' : tolower((unsigned char)letter);
}

static unsigned int
least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * How many letters must be put in, left out, exchanged or swapped with their neighbour to make a
 * into b: the optimal string alignment distance (Damerau 1964; Wagner and Fischer 1974).
 */
static unsigned int
distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];

	if (rows > WORD_MAX || columns > WORD_MAX)
		return FAR;
	for (unsigned int i = 0; i <= rows; i++)
		d[i][0] = i;
	for (unsigned int j = 0; j <= columns; j++)
		d[0][j] = j;
	for (unsigned int i = 1; i <= rows; i++) {
		for (unsigned int j = 1; j <= columns; j++) {
			int same = folded(a[i - 1]) == folded(b[j - 1]);

			d[i][j] = least(least(d[i - 1][j] + 1, d[i][j - 1] + 1),
					d[i - 1][j - 1] + !same);
			if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
			    folded(a[i - 2]) == folded(b[j - 1]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[rows][columns];
}

static const char *
last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL ? dot + 1 : path;
}

const struct option *
option_suggest(const struct option *rows, unsigned int count, const char *path)
{
	const char *written = last_part(path);
	unsigned int nearest = 1 + (unsigned int)strlen(written) / 3;
	const struct option *found = NULL;

	for (unsigned int i = 0; i < count; i++) {
		/* Of two equally near, the one in the same mapping is nearer. */
		unsigned int whole = distance(path, rows[i].path);
		unsigned int part = distance(written, last_part(rows[i].path)) + 1;

		if (least(whole, part) < nearest ||
		    (found == NULL && least(whole, part) == nearest)) {
			nearest = least(whole, part);
			found = &rows[i];
		}
	}
	return found;
}
